//! 本人確認情報の依頼: the way of a request for identity information through the resident network, one server at a time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    codes::InstitutionCode,
    identity::{IdentityAct, IdentityRefusal, IdentityUser},
    inquiry::OutOfOrder,
    names::RecordId,
    symbol_request::{SealedNumber, Station},
};

/// A request for identity information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResidentRequest {
    /// Who asks.
    pub institution: InstitutionCode,
    /// The caller's id of it.
    pub record_id: RecordId,
    /// What is asked for.
    pub act: IdentityAct,
    /// By whom, and what for.
    pub by: IdentityUser,
    /// When it was taken over.
    pub accepted_at: Timestamp,
    /// How often it was asked for at the server where it is.
    pub polls: u32,
    /// Where it is.
    pub state: ResidentRequestState,
}

/// Where a request is. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ResidentRequestState {
    /// On the way to the national server, or there.
    OnTheWay {
        /// The server; never the core system.
        station: Station,
        /// What it says of the person.
        content: SealedNumber,
        /// Since when.
        since: Timestamp,
    },
    /// The national server has done what it asks for, or not.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        end: ResidentRequestEnd,
    },
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum ResidentRequestEnd {
    /// It was done; the answer for the institution, sealed with the resident network's key.
    Done {
        /// The answer.
        answer: SealedNumber,
    },
    /// It was done, and the answer is not kept any more.
    AnswerDeleted,
    /// It was refused.
    Refused {
        /// Why.
        why: IdentityRefusal,
    },
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResidentRequestEvent {
    /// A server passed it on unread.
    Forwarded {
        /// When.
        at: Timestamp,
    },
    /// The national server ended it.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        end: ResidentRequestEnd,
    },
    /// The time for which an answer is kept has passed.
    AnswerDeleted,
}

impl ResidentRequestState {
    /// The state after an event.
    ///
    /// # Errors
    /// When it cannot happen there.
    pub fn apply(self, event: ResidentRequestEvent) -> Result<Self, OutOfOrder> {
        use ResidentRequestEvent as Event;
        match (self, event) {
            (
                Self::OnTheWay {
                    station, content, ..
                },
                Event::Forwarded { at: since },
            ) => Ok(Self::OnTheWay {
                station: next(station).ok_or(OutOfOrder)?,
                content,
                since,
            }),
            (
                Self::OnTheWay {
                    station: Station::NationalServer,
                    ..
                },
                Event::Ended { at, end },
            ) => Ok(Self::Ended { at, end }),
            (
                Self::Ended {
                    at,
                    end: ResidentRequestEnd::Done { .. },
                },
                Event::AnswerDeleted,
            ) => Ok(Self::Ended {
                at,
                end: ResidentRequestEnd::AnswerDeleted,
            }),
            (Self::OnTheWay { .. }, Event::Ended { .. } | Event::AnswerDeleted)
            | (Self::Ended { .. }, _) => Err(OutOfOrder),
        }
    }

    /// Where it is and since when; nothing when it has ended.
    pub fn place(&self) -> Option<(Station, Timestamp)> {
        match self {
            Self::OnTheWay { station, since, .. } => Some((*station, *since)),
            Self::Ended { .. } => None,
        }
    }
}

/// The server that this one passes a request on to.
fn next(station: Station) -> Option<Station> {
    match station {
        Station::CommunicationServer => Some(Station::PrefecturalServer),
        Station::PrefecturalServer => Some(Station::NationalServer),
        Station::NationalServer | Station::CoreSystem => None,
    }
}
