//! Who was the limit of a run: judged from the looks at the server and from the generator's own lateness.

use std::fmt;

use serde_json::{Value, json};

use crate::{
    account::SLIPPED_PERCENT_MAX,
    metrics::{Look, Total, Writer},
};

/// The share of the processors from which on they are the limit.
const BUSY: f64 = 0.9;

/// The share of the time in `fdatasync` from which on the disk is the limit.
const SYNCING: f64 = 0.9;

/// What held a run back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The generator began too late.
    Generator,
    /// All processors of the machine were busy; which of the two took them.
    Processors { mostly_server: bool },
    /// The syncs of the ledger.
    LedgerDisk,
    /// The syncs of the state.
    StateDisk,
    /// Exchanges waited for their turn, and neither processors nor disk were busy.
    Turns,
    /// Nothing: the rate that was asked for was served.
    OfferedRate,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generator => "the generator, which began calls late",
            Self::Processors {
                mostly_server: true,
            } => "the processors, taken mostly by the server",
            Self::Processors {
                mostly_server: false,
            } => "the processors, taken mostly by the generator",
            Self::LedgerDisk => "the disk, in the ledger's syncs",
            Self::StateDisk => "the disk, in the state's syncs",
            Self::Turns => "the server's places for exchanges",
            Self::OfferedRate => "the offered rate: nothing of the server was used up",
        })
    }
}

/// The looks of a run, first to last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks(pub(crate) Vec<Look>);

/// What a writer did during a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) commit_ms: Option<f64>,
    /// What one sync made durable, in the mean.
    pub(crate) group: Option<f64>,
    pub(crate) sync_ms: Option<f64>,
    pub(crate) syncs_per_s: f64,
    /// The share of the time in `fdatasync`.
    pub(crate) syncing: f64,
}

impl Looks {
    fn ends(&self) -> Option<(&Look, &Look)> {
        let (first, last) = (self.0.first()?, self.0.last()?);
        (last.at_s > first.at_s).then_some((first, last))
    }

    /// What a writer did; nothing when there were not two looks.
    pub(crate) fn pace(&self, of: impl Fn(&Look) -> Writer) -> Option<Pace> {
        let (first, last) = self.ends()?;
        let passed_s = last.at_s - first.at_s;
        let grown = |total: fn(&Writer) -> Total| total(&of(last)).since(total(&of(first)));
        let ms = |total: Total| total.mean().map(|seconds| seconds * 1_000.0);
        let syncs = grown(|writer| writer.syncs);
        Some(Pace {
            commit_ms: ms(grown(|writer| writer.commits)),
            group: grown(|writer| writer.groups).mean(),
            sync_ms: ms(syncs),
            syncs_per_s: syncs.count / passed_s,
            syncing: syncs.sum / passed_s,
        })
    }

    /// Processors that server and generator kept busy.
    fn busy(&self) -> Option<(f64, f64)> {
        let (first, last) = self.ends()?;
        let passed_s = last.at_s - first.at_s;
        let server = last.server_cpu_s? - first.server_cpu_s?;
        let generator = last.generator_cpu_s? - first.generator_cpu_s?;
        Some((server / passed_s, generator / passed_s))
    }

    /// The mean and the highest of a length.
    pub(crate) fn length(&self, of: impl Fn(&Look) -> f64) -> (f64, f64) {
        let count = u32::try_from(self.0.len().max(1)).unwrap_or(u32::MAX);
        let sum: f64 = self.0.iter().map(&of).sum();
        let highest = self.0.iter().map(&of).fold(0.0, f64::max);
        (sum / f64::from(count), highest)
    }

    /// Who was the limit, on a machine with so many processors.
    pub(crate) fn limit(&self, slipped_percent: f64, processors: f64) -> Limit {
        if slipped_percent > SLIPPED_PERCENT_MAX {
            return Limit::Generator;
        }
        if let Some((server, generator)) = self.busy()
            && server + generator >= BUSY * processors
        {
            return Limit::Processors {
                mostly_server: server >= generator,
            };
        }
        let syncing =
            |of: fn(&Look) -> Writer| self.pace(of).is_some_and(|pace| pace.syncing >= SYNCING);
        if syncing(|look| look.ledger) {
            return Limit::LedgerDisk;
        }
        if syncing(|look| look.state) {
            return Limit::StateDisk;
        }
        if self.length(|look| look.exchanges_waiting).0 >= 1.0 {
            return Limit::Turns;
        }
        Limit::OfferedRate
    }

