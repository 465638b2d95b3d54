//! Reading all segments back and checking that they are what was written; shared by opening and verifying.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    thread,
};

use super::{
    checkpoint::Checkpoint,
    fault::{Damage, LedgerFault},
    forest::Forest,
    segment::{self, Depth, Ends, Header, Leaf, Summary},
    signed,
};

/// Segments read at once, each up to 16 MiB in memory.
const PARALLEL_MAX: usize = 8;

/// A write that never finished and was never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment it was meant for.
    pub file: PathBuf,
    /// Where it begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// How many bytes of it are there.
    pub bytes: u64,
}

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Segments read.
    pub segments: u64,
    /// Segments to be read.
    pub segments_total: u64,
}

/// What was read back.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) forest: Forest,
    /// Of the segment in which writing goes on.
    pub(super) last: Option<Ends>,
    /// The leaves of that segment, where it was read for writing.
    pub(super) last_leaves: Vec<Leaf>,
    pub(super) torn: Option<TornTail>,
    /// Segments that had to be read whole, where indexes could stand for them.
    pub(super) read_whole: u64,
    /// Bytes of headers and frames read.
    pub(super) bytes: u64,
}

impl Recovered {
    /// Reads all segments in `dir`, several at once, in order.
    pub(super) fn read(
        dir: &Path,
        depth: Depth,
        progress: impl FnMut(Progress),
    ) -> Result<Self, LedgerFault> {
        let mut recovered = Self::default();
        let read = |number, total| summarize(dir, number, total, depth);
        each_segment(dir, read, progress, |summary, total| {
            recovered.add(dir, &summary, total)
        })?;
        Ok(recovered)
    }

    /// Adds the next segment, the last one of `total` or one before it.
    pub(super) fn add(
        &mut self,
        dir: &Path,
        summary: &Summary,
        total: u64,
    ) -> Result<(), LedgerFault> {
        let (ends, number) = (summary.ends, summary.ends.header.number);
        self.links(dir, ends.header)?;
        if summary.torn_bytes > 0 {
            if number != total {
                return Err(damaged(dir, number, ends.end, Damage::Frame));
            }
            self.torn = Some(TornTail {
                file: segment::path(dir, number),
                offset: ends.end,
                bytes: summary.torn_bytes,
            });
        }
        self.forest.segment_starts.push(self.forest.sequence);
        for leaf in &summary.leaves {
            self.forest
                .push(leaf, number)
                .map_err(|_| damaged(dir, number, leaf.offset, Damage::Order))?;
        }
        self.bytes += ends.end;
        self.last = Some(ends);
        Ok(())
    }

    /// Checks that this header continues what was read.
    pub(super) fn links(&self, dir: &Path, header: Header) -> Result<(), LedgerFault> {
        let link = self.last.map_or([0; 32], |last| last.chain);
        if header.link == link && header.first_sequence == self.forest.sequence {
            Ok(())
        } else {
            Err(damaged(dir, header.number, 0, Damage::Link))
        }
    }

    /// Checks that every tree still reaches its last signed checkpoint.
    pub(super) fn reaches(
        &self,
        dir: &Path,
        checkpoints: &[Checkpoint],
    ) -> Result<(), LedgerFault> {
        for checkpoint in checkpoints {
            let (tree, signed) = (checkpoint.tree, checkpoint.size);
            let found = self.forest.size(tree);
            let what = if found < signed {
                Damage::Short {
                    tree,
                    signed,
                    found,
                }
            } else if self.forest.root(dir, tree, signed)? != checkpoint.root {
                Damage::Root { tree }
            } else {
                continue;
            };
            return Err(LedgerFault::Damaged {
                file: signed::path(dir, tree),
                offset: 0,
                what,
            });
        }
        Ok(())
    }
}

/// Gives the segments in `dir` to `take` in order, each with how many there are; several are read at once.
pub(super) fn each_segment<T: Send>(
    dir: &Path,
    read: impl Fn(u64, u64) -> Result<T, LedgerFault> + Sync,
    mut progress: impl FnMut(Progress),
    mut take: impl FnMut(T, u64) -> Result<(), LedgerFault>,
) -> Result<(), LedgerFault> {
    let numbers = segment::numbers(dir)?;
    let total = numbers.len() as u64;
    for (expected, number) in (1..).zip(&numbers) {
        if *number != expected {
            return Err(damaged(dir, *number, 0, Damage::Sequence { expected }));
        }
    }
    let parallel = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(PARALLEL_MAX);
    let read = &read;
    thread::scope(|scope| {
        let mut waiting = numbers.iter();
        let mut readers = VecDeque::new();
        for segments in 1.. {
            for number in waiting.by_ref().take(parallel - readers.len()) {
                readers.push_back(scope.spawn(move || read(*number, total)));
            }
            let Some(reader) = readers.pop_front() else {
                break;
            };
            let found = reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            take(found, total)?;
            progress(Progress {
                segments,
                segments_total: total,
            });
        }
        Ok(())
    })
}

pub(super) fn damaged(dir: &Path, number: u64, offset: u64, what: Damage) -> LedgerFault {
    LedgerFault::Damaged {
        file: segment::path(dir, number),
        offset,
        what,
    }
}

/// Another process may be writing the last segment while we read it (verification of a running ledger): then a frame that was
/// not there yet looks damaged in front of one that was. Or it may be overwriting a segment that a disposal has replaced. True
/// damage stays where it is.
pub(super) fn summarize(
    dir: &Path,
    number: u64,
    total: u64,
    depth: Depth,
) -> Result<Summary, LedgerFault> {
    let file = segment::path(dir, number);
    let mut seen = None;
    loop {
        match segment::summarize(&file, number, depth) {
            Err(LedgerFault::Damaged { offset, what, .. })
                if (number < total || what == Damage::Frame) && seen != Some(offset) =>
            {
                seen = Some(offset);
            }
            settled => return settled,
        }
    }
}
