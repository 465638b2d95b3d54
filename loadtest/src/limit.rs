//! Who was the limit of a run: the generator, the processors, a store's disk, or nobody.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::watch::{Moment, Queue, Store};

/// A writer that writes and syncs for this share of the time cannot do much more.
const BUSY: f64 = 0.85;

/// What was seen of server and generator while a run went on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) moments: Vec<Moment>,
    /// Processors of the machine, which server and generator share.
    pub(crate) processors: usize,
}

/// How resident memory changed over the later two thirds of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    /// MiB per hour, by least squares.
    pub(crate) mib_per_hour: f64,
    /// Its standard error.
    pub(crate) error: f64,
}

/// What a store's writer did between two moments.
struct Writing {
    commits_a_sync: f64,
    ms_a_sync: f64,
    busy: f64,
}

fn writing(before: Store, after: Store, seconds: f64) -> Writing {
    let syncs = after.syncs - before.syncs;
    let each = |sum: f64| if syncs > 0.0 { sum / syncs } else { 0.0 };
    let took = after.seconds - before.seconds;
    Writing {
        commits_a_sync: each(after.commits - before.commits),
        ms_a_sync: 1_000.0 * each(took),
        busy: took / seconds.max(f64::EPSILON),
    }
}

impl Seen {
    fn ends(&self) -> Option<(&Moment, &Moment)> {
        self.moments.first().zip(self.moments.last())
    }

    /// Of the whole run.
    fn writing(&self, store: fn(&Moment) -> Store) -> Option<Writing> {
        let (first, last) = self.ends()?;
        Some(writing(store(first), store(last), last.at_s - first.at_s))
    }

    /// The longest that the queue was.
    fn waiting_max(&self, queue: fn(&Moment) -> Queue) -> f64 {
        let waiting = self.moments.iter().map(|moment| queue(moment).waiting);
        waiting.fold(0.0, f64::max)
    }

    /// Whether something waited at more than half of the looks.
    fn waited(&self) -> bool {
        let waited = |moment: &&Moment| moment.exchanges.waiting + moment.acceptances.waiting > 0.0;
        2 * self.moments.iter().filter(waited).count() > self.moments.len()
    }

    fn busy(&self, used: fn(&Moment) -> Option<f64>) -> Option<f64> {
        let (first, last) = self.ends()?;
        Some((used(last)? - used(first)?) / (last.at_s - first.at_s).max(f64::EPSILON))
    }

    /// Whoever could not do more, in a sentence. `slipped` is the share of the conversations that the generator began late.
    pub(crate) fn limit(&self, slipped_percent: f64) -> String {
        if slipped_percent > 1.0 {
            return "the generator: it began too many conversations late".into();
        }
        let server = self.busy(|moment| moment.server_cpu_s).unwrap_or(0.0);
        let generator = self.busy(|moment| moment.generator_cpu_s).unwrap_or(0.0);
        let all = count(self.processors);
        if all > 0.0 && server + generator > BUSY * all {
            return format!(
                "the processors: {server:.1} of {all:.0} busy with the server, {generator:.1} with the generator"
            );
        }
        for (name, store) in STORES {
            if let Some(writing) = self.writing(store)
                && writing.busy > BUSY
            {
                return format!(
                    "the disk: the {name} wrote and synced for {:.0} % of the time",
                    100.0 * writing.busy
                );
            }
        }
        if self.waited() {
            return "the places in the server: work waited, and neither processors nor disk were busy".into();
        }
        "nobody: what was offered was served".into()
    }

    /// The slope of the memory; nothing for fewer than ten looks.
    pub(crate) fn memory_slope(&self) -> Option<Slope> {
        let settled = self.moments.get(self.moments.len() / 3..)?;
        slope(
            settled
                .iter()
                .map(|moment| (moment.at_s, moment.resident_mib)),
        )
    }

    /// Whether memory grows by `most` MiB per hour at most, as far as can be told.
    pub(crate) fn judge_memory(&self, most: f64) -> Result<(), String> {
        match self.memory_slope() {
            Some(slope) if slope.mib_per_hour - 2.0 * slope.error > most => Err(format!(
                "memory grows by {slope}, at most {most} were asked for"
            )),
            Some(_) => Ok(()),
            None => Err("the run was too short to tell how memory grows".into()),
        }
    }

    /// A section of the report.
    pub(crate) fn markdown(&self, slipped_percent: f64) -> String {
        let mut text = format!("\n**The limit was** {}.\n\n", self.limit(slipped_percent));
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing to a string does not fail.
            let _infallible = writeln!(text, "{line}");
        };
        line(format_args!(
            "| store | commits a sync | ms a sync | busy |\n|---|---:|---:|---:|"
        ));
        for (name, store) in STORES {
            if let Some(writing) = self.writing(store) {
                line(format_args!(
                    "| {name} | {:.1} | {:.2} | {:.0} % |",
                    writing.commits_a_sync,
                    writing.ms_a_sync,
                    100.0 * writing.busy
                ));
            }
        }
        line(format_args!(
            "\nWaiting at most: {:.0} exchanges, {:.0} inquiries to be accepted.",
            self.waiting_max(|moment| moment.exchanges),
            self.waiting_max(|moment| moment.acceptances)
        ));
        if let Some((first, last)) = self.ends() {
            line(format_args!(
                "Resident memory of the server: {:.0} MiB at the beginning, {:.0} at the end{}.",
                first.resident_mib,
                last.resident_mib,
                self.memory_slope()
                    .map_or_else(String::new, |slope| format!(", {slope}"))
            ));
        }
        text
    }

    pub(crate) fn json(&self, slipped_percent: f64) -> Value {
        let store = |store| {
            self.writing(store).map(|writing| {
                json!({ "commits_per_sync": writing.commits_a_sync, "ms_per_sync": writing.ms_a_sync, "busy": writing.busy })
            })
        };
        let looks = self.moments.iter().map(|moment| {
            json!({
                "at_s": moment.at_s, "resident_mib": moment.resident_mib,
                "server_cpu_s": moment.server_cpu_s, "generator_cpu_s": moment.generator_cpu_s,
                "exchanges": { "under_way": moment.exchanges.under_way, "waiting": moment.exchanges.waiting },
                "acceptances": { "under_way": moment.acceptances.under_way, "waiting": moment.acceptances.waiting },
            })
        });
        let slope = self.memory_slope();
        json!({
            "limit": self.limit(slipped_percent),
            "ledger": store(|moment: &Moment| moment.ledger), "state": store(|moment| moment.state),
            "memory_mib_per_hour": slope.map(|slope| slope.mib_per_hour), "memory_mib_per_hour_error": slope.map(|slope| slope.error),
            "looks": looks.collect::<Vec<_>>(),
        })
    }
}