    /// Lines of Markdown, behind the verdict.
    pub(crate) fn markdown(&self) -> String {
        let cell = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        let row = |name: &str, pace: Option<Pace>, waiting: (f64, f64)| {
            let pace = pace?;
            Some(format!(
                "| {name} | {} | {} | {} | {:.0} | {:.0} % | {:.1} | {:.0} |\n",
                cell(pace.commit_ms),
                cell(pace.group),
                cell(pace.sync_ms),
                pace.syncs_per_s,
                pace.syncing * 100.0,
                waiting.0,
                waiting.1
            ))
        };
        let ledger = self.length(|look| look.ledger.waiting);
        let state = self.length(|look| look.state.waiting);
        let rows = [
            row("ledger", self.pace(|look| look.ledger), ledger),
            row("state", self.pace(|look| look.state), state),
        ];
        let queue = |name: &str, of: fn(&Look) -> f64| {
            let (mean, highest) = self.length(of);
            format!("{name} {mean:.1} (at most {highest:.0})")
        };
        format!(
            "| writer | commit ms | per sync | sync ms | syncs/s | syncing | waiting | at most |\n|---|---:|---:|---:|---:|---:|---:|---:|\n{}\n\
             In the mean of {} looks: {}, {}, {}.\n",
            rows.into_iter().flatten().collect::<String>(),
            self.0.len(),
            queue("exchanges under way", |look| look.exchanges),
            queue("waiting for their turn", |look| look.exchanges_waiting),
            queue("inquiries waiting to be accepted", |look| look
                .submissions_waiting),
        )
    }

    pub(crate) fn json(&self) -> Value {
        let pace = |pace: Option<Pace>| {
            pace.map(|pace| {
                json!({
                    "commit_ms": pace.commit_ms, "per_sync": pace.group, "sync_ms": pace.sync_ms,
                    "syncs_per_second": pace.syncs_per_s, "syncing": pace.syncing,
                })
            })
        };
        let looks = self.0.iter().map(|look| {
            json!({
                "at_s": look.at_s, "exchanges": look.exchanges, "exchanges_waiting": look.exchanges_waiting,
                "submissions_waiting": look.submissions_waiting, "ledger_waiting": look.ledger.waiting,
                "state_waiting": look.state.waiting, "resident_mib": look.resident_mib,
            })
        });
        json!({
            "ledger": pace(self.pace(|look| look.ledger)), "state": pace(self.pace(|look| look.state)),
            "looks": looks.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds in which server and generator kept so many processors busy, and the ledger synced for so long.
    fn looks(server: f64, generator: f64, syncing_s: f64, waiting: f64) -> Looks {
        let look = |at_s: f64, share: f64| Look {
            at_s,
            server_cpu_s: Some(server * 10.0 * share),
            generator_cpu_s: Some(generator * 10.0 * share),
            ledger: Writer {
                syncs: Total {
                    count: 1_000.0 * share,
                    sum: syncing_s * share,
                },
                ..Writer::default()
            },
            exchanges_waiting: waiting,
            ..Look::default()
        };
        Looks(vec![look(0.0, 0.0), look(10.0, 1.0)])
    }

    #[test]
    fn who_is_used_up_is_the_limit_and_a_late_generator_comes_first() {
        let judge = |looks: Looks, slipped| looks.limit(slipped, 4.0);
        assert_eq!(judge(looks(3.0, 0.9, 9.9, 5.0), 1.1), Limit::Generator);
        assert_eq!(
            judge(looks(3.0, 0.9, 9.9, 5.0), 0.0),
            Limit::Processors {
                mostly_server: true
            }
        );
        assert_eq!(
            judge(looks(1.0, 2.9, 0.0, 0.0), 0.0),
            Limit::Processors {
                mostly_server: false
            }
        );
        assert_eq!(judge(looks(1.0, 0.5, 9.5, 5.0), 0.0), Limit::LedgerDisk);
        assert_eq!(judge(looks(1.0, 0.5, 1.0, 5.0), 0.0), Limit::Turns);
        assert_eq!(judge(looks(1.0, 0.5, 1.0, 0.0), 0.0), Limit::OfferedRate);
    }

    #[test]
    fn without_looks_nothing_of_the_server_is_claimed() {
        assert_eq!(Looks::default().limit(0.0, 4.0), Limit::OfferedRate);
        assert!(Looks::default().pace(|look| look.ledger).is_none());
    }
}
