//! Fills a new world with its sample population: symbols, replicas and no-auto-reply flags, all computed from the seed.

use jiff::Timestamp;

use super::{
    World, WorldFault,
    open::{Filled, Progress},
};
use crate::{
    crypto::password::hash,
    domain::{
        acquisition::UnlinkReason,
        codes::{InstitutionCode, SpecificInfoCode},
        no_self_provision::{FlagChange, NoSelfProvision},
        password::Credential,
        provision::NoAutoReply,
    },
    institution::ActFault,
    sample::{
        situation::{HELD_INFO, HELD_PERSON_INFO, Situation},
        staff::{TRAINING_PASSWORD, training_accounts},
    },
    store::{KeptAccount, PersonAt, StoreFault},
};

impl World {
    /// The municipalities that people live in: wards of designated cities are asked at their city.
    pub(super) fn municipalities(&self) -> Vec<InstitutionCode> {
        self.directory.municipalities()
    }

    /// The institutions that know people: all that answer for themselves.
    pub(super) fn knowing(&self) -> impl Iterator<Item = InstitutionCode> {
        let knowing = self.directory.iter();
        knowing
            .filter(|institution| institution.resolves_to.is_none())
            .map(|institution| institution.code)
    }

    pub(super) async fn fill(&self, progress: Progress<'_>) -> Result<(), WorldFault> {
        let now = self.now();
        self.fill_people(progress, now).await?;
        self.fill_situations(now).await?;
        progress(Filled {
            done: self.people,
            of: self.people,
        });
        Ok(())
    }

    /// The accounts for training. A fill that was interrupted finds them there.
    pub(super) async fn fill_accounts(&self) -> Result<(), WorldFault> {
        let hash = tokio::task::spawn_blocking(|| hash(TRAINING_PASSWORD)).await;
        let hash = hash
            .map_err(|_| WorldFault::Stopped)?
            .map_err(ActFault::from)?;
        for institution in self.knowing() {
            let kept: Vec<_> = training_accounts(institution)
                .into_iter()
                .map(|account| KeptAccount {
                    account,
                    credential: Credential {
                        must_change: false,
                        ..Credential::given(hash.clone(), self.now())
                    },
                })
                .collect();
            match self.state.add_accounts(&kept).await {
                Ok(()) | Err(StoreFault::Conflict { .. }) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    async fn fill_no_auto_reply(&self, (at, person): PersonAt) -> Result<(), WorldFault> {
        let flag = NoAutoReply::Person(person);
        Ok(self.state.set_no_auto_reply(at, flag).await?)
    }

    async fn fill_no_self_provision(&self, (at, person): PersonAt) -> Result<(), WorldFault> {
        if let Some(flag) = NoSelfProvision::on(Some(person), None) {
            let set = FlagChange::Set;
            self.state.change_no_self_provision(at, flag, set).await?;
        }
        Ok(())
    }

    async fn fill_situations(&self, now: Timestamp) -> Result<(), WorldFault> {
        let municipalities = self.municipalities();
        if let Ok(info) = HELD_INFO.parse::<SpecificInfoCode>() {
            for institution in self.directory.iter() {
                if institution.holds.contains(&info) {
                    let flag = NoAutoReply::SpecificInfo(info);
                    self.state.set_no_auto_reply(institution.code, flag).await?;
                }
            }
        }
        for index in 0..self.people.min(Situation::FIRST_PERSONS) {
            let home = self.population.home(index, &municipalities);
            let former = self.population.former_home(index, &municipalities);
            let number = |at: InstitutionCode| {
                let number = self.population.addressee_number(index, at);
                number.map(|number| (at, number))
            };
            match Situation::of(index) {
                Situation::MovedOut => {
                    if let Some((at, person)) = former.and_then(number) {
                        let server = self.server(at)?;
                        server
                            .unlink_symbol(person, UnlinkReason::MovedOut, now)
                            .await?;
                    }
                }
                Situation::HeldByPerson => {
                    if let Some(at) = home.and_then(number) {
                        self.fill_no_auto_reply(at).await?;
                    }
                }
                Situation::NoSelfProvision => {
                    if let Some(at) = home.and_then(number) {
                        self.fill_no_self_provision(at).await?;
                    }
                }
                Situation::Protected => {
                    if let Some(at) = home.and_then(number) {
                        self.fill_no_auto_reply(at).await?;
                        self.fill_no_self_provision(at).await?;
                    }
                }
                Situation::HeldByPersonInfo => {
                    let info = HELD_PERSON_INFO.parse();
                    if let (Some((at, person)), Ok(info)) = (home.and_then(number), info) {
                        let flag = NoAutoReply::Both(person, info);
                        self.state.set_no_auto_reply(at, flag).await?;
                    }
                }
                Situation::Ordinary
                | Situation::NotRegistered
                | Situation::NotDeclared
                | Situation::OutsidePublication
                | Situation::SymbolMissing
                | Situation::PartlyProvided
                | Situation::HeldByInfo => {}
            }
        }
        Ok(())
    }
}
