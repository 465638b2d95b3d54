//! How many exchanges ended with each result.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::result::ResultCode;

/// One counter for each result.
#[derive(Default)]
pub(super) struct Tally {
    counts: [AtomicU64; ResultCode::ALL.len()],
}

impl Tally {
    pub(super) fn count(&self, code: ResultCode) {
        let counted = ResultCode::ALL.iter().zip(&self.counts);
        for (_, count) in counted.filter(|(of, _)| **of == code) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The results that occurred.
    pub(super) fn totals(&self) -> impl Iterator<Item = (ResultCode, u64)> {
        let counted = ResultCode::ALL.into_iter().zip(&self.counts);
        counted
            .map(|(code, count)| (code, count.load(Ordering::Relaxed)))
            .filter(|(_, total)| *total > 0)
    }
}
