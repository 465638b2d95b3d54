//! 情報提供データベース: the replicas of an institution.

use super::{
    Batch, EncodedReplica, Key, Page, PageOf, State, StoreFault, encoded_replica::revision_of,
    form::decode,
};
use crate::domain::{
    codes::{AddresseeNumber, InstitutionCode, SpecificInfoCode},
    replica::{Replica, ReplicaName},
};

pub(super) fn institution_replicas(institution: InstitutionCode) -> Key {
    Key::new("replica").text(institution.as_str())
}

pub(super) fn of_person(institution: InstitutionCode, person: AddresseeNumber) -> Key {
    institution_replicas(institution).text(person.as_str())
}

pub(super) fn replica_key(institution: InstitutionCode, name: &ReplicaName) -> Key {
    of_person(institution, name.addressee)
        .text(name.specific_info.as_str())
        .text(name.record_key.as_str())
}

impl State {
    /// Registers replicas, all or none, each as the next revision of what is there. Returns how many were new. Waits while a
    /// file that names one of them is being taken over.
    ///
    /// # Errors
    /// `Conflict` when one of them is being changed at the same moment.
    pub async fn register_replicas(
        &self,
        institution: InstitutionCode,
        replicas: Vec<Replica>,
    ) -> Result<usize, StoreFault> {
        let names: Vec<_> = replicas.iter().map(ReplicaName::of).collect();
        let mut batch = Batch::new();
        batch.expect_absent(self.undisturbed(institution, &names).await?);
        let mut new = 0;
        for next in replicas {
            let next = EncodedReplica::of(&next)?;
            new += usize::from(self.put_replica(institution, &mut batch, &next)?);
        }
        self.engine.write(batch).await?;
        Ok(new)
    }

    /// Adds a replica to a batch as the next revision of what is there. Whether it is new.
    pub(super) fn put_replica(
        &self,
        institution: InstitutionCode,
        batch: &mut Batch,
        next: &EncodedReplica,
    ) -> Result<bool, StoreFault> {
        let key = replica_key(institution, &next.name);
        let before = self.engine.read_versioned(&key)?;
        let is_new = before.is_none();
        let revision = match before {
            Some((version, row)) => {
                batch.expect(key.clone(), version);
                revision_of(&row).ok_or_else(StoreFault::value_data::<Replica>)? + 1
            }
            None => {
                batch.expect_absent(key.clone());
                1
            }
        };
        batch.put(key, next.row(revision));
        Ok(is_new)
    }

    /// Deletes replicas, all or none. Waits while a file that names one of them is being taken over.
    ///
    /// # Errors
    /// `Conflict` when one of them is not there, or is being changed at the same moment.
    pub async fn delete_replicas(
        &self,
        institution: InstitutionCode,
        names: &[ReplicaName],
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.expect_absent(self.undisturbed(institution, names).await?);
        for (precondition, name) in names.iter().enumerate() {
            let key = replica_key(institution, name);
            let seen = self.engine.read_versioned(&key)?;
            let (version, _) = seen.ok_or(StoreFault::Conflict { precondition })?;
            batch.expect(key.clone(), version);
            batch.remove(key);
        }
        self.engine.write(batch).await
    }

    /// One replica.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn replica(
        &self,
        institution: InstitutionCode,
        name: &ReplicaName,
    ) -> Result<Option<Replica>, StoreFault> {
        let row = self.replica_row(institution, name)?;
        row.map(|(_, row)| decode(&row)).transpose()
    }

    /// The replicas of a person, of one specific information or of all, in the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn replicas(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
        info: Option<SpecificInfoCode>,
        page: Page,
    ) -> Result<PageOf<Replica>, StoreFault> {
        let list = list(institution, person, info);
        self.on_one_side(institution, |pending| {
            match self.rows_with(institution, pending, (person, info))? {
                Some(rows) => Self::page_in_memory(&list, &page, rows),
                None => self.page(&list, &page),
            }
        })
    }

    /// All replicas of a person's specific information.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn replicas_of(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
        info: SpecificInfoCode,
    ) -> Result<Vec<Replica>, StoreFault> {
        let list = list(institution, person, Some(info));
        self.on_one_side(institution, |pending| {
            match self.rows_with(institution, pending, (person, Some(info)))? {
                Some(rows) => rows.iter().map(|(_, row)| decode(row)).collect(),
                None => self.all(&list),
            }
        })
    }
}

pub(super) fn list(
    institution: InstitutionCode,
    person: AddresseeNumber,
    info: Option<SpecificInfoCode>,
) -> Key {
    let key = of_person(institution, person);
    match info {
        Some(info) => key.text(info.as_str()),
        None => key,
    }
}
