//! Why an act did not come to its end.

use crate::{
    crypto::{password::HashFault, sealing::SealFault, signing::KeyFault},
    domain::{
        inquiry::OutOfOrder,
        refusal::Refusal,
        staff::{NotAuthorised, StaffRefusal},
    },
    ledger::LedgerFault,
    store::{RecordFault, StoreFault},
};

/// Why an act did not come to its end: a lawful refusal, or a fault of the machine.
#[derive(Debug, thiserror::Error)]
pub enum ActFault {
    /// A lawful "no", shown to the caller.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A record could not be written or read.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// The state could not be written or read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// Nothing was sealed.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// A key could not be made or read.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// A password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashFault),
    /// Something could not be written as JSON, or read from it.
    #[error("a message has not the form that this version writes")]
    Form(#[from] serde_json::Error),
    /// The exchange moved on while the act was under way.
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
}

impl From<StaffRefusal> for ActFault {
    fn from(refusal: StaffRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<NotAuthorised> for ActFault {
    fn from(refusal: NotAuthorised) -> Self {
        Self::Refused(refusal.into())
    }
}
