//! What each conversation of a run is and whom it is about: drawn before the run begins.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Fault,
    exchange::Subject,
    mix::{Kind, Mix},
    people::{Crowd, Drawn, Newcomer, Pool},
};

/// What a run draws from.
pub(crate) struct Draw {
    pub(crate) mix: Mix,
    pub(crate) drawn: Drawn,
    /// Whether people may be drawn again.
    pub(crate) again: bool,
    pub(crate) batch_rows: usize,
    /// One answer of each kind in so many is kept and compared.
    pub(crate) keep_every: usize,
    pub(crate) seed: u64,
}

/// One conversation.
pub(crate) enum Step {
    Inquiry(Arc<Subject>),
    /// One row about each, nobody twice.
    Batch(Vec<Arc<Subject>>),
    Replicas,
    Symbols(Arc<Newcomer>),
    Held(Arc<Subject>),
}

impl Step {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Inquiry(_) => Kind::Inquiry,
            Self::Batch(_) => Kind::Batch,
            Self::Replicas => Kind::Replicas,
            Self::Symbols(_) => Kind::Symbols,
            Self::Held(_) => Kind::Held,
        }
    }

    /// The exchanges that it makes.
    pub(crate) fn exchanges(&self) -> u64 {
        match self {
            Self::Inquiry(_) | Self::Held(_) => 1,
            Self::Batch(people) => u64::try_from(people.len()).unwrap_or(u64::MAX),
            Self::Replicas | Self::Symbols(_) => 0,
        }
    }
}

/// The conversations of a run, in their order; whether the answer of each is kept stands beside it.
pub(crate) struct Plan {
    pub(crate) steps: Vec<(Step, bool)>,
    /// Whose people were used up, where the run is shorter than it was meant to be.
    pub(crate) ran_out: Option<String>,
    /// The institution whose staff decides held requests, where there are any.
    pub(crate) held_at: Option<String>,
}

impl Plan {
    /// Draws up to `count` conversations, and stops when somebody would have to be drawn a second time.
    pub(crate) fn draw(draw: &Draw, crowd: &Crowd, count: usize) -> Result<Self, Fault> {
        let kinds: Vec<_> = draw.mix.kinds(draw.seed).take(count).collect();
        let mut pools = Pools::of(draw, crowd, &kinds);
        let mut plan = Self {
            steps: Vec::with_capacity(count),
            ran_out: None,
            held_at: pools.held_at.clone(),
        };
        let mut of_kind = BTreeMap::new();
        for kind in kinds {
            let before = of_kind.entry(kind).or_insert(0_usize);
            let keep = before.is_multiple_of(draw.keep_every);
            *before += 1;
            let Some(step) = pools.step(kind, draw.batch_rows) else {
                plan.ran_out = Some(pools.ran_out(kind, *before));
                break;
            };
            plan.steps.push((step, keep));
        }
        if plan.steps.is_empty() {
            let why = plan
                .ran_out
                .unwrap_or_else(|| "no conversation is meant".into());
            return Err(why.into());
        }
        Ok(plan)
    }

    /// The people at the provider whose requests are to be held.
    pub(crate) fn held(&self) -> BTreeSet<&str> {
        let held = self.steps.iter().filter_map(|(step, _)| match step {
            Step::Held(subject) => Some(subject.number_at_home.as_str()),
            Step::Inquiry(_) | Step::Batch(_) | Step::Replicas | Step::Symbols(_) => None,
        });
        held.collect()
    }

    /// The addressee numbers of those whose symbol is acquired.
    pub(crate) fn newcomers(&self) -> Vec<&str> {
        let newcomers = self.steps.iter().filter_map(|(step, _)| match step {
            Step::Symbols(newcomer) => Some(newcomer.addressee_number.as_str()),
            Step::Inquiry(_) | Step::Batch(_) | Step::Replicas | Step::Held(_) => None,
        });
        newcomers.collect()
    }
}

/// Who can be drawn for what. Somebody whose requests are held is asked about by held inquiries only.
struct Pools {
    asked: Pool<Subject>,
    held: Pool<Subject>,
    newcomers: Pool<Newcomer>,
    held_at: Option<String>,
}

impl Pools {
    fn of(draw: &Draw, crowd: &Crowd, kinds: &[Kind]) -> Self {
        let wanted = kinds.iter().filter(|kind| **kind == Kind::Held).count();
        let held_at = (wanted > 0).then(|| crowd.largest_home()).flatten();
        let mut asked = Vec::new();
        let mut held = Vec::new();
        for subject in &crowd.elsewhere {
            let there = held_at.as_ref() == Some(&subject.home);
            let aside = there && held.len() < wanted;
            let into = if aside { &mut held } else { &mut asked };
            into.push(Arc::clone(subject));
        }
        Self {
            asked: Pool::new(asked, draw.drawn, draw.again, draw.seed),
            held: Pool::new(held, draw.drawn, draw.again, draw.seed.wrapping_add(1)),
            // A symbol is acquired once.
            newcomers: Pool::new(
                crowd.residents.clone(),
                draw.drawn,
                false,
                draw.seed.wrapping_add(2),
            ),
            held_at,
        }
    }

