//! 本人確認情報: takes requests over at the communication server, brings them to the national server, and keeps the register
//! there. What they say, their answers and the register lie sealed.

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::MutexGuard;
use zeroize::Zeroizing;

use super::{
    Asked, AtNationalServer, Ending, MovedResident, NewEntry, ResidentAnswer, ResidentDraft,
    ResidentNetwork,
};
use crate::{
    crypto::vault::VaultFault,
    domain::{
        codes::InstitutionCode,
        identity::IdentityInformation,
        person::IndividualNumber,
        refusal::{FieldFlaw, Refusal, Thing},
        resident_request::{
            ResidentRequest, ResidentRequestEnd, ResidentRequestEvent, ResidentRequestState,
        },
        symbol_request::{SealedNumber, Station},
    },
    network::NetworkFault,
    store::{RegisterChange, ResidentRequestName, StoreFault, Version},
};

impl ResidentNetwork {
    /// Held while the national server answers: it answers one request at a time, so that each use is recorded once and
    /// each change is decided upon what the register says.
    pub async fn answering(&self) -> MutexGuard<'_, ()> {
        self.answering.lock().await
    }

    /// Takes a request over at the communication server.
    ///
    /// # Errors
    /// When the network is outside its hours or its communication server is down; when the institution has used the id.
    pub async fn accept_resident(
        &self,
        institution: InstitutionCode,
        draft: ResidentDraft,
        now: Timestamp,
    ) -> Result<(), NetworkFault> {
        self.is_open(now)?;
        let act = draft.asked.act();
        let number = draft.number.as_ref().map(IndividualNumber::expose);
        let name = (institution, draft.record_id.clone());
        let content = self.seal(&place(&name), &(number, &draft.asked))?;
        let accepted = ResidentRequest {
            institution,
            record_id: draft.record_id,
            act,
            by: draft.by,
            accepted_at: now,
            polls: 0,
            state: ResidentRequestState::OnTheWay {
                station: Station::CommunicationServer,
                content,
                since: now,
            },
        };
        match self
            .state
            .keep_resident_request(None, &accepted, None)
            .await
        {
            Err(StoreFault::Conflict { .. }) => Err(used_before().into()),
            kept => {
                kept?;
                self.stirred.notify_one();
                Ok(())
            }
        }
    }

    /// A request.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn resident_request(
        &self,
        name: &ResidentRequestName,
    ) -> Result<ResidentRequest, NetworkFault> {
        let found = self.state.resident_request(name)?;
        let found = found.ok_or(Refusal::NotFound(Thing::ResidentRequest))?;
        Ok(found.1)
    }

    /// The names of the requests on their way.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn resident_requests(&self) -> Result<Vec<ResidentRequestName>, NetworkFault> {
        Ok(self.state.resident_requests()?)
    }

    /// Counts that the institution has asked how this request stands.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn count_resident_poll(
        &self,
        name: &ResidentRequestName,
    ) -> Result<(), NetworkFault> {
        let Some((version, mut kept)) = self.state.resident_request(name)? else {
            return Ok(());
        };
        if kept.state.place().is_none() {
            return Ok(());
        }
        kept.polls = kept.polls.saturating_add(1);
        self.replace(version, &kept, None).await
    }

    /// Moves a request one server on, where it is due. What the national server is to answer stays there, so that a crash
    /// loses nothing: `end_resident` it.
    ///
    /// # Errors
    /// When the state cannot be read or written, or a queue was altered.
    pub async fn step_resident(
        &self,
        name: &ResidentRequestName,
        now: Timestamp,
    ) -> Result<MovedResident, NetworkFault> {
        let Some((version, request)) = self.state.resident_request(name)? else {
            return Ok(MovedResident::Gone);
        };
        let Some(at) = request.state.place() else {
            return Ok(MovedResident::Gone);
        };
        if let Err(waits) = self.plan().answers(at, request.polls, now) {
            return Ok(MovedResident::Waits(waits));
        }
        if let Some(asked) = self.asked(name, (version, &request))? {
            return Ok(MovedResident::AtNationalServer(Box::new(asked)));
        }
        let forwarded = ResidentRequestEvent::Forwarded { at: now };
        let next = ResidentRequest {
            state: request.state.apply(forwarded)?,
            polls: 0,
            ..request
        };
        self.replace(version, &next, None).await?;
        Ok(MovedResident::Forwarded)
    }

    /// A request that has come to the national server and waits for its answer, whether it is due or not.
    ///
    /// # Errors
    /// When the state cannot be read, or the queue was altered.
    pub fn at_national_server(
        &self,
        name: &ResidentRequestName,
    ) -> Result<Option<AtNationalServer>, NetworkFault> {
        match self.state.resident_request(name)? {
            Some((version, request)) => self.asked(name, (version, &request)),
            None => Ok(None),
        }
    }

    fn asked(
        &self,
        name: &ResidentRequestName,
        (version, request): (Version, &ResidentRequest),
    ) -> Result<Option<AtNationalServer>, NetworkFault> {
        let ResidentRequestState::OnTheWay {
            station: Station::NationalServer,
            content,
            ..
        } = &request.state
        else {
            return Ok(None);
        };
        let (number, asked): (Option<Zeroizing<String>>, Asked) =
            self.unseal(&place(name), content)?;
        let number = number.map(|number| number.parse()).transpose();
        Ok(Some(AtNationalServer {
            version,
            number: number.map_err(|_| VaultFault)?,
            asked,
            request: request.clone(),
        }))
    }

    /// Ends a request whose use is on record, and enters into the register what it changes: both or neither.
    ///
    /// # Errors
    /// When the state cannot be written, or the register has changed meanwhile.
    pub async fn end_resident(
        &self,
        answered: AtNationalServer,
        Ending { end, entry }: Ending,
        now: Timestamp,
    ) -> Result<(), NetworkFault> {
        let change = entry
            .map(|entry| self.register_change(&entry))
            .transpose()?;
        let ended = ResidentRequestEvent::Ended { at: now, end };
        let next = ResidentRequest {
            state: answered.request.state.apply(ended)?,
            ..answered.request
        };
        let kept = self
            .state
            .keep_resident_request(Some(answered.version), &next, change);
        Ok(kept.await?)
    }

    /// What ends a request with an answer.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn done(
        &self,
        name: &ResidentRequestName,
        answer: &ResidentAnswer,
    ) -> Result<ResidentRequestEnd, NetworkFault> {
        let answer = self.seal(&place(name), answer)?;
        Ok(ResidentRequestEnd::Done { answer })
    }

    /// The answer to a request, where there is one.
    ///
    /// # Errors
    /// When it is not kept any more, or was altered.
    pub fn answer(
        &self,
        request: &ResidentRequest,
    ) -> Result<Option<ResidentAnswer>, NetworkFault> {
        let name = (request.institution, request.record_id.clone());
        match &request.state {
            ResidentRequestState::OnTheWay { .. } => Ok(None),
            ResidentRequestState::Ended { end, .. } => match end {
                ResidentRequestEnd::Done { answer } => {
                    Ok(Some(self.unseal(&place(&name), answer)?))
                }
                ResidentRequestEnd::AnswerDeleted => Err(Refusal::ResultsDeleted.into()),
                ResidentRequestEnd::Refused { .. } => Ok(None),
            },
        }
    }

    /// Deletes the answers that were kept for so long.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn delete_old_answers(
        &self,
        now: Timestamp,
        retention: SignedDuration,
    ) -> Result<(), NetworkFault> {
        let Ok(before) = now.checked_sub(retention) else {
            return Ok(());
        };
        for name in self.state.old_resident_answers(before)? {
            let Some((version, request)) = self.state.resident_request(&name)? else {
                continue;
            };
            let deleted = ResidentRequestEvent::AnswerDeleted;
            let next = ResidentRequest {
                state: request.state.apply(deleted)?,
                ..request
            };
            self.replace(version, &next, None).await?;
        }
        Ok(())
    }

    /// What the register was told of a person, the first first.
    ///
    /// # Errors
    /// When the state cannot be read, or the register was altered.
    pub fn registered(&self, person: u32) -> Result<Vec<IdentityInformation>, NetworkFault> {
        let kept = self.state.resident_entries(person)?;
        let opened = kept.iter().zip(0..).map(|(sealed, position)| {
            let opened = self.vault.open(&entry_place(person, position), sealed)?;
            Ok(serde_json::from_slice(&opened)?)
        });
        opened.collect()
    }

    /// What names a person in an institution's records of uses: nobody but the resident network can make it, and each institution sees another
    /// one of the same person.
    pub fn person_digest(&self, person: u32, institution: InstitutionCode) -> String {
        let digest = self
            .vault
            .digest(format!("person {person} at {institution}").as_bytes());
        data_encoding::HEXLOWER.encode(&digest)
    }

    fn register_change(&self, entry: &NewEntry) -> Result<RegisterChange, NetworkFault> {
        let count = self.state.resident_entries(entry.person)?.len();
        let position = u32::try_from(count).map_err(|_| VaultFault)?;
        let plain = Zeroizing::new(serde_json::to_vec(&entry.information)?);
        Ok(RegisterChange {
            person: entry.person,
            position,
            sealed: self
                .vault
                .seal(&entry_place(entry.person, position), &plain)?,
            newcomers: entry.newcomers,
        })
    }

    /// Keeps a request; another hand that has moved it at the same moment was first.
    async fn replace(
        &self,
        version: Version,
        next: &ResidentRequest,
        change: Option<RegisterChange>,
    ) -> Result<(), NetworkFault> {
        let kept = self
            .state
            .keep_resident_request(Some(version), next, change);
        match kept.await {
            Ok(()) | Err(StoreFault::Conflict { .. }) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    fn seal(&self, place: &[u8], value: &impl Serialize) -> Result<SealedNumber, NetworkFault> {
        let plain = Zeroizing::new(serde_json::to_vec(value)?);
        Ok(SealedNumber(self.vault.seal(place, &plain)?))
    }

    fn unseal<T: DeserializeOwned>(
        &self,
        place: &[u8],
        sealed: &SealedNumber,
    ) -> Result<T, NetworkFault> {
        let plain = self.vault.open(place, &sealed.0)?;
        Ok(serde_json::from_slice(&plain)?)
    }
}

fn used_before() -> Refusal {
    Refusal::RecordIdExists(vec![FieldFlaw::new(
        "record_id",
        "was used before",
        "「レコード識別番号」が既に存在しています",
    )])
}

fn place((institution, record_id): &ResidentRequestName) -> Vec<u8> {
    format!("resident request {institution} {record_id}").into_bytes()
}

fn entry_place(person: u32, position: u32) -> Vec<u8> {
    format!("resident {person} {position}").into_bytes()
}
