//! 情報照会: an inquiry, its details (one person each), and the life of each exchange as the inquirer sees it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    codes::{
        AddresseeNumber, AffairCode, InstitutionCode, ItemCode, ProcedureCode, SpecificInfoCode,
    },
    condition::Condition,
    exchange::{Outcome, SealedAnswer, Side, Subject},
    names::{ProcessingSerial, ReceiptNumber, RecordId, UnitCode, UserId},
    result::ResultCode,
};

/// The most details in one inquiry. Source: the batch files' limit of 10,000 rows.
pub const DETAILS_MAX: usize = 10_000;

/// The most specific informations asked for in one detail (ours).
pub const INFOS_PER_DETAIL_MAX: usize = 50;

/// The most items named for one specific information (ours). With more the record of the exchange would not fit into
/// an entry of the ledger.
pub const ITEMS_PER_INFO_MAX: usize = 1_000;

/// How far a request's time may lie ahead of the world's clock, in seconds (ours).
pub const REQUESTED_AHEAD_S_MAX: i64 = 300;

/// An inquiry as it was accepted. It never changes; its exchanges do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// 受付番号.
    pub receipt: ReceiptNumber,
    /// 照会者.
    pub inquirer: InstitutionCode,
    /// When the business system made the request.
    pub requested_at: Timestamp,
    /// When it was accepted, by the world's clock.
    pub accepted_at: Timestamp,
    /// The unit that asks.
    pub unit: UnitCode,
    /// The user who asks.
    pub user: UserId,
    /// 事務.
    pub affair: AffairCode,
    /// 事務手続.
    pub procedure: ProcedureCode,
    /// 委任元.
    pub delegator: Option<InstitutionCode>,
    /// The X25519 public key that answers are sealed to.
    pub sealing_key: [u8; 32],
    /// The people.
    pub details: Vec<Detail>,
}

/// One person of an inquiry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// レコード識別番号.
    pub record_id: RecordId,
    /// The person at the inquirer.
    pub addressee: AddresseeNumber,
    /// 不開示.
    pub nondisclosure: bool,
    /// What is asked for.
    pub infos: Vec<Asked>,
}

/// One specific information asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// 提供者, after resolving a ward to its city.
    pub provider: InstitutionCode,
    /// 委任元 on the provider's side.
    pub provider_delegator: Option<InstitutionCode>,
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
    /// 特定個人情報項目; empty where all are asked for.
    pub items: Vec<ItemCode>,
    /// Which records are asked for.
    pub condition: Condition,
}

impl Inquiry {
    /// The exchanges of the inquiry in the order of the request.
    pub fn exchanges(&self) -> impl Iterator<Item = (ProcessingSerial, &Detail, &Asked)> {
        self.details
            .iter()
            .zip(0u16..)
            .flat_map(move |(detail, d)| {
                detail.infos.iter().zip(0u8..).map(move |(asked, i)| {
                    let serial = ProcessingSerial {
                        inquirer: self.inquirer,
                        receipt: self.receipt,
                        detail: d,
                        info: i,
                    };
                    (serial, detail, asked)
                })
            })
    }

    /// The person and the specific information of one exchange.
    pub fn exchange(&self, serial: ProcessingSerial) -> Option<(&Detail, &Asked)> {
        let detail = self.details.get(usize::from(serial.detail))?;
        Some((detail, detail.infos.get(usize::from(serial.info))?))
    }

    /// What the exchange of `asked` is about.
    pub fn subject(&self, serial: ProcessingSerial, detail: &Detail, asked: &Asked) -> Subject {
        Subject {
            serial,
            requested_at: self.requested_at,
            inquirer: self.inquirer,
            delegator: self.delegator,
            affair: self.affair,
            procedure: self.procedure,
            provider: asked.provider,
            provider_delegator: asked.provider_delegator,
            specific_info: asked.specific_info,
            items: asked.items.clone(),
            condition: asked.condition,
            nondisclosure: detail.nondisclosure,
        }
    }
}

/// Where an exchange stands at the inquirer. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ExchangeState {
    /// Accepted; the answer is not there yet.
    Accepted,
    /// Held for the provider's staff.
    Waiting {
        /// Since when.
        since: Timestamp,
    },
    /// Ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
        /// The sealed answer, where there is one.
        answer: Option<SealedAnswer>,
    },
}

/// What can happen to an exchange at the inquirer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExchangeEvent {
    /// The provider holds it for its staff. Writes no record: the exchange has not ended.
    Held {
        /// When.
        at: Timestamp,
    },
    /// It ended. Writes the inquirer's 情報提供等記録.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
        /// The sealed answer, where there is one.
        answer: Option<SealedAnswer>,
    },
}

/// An event does not fit the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the exchange has already moved on")]
pub struct OutOfOrder;

impl ExchangeState {
    /// The code that a person sees.
    pub fn code(&self) -> ResultCode {
        match self {
            Self::Accepted => ResultCode::Accepted,
            Self::Waiting { .. } => ResultCode::WaitingForStaff,
            Self::Ended { outcome, .. } => outcome.code,
        }
    }

    /// The sealed answer, where it ended with one.
    pub fn into_answer(self) -> Option<SealedAnswer> {
        match self {
            Self::Ended { answer, .. } => answer,
            Self::Accepted | Self::Waiting { .. } => None,
        }
    }

    /// Decides to cancel at the inquirer's wish.
    ///
    /// # Errors
    /// When the exchange has ended.
    pub fn cancel(&self, now: Timestamp) -> Result<ExchangeEvent, OutOfOrder> {
        match self {
            Self::Accepted | Self::Waiting { .. } => Ok(ExchangeEvent::Ended {
                at: now,
                outcome: Outcome::without_answer(ResultCode::Cancelled, Side::Inquirer),
                answer: None,
            }),
            Self::Ended { .. } => Err(OutOfOrder),
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// When the event does not follow this state.
    pub fn apply(self, event: ExchangeEvent) -> Result<Self, OutOfOrder> {
        match (self, event) {
            (Self::Accepted, ExchangeEvent::Held { at }) => Ok(Self::Waiting { since: at }),
            (
                Self::Accepted | Self::Waiting { .. },
                ExchangeEvent::Ended {
                    at,
                    outcome,
                    answer,
                },
            ) => Ok(Self::Ended {
                at,
                outcome,
                answer,
            }),
            (Self::Waiting { .. } | Self::Ended { .. }, ExchangeEvent::Held { .. })
            | (Self::Ended { .. }, ExchangeEvent::Ended { .. }) => Err(OutOfOrder),
        }
    }
}
