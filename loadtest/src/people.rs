//! Whom the conversations are about: drawn from the population of the world, all alike or a few far more often.

use std::{fmt, str::FromStr, sync::Arc};

use rand::{
    Rng as _, SeedableRng,
    distr::{Distribution as _, weighted::WeightedIndex},
    rngs::StdRng,
};

use crate::{
    Fault,
    exchange::{Subject, sample_people, subject},
    target::{INQUIRER, Target},
};

/// How people are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Drawn {
    /// All alike.
    Uniform,
    /// The person of rank n in proportion to 1/n^s; this is the s.
    Zipf(f64),
}

impl Drawn {
    /// The weight of the person at `place`, from 0.
    fn weight(self, place: usize) -> f64 {
        match self {
            Self::Uniform => 1.0,
            Self::Zipf(s) => {
                let rank = u32::try_from(place).map_or(f64::MAX, |place| f64::from(place) + 1.0);
                rank.powf(-s)
            }
        }
    }

    /// The places of `people` people in the order in which they are drawn when nobody is drawn twice.
    fn order(self, people: usize, random: &mut StdRng) -> Vec<usize> {
        // Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006): the smallest of
        // exponentially distributed keys, each with the weight as its rate, come first.
        let key = |place| -(1.0 - random.random::<f64>()).ln() / self.weight(place);
        let mut keys: Vec<_> = (0..people).map(key).zip(0..).collect();
        keys.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        keys.into_iter().map(|(_, place)| place).collect()
    }
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipf(s) => write!(f, "zipf:{s}"),
        }
    }
}

impl FromStr for Drawn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no way to draw people: write `uniform`, `zipf` or `zipf:1.1` (0.1 to 5)"
            )
        };
        match text.split_once(':') {
            None if text == "uniform" => Ok(Self::Uniform),
            None if text == "zipf" => Ok(Self::Zipf(1.0)),
            Some(("zipf", s)) => match s.parse() {
                Ok(s) if (0.1..=5.0).contains(&s) => Ok(Self::Zipf(s)),
                Ok(_) | Err(_) => Err(wrong()),
            },
            None | Some(_) => Err(wrong()),
        }
    }
}

/// People who can be drawn for one purpose.
pub(crate) struct Pool<T> {
    people: Vec<Arc<T>>,
    drawn: Drawn,
    /// Who is still to be drawn, the next one last; unused where people may be drawn again.
    left: Vec<usize>,
    /// Given where people may be drawn again.
    again: Option<WeightedIndex<f64>>,
    random: StdRng,
}

impl<T> Pool<T> {
    /// `again`: whether somebody who was drawn can be drawn again.
    pub(crate) fn new(people: Vec<Arc<T>>, drawn: Drawn, again: bool, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let weights = (0..people.len()).map(|place| drawn.weight(place));
        // None where there is nobody.
        let again = again.then(|| WeightedIndex::new(weights).ok()).flatten();
        let mut left = Vec::new();
        if again.is_none() {
            left = drawn.order(people.len(), &mut random);
            left.reverse();
        }
        Self {
            people,
            drawn,
            left,
            again,
            random,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.people.len()
    }

    /// One person; nothing when everybody was drawn.
    pub(crate) fn one(&mut self) -> Option<Arc<T>> {
        let place = match &self.again {
            Some(weights) => weights.sample(&mut self.random),
            None => self.left.pop()?,
        };
        self.people.get(place).map(Arc::clone)
    }

    /// So many people, nobody among them twice; nothing when there are not so many.
    pub(crate) fn some(&mut self, count: usize) -> Option<Vec<Arc<T>>> {
        let places = if self.again.is_some() {
            let mut order = self.drawn.order(self.people.len(), &mut self.random);
            order.truncate(count);
            order
        } else {
            self.left.split_off(self.left.len().checked_sub(count)?)
        };
        let people = places.iter().filter_map(|place| self.people.get(*place));
        let people: Vec<_> = people.map(Arc::clone).collect();
        (people.len() == count).then_some(people)
    }
}

/// Somebody whose symbol is acquired.
pub(crate) struct Newcomer {
    /// At the inquirer.
    pub(crate) addressee_number: String,
    /// 個人番号: it goes to the resident network and nowhere else, so that this is not printed.
    pub(crate) individual_number: String,
}

/// The ordinary people of a world, as the inquirer sees them.
pub(crate) struct Crowd {
    /// Those whom it asks others about.
    pub(crate) elsewhere: Vec<Arc<Subject>>,
    /// Those who live there.
    pub(crate) residents: Vec<Arc<Newcomer>>,
}

impl Crowd {
    /// Everybody; of those who live elsewhere only those at `provider`, where one is named.
    pub(crate) async fn of(target: &Target, provider: Option<&str>) -> Result<Self, Fault> {
        let mut crowd = Self {
            elsewhere: Vec::new(),
            residents: Vec::new(),
        };
        for person in sample_people(target).await? {
            if person.home == INQUIRER {
                let known = person.institutions.into_iter();
                let mut known = known.filter(|known| known.institution == INQUIRER);
                crowd.residents.extend(known.next().map(|known| {
                    Arc::new(Newcomer {
                        addressee_number: known.addressee_number,
                        individual_number: person.individual_number,
                    })
                }));
            } else if provider.is_none_or(|provider| provider == person.home) {
                crowd
                    .elsewhere
                    .extend(subject(person, INQUIRER).map(Arc::new));
            }
        }
        if let Some(provider) = provider.filter(|_| crowd.elsewhere.is_empty()) {
            return Err(
                format!("--provider {provider}: nobody lives there whom {INQUIRER} knows").into(),
            );
        }
        Ok(crowd)
    }

