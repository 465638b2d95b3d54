//! Backups: one world with its definition files and PKI in one file, sealed to a key, taken while the world goes on.
//!
//! The trees are signed; then the state is frozen and the ledger's prefix taken at one moment, while no entry is
//! acknowledged. What the frozen state knows is in the prefix; what only the prefix has is followed into the state when
//! the restored world is opened, as after a crash.

mod archive;
mod create;
mod daily;
mod manifest;
mod restore;
mod verify;

use std::{io, path::PathBuf};

pub use create::{BackupSource, write_stopped};
pub use daily::Daily;
pub(super) use daily::Overdue;
pub use manifest::{Manifest, ManifestTree};
pub use restore::restore;
pub use verify::verify;

use crate::{
    crypto::{sealed_stream::StreamFault, signing::KeyFault},
    ledger::LedgerFault,
    store::StoreFault,
};

/// A backup could not be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// The archive is foreign, damaged, cut, or sealed to another key.
    #[error("the archive cannot be opened: {0}")]
    Stream(#[from] StreamFault),
    /// The archive opens, but what is in it has not the form of this version.
    #[error("the archive's content has not the form of this version, in {0}")]
    Form(&'static str),
    /// The manifest's signature is not by the core system of the world in the archive.
    #[error("the manifest is not signed by the core system of the world in the archive")]
    Signature,
    /// The archive was made by a world with other keys than those that were given.
    #[error("the archive was made by a world with other keys than the given ones")]
    OtherSigner,
    /// A member of the archive is not what the manifest says.
    #[error("{0} is not what the manifest says")]
    Member(String),
    /// The ledger in the world or in the archive.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// The state in the world or in the archive.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// A key could not be read.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// Nothing is overwritten.
    #[error("{0} is there already: restore into a directory that does not exist")]
    Exists(PathBuf),
    /// A file could not be read or written.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The archive could not be read or written.
    #[error("the archive: {0}")]
    Io(io::Error),
    /// The world was closed meanwhile.
    #[error("the world was closed while it was being backed up")]
    Stopped,
}

impl BackupFault {
    fn file(file: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        |source| Self::File { file, source }
    }
}

/// Errors of a sealed stream come as `io::Error`.
impl From<io::Error> for BackupFault {
    fn from(fault: io::Error) -> Self {
        match fault.downcast::<StreamFault>() {
            Ok(stream) => Self::Stream(stream),
            Err(other) => Self::Io(other),
        }
    }
}
