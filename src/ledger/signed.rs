//! The last signed checkpoint of each tree, kept on disk: what was signed once is never contradicted.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    checkpoint::Checkpoint,
    durable,
    entry::TreeId,
    fault::{Damage, LedgerFault},
    forest::Shared,
    keys::{LedgerKeys, PublicKeys},
};

pub(super) fn folder(dir: &Path) -> PathBuf {
    dir.join("checkpoints")
}

pub(super) fn path(dir: &Path, tree: TreeId) -> PathBuf {
    folder(dir).join(format!("{}-{}.txt", tree.owner, tree.fiscal_year))
}

/// Reads all checkpoints in `dir` and checks their signatures.
pub(super) fn load(dir: &Path, keys: &PublicKeys) -> Result<Vec<Checkpoint>, LedgerFault> {
    let (checkpoints, mut flawed) = load_each(dir, keys)?;
    flawed.pop().map_or(Ok(checkpoints), Err)
}

/// Reads all checkpoints in `dir`: those that are sound, and what is wrong with the others.
pub(super) fn load_each(
    dir: &Path,
    keys: &PublicKeys,
) -> Result<(Vec<Checkpoint>, Vec<LedgerFault>), LedgerFault> {
    let folder = folder(dir);
    let (mut checkpoints, mut flawed) = (Vec::new(), Vec::new());
    for file in fs::read_dir(&folder).map_err(LedgerFault::file(&folder))? {
        let file = file.map_err(LedgerFault::file(&folder))?.path();
        if file.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        match load_one(dir, &file, keys) {
            Ok(checkpoint) => checkpoints.push(checkpoint),
            Err(fault) => flawed.push(fault),
        }
    }
    checkpoints.sort_unstable_by_key(|checkpoint| checkpoint.tree);
    Ok((checkpoints, flawed))
}

fn load_one(dir: &Path, file: &Path, keys: &PublicKeys) -> Result<Checkpoint, LedgerFault> {
    let damaged = |what| LedgerFault::Damaged {
        file: file.to_path_buf(),
        offset: 0,
        what,
    };
    let note = durable::read_text(file)?.ok_or_else(|| damaged(Damage::Text))?;
    let checkpoint = Checkpoint::parse(&note).map_err(|_| damaged(Damage::Text))?;
    if path(dir, checkpoint.tree) != file {
        return Err(damaged(Damage::Text));
    }
    checkpoint
        .verify(keys)
        .map_err(|_| damaged(Damage::Signature))?;
    Ok(checkpoint)
}

/// Signs checkpoints, each one only when it extends the last.
#[derive(Debug)]
pub(super) struct Signer {
    keys: LedgerKeys,
    last: BTreeMap<TreeId, Checkpoint>,
}

impl Signer {
    pub(super) fn new(keys: LedgerKeys, checkpoints: Vec<Checkpoint>) -> Self {
        let last = checkpoints
            .into_iter()
            .map(|checkpoint| (checkpoint.tree, checkpoint))
            .collect();
        Self { keys, last }
    }

    /// The checkpoint over all that is durable, itself durable before it is returned.
    pub(super) fn sign(
        &mut self,
        shared: &Shared,
        tree: TreeId,
    ) -> Result<Checkpoint, LedgerFault> {
        if !shared.is_writable() {
            return Err(LedgerFault::ReadOnly);
        }
        let signed = self.last.get(&tree).map_or(0, |last| last.size);
        let size = shared.forest().size(tree);
        let roots = shared.ask((tree, size), &[size, signed], |merkle| {
            Some((merkle.root(size)?, merkle.root(signed)?))
        });
        let (root, signed_root) = roots?;
        if let Some(last) = self.last.get(&tree) {
            if signed_root != last.root {
                let file = path(&shared.dir, tree);
                return Err(LedgerFault::Damaged {
                    file,
                    offset: 0,
                    what: Damage::Root { tree },
                });
            }
            if last.size == size {
                return Ok(last.clone());
            }
        }
        let checkpoint = Checkpoint::sign(tree, size, root, &self.keys)?;
        durable::replace(&path(&shared.dir, tree), &checkpoint.to_string())?;
        self.last.insert(tree, checkpoint.clone());
        Ok(checkpoint)
    }
}
