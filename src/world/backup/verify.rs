//! Checks an archive to its end without restoring it: opens every piece, recomputes every tree, counts every row.

use std::{io::Read, path::Path};

use super::{
    BackupFault, Manifest,
    archive::{self, CHECKPOINTS, SEGMENTS, STATE, Sink},
};
use crate::{
    crypto::sealing_key::SealingKeyPair,
    ledger::{Checkpoint, PrefixCheck, PublicKeys},
    store::PageCount,
};

/// Verifies an archive; `keys` were kept elsewhere and show who made it. Holds one segment in memory, and 44 bytes for each
/// entry of the ledger.
///
/// # Errors
/// [`BackupFault`] says what is wrong and where.
pub fn verify(
    from: impl Read,
    key: &SealingKeyPair,
    keys: Option<&PublicKeys>,
) -> Result<Manifest, BackupFault> {
    let mut check = Check::default();
    let (manifest, own_keys) = archive::read(from, key, keys, &mut check)?;
    let trees = manifest.prefix_trees()?;
    let signed = (check.checkpoints.as_slice(), &own_keys);
    let entries = check.ledger.finish(&trees, signed)?;
    if entries != manifest.entries {
        return Err(BackupFault::Member(SEGMENTS.to_owned()));
    }
    check.rows.reaches(manifest.state(), Path::new(STATE))?;
    Ok(manifest)
}

#[derive(Default)]
struct Check {
    name: String,
    held: Vec<u8>,
    ledger: PrefixCheck,
    checkpoints: Vec<Checkpoint>,
    rows: PageCount,
}

impl Check {
    fn holds(&self) -> bool {
        self.name.starts_with(SEGMENTS) || self.name.starts_with(CHECKPOINTS)
    }
}

impl Sink for Check {
    fn begin(&mut self, name: &str) -> Result<(), BackupFault> {
        name.clone_into(&mut self.name);
        Ok(())
    }

    fn piece(&mut self, piece: &[u8]) -> Result<(), BackupFault> {
        if self.name == STATE {
            self.rows.take(piece, Path::new(STATE))?;
        } else if self.holds() {
            self.held.extend_from_slice(piece);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), BackupFault> {
        let held = std::mem::take(&mut self.held);
        if self.name.starts_with(SEGMENTS) {
            self.ledger.take(Path::new(&self.name), &held)?;
        } else if self.name.starts_with(CHECKPOINTS) {
            let note = String::from_utf8(held).ok();
            let head = note.and_then(|note| Checkpoint::parse(&note).ok());
            self.checkpoints
                .push(head.ok_or(BackupFault::Form("world/ledger/checkpoints"))?);
        }
        Ok(())
    }
}
