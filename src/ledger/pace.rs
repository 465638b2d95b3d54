//! How fast a thread that joins commits and syncs them goes: counted without a lock, read by whoever shows it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Upper bounds of latencies, in microseconds.
const LATENCY_US: &[u64] = &[
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 5_000_000,
];

/// Upper bounds of the size of a group.
const GROUP: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// How often a number was at most each bound, and the sum of all.
#[derive(Debug)]
pub struct Spread {
    bounds: &'static [u64],
    /// One for each bound, and one for what is above the last.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a [`Spread`] has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Each bound, and how many were at most that; ascending.
    pub at_most: Vec<(u64, u64)>,
    /// How many there were, those above the last bound too.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl Spread {
    fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    fn note(&self, number: u64) {
        let place = self.bounds.partition_point(|bound| *bound < number);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(number, Ordering::Relaxed);
    }

    fn note_time(&self, took: Duration) {
        self.note(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// What has been counted so far.
    pub fn counted(&self) -> Counted {
        let mut count = 0;
        let mut reached = self.counts.iter().map(|in_place| {
            count += in_place.load(Ordering::Relaxed);
            count
        });
        let at_most = self.bounds.iter().copied().zip(reached.by_ref()).collect();
        let above = reached.last();
        Counted {
            at_most,
            count: above.unwrap_or_default(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

/// What a writer counts.
#[derive(Debug)]
pub struct Pace {
    /// From the handing over of a commit to its answer, in microseconds.
    pub commits_us: Spread,
    /// What one sync made durable: entries of the ledger, batches of the state.
    pub group: Spread,
    /// What `fdatasync` took, in microseconds.
    pub syncs_us: Spread,
    waiting: AtomicU64,
}

/// A commit that has been handed over; dropped when it is answered.
#[derive(Debug)]
pub struct Waits {
    pace: Arc<Pace>,
    since: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            commits_us: Spread::new(LATENCY_US),
            group: Spread::new(GROUP),
            syncs_us: Spread::new(LATENCY_US),
            waiting: AtomicU64::new(0),
        }
    }
}

impl Pace {
    /// A commit is handed over.
    pub fn enter(self: &Arc<Self>) -> Waits {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waits {
            pace: Arc::clone(self),
            since: Instant::now(),
        }
    }

    /// Commits that are handed over and not answered.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Syncs a group of this size, and counts it when it is durable.
    ///
    /// # Errors
    /// Those of `sync`.
    pub fn time_sync<E>(
        &self,
        group: usize,
        sync: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let began = Instant::now();
        sync()?;
        self.syncs_us.note_time(began.elapsed());
        self.group.note(group as u64);
        Ok(())
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.pace.waiting.fetch_sub(1, Ordering::Relaxed);
        self.pace.commits_us.note_time(self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_at_its_bound_and_at_every_one_above() {
        let spread = Spread::new(&[1, 4]);
        for number in [0, 1, 2, 4, 5] {
            spread.note(number);
        }
        let counted = Counted {
            at_most: vec![(1, 2), (4, 4)],
            count: 5,
            sum: 12,
        };
        assert_eq!(spread.counted(), counted);
    }

    #[test]
    fn a_commit_waits_until_it_is_answered_and_a_failed_sync_makes_nothing_durable() {
        let pace = Arc::new(Pace::default());
        let commits = [pace.enter(), pace.enter()];
        assert_eq!(pace.waiting(), 2);
        assert!(pace.time_sync(2, || Err(())).is_err());
        assert_eq!(pace.group.counted().count, 0);
        pace.time_sync(2, || Ok::<_, ()>(())).unwrap();
        drop(commits);
        assert_eq!(pace.waiting(), 0);
        assert_eq!(
            (pace.group.counted().sum, pace.syncs_us.counted().count),
            (2, 1)
        );
        assert_eq!(pace.commits_us.counted().count, 2);
    }
}
