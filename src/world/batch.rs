//! Runs batches: their inquiries one after the other, many exchanges at a time, until every row has ended.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{World, WorldFault};
use crate::{
    addressee::AddresseeFault,
    domain::{
        addressee::LocalName,
        batch_file::{BatchFileName, InquiryFile, LocalRows, RowNumbers, local_numbers},
        codes::InstitutionCode,
        names::ReceiptNumber,
        refusal::Refusal,
    },
    institution::{ActFault, BatchDraft, BatchView, InquiryProgress, TakenBatch},
};

/// How many batches of one world may be open before a file is turned away.
const BATCHES_MAX: usize = 200;

impl World {
    /// Takes a file of an institution and begins to run it.
    ///
    /// # Errors
    /// As `IntermediateServer::submit_batch`; when too many batches are open, or records cannot be written.
    pub async fn submit_batch(
        self: &Arc<Self>,
        inquirer: InstitutionCode,
        draft: BatchDraft,
    ) -> Result<TakenBatch, WorldFault> {
        self.can_begin()?;
        if self.state.open_batches(inquirer)?.len() >= BATCHES_MAX {
            return Err(Refusal::Overloaded.into());
        }
        let world = Arc::clone(self);
        self.see_through(async move {
            let numbers = world.row_numbers(inquirer, &draft)?;
            let server = world.server(inquirer)?;
            let taken = server.submit_batch(draft, &numbers, world.now()).await?;
            world.begin_batch(inquirer, taken.batch.name.clone());
            Ok(taken)
        })
        .await
    }

    /// Everything that is wrong with a file of an institution, and the rows that are sound.
    ///
    /// # Errors
    /// As `IntermediateServer::check_batch`; when the addressee system cannot be read.
    pub fn check_batch(
        &self,
        inquirer: InstitutionCode,
        draft: &BatchDraft,
    ) -> Result<InquiryFile, WorldFault> {
        let numbers = self.row_numbers(inquirer, draft)?;
        let server = self.server(inquirer)?;
        Ok(server.check_batch(draft, &numbers, self.now())?)
    }

    /// The numbers that the rows of a file speak; 宛名番号 with whom they name and who may ask for them.
    fn row_numbers(
        &self,
        inquirer: InstitutionCode,
        draft: &BatchDraft,
    ) -> Result<RowNumbers, WorldFault> {
        let Some(system) = &draft.system else {
            return Ok(RowNumbers::Addressee);
        };
        let addressees = self.addressees(inquirer)?;
        let mut known = BTreeMap::new();
        for number in local_numbers(&draft.bytes, &draft.text_form()?) {
            let (system, named) = (system.clone(), number.clone());
            let name = LocalName {
                system,
                number: named,
            };
            match addressees.addressee_of(&name) {
                Ok(addressee) => {
                    known.insert(number, addressee);
                }
                Err(AddresseeFault::Refused(_)) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        let sender = self.server(inquirer)?.profile().clone();
        Ok(RowNumbers::Local(Box::new(LocalRows { known, sender })))
    }

    /// Notes the wish to cancel a batch and begins to cancel what has not ended.
    ///
    /// # Errors
    /// When there is no such batch, or every row has ended.
    pub async fn cancel_batch(
        self: &Arc<Self>,
        inquirer: InstitutionCode,
        name: BatchFileName,
    ) -> Result<BatchView, WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move {
            let server = world.server(inquirer)?;
            let view = server.cancel_batch(&name, world.now()).await?;
            let cancelled = Arc::clone(&world).cancel_rows(inquirer, name);
            world.tasks.spawn(logged(cancelled));
            Ok(view)
        })
        .await
    }

    /// The inquiries of an institution that its open batches carry.
    pub(super) fn in_batches(
        &self,
        inquirer: InstitutionCode,
    ) -> Result<HashSet<ReceiptNumber>, WorldFault> {
        let mut carried = HashSet::new();
        for name in self.state.open_batches(inquirer)? {
            let parts = self.state.batch_parts(inquirer, &name)?;
            carried.extend(parts.into_iter().map(|part| part.receipt));
        }
        Ok(carried)
    }

    /// Goes on with the batches of an institution that have not ended.
    pub(super) fn begin_batches(
        self: &Arc<Self>,
        inquirer: InstitutionCode,
    ) -> Result<(), WorldFault> {
        for name in self.state.open_batches(inquirer)? {
            if !self.server(inquirer)?.batch_runs(&name)? {
                let cancelled = Arc::clone(self).cancel_rows(inquirer, name.clone());
                self.tasks.spawn(logged(cancelled));
            }
            self.begin_batch(inquirer, name);
        }
        Ok(())
    }

    fn begin_batch(self: &Arc<Self>, inquirer: InstitutionCode, name: BatchFileName) {
        let run = Arc::clone(self).run_batch(inquirer, name);
        self.tasks.spawn(logged(run));
    }

    async fn run_batch(
        self: Arc<Self>,
        inquirer: InstitutionCode,
        name: BatchFileName,
    ) -> Result<(), WorldFault> {
        let server = self.server(inquirer)?;
        let parts = server.batch_parts(&name)?;
        for part in &parts {
            if self.closing.is_cancelled() {
                return Ok(());
            }
            if !server.batch_runs(&name)? {
                break;
            }
            let open = server.changes(part.receipt).is_some();
            if let Some(inquiry) = self.state.inquiry(inquirer, part.receipt)?.filter(|_| open) {
                Arc::clone(&self).carry_inquiry(Arc::new(inquiry)).await;
            }
        }
        for part in &parts {
            tokio::select! {
                () = self.closing.cancelled() => return Ok(()),
                () = closed(server, part.receipt) => {}
            }
        }
        server.end_batch(&name, self.now()).await?;
        Ok(())
    }

    async fn cancel_rows(
        self: Arc<Self>,
        inquirer: InstitutionCode,
        name: BatchFileName,
    ) -> Result<(), WorldFault> {
        let server = self.server(inquirer)?;
        for part in server.batch_parts(&name)? {
            if self.closing.is_cancelled() {
                return Ok(());
            }
            if !self.has_room().await {
                return Ok(());
            }
            // What is under way now may be held later: each change is another chance.
            while let Some(mut changes) = server.changes(part.receipt) {
                match self.cancel_inquiry(inquirer, part.receipt).await {
                    Ok(view) if view.progress() == InquiryProgress::Ended => break,
                    Err(WorldFault::Act(ActFault::Refused(Refusal::InquiryEnded))) => break,
                    Ok(_) => {}
                    Err(fault) => return Err(fault),
                }
                tokio::select! {
                    () = self.closing.cancelled() => return Ok(()),
                    changed = changes.changed() => drop(changed),
                }
            }
        }
        Ok(())
    }
}

/// Comes back when an inquiry has ended.
async fn closed(server: &crate::institution::IntermediateServer, receipt: ReceiptNumber) {
    while let Some(mut changes) = server.changes(receipt) {
        // An error means that the inquiry has ended: the next look finds it closed.
        while changes.changed().await.is_ok() {}
    }
}

async fn logged(work: impl Future<Output = Result<(), WorldFault>>) {
    if let Err(fault) = work.await {
        let error = &fault as &dyn std::error::Error;
        tracing::error!(error, "a batch stopped");
    }
}
