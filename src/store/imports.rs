//! Imports of replica files: which were accepted, and how far each is.

use serde::Deserialize;

use super::{
    Batch, Key, Page, PageOf, ReplicaChange, State, StoreFault, form, replicas::replica_key,
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

    /// Makes prepared changes and notes them with their import, all or none. Returns the import as it is then.
    ///
    /// # Errors
    /// `Conflict` when one of the replicas was changed since they were prepared.
    pub async fn make_changes(
        &self,
        institution: InstitutionCode,
        before: &ReplicaImport,
        prepared: PreparedChanges,
    ) -> Result<ReplicaImport, StoreFault> {
        let mut after = before.clone();
        after.applied += prepared.changes;
        after.registered += prepared.registered;
        after.replaced += prepared.replaced;
        after.deleted += prepared.deleted;
        let mut batch = prepared.batch;
        batch.put_value(import(institution, before.number), &after)?;
        self.engine.write(batch).await?;
        Ok(after)
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
