//! The histograms that the writers of ledger and state count themselves, as Prometheus reads them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use crate::{
    ledger::{Counted, Pace},
    world::World,
};

/// Microseconds of a second.
const SECOND_US: f64 = 1_000_000.0;

/// A histogram: its name, what it says, and what one of its numbers is.
type Named = (&'static str, &'static str, f64);

const NAMED: [Named; 6] = [
    (
        "chukan_ledger_commit_seconds",
        "Seconds from the handing over of a commit to the ledger until it is answered, by world",
        SECOND_US,
    ),
    (
        "chukan_ledger_group_entries",
        "Entries that one sync of the ledger made durable, by world",
        1.0,
    ),
    (
        "chukan_ledger_sync_seconds",
        "Seconds of one fdatasync of the ledger, by world",
        SECOND_US,
    ),
    (
        "chukan_state_commit_seconds",
        "Seconds from the handing over of a batch to the state until it is answered, by world",
        SECOND_US,
    ),
    (
        "chukan_state_group_batches",
        "Batches that one sync of the state made durable, by world",
        1.0,
    ),
    (
        "chukan_state_sync_seconds",
        "Seconds of one fdatasync of the state, by world",
        SECOND_US,
    ),
];

/// What the worlds have counted when they were last looked at.
#[derive(Default)]
pub(super) struct Paces(Mutex<BTreeMap<String, [Counted; NAMED.len()]>>);

impl Paces {
    /// Takes over what a world has counted.
    pub(super) fn take(&self, world: &World) {
        let of =
            |pace: &Pace| [&pace.commits_us, &pace.group, &pace.syncs_us].map(|of| of.counted());
        let [a, b, c] = of(world.records().ledger().pace());
        let [d, e, f] = of(world.state_pace());
        let name = world.name().as_str().to_owned();
        let mut worlds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        worlds.insert(name, [a, b, c, d, e, f]);
    }

    /// The histograms in the text format of Prometheus.
    pub(super) fn render(&self) -> String {
        let worlds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing to a string does not fail.
            let _infallible = writeln!(text, "{line}");
        };
        for (place, (name, help, unit)) in NAMED.iter().enumerate() {
            line(format_args!(
                "# HELP {name} {help}\n# TYPE {name} histogram"
            ));
            for (world, counted) in &*worlds {
                let Some(Counted {
                    at_most,
                    count,
                    sum,
                }) = counted.get(place)
                else {
                    continue;
                };
                for (bound, count) in at_most {
                    let bound = in_unit(*bound, *unit);
                    line(format_args!(
                        "{name}_bucket{{world=\"{world}\",le=\"{bound}\"}} {count}"
                    ));
                }
                let sum = in_unit(*sum, *unit);
                line(format_args!(
                    "{name}_bucket{{world=\"{world}\",le=\"+Inf\"}} {count}\n\
                     {name}_sum{{world=\"{world}\"}} {sum}\n{name}_count{{world=\"{world}\"}} {count}"
                ));
            }
        }
        text
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus reads floats")]
fn in_unit(number: u64, unit: f64) -> f64 {
    number as f64 / unit
}
