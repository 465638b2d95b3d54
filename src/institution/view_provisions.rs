//! Shows the provider the requests that it received. TKY.

use super::{ActFault, IntermediateServer};
use crate::{
    domain::{
        names::ProcessingSerial,
        provision::Provision,
        refusal::{Refusal, Thing},
    },
    store::{Page, PageOf},
};

impl IntermediateServer {
    /// One request that was received.
    ///
    /// # Errors
    /// When none has this serial, or the state cannot be read.
    pub fn provision(&self, serial: ProcessingSerial) -> Result<Provision, ActFault> {
        let found = self.around.state.provision(self.profile.code, serial)?;
        let (_, provision) = found.ok_or(Refusal::NotFound(Thing::Provision))?;
        Ok(provision)
    }

    /// The requests that were received, in the order of their arrival.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn provisions(&self, page: Page) -> Result<PageOf<Provision>, ActFault> {
        Ok(self.around.state.provisions(self.profile.code, page)?)
    }

    /// The requests that wait for a human, in the order of their arrival.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn waiting_provisions(&self, page: Page) -> Result<PageOf<Provision>, ActFault> {
        let state = &self.around.state;
        Ok(state.waiting_provisions(self.profile.code, page)?)
    }
}
