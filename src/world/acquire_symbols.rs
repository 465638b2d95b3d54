//! 符号の一括取得: acquires the symbols of many people of an institution, many at a time. It runs by itself and is taken up
//! again after a crash.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::watch, task::JoinSet};

use super::{MassDraft, World, WorldFault};
use crate::{
    addressee::{AddresseeFault, AskedBy},
    domain::{
        acquisition::{Acquisition, AcquisitionRefusal},
        codes::{AddresseeNumber, InstitutionCode},
        mass_acquisition::MassAcquisition,
        refusal::{Refusal, Thing},
        symbol_request::Station,
    },
    institution::ActFault,
    network::NetworkFault,
    store::StoreFault,
};

/// How many acquisitions are under way at one time: enough to share each write to the disk.
const AT_ONCE: usize = 256;

/// How many people are looked at between two notes of the progress: what is looked at again after a crash.
pub(super) const NOTED_EVERY: usize = 1_000;

/// How many people one row holds.
pub(super) const PART: usize = 10 * NOTED_EVERY;

/// How long to wait, by the computer's clock, for a resident network that is closed or down.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How a person of a mass acquisition stands: nothing when no symbol was ever asked for.
pub type PersonStands = Option<(Acquisition, Option<(Station, Timestamp)>)>;

/// The mass acquisitions that run in this process.
#[derive(Debug, Default)]
pub(super) struct Running {
    told: Mutex<BTreeMap<InstitutionCode, watch::Receiver<MassAcquisition>>>,
    /// Held while the people of a new one are chosen.
    choosing: tokio::sync::Mutex<()>,
}

impl Running {
    fn get(&self, institution: InstitutionCode) -> Option<watch::Receiver<MassAcquisition>> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose sender is gone runs no more.
        let told = told.get(&institution);
        told.filter(|told| told.has_changed().is_ok()).cloned()
    }

    fn note(&self, institution: InstitutionCode, told: watch::Receiver<MassAcquisition>) {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(institution, told);
    }
}

