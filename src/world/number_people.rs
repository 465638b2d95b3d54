//! Enters sample people into an addressee system, many at a time: the stock that a body begins with.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{World, WorldFault, identity::four_items};
use crate::{
    addressee::{AddresseeFault, AskedBy, Assignment},
    domain::{
        acquisition::UnlinkReason,
        addressee::{AddresseeRefusal, LocalName},
        codes::InstitutionCode,
        refusal::{Refusal, Thing},
        words::SystemName,
    },
    institution::ActFault,
};

/// How many people are numbered at one time: enough to share each write to the disk.
const AT_ONCE: usize = 128;

/// Sample people to be entered into an addressee system.
#[derive(Debug, Clone)]
pub struct PeopleToNumber {
    /// The business system in whose name; its 宛名番号 of a person is the person's index.
    pub system: SystemName,
    /// The index of the first person.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// Whether their symbols are taken away, so that they are to be acquired.
    pub unlink: bool,
}

impl World {
    /// Enters sample people into the institution's addressee system; who is there already stays. No symbol is acquired.
    ///
    /// # Errors
    /// When there are not so many sample people; when a local number is another person's; when a use cannot be recorded.
    pub async fn number_people(
        self: &Arc<Self>,
        institution: InstitutionCode,
        wanted: PeopleToNumber,
    ) -> Result<(), WorldFault> {
        let end = wanted.first.checked_add(wanted.count);
        let end = end.filter(|end| *end <= self.people);
        let end = end.ok_or(Refusal::NotFound(Thing::Person))?;
        let mut indices = wanted.first..end;
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < AT_ONCE && !self.closing.is_cancelled() {
                let Some(index) = indices.next() else { break };
                let (world, system) = (Arc::clone(self), wanted.system.clone());
                under_way.spawn(async move {
                    world
                        .number_person(institution, index, system, wanted.unlink)
                        .await
                });
            }
            match under_way.join_next().await {
                Some(numbered) => numbered.map_err(|_| WorldFault::Stopped)??,
                None if indices.is_empty() => return Ok(()),
                None => return Err(WorldFault::Stopped),
            }
        }
    }

    async fn number_person(
        &self,
        institution: InstitutionCode,
        index: u32,
        system: SystemName,
        unlink: bool,
    ) -> Result<(), WorldFault> {
        let nobody = || Refusal::NotFound(Thing::Person);
        let person = self.person(index)?.ok_or_else(nobody)?;
        let number = index.to_string().parse().map_err(|_| nobody())?;
        let preferred = self.population.addressee_number(index, institution);
        let assignment = Assignment {
            local: LocalName { system, number },
            number: person.individual_number.clone(),
            items: four_items(&person),
            items_checked: true,
            preferred,
        };
        let assigned = self.addressees(institution)?;
        let by = AskedBy::nobody(self.now());
        let assigned = match assigned.assign(&assignment, &by).await {
            // The body calls the person otherwise already.
            Err(AddresseeFault::Refused(Refusal::Addressee(AddresseeRefusal::NumberHeld))) => {
                return Ok(());
            }
            assigned => assigned?,
        };
        if !unlink {
            return Ok(());
        }
        let server = self.server(institution)?;
        let reason = UnlinkReason::MovedOut;
        match server
            .unlink_symbol(assigned.number, reason, self.now())
            .await
        {
            Ok(()) | Err(ActFault::Refused(_)) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }
}
