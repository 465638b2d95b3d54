//! The requests that a provider received, the permits it used up, and its no-auto-reply flags.

use jiff::Timestamp;

use super::{
    Batch, HandedOver, Key, Page, PageOf, RecordPlace, State, StoreFault, Version,
    answered::note_answered, records::record_of,
};
use crate::domain::{
    codes::{AddresseeNumber, InstitutionCode, SpecificInfoCode},
    deciding::Opened,
    names::{PermitId, ProcessingSerial},
    provision::{NoAutoReply, Provision, ProvisionState},
};

pub(super) fn provisions(institution: InstitutionCode) -> Key {
    Key::new("provision").text(institution.as_str())
}

fn waiting(institution: InstitutionCode) -> Key {
    Key::new("waiting").text(institution.as_str())
}

/// In the order of arrival.
pub(super) fn place(list: Key, provision: &Provision) -> Key {
    list.instant_ms(provision.received_at.as_millisecond())
        .text(&provision.subject.serial.to_string())
}

pub(super) fn received_at(institution: InstitutionCode, serial: ProcessingSerial) -> Key {
    Key::new("provision-of")
        .text(institution.as_str())
        .text(&serial.to_string())
}

pub(super) fn used_permit(institution: InstitutionCode, permit: PermitId) -> Key {
    Key::new("used-permit")
        .text(institution.as_str())
        .bytes(&permit.0)
}

pub(super) fn dealings(provision: &Provision, person: AddresseeNumber) -> Key {
    let subject = &provision.subject;
    Key::new("held-dealing")
        .text(subject.provider.as_str())
        .text(subject.inquirer.as_str())
        .text(person.as_str())
}

pub(super) fn opened(serial: ProcessingSerial) -> Key {
    Key::new("opened").text(&serial.to_string())
}

fn flags(institution: InstitutionCode) -> Key {
    Key::new("no-auto-reply").text(institution.as_str())
}

fn flag(institution: InstitutionCode, flag: NoAutoReply) -> Key {
    let key = flags(institution);
    match flag {
        NoAutoReply::Person(person) => key.text("person").text(person.as_str()),
        NoAutoReply::SpecificInfo(info) => key.text("info").text(info.as_str()),
        NoAutoReply::Both(person, info) => {
            key.text("both").text(person.as_str()).text(info.as_str())
        }
    }
}

