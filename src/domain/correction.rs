//! 副本の登録・訂正 by hand: a clerk proposes what a replica is to be, a superior approves, and only then it changes. DBM.
//!
//! Two steps and two people come from the cities' rules (DOMAIN §5: corrections likewise); states and codes are ours.

mod difference;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    deciding::{ContentDigest, FourEyes},
    names::CorrectionNumber,
    refusal::Refusal,
    replica::{Replica, ReplicaName},
    staff::{Act, Actor, Authority},
    words::Note,
};

pub use difference::{Difference, Differing, Place};

/// 申請: one proposal about one replica, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// 申請番号.
    pub number: CorrectionNumber,
    /// Which replica it is about.
    pub replica: ReplicaName,
    /// Where it stands.
    pub state: CorrectionState,
}

/// What a replica is to be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// This, whether there is one already or not.
    Register(Box<Replica>),
    /// No more.
    Delete,
}

/// Never shows the values.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Register(_) => "Register(hidden)",
            Self::Delete => "Delete",
        })
    }
}

impl Change {
    /// What the replica would be; nothing where it would be deleted.
    pub fn after(&self) -> Option<&Replica> {
        match self {
            Self::Register(replica) => Some(replica),
            Self::Delete => None,
        }
    }
}

/// What a clerk proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// What the replica is to be.
    pub change: Change,
    /// Why. It goes into no record.
    pub reason: Note,
    /// SHA-256 of the replica as the clerk saw it, and of the change: an approval is for exactly this.
    pub content: ContentDigest,
}

/// 差戻し.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// When.
    pub at: Timestamp,
    /// The superior who sent it back; nobody where the replica had changed since it was proposed.
    pub by: Option<Actor>,
    /// What the superior has to say.
    pub note: Option<Note>,
}

/// Where a proposal stands. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CorrectionState {
    /// 申請中: a superior must decide.
    Proposed {
        /// What is proposed.
        proposed: Box<Proposed>,
    },
    /// 差戻し: a clerk must propose anew or withdraw it.
    SentBack {
        /// What was proposed.
        proposed: Box<Proposed>,
        /// Why it came back.
        returned: Returned,
    },
    /// A superior has approved it. It counts from the operation record on, and stays here until the replica has changed.
    Approved {
        /// What is approved.
        proposed: Box<Proposed>,
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// 反映済: the replica has changed. What it was and is, is not kept here.
    Made {
        /// Who proposed it.
        proposed_by: Actor,
        /// Who approved it.
        approved_by: Actor,
        /// When it was approved.
        at: Timestamp,
    },
    /// 取下げ.
    Withdrawn {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
}

/// What can happen to a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorrectionEvent {
    /// A clerk proposed it anew. Writes an operation record.
    Proposed(Box<Proposed>),
    /// It came back. Writes an operation record.
    SentBack(Returned),
    /// A superior approved it. Writes an operation record and the entry of the registration, both or neither.
    Approved {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// The record of the approval could not be written: it does not count.
    Undone,
    /// The replica has changed.
    Made,
    /// A clerk took it back. Writes an operation record.
    Withdrawn {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
}

/// Why a step with a proposal is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CorrectionRefusal {
    /// It has moved on since the caller saw it.
    #[error("the proposal has moved on since it was opened")]
    Moved,
    /// Its state has no such step.
    #[error("the proposal does not wait for this step")]
    NotWaiting,
    /// The replica is not what the proposal was made for.
    #[error("the replica has changed since the proposal was made")]
    ReplicaChanged,
    /// It would change nothing.
    #[error("the proposal would change nothing")]
    NothingChanged,
    /// Too many proposals wait.
    #[error("too many proposals wait")]
    TooMany,
}

impl CorrectionRefusal {
    /// The Japanese message for a person.
    pub fn ja(self) -> &'static str {
        match self {
            Self::Moved => {
                "この申請は、開いた後に他の職員によって変更されました。開き直してください。"
            }
            Self::NotWaiting => "この申請は、この操作を待っていません。",
            Self::ReplicaChanged => {
                "副本が、申請の元になった内容から変更されています。副本を開き直し、改めて申請してください。"
            }
            Self::NothingChanged => "変更する内容がありません。",
            Self::TooMany => "未決定の申請が多すぎます。先に承認または差し戻しを行ってください。",
        }
    }
}

/// A superior's consent to a proposal. Only [`CorrectionState::consent`] makes one.
#[derive(Debug)]
pub struct CorrectionConsent {
    by: Actor,
    at: Timestamp,
    content: ContentDigest,
}

impl CorrectionConsent {
    /// Approves the proposal, if `content` is what it was made for.
    ///
    /// # Errors
    /// When it is not: the consent is void.
    pub fn approve(self, content: ContentDigest) -> Result<CorrectionEvent, Refusal> {
        if content != self.content {
            return Err(CorrectionRefusal::ReplicaChanged.into());
        }
        let Self { by, at, .. } = self;
        Ok(CorrectionEvent::Approved { by, at })
    }
}

