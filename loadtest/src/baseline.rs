//! Gates drawn from the JSON of an earlier run, so that a run that is worse than it fails.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{Fault, account::precise, gate::Gate};

/// Percentage points by which more conversations may fail than in the baseline.
const ERRORS_MORE: f64 = 0.1;

/// What must be the same in both runs for their figures to be comparable. Seed and version may differ.
const SAME: [&str; 21] = [
    "/plan/shape",
    "/plan/rate",
    "/plan/seconds",
    "/plan/arrivals",
    "/plan/people",
    "/plan/mix",
    "/plan/people_drawn",
    "/plan/repeat_people",
    "/plan/provider",
    "/plan/batch_rows",
    "/plan/replica_rows",
    "/plan/closed",
    "/plan/approvers",
    "/plan/clerks",
    "/plan/think_time",
    "/plan/connections",
    "/plan/timeout_ms",
    "/plan/under_way",
    "/environment/architecture",
    "/environment/processors",
    "/environment/debug_build",
];

/// The gates that a run of `described` (its plan and environment) must pass beside the baseline in `file`; figures may be
/// worse by `allowed` percent.
///
/// # Errors
///
/// When the file cannot be read, is no JSON of a run, was invalid itself, or is about a run that was planned differently.
pub(crate) fn read(file: &Path, described: &Value, allowed: f64) -> Result<Vec<Gate>, Fault> {
    let named = |fault: &dyn std::fmt::Display| format!("baseline {}: {fault}", file.display());
    let text = fs::read_to_string(file).map_err(|fault| named(&fault))?;
    let baseline = serde_json::from_str(&text).map_err(|fault| named(&fault))?;
    gates(&baseline, described, allowed).map_err(|fault| named(&fault).into())
}

fn gates(baseline: &Value, described: &Value, allowed: f64) -> Result<Vec<Gate>, String> {
    for place in SAME {
        let (then, now) = (baseline.pointer(place), described.pointer(place));
        if then != now {
            let show = |value: Option<&Value>| value.map_or("absent".into(), Value::to_string);
            return Err(format!(
                "{place} is {} there and {} in this run, so that they cannot be compared",
                show(then),
                show(now)
            ));
        }
    }
    match baseline.pointer("/flaws").and_then(Value::as_array) {
        Some(flaws) if flaws.is_empty() => {}
        Some(_) => return Err("that run was invalid itself; its /flaws say why".into()),
        None => return Err("/flaws is missing: write the file with --json".into()),
    }
    let number = |place: &str| {
        let number = baseline.pointer(place).and_then(Value::as_f64);
        number.ok_or_else(|| format!("{place} is no number"))
    };
    let worse = 1.0 + allowed / 100.0;
    let mut texts = Vec::new();
    for percentile in ["p50", "p90", "p99"] {
        let then = number(&format!("/latency_ms/{percentile}"))?;
        texts.push(format!("{percentile}<{:.3}ms", then * worse));
    }
    texts.push(format!("rate>{:.3}", number("/ended_per_second")? / worse));
    let sent = number("/account/sent")?;
    let failed = baseline
        .pointer("/account/failed")
        .and_then(Value::as_object)
        .ok_or("/account/failed is missing")?;
    let failed: u64 = failed.values().filter_map(Value::as_u64).sum();
    let errors = precise(failed) * 100.0 / sent.max(1.0);
    texts.push(format!("errors<{:.3}%", errors + ERRORS_MORE));
    texts.iter().map(|text| text.parse()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gate::Figures;

    /// A run whose latency, errors and rate are all this.
    struct Found(f64, f64, f64);

    impl Figures for Found {
        fn latency_ms(&self, _: f64) -> f64 {
            self.0
        }

        fn errors_percent(&self) -> f64 {
            self.1
        }

        fn rate(&self) -> f64 {
            self.2
        }
    }

    fn baseline() -> Value {
        json!({
            "plan": {
                "shape": "Constant", "rate": 100.0, "seconds": 10, "arrivals": "Poisson", "people": 50,
                "mix": "inquiry=1", "people_drawn": "uniform", "repeat_people": false, "provider": null,
                "batch_rows": 100, "replica_rows": 1_000, "closed": null, "approvers": 0, "clerks": null,
                "think_time": "20s±5s", "connections": 8, "timeout_ms": 1_000, "under_way": 64,
            },
            "environment": { "architecture": "x86_64", "processors": 4, "debug_build": false },
            "account": { "sent": 1_000, "failed": { "timeout": 2 } },
            "latency_ms": { "p50": 10.0, "p90": 10.0, "p99": 10.0 },
            "ended_per_second": 100.0, "flaws": [],
        })
    }

    fn holds(found: &Found) -> usize {
        let gates = gates(&baseline(), &baseline(), 25.0).unwrap();
        gates.iter().filter(|gate| gate.judge(found).1).count()
    }

    #[test]
    fn the_baseline_itself_and_what_is_a_little_worse_pass() {
        assert_eq!(holds(&Found(10.0, 0.2, 100.0)), 5);
        assert_eq!(holds(&Found(12.4, 0.29, 80.1)), 5);
    }

    #[test]
    fn each_figure_that_is_much_worse_fails_its_own_gates() {
        assert_eq!(holds(&Found(12.6, 0.2, 100.0)), 2);
        assert_eq!(holds(&Found(10.0, 0.4, 100.0)), 4);
        assert_eq!(holds(&Found(10.0, 0.2, 79.0)), 4);
    }

    #[test]
    fn a_run_of_another_plan_or_machine_is_no_baseline() {
        for place in SAME {
            let mut other = baseline();
            *other.pointer_mut(place).unwrap() = json!("other");
            let refused = gates(&other, &baseline(), 25.0).unwrap_err();
            assert!(refused.contains(place), "{refused}");
        }
    }

    #[test]
    fn an_invalid_run_or_one_without_figures_is_no_baseline() {
        for (place, wrong) in [
            ("/flaws", json!(["late"])),
            ("/flaws", json!(null)),
            ("/latency_ms/p99", json!(null)),
            ("/ended_per_second", json!("100")),
            ("/account/failed", json!(0)),
        ] {
            let mut other = baseline();
            *other.pointer_mut(place).unwrap() = wrong;
            assert!(gates(&other, &baseline(), 25.0).is_err(), "{place}");
        }
    }
}