impl State {
    /// Keeps a request that was just received and decided, and that its permit is used up. It takes the place of an
    /// earlier request of the same exchange: the core system sends one again, under a new permit, when a crash kept
    /// the reply from the inquirer.
    ///
    /// It is durable before whatever is written after it.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn keep_provision(&self, provision: &Provision) -> Result<HandedOver, StoreFault> {
        let institution = provision.subject.provider;
        let mut batch = Batch::new();
        if let Some((_, earlier)) = self.provision(institution, provision.subject.serial)? {
            batch.remove(place(provisions(institution), &earlier));
            batch.remove(place(waiting(institution), &earlier));
        }
        batch.put_value(
            received_at(institution, provision.subject.serial),
            &provision.received_at,
        )?;
        batch.put_value(
            used_permit(institution, provision.permit_id),
            &provision.received_at,
        )?;
        if let ProvisionState::Answered { .. } = provision.state {
            let serial = &provision.subject.serial;
            note_answered(&mut batch, institution, *serial)?;
        }
        put_provision(&mut batch, provision, None)?;
        self.engine.hand_over(batch).await
    }

    /// Keeps a request's next state in place of what `seen` showed, and where the record of its end stands.
    ///
    /// # Errors
    /// `Conflict` when it has moved on since `seen`.
    pub async fn move_provision(
        &self,
        seen: Version,
        provision: &Provision,
        record: Option<&RecordPlace>,
    ) -> Result<(), StoreFault> {
        let institution = provision.subject.provider;
        let mut batch = Batch::new();
        batch.expect(place(provisions(institution), provision), seen);
        put_provision(&mut batch, provision, record)?;
        self.engine.write(batch).await
    }

    /// One request, and which write said so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn provision(
        &self,
        institution: InstitutionCode,
        serial: ProcessingSerial,
    ) -> Result<Option<(Version, Provision)>, StoreFault> {
        let at: Option<Timestamp> = self.engine.read_value(&received_at(institution, serial))?;
        let Some(at) = at else { return Ok(None) };
        let key = provisions(institution)
            .instant_ms(at.as_millisecond())
            .text(&serial.to_string());
        self.read_versioned(&key)
    }

    /// The requests of an institution in the order of their arrival.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn provisions(
        &self,
        institution: InstitutionCode,
        page: Page,
    ) -> Result<PageOf<Provision>, StoreFault> {
        self.page(&provisions(institution), &page)
    }

    /// The requests that wait for a human, in the order of their arrival.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting_provisions(
        &self,
        institution: InstitutionCode,
        page: Page,
    ) -> Result<PageOf<Provision>, StoreFault> {
        self.page(&waiting(institution), &page)
    }

    /// All requests that wait for a human, or whose decision has not reached the inquirer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_waiting_provisions(
        &self,
        institution: InstitutionCode,
    ) -> Result<Vec<Provision>, StoreFault> {
        self.all(&waiting(institution))
    }

    /// The held requests of the same inquirer about the same person, in the order of their arrival.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn held_dealings(
        &self,
        provision: &Provision,
    ) -> Result<Vec<ProcessingSerial>, StoreFault> {
        match provision.addressee {
            Some(person) => self.all(&dealings(provision, person)),
            None => Ok(Vec::new()),
        }
    }

    /// Notes who opened a held request, and when last.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn note_opened(
        &self,
        serial: ProcessingSerial,
        by: &Opened,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(opened(serial).text(by.account.as_str()), by)?;
        self.engine.write(batch).await
    }

    /// Who opened a held request.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn opened(&self, serial: ProcessingSerial) -> Result<Vec<Opened>, StoreFault> {
        self.all(&opened(serial))
    }

    /// Whether the institution has used up this permit.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn permit_is_used(
        &self,
        institution: InstitutionCode,
        permit: PermitId,
    ) -> Result<bool, StoreFault> {
        Ok(self
            .engine
            .read(&used_permit(institution, permit))?
            .is_some())
    }

    /// Notes from the ledger that permits were used up, and when.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn note_used_permits(
        &self,
        used: &[(InstitutionCode, PermitId, Timestamp)],
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        for (institution, permit, at) in used {
            batch.put_value(used_permit(*institution, *permit), at)?;
        }
        self.engine.write(batch).await
    }

    /// Sets a flag.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn set_no_auto_reply(
        &self,
        institution: InstitutionCode,
        set: NoAutoReply,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(flag(institution, set), &set)?;
        self.engine.write(batch).await
    }

    /// Whether exactly this flag is set.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_no_auto_reply(
        &self,
        institution: InstitutionCode,
        asked: NoAutoReply,
    ) -> Result<bool, StoreFault> {
        Ok(self.engine.read(&flag(institution, asked))?.is_some())
    }

    /// Takes a flag away; says whether it was there.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn clear_no_auto_reply(
        &self,
        institution: InstitutionCode,
        cleared: NoAutoReply,
    ) -> Result<bool, StoreFault> {
        let key = flag(institution, cleared);
        let there = self.engine.read(&key)?.is_some();
        let mut batch = Batch::new();
        batch.remove(key);
        self.engine.write(batch).await?;
        Ok(there)
    }

    /// The institution's flags.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn no_auto_reply(
        &self,
        institution: InstitutionCode,
        page: Page,
    ) -> Result<PageOf<NoAutoReply>, StoreFault> {
        self.page(&flags(institution), &page)
    }

    /// The flag that holds requests for this person and specific information, the narrowest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fitting_flag(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
        info: SpecificInfoCode,
    ) -> Result<Option<NoAutoReply>, StoreFault> {
        for candidate in NoAutoReply::that_fit(person, info) {
            if self.engine.read(&flag(institution, candidate))?.is_some() {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}

fn put_provision(
    batch: &mut Batch,
    provision: &Provision,
    record: Option<&RecordPlace>,
) -> Result<(), StoreFault> {
    let institution = provision.subject.provider;
    if let Some(place) = record {
        let key = record_of(institution.as_str(), provision.subject.serial);
        batch.put_value(key, place)?;
    }
    batch.put_value(place(provisions(institution), provision), provision)?;
    let in_queue = place(waiting(institution), provision);
    match provision.state {
        ProvisionState::Held { .. }
        | ProvisionState::Checked { .. }
        | ProvisionState::SentBack { .. }
        | ProvisionState::Decided { .. } => batch.put_value(in_queue, provision)?,
        ProvisionState::Ended { .. } => batch.remove(in_queue),
        ProvisionState::Received | ProvisionState::Answered { .. } => batch,
    };
    if let (Some(_), Some(person)) = (provision.state.waiting(), provision.addressee) {
        let dealing = place(dealings(provision, person), provision);
        batch.put_value(dealing, &provision.subject.serial)?;
    }
    Ok(())
}
