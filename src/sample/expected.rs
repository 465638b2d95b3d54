//! What must become of a sample file, as it stands beside the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{files::Encoding, result::ResultCode};

/// What must become of a sample file when it is handed over in a world of the same seed and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// What the file shows, in Japanese.
    pub shows: String,
    /// How the file is written.
    pub encoding: Encoding,
    /// What must become of it.
    pub outcome: ExpectedOutcome,
}

/// What must become of a sample file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedOutcome {
    /// An inquiry file is taken: how many rows end with each result, or wait for the staff.
    Results(BTreeMap<String, u32>),
    /// A replica file is taken: how many replicas there are in it.
    Replicas(u64),
    /// The file is refused: its flaw. Of a replica file others may follow from it on the lines of the same replica.
    Flaws(Vec<ExpectedFlaw>),
}

/// A flaw that must be found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExpectedFlaw {
    /// The line, from 1.
    pub line: u64,
    /// Of an inquiry file the column's name, empty where the flaw is in none; of a replica file the flaw's code.
    pub what: String,
}

impl Expected {
    /// A file that is taken, and where its rows end.
    pub fn results(shows: impl Into<String>, codes: impl IntoIterator<Item = ResultCode>) -> Self {
        let mut results = BTreeMap::new();
        for code in codes {
            *results.entry(code.status_code().to_owned()).or_default() += 1;
        }
        Self {
            shows: shows.into(),
            encoding: Encoding::Utf8,
            outcome: ExpectedOutcome::Results(results),
        }
    }

    /// A file that is refused.
    pub fn flaw(shows: impl Into<String>, line: u64, what: &str) -> Self {
        Self {
            shows: shows.into(),
            encoding: Encoding::Utf8,
            outcome: ExpectedOutcome::Flaws(vec![ExpectedFlaw {
                line,
                what: what.to_owned(),
            }]),
        }
    }
}

/// A small sample file, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What must become of it.
    pub expected: Expected,
}
