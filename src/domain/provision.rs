//! 情報提供: a request as the provider sees it, and its life.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    codes::{AddresseeNumber, SpecificInfoCode},
    deciding::{Check, Decision, SentBack},
    exchange::{Outcome, SealedAnswer, Subject},
    inquiry::OutOfOrder,
    names::PermitId,
    person::Symbol,
    result::ResultCode,
};

/// A request that a provider received with a permit that it accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// What it is about.
    pub subject: Subject,
    /// The permit. It is used up.
    pub permit_id: PermitId,
    /// The row of the permission list that allowed it, `<version>/<row>`.
    pub permission_row: String,
    /// The person on the network.
    pub symbol: Symbol,
    /// The person at the provider, where the symbol is linked.
    pub addressee: Option<AddresseeNumber>,
    /// The X25519 public key that an answer is sealed to.
    pub sealing_key: [u8; 32],
    /// SHA-256 of the permit's terms: binds a later answer to the permit.
    pub permit_digest: [u8; 32],
    /// When it came in, by the world's clock.
    pub received_at: Timestamp,
    /// Where it stands.
    pub state: ProvisionState,
}

/// Where a request stands at the provider. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ProvisionState {
    /// Its permit was accepted; nothing is decided.
    Received,
    /// The rules have answered or refused it. It counts from the provider's record on, and stays here until the inquirer
    /// has it.
    Answered {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
        /// The sealed answer, where there is one.
        answer: Option<SealedAnswer>,
    },
    /// A human must decide; nobody has checked it.
    Held {
        /// The hold.
        #[serde(flatten)]
        hold: Hold,
    },
    /// 確認済: a clerk has checked it and proposes a decision; a superior must decide.
    Checked {
        /// The hold.
        hold: Hold,
        /// The check.
        check: Box<Check>,
    },
    /// 差戻し: it must be checked anew.
    SentBack {
        /// The hold.
        hold: Hold,
        /// Why.
        back: SentBack,
    },
    /// A superior has decided and the answer is sealed. It counts from the provider's record on, and stays here until
    /// the inquirer has it.
    Decided {
        /// The hold.
        hold: Hold,
        /// The check that the decision rests on.
        check: Box<Check>,
        /// The decision.
        decision: Box<Decision>,
    },
    /// Answered, refused, cancelled or expired.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
    },
}

/// What can happen to a request at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvisionEvent {
    /// A flag holds it. Writes an entry that uses up the permit.
    Held {
        /// When.
        at: Timestamp,
        /// Which flag.
        why: HoldReason,
    },
    /// The rules answered or refused it. Writes the provider's 情報提供等記録.
    Answered {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
        /// The sealed answer, where there is one.
        answer: Option<SealedAnswer>,
    },
    /// A clerk checked it. Writes an operation record.
    Checked(Box<Check>),
    /// It must be checked anew. Writes an operation record.
    SentBack(SentBack),
    /// A superior decided. Writes the provider's 情報提供等記録 and an operation record, both or neither.
    Decided(Box<Decision>),
    /// The record of the decision could not be written: it does not count.
    Undone,
    /// The inquirer has its answer and its record.
    Delivered,
    /// It has waited longer than it may, and goes to the superiors.
    Escalated {
        /// When.
        at: Timestamp,
    },
    /// The inquirer took it back while it was held. Writes the provider's 情報提供等記録.
    Cancelled {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
    },
    /// It waited longer than it may. Writes the provider's 情報提供等記録.
    Expired {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
    },
}

impl ProvisionState {
    /// The code that a person sees.
    pub fn code(&self) -> ResultCode {
        match self {
            Self::Received => ResultCode::WithProvider,
            Self::Held { .. } | Self::Checked { .. } | Self::SentBack { .. } => {
                ResultCode::WaitingForStaff
            }
            Self::Decided { decision, .. } => decision.outcome.code,
            Self::Answered { outcome, .. } | Self::Ended { outcome, .. } => outcome.code,
        }
    }

    /// The hold of a request that no decision has ended.
    pub fn waiting(&self) -> Option<Hold> {
        match self {
            Self::Held { hold } | Self::Checked { hold, .. } | Self::SentBack { hold, .. } => {
                Some(*hold)
            }
            Self::Received | Self::Answered { .. } | Self::Decided { .. } | Self::Ended { .. } => {
                None
            }
        }
    }

