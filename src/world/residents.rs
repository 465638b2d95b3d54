//! Carries symbol requests between the institutions, the resident network and the core system.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{ClockMode, World, WorldFault, identity::Holder};
use crate::{
    crypto::digest::serial_digest,
    domain::{
        acquisition::{Acquisition, AcquisitionFailure, AcquisitionRefusal, SerialDigest},
        codes::{AddresseeNumber, InstitutionCode},
        names::AcquisitionSerial,
        person::{IndividualNumber, ResidentCode},
        refusal::{Refusal, Thing},
        symbol_request::{Pace, ResidentNetworkPlan, Station, SymbolRequestEvent},
    },
    institution::ActFault,
    network::{AtCore, Moved, Resident},
    sample::population::SamplePerson,
    store::StoreFault,
};

/// The shortest time between two looks at the queues, by the computer's clock.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What an institution calls a person.
#[derive(Debug, Clone, Copy)]
pub struct PersonAtInstitution {
    /// The institution.
    pub institution: InstitutionCode,
    /// 団体内統合宛名番号 there.
    pub addressee: AddresseeNumber,
}

impl World {
    /// Brings a serial and a 個人番号 to the resident network. Where that moves at once, the acquisition has ended when this
    /// returns, and else the request goes its way by itself.
    ///
    /// # Errors
    /// When no acquisition waits for the serial, it has expired, or it is under way already; when the resident network
    /// is closed or down. A person that it does not know ends the acquisition, not the call.
    pub async fn request_symbol(
        &self,
        serial: AcquisitionSerial,
        person: &IndividualNumber,
    ) -> Result<(), WorldFault> {
        let serial = serial_digest(serial);
        let now = self.now();
        let institution = self.institution_of(serial)?;
        self.server(institution)?.check_serial(serial, now)?;
        self.juki.accept(serial, person, now).await?;
        self.move_request(serial).await?;
        Ok(())
    }

    /// How an acquisition stands, and where its request is on the way. Counts as one time of asking.
    ///
    /// # Errors
    /// When none was ever asked for.
    pub async fn follow_acquisition(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
    ) -> Result<(Acquisition, Option<(Station, Timestamp)>), WorldFault> {
        let server = self.server(institution)?;
        if let Acquisition::SerialIssued { serial, .. } = server.acquisition(person)? {
            if let Pace::AfterPolls(_) = self.juki.plan().pace {
                self.juki.count_poll(serial).await?;
            }
            self.move_request(serial).await?;
        }
        self.acquisition(institution, person)
    }

    /// How an acquisition stands, and where its request is on the way.
    ///
    /// # Errors
    /// When none was ever asked for.
    pub fn acquisition(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
    ) -> Result<(Acquisition, Option<(Station, Timestamp)>), WorldFault> {
        let acquisition = self.server(institution)?.acquisition(person)?;
        let place = match &acquisition {
            Acquisition::SerialIssued { serial, .. } => self.juki.place(*serial)?,
            Acquisition::Linked { .. }
            | Acquisition::Expired { .. }
            | Acquisition::Failed { .. }
            | Acquisition::Unlinked { .. } => None,
        };
        Ok((acquisition, place))
    }

    /// Moves a request as far as it goes now.
    pub(super) async fn move_request(&self, serial: SerialDigest) -> Result<(), WorldFault> {
        while self.step_request(serial).await? {}
        Ok(())
    }

