//! 確認・承認: how the provider's staff decides a held request, in two steps by two people.

mod record;
mod rules;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    exchange::{Outcome, SealedAnswer, Side},
    names::AccountName,
    provision::{Hold, ProvisionEvent, ProvisionState},
    refusal::Refusal,
    result::ResultCode,
    staff::{Act, Actor, Authority},
    words::Note,
};

pub use record::{ContentDigest, StaffStep};
pub use rules::{FourEyes, HoldRules, Overdue};

/// 確認: a clerk's check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Who checked.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// What the clerk proposes.
    pub proposal: Proposal,
    /// What the clerk saw.
    pub content: ContentDigest,
}

/// What a check proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposal {
    /// 提供する.
    Provide,
    /// 拒否する.
    Refuse(Grounds),
    /// 副本を訂正してから、改めて確認する.
    CorrectFirst,
}

/// Why a provider refuses, as the inquirer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// The reason. It goes into the records.
    pub reason: RefusalReason,
    /// More, in the staff's words, for the inquirer alone. It goes into no record.
    pub note: Option<Note>,
}

/// 提供拒否理由 (ours; the real list is not public). None tells that the person is under protection: the reason reaches
/// the inquirer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The legal basis or the need of the inquiry is not clear.
    BasisUnclear,
    /// The person inquired about is not certain.
    PersonUncertain,
    /// The data are being corrected.
    UnderCorrection,
    /// Providing is not appropriate.
    NotAppropriate,
    /// Another reason.
    Other,
}

impl RefusalReason {
    /// What a Japanese reader is told.
    pub fn ja(self) -> &'static str {
        match self {
            Self::BasisUnclear => "照会の根拠または必要性を確認できない",
            Self::PersonUncertain => "対象者を特定できない",
            Self::UnderCorrection => "データを訂正中である",
            Self::NotAppropriate => "提供することが適当でない",
            Self::Other => "その他",
        }
    }
}

/// 閲覧: a member of the staff has opened a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The account.
    pub account: AccountName,
    /// When last.
    pub at: Timestamp,
}

/// 差戻し: why a checked request must be checked anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentBack {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: SendBackCause,
}

/// Why a checked request must be checked anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendBackCause {
    /// A superior sent it back.
    Superior {
        /// Who.
        by: Actor,
        /// What the superior has to say.
        note: Option<Note>,
    },
    /// A superior agreed that the replica is to be corrected first.
    CorrectionFirst {
        /// Who.
        by: Actor,
    },
    /// What would be provided is not what was checked any more.
    ContentChanged,
}

/// 承認: a superior's decision, complete: nothing of it is made anew after an interruption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who decided.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// How the exchange ends.
    pub outcome: Outcome,
    /// What the inquirer is sent.
    pub sent: Sent,
}

/// What a decision sends to the inquirer beside the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// The sealed answer.
    Answer(SealedAnswer),
    /// There are no data to provide.
    NoData,
    /// A refusal and what the staff has to say about it.
    Refusal(Grounds),
}

/// A superior's consent to end a request. Only [`ProvisionState::consent`] makes one.
#[derive(Debug)]
pub struct Consent {
    by: Actor,
    at: Timestamp,
    check: Box<Check>,
}

impl Consent {
    /// The check that it rests on.
    pub fn check(&self) -> &Check {
        &self.check
    }

    /// Provides what was checked.
    ///
    /// # Errors
    /// When what would be provided now is not what was checked: the consent is void.
    pub fn provide(
        self,
        content: &ContentDigest,
        sealed: (Outcome, Sent),
    ) -> Result<ProvisionEvent, Refusal> {
        if self.check.content != *content {
            return Err(Refusal::ContentChanged);
        }
        let (outcome, sent) = sealed;
        Ok(self.decided(outcome, sent))
    }

    /// Refuses to provide.
    pub fn refuse(self, grounds: Grounds) -> ProvisionEvent {
        let outcome = Outcome::refused(grounds.reason);
        self.decided(outcome, Sent::Refusal(grounds))
    }

    /// Has the replica corrected first.
    pub fn correct_first(self) -> ProvisionEvent {
        let cause = SendBackCause::CorrectionFirst { by: self.by };
        ProvisionEvent::SentBack(SentBack { at: self.at, cause })
    }

