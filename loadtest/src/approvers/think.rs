//! How long a member of the staff looks at a request.

use std::{fmt, str::FromStr, time::Duration};

use rand::{Rng as _, rngs::StdRng};

/// The longest time to think.
const THINK_MAX: Duration = Duration::from_secs(3_600);

/// A time to think, and how far it is from it at most; all in between are equally likely. It is real time: the world's
/// clock does not shorten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThinkTime {
    mean: Duration,
    spread: Duration,
}

impl ThinkTime {
    pub(crate) fn mean(self) -> Duration {
        self.mean
    }

    pub(crate) fn draw(self, random: &mut StdRng) -> Duration {
        let least = self.mean.saturating_sub(self.spread);
        random.random_range(least..=self.mean + self.spread)
    }
}

impl fmt::Display for ThinkTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, spread } = self;
        if spread.is_zero() {
            write!(f, "{mean:?}")
        } else {
            write!(f, "{mean:?}±{spread:?}")
        }
    }
}

impl FromStr for ThinkTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no time to think: write `20s`, `20s±5s` or `200ms+-50ms`, at most an hour and no spread beyond the time"
            )
        };
        let parts = text.split_once('±').or_else(|| text.split_once("+-"));
        let (mean, spread) = match parts {
            Some((mean, spread)) => (time(mean), time(spread)),
            None => (time(text), Some(Duration::ZERO)),
        };
        match mean.zip(spread) {
            Some((mean, spread)) if mean <= THINK_MAX && spread <= mean => {
                Ok(Self { mean, spread })
            }
            Some(_) | None => Err(wrong()),
        }
    }
}

fn time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s')?, 1.0),
    };
    let number: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn every_time_is_within_the_spread_and_they_differ() {
        let think: ThinkTime = "20s±5s".parse().unwrap();
        let mut random = StdRng::seed_from_u64(1);
        let drawn: Vec<_> = (0..1_000).map(|_| think.draw(&mut random)).collect();
        let seconds = |seconds| Duration::from_secs(seconds);
        assert!(
            drawn
                .iter()
                .all(|of| (seconds(15)..=seconds(25)).contains(of))
        );
        assert!(
            drawn.iter().any(|of| *of < seconds(16)) && drawn.iter().any(|of| *of > seconds(24))
        );
    }

    #[test]
    fn a_time_reads_what_it_writes() {
        for text in ["20s", "20s±5s", "200ms±50ms", "1.5s"] {
            assert_eq!(text.parse::<ThinkTime>().unwrap().to_string(), text);
        }
        assert_eq!("20s+-5s".parse::<ThinkTime>(), "20s±5s".parse());
    }

    #[test]
    fn a_time_without_unit_a_spread_beyond_it_or_more_than_an_hour_is_refused() {
        for wrong in [
            "", "20", "20s±21s", "3601s", "-1s", "s", "20m", "NaNs", "20s±",
        ] {
            assert!(wrong.parse::<ThinkTime>().is_err(), "{wrong}");
        }
    }
}
