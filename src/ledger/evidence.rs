//! Evidence: some records with the proof that signed checkpoints cover them, checked without the ledger.
//!
//! It shows that the records are there and unchanged. It cannot show that no other record was left out of it.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use super::{
    archive::Archive,
    checkpoint::{Checkpoint, CheckpointFault},
    entry::{Position, SALT_BYTES, StoredEntry, TreeId, leaf_hash},
    fault::LedgerFault,
    keys::PublicKeys,
    merkle::{self, Hash},
};

const FORMAT: &str = "chukan-evidence/1";

/// Records with what proves them. As a file: JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    format: String,
    /// Signed notes, one for each tree that has a record here.
    checkpoints: Vec<String>,
    records: Vec<Exhibit>,
}

/// One record and its way to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exhibit {
    tree: String,
    index: u64,
    /// UTC milliseconds since the Unix epoch.
    at_ms: i64,
    /// In hexadecimal.
    salt: String,
    /// The record's JSON, to the byte as it was written.
    body: String,
    /// Base64, from the leaf's neighbour to the root's child.
    path: Vec<String>,
}

/// A record that evidence has proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenRecord {
    /// Its tree.
    pub tree: TreeId,
    /// Its leaf index in the tree.
    pub index: u64,
    /// When it was recorded, UTC milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The record's JSON.
    pub body: String,
}

impl Evidence {
    /// Takes the signed records that pass out of an archive.
    ///
    /// # Errors
    /// When an entry cannot be read or is not text.
    pub fn gather(
        archive: &Archive,
        passes: impl Fn(&StoredEntry) -> bool,
    ) -> Result<Self, LedgerFault> {
        let mut evidence = Self {
            format: FORMAT.to_owned(),
            checkpoints: Vec::new(),
            records: Vec::new(),
        };
        for head in archive.checkpoints() {
            let before = evidence.records.len();
            for entry in archive.entries(head) {
                let entry = entry?;
                if passes(&entry) {
                    let path = archive.inclusion_proof(head, entry.index)?;
                    evidence.records.push(Exhibit::of(entry, &path)?);
                }
            }
            if evidence.records.len() > before {
                evidence.checkpoints.push(head.to_string());
            }
        }
        Ok(evidence)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Checks every record against the checkpoints and these against `keys`, which must come from elsewhere than the evidence.
    ///
    /// # Errors
    /// [`EvidenceFault`] at the first thing that does not prove what it should.
    pub fn check(&self, keys: &PublicKeys) -> Result<Vec<ProvenRecord>, EvidenceFault> {
        if self.format != FORMAT {
            return Err(EvidenceFault::Format);
        }
        let mut heads = Vec::new();
        for (number, note) in (1..).zip(&self.checkpoints) {
            let head = Checkpoint::parse(note);
            let head = head.map_err(|fault| EvidenceFault::Checkpoint { number, fault })?;
            let verified = head.verify(keys);
            verified.map_err(|fault| EvidenceFault::Checkpoint { number, fault })?;
            heads.push(head);
        }
        (1..)
            .zip(&self.records)
            .map(|(number, exhibit)| {
                let tree = exhibit.tree.parse();
                let tree = tree.map_err(|_| EvidenceFault::Record { number })?;
                let head = heads.iter().find(|head| head.tree == tree);
                let head = head.ok_or(EvidenceFault::NoCheckpoint { tree })?;
                exhibit.prove(head).ok_or(EvidenceFault::Record { number })
            })
            .collect()
    }
}

impl Exhibit {
    fn of(entry: StoredEntry, path: &[Hash]) -> Result<Self, LedgerFault> {
        let at = Position {
            tree: entry.tree,
            index: entry.index,
            sequence: entry.sequence,
        };
        Ok(Self {
            tree: at.tree.to_string(),
            index: at.index,
            at_ms: entry.at_ms,
            salt: HEXLOWER.encode(&entry.salt),
            body: String::from_utf8(entry.body).map_err(|_| LedgerFault::NotText(at))?,
            path: path.iter().map(|hash| BASE64.encode(hash)).collect(),
        })
    }

    fn prove(&self, head: &Checkpoint) -> Option<ProvenRecord> {
        let salt = HEXLOWER.decode(self.salt.as_bytes()).ok()?;
        let salt: [u8; SALT_BYTES] = salt.try_into().ok()?;
        let hash = |text: &String| Hash::try_from(BASE64.decode(text.as_bytes()).ok()?).ok();
        let path: Vec<Hash> = self.path.iter().map(hash).collect::<Option<_>>()?;
        let leaf = leaf_hash(&salt, self.at_ms, self.body.as_bytes());
        merkle::verify_inclusion(&leaf, self.index, head.size, &path, &head.root).ok()?;
        Some(ProvenRecord {
            tree: head.tree,
            index: self.index,
            at_ms: self.at_ms,
            body: self.body.clone(),
        })
    }
}

/// Why evidence proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// The file is not evidence of this kind.
    #[error("the evidence is not of the format {FORMAT}")]
    Format,
    /// A checkpoint does not verify against the keys.
    #[error("checkpoint {number}: {fault}")]
    Checkpoint {
        /// Which one, from 1.
        number: usize,
        /// Why.
        fault: CheckpointFault,
    },
    /// A record's tree has no checkpoint in the evidence.
    #[error("there is no checkpoint of {tree}")]
    NoCheckpoint {
        /// The tree.
        tree: TreeId,
    },
    /// A record is not the one that its checkpoint covers.
    #[error("record {number} is not the one that its checkpoint covers")]
    Record {
        /// Which one, from 1.
        number: usize,
    },
}
