//! 符号の一括取得: each institution's latest mass acquisition and the people it is about, in rows of bounded size.

use super::{Batch, Key, Page, PageOf, State, StoreFault, Version};
use crate::domain::{
    addressee::Addressee,
    codes::{AddresseeNumber, InstitutionCode},
    mass_acquisition::MassAcquisition,
};

fn row(institution: InstitutionCode) -> Key {
    Key::new("mass-acquisition").text(institution.as_str())
}

fn part(institution: InstitutionCode, number: u64) -> Key {
    Key::new("mass-acquisition-part")
        .text(institution.as_str())
        .number(number)
}

impl State {
    /// The institution's latest mass acquisition, and which write said so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mass_acquisition(
        &self,
        institution: InstitutionCode,
    ) -> Result<Option<(Version, MassAcquisition)>, StoreFault> {
        self.read_versioned(&row(institution))
    }

    /// Some of the people of the institution's latest mass acquisition; nobody after the last part.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mass_part(
        &self,
        institution: InstitutionCode,
        number: u64,
    ) -> Result<Vec<AddresseeNumber>, StoreFault> {
        let people = self.engine.read_value(&part(institution, number))?;
        Ok(people.unwrap_or_default())
    }

    /// Keeps some of the people of a mass acquisition that is to begin.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_mass_part(
        &self,
        institution: InstitutionCode,
        number: u64,
        people: &[AddresseeNumber],
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(part(institution, number), people)?;
        self.engine.write(batch).await
    }

    /// Keeps a mass acquisition in place of what `seen` showed.
    ///
    /// # Errors
    /// `Conflict` when it has moved on since, or another one has begun.
    pub async fn move_mass_acquisition(
        &self,
        institution: InstitutionCode,
        seen: Option<Version>,
        next: &MassAcquisition,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        match seen {
            None => batch.expect_absent(row(institution)),
            Some(version) => batch.expect(row(institution), version),
        };
        batch.put_value(row(institution), next)?;
        self.engine.write(batch).await
    }

    /// A page of the people whom the institution's addressee system deals with.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn current_addressees(
        &self,
        institution: InstitutionCode,
        page: &Page,
    ) -> Result<PageOf<AddresseeNumber>, StoreFault> {
        let list = Key::new("addressee").text(institution.as_str());
        self.page_of_those(&list, page, |addressee: Addressee| {
            let current = addressee.is_current().is_ok();
            Ok(current.then_some(addressee.number))
        })
    }
}