    /// The state after `event`. A held request is never answered by the rules, and decided only after a check.
    ///
    /// # Errors
    /// When the event does not follow this state.
    pub fn apply(self, event: ProvisionEvent) -> Result<Self, OutOfOrder> {
        use ProvisionEvent as Event;
        match (self, event) {
            (Self::Received, Event::Held { at, why }) => Ok(Self::Held {
                hold: Hold::begun(at, why),
            }),
            (
                Self::Received,
                Event::Answered {
                    at,
                    outcome,
                    answer,
                },
            ) => Ok(Self::Answered {
                at,
                outcome,
                answer,
            }),
            (
                Self::Held { .. } | Self::Checked { .. } | Self::SentBack { .. },
                Event::Cancelled { at, outcome } | Event::Expired { at, outcome },
            )
            | (Self::Answered { at, outcome, .. }, Event::Delivered) => {
                Ok(Self::Ended { at, outcome })
            }
            (Self::Held { hold } | Self::SentBack { hold, .. }, Event::Checked(check)) => {
                Ok(Self::Checked { hold, check })
            }
            (Self::Checked { hold, .. }, Event::SentBack(back)) => {
                Ok(Self::SentBack { hold, back })
            }
            (Self::Checked { hold, check }, Event::Decided(decision)) => Ok(Self::Decided {
                hold,
                check,
                decision,
            }),
            (Self::Decided { hold, check, .. }, Event::Undone) => Ok(Self::Checked { hold, check }),
            (Self::Decided { decision, .. }, Event::Delivered) => Ok(Self::Ended {
                at: decision.at,
                outcome: decision.outcome,
            }),
            (Self::Held { hold }, Event::Escalated { at }) => Ok(Self::Held {
                hold: hold.escalated(at),
            }),
            (Self::Checked { hold, check }, Event::Escalated { at }) => Ok(Self::Checked {
                hold: hold.escalated(at),
                check,
            }),
            (Self::SentBack { hold, back }, Event::Escalated { at }) => Ok(Self::SentBack {
                hold: hold.escalated(at),
                back,
            }),
            (
                Self::Held { .. } | Self::Checked { .. } | Self::SentBack { .. },
                Event::Held { .. } | Event::Answered { .. } | Event::Undone | Event::Delivered,
            )
            | (
                Self::Received,
                Event::Cancelled { .. } | Event::Expired { .. } | Event::Escalated { .. },
            )
            | (Self::Received | Self::Checked { .. }, Event::Checked(_))
            | (
                Self::Received | Self::Held { .. } | Self::SentBack { .. },
                Event::SentBack(_) | Event::Decided(_),
            )
            | (Self::Received, Event::Undone | Event::Delivered)
            | (
                Self::Answered { .. } | Self::Decided { .. },
                Event::Held { .. }
                | Event::Answered { .. }
                | Event::Checked(_)
                | Event::SentBack(_)
                | Event::Decided(_)
                | Event::Escalated { .. }
                | Event::Cancelled { .. }
                | Event::Expired { .. },
            )
            | (Self::Answered { .. }, Event::Undone)
            | (Self::Ended { .. }, _) => Err(OutOfOrder),
        }
    }
}

/// Since when and why a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Which flag holds it.
    pub why: HoldReason,
    /// When it went to the superiors because it waited longer than it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
}

impl Hold {
    /// A hold that begins.
    pub fn begun(since: Timestamp, why: HoldReason) -> Self {
        Self {
            since,
            why,
            escalated_at: None,
        }
    }

    fn escalated(self, at: Timestamp) -> Self {
        Self {
            escalated_at: Some(at),
            ..self
        }
    }
}

/// 自動応答不可フラグ: holds the requests that it fits for a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoAutoReply {
    /// Everything about this person.
    Person(AddresseeNumber),
    /// This specific information of everybody.
    SpecificInfo(SpecificInfoCode),
    /// This specific information of this person.
    Both(AddresseeNumber, SpecificInfoCode),
}

/// Which flag holds a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// A flag on the person.
    Person,
    /// A flag on the specific information.
    SpecificInfo,
    /// A flag on the person's specific information.
    PersonAndSpecificInfo,
}

impl HoldReason {
    /// What a Japanese reader is told.
    pub fn ja(self) -> &'static str {
        match self {
            Self::Person => "対象者",
            Self::SpecificInfo => "特定個人情報",
            Self::PersonAndSpecificInfo => "対象者の特定個人情報",
        }
    }
}

impl NoAutoReply {
    /// The flags that would hold a request for this person and specific information, the narrowest first.
    pub fn that_fit(person: AddresseeNumber, info: SpecificInfoCode) -> [Self; 3] {
        [
            Self::Both(person, info),
            Self::Person(person),
            Self::SpecificInfo(info),
        ]
    }

    /// Why a request that this flag fits is held.
    pub fn reason(self) -> HoldReason {
        match self {
            Self::Person(_) => HoldReason::Person,
            Self::SpecificInfo(_) => HoldReason::SpecificInfo,
            Self::Both(..) => HoldReason::PersonAndSpecificInfo,
        }
    }
}
