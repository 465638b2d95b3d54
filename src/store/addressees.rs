//! The addressee systems' records, and the ways to find them: by local number, 個人番号 and four items. Numbers are sealed and
//! found by keyed digests.

use std::collections::BTreeSet;

use super::{Batch, Key, PersonAt, State, StoreFault, Version};
use crate::domain::{
    addressee::{Addressee, LocalName},
    codes::{AddresseeNumber, InstitutionCode},
};

fn record((institution, number): PersonAt) -> Key {
    Key::new("addressee")
        .text(institution.as_str())
        .text(number.as_str())
}

fn by_local(institution: InstitutionCode, local: &LocalName) -> Key {
    Key::new("addressee-by-local")
        .text(institution.as_str())
        .text(local.system.as_str())
        .text(local.number.as_str())
}

fn by_number(institution: InstitutionCode, digest: &[u8; 32]) -> Key {
    Key::new("addressee-by-number")
        .text(institution.as_str())
        .bytes(digest)
}

fn by_items(institution: InstitutionCode, digest: &[u8; 32]) -> Key {
    Key::new("addressee-by-items")
        .text(institution.as_str())
        .bytes(digest)
}

/// What becomes of one record.
#[derive(Debug)]
pub struct AddresseeChange<'a> {
    /// The record as it was read; nothing for a new one.
    pub seen: Option<(Version, &'a Addressee)>,
    /// The record from now on.
    pub next: &'a Addressee,
}

impl State {
    /// The addressee system's record of a person, and which write said so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn addressee(&self, who: PersonAt) -> Result<Option<(Version, Addressee)>, StoreFault> {
        self.read_versioned(&record(who))
    }

    /// The person whom a business system calls so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn addressee_by_local(
        &self,
        institution: InstitutionCode,
        local: &LocalName,
    ) -> Result<Option<AddresseeNumber>, StoreFault> {
        self.engine.read_value(&by_local(institution, local))
    }

    /// The person with the 個人番号 of this digest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn addressee_by_number(
        &self,
        institution: InstitutionCode,
        digest: &[u8; 32],
    ) -> Result<Option<AddresseeNumber>, StoreFault> {
        self.engine.read_value(&by_number(institution, digest))
    }

    /// The persons with the four items of this digest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn addressees_by_items(
        &self,
        institution: InstitutionCode,
        digest: &[u8; 32],
    ) -> Result<Vec<AddresseeNumber>, StoreFault> {
        self.all(&by_items(institution, digest))
    }

    /// Keeps records of one institution together, and moves what they are found by.
    ///
    /// # Errors
    /// `Conflict` when a record has moved on since it was read, or what it is found by is another's by now.
    pub async fn keep_addressees(
        &self,
        institution: InstitutionCode,
        changes: &[AddresseeChange<'_>],
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        let mut released = BTreeSet::new();
        for change in changes {
            let key = record((institution, change.next.number));
            match change.seen {
                None => batch.expect_absent(key.clone()),
                Some((version, before)) => {
                    released.extend(found_by(institution, before));
                    batch.remove(
                        by_items(institution, &before.items_digest).text(before.number.as_str()),
                    );
                    batch.expect(key.clone(), version)
                }
            };
            batch.put_value(key, change.next)?;
        }
        for key in &released {
            batch.remove(key.clone());
        }
        for AddresseeChange { next, .. } in changes {
            for key in found_by(institution, next) {
                if !released.contains(&key) {
                    batch.expect_absent(key.clone());
                }
                batch.put_value(key, &next.number)?;
            }
            if next.locals.is_empty() {
                continue;
            }
            let items = by_items(institution, &next.items_digest).text(next.number.as_str());
            batch.put_value(items, &next.number)?;
        }
        self.engine.write(batch).await
    }
}

/// What leads to this record and to no other. A record that was merged is found by its own number alone.
fn found_by(institution: InstitutionCode, addressee: &Addressee) -> Vec<Key> {
    if addressee.locals.is_empty() {
        return Vec::new();
    }
    let locals = addressee.locals.iter();
    let mut keys: Vec<_> = locals.map(|local| by_local(institution, local)).collect();
    keys.push(by_number(institution, &addressee.number_digest));
    keys
}
