//! What the ledger held beyond the state: what may have to be brought to its end when a world is opened.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Keeper, RecordFault};
use crate::{
    domain::{
        codes::InstitutionCode, deletion::Deleted, identity::IdentityUse, names::ProcessingSerial,
        record::Entry,
    },
    ledger::TreeId,
};

/// What the ledger held beyond the state.
#[derive(Debug, Default)]
pub struct Followed {
    /// The exchanges of which a record was written.
    pub exchanges: BTreeSet<ProcessingSerial>,
    /// The disposals that may not have come to their end: whose, and of what was recorded before when.
    pub disposals: Vec<(Keeper, Timestamp)>,
    /// The deletions that may not have come to their end: whose, of what, and of what had ended before when.
    pub deletions: Vec<(InstitutionCode, Deleted, Timestamp)>,
    /// The uses of identity information whose requests may not have ended.
    pub identity_uses: Vec<(InstitutionCode, IdentityUse)>,
}

impl Followed {
    /// Takes an entry of `tree`.
    pub(super) fn take(&mut self, tree: TreeId, entry: Entry) -> Result<(), RecordFault> {
        match (entry, Keeper::of_owner(tree.owner)?) {
            (Entry::Provision(record), _) => {
                self.exchanges.insert(record.subject.serial);
            }
            (
                Entry::Disposed {
                    recorded_before, ..
                },
                keeper,
            ) => self.disposals.push((keeper, recorded_before)),
            (
                Entry::Deleted {
                    what, ended_before, ..
                },
                Keeper::Institution(code),
            ) => self.deletions.push((code, what, ended_before)),
            (Entry::IdentityInformationUsed(used), Keeper::Institution(code)) => {
                self.identity_uses.push((code, *used));
            }
            _ => {}
        }
        Ok(())
    }
}
