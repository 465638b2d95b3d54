//! What can go wrong in the ledger.

use std::{io, path::PathBuf, sync::Arc};

use super::entry::{ENTRY_BODY_BYTES_MAX, Owner, Position, TreeId};
use crate::crypto::signing::KeyFault;

/// Why the ledger could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerFault {
    /// A file could not be read or written.
    #[error("{file}: {source}")]
    File {
        /// The file or directory.
        file: PathBuf,
        /// What the operating system said; shared by all commits of one write.
        source: Arc<io::Error>,
    },
    /// What is on disk is not what was written.
    #[error("{file} is damaged at byte {offset}: {what}. {remedy}", remedy = what.remedy())]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where in the file, in bytes from its beginning.
        offset: u64,
        /// What is wrong with it.
        what: Damage,
    },
    /// Another process has this directory open.
    #[error("{0} is open in another process")]
    InUse(PathBuf),
    /// An earlier write failed; nothing is written until the ledger has been opened again.
    #[error("the ledger is read-only after a failed write; restart and verify it")]
    ReadOnly,
    /// The body of an entry is longer than [`ENTRY_BODY_BYTES_MAX`].
    #[error("an entry of {bytes} bytes is longer than {ENTRY_BODY_BYTES_MAX}")]
    BodyTooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// One commit is larger than a frame may be.
    #[error("a commit of {bytes} bytes is larger than {bytes_max}")]
    CommitTooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The largest size in bytes.
        bytes_max: usize,
    },
    /// The tree's owner has no signing key in this ledger.
    #[error("{0} has no signing key in this ledger")]
    NoKey(Owner),
    /// The owner's public key on disk is not the one of the signing key given.
    #[error("the key of {0} is not the one this ledger was made with")]
    OtherKey(Owner),
    /// The ledger has no such tree, or the tree has no such index or size.
    #[error("{tree} does not reach {size}")]
    NotThere {
        /// The tree asked for.
        tree: TreeId,
        /// The index or size asked for.
        size: u64,
    },
    /// The entry's period has ended, and its body was destroyed.
    #[error("entry {} of {} was destroyed when its period ended", .0.index, .0.tree)]
    Destroyed(Position),
    /// The entry is not text, as evidence must be.
    #[error("entry {} of {} is not text", .0.index, .0.tree)]
    NotText(Position),
    /// The operating system gave no random bytes for the salt.
    #[error(transparent)]
    Salt(#[from] KeyFault),
}

impl LedgerFault {
    pub(super) fn file(file: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        |source| Self::File {
            file,
            source: Arc::new(source),
        }
    }
}

/// A kind of damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The header of a segment does not verify.
    #[error("the segment's header does not verify")]
    Header,
    /// A frame does not verify although later ones do.
    #[error("a frame does not verify although later ones were written after it")]
    Frame,
    /// A frame verifies but does not continue the one before.
    #[error("a frame does not continue the one before it")]
    Order,
    /// A segment is missing or stands in another's place.
    #[error("segment {expected} should be here")]
    Sequence {
        /// Number of the segment that should be here.
        expected: u64,
    },
    /// A segment does not continue the one before: one of the two was exchanged or cut.
    #[error("the segment does not continue the one before it")]
    Link,
    /// A signed checkpoint or a file of keys cannot be read.
    #[error("the text is not in its format")]
    Text,
    /// A checkpoint's signatures do not verify.
    #[error("the checkpoint's signatures do not verify")]
    Signature,
    /// The tree holds fewer entries than its last signed checkpoint.
    #[error("the checkpoint signs {signed} entries of {tree}, but only {found} are there")]
    Short {
        /// The tree.
        tree: TreeId,
        /// Entries that the checkpoint signs.
        signed: u64,
        /// Entries found.
        found: u64,
    },
    /// The tree's root is not the signed one.
    #[error("the root of {tree} is not the one its checkpoint signs")]
    Root {
        /// The tree.
        tree: TreeId,
    },
    /// Leaves read back are not those that their tree's nodes were made of.
    #[error("the leaves of {tree} from {first} on are not those that were hashed")]
    Leaves {
        /// The tree.
        tree: TreeId,
        /// The first of them.
        first: u64,
    },
    /// An entry read back is not the one its leaf hash commits to.
    #[error("the entry is not the one its leaf hash commits to")]
    Entry,
}

impl Damage {
    /// What the operator can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Header | Self::Frame | Self::Order | Self::Leaves { .. } | Self::Entry => {
                "Restore this file from the last backup; a backup of the whole ledger directory is safest"
            }
            Self::Sequence { .. } | Self::Link => {
                "Restore all segments from one and the same backup of the ledger directory"
            }
            Self::Text | Self::Signature => {
                "Restore the file from a backup; it must belong to this ledger and its keys"
            }
            Self::Short { .. } | Self::Root { .. } => {
                "Records that were signed are missing or changed: restore the segments from a backup not older than the checkpoint"
            }
        }
    }
}
