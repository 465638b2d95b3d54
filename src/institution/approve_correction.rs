//! 副本の登録・訂正の承認: the approval is kept first, then comes the record, then the replica changes. DBM.

use jiff::Timestamp;

use super::{
    ActFault, CorrectionAct, IntermediateServer,
    correct_replica::{content, operation},
};
use crate::{
    domain::{
        correction::{
            Change, CorrectionEvent, CorrectionRefusal, CorrectionState, CorrectionStep, Returned,
        },
        names::CorrectionNumber,
        operation::{Operation, OperationKind},
        record::Entry,
        refusal::{Refusal, Thing},
        replica::Replica,
        staff::Act,
    },
    store::{EncodedReplica, ReplicaEnd, StoreFault},
};

/// How often a write is tried when a business system changes the same replica at the same moment.
const ATTEMPTS: u32 = 5;

impl IntermediateServer {
    /// 承認: changes the replica as it was proposed.
    ///
    /// # Errors
    /// When the superior may not or is the person who proposed it, or the proposal has moved on; when the replica has
    /// changed since: the proposal is sent back then; when the record or the state cannot be written.
    pub async fn approve_correction(&self, step: CorrectionAct) -> Result<(), ActFault> {
        let _alone = self.deciding.lock().await;
        let approved = self.approve_proposed(&step).await;
        self.or_step_refused(&step, Act::ApproveCorrection, approved)
            .await
    }

    async fn approve_proposed(&self, step: &CorrectionAct) -> Result<(), ActFault> {
        let (mut correction, authority) = self.correction_as_seen(step, Act::ApproveCorrection)?;
        let eyes = self.around.hold.four_eyes;
        let consent = correction.state.consent(&authority, eyes, step.at)?;
        let Some(proposed) = correction.state.proposed() else {
            return Err(Refusal::from(CorrectionRefusal::NotWaiting).into());
        };
        let before = self
            .seen_replica(&correction.replica)?
            .map(|(_, before)| before);
        let now = content(before.as_ref(), &proposed.change)?;
        let registered = match &proposed.change {
            Change::Register(_) => Entry::ReplicasRegistered { count: 1 },
            Change::Delete => Entry::ReplicasDeleted { count: 1 },
        };
        let event = match consent.approve(now) {
            Ok(event) => event,
            Err(void) => {
                let (at, by, note) = (step.at, None, None);
                let event = CorrectionEvent::SentBack(Returned { at, by, note });
                let name = (CorrectionStep::ApprovalVoid, now);
                self.take_correction_step(step, (correction, event), name)
                    .await?;
                return Err(void.into());
            }
        };
        correction.state = correction.state.apply(event).map_err(Refusal::from)?;
        let (records, state) = (&self.around.records, &self.around.state);
        state
            .move_correction(self.profile.code, step.seen, &correction)
            .await?;
        let number = step.number;
        let operation = operation(&step.staff, number, (CorrectionStep::Approved, now));
        let both = (&registered, &Entry::Operation(operation));
        records.write_both(self.keeper(), both, step.at).await?;
        self.make_correction(number).await
    }

    /// Undoes the approvals that a crash kept from their record, and makes the others. Only while nobody can decide.
    ///
    /// # Errors
    /// When the state or a record cannot be read, or the state not written.
    pub async fn finish_corrections(&self) -> Result<(), ActFault> {
        let (state, institution) = (&self.around.state, self.profile.code);
        for number in state.open_corrections(institution)? {
            let Some((seen, mut correction)) = state.correction(institution, number)? else {
                continue;
            };
            let CorrectionState::Approved { at, .. } = correction.state else {
                continue;
            };
            if self.approval_is_recorded(number, at)? {
                self.make_correction(number).await?;
            } else {
                let undone = correction.state.apply(CorrectionEvent::Undone);
                correction.state = undone.map_err(Refusal::from)?;
                state
                    .move_correction(institution, seen, &correction)
                    .await?;
            }
        }
        Ok(())
    }

    fn approval_is_recorded(
        &self,
        number: CorrectionNumber,
        at: Timestamp,
    ) -> Result<bool, ActFault> {
        let is_it = |operation: &Operation| {
            let approved = matches!(
                operation.what,
                OperationKind::Correction {
                    step: CorrectionStep::Approved,
                    ..
                }
            );
            approved && operation.on == Some(number.to_string())
        };
        let mut before = None;
        loop {
            let records = &self.around.records;
            let (found, next) = records.operations(self.keeper(), before, 1, |placed| {
                placed.at < at || is_it(&placed.operation)
            })?;
            if let Some(placed) = found.first() {
                return Ok(is_it(&placed.operation));
            }
            if next.is_none() {
                return Ok(false);
            }
            before = next;
        }
    }

    /// Changes the replica as an approval says that is on record. What was registered after the approval stands.
    async fn make_correction(&self, number: CorrectionNumber) -> Result<(), ActFault> {
        let (state, institution) = (&self.around.state, self.profile.code);
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let Some((seen, mut correction)) = state.correction(institution, number)? else {
                return Err(Refusal::NotFound(Thing::Correction).into());
            };
            let CorrectionState::Approved { proposed, at, .. } = &correction.state else {
                return Ok(());
            };
            let replica = self.seen_replica(&correction.replica)?;
            let before = replica.as_ref().map(|(version, _)| *version);
            let replica = replica.map(|(_, replica)| replica);
            let end = match &proposed.change {
                change if content(replica.as_ref(), change)? != proposed.content => {
                    ReplicaEnd::Stay
                }
                Change::Register(after) => {
                    let after = Replica {
                        registered_at: *at,
                        ..(**after).clone()
                    };
                    ReplicaEnd::Register(EncodedReplica::of(&after)?)
                }
                Change::Delete => ReplicaEnd::Delete,
            };
            let made = correction.state.apply(CorrectionEvent::Made);
            correction.state = made.map_err(Refusal::from)?;
            let made = state.make_correction(institution, (seen, &correction), (before, end));
            match made.await {
                Err(StoreFault::Conflict { .. }) if attempts > 0 => {}
                made => return Ok(made?),
            }
        }
    }
}
