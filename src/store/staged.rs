//! One batch before it reaches the log: its preconditions, and the physical rows that it changes.

use std::collections::HashMap;

use super::batch::{Batch, Change, Expected, Version};
use super::fault::StoreFault;
use super::key::Key;
use super::layers::{Held, Layers};
use super::manifest::Totals;
use super::row::{KEY_BYTES_MAX, Row, VALUE_BYTES_MAX, checksum, decode, encode, row_key};
use super::value::assemble;

struct Staged<'a> {
    layers: &'a Layers,
    totals: Totals,
    rows: HashMap<Vec<u8>, Held>,
    /// What the preconditions read: a change of the same row need not read it again.
    read: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

/// Why a batch was not staged.
pub(super) enum Unstaged {
    /// The batch is at fault.
    Refused(StoreFault),
    /// The store is at fault.
    Broken(StoreFault),
}

/// The physical changes of a batch by key, and the totals after it, if its lengths and preconditions allow it.
pub(super) fn stage(
    layers: &Layers,
    totals: Totals,
    batch: &Batch,
) -> Result<(HashMap<Vec<u8>, Held>, Totals), Unstaged> {
    lengths(batch).map_err(Unstaged::Refused)?;
    let mut staged = Staged {
        layers,
        totals,
        rows: HashMap::new(),
        read: HashMap::new(),
    };
    for (precondition, (key, expected)) in batch.preconditions.iter().enumerate() {
        if !staged.holds(key, expected).map_err(Unstaged::Broken)? {
            return Err(Unstaged::Refused(StoreFault::Conflict { precondition }));
        }
    }
    staged.totals.writes += 1;
    for (position, change) in (0..).zip(&batch.changes) {
        staged.change(position, change).map_err(Unstaged::Broken)?;
    }
    Ok((staged.rows, staged.totals))
}

impl Staged<'_> {
    fn holds(&mut self, key: &Key, expected: &Expected) -> Result<bool, StoreFault> {
        let head_key = row_key(key.as_bytes());
        let head = self.row(&head_key)?;
        self.read.insert(head_key.clone(), head.clone());
        let Some(head) = head else {
            return Ok(matches!(expected, Expected::Absent));
        };
        let found = match expected {
            Expected::Absent => return Ok(false),
            Expected::Version(version) => return Ok(self.head(&head_key, &head)?.0 == *version),
            Expected::Value(_) => assemble(&head_key, &head, |key| self.row(key))?,
        };
        let (_, found) = found.ok_or_else(|| self.malformed())?;
        Ok(matches!(expected, Expected::Value(value) if *value == found))
    }

    fn change(&mut self, position: u32, change: &Change) -> Result<(), StoreFault> {
        match change {
            Change::Put(key, value) => {
                self.clear(key)?;
                for (physical_key, row) in
                    encode(key.as_bytes(), value, self.totals.writes, position)
                {
                    self.totals.rows += 1;
                    self.totals.sum = self.totals.sum.wrapping_add(u64::from(checksum(&row)));
                    // One that is there has just been removed, and its place says so.
                    self.set(physical_key, Some(row), false);
                }
                Ok(())
            }
            Change::Remove(key) => self.clear(key),
        }
    }

    /// Notes what becomes of a row; whether there was one before the batch is told the first time.
    fn set(&mut self, physical_key: Vec<u8>, row: Option<Vec<u8>>, was_there: bool) {
        let hides = was_there;
        let first = || Held { row: None, hides };
        self.rows.entry(physical_key).or_insert_with(first).row = row;
    }

    /// Removes the row under `key` and its chunks, if there is one.
    fn clear(&mut self, key: &Key) -> Result<(), StoreFault> {
        let head_key = row_key(key.as_bytes());
        let Some(head) = self.row(&head_key)? else {
            return Ok(());
        };
        let (_, chunk_keys) = self.head(&head_key, &head)?;
        for chunk_key in chunk_keys {
            let chunk = self.row(&chunk_key)?.ok_or_else(|| self.malformed())?;
            self.forget(chunk_key, &chunk);
        }
        self.forget(head_key, &head);
        Ok(())
    }

    fn forget(&mut self, physical_key: Vec<u8>, row: &[u8]) {
        self.totals.rows = self.totals.rows.saturating_sub(1);
        self.totals.sum = self.totals.sum.wrapping_sub(u64::from(checksum(row)));
        self.set(physical_key, None, true);
    }

    fn head(&self, head_key: &[u8], head: &[u8]) -> Result<(Version, Vec<Vec<u8>>), StoreFault> {
        match decode(head_key, head) {
            Ok(Row::Inline(version, _)) => Ok((version, Vec::new())),
            Ok(Row::Chunked(version, chunks)) => Ok((version, chunks.keys().collect())),
            Ok(Row::Chunk(_)) | Err(super::row::Malformed) => Err(self.malformed()),
        }
    }

    fn row(&self, physical_key: &[u8]) -> Result<Option<Vec<u8>>, StoreFault> {
        if let Some(staged) = self.rows.get(physical_key) {
            return Ok(staged.row.clone());
        }
        match self.read.get(physical_key) {
            Some(read) => Ok(read.clone()),
            None => self.layers.row(physical_key),
        }
    }

    fn malformed(&self) -> StoreFault {
        StoreFault::damaged(
            &self.layers.path(),
            "a row is malformed or one of its chunks is missing",
        )
    }
}

fn lengths(batch: &Batch) -> Result<(), StoreFault> {
    let put_keys = batch.changes.iter().map(|change| match change {
        Change::Put(key, _) | Change::Remove(key) => key,
    });
    for key in put_keys.chain(batch.preconditions.iter().map(|(key, _)| key)) {
        let bytes = key.as_bytes().len();
        if bytes > KEY_BYTES_MAX {
            return Err(StoreFault::KeyTooLong {
                bytes,
                bytes_max: KEY_BYTES_MAX,
            });
        }
    }
    for change in &batch.changes {
        if let Change::Put(_, value) = change
            && value.len() > VALUE_BYTES_MAX
        {
            return Err(StoreFault::ValueTooLong {
                bytes: value.len(),
                bytes_max: VALUE_BYTES_MAX,
            });
        }
    }
    Ok(())
}
