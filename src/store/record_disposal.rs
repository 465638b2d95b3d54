//! Disposal of what has been kept long enough: first what the state notes of it, then the entries themselves.

use jiff::Timestamp;

use super::{Keeper, RecordBook, RecordFault, record_book::read_entry};
use crate::{
    domain::{names::ProcessingSerial, record::Entry},
    ledger::{Disposable, LedgerFault},
};

/// How many exchanges are forgotten in one write.
const FORGOTTEN_AT_ONCE: usize = 200;

impl RecordBook {
    /// What the keeper recorded before `line` and still has, tree by tree.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub fn disposable(
        &self,
        keeper: Keeper,
        line: Timestamp,
    ) -> Result<Vec<Disposable>, RecordFault> {
        let (owner, before_ms) = (keeper.owner()?, line.as_millisecond());
        Ok(self.ledger().disposable(owner, before_ms, is_disposal)?)
    }

    /// Destroys what the keeper recorded before `line`, and what the state holds of those exchanges on the keeper's side. Returns
    /// how many entries that were. Only with an [`Entry::Disposed`] on record; done again after a crash it does the rest.
    ///
    /// # Errors
    /// When an entry cannot be read or destroyed, or the state not written.
    pub async fn dispose(&self, keeper: Keeper, line: Timestamp) -> Result<u64, RecordFault> {
        let (owner, before_ms) = (keeper.owner()?, line.as_millisecond());
        let trees = self.ledger().trees().into_iter();
        let mut forgotten = Vec::new();
        for (tree, size) in trees.filter(|(tree, _)| tree.owner == owner) {
            for index in 0..size {
                let stored = match self.ledger().read(tree, index) {
                    Err(LedgerFault::Destroyed(_)) => continue,
                    read => read?,
                };
                if stored.at_ms < before_ms
                    && let Entry::Provision(record) = read_entry(&stored)?
                {
                    forgotten.push(record.subject.serial);
                }
                if forgotten.len() == FORGOTTEN_AT_ONCE {
                    self.forget(keeper, &std::mem::take(&mut forgotten)).await?;
                }
            }
        }
        self.forget(keeper, &forgotten).await?;
        let destroyed = self.ledger().dispose(owner, before_ms, is_disposal);
        Ok(destroyed.await?)
    }

    async fn forget(
        &self,
        keeper: Keeper,
        serials: &[ProcessingSerial],
    ) -> Result<(), RecordFault> {
        let institution = match keeper {
            Keeper::Core => None,
            Keeper::Institution(code) => Some(code),
        };
        let forgotten = self
            .state
            .forget_exchanges(keeper.as_str(), institution, serials);
        Ok(forgotten.await?)
    }
}

/// Whether the body of an entry is the record of a disposal, which is never disposed of.
pub fn is_disposal(body: &[u8]) -> bool {
    matches!(serde_json::from_slice(body), Ok(Entry::Disposed { .. }))
}
