//! 情報提供: a request as the provider sees it, and its life.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    codes::{AddresseeNumber, SpecificInfoCode},
    exchange::{Outcome, Subject},
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
    /// A human must decide.
    Held {
        /// Since when.
        since: Timestamp,
        /// Which flag holds it.
        why: HoldReason,
    },
    /// Answered, refused or cancelled.
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
    },
    /// The inquirer took it back while it was held. Writes the provider's 情報提供等記録.
    Cancelled {
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
            Self::Held { .. } => ResultCode::WaitingForStaff,
            Self::Ended { outcome, .. } => outcome.code,
        }
    }

    /// The state after `event`. A held request is never answered by the rules.
    ///
    /// # Errors
    /// When the event does not follow this state.
    pub fn apply(self, event: ProvisionEvent) -> Result<Self, OutOfOrder> {
        match (self, event) {
            (Self::Received, ProvisionEvent::Held { at, why }) => Ok(Self::Held { since: at, why }),
            (Self::Received, ProvisionEvent::Answered { at, outcome })
            | (Self::Held { .. }, ProvisionEvent::Cancelled { at, outcome }) => {
                Ok(Self::Ended { at, outcome })
            }
            (Self::Held { .. }, ProvisionEvent::Held { .. } | ProvisionEvent::Answered { .. })
            | (Self::Received, ProvisionEvent::Cancelled { .. })
            | (Self::Ended { .. }, _) => Err(OutOfOrder),
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
