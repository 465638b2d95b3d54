//! `loadtest capacity`: raises the rate until a gate breaks, then halves the distance: the highest rate that is served well.

use std::future::Future;

use clap::Args;

use crate::{Fault, account::percent, limit::Limit, run::Run};

/// The gates of a search that names none.
const GATES: [&str; 2] = ["p99<200ms", "errors<0.1%"];

/// A search for the knee. Each rate is a run with a server and a world of its own.
#[derive(Debug, Clone, Args)]
pub(crate) struct Capacity {
    /// Of each run; `--rate` is the first rate. with `--repeat-people` a high rate needs no big world
    #[command(flatten)]
    pub(crate) run: Run,
    /// The highest rate that is tried
    #[arg(long, default_value_t = 20_000.0, value_parser = crate::run::rate)]
    rate_max: f64,
    /// How near the knee is to be found, in percent of the rate
    #[arg(long, default_value_t = 10.0, value_parser = near)]
    within: f64,
}

/// What became of a rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every gate holds.
    Holds,
    /// A gate does not hold, or the server did wrong.
    Breaks(String),
    /// The generator was late: it says nothing of the server.
    Late,
}

/// Where the gates break.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Knee {
    /// The highest rate that held; nothing when the first broke and every lower one too.
    pub(crate) holds: Option<f64>,
    /// The lowest rate that broke, and why; nothing when the highest that may be tried held.
    pub(crate) breaks: Option<(f64, String)>,
    /// Whether it is not the server's knee, but that of the generator, which was late at the rate that broke.
    pub(crate) is_generators: bool,
}

/// Where a search may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) first: f64,
    pub(crate) max: f64,
    /// The distance between what held and what broke at which it ends, as a share of the rate that held.
    pub(crate) within: f64,
}

/// Rates below this share of the first are not tried.
const LOWEST: f64 = 1.0 / 64.0;

/// Doubles the rate until it breaks (or halves it until it holds), then halves the distance.
pub(crate) async fn search<F: Future<Output = Result<Verdict, Fault>>>(
    range: Range,
    mut verdict: impl FnMut(f64) -> F,
) -> Result<Knee, Fault> {
    let mut knee = Knee {
        holds: None,
        breaks: None,
        is_generators: false,
    };
    loop {
        let rate = match (knee.holds, &knee.breaks) {
            (None, None) => range.first.min(range.max),
            (Some(holds), None) if holds >= range.max => return Ok(knee),
            (Some(holds), None) => (holds * 2.0).min(range.max),
            (None, Some((breaks, _))) if breaks / 2.0 < range.first * LOWEST => return Ok(knee),
            (None, Some((breaks, _))) => breaks / 2.0,
            (Some(holds), Some((breaks, _))) if breaks - holds <= holds * range.within => {
                return Ok(knee);
            }
            (Some(holds), Some((breaks, _))) => f64::midpoint(holds, *breaks),
        };
        match verdict(rate).await? {
            Verdict::Holds => knee.holds = Some(rate),
            Verdict::Breaks(why) => {
                knee.breaks = Some((rate, why));
                knee.is_generators = false;
            }
            Verdict::Late => {
                knee.breaks = Some((rate, "the generator was late".to_owned()));
                knee.is_generators = true;
            }
        }
    }
}

impl Capacity {
    pub(crate) async fn run(mut self) -> Result<(), Fault> {
        if self.run.closed.is_some() {
            return Err("a closed model has no rate to raise: leave --closed out".into());
        }
        if self.run.gates.is_empty() {
            self.run.gates = GATES
                .iter()
                .map(|gate| gate.parse())
                .collect::<Result<_, String>>()?;
        }
        let range = Range {
            first: self.run.rate,
            max: self.rate_max,
            within: self.within / 100.0,
        };
        println!("# Capacity\n");
        println!("| rate/s | ended/s | p50 ms | p99 ms | late % | limit | verdict |");
        println!("|---:|---:|---:|---:|---:|---|---|");
        let knee = search(range, |rate| {
            let run = Run {
                rate,
                ..self.run.clone()
            };
            async move { tried(&run).await }
        })
        .await?;
        println!("\n{}", text(&knee));
        match knee.holds {
            _ if knee.is_generators => Err(
                "the generator was late before the server broke: measure on a quieter machine or with more --seconds".into(),
            ),
            Some(_) => Ok(()),
            None => Err("no rate that was tried is served well".into()),
        }
    }
}

