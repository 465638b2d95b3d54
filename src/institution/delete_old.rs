//! 保存期間経過による削除: deletes what has passed its period, each kind with a record of how many. SYM.

use jiff::{SignedDuration, Timestamp};

use super::{ActFault, IntermediateServer};
use crate::{
    domain::{
        deletion::{Deleted, PlacedDeletion},
        record::Entry,
    },
    store::Recorded,
};

/// The most entries of the institution's records that are read for a list of deletions.
const ENTRIES_MAX: u64 = 1_000_000;

impl IntermediateServer {
    /// Deletes the results, inquiry files, downloads and unused acquisition serials whose time has passed; returns how many
    /// inquiries that were. The record goes first; a crash after it has the rest done at the next opening.
    ///
    /// # Errors
    /// When the state or a file cannot be read or written, or a record cannot be written.
    pub async fn delete_old_results(&self, now: Timestamp) -> Result<u64, ActFault> {
        let periods = self.around.periods;
        let kept_for = [
            (Deleted::Downloads, SignedDuration::ZERO),
            (Deleted::AcquisitionSerials, periods.acquisition_serial),
            (Deleted::BatchFiles, periods.result_retention),
            (Deleted::Results, periods.result_retention),
        ];
        let mut inquiries = 0;
        for (what, period) in kept_for {
            let Ok(before) = now.checked_sub(period) else {
                continue;
            };
            let count = self.count_old(what, before)?;
            let recorded = self.record_deletion(what, (count, before), now).await?;
            self.finish_deletion(what, before).await?;
            drop(recorded);
            if what == Deleted::Results {
                inquiries = count;
            }
        }
        Ok(inquiries)
    }

    /// Deletes what ended before `before`: its record is written.
    ///
    /// # Errors
    /// When the state or a file cannot be read or written.
    pub async fn finish_deletion(&self, what: Deleted, before: Timestamp) -> Result<(), ActFault> {
        let (own, state) = (self.profile.code, &self.around.state);
        match what {
            Deleted::Downloads => self.remove_old_downloads(before).await,
            Deleted::AcquisitionSerials => self.delete_serials(self.old_serials(before)?).await,
            Deleted::BatchFiles => {
                let files = state.old_batch_files(own, before)?;
                Ok(state.delete_batch_files(own, &files).await?)
            }
            Deleted::Results => {
                state.delete_ended_inquiries(own, before).await?;
                Ok(())
            }
        }
    }

    fn count_old(&self, what: Deleted, before: Timestamp) -> Result<u64, ActFault> {
        let (own, state) = (self.profile.code, &self.around.state);
        let count = match what {
            Deleted::Downloads => return self.old_downloads(before),
            Deleted::Results => return Ok(state.count_ended_inquiries(own, before)?),
            Deleted::AcquisitionSerials => self.old_serials(before)?.len(),
            Deleted::BatchFiles => state.old_batch_files(own, before)?.len(),
        };
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
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
    ) -> Result<Option<Recorded>, ActFault> {
        if count == 0 {
            return Ok(None);
        }
        let entry = Entry::Deleted {
            what,
            count,
            ended_before,
        };
        let records = &self.around.records;
        Ok(Some(records.write(self.keeper(), &entry, now).await?))
    }
}
