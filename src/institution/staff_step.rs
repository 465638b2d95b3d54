//! What every step of the staff with a held request has in common: who may take it, on what it rests, and its record.

use jiff::Timestamp;
use tokio::sync::watch;

use super::{ActFault, AtWork, IntermediateServer};
use crate::{
    domain::{
        deciding::{ContentDigest, StaffStep},
        names::ProcessingSerial,
        operation::{OperationKind, OperationOutcome},
        provision::{Provision, ProvisionEvent},
        record::Entry,
        refusal::{Refusal, Thing},
        staff::{Act, Authority},
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
    pub staff: AtWork,
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

    /// The request that a step is about, if it is still as it was seen, and the authority to take the step with it.
    pub(super) fn as_seen<'a>(
        &self,
        step: &'a Step,
        act: Act,
    ) -> Result<(Provision, Authority<'a>), ActFault> {
        let authority = step.staff.authority(act)?;
        let state = &self.around.state;
        let found = state.provision(self.profile.code, step.serial)?;
        let (version, provision) = found.ok_or(Refusal::NotFound(Thing::Provision))?;
        let authority = authority.for_affair(provision.subject.affair);
        let authority = authority.map_err(Refusal::from)?;
        if version == step.seen {
            Ok((provision, authority))
        } else {
            Err(Refusal::ProvisionMoved.into())
        }
    }

    /// Records a step that ends nothing, and then moves the request on.
    pub(super) async fn take_step(
        &self,
        step: &Step,
        (mut provision, event): (Provision, ProvisionEvent),
        (name, content): (StaffStep, Option<ContentDigest>),
    ) -> Result<(), ActFault> {
        provision.state = provision.state.apply(event)?;
        let entry = step_entry(step, name, content);
        let (records, state) = (&self.around.records, &self.around.state);
        records.write(self.keeper(), &entry, step.at).await?;
        state.move_provision(step.seen, &provision, None).await?;
        self.queue_changed();
        Ok(())
    }

    /// Puts a step on record that was refused. A void approval is on record already.
    pub(super) async fn or_refused<T>(
        &self,
        step: &Step,
        act: Act,
        taken: Result<T, ActFault>,
    ) -> Result<T, ActFault> {
        if let Err(ActFault::Refused(refusal)) = &taken {
            let void = act == Act::ApproveProvision && *refusal == Refusal::ContentChanged;
            if !void {
                let on = Some(step.serial.to_string());
                let mut operation = step.staff.operation(OperationKind::Act(act), on);
                operation.outcome = OperationOutcome::refused(refusal);
                self.record_operation(operation, step.at).await?;
            }
        }
        taken
    }
}

/// 操作記録 of a step that was taken.
pub(super) fn step_entry(step: &Step, name: StaffStep, content: Option<ContentDigest>) -> Entry {
    let what = OperationKind::Provision {
        step: name,
        content,
    };
    Entry::Operation(step.staff.operation(what, Some(step.serial.to_string())))
}
