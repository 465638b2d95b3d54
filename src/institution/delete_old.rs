//! 保存期間経過による削除: deletes what has passed its period, each kind with a record of how many. SYM.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::domain::{
    deletion::{Deleted, PlacedDeletion},
    record::Entry,
};

/// The most entries of the institution's records that are read for a list of deletions.
const ENTRIES_MAX: u64 = 1_000_000;

impl IntermediateServer {
    /// Deletes the results, inquiry files and downloads whose time has passed; returns how many inquiries that were. The
    /// record goes first: after a crash in between, what was left is recorded once more when it is deleted.
    ///
    /// # Errors
    /// When the state or a file cannot be read or written, or a record cannot be written.
    pub async fn delete_old_results(&self, now: Timestamp) -> Result<u64, ActFault> {
        let downloads = self.old_downloads(now)?;
        self.record_deletion(Deleted::Downloads, (downloads, now), now)
            .await?;
        self.remove_old_downloads(now).await?;
        let retention = self.around.periods.result_retention;
        let Ok(before) = now.checked_sub(retention) else {
            return Ok(0);
        };
        let (own, state) = (self.profile.code, &self.around.state);
        let files = state.old_batch_files(own, before)?;
        let count = u64::try_from(files.len()).unwrap_or(u64::MAX);
        self.record_deletion(Deleted::BatchFiles, (count, before), now)
            .await?;
        state.delete_batch_files(own, &files).await?;
        let inquiries = state.count_ended_inquiries(own, before)?;
        self.record_deletion(Deleted::Results, (inquiries, before), now)
            .await?;
        Ok(state.delete_ended_inquiries(own, before).await?)
    }

    /// What was deleted since `from` because its period had passed, the newest first, and whether this is all.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn deletions(&self, from: Timestamp) -> Result<(Vec<PlacedDeletion>, bool), ActFault> {
        let records = &self.around.records;
        Ok(records.deletions_since(self.keeper(), from, ENTRIES_MAX)?)
    }

    async fn record_deletion(
        &self,
        what: Deleted,
        (count, ended_before): (u64, Timestamp),
        now: Timestamp,
    ) -> Result<(), ActFault> {
        if count == 0 {
            return Ok(());
        }
        let entry = Entry::Deleted {
            what,
            count,
            ended_before,
        };
        self.around
            .records
            .write(self.keeper(), &entry, now)
            .await?;
        Ok(())
    }
}
