//! What must be known about a store without trusting sled: who it is and how far it was durable.
//!
//! `manifest.json` is written at creation and says which store this is. `durable.mark` says how many writes were
//! durable, how many rows there were then and the sum of their checksums: two checksummed slots, written in turn after
//! each group's `fdatasync`. The mark itself is synced at open, at close and every 1,024 groups only, because a second
//! `fdatasync` per group would double the price of a write: killing the process loses no mark, a power cut may leave it behind
//! (by what the kernel had not written back, about 30 s), never ahead. A mark that lags only notices less.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fault::{During, StoreFault};
use super::row::{META_KEY, crc};

const FORMAT: u32 = 1;
/// Slots lie in different sectors, so that a torn write spoils one of them only.
const SLOT_STRIDE: u64 = 4096;
const GROUPS_PER_SYNC: u32 = 1024;

/// Totals of the store after a number of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    /// Batches applied since the store was made.
    pub(super) writes: u64,
    /// Physical rows, chunks included.
    pub(super) rows: u64,
    /// Wrapping sum of the checksums of all physical rows.
    pub(super) sum: u64,
}

/// Length of written totals.
pub(super) const TOTALS_BYTES: usize = 24;

impl Totals {
    pub(super) fn to_bytes(self) -> [u8; TOTALS_BYTES] {
        let mut bytes = [0; 24];
        for (field, value) in bytes
            .chunks_exact_mut(8)
            .zip([self.writes, self.rows, self.sum])
        {
            field.copy_from_slice(&value.to_be_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; TOTALS_BYTES]) -> Self {
        let mut fields = bytes.chunks_exact(8).map(|field| {
            field
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        });
        let mut next = || fields.next().unwrap_or(0);
        Self {
            writes: next(),
            rows: next(),
            sum: next(),
        }
    }
}

/// The row inside sled that answers to the files beside it.
pub(super) fn encode_meta(store_id: [u8; 16], totals: Totals) -> Vec<u8> {
    let mut row = [store_id.as_slice(), &totals.to_bytes()].concat();
    row.extend_from_slice(&crc(META_KEY, &[&row]).to_be_bytes());
    row
}

pub(super) fn decode_meta(row: &[u8]) -> Option<([u8; 16], Totals)> {
    let (body, sum) = row.split_last_chunk::<4>()?;
    let (store_id, totals) = body.split_first_chunk::<16>()?;
    let totals = Totals::from_bytes(totals.try_into().ok()?);
    (crc(META_KEY, &[body]) == u32::from_be_bytes(*sum)).then_some((*store_id, totals))
}

/// Whether creation was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// No write was ever acknowledged.
    Creating,
    Ready,
}

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    store_id: String,
    pub(super) stage: Stage,
}

impl Manifest {
    pub(super) fn new(store_id: [u8; 16], stage: Stage) -> Self {
        Self {
            format: FORMAT,
            store_id: data_encoding::HEXLOWER.encode(&store_id),
            stage,
        }
    }

    /// `None` when there is no manifest.
    pub(super) fn load(dir: &Path) -> Result<Option<Self>, StoreFault> {
        let path = dir.join("manifest.json");
        let content = match std::fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).during("read", &path),
        };
        let manifest: Self = serde_json::from_slice(&content).map_err(|error| {
            StoreFault::damaged(&path, format!("not readable at column {}", error.column()))
        })?;
        if manifest.format != FORMAT {
            let what = format!(
                "format {} is not format {FORMAT} of this version",
                manifest.format
            );
            return Err(StoreFault::Damaged {
                file: path,
                what,
                remedy: "use the version that wrote it",
            });
        }
        if manifest.id().is_none() {
            return Err(StoreFault::damaged(
                &path,
                "the store id is not 16 bytes in hexadecimal",
            ));
        }
        Ok(Some(manifest))
    }

    /// Replaces `manifest.json`; durable when it returns.
    pub(super) fn save(&self, dir: &Path) -> Result<(), StoreFault> {
        let (path, draft) = (dir.join("manifest.json"), dir.join("manifest.json.draft"));
        let content = serde_json::to_vec(self).map_err(|error| StoreFault::json::<Self>(&error))?;
        let mut file = File::create(&draft).during("create", &draft)?;
        file.write_all(&content)
            .and_then(|()| file.sync_all())
            .during("write", &draft)?;
        std::fs::rename(&draft, &path).during("rename", &draft)?;
        sync_dir(dir)
    }

    pub(super) fn id(&self) -> Option<[u8; 16]> {
        data_encoding::HEXLOWER
            .decode(self.store_id.as_bytes())
            .ok()?
            .try_into()
            .ok()
    }
}