impl CorrectionState {
    /// What is proposed, as long as that is not made or withdrawn.
    pub fn proposed(&self) -> Option<&Proposed> {
        match self {
            Self::Proposed { proposed }
            | Self::SentBack { proposed, .. }
            | Self::Approved { proposed, .. } => Some(proposed),
            Self::Made { .. } | Self::Withdrawn { .. } => None,
        }
    }

    /// 再申請: a clerk proposes something else in place of what came back.
    ///
    /// # Errors
    /// In this order: no authority; it did not come back.
    pub fn propose(
        &self,
        authority: &Authority<'_>,
        proposed: Proposed,
    ) -> Result<CorrectionEvent, Refusal> {
        authority.is_for(Act::ProposeCorrection)?;
        match self {
            Self::SentBack { .. } => Ok(CorrectionEvent::Proposed(Box::new(proposed))),
            _ => Err(CorrectionRefusal::NotWaiting.into()),
        }
    }

    /// 承認: lets a superior approve the proposal.
    ///
    /// # Errors
    /// In this order: no authority; it does not wait for a superior; the superior is the person who proposed it.
    pub fn consent(
        &self,
        authority: &Authority<'_>,
        eyes: FourEyes,
        at: Timestamp,
    ) -> Result<CorrectionConsent, Refusal> {
        authority.is_for(Act::ApproveCorrection)?;
        let Self::Proposed { proposed } = self else {
            return Err(CorrectionRefusal::NotWaiting.into());
        };
        let by = authority.actor();
        eyes.pass(&proposed.by, &by)?;
        let content = proposed.content;
        Ok(CorrectionConsent { by, at, content })
    }

    /// 差戻し by a superior, who may be the person who proposed it.
    ///
    /// # Errors
    /// In this order: no authority; it does not wait for a superior.
    pub fn send_back(
        &self,
        authority: &Authority<'_>,
        note: Option<Note>,
        at: Timestamp,
    ) -> Result<CorrectionEvent, Refusal> {
        authority.is_for(Act::SendBackCorrection)?;
        let Self::Proposed { .. } = self else {
            return Err(CorrectionRefusal::NotWaiting.into());
        };
        let by = Some(authority.actor());
        Ok(CorrectionEvent::SentBack(Returned { at, by, note }))
    }

    /// 取下げ by a clerk.
    ///
    /// # Errors
    /// In this order: no authority; it was approved or withdrawn.
    pub fn withdraw(
        &self,
        authority: &Authority<'_>,
        at: Timestamp,
    ) -> Result<CorrectionEvent, Refusal> {
        authority.is_for(Act::ProposeCorrection)?;
        match self {
            Self::Proposed { .. } | Self::SentBack { .. } => {
                let by = authority.actor();
                Ok(CorrectionEvent::Withdrawn { by, at })
            }
            Self::Approved { .. } | Self::Made { .. } | Self::Withdrawn { .. } => {
                Err(CorrectionRefusal::NotWaiting.into())
            }
        }
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When the state has no such event.
    pub fn apply(self, event: CorrectionEvent) -> Result<Self, CorrectionRefusal> {
        match (self, event) {
            (Self::SentBack { .. }, CorrectionEvent::Proposed(proposed))
            | (Self::Approved { proposed, .. }, CorrectionEvent::Undone) => {
                Ok(Self::Proposed { proposed })
            }
            (Self::Proposed { proposed }, CorrectionEvent::SentBack(returned)) => {
                Ok(Self::SentBack { proposed, returned })
            }
            (Self::Proposed { proposed }, CorrectionEvent::Approved { by, at }) => {
                Ok(Self::Approved { proposed, by, at })
            }
            (Self::Approved { proposed, by, at }, CorrectionEvent::Made) => Ok(Self::Made {
                proposed_by: proposed.by,
                approved_by: by,
                at,
            }),
            (
                Self::Proposed { .. } | Self::SentBack { .. },
                CorrectionEvent::Withdrawn { by, at },
            ) => Ok(Self::Withdrawn { by, at }),
            _ => Err(CorrectionRefusal::NotWaiting),
        }
    }
}

/// A step of the staff with a proposal, as the record of operations names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionStep {
    /// 申請: a clerk proposed it.
    Proposed,
    /// 承認: a superior approved it.
    Approved,
    /// 差戻し: a superior sent it back.
    SentBack,
    /// 取下げ: a clerk took it back.
    Withdrawn,
    /// The approval was void: the replica had changed since it was proposed.
    ApprovalVoid,
}

impl CorrectionStep {
    /// The Japanese name, as the operation log shows it.
    pub fn ja(self) -> &'static str {
        match self {
            Self::Proposed => "副本の登録・訂正の申請",
            Self::Approved => "副本の登録・訂正の承認",
            Self::SentBack => "副本の登録・訂正の差し戻し",
            Self::Withdrawn => "副本の登録・訂正の取下げ",
            Self::ApprovalVoid => "副本の登録・訂正の承認の無効（副本の変更）",
        }
    }
}

#[cfg(test)]
mod tests;
