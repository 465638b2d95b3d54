//! The acts outside the institutions: the core system (permit, convert symbol, record, publish list) and the resident
//! network in front of it.

mod convert_symbol;
mod issue_permit;
mod juki;
mod portal;
mod publish_list;
mod reach;
mod record_exchange;
mod sign_permit;

use std::sync::Arc;

use jiff::SignedDuration;

use crate::{
    crypto::{
        signing::{KeyFault, SigningKey},
        symbol::SymbolSecret,
        vault::VaultFault,
    },
    domain::{
        inquiry::OutOfOrder, institution::Directory, permission_list::PermissionList,
        refusal::Refusal,
    },
    store::{RecordBook, RecordFault, State, StoreFault},
};

pub use issue_permit::Issued;
pub use juki::{
    Asked, AtCore, AtNationalServer, Ending, Moved, MovedResident, NewEntry, Resident,
    ResidentAnswer, ResidentDraft, ResidentNetwork,
};

use reach::Reach;
use sign_permit::WaitingPermits;

/// コアシステム.
pub struct CoreSystem {
    parts: CoreParts,
    reach: Reach,
    waiting: WaitingPermits,
}

/// What the core system is made of.
pub struct CoreParts {
    /// All institutions.
    pub directory: Arc<Directory>,
    /// The permission list in force.
    pub list: PermissionList,
    /// The durable state.
    pub state: State,
    /// The record book.
    pub records: RecordBook,
    /// The key that permits and the list are signed with.
    pub signing: SigningKey,
    /// The secret that symbols are made with.
    pub symbols: SymbolSecret,
    /// How long a permit is accepted.
    pub permit_period: SignedDuration,
}

impl CoreSystem {
    /// The core system of a world.
    pub fn new(parts: CoreParts) -> Self {
        Self {
            parts,
            reach: Reach::default(),
            waiting: WaitingPermits::default(),
        }
    }
}

/// Why an act of the network did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum NetworkFault {
    /// A lawful "no", shown to the caller.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A sealed number does not open.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// A symbol request is not where the act needs it.
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
    /// A record could not be written.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// The state could not be written or read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// A key or an id could not be made.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// Something could not be written as JSON.
    #[error("a message cannot be written")]
    Form(#[from] serde_json::Error),
    /// Who was signing the permit has ended before.
    #[error("a permit was not signed")]
    NotSigned,
}
