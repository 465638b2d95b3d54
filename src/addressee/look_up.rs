//! 宛名照会・番号変換: finds people, converts numbers both ways, and shows a 個人番号 to those who say why.

use super::{AddresseeFault, AddresseeSystem, AskedBy};
use crate::domain::{
    addressee::{Addressee, FourItems, LocalName, LocalNumber, Standing},
    codes::AddresseeNumber,
    person::IndividualNumber,
    record::NumberUse,
    refusal::{Refusal, Thing},
    words::SystemName,
};

impl AddresseeSystem {
    /// 宛名番号 → 団体内統合宛名番号.
    ///
    /// # Errors
    /// When the business system has nobody of this number.
    pub fn addressee_of(&self, local: &LocalName) -> Result<AddresseeNumber, AddresseeFault> {
        let found = self.state.addressee_by_local(self.institution, local)?;
        Ok(found.ok_or(Refusal::NotFound(Thing::Addressee))?)
    }

    /// The number that stands for a person now: another one where the record was merged.
    ///
    /// # Errors
    /// When the person is unknown.
    pub fn survivor(&self, number: AddresseeNumber) -> Result<AddresseeNumber, AddresseeFault> {
        let mut number = number;
        // A record is merged only into one that is current: the way ends.
        while let Standing::MergedInto { number: stays } = self.addressee(number)?.standing {
            number = stays;
        }
        Ok(number)
    }

    /// 団体内統合宛名番号 → 宛名番号 in a business system. A person whose records were merged may have several.
    ///
    /// # Errors
    /// When the person is unknown, to the body or to that system.
    pub fn locals_of(
        &self,
        number: AddresseeNumber,
        system: &SystemName,
    ) -> Result<Vec<LocalNumber>, AddresseeFault> {
        let addressee = self.addressee(number)?;
        let locals: Vec<_> = addressee.locals_of(system).cloned().collect();
        if locals.is_empty() {
            return Err(Refusal::NotFound(Thing::Addressee).into());
        }
        Ok(locals)
    }

    /// What a business system calls a person now, the first where it has several numbers; nothing for a person whom it does not
    /// know.
    ///
    /// # Errors
    /// When the addressee system cannot be read.
    pub fn called(
        &self,
        number: AddresseeNumber,
        system: &SystemName,
    ) -> Result<Option<LocalNumber>, AddresseeFault> {
        let current = self.survivor(number);
        match current.and_then(|current| self.locals_of(current, system)) {
            Ok(locals) => Ok(locals.into_iter().next()),
            Err(AddresseeFault::Refused(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The person with a 個人番号. The search is on record, whether it finds somebody or not.
    ///
    /// # Errors
    /// When there is nobody; when the use cannot be recorded.
    pub async fn find_by_number(
        &self,
        number: &IndividualNumber,
        by: &AskedBy,
    ) -> Result<Addressee, AddresseeFault> {
        let digest = self.number_digest(number);
        let found = self.state.addressee_by_number(self.institution, &digest)?;
        self.record_use(NumberUse::Searched, found, by).await?;
        self.addressee(found.ok_or(Refusal::NotFound(Thing::Addressee))?)
    }

    /// The 個人番号 and the four items of a person; the use is on record before they are shown.
    ///
    /// # Errors
    /// When the person is unknown; when the use cannot be recorded.
    pub async fn reveal(
        &self,
        number: AddresseeNumber,
        purpose: NumberUse,
        by: &AskedBy,
    ) -> Result<(IndividualNumber, FourItems), AddresseeFault> {
        let addressee = self.addressee(number)?;
        self.record_use(purpose, Some(number), by).await?;
        self.open(&addressee)
    }
}
