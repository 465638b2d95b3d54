//! Staff accounts with their credentials.

use serde::{Deserialize, Serialize};

use super::{Batch, Key, State, StoreFault, Version};
use crate::domain::{
    codes::InstitutionCode, names::AccountName, password::Credential, staff::Account,
};

/// An account as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAccount {
    /// The account.
    pub account: Account,
    /// What is known of its password.
    pub credential: Credential,
}

fn accounts(institution: InstitutionCode) -> Key {
    Key::new("account").text(institution.as_str())
}

fn key(account: &Account) -> Key {
    accounts(account.institution).text(account.name.as_str())
}

impl State {
    /// An account, and which write said so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn account(
        &self,
        institution: InstitutionCode,
        name: &AccountName,
    ) -> Result<Option<(Version, KeptAccount)>, StoreFault> {
        self.read_versioned(&accounts(institution).text(name.as_str()))
    }

    /// Every account of an institution, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn accounts(&self, institution: InstitutionCode) -> Result<Vec<KeptAccount>, StoreFault> {
        self.all(&accounts(institution))
    }

    /// Keeps new accounts, all or none.
    ///
    /// # Errors
    /// `Conflict` when there is one of the same name.
    pub async fn add_accounts(&self, added: &[KeptAccount]) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        for kept in added {
            batch.expect_absent(key(&kept.account));
            batch.put_value(key(&kept.account), kept)?;
        }
        self.engine.write(batch).await
    }

    /// Keeps an account in place of what `seen` showed.
    ///
    /// # Errors
    /// `Conflict` when it has changed since.
    pub async fn replace_account(
        &self,
        seen: Version,
        kept: &KeptAccount,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.expect(key(&kept.account), seen);
        batch.put_value(key(&kept.account), kept)?;
        self.engine.write(batch).await
    }
}
