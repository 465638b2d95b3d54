//! What the ledger held beyond the state: what may have to be brought to its end when a world is opened.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Keeper;
use crate::domain::{deletion::Deleted, identity::IdentityUse, names::ProcessingSerial};

/// What the ledger held beyond the state.
#[derive(Debug, Default)]
pub struct Followed {
    /// The exchanges of which a record was written.
    pub exchanges: BTreeSet<ProcessingSerial>,
    /// The disposals that may not have come to their end: whose, and of what was recorded before when.
    pub disposals: Vec<(Keeper, Timestamp)>,
    /// The deletions that may not have come to their end: whose, of what, and of what had ended before when.
    pub deletions: Vec<(Keeper, Deleted, Timestamp)>,
    /// The uses of identity information whose requests may not have ended.
    pub identity_uses: Vec<(Keeper, IdentityUse)>,
}
