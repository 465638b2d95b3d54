//! What the resident network is asked for about identity information, and what it answers.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    domain::{
        identity::{IdentityAct, IdentityInformation, IdentityUser, Notification},
        names::RecordId,
        person::IndividualNumber,
        resident_request::{ResidentRequest, ResidentRequestEnd},
        symbol_request::Waits,
    },
    store::Version,
};

/// What an institution asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Asked {
    /// To register what it tells of a resident.
    Notify(Notification),
    /// The information as it is.
    LookUp,
    /// The information with all that went before.
    LookUpHistory,
}

impl Asked {
    /// The act that it is.
    pub fn act(&self) -> IdentityAct {
        match self {
            Self::Notify(_) => IdentityAct::Notify,
            Self::LookUp => IdentityAct::LookUp,
            Self::LookUpHistory => IdentityAct::LookUpHistory,
        }
    }
}

/// A request for identity information, as it comes to the communication server.
#[derive(Debug, Clone)]
pub struct ResidentDraft {
    /// The caller's id of it.
    pub record_id: RecordId,
    /// By whom, and what for.
    pub by: IdentityUser,
    /// 個人番号; nothing for a person who has none yet.
    pub number: Option<IndividualNumber>,
    /// What is asked for.
    pub asked: Asked,
}

/// What the institution is told.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ResidentAnswer {
    /// 個人番号, of a person who had none. Source: 番号法 §7(1), 施行令 §2: it is told to the mayor.
    pub individual_number: Option<Zeroizing<String>>,
    /// The information that was asked for, the oldest first.
    pub entries: Vec<IdentityInformation>,
}

/// A request at the national server, opened.
#[derive(Debug)]
pub struct AtNationalServer {
    pub(super) version: Version,
    /// The request.
    pub request: ResidentRequest,
    /// 個人番号; nothing for a person who has none yet.
    pub number: Option<IndividualNumber>,
    /// What is asked for.
    pub asked: Asked,
}

/// What became of a step of a request.
#[derive(Debug)]
pub enum MovedResident {
    /// No request of this name is on its way.
    Gone,
    /// It stays where it is.
    Waits(Waits),
    /// It is at the next server.
    Forwarded,
    /// The national server is to answer it.
    AtNationalServer(Box<AtNationalServer>),
}

/// What a notification enters into the register.
#[derive(Debug)]
pub struct NewEntry {
    /// The person.
    pub person: u32,
    /// The information from now on.
    pub information: IdentityInformation,
    /// How many people have come since the world began, where this one has.
    pub newcomers: Option<u32>,
}

/// How the national server ended a request.
#[derive(Debug)]
pub struct Ending {
    /// How.
    pub end: ResidentRequestEnd,
    /// What it enters into the register.
    pub entry: Option<NewEntry>,
}
