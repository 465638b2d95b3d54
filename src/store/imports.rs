//! Imports of replica files: which were accepted, and how far each is.

use serde::Deserialize;

use super::{
    Batch, HandedOver, Key, Page, PageOf, ReplicaChange, State, StoreFault, form,
    replicas::replica_key,
};
use crate::domain::{
    codes::{AddresseeNumber, InstitutionCode, SpecificInfoCode},
    replica::{Replica, ReplicaName},
    replica_import::ReplicaImport,
    words::{LayoutVersion, RecordKey},
};

fn imports(institution: InstitutionCode) -> Key {
    Key::new("replica-import").text(institution.as_str())
}

/// Newest first, so that a scan in key order lists them so.
pub(super) fn import(institution: InstitutionCode, number: u64) -> Key {
    imports(institution).number(u64::MAX - number)
}

fn taken_file(institution: InstitutionCode, digest: &str) -> Key {
    Key::new("replica-file")
        .text(institution.as_str())
        .text(digest)
}

/// Changes that wait to be made together.
#[derive(Default)]
pub struct PreparedChanges {
    batch: Batch,
    changes: u64,
    registered: u64,
    replaced: u64,
    deleted: u64,
}

/// What tells a replica from others; the rest is passed over.
#[derive(Deserialize)]
struct Named {
    addressee: AddresseeNumber,
    specific_info: SpecificInfoCode,
    record_key: RecordKey,
    layout_version: LayoutVersion,
}

impl State {
    /// Keeps an accepted import and remembers its file.
    ///
    /// # Errors
    /// `Conflict` when the number was given before.
    pub async fn accept_import(
        &self,
        institution: InstitutionCode,
        accepted: &ReplicaImport,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        let key = import(institution, accepted.number);
        batch.expect_absent(key.clone());
        batch.put_value(key, accepted)?;
        let file = taken_file(institution, &accepted.digest);
        batch.put_value(file, &accepted.number)?;
        self.engine.write(batch).await
    }

