//! 副本ファイル: replicas as lines of a file, one line for each record of a data set. The form is docs/replica-files.md.

use serde::{Deserialize, Serialize};

mod assemble;
mod columns;
mod cut;
mod flaw;
mod head;
mod numbers;
mod open;
mod read;
mod write;

pub use assemble::{Assembled, Assembler, Entry, FileNames};
pub use columns::{
    Columns, HeadColumn, ItemColumn, SetColumn, version_with_length, version_with_names,
};
pub use cut::{Cutter, Fields, FileForm, dat_layout, dat_name};
pub use flaw::{FileFlaw, FileMisfit, Place};
pub use numbers::{FileNumbers, LookUp};
pub use read::{FilePlan, FileReader};
pub use write::{Unwritable, names, rows, rows_about};

/// What a replica file says of the replicas in its version of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// 全件: the file is all there is; what it does not name is deleted.
    Full,
    /// 差分: the file is what has changed; what it does not name stays.
    Differential,
}

/// 処理区分: what a line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// 登録: register the replica or take the place of the older one.
    Register,
    /// 削除: delete the replica.
    Delete,
}

impl Action {
    /// As it stands in a file.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Register => "1",
            Self::Delete => "2",
        }
    }

    /// Reads it from a file.
    pub fn read(mark: &str) -> Option<Self> {
        [Self::Register, Self::Delete]
            .into_iter()
            .find(|action| action.mark() == mark)
    }
}

#[cfg(test)]
mod tests;
