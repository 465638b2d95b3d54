//! 宛名の異動: merges two records of one person, lets a person go, and changes a 個人番号.

use jiff::Timestamp;

use super::{AddresseeFault, AddresseeSystem, AskedBy};
use crate::{
    domain::{
        acquisition::UnlinkReason,
        addressee::{Addressee, AddresseeRefusal},
        codes::AddresseeNumber,
        person::IndividualNumber,
        record::NumberUse,
    },
    store::AddresseeChange,
};

impl AddresseeSystem {
    /// Makes two records of one person one: `stays` takes over the local numbers of `merged`.
    ///
    /// # Errors
    /// When one of them is unknown or not current, or they are one.
    pub async fn merge(
        &self,
        stays: AddresseeNumber,
        merged: AddresseeNumber,
        now: Timestamp,
    ) -> Result<(), AddresseeFault> {
        let (of_stays, stays) = self.read(stays)?;
        let (of_merged, merged) = self.read(merged)?;
        let (next, gone) = stays.merge(&merged, now)?;
        let changes = [
            AddresseeChange {
                seen: Some((of_stays, &stays)),
                next: &next,
            },
            AddresseeChange {
                seen: Some((of_merged, &merged)),
                next: &gone,
            },
        ];
        Ok(self
            .state
            .keep_addressees(self.institution, &changes)
            .await?)
    }

    /// Whether two records can be merged now.
    ///
    /// # Errors
    /// As [`Self::merge`].
    pub fn can_merge(
        &self,
        stays: AddresseeNumber,
        merged: AddresseeNumber,
    ) -> Result<(), AddresseeFault> {
        let ((_, stays), (_, merged)) = (self.read(stays)?, self.read(merged)?);
        stays.merge(&merged, merged.since)?;
        Ok(())
    }

    /// Notes that a person has moved out or died. The numbers stay, for those who come back.
    ///
    /// # Errors
    /// When the person is unknown or not current.
    pub async fn leave(
        &self,
        number: AddresseeNumber,
        reason: UnlinkReason,
        now: Timestamp,
    ) -> Result<(), AddresseeFault> {
        let (version, before) = self.read(number)?;
        let next = before.leave(reason, now)?;
        let seen = Some((version, &before));
        let change = AddresseeChange { seen, next: &next };
        Ok(self
            .state
            .keep_addressees(self.institution, &[change])
            .await?)
    }

    /// 個人番号の変更: gives a person another 個人番号. The symbol stays: it hangs on the 住民票コード.
    ///
    /// # Errors
    /// When the person is unknown or not current, or the number is another person's; when the use cannot be recorded.
    pub async fn change_number(
        &self,
        number: AddresseeNumber,
        to: &IndividualNumber,
        by: &AskedBy,
    ) -> Result<(), AddresseeFault> {
        let (version, before) = self.read(number)?;
        before.is_current()?;
        let number_digest = self.number_digest(to);
        let holder = self
            .state
            .addressee_by_number(self.institution, &number_digest)?;
        if holder.is_some_and(|holder| holder != number) {
            return Err(AddresseeRefusal::NumberHeld.into());
        }
        let (_, items) = self.open(&before)?;
        let next = Addressee {
            number_digest,
            sealed: self.seal(number, to, &items)?,
            ..before.clone()
        };
        let named = Some(number);
        self.record_use(NumberUse::Changed, named, by).await?;
        let seen = Some((version, &before));
        let change = AddresseeChange { seen, next: &next };
        Ok(self
            .state
            .keep_addressees(self.institution, &[change])
            .await?)
    }
}
