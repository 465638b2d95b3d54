//! The flags of 自己情報提供不可.

use super::{Batch, Key, Page, PageOf, State, StoreFault};
use crate::domain::{
    codes::{AddresseeNumber, InstitutionCode, SpecificInfoCode},
    no_self_provision::{FlagChange, NoSelfProvision},
};

fn flags(institution: InstitutionCode) -> Key {
    Key::new("no-self-provision").text(institution.as_str())
}

fn key(institution: InstitutionCode, flag: NoSelfProvision) -> Key {
    let (person, info) = (flag.person(), flag.specific_info());
    flags(institution)
        .text(person.as_ref().map_or("", AddresseeNumber::as_str))
        .text(info.as_ref().map_or("", SpecificInfoCode::as_str))
}

impl State {
    /// Sets a flag or takes it away.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn change_no_self_provision(
        &self,
        institution: InstitutionCode,
        flag: NoSelfProvision,
        change: FlagChange,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        match change {
            FlagChange::Set => batch.put_value(key(institution, flag), &flag)?,
            FlagChange::Cleared => batch.remove(key(institution, flag)),
        };
        self.engine.write(batch).await
    }

    /// Whether any of these flags is set.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn any_no_self_provision(
        &self,
        institution: InstitutionCode,
        flags: &[NoSelfProvision],
    ) -> Result<bool, StoreFault> {
        for flag in flags {
            if self.engine.read(&key(institution, *flag))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The institution's flags of 自己情報提供不可.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list_no_self_provision(
        &self,
        institution: InstitutionCode,
        page: &Page,
    ) -> Result<PageOf<NoSelfProvision>, StoreFault> {
        self.page(&flags(institution), page)
    }
}