    /// Prepares the next changes of an import.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn prepare_changes(
        &self,
        institution: InstitutionCode,
        changes: &[ReplicaChange],
    ) -> Result<PreparedChanges, StoreFault> {
        let mut prepared = PreparedChanges::default();
        for change in changes {
            prepared.changes += 1;
            match change {
                ReplicaChange::Register(replica) => {
                    if self.put_replica(institution, &mut prepared.batch, replica)? {
                        prepared.registered += 1;
                    } else {
                        prepared.replaced += 1;
                    }
                }
                ReplicaChange::Delete(name) => {
                    let key = replica_key(institution, name);
                    if let Some((version, _)) = self.engine.read_versioned(&key)? {
                        prepared.batch.expect(key.clone(), version);
                        prepared.batch.remove(key);
                        prepared.deleted += 1;
                    }
                }
            }
        }
        Ok(prepared)
    }

    /// Hands prepared changes over together with their note in the import, all or none. Returns the import as it is then.
    ///
    /// # Errors
    /// When they cannot be handed over. `HandedOver::durable` gives `Conflict` when one of the replicas was changed since they
    /// were prepared, or when `before` is not durable yet and does not become so.
    pub async fn hand_over_changes(
        &self,
        institution: InstitutionCode,
        (before, is_durable): (&ReplicaImport, bool),
        prepared: PreparedChanges,
    ) -> Result<(ReplicaImport, HandedOver), StoreFault> {
        let mut after = before.clone();
        after.applied += prepared.changes;
        after.registered += prepared.registered;
        after.replaced += prepared.replaced;
        after.deleted += prepared.deleted;
        let mut batch = prepared.batch;
        let key = import(institution, before.number);
        if !is_durable {
            batch.expect(key.clone(), form::encode(before)?);
        }
        batch.put_value(key, &after)?;
        let handed_over = self.engine.hand_over(batch).await?;
        Ok((after, handed_over))
    }

    /// The newest import, for the next one's number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_import(&self, institution: InstitutionCode) -> Result<u64, StoreFault> {
        let newest = self.imports(institution, &Page::first(1))?.rows;
        Ok(newest.first().map_or(0, |import| import.number))
    }

    /// The imports of an institution, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn imports(
        &self,
        institution: InstitutionCode,
        page: &Page,
    ) -> Result<PageOf<ReplicaImport>, StoreFault> {
        self.page(&imports(institution), page)
    }

    /// The imports that are not finished, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unfinished_imports(
        &self,
        institution: InstitutionCode,
    ) -> Result<Vec<ReplicaImport>, StoreFault> {
        let mut found = self.all::<ReplicaImport>(&imports(institution))?;
        found.retain(|import| !import.is_finished());
        found.reverse();
        Ok(found)
    }

    /// The import that took over a file with this digest last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn import_of_file(
        &self,
        institution: InstitutionCode,
        digest: &str,
    ) -> Result<Option<u64>, StoreFault> {
        self.engine.read_value(&taken_file(institution, digest))
    }

    /// Whether there is a replica of this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_replica(
        &self,
        institution: InstitutionCode,
        name: &ReplicaName,
    ) -> Result<bool, StoreFault> {
        Ok(self.replica_row(institution, name)?.is_some())
    }

    /// Shows the names of all replicas that follow one version of a layout, in their order. No file may be accepted meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read, or `show` fails.
    pub fn each_replica_name(
        &self,
        institution: InstitutionCode,
        (info, version): (SpecificInfoCode, &LayoutVersion),
        mut show: impl FnMut(AddresseeNumber, RecordKey) -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        self.each_row(institution, info, |named, _| {
            if named.layout_version == *version {
                show(named.addressee, named.record_key)?;
            }
            Ok(true)
        })
    }

    /// Shows all replicas of a specific information, in the order of their names, until `show` says false. No file
    /// may be accepted meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read, or `show` fails.
    pub fn each_replica(
        &self,
        institution: InstitutionCode,
        info: SpecificInfoCode,
        mut show: impl FnMut(Replica) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        self.each_row(institution, info, |_, row| {
            show(form::decode::<Replica>(row)?)
        })
    }

    fn each_row(
        &self,
        institution: InstitutionCode,
        info: SpecificInfoCode,
        mut show: impl FnMut(Named, &[u8]) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        self.each_replica_row(institution, |row| {
            let named: Named = form::decode(row)?;
            Ok(named.specific_info != info || show(named, row)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::replica_file::Extent, store::EncodedReplica};

    fn accepted() -> ReplicaImport {
        ReplicaImport {
            number: 1,
            specific_info: "TM90000000000001".parse().unwrap(),
            layout_version: "2024.04".parse().unwrap(),
            extent: Extent::Differential,
            digest: "00".into(),
            rows: 3,
            left_out: 0,
            accepted_at: jiff::Timestamp::UNIX_EPOCH,
            changes: 3,
            applied: 0,
            registered: 0,
            replaced: 0,
            deleted: 0,
        }
    }

    fn registration(record_key: &str) -> [ReplicaChange; 1] {
        [ReplicaChange::Register(EncodedReplica {
            name: name(record_key),
            body: b"{\"sound\":true".to_vec(),
        })]
    }

    fn name(record_key: &str) -> ReplicaName {
        ReplicaName {
            addressee: "000000000000001".parse().unwrap(),
            specific_info: accepted().specific_info,
            record_key: record_key.parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn changes_that_rest_on_changes_that_were_not_made_are_not_made_either() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&dir.path().join("state"), 1 << 20).unwrap();
        let code = "0220113112101700".parse().unwrap();
        let begun = accepted();
        state.accept_import(code, &begun).await.unwrap();
        let prepare = |key: &str| state.prepare_changes(code, &registration(key)).unwrap();
        let hand_over = async |before: &ReplicaImport, is_durable, prepared| {
            let handed = state.hand_over_changes(code, (before, is_durable), prepared);
            handed.await.unwrap()
        };
        let (other, first, second) = (prepare("K1"), prepare("K1"), prepare("K2"));
        let (after_other, made) = hand_over(&begun, true, other).await;
        made.durable().await.unwrap();
        // Prepared before K1 was there, as if somebody had registered it meanwhile.
        let (after_first, first) = hand_over(&after_other, true, first).await;
        let (_, second) = hand_over(&after_first, false, second).await;
        for handed_over in [first, second] {
            let refused = handed_over.durable().await;
            assert!(matches!(refused, Err(StoreFault::Conflict { .. })));
        }
        assert!(!state.has_replica(code, &name("K2")).unwrap());
        let imports = state.imports(code, &Page::first(1)).unwrap();
        assert_eq!(imports.rows.first(), Some(&after_other));
        // Of those that come after one another all are made.
        let (second, third) = (prepare("K2"), prepare("K3"));
        let (after_second, second) = hand_over(&after_other, true, second).await;
        let (after_third, third) = hand_over(&after_second, false, third).await;
        second.durable().await.unwrap();
        third.durable().await.unwrap();
        assert!(after_third.is_finished());
        assert!(state.has_replica(code, &name("K3")).unwrap());
    }
}
