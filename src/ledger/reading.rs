//! Reading entries back: by position, by tree, and all in order.

use std::{collections::BTreeMap, fs::File, io, os::unix::fs::FileExt as _};

use super::{
    Ledger,
    blocks::{Block, BlockPlace},
    entry::{StoredEntry, TreeId},
    fault::{Damage, LedgerFault},
    forest::{Found, Place, Shared},
    frame::{ENTRY_HEAD_BYTES, EntryHead, Frame},
    merkle::Hash,
    segment::{self, HEADER_BYTES},
};

impl Ledger {
    /// Reads one entry and checks it against its leaf hash. Reads a small block: microseconds when it is in the page cache.
    ///
    /// # Errors
    /// [`LedgerFault::NotThere`]; [`LedgerFault::Destroyed`]; [`LedgerFault::Damaged`] when the entry is not the one that
    /// was written.
    pub fn read(&self, tree: TreeId, index: u64) -> Result<StoredEntry, LedgerFault> {
        Reader::new(self.shared()).read(tree, index)
    }

    /// Reads up to `limit` entries of `tree` in order, beginning at `from_index`; fewer when the tree ends.
    ///
    /// # Errors
    /// As [`Ledger::read`].
    pub fn scan(
        &self,
        tree: TreeId,
        from_index: u64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, LedgerFault> {
        let mut reader = Reader::new(self.shared());
        (from_index..self.size(tree))
            .take(limit)
            .map(|index| reader.read(tree, index))
            .collect()
    }

    /// Gives every entry from `from_sequence` on that was not destroyed to `each`, in the order they were written, and
    /// returns the sequence at which the next one will stand. Holds one segment (usually 16 MiB) in memory.
    ///
    /// # Errors
    /// When a segment cannot be read or is damaged.
    pub fn replay(
        &self,
        from_sequence: u64,
        each: impl FnMut(StoredEntry),
    ) -> Result<u64, LedgerFault> {
        self.replay_some(from_sequence, u64::MAX, each)
    }

    /// As [`Self::replay`], up to the end of the segment in which `count` entries have been given.
    ///
    /// # Errors
    /// As [`Self::replay`].
    pub fn replay_some(
        &self,
        from_sequence: u64,
        count: u64,
        mut each: impl FnMut(StoredEntry),
    ) -> Result<u64, LedgerFault> {
        let shared = self.shared();
        let (end, starts) = {
            let forest = shared.forest();
            (forest.sequence, forest.segment_starts.clone())
        };
        let ends = starts.iter().skip(1).copied().chain([end]);
        for ((number, start), until) in (1..).zip(&starts).zip(ends) {
            if until > from_sequence.max(*start) {
                replay_segment(shared, number, from_sequence..until, &mut each)?;
                if until - from_sequence >= count {
                    return Ok(until);
                }
            }
        }
        Ok(end)
    }
}

fn replay_segment(
    shared: &Shared,
    number: u64,
    wanted: std::ops::Range<u64>,
    each: &mut impl FnMut(StoredEntry),
) -> Result<(), LedgerFault> {
    let path = segment::path(&shared.dir, number);
    let mut reader = Reader::new(shared);
    let bytes = std::fs::read(&path).map_err(LedgerFault::file(&path))?;
    let mut end = HEADER_BYTES;
    let damaged = |offset: usize, what| LedgerFault::Damaged {
        file: path.clone(),
        offset: offset as u64,
        what,
    };
    loop {
        let frame = bytes
            .get(end..)
            .and_then(Frame::read)
            .ok_or_else(|| damaged(end, Damage::Frame))?;
        for entry in frame.entries() {
            let (offset, view) = entry.map_err(|_| damaged(end, Damage::Order))?;
            let at = view.head.at;
            if at.sequence >= wanted.start {
                let written = reader.locate(at.tree, at.index)?.1;
                if view.leaf_hash() != Some(written) {
                    return Err(damaged(end + offset, Damage::Entry));
                }
                if !view.head.is_destroyed {
                    each(stored(&view.head, view.body.to_vec(), written));
                }
            }
            if at.sequence + 1 == wanted.end {
                return Ok(());
            }
        }
        end += frame.bytes;
    }
}

/// Keeps the segment open that was read last, and of each tree the last block that was read.
pub(super) struct Reader<'a> {
    shared: &'a Shared,
    open: Option<(u64, File)>,
    blocks: BTreeMap<TreeId, Block>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            open: None,
            blocks: BTreeMap::new(),
        }
    }

    pub(super) fn read(&mut self, tree: TreeId, index: u64) -> Result<StoredEntry, LedgerFault> {
        let (head, body) = self.read_any(tree, index)?;
        if head.is_destroyed {
            return Err(LedgerFault::Destroyed(head.at));
        }
        Ok(stored(&head, body, head.leaf_hash))
    }

    /// What the leaf holds, also of an entry that was destroyed.
    pub(super) fn commitment(&mut self, tree: TreeId, index: u64) -> Result<Hash, LedgerFault> {
        let (head, body) = self.read_any(tree, index)?;
        let committed = head.commitment(&body);
        committed.ok_or(LedgerFault::Destroyed(head.at))
    }

    fn read_any(&mut self, tree: TreeId, index: u64) -> Result<(EntryHead, Vec<u8>), LedgerFault> {
        let (place, written) = self.locate(tree, index)?;
        if let Some(read) = self.read_checked(place, (tree, index), &written)? {
            return Ok(read);
        }
        // A disposal has put another file in place of the one that is open, or the index has another place.
        self.open = None;
        let (place, written) = self.look_up((tree, index), Shared::block_anew)?;
        let read = self.read_checked(place, (tree, index), &written)?;
        read.ok_or_else(|| LedgerFault::Damaged {
            file: segment::path(&self.shared.dir, place.segment()),
            offset: place.offset(),
            what: Damage::Entry,
        })
    }

    /// Where the entry is, and its leaf hash.
    pub(super) fn locate(
        &mut self,
        tree: TreeId,
        index: u64,
    ) -> Result<(Place, Hash), LedgerFault> {
        if let Some(found) = self.blocks.get(&tree).and_then(|block| block.row(index)) {
            return Ok(found);
        }
        self.look_up((tree, index), Shared::block)
    }

    fn look_up(
        &mut self,
        (tree, index): (TreeId, u64),
        read: fn(&Shared, &BlockPlace) -> Result<Block, LedgerFault>,
    ) -> Result<(Place, Hash), LedgerFault> {
        let found = self.shared.forest().find(tree, index)?;
        let place = match found {
            Found::Here(place, hash) => return Ok((place, hash)),
            Found::Block(place) => place,
        };
        let block = read(self.shared, &place)?;
        let found = block.row(index);
        self.blocks.insert(tree, block);
        found.ok_or(LedgerFault::NotThere { tree, size: index })
    }

    /// Reads the entry at `place`; none when it is not the one that was written.
    fn read_checked(
        &mut self,
        place: Place,
        (tree, index): (TreeId, u64),
        written: &Hash,
    ) -> Result<Option<(EntryHead, Vec<u8>)>, LedgerFault> {
        let path = segment::path(&self.shared.dir, place.segment());
        let read = self.read_at(place).map_err(LedgerFault::file(path))?;
        Ok(read.filter(|(head, body)| {
            head.leaf_hash(body) == Some(*written)
                && head.leaf_hash == *written
                && (head.at.tree, head.at.index) == (tree, index)
        }))
    }

    fn read_at(&mut self, place: Place) -> io::Result<Option<(EntryHead, Vec<u8>)>> {
        let file = match self.open.take() {
            Some((number, file)) if number == place.segment() => file,
            _ => File::open(segment::path(&self.shared.dir, place.segment()))?,
        };
        let mut head = [0; ENTRY_HEAD_BYTES];
        file.read_exact_at(&mut head, place.offset())?;
        let Some(head) = EntryHead::read(&mut head.as_slice()) else {
            return Ok(None);
        };
        let mut body = vec![0; head.body_bytes];
        file.read_exact_at(&mut body, place.offset() + ENTRY_HEAD_BYTES as u64)?;
        self.open = Some((place.segment(), file));
        Ok(Some((head, body)))
    }
}

pub(super) fn stored(head: &EntryHead, body: Vec<u8>, leaf_hash: Hash) -> StoredEntry {
    StoredEntry {
        tree: head.at.tree,
        index: head.at.index,
        sequence: head.at.sequence,
        at_ms: head.at_ms,
        body,
        salt: head.salt,
        leaf_hash,
    }
}
