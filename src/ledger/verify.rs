//! Verifying a ledger from its directory alone: reads everything, changes nothing.

use std::path::Path;

use super::{
    checkpoint::Checkpoint,
    entry::TreeId,
    fault::{Damage, LedgerFault},
    keys::PublicKeys,
    merkle::Hash,
    open,
    recover::{Progress, Recovered, TornTail},
    segment::Depth,
    signed,
};

/// What a verification found; it found no damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The trees, in order.
    pub trees: Vec<VerifiedTree>,
    /// Entries read, each checked against its leaf hash and its tree.
    pub entries: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Signed checkpoints, each checked for its signatures and its root.
    pub checkpoints: usize,
    /// An unfinished write at the end. It is harmless: it was never acknowledged, and a running ledger may just be writing it.
    pub torn: Option<TornTail>,
}

/// One tree as it was recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedTree {
    /// The tree.
    pub tree: TreeId,
    /// Number of its entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// How many of them the last signed checkpoint covers.
    pub signed_size: u64,
}

/// Verifies the ledger in `dir`, which may be stopped or running, against `keys`; without keys, against those that lie in the
/// directory, which proves that nothing was damaged but not who signed.
/// Owners missing in `keys` are taken from the directory; their checkpoints still need the core's signature.
///
/// # Errors
/// [`LedgerFault::Damaged`] at the first damage; [`LedgerFault::OtherKey`] when the directory's keys are not the given ones.
pub fn verify(
    dir: &Path,
    keys: Option<&PublicKeys>,
    progress: impl FnMut(Progress),
) -> Result<Report, LedgerFault> {
    verify_against(dir, keys, &[], progress)
}

/// Verifies as [`verify`] does, and that the trees still begin with what `kept` signed: checkpoints that a witness has kept
/// elsewhere show a history that was rewritten, even by someone who has every key.
///
/// # Errors
/// As [`verify`]; [`Damage::Short`] and [`Damage::Root`] for what a kept checkpoint contradicts.
pub fn verify_against(
    dir: &Path,
    keys: Option<&PublicKeys>,
    kept: &[Checkpoint],
    progress: impl FnMut(Progress),
) -> Result<Report, LedgerFault> {
    let beside = PublicKeys::load(&open::keys_path(dir))?.unwrap_or_default();
    let keys = match keys {
        Some(given) => given.clone().join(&beside)?,
        None => beside,
    };
    // Before the segments: a running ledger signs only what they already hold.
    let checkpoints = signed::load(dir, &keys)?;
    let recovered = Recovered::read(dir, Depth::LeafHash, progress)?;
    recovered.reaches(dir, &checkpoints)?;
    if let Some(unsigned) = kept.iter().find(|head| head.verify(&keys).is_err()) {
        return Err(LedgerFault::Damaged {
            file: signed::path(dir, unsigned.tree),
            offset: 0,
            what: Damage::Signature,
        });
    }
    recovered.reaches(dir, kept)?;
    let forest = &recovered.forest;
    let trees = forest
        .sizes()
        .map(|(tree, size)| {
            let signed = checkpoints
                .iter()
                .find(|checkpoint| checkpoint.tree == tree);
            Ok(VerifiedTree {
                tree,
                size,
                root: forest.whole_root(tree, size)?,
                signed_size: signed.map_or(0, |checkpoint| checkpoint.size),
            })
        })
        .collect::<Result<_, LedgerFault>>()?;
    Ok(Report {
        trees,
        entries: forest.sequence,
        bytes: recovered.bytes,
        checkpoints: checkpoints.len(),
        torn: recovered.torn,
    })
}
