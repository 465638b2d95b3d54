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
    merkle::Hash,
    segment::{self, Depth, Summary},
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
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) forest: Forest,
    pub(super) last: Option<Last>,
    pub(super) torn: Option<TornTail>,
    /// Bytes of headers and frames read.
    pub(super) bytes: u64,
}

/// The segment in which writing goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) number: u64,
    pub(super) end: u64,
    pub(super) file_bytes: u64,
    pub(super) chain: Hash,
}

impl Recovered {
    /// Reads all segments in `dir`, several at once, in order.
    pub(super) fn read(
        dir: &Path,
        depth: Depth,
        mut progress: impl FnMut(Progress),
    ) -> Result<Self, LedgerFault> {
        let numbers = segment::numbers(dir)?;
        let total = numbers.len() as u64;
        for (expected, number) in (1..).zip(&numbers) {
            if *number != expected {
                return Err(damaged(dir, *number, 0, Damage::Sequence { expected }));
            }
        }
        let mut recovered = Self {
            forest: Forest::default(),
            last: None,
            torn: None,
            bytes: 0,
        };
        let parallel = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(PARALLEL_MAX);
        thread::scope(|scope| {
            let mut waiting = numbers.iter();
            let mut readers = VecDeque::new();
            loop {
                for number in waiting.by_ref().take(parallel - readers.len()) {
                    readers.push_back(scope.spawn(move || summarize(dir, *number, total, depth)));
                }
                let Some(reader) = readers.pop_front() else {
                    return Ok(recovered);
                };
                let summary = reader
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                recovered.add(dir, &summary, total)?;
                progress(Progress {
                    segments: summary.header.number,
                    segments_total: total,
                });
            }
        })
    }

    fn add(&mut self, dir: &Path, summary: &Summary, total: u64) -> Result<(), LedgerFault> {
        let number = summary.header.number;
        let link = self.last.map_or([0; 32], |last| last.chain);
        if summary.header.link != link || summary.header.first_sequence != self.forest.sequence {
            return Err(damaged(dir, number, 0, Damage::Link));
        }
        if summary.torn_bytes > 0 {
            if number != total {
                return Err(damaged(dir, number, summary.end, Damage::Frame));
            }
            self.torn = Some(TornTail {
                file: segment::path(dir, number),
                offset: summary.end,
                bytes: summary.torn_bytes,
            });
        }
        self.forest.segment_starts.push(self.forest.sequence);
        for leaf in &summary.leaves {
            self.forest
                .push(leaf, number)
                .map_err(|_| damaged(dir, number, leaf.offset, Damage::Order))?;
        }
        self.bytes += summary.end;
        self.last = Some(Last {
            number,
            end: summary.end,
            file_bytes: summary.file_bytes,
            chain: summary.chain,
        });
        Ok(())
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
            } else if self
                .forest
                .ask(tree, signed, |merkle| merkle.root(signed))?
                != checkpoint.root
            {
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

fn damaged(dir: &Path, number: u64, offset: u64, what: Damage) -> LedgerFault {
    LedgerFault::Damaged {
        file: segment::path(dir, number),
        offset,
        what,
    }
}

/// Another process may be writing the last segment while we read it (verification of a running ledger): then a frame that was
/// not there yet looks damaged in front of one that was. Or it may be overwriting a segment that a disposal has replaced. True
/// damage stays where it is.
fn summarize(dir: &Path, number: u64, total: u64, depth: Depth) -> Result<Summary, LedgerFault> {
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