impl World {
    /// Begins to acquire the symbols of people who have none, or joins the institution's mass acquisition that runs. What
    /// is returned tells how far it is, and ends with it. It goes on when nobody listens.
    ///
    /// # Errors
    /// When one runs and the draft names people; when the resident network is closed or down; when a person of the
    /// draft is unknown or has left.
    pub async fn acquire_symbols(
        self: &Arc<Self>,
        institution: InstitutionCode,
        draft: MassDraft,
    ) -> Result<watch::Receiver<MassAcquisition>, WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move { world.begin_mass(institution, draft).await })
            .await
    }

    async fn begin_mass(
        self: &Arc<Self>,
        institution: InstitutionCode,
        draft: MassDraft,
    ) -> Result<watch::Receiver<MassAcquisition>, WorldFault> {
        let _choosing = self.masses.choosing.lock().await;
        let seen = self.state.mass_acquisition(institution)?;
        if let Some((_, mass)) = seen.filter(|(_, mass)| mass.is_running()) {
            if !draft.is_empty() {
                return Err(Refusal::from(AcquisitionRefusal::MassRunning).into());
            }
            return Ok(self.run_mass(institution, mass));
        }
        self.juki.is_open(self.now())?;
        let of = self.choose(institution, draft).await?;
        let mut mass = MassAcquisition::begin(of, self.now());
        if of == 0 {
            let ended = mass.advance((0, 0), self.now());
            mass = ended.map_err(Refusal::from)?;
        }
        let seen = seen.map(|(version, _)| version);
        let kept = self.state.move_mass_acquisition(institution, seen, &mass);
        kept.await?;
        Ok(self.run_mass(institution, mass))
    }

    /// Runs a mass acquisition unless it runs already.
    fn run_mass(
        self: &Arc<Self>,
        institution: InstitutionCode,
        mass: MassAcquisition,
    ) -> watch::Receiver<MassAcquisition> {
        if let Some(told) = self.masses.get(institution) {
            return told;
        }
        let (tell, told) = watch::channel(mass);
        self.masses.note(institution, told.clone());
        let world = Arc::clone(self);
        self.tasks.spawn(async move {
            if let Err(fault) = world.acquire_all(institution, &tell).await {
                let error = &fault as &dyn std::error::Error;
                tracing::error!(world = %world.name, error, "a mass acquisition stopped");
            }
        });
        told
    }

    /// Takes up the mass acquisition that ran when the world was closed.
    pub(super) fn resume_mass(
        self: &Arc<Self>,
        institution: InstitutionCode,
    ) -> Result<(), WorldFault> {
        if let Some((_, mass)) = self.state.mass_acquisition(institution)?
            && mass.is_running()
        {
            self.run_mass(institution, mass);
        }
        Ok(())
    }

    async fn acquire_all(
        self: &Arc<Self>,
        institution: InstitutionCode,
        tell: &watch::Sender<MassAcquisition>,
    ) -> Result<(), WorldFault> {
        loop {
            let Some((version, mass)) = self.state.mass_acquisition(institution)? else {
                return Ok(());
            };
            tell.send_replace(mass);
            if !mass.is_running() || self.closing.is_cancelled() {
                return Ok(());
            }
            let at = usize::try_from(mass.done).map_err(|_| WorldFault::Stopped)?;
            let number = u64::try_from(at / PART).map_err(|_| WorldFault::Stopped)?;
            let part = self.state.mass_part(institution, number)?;
            let people = part.into_iter().skip(at % PART).take(NOTED_EVERY);
            let Some(advanced) = self.acquire_some(institution, people.collect()).await? else {
                continue;
            };
            let next = mass.advance(advanced, self.now()).map_err(Refusal::from)?;
            let moved = self
                .state
                .move_mass_acquisition(institution, Some(version), &next);
            match moved.await {
                // It was cancelled meanwhile.
                Ok(()) | Err(StoreFault::Conflict { .. }) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// Acquires the symbols of some people: how many were looked at and how many requested. Nothing when the mass
    /// acquisition or the world came to its end before them.
    async fn acquire_some(
        self: &Arc<Self>,
        institution: InstitutionCode,
        people: Vec<AddresseeNumber>,
    ) -> Result<Option<(u64, u64)>, WorldFault> {
        let looked_at = u64::try_from(people.len()).unwrap_or(u64::MAX);
        let mut requested = 0;
        let mut people = people.into_iter();
        let mut under_way = JoinSet::new();
        let mut stopped = false;
        loop {
            while under_way.len() < AT_ONCE && !stopped {
                let Some(person) = people.next() else { break };
                let world = Arc::clone(self);
                under_way.spawn(async move { world.acquire_in_mass(institution, person).await });
            }
            let Some(ended) = under_way.join_next().await else {
                return Ok((!stopped).then_some((looked_at, requested)));
            };
            match ended.map_err(|_| WorldFault::Stopped)?? {
                Some(was_requested) => requested += u64::from(was_requested),
                None => stopped = true,
            }
        }
    }

    /// Acquires one person's symbol, whenever the resident network takes it. Whether a request went out: not for one who
    /// is linked, on the way, or has left since. Nothing when the mass acquisition or the world came to its end.
    async fn acquire_in_mass(
        &self,
        institution: InstitutionCode,
        person: AddresseeNumber,
    ) -> Result<Option<bool>, WorldFault> {
        loop {
            if self.closing.is_cancelled() {
                return Ok(None);
            }
            let by = AskedBy::nobody(self.now());
            let fault = match self.acquire_symbol_of(institution, person, &by).await {
                Ok(requested) => return Ok(Some(requested)),
                Err(fault) => fault,
            };
            match refused(&fault) {
                Some(Refusal::ResidentNetworkClosed | Refusal::ResidentNetworkDown) => {
                    let mass = self.state.mass_acquisition(institution)?;
                    if !mass.is_some_and(|(_, mass)| mass.is_running()) {
                        return Ok(None);
                    }
                    tokio::select! {
                        () = self.closing.cancelled() => {}
                        () = tokio::time::sleep(LOOK_AGAIN) => {}
                    }
                }
                Some(_) => return Ok(Some(false)),
                None => return Err(fault),
            }
        }
    }

    /// The institution's latest mass acquisition.
    ///
    /// # Errors
    /// When there was none.
    pub fn mass_acquisition(
        &self,
        institution: InstitutionCode,
    ) -> Result<MassAcquisition, WorldFault> {
        let found = self.state.mass_acquisition(institution)?;
        let (_, mass) = found.ok_or(Refusal::NotFound(Thing::Acquisition))?;
        Ok(mass)
    }

    /// Looks at each person of the institution's latest mass acquisition, one row of people in memory at a time.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn look_at_mass(
        &self,
        institution: InstitutionCode,
        of: u64,
        mut look: impl FnMut(PersonStands),
    ) -> Result<(), WorldFault> {
        let (mut left, mut number) = (of, 0);
        while left > 0 {
            let part = self.state.mass_part(institution, number)?;
            if part.is_empty() {
                break;
            }
            for person in part {
                if left == 0 {
                    break;
                }
                left -= 1;
                match self.acquisition(institution, person) {
                    Ok(stands) => look(Some(stands)),
                    Err(fault) if refused(&fault).is_some() => look(None),
                    Err(fault) => return Err(fault),
                }
            }
            number += 1;
        }
        Ok(())
    }

    /// Ends the institution's mass acquisition; what was requested goes its way. Who it had not reached is left as they
    /// are.
    ///
    /// # Errors
    /// When there was none, or it has ended.
    pub async fn cancel_mass(
        &self,
        institution: InstitutionCode,
    ) -> Result<MassAcquisition, WorldFault> {
        loop {
            let found = self.state.mass_acquisition(institution)?;
            let (version, mass) = found.ok_or(Refusal::NotFound(Thing::Acquisition))?;
            let next = mass.cancel(self.now()).map_err(Refusal::from)?;
            let moved = self
                .state
                .move_mass_acquisition(institution, Some(version), &next);
            match moved.await {
                // It has gone on at the same moment.
                Err(StoreFault::Conflict { .. }) => {}
                moved => {
                    moved?;
                    return Ok(next);
                }
            }
        }
    }
}

/// The lawful "no" that a fault is, whichever room said it.
fn refused(fault: &WorldFault) -> Option<&Refusal> {
    match fault {
        WorldFault::Refused(refusal)
        | WorldFault::Act(ActFault::Refused(refusal))
        | WorldFault::Addressee(AddresseeFault::Refused(refusal))
        | WorldFault::Network(NetworkFault::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}