async fn tried(run: &Run) -> Result<Verdict, Fault> {
    use crate::gate::Figures as _;
    let found = run.find().await?;
    let account = &found.account;
    let verdict = match found.verdict(&run.gates) {
        Ok(()) => Verdict::Holds,
        Err(_) if found.limit() == Limit::Generator => Verdict::Late,
        Err(why) => Verdict::Breaks(why.to_string()),
    };
    println!(
        "| {:.0} | {:.0} | {:.1} | {:.1} | {:.2} | {} | {} |",
        run.rate,
        account.rate(),
        account.latency_ms(50.0),
        account.latency_ms(99.0),
        percent(account.slipped, account.sent),
        found.limit(),
        match &verdict {
            Verdict::Holds => "holds",
            Verdict::Breaks(why) => why,
            Verdict::Late => "says nothing of the server",
        }
    );
    Ok(verdict)
}

fn text(knee: &Knee) -> String {
    match (knee.holds, &knee.breaks) {
        (Some(holds), Some((breaks, why))) => {
            format!("The knee: {holds:.0}/s holds, {breaks:.0}/s does not: {why}")
        }
        (Some(holds), None) => {
            format!("No knee up to {holds:.0}/s: the highest rate that may be tried holds.")
        }
        (None, Some((breaks, why))) => format!("Not even {breaks:.0}/s holds: {why}"),
        (None, None) => "Nothing was tried.".to_owned(),
    }
}

fn near(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (1.0..=100.0).contains(&percent) => Ok(percent),
        Ok(_) | Err(_) => Err("from 1 to 100 percent".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    /// Searches a server that serves up to `knee` per second; also says how many rates were tried.
    fn found(range: Range, knee: f64) -> (Knee, u32) {
        let tried = Cell::new(0);
        let server = |rate: f64| {
            tried.set(tried.get() + 1);
            std::future::ready(Ok(if rate <= knee {
                Verdict::Holds
            } else {
                Verdict::Breaks("slow".into())
            }))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let found = runtime.block_on(search(range, server)).unwrap();
        (found, tried.get())
    }

    proptest! {
        #[test]
        fn the_knee_of_any_server_is_found_within_the_distance(
            first in 1.0..10_000.0_f64,
            knee in 1.0..100_000.0_f64,
            within in 0.01..0.5_f64,
        ) {
            let range = Range { first, max: 100_000.0, within };
            let (found, tried) = found(range, knee);
            prop_assert!(tried < 40, "{tried} rates");
            if let Some(holds) = found.holds {
                prop_assert!(holds <= knee);
                let above = found.breaks.map_or(range.max, |(breaks, _)| breaks);
                prop_assert!(above >= knee && above - holds <= holds * within + 1e-9);
            } else {
                prop_assert!(knee < first * LOWEST * 2.0);
            }
        }
    }

    #[test]
    fn a_server_that_serves_everything_has_no_knee_and_is_not_asked_for_more_than_may_be() {
        let range = Range {
            first: 300.0,
            max: 1_000.0,
            within: 0.1,
        };
        let (knee, tried) = found(range, f64::INFINITY);
        assert_eq!((knee.holds, knee.breaks, tried), (Some(1_000.0), None, 3));
    }

    #[test]
    fn a_generator_that_is_late_first_has_found_its_own_knee_and_not_the_servers() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let range = Range {
            first: 100.0,
            max: 10_000.0,
            within: 0.1,
        };
        let late_from = |rate: f64| {
            std::future::ready(Ok(if rate < 500.0 {
                Verdict::Holds
            } else {
                Verdict::Late
            }))
        };
        let knee = runtime.block_on(search(range, late_from)).unwrap();
        assert!(knee.is_generators);
        assert!(knee.breaks.unwrap().0 >= 500.0);
    }

    #[test]
    fn a_server_that_serves_nothing_ends_the_search() {
        let range = Range {
            first: 64.0,
            max: 1_000.0,
            within: 0.1,
        };
        let (knee, _) = found(range, 0.0);
        assert_eq!((knee.holds, knee.breaks.unwrap().0), (None, 1.0));
    }
}
