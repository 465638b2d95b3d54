//! What the addressee systems set in motion: a numbered person's symbol is acquired, one who has left is unlinked.

use super::{World, WorldFault};
use crate::{
    addressee::{AskedBy, Assigned, Assignment},
    crypto::digest::serial_digest,
    domain::{
        acquisition::{Acquisition, AcquisitionRefusal, UnlinkReason},
        codes::{AddresseeNumber, InstitutionCode},
        names::AcquisitionSerial,
        person::IndividualNumber,
        record::NumberUse,
        refusal::Refusal,
    },
    institution::ActFault,
};

impl World {
    /// Numbers a person and notifies the intermediate server, which acquires the symbol. While the resident network is
    /// closed the number stands and the symbol waits for [`World::acquire_symbol_of`].
    ///
    /// # Errors
    /// As `AddresseeSystem::assign`.
    pub async fn assign_number(
        &self,
        institution: InstitutionCode,
        mut wanted: Assignment,
        by: &AskedBy,
    ) -> Result<Assigned, WorldFault> {
        let sample = self.population.find_by_any_number(&wanted.number);
        // The sample people are numbered already, and their symbols linked.
        wanted.preferred =
            sample.and_then(|(index, _)| self.population.addressee_number(index, institution));
        let system = self.addressees(institution)?;
        let assigned = system.assign(&wanted, by).await?;
        self.acquire_if_possible(institution, assigned.number, by)
            .await?;
        Ok(assigned)
    }

    /// Acquires the symbol of a numbered person, from the serial to the resident network. Says whether there was
    /// anything to do: not for one who is linked or whose request is on its way.
    ///
    /// # Errors
    /// When the person is unknown or has left, or the resident network is closed or down.
    pub async fn acquire_symbol_of(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
        by: &AskedBy,
    ) -> Result<bool, WorldFault> {
        let system = self.addressees(institution)?;
        let addressee = system.addressee(person)?;
        addressee.is_current().map_err(Refusal::from)?;
        self.juki.is_open(self.now())?;
        let Some(serial) = self.serial_for(institution, person).await? else {
            return Ok(false);
        };
        let purpose = NumberUse::SymbolRequested;
        let (number, _) = system.reveal(person, purpose, by).await?;
        let serial = serial_digest(serial);
        self.juki.accept(serial, &number, self.now()).await?;
        self.move_request(serial).await?;
        Ok(true)
    }

    /// A serial for a person whose symbol is to be acquired; nothing for one who needs none.
    async fn serial_for(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
    ) -> Result<Option<AcquisitionSerial>, WorldFault> {
        let server = self.server(institution)?;
        let now = self.now();
        let issued = match server.acquisition(person) {
            Ok(Acquisition::Linked { .. }) => return Ok(None),
            Ok(Acquisition::SerialIssued { serial, .. }) => {
                if self.juki.place(serial)?.is_some() {
                    return Ok(None);
                }
                server.renew_acquisition(person, now).await
            }
            Ok(
                Acquisition::Expired { .. }
                | Acquisition::Failed { .. }
                | Acquisition::Unlinked { .. },
            )
            | Err(ActFault::Refused(_)) => server.request_acquisition(person, now).await,
            Err(fault) => return Err(fault.into()),
        };
        match issued {
            Ok((serial, _)) => Ok(Some(serial)),
            // Somebody else has begun at the same moment.
            Err(ActFault::Refused(Refusal::Acquisition(
                AcquisitionRefusal::AlreadyLinked | AcquisitionRefusal::SerialPending,
            ))) => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Makes two records of one person one. The symbol stays with, or goes over to, the record that stays.
    ///
    /// The other's link is taken away first, so that no crash leaves a merged record with a symbol, and again afterwards, for what
    /// came in between.
    ///
    /// # Errors
    /// As `AddresseeSystem::merge`.
    pub async fn merge_addressees(
        &self,
        institution: InstitutionCode,
        stays: AddresseeNumber,
        merged: AddresseeNumber,
        by: &AskedBy,
    ) -> Result<(), WorldFault> {
        let (system, server) = (self.addressees(institution)?, self.server(institution)?);
        system.can_merge(stays, merged)?;
        let unlinked = || server.withdraw_symbol(merged, UnlinkReason::Merged, self.now());
        unlinked().await?;
        system.merge(stays, merged, self.now()).await?;
        unlinked().await?;
        self.acquire_if_possible(institution, stays, by).await
    }

    /// Notes that a person has moved out or died, and takes the link away: first, so that no crash leaves it, and again afterwards,
    /// for what came in between.
    ///
    /// # Errors
    /// As `AddresseeSystem::leave`.
    pub async fn let_addressee_go(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
        reason: UnlinkReason,
    ) -> Result<(), WorldFault> {
        let (system, server) = (self.addressees(institution)?, self.server(institution)?);
        system
            .addressee(person)?
            .is_current()
            .map_err(Refusal::from)?;
        let unlinked = || server.withdraw_symbol(person, reason, self.now());
        unlinked().await?;
        system.leave(person, reason, self.now()).await?;
        Ok(unlinked().await?)
    }

    /// Gives a person another 個人番号, with which a symbol that is missing is acquired.
    ///
    /// # Errors
    /// As `AddresseeSystem::change_number`.
    pub async fn change_number(
        &self,
        institution: InstitutionCode,
        (person, to): (AddresseeNumber, &IndividualNumber),
        by: &AskedBy,
    ) -> Result<(), WorldFault> {
        let system = self.addressees(institution)?;
        system.change_number(person, to, by).await?;
        self.acquire_if_possible(institution, person, by).await
    }

    /// What is refused now, as while the resident network is closed, can be asked for later.
    async fn acquire_if_possible(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
        by: &AskedBy,
    ) -> Result<(), WorldFault> {
        match self.acquire_symbol_of(institution, person, by).await {
            Ok(_) | Err(WorldFault::Refused(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}
