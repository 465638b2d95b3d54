//! Gates: what a run must reach, such as `p99<200ms` or `errors<0.1%`.

use std::{fmt, str::FromStr};

use clap::ValueEnum as _;

use crate::mix::Kind;

/// What a gate looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Figure {
    /// A percentile of the latency from the intended start, in milliseconds.
    PercentileMs(f64),
    /// The share of calls that failed, in percent.
    ErrorsPercent,
    /// Conversations that ended per second.
    Rate,
}

/// The side of the limit that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Above,
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gate {
    /// Of one kind only, or of the whole run.
    kind: Option<Kind>,
    figure: Figure,
    side: Side,
    limit: f64,
    text: String,
}

/// What gates look at; a run has these figures.
pub(crate) trait Figures {
    /// A percentile (0 to 100) of the latency from the intended start, in milliseconds.
    fn latency_ms(&self, percentile: f64) -> f64;
    /// Failed calls in percent of all that were sent.
    fn errors_percent(&self) -> f64;
    /// Conversations that ended per second.
    fn rate(&self) -> f64;
    /// The same figures of one kind of conversation, where there were any.
    fn of_kind(&self, _kind: Kind) -> Option<&Self> {
        None
    }
}

impl Gate {
    /// What was found, and whether the gate lets it pass. What cannot be measured does not pass.
    pub(crate) fn judge(&self, figures: &impl Figures) -> (f64, bool) {
        let found = match self.kind {
            None => self.find(figures),
            Some(kind) => figures.of_kind(kind).map_or(f64::NAN, |of| self.find(of)),
        };
        let passes = match self.side {
            Side::Below => found < self.limit,
            Side::Above => found > self.limit,
        };
        (found, passes)
    }

    fn find(&self, figures: &impl Figures) -> f64 {
        match self.figure {
            Figure::PercentileMs(percentile) => figures.latency_ms(percentile),
            Figure::ErrorsPercent => figures.errors_percent(),
            Figure::Rate => figures.rate(),
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no gate: write `p99<200ms`, `max<2s`, `errors<0.1%`, `rate>100` or `batch.max<60s`"
            )
        };
        let at = text.find(['<', '>']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        // A percentile has a point too: `inquiry.p99.9`.
        let of_kind = name.trim().split_once('.');
        let of_kind =
            of_kind.and_then(|(kind, name)| Some((Kind::from_str(kind, false).ok()?, name)));
        let (kind, name) = of_kind.map_or((None, name), |(kind, name)| (Some(kind), name));
        let side = if rest.starts_with('<') {
            Side::Below
        } else {
            Side::Above
        };
        let limit = rest.trim_start_matches(['<', '>']).trim();
        let (figure, limit) = match name.trim() {
            "errors" => (
                Figure::ErrorsPercent,
                limit.strip_suffix('%').and_then(number),
            ),
            "rate" => (Figure::Rate, number(limit)),
            "max" => (Figure::PercentileMs(100.0), milliseconds(limit)),
            other => {
                let percentile = other.strip_prefix('p').and_then(number).ok_or_else(wrong)?;
                (Figure::PercentileMs(percentile), milliseconds(limit))
            }
        };
        let limit = limit.ok_or_else(wrong)?;
        match figure {
            Figure::PercentileMs(percentile) if percentile > 100.0 => Err(wrong()),
            Figure::PercentileMs(_) | Figure::ErrorsPercent | Figure::Rate => Ok(Self {
                kind,
                figure,
                side,
                limit,
                text: text.to_owned(),
            }),
        }
    }
}

/// A number that can be a limit: not negative, and finite.
fn number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn milliseconds(text: &str) -> Option<f64> {
    match text.strip_suffix("ms") {
        Some(ms) => number(ms),
        None => text.strip_suffix('s').and_then(number).map(|s| s * 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Run;

    impl Figures for Run {
        fn latency_ms(&self, percentile: f64) -> f64 {
            percentile * 2.0
        }

        fn errors_percent(&self) -> f64 {
            0.1
        }

        fn rate(&self) -> f64 {
            50.0
        }
    }

    fn passes(gate: &str) -> bool {
        gate.parse::<Gate>().unwrap().judge(&Run).1
    }

    #[test]
    fn a_limit_without_its_unit_or_a_strange_figure_is_no_gate() {
        for wrong in [
            "",
            "p99",
            "p99<200",
            "p101<1ms",
            "q9<1ms",
            "errors<1",
            "rate>-1",
            "rate>NaN",
            "p<1ms",
            "max<<ms",
            "post.p99<1ms",
            "inquiry.<1ms",
            "inquiry.q9<1ms",
        ] {
            assert!(wrong.parse::<Gate>().is_err(), "{wrong}");
        }
    }

    /// Inquiries are slower than the rest; no other kind was sent.
    #[derive(Clone)]
    struct Kinds(f64, Option<Box<Kinds>>);

    impl Figures for Kinds {
        fn latency_ms(&self, _: f64) -> f64 {
            self.0
        }

        fn errors_percent(&self) -> f64 {
            0.0
        }

        fn rate(&self) -> f64 {
            0.0
        }

        fn of_kind(&self, kind: Kind) -> Option<&Self> {
            self.1.as_deref().filter(|_| kind == Kind::Inquiry)
        }
    }

    #[test]
    fn a_gate_of_a_kind_looks_at_that_kind_and_fails_where_there_is_none() {
        let run = Kinds(10.0, Some(Box::new(Kinds(20.0, None))));
        for (gate, holds) in [
            ("p99.9<15ms", true),
            ("inquiry.p99.9<15ms", false),
            ("inquiry.p99.9<25ms", true),
            ("held.p99<25ms", false),
        ] {
            assert_eq!(gate.parse::<Gate>().unwrap().judge(&run).1, holds, "{gate}");
        }
    }

    #[test]
    fn what_is_at_the_limit_does_not_pass() {
        assert!(!passes("p99<198ms"));
        assert!(!passes("errors<0.1%"));
        assert!(!passes("rate>50"));
    }

    #[test]
    fn what_is_inside_the_limit_passes() {
        assert!(passes("p99<0.1981s"));
        assert!(passes("p99.9<200ms"));
        assert!(passes("max<201ms"));
        assert!(passes("errors<0.2%"));
        assert!(passes("rate>49.9"));
    }
}
