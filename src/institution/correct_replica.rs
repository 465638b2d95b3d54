//! 差戻し and 取下げ of what is proposed for a replica, and what every step with a proposal has in common. DBM.

use jiff::Timestamp;

use super::{ActFault, AtWork, IntermediateServer};
use crate::{
    crypto::digest::sha256,
    domain::{
        correction::{Change, Correction, CorrectionEvent, CorrectionRefusal, CorrectionStep},
        deciding::ContentDigest,
        names::CorrectionNumber,
        operation::{Operation, OperationKind, OperationOutcome},
        refusal::{Refusal, Thing},
        replica::{Replica, ReplicaName},
        staff::{Act, Authority},
        words::Note,
    },
    store::Version,
};

/// A step of a member of the staff with one proposal.
#[derive(Debug, Clone)]
pub struct CorrectionAct {
    /// Which proposal.
    pub number: CorrectionNumber,
    /// As which write left it when the staff looked at it.
    pub seen: Version,
    /// Who takes the step.
    pub staff: AtWork,
    /// When.
    pub at: Timestamp,
}

impl IntermediateServer {
    /// 差戻し: sends a proposal back to the clerks.
    ///
    /// # Errors
    /// When who sends it back may not, or it has moved on; when the record or the state cannot be written.
    pub async fn send_back_correction(
        &self,
        step: CorrectionAct,
        note: Option<Note>,
    ) -> Result<(), ActFault> {
        let _alone = self.deciding.lock().await;
        let act = Act::SendBackCorrection;
        let decide = |correction: &Correction, authority: &Authority<'_>| {
            correction.state.send_back(authority, note, step.at)
        };
        let taken = self.decide_correction(&step, (act, CorrectionStep::SentBack), decide);
        let taken = taken.await;
        self.or_step_refused(&step, act, taken).await
    }

    /// 取下げ: takes a proposal back.
    ///
    /// # Errors
    /// As [`Self::send_back_correction`].
    pub async fn withdraw_correction(&self, step: CorrectionAct) -> Result<(), ActFault> {
        let _alone = self.deciding.lock().await;
        let act = Act::ProposeCorrection;
        let decide = |correction: &Correction, authority: &Authority<'_>| {
            correction.state.withdraw(authority, step.at)
        };
        let taken = self.decide_correction(&step, (act, CorrectionStep::Withdrawn), decide);
        let taken = taken.await;
        self.or_step_refused(&step, act, taken).await
    }

    async fn decide_correction(
        &self,
        step: &CorrectionAct,
        (act, name): (Act, CorrectionStep),
        decide: impl FnOnce(&Correction, &Authority<'_>) -> Result<CorrectionEvent, Refusal>,
    ) -> Result<(), ActFault> {
        let (correction, authority) = self.correction_as_seen(step, act)?;
        let event = decide(&correction, &authority)?;
        let proposed = correction.state.proposed();
        let content = proposed.map(|proposed| proposed.content);
        let content = content.ok_or(Refusal::from(CorrectionRefusal::NotWaiting))?;
        self.take_correction_step(step, (correction, event), (name, content))
            .await
    }

    /// The proposal that a step is about, if it is still as it was seen, and the authority to take the step.
    pub(super) fn correction_as_seen<'a>(
        &self,
        step: &'a CorrectionAct,
        act: Act,
    ) -> Result<(Correction, Authority<'a>), ActFault> {
        let authority = authority(&step.staff, act)?;
        let state = &self.around.state;
        let found = state.correction(self.profile.code, step.number)?;
        let (version, correction) = found.ok_or(Refusal::NotFound(Thing::Correction))?;
        if version == step.seen {
            Ok((correction, authority))
        } else {
            Err(Refusal::from(CorrectionRefusal::Moved).into())
        }
    }

    pub(super) async fn take_correction_step(
        &self,
        step: &CorrectionAct,
        (mut correction, event): (Correction, CorrectionEvent),
        name: (CorrectionStep, ContentDigest),
    ) -> Result<(), ActFault> {
        correction.state = correction.state.apply(event).map_err(Refusal::from)?;
        let by = (&step.staff, step.at);
        self.record_correction(by, step.number, name).await?;
        let state = &self.around.state;
        let moved = state.move_correction(self.profile.code, step.seen, &correction);
        Ok(moved.await?)
    }

    pub(super) async fn record_correction(
        &self,
        (staff, at): (&AtWork, Timestamp),
        number: CorrectionNumber,
        name: (CorrectionStep, ContentDigest),
    ) -> Result<(), ActFault> {
        self.record_operation(operation(staff, number, name), at)
            .await
    }

    pub(super) async fn or_step_refused<T>(
        &self,
        step: &CorrectionAct,
        act: Act,
        taken: Result<T, ActFault>,
    ) -> Result<T, ActFault> {
        let on = Some(step.number.to_string());
        self.or_correction_refused((&step.staff, step.at), (act, on), taken)
            .await
    }

    /// Puts a step on record that was refused. A void approval is on record already.
    pub(super) async fn or_correction_refused<T>(
        &self,
        (staff, at): (&AtWork, Timestamp),
        (act, on): (Act, Option<String>),
        taken: Result<T, ActFault>,
    ) -> Result<T, ActFault> {
        if let Err(ActFault::Refused(refusal)) = &taken {
            let changed = Refusal::Correction(CorrectionRefusal::ReplicaChanged);
            let void = act == Act::ApproveCorrection && *refusal == changed;
            if !void {
                let mut operation = staff.operation(OperationKind::Act(act), on);
                operation.outcome = OperationOutcome::refused(refusal);
                self.record_operation(operation, at).await?;
            }
        }
        taken
    }

    pub(super) fn seen_replica(
        &self,
        name: &ReplicaName,
    ) -> Result<Option<(Version, Replica)>, ActFault> {
        let state = &self.around.state;
        Ok(state.replica_seen(self.profile.code, name)?)
    }
}

/// A replica belongs to no affair: an account for some affairs may do nothing with it.
pub(super) fn authority(staff: &AtWork, act: Act) -> Result<Authority<'_>, Refusal> {
    Ok(staff.authority(act)?.for_all_affairs()?)
}

pub(super) fn operation(
    staff: &AtWork,
    number: CorrectionNumber,
    (step, content): (CorrectionStep, ContentDigest),
) -> Operation {
    let what = OperationKind::Correction { step, content };
    staff.operation(what, Some(number.to_string()))
}

/// SHA-256 of the replica as it is and of what is proposed for it.
pub(super) fn content(
    before: Option<&Replica>,
    change: &Change,
) -> Result<ContentDigest, ActFault> {
    let encoded = serde_json::to_vec(&(before, change))?;
    Ok(ContentDigest(sha256(&[&encoded])))
}
