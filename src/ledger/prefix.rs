//! A prefix of the ledger: what was durable at one moment, taken out while writing goes on, and checked where it arrives.

use std::path::{Path, PathBuf};

use super::{
    Ledger,
    checkpoint::Checkpoint,
    entry::TreeId,
    fault::{Damage, LedgerFault},
    frame::Frame,
    keys::PublicKeys,
    merkle::Hash,
    recover::Recovered,
    segment::{self, Depth, HEADER_BYTES},
    signed,
};

/// What was durable at one moment.
#[derive(Debug)]
pub struct Prefix {
    ledger: Ledger,
    entries: u64,
    starts: Vec<u64>,
    trees: Vec<PrefixTree>,
}

/// A tree as it was at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixTree {
    /// The tree.
    pub tree: TreeId,
    /// Number of its entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

impl Ledger {
    /// The prefix that is durable now, and what `at_the_moment` gives: no commit is answered while it runs, so it sees
    /// what rests on the prefix, and nothing that rests on a later entry.
    ///
    /// # Errors
    /// Never for a whole forest.
    pub fn prefix<T>(&self, at_the_moment: impl FnOnce() -> T) -> Result<(Prefix, T), LedgerFault> {
        let forest = self.shared().forest();
        let seen = at_the_moment();
        let trees = forest.sizes().map(|(tree, size)| {
            let root = forest.whole_root(tree, size)?;
            Ok(PrefixTree { tree, size, root })
        });
        let prefix = Prefix {
            entries: forest.sequence,
            starts: forest.segment_starts.clone(),
            trees: trees.collect::<Result<_, LedgerFault>>()?,
            ledger: self.clone(),
        };
        Ok((prefix, seen))
    }
}

impl Checkpoint {
    /// The name of the file that a ledger keeps it in, below the ledger's directory.
    pub fn file_name(&self) -> String {
        let path = signed::path(Path::new(""), self.tree);
        path.to_string_lossy().into_owned()
    }
}

impl Prefix {
    /// Number of entries.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The trees, in order.
    pub fn trees(&self) -> &[PrefixTree] {
        &self.trees
    }

    /// The segments by number and name, in order.
    pub fn segments(&self) -> impl Iterator<Item = (u64, String)> {
        (1..).zip(&self.starts).map(|(number, _)| {
            let path = segment::path(Path::new(""), number);
            (number, path.to_string_lossy().into_owned())
        })
    }

    /// The bytes of a segment as far as it belongs to the prefix, each entry checked against its leaf hash.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn segment(&self, number: u64) -> Result<Vec<u8>, LedgerFault> {
        let file = segment::path(&self.ledger.shared().dir, number);
        let mut bytes = std::fs::read(&file).map_err(LedgerFault::file(&file))?;
        let until = usize::try_from(number).ok();
        let until = until.and_then(|next| self.starts.get(next)).copied();
        let until = until.unwrap_or(self.entries);
        let first = number
            .checked_sub(1)
            .and_then(|at| usize::try_from(at).ok());
        let mut next = first
            .and_then(|at| self.starts.get(at))
            .copied()
            .unwrap_or(until);
        let mut end = HEADER_BYTES;
        let damaged = |offset: usize, what| LedgerFault::Damaged {
            file: file.clone(),
            offset: offset as u64,
            what,
        };
        while next < until {
            let frame = bytes.get(end..).and_then(Frame::read);
            let frame = frame.ok_or_else(|| damaged(end, Damage::Frame))?;
            for entry in frame.entries() {
                let (offset, entry) = entry.map_err(|_| damaged(end, Damage::Order))?;
                if entry.head.at.sequence != next {
                    return Err(damaged(end + offset, Damage::Order));
                }
                if entry.leaf_hash() != Some(entry.head.leaf_hash) {
                    return Err(damaged(end + offset, Damage::Entry));
                }
                next += 1;
            }
            end += frame.bytes;
        }
        bytes.truncate(end);
        Ok(bytes)
    }
}

/// Recomputes the trees of a ledger from segments that come one by one, without its directory.
#[derive(Debug, Default)]
pub struct PrefixCheck {
    recovered: Recovered,
    next: u64,
}

impl PrefixCheck {
    /// Takes the next segment; `name` is what faults call it.
    ///
    /// # Errors
    /// When it is damaged or does not continue the one before.
    pub fn take(&mut self, name: &Path, bytes: &[u8]) -> Result<(), LedgerFault> {
        self.next += 1;
        let number = self.next;
        let summary = segment::summarize_bytes(name, bytes, number, Depth::LeafHash)?;
        if summary.torn_bytes > 0 {
            return Err(LedgerFault::Damaged {
                file: name.to_path_buf(),
                offset: summary.ends.end,
                what: Damage::Frame,
            });
        }
        self.recovered.add(&ledger_dir(name), &summary, number)
    }

    /// Checks that `trees` is what the segments hold, and that they reach the signed `checkpoints`. Returns the number of
    /// entries.
    ///
    /// # Errors
    /// [`Damage::Signature`], [`Damage::Short`], [`Damage::Root`].
    pub fn finish(
        &self,
        trees: &[PrefixTree],
        (checkpoints, keys): (&[Checkpoint], &PublicKeys),
    ) -> Result<u64, LedgerFault> {
        let damaged = |what| LedgerFault::Damaged {
            file: PathBuf::from("ledger/checkpoints"),
            offset: 0,
            what,
        };
        if checkpoints.iter().any(|head| head.verify(keys).is_err()) {
            return Err(damaged(Damage::Signature));
        }
        self.recovered.reaches(Path::new("ledger"), checkpoints)?;
        let forest = &self.recovered.forest;
        for wanted in trees {
            let (tree, size) = (wanted.tree, wanted.size);
            let found = forest.size(tree);
            if found != size {
                let signed = size;
                return Err(damaged(Damage::Short {
                    tree,
                    signed,
                    found,
                }));
            }
            if forest.whole_root(tree, size)? != wanted.root {
                return Err(damaged(Damage::Root { tree }));
            }
        }
        Ok(forest.sequence)
    }
}

/// `ledger/segments/1.seg` lies in `ledger`.
fn ledger_dir(segment: &Path) -> PathBuf {
    let dir = segment.parent().and_then(Path::parent);
    dir.unwrap_or(Path::new("")).to_path_buf()
}