    fn decided(self, outcome: Outcome, sent: Sent) -> ProvisionEvent {
        ProvisionEvent::Decided(Box::new(Decision {
            by: self.by,
            at: self.at,
            outcome,
            sent,
        }))
    }
}

impl ProvisionState {
    /// 確認: a clerk has compared what would be provided, `seen`, with what is asked, and proposes.
    ///
    /// # Errors
    /// In this order: no authority; the request does not wait; it has been checked already; what would be provided, `content`, is not
    /// what the clerk saw.
    pub fn check(
        &self,
        authority: &Authority<'_>,
        (proposal, seen): (Proposal, ContentDigest),
        content: ContentDigest,
        at: Timestamp,
    ) -> Result<ProvisionEvent, Refusal> {
        authority.is_for(Act::CheckProvision)?;
        match self {
            Self::Held { .. } | Self::SentBack { .. } => {}
            Self::Checked { .. } => return Err(Refusal::ProvisionChecked),
            Self::Received | Self::Answered { .. } | Self::Decided { .. } | Self::Ended { .. } => {
                return Err(Refusal::ProvisionDecided);
            }
        }
        if seen != content {
            return Err(Refusal::ContentChanged);
        }
        Ok(ProvisionEvent::Checked(Box::new(Check {
            by: authority.actor(),
            at,
            proposal,
            content,
        })))
    }

    /// 承認: lets a superior end the request in one of the ways of [`Consent`].
    ///
    /// # Errors
    /// In this order: no authority; the request does not wait; nobody has checked it; the superior is the person who checked it.
    pub fn consent(
        &self,
        authority: &Authority<'_>,
        eyes: FourEyes,
        at: Timestamp,
    ) -> Result<Consent, Refusal> {
        authority.is_for(Act::ApproveProvision)?;
        let (check, by) = (self.checked()?, authority.actor());
        eyes.pass(&check.by, &by)?;
        let check = Box::new(check.clone());
        Ok(Consent { by, at, check })
    }

    /// 差戻し by a superior, who may be the person who checked.
    ///
    /// # Errors
    /// In this order: no authority; the request does not wait; nobody has checked it.
    pub fn send_back(
        &self,
        authority: &Authority<'_>,
        note: Option<Note>,
        at: Timestamp,
    ) -> Result<ProvisionEvent, Refusal> {
        authority.is_for(Act::SendBackProvision)?;
        self.checked()?;
        let by = authority.actor();
        let cause = SendBackCause::Superior { by, note };
        Ok(ProvisionEvent::SentBack(SentBack { at, cause }))
    }

    /// What becomes of a request that has waited: nothing when it has not waited too long, or all is done.
    pub fn overdue(&self, rules: HoldRules, now: Timestamp) -> Option<ProvisionEvent> {
        let hold = self.waiting()?;
        let due = hold.due(rules)?;
        if now < due {
            return None;
        }
        match rules.overdue {
            Overdue::Nothing => None,
            Overdue::Refuse => Some(ProvisionEvent::Expired {
                at: now,
                outcome: expired(),
            }),
            Overdue::Escalate => hold
                .escalated_at
                .is_none()
                .then_some(ProvisionEvent::Escalated { at: now }),
        }
    }

    fn checked(&self) -> Result<&Check, Refusal> {
        match self {
            Self::Checked { check, .. } => Ok(check),
            Self::Held { .. } | Self::SentBack { .. } => Err(Refusal::ProvisionNotChecked),
            Self::Received | Self::Answered { .. } | Self::Decided { .. } | Self::Ended { .. } => {
                Err(Refusal::ProvisionDecided)
            }
        }
    }
}

impl Hold {
    /// Until when it may wait; nothing where that never ends.
    pub fn due(&self, rules: HoldRules) -> Option<Timestamp> {
        match rules.overdue {
            Overdue::Nothing => None,
            Overdue::Refuse | Overdue::Escalate => self.since.checked_add(rules.wait_max).ok(),
        }
    }
}

/// How a request ends that waited longer than it may, in all records.
pub fn expired() -> Outcome {
    Outcome::without_answer(ResultCode::Expired, Side::Provider)
}

#[cfg(test)]
mod tests;
