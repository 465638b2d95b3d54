//! Seeded numbers that are computed, not stored: streams of draws, and bijections that can be walked back.

/// One step of SplitMix64: spreads every bit of `x` over the result. Source: Steele, Lea, Flood, 2014.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A key of the world's seed and the words that say what it is for. It hides nothing: a simulation's key.
fn key(seed: u64, purpose: &[&str]) -> u64 {
    purpose.iter().fold(mix(seed), |key, word| {
        word.bytes()
            .fold(mix(key), |key, byte| mix(key ^ u64::from(byte)))
    })
}

/// Numbers that look random and depend on a seed, a purpose and an index only.
#[derive(Debug, Clone)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn new(seed: u64, purpose: &[&str], index: u32) -> Self {
        Self(mix(key(seed, purpose) ^ u64::from(index)))
    }

    /// A number below `bound`; 0 when there is none.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0).checked_rem(bound).unwrap_or_default()
    }

    /// Whether something happens that does so `percent` times in a hundred.
    pub(super) fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the things given; the last resort stands for an empty choice.
    pub(super) fn one_of<T: Copy>(&mut self, choice: &[T], last_resort: T) -> T {
        let at = self.below(u64::try_from(choice.len()).unwrap_or(u64::MAX));
        let chosen = usize::try_from(at).ok().and_then(|at| choice.get(at));
        chosen.copied().unwrap_or(last_resort)
    }
}

const ROUNDS: u64 = 6;

/// A seeded bijection of the numbers below a size onto themselves.
///
/// A balanced Feistel network over the smallest even number of bits that holds the size; numbers that fall
/// outside it walk on until they are inside (cycle walking), which takes fewer than four steps on average.
#[derive(Debug, Clone)]
pub(super) struct Bijection {
    key: u64,
    half_bits: u32,
    size: u64,
}

impl Bijection {
    /// The bijection of a seed and purpose below `size`, which is from 1 to 2^62.
    pub(super) fn new(seed: u64, purpose: &[&str], size: u64) -> Self {
        let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
        Self {
            key: key(seed, purpose),
            half_bits: bits.div_ceil(2).max(1),
            size,
        }
    }

    /// Where a number below the size goes.
    pub(super) fn forward(&self, number: u64) -> u64 {
        self.walk(number, |number| {
            let (mut left, mut right) = self.halves(number);
            for round in 0..ROUNDS {
                (left, right) = (right, left ^ self.round(round, right));
            }
            left << self.half_bits | right
        })
    }

    /// Where a number below the size comes from.
    pub(super) fn backward(&self, number: u64) -> u64 {
        self.walk(number, |number| {
            let (mut left, mut right) = self.halves(number);
            for round in (0..ROUNDS).rev() {
                (left, right) = (right ^ self.round(round, left), left);
            }
            left << self.half_bits | right
        })
    }

    /// Ends for every number below the size: a permutation's cycle comes back to where it began.
    fn walk(&self, number: u64, step: impl Fn(u64) -> u64) -> u64 {
        debug_assert!(number < self.size);
        let mut number = step(number);
        while number >= self.size {
            number = step(number);
        }
        number
    }

    fn halves(&self, number: u64) -> (u64, u64) {
        (number >> self.half_bits, number & self.mask())
    }

    fn round(&self, round: u64, half: u64) -> u64 {
        mix(self.key ^ mix(round) ^ half) & self.mask()
    }

    fn mask(&self) -> u64 {
        (1 << self.half_bits) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bijection_reaches_every_number_once() {
        for size in [1, 2, 3, 17, 1_000] {
            let bijection = Bijection::new(7, &["test"], size);
            let mut reached: Vec<_> = (0..size).map(|n| bijection.forward(n)).collect();
            reached.sort_unstable();
            assert!(reached.into_iter().eq(0..size));
        }
    }

    proptest! {
        #[test]
        fn a_bijection_can_be_walked_back(seed: u64, size in 1u64..1 << 62, number: u64) {
            let number = number % size;
            let bijection = Bijection::new(seed, &["test"], size);
            let there = bijection.forward(number);
            prop_assert!(there < size);
            prop_assert_eq!(bijection.backward(there), number);
        }

        #[test]
        fn another_purpose_draws_other_numbers(seed: u64, index: u32) {
            let drawn = |purpose: &[&str]| Draws::new(seed, purpose, index).below(u64::MAX);
            prop_assert_eq!(drawn(&["a"]), drawn(&["a"]));
            prop_assert_ne!(drawn(&["a"]), drawn(&["b"]));
            prop_assert_ne!(drawn(&["ab", "c"]), drawn(&["a", "bc"]));
        }
    }
}
