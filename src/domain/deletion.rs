//! 削除記録: what was deleted because its period had passed. Records themselves are disposed of, never deleted: `retention`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is deleted when its period has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deleted {
    /// The results of inquiries, with the inquiries.
    Results,
    /// Inquiry files, with which row is in which inquiry.
    BatchFiles,
    /// The files of downloads.
    Downloads,
    /// 取得番号 that were issued and never used.
    AcquisitionSerials,
}

impl Deleted {
    /// What a Japanese reader calls it.
    pub fn ja(self) -> &'static str {
        match self {
            Self::Results => "情報照会の結果",
            Self::BatchFiles => "バッチ照会ファイル",
            Self::Downloads => "ダウンロードのファイル",
            Self::AcquisitionSerials => "未使用の取得番号",
        }
    }
}

/// A deletion as it stands on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedDeletion {
    /// When it was recorded.
    pub at: Timestamp,
    /// What was deleted.
    pub what: Deleted,
    /// How many.
    pub count: u64,
    /// What ended before this: an inquiry, a batch, the time of a download, or that of a serial.
    pub ended_before: Timestamp,
}
