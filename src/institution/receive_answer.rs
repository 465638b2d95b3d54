//! Takes what came back of an exchange: writes the inquirer's record first, and only then lets the answer be fetched. SKI.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer, provide::hex_digest};
use crate::domain::{
    exchange::{ProvisionReply, Relayed, Side, Subject},
    inquiry::{ExchangeEvent, ExchangeState},
    names::ProcessingSerial,
    person::Symbol,
    record::ProvisionRecord,
};

/// What became of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It has ended; other exchanges of its inquiry may not have.
    Ended,
    /// It has ended as the last of its inquiry, and the state says so.
    EndedLast,
    /// The provider holds it.
    Held,
}

impl IntermediateServer {
    /// Records the end of an exchange, or that it is held, and lets the answer be fetched. Who waits for it hears of
    /// it by [`IntermediateServer::announce`]. `symbol` is the one that the request went with, else what
    /// [`IntermediateServer::symbol_of`] finds.
    ///
    /// # Errors
    /// When the record cannot be written: the answer stays unseen then. When the exchange has ended already.
    pub async fn receive_answer(
        &self,
        subject: &Subject,
        symbol: Option<Symbol>,
        relayed: Relayed,
        now: Timestamp,
    ) -> Result<Received, ActFault> {
        let serial = subject.serial;
        let seen = self.around.state.exchange(serial)?;
        let (version, state) = match seen {
            Some((version, state)) => (Some(version), state),
            None => (None, ExchangeState::Accepted),
        };
        let event = match relayed.reply {
            ProvisionReply::Held => ExchangeEvent::Held { at: now },
            ProvisionReply::Ended(outcome, answer) => ExchangeEvent::Ended {
                at: now,
                outcome,
                answer,
            },
        };
        let next = state.apply(event)?;
        let recorded = match &next {
            ExchangeState::Accepted | ExchangeState::Waiting { .. } => None,
            ExchangeState::Ended { outcome, .. } => {
                let (permit_id, permission_row) = relayed.permit.unzip();
                let record = ProvisionRecord {
                    side: Side::Inquirer,
                    subject: subject.clone(),
                    outcome: outcome.clone(),
                    permit_id,
                    permission_row,
                    symbol_digest: symbol.map(|symbol| hex_digest(&symbol.0)),
                };
                let records = &self.around.records;
                Some(records.write_once(self.keeper(), record, now).await?)
            }
        };
        let is_last = recorded.is_some() && self.progress.is_last(serial.receipt);
        let end = recorded
            .as_ref()
            .map(|recorded| (&recorded.place, is_last.then_some(now)));
        self.around
            .state
            .move_exchange(serial, version, &next, end)
            .await?;
        Ok(match recorded {
            Some(_) if is_last => Received::EndedLast,
            Some(_) => Received::Ended,
            None => Received::Held,
        })
    }

    /// Tells who waits for the inquiry, and closes it after its last exchange.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn announce(
        &self,
        serial: ProcessingSerial,
        received: Received,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        match received {
            Received::Held => self.progress.held(serial),
            Received::Ended | Received::EndedLast => {
                if self.progress.ended(serial) {
                    if received == Received::Ended {
                        let state = &self.around.state;
                        let ended = state.end_inquiry(self.profile.code, serial.receipt, now);
                        ended.await?;
                    }
                    self.progress.close(serial.receipt);
                }
            }
        }
        Ok(())
    }

    /// The symbol here of the person whom an exchange is about; nothing where none is linked.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn symbol_of(&self, serial: ProcessingSerial) -> Result<Option<Symbol>, ActFault> {
        let state = &self.around.state;
        let Some(inquiry) = state.inquiry(self.profile.code, serial.receipt)? else {
            return Ok(None);
        };
        let Some(detail) = inquiry.details.get(usize::from(serial.detail)) else {
            return Ok(None);
        };
        Ok(state.symbol((self.profile.code, detail.addressee))?)
    }
}