    fn step(&mut self, kind: Kind, batch_rows: usize) -> Option<Step> {
        match kind {
            Kind::Inquiry => self.asked.one().map(Step::Inquiry),
            Kind::Batch => self.asked.some(batch_rows).map(Step::Batch),
            Kind::Replicas => Some(Step::Replicas),
            Kind::Symbols => self.newcomers.one().map(Step::Symbols),
            Kind::Held => self.held.one().map(Step::Held),
        }
    }

    /// What to tell whoever runs this.
    fn ran_out(&self, kind: Kind, conversations: usize) -> String {
        let (people, again) = match kind {
            Kind::Inquiry | Kind::Batch | Kind::Replicas => (self.asked.size(), true),
            Kind::Symbols => (self.newcomers.size(), false),
            Kind::Held => (self.held.size(), true),
        };
        let instead = if again {
            ", or allow --repeat-people"
        } else {
            ""
        };
        format!(
            "people ran out at {} number {conversations}: {people} can be drawn, and nobody is drawn twice; raise --people{instead}",
            kind.name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd() -> Crowd {
        let subject = |number: u32| {
            Arc::new(Subject {
                addressee_number: number.to_string(),
                home: if number < 60 { "ward" } else { "town" }.into(),
                number_at_home: format!("home-{number}"),
            })
        };
        let newcomer = |number: u32| {
            Arc::new(Newcomer {
                addressee_number: number.to_string(),
                individual_number: String::new(),
            })
        };
        Crowd {
            elsewhere: (0..100).map(subject).collect(),
            residents: (100..120).map(newcomer).collect(),
        }
    }

    fn plan(mix: &str, again: bool, count: usize) -> Result<Plan, Fault> {
        let draw = Draw {
            mix: mix.parse().unwrap(),
            drawn: Drawn::Zipf(1.0),
            again,
            batch_rows: 10,
            keep_every: 10,
            seed: 5,
        };
        Plan::draw(&draw, &crowd(), count)
    }

    #[test]
    fn people_run_out_rather_than_being_drawn_twice() {
        let out = plan("inquiry", false, 101).unwrap();
        assert_eq!(out.steps.len(), 100);
        assert!(
            out.ran_out
                .unwrap()
                .starts_with("people ran out at inquiry number 101: 100")
        );
        assert!(plan("inquiry", false, 100).unwrap().ran_out.is_none());
        assert!(plan("inquiry", true, 101).unwrap().ran_out.is_none());
        assert_eq!(plan("batch", false, 11).unwrap().steps.len(), 10);
    }

    #[test]
    fn a_symbol_is_acquired_once_even_when_people_come_again() {
        assert_eq!(plan("symbols", true, 30).unwrap().steps.len(), 20);
    }

    #[test]
    fn nobody_whose_requests_are_held_is_asked_about_otherwise() {
        for again in [false, true] {
            let plan = plan("inquiry=2,held=1", again, 60).unwrap();
            assert_eq!(plan.held_at.as_deref(), Some("ward"));
            let held = plan.held();
            let asked = plan.steps.iter().filter_map(|(step, _)| match step {
                Step::Inquiry(subject) => Some(subject.number_at_home.as_str()),
                _ => None,
            });
            assert!(!held.is_empty() && asked.clone().count() > 0);
            assert!(asked.into_iter().all(|asked| !held.contains(asked)));
        }
    }

    #[test]
    fn the_first_of_every_kind_is_compared_and_then_one_in_so_many() {
        let plan = plan("inquiry=10,symbols=1", true, 100).unwrap();
        let kept = |kind| {
            let of = plan.steps.iter().filter(|(step, _)| step.kind() == kind);
            (of.clone().count(), of.filter(|(_, keep)| *keep).count())
        };
        let (inquiries, kept_inquiries) = kept(Kind::Inquiry);
        assert_eq!(kept_inquiries, inquiries.div_ceil(10));
        assert!(kept(Kind::Symbols).1 >= 1);
    }

    #[test]
    fn a_world_without_the_people_is_told_before_anything_is_sent() {
        let nobody = Crowd {
            elsewhere: Vec::new(),
            residents: Vec::new(),
        };
        for mix in ["inquiry", "batch", "symbols", "held"] {
            for again in [false, true] {
                let draw = Draw {
                    mix: mix.parse().unwrap(),
                    drawn: Drawn::Uniform,
                    again,
                    batch_rows: 1,
                    keep_every: 1,
                    seed: 1,
                };
                assert!(Plan::draw(&draw, &nobody, 1).is_err(), "{mix}");
            }
        }
    }
}
