//! What every step of the staff with a held request has in common: it rests on what was seen, and leaves a record.

use jiff::Timestamp;
use tokio::sync::watch;

use super::{ActFault, IntermediateServer};
use crate::{
    domain::{
        deciding::{ContentDigest, Hand},
        names::ProcessingSerial,
        provision::{Provision, ProvisionEvent},
        record::{Entry, StaffStep},
        refusal::{Refusal, Thing},
    },
    store::Version,
};

/// A step of a member of the staff with one held request.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which request.
    pub serial: ProcessingSerial,
    /// As which write left it when the staff looked at it.
    pub seen: Version,
    /// Who takes the step.
    pub by: Hand,
    /// When.
    pub at: Timestamp,
}

impl IntermediateServer {
    /// Tells of every change of the queue of held requests.
    pub fn queue_changes(&self) -> watch::Receiver<()> {
        self.queue.subscribe()
    }

    pub(super) fn queue_changed(&self) {
        self.queue.send_replace(());
    }

    /// The request that a step is about, if it is still as it was seen.
    pub(super) fn as_seen(&self, step: &Step) -> Result<Provision, ActFault> {
        let found = self
            .around
            .state
            .provision(self.profile.code, step.serial)?;
        let (version, provision) = found.ok_or(Refusal::NotFound(Thing::Provision))?;
        if version == step.seen {
            Ok(provision)
        } else {
            Err(Refusal::ProvisionMoved.into())
        }
    }

    /// Records a step that ends nothing, and then moves the request on.
    pub(super) async fn take_step(
        &self,
        step: Step,
        (mut provision, event): (Provision, ProvisionEvent),
        (name, content): (StaffStep, Option<ContentDigest>),
    ) -> Result<(), ActFault> {
        provision.state = provision.state.apply(event)?;
        let entry = step_entry(&step, name, content);
        let records = &self.around.records;
        records.write(self.keeper(), &entry, step.at).await?;
        self.around
            .state
            .move_provision(step.seen, &provision, None)
            .await?;
        self.queue_changed();
        Ok(())
    }
}

pub(super) fn step_entry(step: &Step, name: StaffStep, content: Option<ContentDigest>) -> Entry {
    Entry::ProvisionStep {
        serial: step.serial,
        step: name,
        by: step.by.clone(),
        content,
    }
}
