//! Ends a held request as a superior decided: the sealed answer is kept first, then comes the record, then the answer may
//! leave. TKY.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer, Step, provide::entry_of, staff_step::step_entry};
use crate::domain::{
    deciding::{Sent, StaffStep},
    exchange::{Outcome, SealedAnswer, Subject},
    names::{PermitId, ProcessingSerial},
    provision::{Provision, ProvisionEvent, ProvisionState},
    words::Note,
};

/// How a held request ended at the provider, for the core system and the inquirer. It is on record there.
#[derive(Debug, Clone)]
pub struct Ending {
    /// What it is about.
    pub subject: Subject,
    /// How it ended.
    pub outcome: Outcome,
    /// The sealed answer, where there is one.
    pub answer: Option<SealedAnswer>,
    /// What the staff has to say about a refusal.
    pub note: Option<Note>,
    /// The permit and the row that allowed it, where there was one.
    pub permit: Option<(PermitId, String)>,
}

impl Ending {
    pub(super) fn of(provision: &Provision) -> Option<Self> {
        let (outcome, answer, note) = match &provision.state {
            ProvisionState::Received
            | ProvisionState::Held { .. }
            | ProvisionState::Checked { .. }
            | ProvisionState::SentBack { .. } => return None,
            ProvisionState::Answered {
                outcome, answer, ..
            } => (outcome, answer.clone(), None),
            ProvisionState::Ended { outcome, .. } => (outcome, None, None),
            ProvisionState::Decided { decision, .. } => match &decision.sent {
                Sent::Answer(answer) => (&decision.outcome, Some(answer.clone()), None),
                Sent::NoData => (&decision.outcome, None, None),
                Sent::Refusal(grounds) => (&decision.outcome, None, grounds.note.clone()),
            },
        };
        Some(Self {
            subject: provision.subject.clone(),
            outcome: outcome.clone(),
            answer,
            note,
            permit: Some((provision.permit_id, provision.permission_row.clone())),
        })
    }
}

impl IntermediateServer {
    /// Keeps a decision with its sealed answer, and then records it together with the step that made it. A decision
    /// without its record does not count: [`Self::undo_unrecorded`].
    pub(super) async fn conclude(
        &self,
        step: &Step,
        (mut provision, event): (Provision, ProvisionEvent),
        name: StaffStep,
    ) -> Result<Ending, ActFault> {
        provision.state = provision.state.apply(event)?;
        let Some(ending) = Ending::of(&provision) else {
            return Err(crate::domain::inquiry::OutOfOrder.into());
        };
        let (records, state) = (&self.around.records, &self.around.state);
        state.move_provision(step.seen, &provision, None).await?;
        let both = (&entry_of(&provision), &step_entry(step, name, None));
        let recorded = records.write_both(self.keeper(), both, step.at).await?;
        let noted = records.note(self.keeper(), step.serial, &recorded.place);
        noted.await?;
        self.queue_changed();
        Ok(ending)
    }

    /// Notes that the inquirer has what the rules answered, and its record: the sealed answer is not kept any longer.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn settle_answered(&self, mut provision: Provision) -> Result<(), ActFault> {
        provision.state = provision.state.apply(ProvisionEvent::Delivered)?;
        Ok(self.around.state.settle_answered(&provision).await?)
    }

    /// What the rules answered and a crash kept from the inquirer. An answer without its record does not count and is
    /// forgotten: nobody has seen it. Only while nothing is provided.
    ///
    /// # Errors
    /// When the state or a record cannot be read, or the state not written.
    pub async fn answered_on_record(&self) -> Result<Vec<(Provision, Ending)>, ActFault> {
        let (state, mut found) = (&self.around.state, Vec::new());
        for provision in state.answered_provisions(self.profile.code)? {
            let serial = provision.subject.serial;
            let placed = self.around.records.record(self.keeper(), serial)?;
            let counts =
                placed.is_some_and(|placed| placed.record.permit_id == Some(provision.permit_id));
            match Ending::of(&provision).filter(|_| counts) {
                Some(ending) => found.push((provision, ending)),
                None => state.forget_provision(&provision).await?,
            }
        }
        Ok(found)
    }

    /// Notes that the inquirer has its answer and its record: the sealed answer is not kept any longer.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn settle_provision(&self, serial: ProcessingSerial) -> Result<(), ActFault> {
        let _alone = self.deciding.lock().await;
        let found = self.around.state.provision(self.profile.code, serial)?;
        if let Some((version, mut provision)) = found
            && matches!(provision.state, ProvisionState::Decided { .. })
        {
            provision.state = provision.state.apply(ProvisionEvent::Delivered)?;
            let state = &self.around.state;
            state.move_provision(version, &provision, None).await?;
            self.queue_changed();
        }
        Ok(())
    }

    /// Undoes the decisions that a crash kept from their record, and returns those that are on record and did not reach
    /// the inquirer. Only while nobody can decide.
    ///
    /// # Errors
    /// When the state or a record cannot be read, or the state not written.
    pub async fn undo_unrecorded(&self) -> Result<Vec<Ending>, ActFault> {
        let (state, mut recorded) = (&self.around.state, Vec::new());
        for seen in state.all_waiting_provisions(self.profile.code)? {
            let ProvisionState::Decided { decision, .. } = &seen.state else {
                continue;
            };
            let serial = seen.subject.serial;
            let record = self.around.records.record(self.keeper(), serial)?;
            if record.is_some_and(|placed| placed.record.outcome == decision.outcome) {
                recorded.extend(Ending::of(&seen));
            } else if let Some((version, mut provision)) =
                state.provision(self.profile.code, serial)?
            {
                provision.state = provision.state.apply(ProvisionEvent::Undone)?;
                state.move_provision(version, &provision, None).await?;
            }
        }
        Ok(recorded)
    }

    /// Ends a request without a decision of the staff: the record first.
    pub(super) async fn end_waiting(
        &self,
        serial: ProcessingSerial,
        event: ProvisionEvent,
        now: Timestamp,
    ) -> Result<Option<Ending>, ActFault> {
        let (records, state) = (&self.around.records, &self.around.state);
        let Some((version, mut provision)) = state.provision(self.profile.code, serial)? else {
            return Ok(None);
        };
        provision.state = provision.state.apply(event)?;
        let entry = entry_of(&provision);
        let recorded = records.write(self.keeper(), &entry, now).await?;
        let place = Some(&recorded.place);
        state.move_provision(version, &provision, place).await?;
        self.queue_changed();
        Ok(Ending::of(&provision))
    }
}
