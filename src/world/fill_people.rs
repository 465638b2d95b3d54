//! Fills a new world with its people, each kind of row in the order in which it lies in the store: so a page of the store is
//! written about once, however many people there are.

use jiff::Timestamp;

use super::{
    World, WorldFault,
    open::{Filled, Progress},
};
use crate::{
    domain::{
        acquisition::Acquisition,
        codes::{AddresseeNumber, InstitutionCode},
        form_check::check,
        jst::jst_date,
        replica::Replica,
    },
    sample::{population::SamplePerson, replicas::ReplicaSource, situation::Situation},
};

/// How many people are written at a time.
const PEOPLE_AT_ONCE: usize = 500;

/// How many times the people of each institution are gone through: by number, by symbol, and by number for the replicas.
const PASSES_EACH: u64 = 3;

/// How far the people have been gone through, as many times as there are passes.
struct Passes<'a> {
    progress: Progress<'a>,
    people: u32,
    passes: u64,
    written: u64,
}

impl Passes<'_> {
    fn advance(&mut self, people: usize) {
        self.written += u64::try_from(people).unwrap_or_default();
        let done = u32::try_from(self.written / self.passes).unwrap_or(self.people);
        (self.progress)(Filled {
            done: done.min(self.people),
            of: self.people,
        });
    }
}

impl World {
    pub(super) async fn fill_people(
        &self,
        progress: Progress<'_>,
        now: Timestamp,
    ) -> Result<(), WorldFault> {
        let knowing: Vec<_> = self.knowing().collect();
        let each = u64::try_from(knowing.len()).unwrap_or_default();
        let mut passes = Passes {
            progress,
            people: self.people,
            passes: 1 + PASSES_EACH * each,
            written: 0,
        };
        passes.advance(0);
        self.fill_issued(&knowing, &mut passes).await?;
        for institution in knowing {
            let people = self.by_number(institution);
            let at = (institution, now);
            self.fill_symbols(at, &people, &mut passes).await?;
            self.fill_replicas(at, &people, &mut passes).await?;
        }
        Ok(())
    }

    /// Everybody in the order of their numbers at an institution.
    fn by_number(&self, institution: InstitutionCode) -> Vec<(AddresseeNumber, u32)> {
        let number = |index| self.population.addressee_number(index, institution);
        let numbered = (0..self.people).filter_map(|index| Some((number(index)?, index)));
        let mut people: Vec<_> = numbered.collect();
        people.sort_unstable();
        people
    }

    async fn fill_issued(
        &self,
        knowing: &[InstitutionCode],
        passes: &mut Passes<'_>,
    ) -> Result<(), WorldFault> {
        let Some(any) = knowing.first() else {
            return Ok(());
        };
        let link_code = |index| {
            let resident = self.population.resident_code(index);
            let (_, link_code) = self.core.symbol_of(&resident, *any);
            (link_code, index)
        };
        let mut people: Vec<_> = (0..self.people).map(link_code).collect();
        people.sort_unstable();
        for some in people.chunks(PEOPLE_AT_ONCE) {
            let mut notes = Vec::new();
            for (link_code, index) in some {
                let linked = knowing.iter().filter(|at| !self.lacks_symbol(*index, **at));
                notes.extend(linked.map(|at| (*link_code, *at)));
            }
            self.state.fill_issued(&notes).await?;
            passes.advance(some.len());
        }
        Ok(())
    }

    async fn fill_symbols(
        &self,
        (institution, now): (InstitutionCode, Timestamp),
        people: &[(AddresseeNumber, u32)],
        passes: &mut Passes<'_>,
    ) -> Result<(), WorldFault> {
        let linked = Acquisition::Linked { at: now };
        let mut known = Vec::with_capacity(people.len());
        for some in people.chunks(PEOPLE_AT_ONCE) {
            let mut links = Vec::with_capacity(some.len());
            for (number, index) in some {
                if self.lacks_symbol(*index, institution) {
                    continue;
                }
                let resident = self.population.resident_code(*index);
                let (symbol, _) = self.core.symbol_of(&resident, institution);
                links.push(((institution, *number), symbol));
                known.push((symbol, *number));
            }
            self.state.fill_symbols(&links, &linked).await?;
            passes.advance(some.len());
        }
        known.sort_unstable();
        for some in known.chunks(PEOPLE_AT_ONCE) {
            self.state.fill_known(institution, some).await?;
            passes.advance(some.len());
        }
        Ok(())
    }

    /// The home of this sample person holds replicas and has no symbol.
    fn lacks_symbol(&self, index: u32, institution: InstitutionCode) -> bool {
        Situation::of(index) == Situation::SymbolMissing
            && self.population.home(index, &self.municipalities()) == Some(institution)
    }

    async fn fill_replicas(
        &self,
        (institution, now): (InstitutionCode, Timestamp),
        people: &[(AddresseeNumber, u32)],
        passes: &mut Passes<'_>,
    ) -> Result<(), WorldFault> {
        let municipalities = self.municipalities();
        let is_municipality = municipalities.contains(&institution);
        for some in people.chunks(PEOPLE_AT_ONCE) {
            let mut replicas = Vec::new();
            for (_, index) in some {
                let home = self.population.home(*index, &municipalities);
                if is_municipality && home != Some(institution) {
                    continue;
                }
                if let Some(person) = self.population.person(*index) {
                    replicas.extend(self.sample_replicas(&person, institution, now)?);
                }
            }
            self.state.register_replicas(institution, replicas).await?;
            passes.advance(some.len());
        }
        Ok(())
    }

    fn sample_replicas(
        &self,
        person: &SamplePerson,
        institution: InstitutionCode,
        now: Timestamp,
    ) -> Result<Vec<Replica>, WorldFault> {
        let server = self.server(institution)?;
        let source = ReplicaSource {
            population: &self.population,
            layouts: server.layouts(),
            today: jst_date(now),
        };
        let mut replicas = Vec::new();
        for info in &server.profile().holds {
            for draft in source.drafts(person, *info, institution) {
                let misfit = || WorldFault::Sample(format!("{info} {}", draft.layout_version));
                let layout = server
                    .layouts()
                    .find(*info, &draft.layout_version)
                    .map_err(|_| misfit())?;
                let checked = check(layout, draft.clone()).map_err(|_| misfit())?;
                replicas.push(checked.register(now, 1));
            }
        }
        Ok(replicas)
    }
}
