//! 副本の取込: a file of replicas that an institution took over, and how far that is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{codes::SpecificInfoCode, replica_file::Extent, words::LayoutVersion};

/// A file that was accepted. It is carried to its end, also over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicaImport {
    /// Its number at the institution, from 1.
    pub number: u64,
    /// What it is about.
    pub specific_info: SpecificInfoCode,
    /// The version it follows.
    pub layout_version: LayoutVersion,
    /// What became of replicas that it did not name.
    pub extent: Extent,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// Its lines with records and deletions.
    pub rows: u64,
    /// The replicas that were left out because of their flaws; 0 when the file was taken whole.
    pub left_out: u64,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The changes it makes: replicas to register and to delete.
    pub changes: u64,
    /// How many of them are made.
    pub applied: u64,
    /// Replicas that were new.
    pub registered: u64,
    /// Replicas that took the place of an older one.
    pub replaced: u64,
    /// Replicas that were deleted.
    pub deleted: u64,
}

impl ReplicaImport {
    /// Whether every change is made.
    pub fn is_finished(&self) -> bool {
        self.applied == self.changes
    }
}
