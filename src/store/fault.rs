//! The one error type of the state store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to do about a damaged store, as told to the operator.
pub(super) const RESTORE: &str = "stop the process, restore the whole directory from a backup, start again; what is newer than the backup is replayed from the ledger";

/// Why the state store could not do what it was asked.
///
/// No variant carries a key or a value: they may name a person.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The operating system refused a file operation.
    #[error("could not {doing} {}", file.display())]
    Io {
        /// What was attempted, as a verb.
        doing: &'static str,
        /// The file or directory concerned.
        file: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// Another process, or another engine of this process, holds the directory.
    #[error("{} is in use by another process", dir.display())]
    InUse {
        /// The directory asked for.
        dir: PathBuf,
    },
    /// What is on disk is not what was acknowledged.
    #[error("{}: {what}; {remedy}", file.display())]
    Damaged {
        /// The file in which the damage shows.
        file: PathBuf,
        /// What was found.
        what: String,
        /// What the operator does.
        remedy: &'static str,
    },
    /// A write failed half-way or could not be made durable: no write is accepted until the store is reopened.
    #[error("the state store accepts no writes until it is reopened")]
    ReadOnly {
        /// The fault that stopped the writer.
        #[source]
        cause: Arc<StoreFault>,
    },
    /// The thread that brings the log into the tree ended unexpectedly.
    #[error(
        "{}: the log could not be brought into the tree; nothing that was acknowledged is lost: start the process again, which reads the log",
        dir.display()
    )]
    FoldEnded {
        /// The store's directory.
        dir: PathBuf,
    },
    /// The engine was closed.
    #[error("the state store is closed")]
    Closed,
    /// A precondition of the batch does not hold; nothing was written.
    #[error("precondition {precondition} of the batch does not hold")]
    Conflict {
        /// Position of the first failing precondition, counted from 0 in the order they were added.
        precondition: usize,
    },
    /// A value is longer than the store takes.
    #[error("a value of {bytes} bytes is longer than {bytes_max}")]
    ValueTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A key is longer than the store takes.
    #[error("a key of {bytes} bytes is longer than {bytes_max}")]
    KeyTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The row was written in a form that this program does not know.
    #[error(
        "a row of {type_name} has the form {form}, which this program does not know: open the data directory with the version that wrote it, or a newer one"
    )]
    UnknownForm {
        /// The Rust type concerned.
        type_name: &'static str,
        /// The row's first byte.
        form: u8,
    },
    /// The text is not a page token that this store gave for the list.
    #[error("the page token was not given by this server for this list")]
    PageToken,
    /// A value could not be encoded or decoded; the parser's own text is left out because it quotes the value.
    #[error("a value does not fit {type_name} ({category})")]
    Value {
        /// The Rust type concerned.
        type_name: &'static str,
        /// `input/output`, `syntax`, `data` or `end of input`.
        category: &'static str,
    },
}

impl StoreFault {
    pub(super) fn damaged(file: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            file: file.to_path_buf(),
            what: what.into(),
            remedy: RESTORE,
        }
    }

    /// A value that is well-formed, but not that of a `T`.
    pub(super) fn value_data<T: ?Sized>() -> Self {
        Self::value::<T>("data")
    }

    pub(super) fn value<T: ?Sized>(category: &'static str) -> Self {
        Self::Value {
            type_name: std::any::type_name::<T>(),
            category,
        }
    }

    pub(super) fn json<T: ?Sized>(error: &serde_json::Error) -> Self {
        let category = match error.classify() {
            serde_json::error::Category::Io => "input/output",
            serde_json::error::Category::Syntax => "syntax",
            serde_json::error::Category::Data => "data",
            serde_json::error::Category::Eof => "end of input",
        };
        Self::value::<T>(category)
    }
}

/// Names the file and the act for a failed file operation.
pub(super) trait During<T> {
    fn during(self, doing: &'static str, file: &Path) -> Result<T, StoreFault>;
}

impl<T> During<T> for std::io::Result<T> {
    fn during(self, doing: &'static str, file: &Path) -> Result<T, StoreFault> {
        self.map_err(|source| StoreFault::Io {
            doing,
            file: file.to_path_buf(),
            source,
        })
    }
}
