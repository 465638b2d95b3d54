//! A batch: preconditions and changes that happen together or not at all.

use std::fmt;

use serde::Serialize;

use super::fault::StoreFault;
use super::form;
use super::key::Key;

/// Which write last changed a row; grows with every write of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(super) u64);

impl Version {
    /// The number of the write.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The write of this number.
    pub fn numbered(number: u64) -> Self {
        Self(number)
    }
}

/// What a row must be for a batch to pass.
pub enum Expected {
    /// There is no row under the key.
    Absent,
    /// The row holds exactly these bytes.
    Value(Vec<u8>),
    /// The row was last changed by this write.
    Version(Version),
}

impl From<Vec<u8>> for Expected {
    fn from(value: Vec<u8>) -> Self {
        Self::Value(value)
    }
}

impl From<Version> for Expected {
    fn from(version: Version) -> Self {
        Self::Version(version)
    }
}

pub(super) enum Change {
    Put(Key, Vec<u8>),
    Remove(Key),
}

/// Preconditions and changes that are applied atomically.
///
/// All preconditions are checked before the first change; changes apply in the order they were added.
#[derive(Default)]
pub struct Batch {
    pub(super) preconditions: Vec<(Key, Expected)>,
    pub(super) changes: Vec<Change>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the row under `key`; at most 16 MiB.
    pub fn put(&mut self, key: Key, value: impl Into<Vec<u8>>) -> &mut Self {
        self.changes.push(Change::Put(key, value.into()));
        self
    }

    /// Sets the row under `key` to `value` in the compact form.
    ///
    /// # Errors
    /// `Value` when the type cannot be encoded.
    pub fn put_value<T: Serialize + ?Sized>(
        &mut self,
        key: Key,
        value: &T,
    ) -> Result<&mut Self, StoreFault> {
        Ok(self.put(key, form::encode(value)?))
    }

    /// Removes the row under `key`; a missing row is no fault.
    pub fn remove(&mut self, key: Key) -> &mut Self {
        self.changes.push(Change::Remove(key));
        self
    }

    /// Lets the batch pass only if there is no row under `key`.
    pub fn expect_absent(&mut self, key: Key) -> &mut Self {
        self.preconditions.push((key, Expected::Absent));
        self
    }

    /// Lets the batch pass only if the row under `key` is as expected: bytes or a version.
    pub fn expect(&mut self, key: Key, expected: impl Into<Expected>) -> &mut Self {
        self.preconditions.push((key, expected.into()));
        self
    }
}

/// Rows may be personal data: only their number shows.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Batch({} preconditions, {} changes)",
            self.preconditions.len(),
            self.changes.len()
        )
    }
}
