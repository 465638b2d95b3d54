//! The inquirer's own checks before an exchange goes to the network: symbol present, permission on its own list. SKI.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::domain::{
    exchange::{ExchangeRequest, Outcome, Side},
    inquiry::{Asked, Detail, Inquiry},
    names::ProcessingSerial,
    permission_list::{Decision, Permission, Question},
    result::ResultCode,
};

/// What comes of the checks.
#[derive(Debug)]
pub enum Prepared {
    /// The exchange goes to the core system. The row of the inquirer's own list allows it.
    Send(Box<ExchangeRequest>, Permission),
    /// The inquirer ended it, and why.
    Ended(Outcome, &'static str),
    /// It was cancelled before it began.
    Cancelled,
}

impl IntermediateServer {
    /// Checks one exchange of an accepted inquiry and makes the request to the core system.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn prepare_exchange(
        &self,
        inquiry: &Inquiry,
        (serial, detail, asked): (ProcessingSerial, &Detail, &Asked),
        now: Timestamp,
    ) -> Result<Prepared, ActFault> {
        if !self.progress.begin(serial) {
            return Ok(Prepared::Cancelled);
        }
        let ended = |code, why| Prepared::Ended(Outcome::without_answer(code, Side::Inquirer), why);
        let Some(symbol) = self
            .around
            .state
            .symbol((self.profile.code, detail.addressee))?
        else {
            return Ok(ended(ResultCode::SymbolMissing, "符号が未取得"));
        };
        let Some(provider) = self.around.directory.find(asked.provider) else {
            return Ok(ended(
                ResultCode::CommunicationError,
                "提供機関が存在しない",
            ));
        };
        let question = Question {
            inquirer: &self.profile,
            affair: inquiry.affair,
            procedure: inquiry.procedure,
            provider,
            specific_info: asked.specific_info,
            at: now,
        };
        match self.permission(&question) {
            Err(_) => Ok(ended(
                ResultCode::PermissionListUnusable,
                "照会許可照合リストの写しが古いか、ない",
            )),
            Ok(Decision::Refused(_)) => Ok(ended(
                ResultCode::NotPermitted,
                "照会許可照合リストに該当する行がない",
            )),
            Ok(Decision::Allowed(permission)) => {
                let request = ExchangeRequest {
                    subject: inquiry.subject(serial, detail, asked),
                    symbol,
                    sealing_key: inquiry.sealing_key,
                };
                Ok(Prepared::Send(Box::new(request), permission))
            }
        }
    }

    /// Whether the exchange has ended or is held, so that there is nothing to send.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn has_moved(&self, serial: ProcessingSerial) -> Result<bool, ActFault> {
        Ok(self.around.state.exchange(serial)?.is_some())
    }

    /// Notes that the core system has the request.
    pub fn sent_to_provider(&self, serial: ProcessingSerial) {
        self.progress.with_provider(serial);
    }
}
