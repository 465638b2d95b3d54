//! Kinds of conversations, and how often each is drawn.

use std::{fmt, str::FromStr};

use clap::ValueEnum;
use rand::{
    SeedableRng,
    distr::{Distribution as _, weighted::WeightedIndex},
    rngs::StdRng,
};

/// The heaviest weight of a kind.
const WEIGHT_MAX: u32 = 1_000_000;

/// A kind of conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// 情報照会: submit, wait, take the result
    #[default]
    Inquiry,
    /// バッチ照会: send a file, watch it, fetch the file of results
    Batch,
    /// 副本登録: import a file of replicas
    Replicas,
    /// 符号取得: request, the three servers of the resident network, linked
    Symbols,
    /// 自動応答不可: an inquiry that the provider's staff decides
    Held,
}

impl Kind {
    /// As `--mix` writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inquiry => "inquiry",
            Self::Batch => "batch",
            Self::Replicas => "replicas",
            Self::Symbols => "symbols",
            Self::Held => "held",
        }
    }
}

/// How often each kind is drawn, in proportion to its weight; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mix(Vec<(Kind, u32)>);

impl Mix {
    /// The kinds of the conversations, one after the other; the same seed gives the same kinds.
    pub(crate) fn kinds(&self, seed: u64) -> impl Iterator<Item = Kind> {
        let weights = WeightedIndex::new(self.0.iter().map(|(_, weight)| *weight)).ok();
        let mut random = StdRng::seed_from_u64(seed ^ u64::from_be_bytes(*b"the-kind"));
        std::iter::from_fn(move || {
            let place = weights.as_ref()?.sample(&mut random);
            self.0.get(place).map(|(kind, _)| *kind)
        })
    }

    /// The part of all conversations that are of this kind, 0 to 1.
    pub(crate) fn share(&self, kind: Kind) -> f64 {
        let weight = |of: fn(Kind, Kind) -> bool| -> f64 {
            let weights = self.0.iter().filter(|(known, _)| of(*known, kind));
            weights.map(|(_, weight)| f64::from(*weight)).sum()
        };
        weight(|known, kind| known == kind) / weight(|_, _| true)
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.iter();
        let parts = parts.map(|(kind, weight)| format!("{}={weight}", kind.name()));
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix: Vec<(Kind, u32)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let kind = Kind::from_str(name.trim(), false).map_err(|_| {
                let known: Vec<_> = Kind::value_variants()
                    .iter()
                    .map(|kind| kind.name())
                    .collect();
                format!(
                    "`{name}` is no kind of conversation: there are {}",
                    known.join(", ")
                )
            })?;
            let weight: u32 = weight.trim().parse().map_err(|_| {
                format!("`{weight}` is no weight of {name}: write a whole number, as in `{name}=5`")
            })?;
            if weight > WEIGHT_MAX {
                return Err(format!("the weight of {name} is more than {WEIGHT_MAX}"));
            }
            if mix.iter().any(|(known, _)| *known == kind) {
                return Err(format!("{name} stands in the mix twice"));
            }
            mix.push((kind, weight));
        }
        mix.retain(|(_, weight)| *weight > 0);
        if mix.is_empty() {
            return Err("nothing in the mix has a weight".into());
        }
        Ok(Self(mix))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::account::precise;

    fn mixes() -> impl Strategy<Value = Mix> {
        let weights = proptest::collection::vec(0_u32..100, 5);
        let some = weights.prop_filter("nothing", |weights| weights.iter().any(|of| *of > 0));
        some.prop_map(|weights| {
            let parts = Kind::value_variants().iter().zip(weights);
            let parts = parts.map(|(kind, weight)| format!("{}={weight}", kind.name()));
            parts.collect::<Vec<_>>().join(",").parse().unwrap()
        })
    }

    proptest! {
        #[test]
        fn as_many_of_each_kind_are_drawn_as_its_weight_says(mix in mixes(), seed: u64) {
            let drawn: Vec<_> = mix.kinds(seed).take(10_000).collect();
            for kind in Kind::value_variants() {
                let found = drawn.iter().filter(|drawn| *drawn == kind).count();
                let found = precise(u64::try_from(found).unwrap());
                let share = mix.share(*kind);
                // Seven standard deviations of a binomial distribution.
                let spread = 7.0 * (10_000.0 * share * (1.0 - share)).sqrt();
                prop_assert!((found - 10_000.0 * share).abs() <= spread, "{kind:?} {found} in {mix}");
            }
        }

        #[test]
        fn the_same_seed_draws_the_same_and_a_mix_reads_what_it_writes(mix in mixes(), seed: u64) {
            prop_assert!(mix.kinds(seed).take(100).eq(mix.kinds(seed).take(100)));
            prop_assert_eq!(mix.to_string().parse::<Mix>().unwrap(), mix);
        }
    }

    #[test]
    fn an_unknown_kind_a_kind_twice_or_no_weight_is_no_mix() {
        for wrong in [
            "",
            "inquiry=0",
            "inquiry=-1",
            "inquiry=x",
            "inquiry=1000001",
            "post=1",
            "inquiry=1,inquiry=2",
            "inquiry=1,",
        ] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }
}
