//! What an archive says of itself, signed by the core system of its world.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::BackupFault;
use crate::{
    crypto::signing::{SIGNATURE_BYTES, SigningKey, VerifyingKey},
    ledger::PrefixTree,
    store::StateTotals,
};

pub(super) const FORMAT: u32 = 1;

/// In front of the JSON when it is signed, so that the signature means nothing else.
const SIGNED_AS: &[u8] = b"chukan backup manifest v1\n";

/// What is in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the archive's form.
    pub format: u32,
    /// The name of the world.
    pub world: String,
    /// When it was made, by the world's clock.
    pub made_at: Timestamp,
    /// Entries of the ledger.
    pub entries: u64,
    /// The ledger's trees, in order.
    pub trees: Vec<ManifestTree>,
    /// Writes, rows and sum of the state.
    state: [u64; 3],
    pub(super) members: Vec<Member>,
}

/// A tree of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTree {
    /// Its name, as `core/2026`.
    pub tree: String,
    /// Number of its entries.
    pub size: u64,
    /// Root over them, in hexadecimal.
    pub root: String,
}

/// One file of the archive, or the rows of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Manifest {
    pub(super) fn new(
        (world, made_at): (String, Timestamp),
        (entries, trees): (u64, &[PrefixTree]),
        state: StateTotals,
    ) -> Self {
        let trees = trees.iter().map(|tree| ManifestTree {
            tree: tree.tree.to_string(),
            size: tree.size,
            root: HEXLOWER.encode(&tree.root),
        });
        Self {
            format: FORMAT,
            world,
            made_at,
            entries,
            trees: trees.collect(),
            state: state.to_parts(),
            members: Vec::new(),
        }
    }

    /// Totals of the state.
    pub fn state(&self) -> StateTotals {
        StateTotals::from_parts(self.state)
    }

    pub(super) fn prefix_trees(&self) -> Result<Vec<PrefixTree>, BackupFault> {
        let read = |tree: &ManifestTree| {
            Some(PrefixTree {
                tree: tree.tree.parse().ok()?,
                size: tree.size,
                root: HEXLOWER
                    .decode(tree.root.as_bytes())
                    .ok()?
                    .try_into()
                    .ok()?,
            })
        };
        let trees: Option<_> = self.trees.iter().map(read).collect();
        trees.ok_or(BackupFault::Form("manifest"))
    }

    /// The JSON and its signature.
    pub(super) fn sign(
        &self,
        key: &SigningKey,
    ) -> Result<(Vec<u8>, [u8; SIGNATURE_BYTES]), BackupFault> {
        let json = serde_json::to_vec(self).map_err(|_| BackupFault::Form("manifest"))?;
        let signature = key.sign(&[SIGNED_AS, &json].concat());
        Ok((json, signature))
    }

    pub(super) fn read(
        json: &[u8],
        signature: &[u8],
        key: &VerifyingKey,
    ) -> Result<Self, BackupFault> {
        key.verify(&[SIGNED_AS, json].concat(), signature)
            .map_err(|_| BackupFault::Signature)?;
        let manifest: Self =
            serde_json::from_slice(json).map_err(|_| BackupFault::Form("manifest"))?;
        (manifest.format == FORMAT)
            .then_some(manifest)
            .ok_or(BackupFault::Form("manifest"))
    }
}
