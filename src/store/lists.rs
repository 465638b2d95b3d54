//! The copies of the permission list, and the sealing keys.

use super::{Batch, Key, State, StoreFault};
use crate::domain::{
    codes::InstitutionCode,
    permission_list::{KeptList, PermissionList},
    sealing_key::RegisteredKey,
};

fn list_copy(institution: InstitutionCode) -> Key {
    Key::new("permission-list").text(institution.as_str())
}

/// The core system's.
fn published() -> Key {
    Key::new("permission-list-published")
}

fn keys(institution: InstitutionCode) -> Key {
    Key::new("sealing-key").text(institution.as_str())
}

impl State {
    /// The permission list that the core system had in force last; none before the first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn published_list(&self) -> Result<Option<PermissionList>, StoreFault> {
        self.engine.read_value(&published())
    }

    /// Keeps the permission list that the core system has in force.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_published_list(&self, list: &PermissionList) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(published(), list)?;
        self.engine.write(batch).await
    }

    /// The institution's copy of the permission list as it was kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list_copy(&self, institution: InstitutionCode) -> Result<Option<KeptList>, StoreFault> {
        self.engine.read_value(&list_copy(institution))
    }

    /// Keeps the institution's copy of the permission list.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_list_copy(
        &self,
        institution: InstitutionCode,
        copy: &KeptList,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(list_copy(institution), copy)?;
        self.engine.write(batch).await
    }

    /// The institution's sealing keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sealing_keys(
        &self,
        institution: InstitutionCode,
    ) -> Result<Vec<RegisteredKey>, StoreFault> {
        self.all(&keys(institution))
    }

    /// Keeps a sealing key that is new.
    ///
    /// # Errors
    /// `Conflict` when there is one with the same fingerprint.
    pub async fn add_sealing_key(
        &self,
        institution: InstitutionCode,
        key: &RegisteredKey,
    ) -> Result<(), StoreFault> {
        let row = keys(institution).text(&key.fingerprint);
        let mut batch = Batch::new();
        batch.expect_absent(row.clone());
        batch.put_value(row, key)?;
        self.engine.write(batch).await
    }

    /// Keeps a sealing key, in place of the one with the same fingerprint.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_sealing_key(
        &self,
        institution: InstitutionCode,
        key: &RegisteredKey,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(keys(institution).text(&key.fingerprint), key)?;
        self.engine.write(batch).await
    }
}