impl std::fmt::Display for Slope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:+.1} ± {:.1} MiB per hour",
            self.mib_per_hour, self.error
        )
    }
}

const STORES: [(&str, fn(&Moment) -> Store); 2] = [
    ("ledger", |moment| moment.ledger),
    ("state", |moment| moment.state),
];

/// Seconds and MiB.
fn slope(looks: impl Iterator<Item = (f64, f64)>) -> Option<Slope> {
    let looks: Vec<_> = looks.collect();
    let n = count(looks.len());
    if n < 10.0 {
        return None;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| looks.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|look| look.0), mean(|look| look.1));
    let spread: f64 = looks.iter().map(|look| (look.0 - x).powi(2)).sum();
    let joint: f64 = looks.iter().map(|look| (look.0 - x) * (look.1 - y)).sum();
    let slope = joint / spread;
    let rest = |look: &(f64, f64)| (look.1 - y - slope * (look.0 - x)).powi(2);
    let error = (looks.iter().map(rest).sum::<f64>() / (n - 2.0) / spread).sqrt();
    Some(Slope {
        mib_per_hour: 3_600.0 * slope,
        error: 3_600.0 * error,
    })
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds of a server of four processors.
    fn seen(change: impl Fn(f64, &mut Moment)) -> Seen {
        let moments = (0..=10).map(|second| {
            let at_s = f64::from(second);
            let mut moment = Moment {
                at_s,
                server_cpu_s: Some(at_s),
                generator_cpu_s: Some(0.5 * at_s),
                resident_mib: 100.0,
                ..Moment::default()
            };
            moment.ledger = Store {
                commits: 300.0 * at_s,
                syncs: 100.0 * at_s,
                seconds: 0.2 * at_s,
            };
            change(at_s, &mut moment);
            moment
        });
        Seen {
            moments: moments.collect(),
            processors: 4,
        }
    }

    #[test]
    fn whoever_could_not_do_more_is_named() {
        assert!(seen(|_, _| ()).limit(0.0).starts_with("nobody"));
        assert!(seen(|_, _| ()).limit(1.1).starts_with("the generator"));
        let busy = seen(|at, moment| moment.server_cpu_s = Some(3.2 * at));
        assert!(busy.limit(0.0).starts_with("the processors: 3.2 of 4"));
        let slow = seen(|at, moment| moment.ledger.seconds = 0.9 * at);
        assert_eq!(
            slow.limit(0.0),
            "the disk: the ledger wrote and synced for 90 % of the time"
        );
        let full = seen(|at, moment| moment.exchanges.waiting = at);
        assert!(full.limit(0.0).starts_with("the places"));
        let once = seen(|at, moment| moment.exchanges.waiting = if at > 8.0 { 5.0 } else { 0.0 });
        assert!(once.limit(0.0).starts_with("nobody"));
    }

    #[test]
    fn commits_are_told_by_the_sync() {
        let text = seen(|_, _| ()).markdown(0.0);
        assert!(text.contains("| ledger | 3.0 | 2.00 | 20 % |"), "{text}");
    }

    #[test]
    fn memory_that_grows_too_fast_fails_the_run_and_so_does_a_short_one() {
        let growing = |by: f64| {
            let mut grown = seen(|_, _| ());
            grown.moments = (0..60)
                .map(|second| Moment {
                    at_s: f64::from(second),
                    resident_mib: 100.0 + by * f64::from(second) / 3_600.0,
                    ..Moment::default()
                })
                .collect();
            grown
        };
        assert_eq!(growing(90.0).judge_memory(100.0), Ok(()));
        let grown = growing(110.0).judge_memory(100.0).unwrap_err();
        assert!(grown.contains("+110.0 ± 0.0 MiB per hour"), "{grown}");
        assert!(seen(|_, _| ()).judge_memory(100.0).is_err());
    }

    #[test]
    fn the_slope_of_the_memory_is_that_of_its_line_and_its_error_grows_with_the_noise() {
        let line = |noise: f64| {
            let noise = move |second: u32| {
                if second.is_multiple_of(2) {
                    noise
                } else {
                    -noise
                }
            };
            let looks = (0..100).map(move |second| {
                (
                    f64::from(second),
                    100.0 + 0.01 * f64::from(second) + noise(second),
                )
            });
            slope(looks).unwrap()
        };
        assert!((line(0.0).mib_per_hour - 36.0).abs() < 1e-6);
        assert!(line(0.0).error < 1e-6);
        let noisy = line(1.0);
        assert!(noisy.error > 1.0 && (noisy.mib_per_hour - 36.0).abs() < 3.0 * noisy.error);
        assert_eq!(slope((0..9).map(|second| (f64::from(second), 1.0))), None);
    }
}
