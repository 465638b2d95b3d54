//! `loadtest capacity`: raises the rate until a gate breaks, halves the step, and reports the knee.

use clap::Args;

use crate::{Fault, findings::Findings, gate::Figures as _, run::Run};

/// The highest rate that is tried, and the lowest.
const RATES: (f64, f64) = (100_000.0, 0.5);

/// What a server can do within its gates: run after run, each on a new world, at rising rates.
#[derive(Debug, Clone, Args)]
pub(crate) struct Capacity {
    #[command(flatten)]
    pub(crate) run: Run,
    /// By how much the rate is raised while the gates hold
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = factor)]
    raise: f64,
    /// Percent between the highest rate that holds and the lowest that breaks, at which the search ends
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = percent)]
    within: f64,
    /// The most runs
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=100))]
    runs: u32,
}

impl Capacity {
    pub(crate) async fn run(self) -> Result<(), Fault> {
        if self.run.gates.is_empty() {
            return Err(
                "a capacity is one within gates: add --assert, such as --assert 'p99<200ms'".into(),
            );
        }
        if self.run.closed.is_some() {
            return Err("a closed model has no rate to raise: leave --closed away".into());
        }
        let mut search = Search {
            first: self.run.rate,
            raise: self.raise,
            within: self.within / 100.0,
            holds: None,
            breaks: None,
        };
        println!(
            "# Capacity\n\n| rate | ended per second | p99 ms | holds | the limit was |\n|---:|---:|---:|---|---|"
        );
        for _ in 0..self.runs {
            let Some(rate) = search.next() else {
                break;
            };
            let run = self.run.at(rate);
            eprintln!("{rate:.1} per second …");
            let found = run.find().await?;
            let verdict = run.verdict(&found);
            println!("{}", row(rate, &found, &verdict));
            search.tell(rate, verdict.is_ok());
        }
        println!("\n{}", search.knee());
        match search.holds {
            Some(_) => Ok(()),
            None => Err("no rate was found at which the gates hold".into()),
        }
    }
}

fn row(rate: f64, found: &Findings, verdict: &Result<(), Fault>) -> String {
    let holds = match verdict {
        Ok(()) => "yes".to_owned(),
        Err(why) => format!("no: {why}"),
    };
    format!(
        "| {rate:.1} | {:.1} | {:.1} | {holds} | {} |",
        found.account.rate(),
        crate::account::milliseconds(found.account.latency.value_at_quantile(0.99)),
        found.limit()
    )
}

/// Looks for the highest rate that holds. A server that holds at a rate is taken to hold at every lower one.
#[derive(Debug, Clone)]
struct Search {
    first: f64,
    raise: f64,
    /// As a share.
    within: f64,
    /// The highest rate that held.
    holds: Option<f64>,
    /// The lowest that broke.
    breaks: Option<f64>,
}

impl Search {
    /// The next rate to try; nothing when the knee is known or lies outside of all rates.
    fn next(&self) -> Option<f64> {
        let (highest, lowest) = RATES;
        match (self.holds, self.breaks) {
            (None, None) => Some(self.first),
            (Some(holds), None) => (holds < highest).then(|| (holds * self.raise).min(highest)),
            (None, Some(breaks)) => (breaks > lowest).then(|| (breaks / self.raise).max(lowest)),
            (Some(holds), Some(breaks)) => {
                (breaks / holds - 1.0 > self.within).then(|| (holds * breaks).sqrt())
            }
        }
    }

    fn tell(&mut self, rate: f64, holds: bool) {
        if holds {
            self.holds = Some(self.holds.map_or(rate, |known| known.max(rate)));
        } else {
            self.breaks = Some(self.breaks.map_or(rate, |known| known.min(rate)));
        }
    }

    fn knee(&self) -> String {
        match (self.holds, self.breaks) {
            (Some(holds), Some(breaks)) => format!(
                "The gates hold at {holds:.1} conversations per second and break at {breaks:.1}."
            ),
            (Some(holds), None) => format!(
                "The gates hold at {holds:.1} conversations per second, the highest rate tried."
            ),
            (None, Some(breaks)) => format!(
                "The gates break at {breaks:.1} conversations per second, the lowest rate tried."
            ),
            (None, None) => "Nothing was tried.".to_owned(),
        }
    }
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (1.05..=10.0).contains(&factor) => Ok(factor),
        Ok(_) | Err(_) => Err("from 1.05 to 10".into()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (1.0..=100.0).contains(&percent) => Ok(percent),
        Ok(_) | Err(_) => Err("from 1 to 100 percent".into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The search on a server that holds up to this rate, and how many runs it took.
    fn searched(first: f64, raise: f64, within: f64, knee: f64) -> (Search, u32) {
        let mut search = Search {
            first,
            raise,
            within,
            holds: None,
            breaks: None,
        };
        let mut runs = 0;
        while let Some(rate) = search.next() {
            search.tell(rate, rate <= knee);
            runs += 1;
        }
        (search, runs)
    }

    proptest! {
        #[test]
        fn the_knee_of_a_server_lies_between_what_holds_and_what_breaks(
            first in 1.0..2_000.0_f64, raise in 1.5..4.0_f64, within in 0.02..0.5_f64, knee in 1.0..90_000.0_f64,
        ) {
            let (search, runs) = searched(first, raise, within, knee);
            let (holds, breaks) = (search.holds.unwrap(), search.breaks.unwrap());
            prop_assert!(holds <= knee && knee < breaks);
            prop_assert!(breaks / holds - 1.0 <= within);
            prop_assert!(runs < 50, "{runs}");
        }
    }

    #[test]
    fn a_server_without_a_knee_ends_the_search_at_the_highest_rate() {
        let (search, _) = searched(10.0, 10.0, 0.1, f64::INFINITY);
        assert_eq!((search.holds, search.breaks), (Some(RATES.0), None));
        let (search, _) = searched(10.0, 10.0, 0.1, 0.0);
        assert_eq!((search.holds, search.breaks), (None, Some(RATES.1)));
    }
}
