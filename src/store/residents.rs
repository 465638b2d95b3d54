//! What the resident network was told of residents, and the requests for it. Content, answers and register are sealed.

use jiff::Timestamp;

use super::{Batch, Key, State, StoreFault, Version};
use crate::domain::{
    codes::InstitutionCode,
    names::RecordId,
    resident_request::{ResidentRequest, ResidentRequestEnd, ResidentRequestState},
};

/// How many answers are looked at for deletion at one time.
const OLD_ANSWERS: usize = 1_000;

/// Who asks, and the caller's id.
pub type ResidentRequestName = (InstitutionCode, RecordId);

/// What a notification changes in the register.
#[derive(Debug)]
pub struct RegisterChange {
    /// The person.
    pub person: u32,
    /// How many entries the register had of them.
    pub position: u32,
    /// The new entry, sealed.
    pub sealed: Vec<u8>,
    /// How many people have come since the world began, where this one has.
    pub newcomers: Option<u32>,
}

fn request((institution, record_id): &ResidentRequestName) -> Key {
    Key::new("resident-request")
        .text(institution.as_str())
        .text(record_id.as_str())
}

fn under_way() -> Key {
    Key::new("resident-request-under-way")
}

fn on_the_way((institution, record_id): &ResidentRequestName) -> Key {
    under_way()
        .text(institution.as_str())
        .text(record_id.as_str())
}

fn answers() -> Key {
    Key::new("resident-answer")
}

fn answer(at: Timestamp, (institution, record_id): &ResidentRequestName) -> Key {
    answers()
        .instant_ms(at.as_millisecond())
        .text(institution.as_str())
        .text(record_id.as_str())
}

fn entries(person: u32) -> Key {
    Key::new("resident").number(person.into())
}

fn newcomers() -> Key {
    Key::new("newcomers")
}

fn name(request: &ResidentRequest) -> ResidentRequestName {
    (request.institution, request.record_id.clone())
}

impl State {
    /// A request, and which write left it so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn resident_request(
        &self,
        of: &ResidentRequestName,
    ) -> Result<Option<(Version, ResidentRequest)>, StoreFault> {
        self.read_versioned(&request(of))
    }

    /// The names of the requests that have not ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn resident_requests(&self) -> Result<Vec<ResidentRequestName>, StoreFault> {
        self.all(&under_way())
    }

    /// Keeps a request in place of what `seen` says, and what it changes in the register.
    ///
    /// # Errors
    /// `Conflict` when it has moved on since `seen`; without one, when there is one of this name.
    pub async fn keep_resident_request(
        &self,
        seen: Option<Version>,
        kept: &ResidentRequest,
        change: Option<RegisterChange>,
    ) -> Result<(), StoreFault> {
        let name = name(kept);
        let key = request(&name);
        let mut batch = Batch::new();
        match seen {
            None => batch.expect_absent(key.clone()),
            Some(version) => batch.expect(key.clone(), version),
        };
        batch.put_value(key, kept)?;
        match &kept.state {
            ResidentRequestState::OnTheWay { .. } => {
                batch.put_value(on_the_way(&name), &name)?;
            }
            ResidentRequestState::Ended { at, end } => {
                batch.remove(on_the_way(&name));
                match end {
                    ResidentRequestEnd::Done { .. } => {
                        batch.put_value(answer(*at, &name), &(at, &name))?;
                    }
                    ResidentRequestEnd::AnswerDeleted | ResidentRequestEnd::Refused { .. } => {
                        batch.remove(answer(*at, &name));
                    }
                }
            }
        }
        if let Some(change) = change {
            let key = entries(change.person).number(change.position.into());
            batch.expect_absent(key.clone());
            batch.put_value(key, &change.sealed)?;
            if let Some(count) = change.newcomers {
                batch.put_value(newcomers(), &count)?;
            }
        }
        self.engine.write(batch).await
    }

    /// The requests that ended before a moment and whose answers are kept; some of them where they are many.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn old_resident_answers(
        &self,
        before: Timestamp,
    ) -> Result<Vec<ResidentRequestName>, StoreFault> {
        let rows = self.engine.scan(&answers(), None, OLD_ANSWERS)?;
        let mut old = Vec::new();
        for (_, row) in rows {
            let (at, name): (Timestamp, ResidentRequestName) = super::form::decode(&row)?;
            if at >= before {
                break;
            }
            old.push(name);
        }
        Ok(old)
    }

    /// What the register was told of a person, sealed, the first first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn resident_entries(&self, person: u32) -> Result<Vec<Vec<u8>>, StoreFault> {
        self.all(&entries(person))
    }

    /// How many people have come since the world began.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn newcomers(&self) -> Result<u32, StoreFault> {
        Ok(self.engine.read_value(&newcomers())?.unwrap_or_default())
    }
}
