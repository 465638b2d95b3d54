//! 住基ネット: takes symbol requests over and brings them, server by server, to the core system. It alone reads 個人番号 and
//! 住民票コード; both lie sealed in its queues.

mod asked;
mod forward;
mod identity;

use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::NetworkFault;
use crate::{
    crypto::vault::Vault,
    domain::{
        acquisition::{AcquisitionRefusal, SerialDigest},
        person::{IndividualNumber, ResidentCode},
        refusal::Refusal,
        symbol_request::{
            ResidentNetworkPlan, SealedNumber, Station, SymbolRequest, SymbolRequestEvent,
        },
    },
    store::{InTransit, State, StoreFault},
};

pub use asked::{
    Asked, AtNationalServer, Ending, MovedResident, NewEntry, ResidentAnswer, ResidentDraft,
};
pub use forward::{AtCore, Moved};

/// The resident network of one world.
pub struct ResidentNetwork {
    state: State,
    vault: Vault,
    plan: RwLock<ResidentNetworkPlan>,
    stirred: Notify,
    answering: tokio::sync::Mutex<()>,
}

/// What the national server knows of a 個人番号.
#[derive(Debug)]
pub enum Resident {
    /// It is a resident's.
    Known(ResidentCode),
    /// It was a resident's, who has another one now.
    NumberChanged,
    /// It is nobody's.
    Unknown,
}

impl ResidentNetwork {
    /// The resident network with its queues in `state`, sealed by `vault`.
    pub fn new(state: State, vault: Vault, plan: ResidentNetworkPlan) -> Self {
        Self {
            state,
            vault,
            plan: RwLock::new(plan),
            stirred: Notify::new(),
            answering: tokio::sync::Mutex::default(),
        }
    }

    /// How it behaves.
    pub fn plan(&self) -> ResidentNetworkPlan {
        let plan = self.plan.read().unwrap_or_else(PoisonError::into_inner);
        plan.clone()
    }

    /// Sets how it behaves.
    pub fn set_plan(&self, plan: ResidentNetworkPlan) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
        self.stirred.notify_one();
    }

    /// Comes back when a request was accepted or the plan was set since the last time.
    pub async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Whether the communication server takes requests over.
    ///
    /// # Errors
    /// When the network is outside its hours or its communication server is down.
    pub fn is_open(&self, now: Timestamp) -> Result<(), Refusal> {
        let plan = self.plan();
        if plan.down.contains(&Station::CommunicationServer) {
            return Err(Refusal::ResidentNetworkDown);
        }
        if !plan.hours.is_none_or(|hours| hours.hold(now)) {
            return Err(Refusal::ResidentNetworkClosed);
        }
        Ok(())
    }

    /// Takes a symbol request over at the communication server.
    ///
    /// # Errors
    /// When the network is outside its hours or its communication server is down; when a request with this serial is
    /// on its way already.
    pub async fn accept(
        &self,
        serial: SerialDigest,
        number: &IndividualNumber,
        now: Timestamp,
    ) -> Result<(), NetworkFault> {
        self.is_open(now)?;
        let number = SealedNumber(self.vault.seal(&serial.0, number.expose().as_bytes())?);
        let accepted = InTransit {
            serial,
            request: SymbolRequest::AtCommunicationServer { number, since: now },
            polls: 0,
        };
        match self.state.keep_symbol_request(None, &accepted).await {
            Err(StoreFault::Conflict { .. }) => {
                return Err(Refusal::from(AcquisitionRefusal::SerialUnknown).into());
            }
            kept => kept?,
        }
        self.stirred.notify_one();
        Ok(())
    }

    /// Counts that the institution has asked how this acquisition stands.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn count_poll(&self, serial: SerialDigest) -> Result<(), NetworkFault> {
        let Some((version, mut kept)) = self.state.symbol_request(serial)? else {
            return Ok(());
        };
        kept.polls = kept.polls.saturating_add(1);
        match self.state.keep_symbol_request(Some(version), &kept).await {
            // It moved on at the same moment: the question was about the server before.
            Err(StoreFault::Conflict { .. }) => Ok(()),
            kept => Ok(kept?),
        }
    }

    /// The requests on their way.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn requests(&self) -> Result<Vec<InTransit>, NetworkFault> {
        Ok(self.state.symbol_requests()?)
    }

    /// Where a request is and since when; nothing when none with this serial is on its way.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn place(
        &self,
        serial: SerialDigest,
    ) -> Result<Option<(Station, Timestamp)>, NetworkFault> {
        let kept = self.state.symbol_request(serial)?;
        Ok(kept.and_then(|(_, kept)| kept.request.place()))
    }

    /// Ends a request whose outcome has reached the institution, and destroys it.
    ///
    /// # Errors
    /// When the state cannot be written, or the request cannot end like this.
    pub async fn end(
        &self,
        serial: SerialDigest,
        event: SymbolRequestEvent,
    ) -> Result<(), NetworkFault> {
        let Some((_, kept)) = self.state.symbol_request(serial)? else {
            return Ok(());
        };
        kept.request.apply(event)?;
        Ok(self.state.destroy_symbol_request(serial).await?)
    }
}