    /// Moves every request as far as it goes now.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn move_requests(&self) -> Result<(), WorldFault> {
        for kept in self.juki.requests()? {
            self.move_request(kept.serial).await?;
        }
        self.move_resident_requests().await
    }

    /// Moves a request one server on; says whether it may go on from there.
    pub(super) async fn step_request(&self, serial: SerialDigest) -> Result<bool, WorldFault> {
        let register = |number: &IndividualNumber| self.look_up(number);
        match self.juki.step(serial, self.now(), register).await? {
            Moved::Gone | Moved::Waits(_) => Ok(false),
            Moved::Forwarded => Ok(true),
            Moved::Returned(why) => {
                self.return_request(serial, why).await?;
                self.juki.end(serial, SymbolRequestEvent::Returned).await?;
                Ok(false)
            }
            Moved::AtCore(AtCore { resident, twice }) => {
                self.deliver_symbol(serial, &resident).await?;
                if twice {
                    self.deliver_symbol(serial, &resident).await?;
                }
                self.juki.end(serial, SymbolRequestEvent::Delivered).await?;
                Ok(false)
            }
        }
    }

    /// Makes the symbol and sends it to the institution. One that the institution does not wait for any more changes
    /// nothing: the serial has expired, or the symbol is delivered for a second time.
    pub(super) async fn deliver_symbol(
        &self,
        serial: SerialDigest,
        resident: &ResidentCode,
    ) -> Result<(), WorldFault> {
        let Ok(institution) = self.institution_of(serial) else {
            return Ok(());
        };
        let server = self.server(institution)?;
        if let Err(fault) = server.check_serial(serial, self.now()) {
            return passed_over(Err(fault));
        }
        let symbol = self.core.issue_symbol(resident, institution).await?;
        passed_over(server.link_symbol(serial, symbol, self.now()).await)
    }

    async fn return_request(
        &self,
        serial: SerialDigest,
        why: AcquisitionFailure,
    ) -> Result<(), WorldFault> {
        let Ok(institution) = self.institution_of(serial) else {
            return Ok(());
        };
        let server = self.server(institution)?;
        passed_over(server.fail_acquisition(serial, why, self.now()).await)
    }

    fn institution_of(&self, serial: SerialDigest) -> Result<InstitutionCode, WorldFault> {
        let waiting = self.state.person_of_serial(serial)?;
        let (institution, _) =
            waiting.ok_or(Refusal::Acquisition(AcquisitionRefusal::SerialUnknown))?;
        Ok(institution)
    }

    /// What the national server knows of a number.
    fn look_up(&self, number: &IndividualNumber) -> Result<Resident, StoreFault> {
        Ok(match self.holder(number)? {
            Holder::Nobody => Resident::Unknown,
            Holder::Former(_) => Resident::NumberChanged,
            Holder::Person(index) => Resident::Known(self.population.resident_code(index)),
        })
    }

    /// Gives a sample person another 個人番号, as a municipality does when one has leaked.
    ///
    /// # Errors
    /// When there is no such person, or no number is left; when the state cannot be written.
    pub async fn change_individual_number(
        &self,
        index: u32,
    ) -> Result<IndividualNumber, WorldFault> {
        let nobody = Refusal::NotFound(Thing::Person);
        self.population.person(index).ok_or(nobody.clone())?;
        let changes = self.state.number_changes(index)? + 1;
        let number = self.population.individual_number_after(index, changes);
        let number = number.ok_or(nobody)?;
        self.state.note_number_changes(index, changes).await?;
        Ok(number)
    }

    /// How the resident network behaves.
    pub fn resident_network(&self) -> ResidentNetworkPlan {
        self.juki.plan()
    }

    /// Sets how the resident network behaves, keeps it, and moves what can move then.
    ///
    /// # Errors
    /// When the setting cannot be written, or the world is closed.
    pub async fn set_resident_network(&self, plan: ResidentNetworkPlan) -> Result<(), WorldFault> {
        self.describe(|description| description.resident_network = plan.clone())?;
        self.juki.set_plan(plan);
        self.move_requests().await
    }

    /// How many requests are at each server, in order.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn resident_queues(&self) -> Result<BTreeMap<Station, u64>, WorldFault> {
        let mut queues = BTreeMap::from(Station::ALL.map(|station| (station, 0)));
        for kept in self.juki.requests()? {
            if let Some((station, _)) = kept.request.place() {
                *queues.entry(station).or_default() += 1;
            }
        }
        for name in self.juki.resident_requests()? {
            let request = self.juki.resident_request(&name)?;
            if let Some((station, _)) = request.state.place() {
                *queues.entry(station).or_default() += 1;
            }
        }
        Ok(queues)
    }

    /// Moves requests when their time has come, until the world is closed.
    pub(super) fn begin_carrying_requests(self: &Arc<Self>) {
        let (world, closing) = (Arc::downgrade(self), self.closing.clone());
        self.tasks.spawn(async move {
            loop {
                let Some(juki) = world.upgrade().map(|world| Arc::clone(&world.juki)) else {
                    return;
                };
                tokio::select! {
                    () = closing.cancelled() => return,
                    () = juki.stirred() => {}
                }
                // While something is on its way by time, look again after each delay.
                while let Some(delay) = world.upgrade().and_then(|world| world.next_look()) {
                    tokio::select! {
                        () = closing.cancelled() => return,
                        () = juki.stirred() => {}
                        () = tokio::time::sleep(delay) => {}
                    }
                    let Some(world) = world.upgrade() else { return };
                    if let Err(fault) = world.move_requests().await {
                        tracing::error!(world = %world.name, error = &fault as &dyn std::error::Error, "symbol requests stopped");
                    }
                }
            }
        });
    }

    /// How long to wait until a request may be due; nothing while none moves by time.
    fn next_look(&self) -> Option<Duration> {
        let Pace::AfterMs(ms) = self.juki.plan().pace else {
            return None;
        };
        let frozen = matches!(self.clock(), ClockMode::Frozen(_));
        let idle = self.juki.requests().is_ok_and(|kept| kept.is_empty())
            && self
                .juki
                .resident_requests()
                .is_ok_and(|kept| kept.is_empty());
        let delay = Duration::from_millis(ms.into()).max(LOOK_AGAIN);
        (!frozen && !idle).then_some(delay)
    }

    /// A sample person, with the 個人番号 of today.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn person(&self, index: u32) -> Result<Option<SamplePerson>, WorldFault> {
        let Some(mut person) = self.population.person(index) else {
            return Ok(None);
        };
        let changes = self.state.number_changes(index)?;
        if let Some(number) = self.population.individual_number_after(index, changes) {
            person.individual_number = number;
        }
        Ok(Some(person))
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

/// A refusal of what came too late or twice is the institution's, and nobody waits for it.
fn passed_over(linked: Result<(), ActFault>) -> Result<(), WorldFault> {
    match linked {
        Ok(()) | Err(ActFault::Refused(_)) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}
