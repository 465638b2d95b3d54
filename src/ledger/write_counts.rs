//! What a thread that writes in groups has done, for whoever wants to know how large and how quick its groups are.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The counts of one writer. Reading them stops nobody, so they may lie one group apart.
#[derive(Debug, Default)]
pub struct WriteCounts {
    commits: AtomicU64,
    groups: AtomicU64,
    micros: AtomicU64,
}

/// What a writer has done since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Commits that are on the disk.
    pub commits: u64,
    /// Groups that they were written in: each is one write and one `fdatasync`.
    pub groups: u64,
    /// How long writing and syncing took, all groups together.
    pub took: Duration,
}

impl WriteCounts {
    /// Counts a group that is on the disk.
    pub fn count(&self, commits: usize, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.fetch_add(commits as u64, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn read(&self) -> Written {
        Written {
            commits: self.commits.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            took: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
        }
    }
}
