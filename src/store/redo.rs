//! The log of writes that are durable and not yet in the tree: two files written in turn, each from its beginning.
//!
//! ```text
//! frame   length of the body u32 | crc32 of the body | body        one batch, whole or not at all
//! body    writes u64, rows u64, sum u64 | changes                  the totals after the batch
//! change  key length u16 | row length u32, or 0xFFFF_FFFF for a removal | key | row
//! ```
//! Numbers are big-endian. A frame counts only when its number of writes is the one after the frame before it: what an
//! earlier turn left behind the last frame has a lower one.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::fault::{During, StoreFault};
use super::layers::{Held, Layer};
use super::manifest::{TOTALS_BYTES, Totals, sync_dir};
use super::tree::Changes;

/// A file is folded into the tree when it is this long, in bytes.
pub(super) const REDO_BYTES: u64 = 16 * 1024 * 1024;

const NAMES: [&str; 2] = ["redo-0", "redo-1"];
/// A file grows by so much at a time, in bytes.
const GROWTH_BYTES: usize = 1 << 20;
const HEAD_BYTES: usize = 8;
const REMOVAL: u32 = u32::MAX;

/// The changes of one batch, and the totals after it.
pub(super) struct Redone {
    pub(super) totals: Totals,
    pub(super) changes: Changes,
}

/// One file of the log.
#[derive(Debug)]
pub(super) struct RedoFile {
    file: File,
    path: PathBuf,
    /// Where the next frame goes.
    end: u64,
    /// How long the file is: it grows ahead of the frames, so that most syncs need not write its length.
    bytes: u64,
}

/// Both files of the log, empty.
pub(super) type RedoFiles = [RedoFile; 2];

impl RedoFile {
    /// Writes frames behind the ones before; they are not durable before `sync`.
    pub(super) fn append(&mut self, frames: &[u8]) -> Result<(), StoreFault> {
        let end = self.end + frames.len() as u64;
        while self.bytes < end {
            let zeros = vec![0; GROWTH_BYTES];
            self.file
                .write_all_at(&zeros, self.bytes)
                .during("write", &self.path)?;
            self.bytes += GROWTH_BYTES as u64;
        }
        self.file
            .write_all_at(frames, self.end)
            .during("write", &self.path)?;
        self.end = end;
        Ok(())
    }

    /// Makes all frames durable.
    pub(super) fn sync(&self) -> Result<(), StoreFault> {
        self.file.sync_data().during("sync", &self.path)
    }

    pub(super) fn written_bytes(&self) -> u64 {
        self.end
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins again at the beginning: everything in it is in the tree.
    pub(super) fn rewind(mut self) -> Self {
        self.end = 0;
        self
    }

    fn open(dir: &Path, name: &str) -> Result<Self, StoreFault> {
        let path = dir.join(name);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .during("open", &path)?;
        let bytes = file.metadata().during("inspect", &path)?.len();
        Ok(Self {
            file,
            path,
            end: 0,
            bytes,
        })
    }
}

/// Opens both files, ready to be written from their beginning.
pub(super) fn open(dir: &Path) -> Result<RedoFiles, StoreFault> {
    let [first, second] = NAMES;
    let files = [RedoFile::open(dir, first)?, RedoFile::open(dir, second)?];
    sync_dir(dir)?;
    Ok(files)
}

/// The batches of both files that follow `totals`, in their order.
pub(super) fn read_after(dir: &Path, totals: Totals) -> Result<Vec<Redone>, StoreFault> {
    let mut runs = Vec::new();
    for name in NAMES {
        let path = dir.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => runs.push(run(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).during("read", &path),
        }
    }
    runs.sort_by_key(|run| run.first().map(|first| first.totals.writes));
    let mut found: Vec<Redone> = Vec::new();
    for batch in runs.into_iter().flatten() {
        let last = found.last().map_or(totals, |last| last.totals);
        if batch.totals.writes == last.writes + 1 {
            found.push(batch);
        }
    }
    Ok(found)
}

/// The rows of batches, the last under each key.
pub(super) fn layer_of(batches: Vec<Redone>) -> Layer {
    let changes = batches.into_iter().flat_map(|batch| batch.changes);
    changes
        .map(|(key, row)| (key, Held::over_anything(row)))
        .collect()
}

/// The frames at the beginning of a file that follow one another.
pub(super) fn run(mut bytes: &[u8]) -> Vec<Redone> {
    let mut found: Vec<Redone> = Vec::new();
    while let Some((batch, rest)) = read_frame(bytes) {
        let last = found.last().map(|last| last.totals.writes);
        if last.is_some_and(|last| batch.totals.writes != last + 1) {
            break;
        }
        found.push(batch);
        bytes = rest;
    }
    found
}

/// Adds the frame of one batch to `frames`.
pub(super) fn push_frame<'c>(
    frames: &mut Vec<u8>,
    totals: Totals,
    changes: impl IntoIterator<Item = (&'c [u8], Option<&'c [u8]>)>,
) {
    let start = frames.len();
    frames.extend_from_slice(&[0; HEAD_BYTES]);
    frames.extend_from_slice(&totals.to_bytes());
    for (key, row) in changes {
        let key_bytes = u16::try_from(key.len()).unwrap_or(u16::MAX);
        frames.extend_from_slice(&key_bytes.to_be_bytes());
        let row_bytes = row.map_or(REMOVAL, |row| {
            u32::try_from(row.len()).unwrap_or(REMOVAL - 1)
        });
        frames.extend_from_slice(&row_bytes.to_be_bytes());
        frames.extend_from_slice(key);
        frames.extend_from_slice(row.unwrap_or_default());
    }
    let frame = frames.get_mut(start..).unwrap_or_default();
    if let Some((head, body)) = frame.split_first_chunk_mut::<HEAD_BYTES>() {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let crc = crc32fast::hash(body);
        *head = (u64::from(length) << 32 | u64::from(crc)).to_be_bytes();
    }
}

