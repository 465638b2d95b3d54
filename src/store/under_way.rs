//! Which acts stand between their ledger entry and their note of it in the state: so far the state has followed the ledger.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many acts began to write at each sequence and have not ended.
#[derive(Debug, Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<BTreeMap<u64, usize>>>);

/// An act that may write at its sequence or behind it; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct Act {
    under_way: UnderWay,
    from: u64,
}

impl UnderWay {
    /// Begins an act; `next_sequence` tells where the ledger's next entry will stand.
    pub(super) fn begin(&self, next_sequence: impl FnOnce() -> u64) -> Act {
        let mut acts = self.acts();
        let from = next_sequence();
        *acts.entry(from).or_default() += 1;
        Act {
            under_way: self.clone(),
            from,
        }
    }

    /// The sequence before which no act is under way; at most the one at which the next entry will stand.
    pub(super) fn passed(&self, next_sequence: impl FnOnce() -> u64) -> u64 {
        let acts = self.acts();
        let first = acts.first_key_value();
        first.map_or_else(next_sequence, |(from, _)| *from)
    }

    // Nothing panics while it holds the lock.
    fn acts(&self) -> MutexGuard<'_, BTreeMap<u64, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Act {
    fn drop(&mut self) {
        let mut acts = self.under_way.acts();
        if let Some(count) = acts.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                acts.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UnderWay;

    #[test]
    fn the_oldest_act_holds_back_and_nothing_does_when_all_have_ended() {
        let under_way = UnderWay::default();
        assert_eq!(under_way.passed(|| 7), 7);
        let first = under_way.begin(|| 7);
        let twin = under_way.begin(|| 7);
        let later = under_way.begin(|| 9);
        assert_eq!(under_way.passed(|| 12), 7);
        drop(first);
        assert_eq!(under_way.passed(|| 12), 7);
        drop(twin);
        assert_eq!(under_way.passed(|| 12), 9);
        drop(later);
        assert_eq!(under_way.passed(|| 12), 12);
    }
}
