//! What goes into the ledger and comes out of it: owners, trees, entries and their positions.

use std::{fmt, str::FromStr};

use super::merkle::{self, Hash};
use crate::crypto::digest::sha256;

/// Longest body of an entry in bytes. A record holds codes and times, never data of the person.
pub const ENTRY_BODY_BYTES_MAX: usize = 64 * 1024;

/// Length of the random salt in a leaf commitment in bytes.
pub const SALT_BYTES: usize = 16;

pub(super) const OWNER_BYTES: usize = 16;

const CORE: [u8; OWNER_BYTES] = *b"core\0\0\0\0\0\0\0\0\0\0\0\0";

/// Whose records a tree holds: the core system's (`core`) or one institution's (its 16-digit 機関コード).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner([u8; OWNER_BYTES]);

impl Owner {
    /// The core system.
    pub const CORE: Self = Self(CORE);

    pub(super) fn to_bytes(self) -> [u8; OWNER_BYTES] {
        self.0
    }

    pub(super) fn from_bytes(bytes: [u8; OWNER_BYTES]) -> Result<Self, BadName> {
        if bytes == CORE || bytes.iter().all(u8::is_ascii_digit) {
            Ok(Self(bytes))
        } else {
            Err(BadName)
        }
    }
}

impl FromStr for Owner {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        if text == "core" {
            return Ok(Self::CORE);
        }
        let bytes = text.as_bytes().try_into().map_err(|_| BadName)?;
        Self::from_bytes(bytes)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.0
            .iter()
            .take_while(|byte| **byte != 0)
            .try_for_each(|byte| f.write_char(char::from(*byte)))
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({self})")
    }
}

/// One Merkle tree: the records of one owner in one Japanese fiscal year. Shown as `core/2026`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeId {
    /// Whose records.
    pub owner: Owner,
    /// The year in which the fiscal year begins (April), e.g. 2026 for 令和8年度.
    pub fiscal_year: u16,
}

impl fmt::Display for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.fiscal_year)
    }
}

impl FromStr for TreeId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let (owner, year) = text.split_once('/').ok_or(BadName)?;
        let tree = Self {
            owner: owner.parse()?,
            fiscal_year: year.parse().map_err(|_| BadName)?,
        };
        // One tree has one name: "+2026" and "02026" are not names.
        if tree.to_string() == text {
            Ok(tree)
        } else {
            Err(BadName)
        }
    }
}

/// A record to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The tree it belongs to.
    pub tree: TreeId,
    /// The world's time of the record, UTC milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The record as JSON made by the caller, at most [`ENTRY_BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("tree", &self.tree)
            .field("at_ms", &self.at_ms)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Its tree.
    pub tree: TreeId,
    /// Its leaf index in the tree, from 0.
    pub index: u64,
    /// Its number in the whole ledger, from 0.
    pub sequence: u64,
}

/// An entry as it was read back and checked.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its tree.
    pub tree: TreeId,
    /// Its leaf index in the tree, from 0.
    pub index: u64,
    /// Its number in the whole ledger, from 0.
    pub sequence: u64,
    /// The world's time of the record, UTC milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The record as JSON.
    pub body: Vec<u8>,
    /// The salt of its commitment.
    pub salt: [u8; SALT_BYTES],
    /// Its leaf hash in the tree.
    pub leaf_hash: Hash,
}

impl fmt::Debug for StoredEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredEntry")
            .field("tree", &self.tree)
            .field("index", &self.index)
            .field("sequence", &self.sequence)
            .field("at_ms", &self.at_ms)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// The leaf hash of an entry: the RFC 6962 leaf hash of `SHA-256(salt || at_ms big-endian || body)`.
///
/// Salt and body can be destroyed when the record's period ends; the commitment alone keeps the tree verifiable and, being
/// salted, tells nothing of the body.
pub fn leaf_hash(salt: &[u8; SALT_BYTES], at_ms: i64, body: &[u8]) -> Hash {
    merkle::hash_leaf(&commitment(salt, at_ms, body))
}

/// What a leaf holds: `SHA-256(salt || at_ms big-endian || body)`.
pub(super) fn commitment(salt: &[u8; SALT_BYTES], at_ms: i64, body: &[u8]) -> Hash {
    sha256(&[salt, &at_ms.to_be_bytes(), body])
}

/// The text names no owner or tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an owner is \"core\" or 16 digits, and a tree is an owner, a slash and a year")]
pub struct BadName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_core_and_sixteen_digits_are_owners() {
        for name in ["core", "0220113112101700"] {
            assert_eq!(name.parse::<Owner>().unwrap().to_string(), name);
        }
        for name in [
            "",
            "Core",
            "core ",
            "022011311210170",
            "02201131121017000",
            "022011311210170a",
        ] {
            assert_eq!(name.parse::<Owner>(), Err(BadName), "{name:?}");
        }
    }

    #[test]
    fn a_tree_has_one_name() {
        let tree: TreeId = "0220113112101700/2026".parse().unwrap();
        assert_eq!(tree.to_string(), "0220113112101700/2026");
        for name in [
            "core",
            "core/",
            "core/+2026",
            "core/02026",
            "core/2026/",
            "core/99999",
        ] {
            assert_eq!(name.parse::<TreeId>(), Err(BadName), "{name:?}");
        }
    }

    #[test]
    fn salt_time_and_body_all_move_the_leaf_hash() {
        let leaf = leaf_hash(&[1; 16], 5, b"body");
        assert_ne!(leaf, leaf_hash(&[2; 16], 5, b"body"));
        assert_ne!(leaf, leaf_hash(&[1; 16], 6, b"body"));
        assert_ne!(leaf, leaf_hash(&[1; 16], 5, b"bodz"));
    }

    #[test]
    fn debug_shows_no_body() {
        let entry = Entry {
            tree: "core/2026".parse().unwrap(),
            at_ms: 1,
            body: b"secret".to_vec(),
        };
        assert!(!format!("{entry:?}").contains("115"));
    }
}
