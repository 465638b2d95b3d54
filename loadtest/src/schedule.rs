//! When calls are meant to begin: shapes of the rate over time, and arrivals in step or at random.

use std::time::Duration;

use clap::ValueEnum;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// How the rate changes during a run. The rate that the user names is the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// The same rate all the time
    Constant,
    /// From nothing up to the rate
    Ramp,
    /// Four steps of equal length: a quarter, a half, three quarters, all of it
    Steps,
    /// A fifth of the rate; in the middle fifth of the time, all of it
    Spike,
}

/// How calls follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arrivals {
    /// As people come who know nothing of each other
    Poisson,
    /// In step
    Even,
}

/// When calls are meant to begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) shape: Shape,
    pub(crate) arrivals: Arrivals,
    /// The highest rate, in calls per second.
    pub(crate) rate: f64,
    pub(crate) length: Duration,
    /// Decides the arrivals at random: the same seed, the same arrivals.
    pub(crate) seed: u64,
}

/// A piece of time in which the rate changes evenly.
#[derive(Debug, Clone, Copy)]
struct Piece {
    length_s: f64,
    from: f64,
    to: f64,
}

impl Piece {
    /// The calls of the whole piece.
    fn calls(self) -> f64 {
        self.length_s * f64::midpoint(self.from, self.to)
    }

    /// Seconds after which this many calls are due.
    fn seconds_until(self, calls: f64) -> f64 {
        let slope = (self.to - self.from) / self.length_s;
        // The root that stays exact where the slope is nothing.
        let root = (self.from * self.from + 2.0 * slope * calls)
            .max(0.0)
            .sqrt();
        let speed = self.from + root;
        if speed > 0.0 {
            2.0 * calls / speed
        } else {
            0.0
        }
    }
}

impl Schedule {
    /// The times from the beginning of the run, in order.
    pub(crate) fn starts(self) -> impl Iterator<Item = Duration> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let pieces = self.pieces();
        let mut due = 0.0;
        std::iter::from_fn(move || {
            due += match self.arrivals {
                Arrivals::Even => 1.0,
                // A draw is below 1, so that the logarithm is of more than nothing.
                Arrivals::Poisson => -(1.0 - random.random::<f64>()).ln(),
            };
            seconds_until(&pieces, due).map(Duration::from_secs_f64)
        })
    }

    fn pieces(self) -> Vec<Piece> {
        let piece = |share: f64, from: f64, to: f64| Piece {
            length_s: self.length.as_secs_f64() * share,
            from: self.rate * from,
            to: self.rate * to,
        };
        match self.shape {
            Shape::Constant => vec![piece(1.0, 1.0, 1.0)],
            Shape::Ramp => vec![piece(1.0, 0.0, 1.0)],
            Shape::Steps => [0.25, 0.5, 0.75, 1.0]
                .map(|step| piece(0.25, step, step))
                .to_vec(),
            Shape::Spike => vec![
                piece(0.4, 0.2, 0.2),
                piece(0.2, 1.0, 1.0),
                piece(0.4, 0.2, 0.2),
            ],
        }
    }
}

/// Seconds after which this many calls are due; nothing when the run is over before.
fn seconds_until(pieces: &[Piece], mut calls: f64) -> Option<f64> {
    let mut passed = 0.0;
    for piece in pieces {
        if calls <= piece.calls() {
            return Some(passed + piece.seconds_until(calls));
        }
        calls -= piece.calls();
        passed += piece.length_s;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedules() -> impl Strategy<Value = Schedule> {
        let shapes = proptest::sample::select(Shape::value_variants());
        let arrivals = proptest::sample::select(Arrivals::value_variants());
        (shapes, arrivals, 1.0..2_000.0, 1_u64..20, any::<u64>()).prop_map(
            |(shape, arrivals, rate, seconds, seed)| Schedule {
                shape,
                arrivals,
                rate,
                length: Duration::from_secs(seconds),
                seed,
            },
        )
    }

    proptest! {
        #[test]
        fn calls_are_in_order_and_inside_the_run(schedule in schedules()) {
            let starts: Vec<_> = schedule.starts().collect();
            prop_assert!(starts.is_sorted());
            prop_assert!(starts.iter().all(|start| *start <= schedule.length + Duration::from_micros(1)));
        }

        #[test]
        fn as_many_calls_are_sent_as_the_shape_means(schedule in schedules()) {
            let sent = f64::from(u32::try_from(schedule.starts().count()).unwrap());
            let meant: f64 = schedule.pieces().into_iter().map(Piece::calls).sum();
            let spread = match schedule.arrivals {
                Arrivals::Even => 1.0,
                Arrivals::Poisson => 7.0 * meant.sqrt() + 7.0,
            };
            prop_assert!((sent - meant).abs() <= spread, "{sent} sent, {meant} meant");
        }

        #[test]
        fn the_same_seed_gives_the_same_arrivals(schedule in schedules()) {
            prop_assert!(schedule.starts().eq(schedule.starts()));
        }
    }

    #[test]
    fn a_spike_is_five_times_as_dense_in_the_middle() {
        let spike = Schedule {
            shape: Shape::Spike,
            arrivals: Arrivals::Even,
            rate: 100.0,
            length: Duration::from_secs(10),
            seed: 0,
        };
        let within = |from: u64, to: u64| {
            let range = Duration::from_secs(from)..Duration::from_secs(to);
            spike.starts().filter(|start| range.contains(start)).count()
        };
        assert!((199..=201).contains(&within(4, 6)));
        assert!((39..=41).contains(&within(1, 3)));
    }
}
