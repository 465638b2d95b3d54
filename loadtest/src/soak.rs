//! Whether the server's memory grows over a long run: a line through the looks, with the uncertainty of its slope.

use std::fmt;

use crate::metrics::Look;

/// The share of a run, at its beginning, that is left out: caches fill then.
const WARM_UP: f64 = 0.2;

/// Seconds of an hour.
const HOUR_S: f64 = 3_600.0;

/// Standard errors on either side that hold the true slope in about 95 % of runs, if looks did not depend on one another.
const ERRORS: f64 = 2.0;

/// How fast memory grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    pub(crate) mib_per_hour: f64,
    /// The true slope lies within this, on either side.
    pub(crate) uncertain: f64,
}

impl fmt::Display for Slope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mib_per_hour,
            uncertain,
        } = self;
        write!(f, "{mib_per_hour:.1} ± {uncertain:.1} MiB per hour")
    }
}

impl Slope {
    /// Of the looks after the warm-up, by least squares; nothing where fewer than three are left.
    pub(crate) fn of(looks: &[Look]) -> Option<Self> {
        let from_s = looks.last()?.at_s * WARM_UP;
        let looks = looks.iter().filter(|look| look.at_s >= from_s);
        let points: Vec<_> = looks
            .map(|look| (look.at_s / HOUR_S, look.resident_mib))
            .collect();
        least_squares(&points)
    }

    /// Whether it is certain that memory grows by at most `mib_per_hour`. What is not certain does not hold.
    pub(crate) fn holds(self, mib_per_hour: f64) -> bool {
        self.mib_per_hour + self.uncertain <= mib_per_hour
    }
}

fn least_squares(points: &[(f64, f64)]) -> Option<Slope> {
    if points.len() < 3 {
        return None;
    }
    let count = f64::from(u32::try_from(points.len()).ok()?);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    let together: f64 = points
        .iter()
        .map(|(x, y)| (x - x_mean) * (y - y_mean))
        .sum();
    if spread <= 0.0 {
        return None;
    }
    let slope = together / spread;
    let rest: f64 = points
        .iter()
        .map(|(x, y)| (y - y_mean - slope * (x - x_mean)).powi(2))
        .sum();
    Some(Slope {
        mib_per_hour: slope,
        uncertain: ERRORS * (rest / (count - 2.0) / spread).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn looks(memory: impl Fn(f64) -> f64) -> Vec<Look> {
        (0..600)
            .map(f64::from)
            .map(|at_s| Look {
                at_s,
                resident_mib: memory(at_s),
                ..Look::default()
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_straight_line_has_its_slope_whatever_the_warm_up_did(mib_per_hour in -500.0..500.0_f64, warm_up in 0.0..900.0_f64) {
            let line = |at_s: f64| if at_s < 100.0 { warm_up } else { 200.0 + mib_per_hour * at_s / HOUR_S };
            let slope = Slope::of(&looks(line)).unwrap();
            prop_assert!((slope.mib_per_hour - mib_per_hour).abs() < 1e-6, "{slope:?}");
            prop_assert!(slope.uncertain < 1e-3, "{slope:?}");
        }
    }

    #[test]
    fn a_leak_under_a_wobble_is_found_and_a_wobble_alone_is_no_leak() {
        let wobble = |at_s: f64| 3.0 * (at_s * 1.7).sin();
        let leak = Slope::of(&looks(|at_s| 100.0 + at_s / 60.0 + wobble(at_s))).unwrap();
        assert!(
            (leak.mib_per_hour - 60.0).abs() < leak.uncertain,
            "{leak:?}"
        );
        assert!(!leak.holds(50.0));
        let level = Slope::of(&looks(wobble)).unwrap();
        assert!(level.holds(20.0), "{level:?}");
    }

    #[test]
    fn a_run_of_a_moment_says_nothing_of_its_memory() {
        assert_eq!(Slope::of(&looks(|_| 1.0)[..2]), None);
        assert_eq!(Slope::of(&[]), None);
    }
}
