//! 取消: cancels the exchanges that are held, or that have not begun. SKI, and TKY for the provider's part.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::domain::{
    deciding::expired,
    exchange::{Outcome, ProvisionReply, Relayed, Side, Subject},
    inquiry::{ExchangeState, Inquiry, OutOfOrder},
    names::{PermitId, ProcessingSerial},
    provision::ProvisionEvent,
    refusal::{Refusal, Thing},
    result::ResultCode,
};

/// How an exchange can be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellable {
    /// It has not begun; nobody else knows of it.
    BeforeBegin,
    /// The provider holds it.
    Held,
}

impl IntermediateServer {
    /// The exchanges of an inquiry that can be cancelled now. Those that had not begun never will.
    ///
    /// # Errors
    /// When the inquiry is not known, or every exchange has ended.
    pub fn cancellable(
        &self,
        inquiry: &Inquiry,
    ) -> Result<Vec<(ProcessingSerial, Cancellable)>, ActFault> {
        let mut found = Vec::new();
        let mut all_ended = true;
        for (serial, ..) in inquiry.exchanges() {
            let state = self.around.state.exchange(serial)?;
            match state.map(|(_, state)| state) {
                None | Some(ExchangeState::Accepted) => {
                    all_ended = false;
                    if self.progress.cancel_before_begin(serial) {
                        found.push((serial, Cancellable::BeforeBegin));
                    }
                }
                Some(ExchangeState::Waiting { .. }) => {
                    all_ended = false;
                    found.push((serial, Cancellable::Held));
                }
                Some(ExchangeState::Ended { .. }) => {}
            }
        }
        if all_ended {
            return Err(Refusal::InquiryEnded.into());
        }
        Ok(found)
    }

    /// The provider's part: takes a held request back. Returns its permit and the row that allowed it.
    ///
    /// # Errors
    /// When it is not held any more.
    pub async fn cancel_provision(
        &self,
        serial: ProcessingSerial,
        now: Timestamp,
    ) -> Result<(PermitId, String), ActFault> {
        let _alone = self.deciding.lock().await;
        let found = self.around.state.provision(self.profile.code, serial)?;
        let (version, mut provision) = found.ok_or(Refusal::NotFound(Thing::Provision))?;
        if provision.state.waiting().is_none() {
            return Err(OutOfOrder.into());
        }
        provision.state = provision.state.apply(ProvisionEvent::Cancelled {
            at: now,
            outcome: cancelled(),
        })?;
        let entry = super::provide::entry_of(&provision);
        let records = &self.around.records;
        let recorded = records.write(self.keeper(), &entry, now).await?;
        self.around
            .state
            .move_provision(version, &provision, Some(&recorded.place))
            .await?;
        self.queue_changed();
        Ok((provision.permit_id, provision.permission_row))
    }

    /// The provider's part of a cancellation or an expiry that a crash interrupted: does what its own record says.
    /// Returns how it ended, the permit and the row that allowed it; nothing when it has recorded neither.
    ///
    /// # Errors
    /// When the record cannot be read, or the state not written.
    pub async fn finish_ending(
        &self,
        serial: ProcessingSerial,
    ) -> Result<Option<(Outcome, Option<(PermitId, String)>)>, ActFault> {
        let state = &self.around.state;
        let found = self.around.records.record(self.keeper(), serial)?;
        let Some(placed) = found else { return Ok(None) };
        let (at, record) = (placed.recorded_at, placed.record);
        let outcome = record.outcome;
        let event = if outcome == cancelled() {
            let outcome = outcome.clone();
            ProvisionEvent::Cancelled { at, outcome }
        } else if outcome == expired() {
            let outcome = outcome.clone();
            ProvisionEvent::Expired { at, outcome }
        } else {
            return Ok(None);
        };
        if let Some((version, mut provision)) = state.provision(self.profile.code, serial)?
            && provision.state.waiting().is_some()
        {
            provision.state = provision.state.apply(event)?;
            state.move_provision(version, &provision, None).await?;
        }
        Ok(Some((outcome, record.permit_id.zip(record.permission_row))))
    }

    /// Whether an exchange of this inquirer is held by the provider.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn is_held(&self, serial: ProcessingSerial) -> Result<bool, ActFault> {
        let state = self.around.state.exchange(serial)?;
        Ok(matches!(state, Some((_, ExchangeState::Waiting { .. }))))
    }

    /// Whether an exchange of this inquirer has not ended; not for one that belongs to no inquiry.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn awaits(&self, serial: ProcessingSerial) -> Result<bool, ActFault> {
        let state = &self.around.state;
        if state.inquiry(self.profile.code, serial.receipt)?.is_none() {
            return Ok(false);
        }
        let found = state.exchange(serial)?;
        Ok(!matches!(found, Some((_, ExchangeState::Ended { .. }))))
    }

    /// The inquirer's part: ends the exchange without an answer and records it.
    ///
    /// # Errors
    /// When the record cannot be written, or the exchange has ended.
    pub async fn end_exchange(
        &self,
        subject: &Subject,
        outcome: Outcome,
        permit: Option<(PermitId, String)>,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let relayed = Relayed {
            reply: ProvisionReply::Ended(outcome, None),
            permit,
        };
        let symbol = self.symbol_of(subject.serial)?;
        let received = self.receive_answer(subject, symbol, relayed, now).await?;
        self.announce(subject.serial, received, now).await
    }
}

/// How a cancelled exchange ends, in all records.
pub fn cancelled() -> Outcome {
    Outcome::without_answer(ResultCode::Cancelled, Side::Inquirer)
}
