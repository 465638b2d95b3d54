//! バッチ照会: a file that was taken, the inquiries it became, and its life.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    batch_file::BatchFileName,
    codes::InstitutionCode,
    files::Encoding,
    names::{ProcessingSerial, ReceiptNumber},
    refusal::Refusal,
    result::ResultCode,
    words::SystemName,
};

/// The most details of one inquiry that a file becomes (ours): an exchange reads its inquiry, so that they stay small.
pub const PART_DETAILS_MAX: usize = 50;

/// A file that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InquiryBatch {
    /// 照会者.
    pub institution: InstitutionCode,
    /// The file's name, which names the batch.
    pub name: BatchFileName,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// The encoding of the file.
    pub encoding: Encoding,
    /// The character table that came with it, in its text form.
    pub table: String,
    /// Whether rows with flaws were left out.
    pub taking: Taking,
    /// When it was taken, by the world's clock.
    pub accepted_at: Timestamp,
    /// How many rows were taken.
    pub rows: u32,
    /// The lines that were left out.
    pub refused: Vec<u32>,
    /// The business system whose 宛名番号 the file speaks; nothing where it speaks 団体内統合宛名番号.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemName>,
    /// Where it stands.
    pub state: BatchState,
}

/// What becomes of a file with a flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taking {
    /// The whole file is refused.
    Whole,
    /// The rows with flaws are left out.
    ByRow,
}

/// An inquiry that a file became: rows with the same time, unit, user, affair, procedure and delegator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPart {
    /// The inquiry.
    pub receipt: ReceiptNumber,
    /// The line of each of its details.
    pub lines: Vec<u32>,
}

impl BatchPart {
    /// The exchange of each line.
    pub fn serials(
        &self,
        inquirer: InstitutionCode,
    ) -> impl Iterator<Item = (u32, ProcessingSerial)> + '_ {
        self.lines.iter().zip(0u16..).map(move |(line, detail)| {
            let serial = ProcessingSerial {
                inquirer,
                receipt: self.receipt,
                detail,
                info: 0,
            };
            (*line, serial)
        })
    }
}

/// How many rows stand at which result.
pub type RowTally = BTreeMap<ResultCode, u32>;

/// Where a batch stands. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BatchState {
    /// Rows are under way or wait for the staff of a provider.
    Running,
    /// Rows that have not ended are being cancelled.
    Cancelling {
        /// Since when.
        since: Timestamp,
    },
    /// Every row has ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        tally: RowTally,
    },
}

/// What can happen to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchEvent {
    /// The inquirer wishes to cancel it.
    CancelAsked {
        /// When.
        at: Timestamp,
    },
    /// Its last row has ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How the rows ended.
        tally: RowTally,
    },
}

impl BatchState {
    /// The state after `event`.
    ///
    /// # Errors
    /// [`Refusal::BatchEnded`] when nothing of it can change any more.
    pub fn apply(self, event: BatchEvent) -> Result<Self, Refusal> {
        match (self, event) {
            (Self::Running, BatchEvent::CancelAsked { at }) => Ok(Self::Cancelling { since: at }),
            (Self::Cancelling { since }, BatchEvent::CancelAsked { .. }) => {
                Ok(Self::Cancelling { since })
            }
            (Self::Running | Self::Cancelling { .. }, BatchEvent::Ended { at, tally }) => {
                Ok(Self::Ended { at, tally })
            }
            (Self::Ended { .. }, BatchEvent::CancelAsked { .. } | BatchEvent::Ended { .. }) => {
                Err(Refusal::BatchEnded)
            }
        }
    }
}
