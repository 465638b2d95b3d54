//! 副本の登録・訂正の申請 by hand: what a clerk wants a replica to be. DBM.

use jiff::Timestamp;

use super::{
    ActFault, AtWork, CorrectionAct, IntermediateServer,
    correct_replica::{authority, content},
};
use crate::{
    domain::{
        correction::{
            Change, Correction, CorrectionRefusal, CorrectionState, CorrectionStep, Difference,
            Proposed,
        },
        names::{CorrectionNumber, ProposalId},
        refusal::{FieldFlaw, Refusal, Thing},
        replica::{ReplicaDraft, ReplicaName},
        staff::Act,
        words::Note,
    },
    store::{Page, Version},
};

/// The most proposals of an institution that are neither made nor withdrawn (ours).
const OPEN_MAX: usize = 1_000;

/// What a clerk wants to propose.
#[derive(Debug)]
pub struct CorrectionDraft {
    /// The sender's own name for it: a repetition is known by it.
    pub id: ProposalId,
    /// What the replica is to be, unchecked.
    pub change: ChangeDraft,
    /// Why.
    pub reason: Note,
    /// The revision of the replica that it was made for; 0 where there was none.
    pub revision: u64,
    /// The proposal that came back and that this takes the place of, as which write left it.
    pub again: Option<(CorrectionNumber, Version)>,
}

/// What a replica is to be, unchecked.
#[derive(Debug)]
pub enum ChangeDraft {
    /// This.
    Register(Box<ReplicaDraft>),
    /// No more.
    Delete(ReplicaName),
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It waits for a superior from now on.
    Now(CorrectionNumber),
    /// The same one was sent before.
    Before(CorrectionNumber),
}

impl Taken {
    /// Its number.
    pub fn number(self) -> CorrectionNumber {
        let (Self::Now(number) | Self::Before(number)) = self;
        number
    }
}

impl IntermediateServer {
    /// 申請: keeps what a clerk proposes until a superior decides. The same proposal sent again is the first one.
    ///
    /// # Errors
    /// When the clerk may not, or the draft is not as its layout wants it; when the replica is not the one that it was made
    /// for, or would stay as it is; when the record or the state cannot be written.
    pub async fn propose_correction(
        &self,
        staff: AtWork,
        draft: CorrectionDraft,
        at: Timestamp,
    ) -> Result<Taken, ActFault> {
        let _alone = self.deciding.lock().await;
        if let Some(known) = self.proposed_before(&staff, &draft)? {
            return Ok(Taken::Before(known));
        }
        let on = draft.again.map(|(number, _)| number.to_string());
        let proposed = self.propose(&staff, draft, at).await;
        let number = self
            .or_correction_refused((&staff, at), (Act::ProposeCorrection, on), proposed)
            .await?;
        Ok(Taken::Now(number))
    }

    fn proposed_before(
        &self,
        staff: &AtWork,
        draft: &CorrectionDraft,
    ) -> Result<Option<CorrectionNumber>, ActFault> {
        if staff.authority(Act::ProposeCorrection).is_err() {
            return Ok(None);
        }
        let state = &self.around.state;
        Ok(state.correction_of(self.profile.code, &draft.id)?)
    }

    async fn propose(
        &self,
        staff: &AtWork,
        draft: CorrectionDraft,
        at: Timestamp,
    ) -> Result<CorrectionNumber, ActFault> {
        let authority = authority(staff, Act::ProposeCorrection)?;
        let (replica, change) = self.checked_change(draft.change, at)?;
        let before = self.seen_replica(&replica)?;
        let revision = before.as_ref().map_or(0, |(_, before)| before.revision);
        let before = before.map(|(_, before)| before);
        if revision != draft.revision {
            return Err(Refusal::from(CorrectionRefusal::ReplicaChanged).into());
        }
        if before.is_none() && change == Change::Delete {
            return Err(Refusal::NotFound(Thing::Replica).into());
        }
        if Difference::between(before.as_ref(), change.after())
            .differing
            .is_empty()
        {
            return Err(Refusal::from(CorrectionRefusal::NothingChanged).into());
        }
        let content = content(before.as_ref(), &change)?;
        let proposed = Proposed {
            by: authority.actor(),
            at,
            change,
            reason: draft.reason,
            content,
        };
        let state = &self.around.state;
        let institution = self.profile.code;
        let Some((number, seen)) = draft.again else {
            let number = self.next_correction()?;
            let correction = Correction {
                number,
                replica,
                state: CorrectionState::Proposed {
                    proposed: Box::new(proposed),
                },
            };
            let step = (CorrectionStep::Proposed, content);
            self.record_correction((staff, at), number, step).await?;
            state
                .add_correction(institution, &draft.id, &correction)
                .await?;
            return Ok(number);
        };
        let step = CorrectionAct {
            number,
            seen,
            staff: staff.clone(),
            at,
        };
        let (correction, authority) = self.correction_as_seen(&step, Act::ProposeCorrection)?;
        if correction.replica != replica {
            let field = "replica.key";
            let flaw = FieldFlaw::new(field, "is another replica", "別の副本です");
            return Err(Refusal::Malformed(vec![flaw]).into());
        }
        let event = correction.state.propose(&authority, proposed)?;
        let name = (CorrectionStep::Proposed, content);
        self.take_correction_step(&step, (correction, event), name)
            .await?;
        Ok(number)
    }

    fn next_correction(&self) -> Result<CorrectionNumber, ActFault> {
        let (state, institution) = (&self.around.state, self.profile.code);
        if state.open_corrections(institution)?.len() >= OPEN_MAX {
            return Err(Refusal::from(CorrectionRefusal::TooMany).into());
        }
        let newest = state.corrections(institution, &Page::first(1))?;
        let last = newest.rows.first().map_or(0, |newest| newest.number.0);
        Ok(CorrectionNumber(last + 1))
    }

    fn checked_change(
        &self,
        draft: ChangeDraft,
        at: Timestamp,
    ) -> Result<(ReplicaName, Change), ActFault> {
        match draft {
            ChangeDraft::Delete(name) => Ok((name, Change::Delete)),
            ChangeDraft::Register(draft) => {
                let checked = self.check_draft(0, *draft).map_err(|flaws| {
                    let flaws = flaws.into_iter().map(|flaw| FieldFlaw {
                        field: flaw.field.replacen("replicas[0]", "replica", 1),
                        ..flaw
                    });
                    Refusal::Malformed(flaws.collect())
                })?;
                let replica = checked.register(at, 0);
                Ok((
                    ReplicaName::of(&replica),
                    Change::Register(Box::new(replica)),
                ))
            }
        }
    }
}
