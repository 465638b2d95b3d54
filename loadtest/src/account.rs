//! The account of an open run: every conversation that was sent, how it ended, and how long it took.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use hdrhistogram::Histogram;

use crate::{Fault, gate::Figures, mix::Kind};

/// A call that begins later than this after its intended start has slipped.
const SLIP_MAX: Duration = Duration::from_millis(10);

/// The share of slipped calls, in percent, above which a run says nothing about the server.
pub(crate) const SLIPPED_PERCENT_MAX: f64 = 1.0;

/// How a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With an answer, under this status code.
    Answered(String),
    /// With a lawful no, under this status code.
    Refused(String),
    /// Not ended: it waits for the staff of a provider.
    Waiting,
    /// The caller does not know the end, or it is wrong. The kind is of a few words and without data of a person.
    Failed(String),
}

/// One conversation of a run.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) kind: Kind,
    /// The exchanges that it makes.
    pub(crate) exchanges: u64,
    /// When it was meant to begin, from the beginning of the run.
    pub(crate) intended: Duration,
    /// From the intended start until the generator began it: its own lateness.
    pub(crate) slip: Duration,
    /// From the intended start until the end: what a person at the counter waits.
    pub(crate) latency: Duration,
    /// From the sending until the end.
    pub(crate) service: Duration,
    pub(crate) end: End,
}

/// What happened in one second of a run, by the intended start.
#[derive(Debug, Clone)]
pub(crate) struct Second {
    pub(crate) offered: u64,
    /// Conversations that ended in this second, whenever they began.
    pub(crate) ended: u64,
    /// Latencies in microseconds.
    pub(crate) latency: Histogram<u64>,
}

/// Every conversation of a run.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) sent: u64,
    pub(crate) answered: BTreeMap<String, u64>,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) waiting: u64,
    pub(crate) failed: BTreeMap<String, u64>,
    pub(crate) slipped: u64,
    /// From the intended start, in microseconds; no bound above.
    pub(crate) latency: Histogram<u64>,
    /// From the sending, in microseconds.
    pub(crate) service: Histogram<u64>,
    pub(crate) seconds: Vec<Second>,
    /// Until the last conversation ended.
    pub(crate) took: Duration,
    /// Exchanges of the conversations that ended with an answer or a lawful no.
    pub(crate) exchanges: u64,
    /// Exchanges of the conversations that wait or failed: nobody here knows how many of them there were.
    pub(crate) exchanges_open: u64,
    /// The same of each kind by itself; those have no kinds below them.
    pub(crate) kinds: BTreeMap<Kind, Account>,
}

impl Account {
    pub(crate) fn open() -> Result<Self, Fault> {
        Ok(Self {
            sent: 0,
            answered: BTreeMap::new(),
            refused: BTreeMap::new(),
            waiting: 0,
            failed: BTreeMap::new(),
            slipped: 0,
            latency: Histogram::new(3)?,
            service: Histogram::new(3)?,
            seconds: Vec::new(),
            took: Duration::ZERO,
            exchanges: 0,
            exchanges_open: 0,
            kinds: BTreeMap::new(),
        })
    }

    /// A conversation is about to begin.
    pub(crate) fn send(&mut self, kind: Kind, intended: Duration) -> Result<(), Fault> {
        self.of(kind)?.begin(intended)?;
        self.begin(intended)
    }

    /// A conversation has ended.
    pub(crate) fn enter(&mut self, sample: Sample) -> Result<(), Fault> {
        self.of(sample.kind)?.end(sample.clone())?;
        self.end(sample)
    }

    fn of(&mut self, kind: Kind) -> Result<&mut Self, Fault> {
        Ok(match self.kinds.entry(kind) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => place.insert(Self::open()?),
        })
    }

    /// The last conversation has ended.
    pub(crate) fn close(&mut self, took: Duration) {
        self.took = took;
        for kind in self.kinds.values_mut() {
            kind.took = took;
        }
    }

    fn begin(&mut self, intended: Duration) -> Result<(), Fault> {
        self.sent += 1;
        self.second(intended)?.offered += 1;
        Ok(())
    }

    fn end(&mut self, sample: Sample) -> Result<(), Fault> {
        let latency = micros(sample.latency);
        self.latency.record(latency)?;
        self.service.record(micros(sample.service))?;
        self.second(sample.intended)?.latency.record(latency)?;
        self.second(sample.intended + sample.latency)?.ended += 1;
        if sample.slip > SLIP_MAX {
            self.slipped += 1;
        }
        let exchanges = match sample.end {
            End::Answered(_) | End::Refused(_) => &mut self.exchanges,
            End::Waiting | End::Failed(_) => &mut self.exchanges_open,
        };
        *exchanges += sample.exchanges;
        let (kinds, kind) = match sample.end {
            End::Answered(code) => (&mut self.answered, code),
            End::Refused(code) => (&mut self.refused, code),
            End::Failed(kind) => (&mut self.failed, kind),
            End::Waiting => {
                self.waiting += 1;
                return Ok(());
            }
        };
        *kinds.entry(kind).or_default() += 1;
        Ok(())
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.values().sum()
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Why the run cannot be relied on, if it cannot: the account does not balance, or the generator was late itself.
    pub(crate) fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        flaws.extend(self.unbalanced("the account"));
        for (kind, account) in &self.kinds {
            flaws.extend(account.unbalanced(&format!("the account of {}", kind.name())));
        }
        let slipped = percent(self.slipped, self.sent);
        if slipped > SLIPPED_PERCENT_MAX {
            flaws.push(format!(
                "the generator was the limit: {slipped:.1} % of the calls began more than {} ms late",
                SLIP_MAX.as_millis()
            ));
        }
        flaws
    }

    fn unbalanced(&self, name: &str) -> Option<String> {
        let Self { sent, .. } = self;
        let entered = self.answered() + self.refused() + self.waiting + self.failed();
        (entered != *sent)
            .then(|| format!("{name} does not balance: {sent} sent, the end of {entered} known"))
    }

    fn second(&mut self, at: Duration) -> Result<&mut Second, Fault> {
        let place = usize::try_from(at.as_secs())?;
        while self.seconds.len() <= place {
            self.seconds.push(Second {
                offered: 0,
                ended: 0,
                latency: Histogram::new(3)?,
            });
        }
        self.seconds
            .get_mut(place)
            .ok_or_else(|| "a second is missing".into())
    }
}

