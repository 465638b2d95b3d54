//! 住基ネット, reduced to its last step: it knows the residents, and brings a serial and a person to the core system.

use super::{World, WorldFault};
use crate::{
    domain::{
        acquisition::AcquisitionRefusal,
        codes::{AddresseeNumber, InstitutionCode},
        names::AcquisitionSerial,
        person::IndividualNumber,
        refusal::Refusal,
    },
    sample::population::SamplePerson,
};

/// What an institution calls a person.
#[derive(Debug, Clone, Copy)]
pub struct PersonAtInstitution {
    /// The institution.
    pub institution: InstitutionCode,
    /// 団体内統合宛名番号 there.
    pub addressee: AddresseeNumber,
}

impl World {
    /// Brings a serial and a 個人番号 to the core system, which sends the symbol to the institution of the serial.
    ///
    /// # Errors
    /// When no acquisition waits for the serial, or it has expired. A person that the resident network does not know
    /// ends the acquisition, not the call.
    pub async fn request_symbol(
        &self,
        serial: AcquisitionSerial,
        person: &IndividualNumber,
    ) -> Result<(), WorldFault> {
        let waiting = self.state.person_of_serial(serial)?;
        let unknown = Refusal::Acquisition(AcquisitionRefusal::SerialUnknown);
        let (institution, _) = waiting.ok_or(unknown)?;
        let server = self.server(institution)?;
        server.check_serial(serial, self.now())?;
        match self.population.find_by_individual_number(person) {
            None => server.person_unknown(serial, self.now()).await?,
            Some(index) => {
                let resident = self.population.resident_code(index);
                let symbol = self.core.issue_symbol(&resident, institution).await?;
                server.link_symbol(serial, symbol, self.now()).await?;
            }
        }
        Ok(())
    }

    /// A sample person.
    pub fn person(&self, index: u32) -> Option<SamplePerson> {
        self.population.person(index)
    }

    /// The municipality that a sample person lives in.
    pub fn home(&self, index: u32) -> Option<InstitutionCode> {
        self.population.home(index, &self.municipalities())
    }

    /// What the institutions call a sample person.
    pub fn person_at_institutions(&self, index: u32) -> Vec<PersonAtInstitution> {
        let named = self.knowing().filter_map(|institution| {
            let addressee = self.population.addressee_number(index, institution)?;
            Some(PersonAtInstitution {
                institution,
                addressee,
            })
        });
        named.collect()
    }
}
