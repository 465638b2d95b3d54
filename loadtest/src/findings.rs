//! What an open run found: whether it can be relied on, and its text, JSON and JUnit.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use crate::{
    Fault,
    account::{Account, milliseconds, percent},
    approvers::Decisions,
    conversation::Compared,
    gate::{Figures as _, Gate},
    kinds_report,
    run::Run,
};

/// The percentiles that every report shows.
pub(crate) const PERCENTILES: [f64; 6] = [50.0, 90.0, 99.0, 99.9, 99.99, 100.0];

/// How many processors were busy; nothing where the system does not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processors {
    pub(crate) server: Option<f64>,
    pub(crate) generator: Option<f64>,
}

/// Seconds of processor time of server and generator.
type Used = (Option<f64>, Option<f64>);

impl Processors {
    pub(crate) fn between(before: Used, after: Used, took: Duration) -> Self {
        let busy =
            |before: Option<f64>, after: Option<f64>| Some((after? - before?) / took.as_secs_f64());
        Self {
            server: busy(before.0, after.0),
            generator: busy(before.1, after.1),
        }
    }
}

/// What an open run found.
#[derive(Debug, Clone)]
pub(crate) struct Findings {
    pub(crate) account: Account,
    pub(crate) processors: Processors,
    /// What was compared after the run.
    pub(crate) compared: Compared,
    /// What the synthetic staff did, where there was one.
    pub(crate) decisions: Option<Decisions>,
    /// Why the run ended before its time, where people ran out.
    pub(crate) ran_out: Option<String>,
    /// Exchanges of the run that the inquirer has a record of, and all whose three records differ.
    pub(crate) records: u64,
    pub(crate) disagree: u64,
    /// What the verification of the ledger said.
    pub(crate) ledger: String,
}

impl Findings {
    /// Why the run cannot be relied on, or the server did wrong.
    pub(crate) fn flaws(&self) -> Vec<String> {
        let account = &self.account;
        let mut flaws = account.flaws();
        for (kind, (compared, differ)) in &self.compared.of {
            if *differ > 0 {
                let kind = kind.name();
                flaws.push(format!(
                    "{differ} of {compared} compared answers of {kind} are not what the server holds"
                ));
            }
        }
        if self.disagree > 0 {
            flaws.push(format!("the records of {} exchanges differ", self.disagree));
        }
        let ended = account.exchanges;
        // What waits or failed may have a record or none.
        let open = account.exchanges_open;
        if !(ended..=ended + open).contains(&self.records) {
            flaws.push(format!(
                "{ended} exchanges ended, but {} are recorded",
                self.records
            ));
        }
        flaws
    }

    /// Everything that was compared.
    pub(crate) fn compared(&self) -> u64 {
        self.compared
            .of
            .values()
            .map(|(compared, _)| compared)
            .sum()
    }

    /// What differs of it.
    pub(crate) fn differ(&self) -> u64 {
        self.compared.of.values().map(|(_, differ)| differ).sum()
    }

    /// Whether the run can be relied on and passes its gates.
    pub(crate) fn verdict(&self, gates: &[Gate]) -> Result<(), Fault> {
        let mut against = self.flaws();
        for gate in gates {
            let (found, passes) = gate.judge(&self.account);
            if !passes {
                against.push(format!("{gate} does not hold: {found:.3}"));
            }
        }
        if against.is_empty() {
            Ok(())
        } else {
            Err(against.join("; ").into())
        }
    }