/// Makes names created in or renamed within `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreFault> {
    File::open(dir)
        .and_then(|handle| handle.sync_all())
        .during("sync", dir)
}

/// The open `durable.mark`.
pub(super) struct Mark {
    file: File,
    path: PathBuf,
    slot: u64,
    groups_unsynced: u32,
}

impl Mark {
    pub(super) fn create(dir: &Path) -> Result<Self, StoreFault> {
        let path = dir.join("durable.mark");
        let file = File::create(&path).during("create", &path)?;
        let mut mark = Self {
            file,
            path,
            slot: 0,
            groups_unsynced: 0,
        };
        mark.advance(Totals::default())?;
        mark.advance(Totals::default())?;
        mark.sync()?;
        Ok(mark)
    }

    /// Opens the mark and tells the newest totals that were durable.
    pub(super) fn load(dir: &Path) -> Result<(Self, Totals), StoreFault> {
        let path = dir.join("durable.mark");
        let file = File::options().read(true).write(true).open(&path);
        let file = match file {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreFault::damaged(&path, "the file is missing"));
            }
            opened => opened.during("open", &path)?,
        };
        let read_slot = |slot: u64| {
            let mut bytes = [0; 28];
            file.read_exact_at(&mut bytes, slot * SLOT_STRIDE).ok()?;
            let (totals, sum) = bytes.split_first_chunk::<24>()?;
            (crc32fast::hash(totals).to_be_bytes() == *sum).then(|| Totals::from_bytes(*totals))
        };
        let Some((slot, totals)) = newest(read_slot(0), read_slot(1)) else {
            return Err(StoreFault::damaged(&path, "both slots are unreadable"));
        };
        Ok((
            Self {
                file,
                path,
                slot: 1 - slot,
                groups_unsynced: 0,
            },
            totals,
        ))
    }

    /// Notes totals that are durable in the tree.
    pub(super) fn advance(&mut self, totals: Totals) -> Result<(), StoreFault> {
        let bytes = totals.to_bytes();
        let slot = [bytes.as_slice(), &crc32fast::hash(&bytes).to_be_bytes()].concat();
        self.file
            .write_all_at(&slot, self.slot * SLOT_STRIDE)
            .during("write", &self.path)?;
        self.slot = 1 - self.slot;
        self.groups_unsynced += 1;
        if self.groups_unsynced >= GROUPS_PER_SYNC {
            self.sync()
        } else {
            Ok(())
        }
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreFault> {
        self.groups_unsynced = 0;
        self.file.sync_data().during("sync", &self.path)
    }
}

fn newest(first: Option<Totals>, second: Option<Totals>) -> Option<(u64, Totals)> {
    match (first, second) {
        (Some(first), Some(second)) if first.writes >= second.writes => Some((0, first)),
        (_, Some(second)) => Some((1, second)),
        (Some(first), None) => Some((0, first)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, Totals, decode_meta, encode_meta};
    use std::os::unix::fs::FileExt;

    fn totals(writes: u64) -> Totals {
        Totals {
            writes,
            rows: 2,
            sum: u64::MAX,
        }
    }

    #[test]
    fn the_newest_mark_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut mark = Mark::create(dir.path()).unwrap();
        for writes in 1..=5 {
            mark.advance(totals(writes)).unwrap();
            assert_eq!(Mark::load(dir.path()).unwrap().1, totals(writes));
        }
    }

    #[test]
    fn one_spoiled_slot_leaves_the_mark_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut mark = Mark::create(dir.path()).unwrap();
        mark.advance(totals(1)).unwrap();
        mark.advance(totals(2)).unwrap();
        mark.file
            .write_all_at(&[0xFF], (1 - mark.slot) * super::SLOT_STRIDE)
            .unwrap();
        assert_eq!(Mark::load(dir.path()).unwrap().1, totals(1));
        mark.file.set_len(0).unwrap();
        assert!(Mark::load(dir.path()).is_err());
    }

    #[test]
    fn each_flipped_bit_of_the_meta_row_is_noticed() {
        let row = encode_meta([7; 16], totals(3));
        assert_eq!(decode_meta(&row), Some(([7; 16], totals(3))));
        for bit in 0..row.len() * 8 {
            let mut flipped = row.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_meta(&flipped), None);
        }
    }
}
