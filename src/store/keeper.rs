//! Who keeps records: the core system, or an institution.

use super::RecordFault;
use crate::{
    domain::{codes::InstitutionCode, exchange::Side, record::ProvisionRecord},
    ledger::Owner,
};

/// Who keeps a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// The core system.
    Core,
    /// An institution.
    Institution(InstitutionCode),
}

impl Keeper {
    /// The owner's name in the ledger.
    pub(super) fn owner(&self) -> Result<Owner, RecordFault> {
        match self {
            Self::Core => Ok(Owner::CORE),
            Self::Institution(code) => code.as_str().parse().map_err(|_| RecordFault::Form),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Core => "core",
            Self::Institution(code) => code.as_str(),
        }
    }

    pub(super) fn of_owner(owner: Owner) -> Result<Self, RecordFault> {
        if owner == Owner::CORE {
            return Ok(Self::Core);
        }
        let code = owner.to_string().parse();
        Ok(Self::Institution(code.map_err(|_| RecordFault::Form)?))
    }

    pub(super) fn of(record: &ProvisionRecord) -> Self {
        match record.side {
            Side::Inquirer => Self::Institution(record.subject.inquirer),
            Side::Core => Self::Core,
            Side::Provider => Self::Institution(record.subject.provider),
        }
    }
}
