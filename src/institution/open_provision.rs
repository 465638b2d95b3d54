//! 内容確認: one held request with everything that a decision rests on. Looking at it is on record. TKY.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    ActFault, AtWork, IntermediateServer, Queued, Step, provide::hex_digest, staff_step::step_entry,
};
use crate::crypto::digest::sha256;
use crate::domain::{
    deciding::{ContentDigest, Opened, StaffStep},
    exchange::Provided,
    names::ProcessingSerial,
    permission_list::{Decision, Permission, Question},
    provision::Provision,
    record::PlacedRecord,
    refusal::{Refusal, Thing},
    result::ResultCode,
    selection::Found,
    staff::Act,
};
use crate::store::RecordFault;

/// The most earlier requests, and the most earlier exchanges, that are shown.
const EARLIER_MAX: usize = 20;

/// A held request and what a decision about it rests on.
#[derive(Debug)]
pub struct Detail {
    /// The request as it stands in the queue.
    pub queued: Queued,
    /// The row of the permission list that allows it today; nothing where none does any more.
    pub permission: Option<Permission>,
    /// Exactly what would be provided.
    pub content: Content,
    /// Its digest: a check names it.
    pub digest: ContentDigest,
    /// The most reveals of an account on one day that are nothing special, where this one is beyond it.
    pub beyond_volume: Option<u32>,
    /// Earlier held requests of the same inquirer about the same person, the latest first.
    pub earlier: Vec<Provision>,
    /// Earlier exchanges of the same inquirer about the same person that have ended, the latest first.
    pub ended: Vec<PlacedRecord>,
}

/// Exactly what would be provided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Content {
    /// This answer.
    Answer(Provided),
    /// No data, of this kind.
    NoData(ResultCode),
}

/// Whether the values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Masked.
    Masked,
    /// As they are.
    Shown,
}

impl IntermediateServer {
    /// Opens a held request for a member of the staff. Without [`Values::Shown`] every value is masked.
    ///
    /// # Errors
    /// When it is not known or does not wait, or the member of the staff has no authority; when the record cannot be
    /// written.
    pub async fn open_provision(
        &self,
        serial: ProcessingSerial,
        staff: AtWork,
        values: Values,
        at: Timestamp,
    ) -> Result<Detail, ActFault> {
        let state = &self.around.state;
        let found = state.provision(self.profile.code, serial)?;
        let (seen, _) = found.ok_or(Refusal::NotFound(Thing::Provision))?;
        let step = Step {
            serial,
            seen,
            staff,
            at,
        };
        let (act, name) = match values {
            Values::Masked => (Act::OpenProvision, StaffStep::Opened),
            Values::Shown => (Act::RevealContent, StaffStep::Revealed),
        };
        let opened = self.look(&step, values, (act, name)).await;
        self.or_refused(&step, act, opened).await
    }

    async fn look(
        &self,
        step: &Step,
        values: Values,
        (act, name): (Act, StaffStep),
    ) -> Result<Detail, ActFault> {
        let (provision, authority) = self.as_seen(step, act)?;
        self.queued(provision)?;
        let (records, state) = (&self.around.records, &self.around.state);
        let entry = step_entry(step, name, None);
        records.write(self.keeper(), &entry, step.at).await?;
        let (account, at) = (authority.actor().account, step.at);
        let opened = Opened { account, at };
        state.note_opened(step.serial, &opened).await?;
        let beyond_volume = match values {
            Values::Shown => self.count_volume(&step.staff, step.at),
            Values::Masked => None,
        };
        let detail = self.detail(step.serial, values, step.at)?;
        Ok(Detail {
            beyond_volume,
            ended: self.ended_dealings(&detail.queued.provision).await?,
            ..detail
        })
    }

    fn detail(
        &self,
        serial: ProcessingSerial,
        values: Values,
        now: Timestamp,
    ) -> Result<Detail, ActFault> {
        let found = self.around.state.provision(self.profile.code, serial)?;
        let (_, provision) = found.ok_or(Refusal::NotFound(Thing::Provision))?;
        let queued = self.queued(provision)?;
        let (content, digest) = self.content_of(&queued.provision, now)?;
        Ok(Detail {
            permission: self.permission_of(&queued.provision, now),
            content: match values {
                Values::Masked => content.masked(),
                Values::Shown => content,
            },
            digest,
            beyond_volume: None,
            earlier: self.earlier(&queued.provision)?,
            ended: Vec::new(),
            queued,
        })
    }

    /// What would be provided now, and its digest.
    pub(super) fn content_of(
        &self,
        provision: &Provision,
        now: Timestamp,
    ) -> Result<(Content, ContentDigest), ActFault> {
        let content = match self.found(provision, now)? {
            Found::NotRegistered => Content::NoData(ResultCode::NotRegistered),
            Found::NotDeclared => Content::NoData(ResultCode::NotDeclared),
            Found::OutsidePublication => Content::NoData(ResultCode::OutsidePublication),
            Found::Answer { answer, partly } => Content::Answer(Provided {
                answer,
                withheld: partly,
            }),
        };
        let digest = ContentDigest(sha256(&[&serde_json::to_vec(&content)?]));
        Ok((content, digest))
    }

    fn permission_of(&self, provision: &Provision, now: Timestamp) -> Option<Permission> {
        let subject = &provision.subject;
        let question = Question {
            inquirer: self.around.directory.find(subject.inquirer)?,
            affair: subject.affair,
            procedure: subject.procedure,
            provider: &self.profile,
            specific_info: subject.specific_info,
            at: now,
        };
        match self.permission(&question) {
            Ok(Decision::Allowed(permission)) => Some(permission),
            Ok(Decision::Refused(_)) | Err(_) => None,
        }
    }

    async fn ended_dealings(&self, provision: &Provision) -> Result<Vec<PlacedRecord>, ActFault> {
        let (records, keeper) = (self.around.records.clone(), self.keeper());
        let (inquirer, symbol) = (provision.subject.inquirer, hex_digest(&provision.symbol.0));
        let search = move || records.dealings(keeper, (inquirer, &symbol), EARLIER_MAX);
        let found = tokio::task::spawn_blocking(search).await;
        Ok(found.map_err(|_| RecordFault::Form)??)
    }

    fn earlier(&self, provision: &Provision) -> Result<Vec<Provision>, ActFault> {
        let state = &self.around.state;
        let mut serials = state.held_dealings(provision)?;
        serials.retain(|serial| *serial != provision.subject.serial);
        let mut earlier = Vec::new();
        for serial in serials.into_iter().rev().take(EARLIER_MAX) {
            let found = state.provision(self.profile.code, serial)?;
            earlier.extend(found.map(|(_, provision)| provision));
        }
        Ok(earlier)
    }
}

impl Content {
    /// The same with every value masked.
    fn masked(self) -> Self {
        match self {
            Self::Answer(provided) => Self::Answer(provided.masked()),
            Self::NoData(code) => Self::NoData(code),
        }
    }
}