    /// The municipality where most people of `elsewhere` live.
    pub(crate) fn largest_home(&self) -> Option<String> {
        let mut homes = std::collections::BTreeMap::new();
        for subject in &self.elsewhere {
            *homes.entry(&subject.home).or_insert(0_u64) += 1;
        }
        let largest = homes.into_iter().max_by_key(|(_, people)| *people);
        largest.map(|(home, _)| home.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn pool(people: u32, drawn: Drawn, again: bool, seed: u64) -> Pool<u32> {
        Pool::new((0..people).map(Arc::new).collect(), drawn, again, seed)
    }

    fn often(drawn: Drawn) -> BTreeMap<u32, u32> {
        let mut pool = pool(100, drawn, true, 7);
        let mut often = BTreeMap::new();
        for _ in 0..10_000 {
            *often.entry(*pool.one().unwrap()).or_default() += 1;
        }
        often
    }

    fn drawings() -> impl Strategy<Value = Drawn> {
        prop_oneof![Just(Drawn::Uniform), (0.1..5.0).prop_map(Drawn::Zipf)]
    }

    proptest! {
        #[test]
        fn nobody_is_drawn_twice_and_everybody_once(
            drawn in drawings(), people in 0_u32..200, file in 1_usize..20, seed: u64,
        ) {
            let mut pool = pool(people, drawn, false, seed);
            let mut found = Vec::new();
            while let Some(some) = pool.some(file) {
                found.extend(some);
            }
            while let Some(one) = pool.one() {
                found.push(one);
            }
            let different: BTreeSet<_> = found.iter().collect();
            prop_assert_eq!(different.len(), found.len());
            prop_assert_eq!(found.len(), usize::try_from(people).unwrap());
        }

        #[test]
        fn nobody_is_in_a_file_twice_even_when_people_come_again(
            drawn in drawings(), people in 1_u32..100, seed: u64,
        ) {
            let mut pool = pool(people, drawn, true, seed);
            let all = usize::try_from(people).unwrap();
            for _ in 0..3 {
                let some: BTreeSet<_> = pool.some(all).unwrap().into_iter().collect();
                prop_assert_eq!(some.len(), all);
            }
            prop_assert!(pool.some(all + 1).is_none());
        }
    }

    #[test]
    fn zipf_draws_the_first_by_its_rank_and_uniform_all_alike() {
        let zipf = often(Drawn::Zipf(1.1));
        // Of the sum of n^-1.1 for n up to 100, which is 4.28, the first has 1 and the tenth 0.0794.
        let near = |place: u32, meant: u32| {
            zipf.get(&place)
                .is_some_and(|of| of.abs_diff(meant) < meant / 3)
        };
        assert!(near(0, 2_337) && near(9, 186), "{zipf:?}");
        assert!(
            often(Drawn::Uniform)
                .values()
                .all(|of| (50..=160).contains(of))
        );
    }

    #[test]
    fn zipf_without_repeating_draws_the_first_early() {
        let early = (0..100).filter(|seed| {
            let mut pool = pool(1_000, Drawn::Zipf(1.1), false, *seed);
            (0..20).any(|_| pool.one().is_some_and(|one| *one == 0))
        });
        assert!(early.count() > 80);
    }

    #[test]
    fn the_same_seed_draws_the_same_people() {
        for again in [false, true] {
            let drawn = || pool(50, Drawn::Zipf(1.0), again, 3).some(20).unwrap();
            assert_eq!(drawn(), drawn());
        }
    }

    #[test]
    fn a_strange_way_to_draw_is_refused() {
        for wrong in [
            "",
            "zipf:",
            "zipf:0",
            "zipf:6",
            "zipf:NaN",
            "uniform:1",
            "pareto",
        ] {
            assert!(wrong.parse::<Drawn>().is_err(), "{wrong}");
        }
        assert_eq!("zipf:1.1".parse(), Ok(Drawn::Zipf(1.1)));
    }
}
