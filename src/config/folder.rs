//! The watched folder for inquiry and replica files.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::flaw::Range;
use crate::domain::{batch::Taking, files::Encoding};

/// The watched folder for inquiry and replica files of the world `default`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FolderConfig {
    /// The folder; below it each institution has `in`, `taken`, `refused` and `out`. Default: none, nothing is watched.
    pub path: Option<PathBuf>,
    /// How often it is looked at, in milliseconds. Default: 1,000.
    pub interval_ms: u64,
    /// The encoding of the files: `utf-8` or `shift_jis`. Default: `utf-8`.
    pub encoding: Encoding,
    /// What becomes of a file with a flaw: `whole` refuses it, `by_row` leaves its flawed rows out. Default: `whole`.
    pub taking: Taking,
}

impl Default for FolderConfig {
    fn default() -> Self {
        Self {
            path: None,
            interval_ms: 1_000,
            encoding: Encoding::Utf8,
            taking: Taking::Whole,
        }
    }
}

impl FolderConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        vec![Range::new(
            "folder.interval_ms",
            self.interval_ms,
            50,
            3_600_000,
        )]
    }
}
