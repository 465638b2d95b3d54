//! バッチ照会状況: how far a batch is, its end, and the wish to cancel it. SKI, and SYM for the history.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::{
    domain::{
        batch::{BatchEvent, BatchPart, BatchState, InquiryBatch, RowTally},
        batch_file::BatchFileName,
        names::ReceiptNumber,
        refusal::{Refusal, Thing},
        result::ResultCode,
        words::SystemName,
    },
    store::{Page, PageOf, StoreFault},
};

/// The tallies of the parts that have ended, so that nobody reads them again. In memory only.
#[derive(Default)]
pub(super) struct EndedParts(Mutex<HashMap<ReceiptNumber, RowTally>>);

/// A batch as it stands.
#[derive(Debug)]
pub struct BatchView {
    /// The batch.
    pub batch: InquiryBatch,
    /// How many rows stand at which result.
    pub tally: RowTally,
}

impl BatchView {
    /// Whether no row moves by itself any more.
    pub fn is_settled(&self) -> bool {
        let codes = self.tally.keys();
        codes
            .copied()
            .all(|code| code.is_final() || code == ResultCode::WaitingForStaff)
    }

    /// Whether the end of the last row is noted.
    pub fn has_ended(&self) -> bool {
        matches!(self.batch.state, BatchState::Ended { .. })
    }
}

impl IntermediateServer {
    /// A batch as it stands.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn batch(&self, name: &BatchFileName) -> Result<BatchView, ActFault> {
        let (_, batch) = self.known_batch(name)?;
        self.batch_view(batch)
    }

    /// A batch as it stands, for a caller who speaks 団体内統合宛名番号 or the 宛名番号 of `system`.
    ///
    /// # Errors
    /// When there is none of this name that speaks the same.
    pub fn batch_of(
        &self,
        system: Option<&SystemName>,
        name: &BatchFileName,
    ) -> Result<BatchView, ActFault> {
        let (_, batch) = self.known_batch(name)?;
        if batch.system.as_ref() != system {
            return Err(Refusal::NotFound(Thing::Batch).into());
        }
        self.batch_view(batch)
    }

    /// The institution's batches as they stand, newest first: those that speak what the caller does.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn batches(
        &self,
        system: Option<&SystemName>,
        page: &Page,
    ) -> Result<PageOf<BatchView>, ActFault> {
        let state = &self.around.state;
        let PageOf { rows, next_token } = state.batches(self.profile.code, system, page)?;
        let rows = rows.into_iter().map(|batch| self.batch_view(batch));
        Ok(PageOf {
            rows: rows.collect::<Result<_, _>>()?,
            next_token,
        })
    }

    /// The inquiries of a batch, in the order of the file.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn batch_parts(&self, name: &BatchFileName) -> Result<Vec<BatchPart>, ActFault> {
        Ok(self.around.state.batch_parts(self.profile.code, name)?)
    }

    /// Notes the wish to cancel a batch; from then on none of its rows begins.
    ///
    /// # Errors
    /// When there is none of this name, or it has ended.
    pub async fn cancel_batch(
        &self,
        name: &BatchFileName,
        at: Timestamp,
    ) -> Result<BatchView, ActFault> {
        self.move_batch(name, BatchEvent::CancelAsked { at })
            .await?;
        self.batch(name)
    }

    /// Notes the end of a batch's last row.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn end_batch(&self, name: &BatchFileName, at: Timestamp) -> Result<(), ActFault> {
        let tally = self.batch(name)?.tally;
        self.move_batch(name, BatchEvent::Ended { at, tally })
            .await?;
        let mut ended = self.ended_parts();
        for part in self.batch_parts(name)? {
            ended.remove(&part.receipt);
        }
        Ok(())
    }

    /// Whether the rows of a batch may go on.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn batch_runs(&self, name: &BatchFileName) -> Result<bool, ActFault> {
        let (_, batch) = self.known_batch(name)?;
        Ok(batch.state == BatchState::Running)
    }

    async fn move_batch(&self, name: &BatchFileName, event: BatchEvent) -> Result<(), ActFault> {
        loop {
            let (version, mut batch) = self.known_batch(name)?;
            batch.state = batch.state.apply(event.clone())?;
            match self.around.state.move_batch(version, &batch).await {
                // Somebody else moved it at the same moment: what stands now decides.
                Err(StoreFault::Conflict { .. }) => {}
                moved => return Ok(moved?),
            }
        }
    }

    pub(super) fn known_batch(
        &self,
        name: &BatchFileName,
    ) -> Result<(crate::store::Version, InquiryBatch), ActFault> {
        let found = self.around.state.batch(self.profile.code, name)?;
        found.ok_or_else(|| Refusal::NotFound(Thing::Batch).into())
    }

    fn batch_view(&self, batch: InquiryBatch) -> Result<BatchView, ActFault> {
        if let BatchState::Ended { tally, .. } = &batch.state {
            let tally = tally.clone();
            return Ok(BatchView { batch, tally });
        }
        let mut tally = RowTally::new();
        for part in self.batch_parts(&batch.name)? {
            for (code, rows) in self.part_tally(&part)? {
                *tally.entry(code).or_default() += rows;
            }
        }
        Ok(BatchView { batch, tally })
    }

    fn part_tally(&self, part: &BatchPart) -> Result<RowTally, ActFault> {
        if let Some(tally) = self.ended_parts().get(&part.receipt) {
            return Ok(tally.clone());
        }
        let rows = u32::try_from(part.lines.len()).unwrap_or(u32::MAX);
        if self.progress.is_untouched(part.receipt) {
            return Ok(RowTally::from([(ResultCode::Accepted, rows)]));
        }
        let mut tally = RowTally::new();
        for (_, serial) in part.serials(self.profile.code) {
            let found = self.around.state.exchange(serial)?;
            let code = match found.map(|(_, state)| state.code()) {
                None | Some(ResultCode::Accepted) => self.progress.code(serial),
                Some(code) => code,
            };
            *tally.entry(code).or_default() += 1;
        }
        if tally.keys().all(|code| code.is_final()) {
            self.ended_parts().insert(part.receipt, tally.clone());
        }
        Ok(tally)
    }

    fn ended_parts(&self) -> std::sync::MutexGuard<'_, HashMap<ReceiptNumber, RowTally>> {
        // Nothing panics while it holds the lock, and the map stays whole if it did.
        self.ended_parts
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