    pub(crate) fn markdown(&self, run: &Run) -> String {
        let account = &self.account;
        let mut text = String::from("# Run of whole conversations\n\n");
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing to a string does not fail.
            let _infallible = writeln!(text, "{line}");
        };
        line(format_args!(
            "{}, seed {}, {} connections, {}; {} people, drawn {}{}.\n",
            run.offered(),
            run.seed,
            run.connections,
            run.whom.mix,
            run.people,
            run.whom.people_drawn,
            if run.whom.repeat_people {
                ", again and again"
            } else {
                ", nobody twice"
            },
        ));
        line(format_args!(
            "| ms | p50 | p90 | p99 | p99.9 | p99.99 | max |\n|---|---:|---:|---:|---:|---:|---:|"
        ));
        for (name, times) in [
            ("from the intended start", &account.latency),
            ("service", &account.service),
        ] {
            let cells = PERCENTILES
                .map(|at| format!("{:.2}", milliseconds(times.value_at_quantile(at / 100.0))));
            line(format_args!("| {name} | {} |", cells.join(" | ")));
        }
        line(format_args!(
            "\n{} sent = {} answered + {} refused + {} waiting + {} failed; {:.1} ended per second.",
            account.sent,
            account.answered(),
            account.refused(),
            account.waiting,
            account.failed(),
            account.rate()
        ));
        for (kind, count) in &account.failed {
            line(format_args!("- failed, {kind}: {count}"));
        }
        line(format_args!("{}", kinds_report::markdown(self, run)));
        line(format_args!(
            "Late in the generator: {:.2} %. Processors busy: server {}, generator {}.",
            percent(account.slipped, account.sent),
            busy(self.processors.server),
            busy(self.processors.generator)
        ));
        line(format_args!(
            "{} answers compared, {} differ. {} exchanges recorded, {} differ between the three sides. Ledger: {}",
            self.compared(),
            self.differ(),
            self.records,
            self.disagree,
            self.ledger
        ));
        if let Some(ran_out) = &self.ran_out {
            line(format_args!("\n**Ended early**: {ran_out}"));
        }
        for flaw in self.flaws() {
            line(format_args!("\n**Invalid**: {flaw}"));
        }
        for gate in &run.gates {
            let (found, passes) = gate.judge(account);
            let verdict = if passes { "holds" } else { "does not hold" };
            line(format_args!("- `{gate}` {verdict}: {found:.3}"));
        }
        text
    }

    pub(crate) fn json(&self, run: &Run) -> Value {
        let account = &self.account;
        let times = |times: &hdrhistogram::Histogram<u64>| {
            let at = |at: f64| {
                (
                    format!("p{at}"),
                    milliseconds(times.value_at_quantile(at / 100.0)),
                )
            };
            PERCENTILES.map(at).into_iter().collect::<BTreeMap<_, _>>()
        };
        let gates = run.gates.iter().map(|gate| {
            let (found, holds) = gate.judge(account);
            json!({ "gate": gate.to_string(), "found": found, "holds": holds })
        });
        let described = describe(run);
        json!({
            "plan": described.get("plan"), "environment": described.get("environment"),
            "account": {
                "sent": account.sent, "answered": account.answered, "refused": account.refused,
                "waiting": account.waiting, "failed": account.failed,
            },
            "latency_ms": times(&account.latency), "service_ms": times(&account.service),
            "ended_per_second": account.rate(),
            "slipped_percent": percent(account.slipped, account.sent),
            "processors_busy": { "server": self.processors.server, "generator": self.processors.generator },
            "answers": { "compared": self.compared(), "differ": self.differ() },
            "kinds": kinds_report::json(self), "rows": self.compared.rows,
            "staff": kinds_report::staff_json(self), "ran_out": self.ran_out,
            "records": { "exchanges": self.records, "disagree": self.disagree, "ledger": self.ledger },
            "flaws": self.flaws(), "gates": gates.collect::<Vec<_>>(),
        })
    }

    /// One test case for each gate, and one for the run itself.
    pub(crate) fn junit(&self, gates: &[Gate]) -> String {
        let flaws = self.flaws();
        let itself = (!flaws.is_empty()).then(|| flaws.join("; "));
        let gates = gates.iter().map(|gate| {
            let (found, passes) = gate.judge(&self.account);
            (
                gate.to_string(),
                (!passes).then(|| format!("found {found:.3}")),
            )
        });
        let cases: Vec<_> = std::iter::once(("the run is valid".to_owned(), itself))
            .chain(gates)
            .collect();
        let failures = cases
            .iter()
            .filter(|(_, failure)| failure.is_some())
            .count();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"loadtest\" tests=\"{}\" failures=\"{failures}\">\n",
            cases.len()
        );
        for (name, failure) in cases {
            let name = escape(&name);
            xml += &match failure {
                Some(why) => format!(
                    "  <testcase name=\"{name}\"><failure message=\"{}\"/></testcase>\n",
                    escape(&why)
                ),
                None => format!("  <testcase name=\"{name}\"/>\n"),
            };
        }
        xml + "</testsuite>\n"
    }
}