fn read_frame(bytes: &[u8]) -> Option<(Redone, &[u8])> {
    let (length, rest) = take_u32(bytes)?;
    let (crc, rest) = take_u32(rest)?;
    let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    if crc32fast::hash(body) != crc {
        return None;
    }
    let (totals, mut body) = body.split_first_chunk::<TOTALS_BYTES>()?;
    let mut changes = Changes::new();
    while !body.is_empty() {
        let (change, behind) = read_change(body)?;
        changes.push(change);
        body = behind;
    }
    let totals = Totals::from_bytes(*totals);
    Some((Redone { totals, changes }, rest))
}

type Change = (Vec<u8>, Option<Vec<u8>>);

fn read_change(bytes: &[u8]) -> Option<(Change, &[u8])> {
    let (key_bytes, rest) = bytes.split_first_chunk::<2>()?;
    let (row_bytes, rest) = take_u32(rest)?;
    let (key, rest) = rest.split_at_checked(u16::from_be_bytes(*key_bytes).into())?;
    if row_bytes == REMOVAL {
        return Some(((key.to_vec(), None), rest));
    }
    let (row, rest) = rest.split_at_checked(usize::try_from(row_bytes).ok()?)?;
    Some(((key.to_vec(), Some(row.to_vec())), rest))
}

fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn totals(writes: u64) -> Totals {
        Totals {
            writes,
            rows: 2,
            sum: u64::MAX,
        }
    }

    fn frame(writes: u64) -> Vec<u8> {
        let mut frames = Vec::new();
        let row = vec![writes as u8; 40];
        let changes: [(&[u8], Option<&[u8]>); 3] =
            [(&[1, 2], Some(&row)), (&[3], None), (&[4], Some(&[]))];
        push_frame(&mut frames, totals(writes), changes);
        frames
    }

    fn writes(dir: &Path, after: u64) -> Vec<u64> {
        let found = read_after(dir, totals(after)).unwrap();
        found.iter().map(|batch| batch.totals.writes).collect()
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let bytes = frame(7);
        let (batch, rest) = read_frame(&bytes).unwrap();
        assert!(rest.is_empty());
        assert_eq!(batch.totals, totals(7));
        let rows: Vec<_> = batch.changes.iter().map(|(_, row)| row.clone()).collect();
        assert_eq!(rows, [Some(vec![7; 40]), None, Some(Vec::new())]);
    }

    #[test]
    fn each_flipped_bit_of_a_frame_is_noticed() {
        let bytes = frame(7);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read_frame(&flipped).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn both_files_follow_one_another_and_what_an_earlier_turn_left_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let [mut first, mut second] = open(dir.path()).unwrap();
        first
            .append(&[frame(1), frame(2), frame(3)].concat())
            .unwrap();
        second.append(&[frame(4), frame(5)].concat()).unwrap();
        assert_eq!(writes(dir.path(), 0), [1, 2, 3, 4, 5]);
        let mut first = first.rewind();
        first.append(&frame(6)).unwrap();
        assert_eq!(writes(dir.path(), 3), [4, 5, 6]);
        assert_eq!(writes(dir.path(), 6), [0; 0]);
    }

    #[test]
    fn nothing_counts_behind_a_gap_or_a_torn_frame() {
        let dir = tempfile::tempdir().unwrap();
        let [mut first, _] = open(dir.path()).unwrap();
        let mut torn = frame(3);
        torn.truncate(torn.len() - 1);
        first.append(&[frame(1), frame(2), torn].concat()).unwrap();
        assert_eq!(writes(dir.path(), 0), [1, 2]);
        assert_eq!(writes(dir.path(), 9), [0; 0]);
    }

    proptest! {
        /// The checksum is right, the content is anything: whoever can write the disk can write this.
        #[test]
        fn a_frame_of_any_content_is_read_or_refused(
            content in prop::collection::vec(any::<u8>(), 0..200),
            behind in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let length = u32::try_from(content.len()).unwrap().to_be_bytes();
            let crc = crc32fast::hash(&content).to_be_bytes();
            let bytes = [&length[..], &crc, &content, &behind].concat();
            if let Some((batch, rest)) = read_frame(&bytes) {
                prop_assert_eq!(rest, &behind);
                let mut written = Vec::new();
                let changes = batch.changes.iter();
                let changes = changes.map(|(key, row)| (key.as_slice(), row.as_deref()));
                push_frame(&mut written, batch.totals, changes);
                prop_assert_eq!(&written, &bytes[..bytes.len() - behind.len()]);
            }
        }
    }
}
