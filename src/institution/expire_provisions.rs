//! 期限: what becomes of held requests that waited longer than they may. TKY.

use jiff::Timestamp;

use super::{ActFault, Ending, IntermediateServer};
use crate::domain::{
    names::ProcessingSerial,
    provision::{Provision, ProvisionEvent},
    record::Entry,
};

impl IntermediateServer {
    /// Ends or escalates what has waited too long, as it is set; returns what ended.
    ///
    /// # Errors
    /// When the state cannot be read, or a record not written.
    pub async fn expire_provisions(&self, now: Timestamp) -> Result<Vec<Ending>, ActFault> {
        let _alone = self.deciding.lock().await;
        let waiting = self
            .around
            .state
            .all_waiting_provisions(self.profile.code)?;
        let mut ended = Vec::new();
        for provision in waiting {
            let serial = provision.subject.serial;
            match provision.state.overdue(self.around.hold, now) {
                None => {}
                Some(event @ ProvisionEvent::Escalated { .. }) => {
                    self.escalate((serial, provision, event), now).await?;
                }
                Some(event) => ended.extend(self.end_waiting(serial, event, now).await?),
            }
        }
        Ok(ended)
    }

    async fn escalate(
        &self,
        (serial, mut provision, event): (ProcessingSerial, Provision, ProvisionEvent),
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let (records, state) = (&self.around.records, &self.around.state);
        let Some((version, _)) = state.provision(self.profile.code, serial)? else {
            return Ok(());
        };
        provision.state = provision.state.apply(event)?;
        let entry = Entry::Escalated { serial };
        records.write(self.keeper(), &entry, now).await?;
        state.move_provision(version, &provision, None).await?;
        self.queue_changed();
        Ok(())
    }
}