/// The plan of a run and the machine it runs on, under `plan` and `environment`.
pub(crate) fn describe(run: &Run) -> Value {
    json!({
        "plan": {
            "shape": format!("{:?}", run.shape), "rate": run.rate, "seconds": run.seconds,
            "arrivals": format!("{:?}", run.arrivals), "seed": run.seed, "people": run.people,
            "mix": run.whom.mix.to_string(), "people_drawn": run.whom.people_drawn.to_string(),
            "repeat_people": run.whom.repeat_people, "provider": run.whom.provider,
            "batch_rows": run.whom.batch_rows, "replica_rows": run.whom.replica_rows, "closed": run.closed,
            "approvers": run.staffed.approvers, "clerks": run.staffed.clerks,
            "think_time": run.staffed.think_time.to_string(), "patience_s": run.staffed.patience_s,
            "connections": run.connections,
            "timeout_ms": run.timeout_ms, "under_way": run.under_way,
        },
        "environment": {
            "version": env!("CARGO_PKG_VERSION"), "os": std::env::consts::OS,
            "architecture": std::env::consts::ARCH, "debug_build": cfg!(debug_assertions),
            "processors": std::thread::available_parallelism().map_or(0, usize::from),
        },
    })
}

fn busy(processors: Option<f64>) -> String {
    processors.map_or_else(|| "unknown".into(), |busy| format!("{busy:.2}"))
}

/// Text for XML and HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::{End, Sample},
        mix::Kind,
    };

    fn found(records: u64, differ: u64, disagree: u64) -> Findings {
        let mut account = Account::open().unwrap();
        for end in [End::Answered("01".into()), End::Failed("timeout".into())] {
            account.send(Kind::Inquiry, Duration::ZERO).unwrap();
            let millisecond = Duration::from_millis(1);
            account
                .enter(Sample {
                    kind: Kind::Inquiry,
                    exchanges: 1,
                    intended: Duration::ZERO,
                    slip: Duration::ZERO,
                    latency: millisecond,
                    service: millisecond,
                    end,
                })
                .unwrap();
        }
        account.took = Duration::from_secs(1);
        Findings {
            account,
            processors: Processors {
                server: None,
                generator: None,
            },
            compared: Compared {
                of: [(Kind::Inquiry, (1, differ))].into(),
                ..Compared::default()
            },
            decisions: None,
            ran_out: None,
            records,
            disagree,
            ledger: "whole".into(),
        }
    }

    #[test]
    fn a_wrong_answer_or_a_record_that_differs_is_missing_or_too_many_fails_the_run() {
        for wrong in [
            found(1, 1, 0),
            found(1, 0, 1),
            found(0, 0, 0),
            found(3, 0, 0),
        ] {
            assert!(wrong.verdict(&[]).is_err());
        }
    }

    #[test]
    fn a_conversation_without_a_known_end_may_have_a_record_or_none() {
        assert!(found(1, 0, 0).verdict(&[]).is_ok());
        assert!(found(2, 0, 0).verdict(&[]).is_ok());
    }

    #[test]
    fn a_gate_that_does_not_hold_fails_the_run_and_its_test_case() {
        let gates = ["p99<1s".parse().unwrap(), "errors<1%".parse().unwrap()];
        assert!(found(1, 0, 0).verdict(&gates).is_err());
        let xml = found(1, 0, 0).junit(&gates);
        assert!(xml.contains("tests=\"3\" failures=\"1\""), "{xml}");
        assert!(
            xml.contains("errors&lt;1%\"><failure message=\"found 50.000\""),
            "{xml}"
        );
    }
}
