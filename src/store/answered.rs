//! Requests that the rules have answered, until the inquirer has the answer; and received requests that are forgotten.

use super::{
    Batch, Key, State, StoreFault,
    provisions::{dealings, opened, place, provisions, received_at, used_permit},
};
use crate::domain::{codes::InstitutionCode, names::ProcessingSerial, provision::Provision};

/// What the rules answered and the inquirer does not have yet.
fn answered(institution: InstitutionCode) -> Key {
    Key::new("answered").text(institution.as_str())
}

pub(super) fn note_answered(
    batch: &mut Batch,
    institution: InstitutionCode,
    serial: ProcessingSerial,
) -> Result<(), StoreFault> {
    batch.put_value(answered(institution).text(&serial.to_string()), &serial)?;
    Ok(())
}

impl State {
    /// Keeps that the inquirer has what the rules answered. Durable after what was written before; should a crash take
    /// it, [`Self::answered_provisions`] has the request still.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn settle_answered(&self, provision: &Provision) -> Result<(), StoreFault> {
        let subject = &provision.subject;
        let mut batch = Batch::new();
        batch.remove(answered(subject.provider).text(&subject.serial.to_string()));
        batch.put_value(place(provisions(subject.provider), provision), provision)?;
        drop(self.engine.hand_over(batch).await?);
        Ok(())
    }

    /// The requests that the rules have answered and of which the inquirer may not have the end.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn answered_provisions(
        &self,
        institution: InstitutionCode,
    ) -> Result<Vec<Provision>, StoreFault> {
        let serials: Vec<ProcessingSerial> = self.all(&answered(institution))?;
        let found = serials
            .into_iter()
            .map(|serial| self.provision(institution, serial));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Ok(found
            .into_iter()
            .flatten()
            .map(|(_, provision)| provision)
            .collect())
    }

    /// Forgets a request whose answer did not get on record. Its permit stays used up.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn forget_provision(&self, provision: &Provision) -> Result<(), StoreFault> {
        let (institution, serial) = (provision.subject.provider, provision.subject.serial);
        let mut batch = Batch::new();
        batch.remove(answered(institution).text(&serial.to_string()));
        batch.remove(received_at(institution, serial));
        batch.remove(place(provisions(institution), provision));
        self.engine.write(batch).await
    }

    /// Adds to a batch that everything about a received request is forgotten; nothing where none was received.
    pub(super) fn forget_received(
        &self,
        batch: &mut Batch,
        institution: InstitutionCode,
        serial: ProcessingSerial,
    ) -> Result<(), StoreFault> {
        let Some((_, provision)) = self.provision(institution, serial)? else {
            return Ok(());
        };
        batch.remove(received_at(institution, serial));
        batch.remove(place(provisions(institution), &provision));
        batch.remove(used_permit(institution, provision.permit_id));
        if let Some(person) = provision.addressee {
            batch.remove(place(dealings(&provision, person), &provision));
        }
        for by in self.opened(serial)? {
            batch.remove(opened(serial).text(by.account.as_str()));
        }
        Ok(())
    }
}
