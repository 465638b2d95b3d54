//! The inquirer's acts that set the world in motion: submitting and cancelling.

use std::{sync::Arc, time::Duration};

use super::{World, WorldFault};
use crate::{
    domain::{
        codes::InstitutionCode,
        inquiry::Inquiry,
        names::{ProcessingSerial, ReceiptNumber},
        refusal::{Refusal, Thing},
        result::ResultCode,
        unready::Unready,
    },
    institution::{ActFault, AtWork, Cancellable, InquiryDraft, InquiryView, Wish, cancelled},
};

/// How many tasks may be under way before new inquiries are turned away.
const TASKS_MAX: usize = 20_000;

/// An institution that is refused because it is busy hears so after this pause (ours): who does not wait by itself does not
/// take the processor from the others by asking.
pub const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// What became of a form that asks for an inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// The inquiry was accepted now.
    Now(ReceiptNumber),
    /// The form had been sent before.
    Before(ReceiptNumber),
}

impl World {
    /// Accepts an inquiry of an institution and begins to carry its exchanges.
    ///
    /// # Errors
    /// As `IntermediateServer::submit_inquiry`; when too much is under way, or records cannot be written.
    pub async fn submit_inquiry(
        self: &Arc<Self>,
        inquirer: InstitutionCode,
        draft: InquiryDraft,
    ) -> Result<Arc<Inquiry>, WorldFault> {
        if self.tasks.len() >= TASKS_MAX {
            return Err(Refusal::Overloaded.into());
        }
        let share = self.beginning.take(inquirer.as_str());
        let Some(share) = share else {
            tokio::time::sleep(BUSY_PAUSE).await;
            return Err(Refusal::Unready(Unready::InstitutionBusy).into());
        };
        let world = Arc::clone(self);
        self.see_through(async move {
            let server = world.server(inquirer)?;
            world.places.caught_up(inquirer).await;
            let turn = world.accepting.take(inquirer).await;
            let inquiry = Arc::new(server.submit_inquiry(draft, world.now()).await?);
            drop(turn);
            let carried = Arc::clone(&world).carry_inquiry(Arc::clone(&inquiry));
            world.tasks.spawn(async move {
                carried.await;
                drop(share);
            });
            Ok(inquiry)
        })
        .await
    }

    /// The same for a member of the institution's staff, once for each form: a form that was sent before brings what became
    /// of it.
    ///
    /// # Errors
    /// When they may not, it cannot be recorded, or as [`World::submit_inquiry`].
    pub async fn submit_inquiry_at_terminal(
        self: &Arc<Self>,
        (inquirer, staff): (InstitutionCode, AtWork),
        draft: InquiryDraft,
    ) -> Result<Submitted, WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move {
            let server = world.server(inquirer)?;
            if let Wish::Known(receipt) = server.begin_inquiry(&staff, &draft, world.now()).await? {
                return Ok(Submitted::Before(receipt));
            }
            match world.submit_inquiry(inquirer, draft.clone()).await {
                Ok(inquiry) => Ok(Submitted::Now(inquiry.receipt)),
                // The same form, at the same moment.
                Err(fault) => match server.sent_before(&staff, &draft)? {
                    Some(receipt) => Ok(Submitted::Before(receipt)),
                    None => Err(fault),
                },
            }
        })
        .await
    }

    /// Runs an act to its end, also when whoever waits for it goes away; closing the world waits for it.
    ///
    /// # Errors
    /// As the act, and as [`World::can_begin`].
    pub async fn see_through<T: Send + 'static>(
        &self,
        act: impl Future<Output = Result<T, WorldFault>> + Send + 'static,
    ) -> Result<T, WorldFault> {
        self.can_begin()?;
        let acting = self.tasks.spawn(act);
        acting.await.map_err(|_| WorldFault::Stopped)?
    }

    /// Cancels what can be cancelled of an inquiry: held requests and those that have not begun.
    ///
    /// # Errors
    /// When there is no such inquiry, or every exchange has ended.
    pub async fn cancel_inquiry(
        self: &Arc<Self>,
        inquirer: InstitutionCode,
        receipt: ReceiptNumber,
    ) -> Result<InquiryView, WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move {
            let server = world.server(inquirer)?;
            let inquiry = server.fetch_result(receipt)?.inquiry;
            for (serial, how) in server.cancellable(&inquiry)? {
                match world.cancel_exchange(&inquiry, serial, how).await {
                    // It was decided at the same moment: its end stands.
                    Ok(()) | Err(WorldFault::Act(ActFault::OutOfOrder(_))) => {}
                    Err(fault) => return Err(fault),
                }
            }
            Ok(server.fetch_result(receipt)?)
        })
        .await
    }

    /// The same by a member of the institution's staff.
    ///
    /// # Errors
    /// When they may not, it cannot be recorded, or as [`World::cancel_inquiry`].
    pub async fn cancel_inquiry_at_terminal(
        self: &Arc<Self>,
        (inquirer, staff): (InstitutionCode, AtWork),
        receipt: ReceiptNumber,
    ) -> Result<(), WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move {
            let server = world.server(inquirer)?;
            server
                .begin_cancelling(&staff, receipt, world.now())
                .await?;
            world.cancel_inquiry(inquirer, receipt).await?;
            Ok(())
        })
        .await
    }

    async fn cancel_exchange(
        &self,
        inquiry: &Inquiry,
        serial: ProcessingSerial,
        how: Cancellable,
    ) -> Result<(), WorldFault> {
        let now = self.now();
        let inquirer = self.server(inquiry.inquirer)?;
        let found = inquiry.exchange(serial);
        let (detail, asked) = found.ok_or(Refusal::NotFound(Thing::Exchange))?;
        let subject = inquiry.subject(serial, detail, asked);
        let permit = match how {
            Cancellable::Held => {
                let provider = self.server(asked.provider)?;
                let permit = provider.cancel_provision(serial, now).await?;
                self.core
                    .record_exchange(&subject, &cancelled(), Some(permit.clone()), now)
                    .await?;
                Some(permit)
            }
            Cancellable::BeforeBegin => None,
        };
        inquirer
            .end_exchange(&subject, cancelled(), permit, now)
            .await?;
        self.tally.count(ResultCode::Cancelled);
        Ok(())
    }

    /// Finishes what a crash interrupted: cancellations and expiries that the provider has recorded and the inquirer
    /// has not. Only while nobody can cancel.
    ///
    /// # Errors
    /// When a record or the state cannot be read or written.
    pub(super) async fn finish_ending(&self, inquiry: &Inquiry) -> Result<(), WorldFault> {
        let inquirer = self.server(inquiry.inquirer)?;
        for (serial, detail, asked) in inquiry.exchanges() {
            if !inquirer.is_held(serial)? {
                continue;
            }
            let provider = self.server(asked.provider)?;
            let Some((outcome, permit)) = provider.finish_ending(serial).await? else {
                continue;
            };
            let now = self.now();
            let subject = inquiry.subject(serial, detail, asked);
            if self.core.record_of(serial)?.is_none() {
                self.core
                    .record_exchange(&subject, &outcome, permit.clone(), now)
                    .await?;
            }
            inquirer
                .end_exchange(&subject, outcome, permit, now)
                .await?;
        }
        Ok(())
    }
}