impl Figures for Account {
    fn of_kind(&self, kind: Kind) -> Option<&Self> {
        self.kinds.get(&kind)
    }

    fn latency_ms(&self, percentile: f64) -> f64 {
        if self.latency.is_empty() {
            return f64::NAN;
        }
        milliseconds(self.latency.value_at_quantile(percentile / 100.0))
    }

    fn errors_percent(&self) -> f64 {
        if self.sent == 0 {
            return f64::NAN;
        }
        percent(self.failed(), self.sent)
    }

    fn rate(&self) -> f64 {
        let ended = self.answered() + self.refused();
        precise(ended) / self.took.as_secs_f64()
    }
}

/// Microseconds as milliseconds.
pub(crate) fn milliseconds(micros: u64) -> f64 {
    precise(micros) / 1_000.0
}

pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    precise(part) * 100.0 / precise(whole.max(1))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and microseconds of a run are far below 2^53"
)]
pub(crate) fn precise(count: u64) -> f64 {
    count as f64
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(slip_ms: u64, end: End) -> Sample {
        Sample {
            kind: Kind::Inquiry,
            exchanges: 1,
            intended: Duration::from_millis(1_500),
            slip: Duration::from_millis(slip_ms),
            latency: Duration::from_millis(700),
            service: Duration::from_millis(200),
            end,
        }
    }

    fn account(sent: u32, samples: Vec<Sample>) -> Account {
        let mut account = Account::open().unwrap();
        for _ in 0..sent {
            account
                .send(Kind::Inquiry, Duration::from_millis(1_500))
                .unwrap();
        }
        for sample in samples {
            account.enter(sample).unwrap();
        }
        account
    }

    #[test]
    fn a_lost_answer_unbalances_the_account() {
        let lost = account(2, vec![sample(0, End::Waiting)]);
        assert_eq!(
            lost.flaws(),
            [
                "the account does not balance: 2 sent, the end of 1 known",
                "the account of inquiry does not balance: 2 sent, the end of 1 known",
            ]
        );
    }

    #[test]
    fn an_answer_in_place_of_a_lost_one_of_another_kind_unbalances_both_kinds() {
        let mut account = Account::open().unwrap();
        account.send(Kind::Batch, Duration::ZERO).unwrap();
        account.send(Kind::Held, Duration::ZERO).unwrap();
        for _ in 0..2 {
            let end = End::Answered("01".into());
            let held = Sample {
                kind: Kind::Held,
                ..sample(0, end)
            };
            account.enter(held).unwrap();
        }
        assert_eq!(
            account.flaws(),
            [
                "the account of batch does not balance: 1 sent, the end of 0 known",
                "the account of held does not balance: 1 sent, the end of 2 known",
            ]
        );
    }

    #[test]
    fn exchanges_of_what_ended_are_told_from_those_nobody_knows() {
        let of = |exchanges, end| Sample {
            exchanges,
            ..sample(0, end)
        };
        let account = account(
            3,
            vec![
                of(100, End::Answered("01".into())),
                of(1, End::Waiting),
                of(50, End::Failed("timeout".into())),
            ],
        );
        assert_eq!((account.exchanges, account.exchanges_open), (100, 51));
    }

    #[test]
    fn an_answer_that_was_never_asked_for_unbalances_the_account() {
        let twice = account(1, vec![sample(0, End::Answered("01".into())); 2]);
        assert_eq!(twice.flaws().len(), 2);
    }

    #[test]
    fn more_than_one_late_call_in_a_hundred_makes_a_run_invalid() {
        let ends = |late: usize| {
            let mut samples = vec![sample(0, End::Answered("01".into())); 100 - late];
            samples.extend(vec![sample(11, End::Answered("01".into())); late]);
            account(100, samples)
        };
        assert_eq!(ends(1).flaws(), Vec::<String>::new());
        assert!(
            ends(2)
                .flaws()
                .concat()
                .contains("the generator was the limit")
        );
    }

    #[test]
    fn every_end_has_its_place_and_every_second_its_calls() {
        let all = account(
            4,
            vec![
                sample(0, End::Answered("01".into())),
                sample(0, End::Refused("31".into())),
                sample(0, End::Waiting),
                sample(0, End::Failed("timeout".into())),
            ],
        );
        assert_eq!(all.flaws(), Vec::<String>::new());
        assert_eq!(
            [all.answered(), all.refused(), all.waiting, all.failed()],
            [1; 4]
        );
        assert!((all.errors_percent() - 25.0).abs() < 1e-9);
        let seconds: Vec<_> = all
            .seconds
            .iter()
            .map(|second| (second.offered, second.ended))
            .collect();
        assert_eq!(seconds, [(0, 0), (4, 0), (0, 4)]);
    }

    #[test]
    fn a_run_of_nothing_passes_no_gate() {
        let gate: crate::gate::Gate = "p99<1s".parse().unwrap();
        assert!(!gate.judge(&account(0, Vec::new())).1);
    }
}
