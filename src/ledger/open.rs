//! Opening a ledger's directory: lock it, read it back, cut a torn tail, begin to write.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    durable,
    fault::LedgerFault,
    forest::Shared,
    keys::{LedgerKeys, PublicKeys},
    recover::{Recovered, TornTail},
    segment::{self, Ends, SegmentBytes},
    signed::{self, Signer},
    writer::Writer,
};

/// What was found when the ledger was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Entries of the ledger.
    pub entries: u64,
    /// Trees they belong to.
    pub trees: usize,
    /// Its segments.
    pub segments: u64,
    /// Segments that were read whole: the last one, and those whose index is not there or not borne out.
    pub read_whole: u64,
    /// The unfinished write that was cut, if there was one.
    pub torn: Option<TornTail>,
}

/// A ledger read back, its writer not started yet.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) shared: Arc<Shared>,
    pub(super) signer: Signer,
    pub(super) writer: Writer,
    pub(super) lock: DirLock,
    pub(super) keys: PublicKeys,
}

pub(super) fn keys_path(dir: &Path) -> PathBuf {
    dir.join("keys.pub")
}

pub(super) fn prepare(
    dir: &Path,
    keys: LedgerKeys,
    segment_bytes: SegmentBytes,
) -> Result<(Prepared, Opening), LedgerFault> {
    durable::make_folder(dir)?;
    durable::make_folder(&segment::segments_dir(dir))?;
    durable::make_folder(&signed::folder(dir))?;
    let lock = lock(dir)?;
    segment::remove_unfinished(dir).map_err(LedgerFault::file(segment::segments_dir(dir)))?;
    let known = PublicKeys::load(&keys_path(dir))?.unwrap_or_default();
    let public = keys.public().join(&known)?;
    if public != known {
        durable::replace(&keys_path(dir), &public.to_string())?;
    }
    let checkpoints = signed::load(dir, &public)?;
    let recovered = Recovered::reopen(dir, &checkpoints)?;
    if let (Some(torn), Some(last)) = (&recovered.torn, recovered.last) {
        cut(torn, last)?;
    }
    let opening = Opening {
        entries: recovered.forest.sequence,
        trees: recovered.forest.sizes().count(),
        segments: recovered.forest.segment_starts.len() as u64,
        read_whole: recovered.read_whole,
        torn: recovered.torn,
    };
    let shared = Arc::new(Shared::new(dir.to_path_buf(), recovered.forest));
    let prepared = Prepared {
        writer: Writer::resume(
            Arc::clone(&shared),
            (recovered.last, recovered.last_leaves),
            segment_bytes,
        )?,
        signer: Signer::new(keys, checkpoints),
        shared,
        lock,
        keys: public,
    };
    Ok((prepared, opening))
}

/// The directory's lock. It is let go explicitly: a child process that another thread is just starting holds a copy of
/// the file until it has become another program, and with the file alone the lock would live as long.
#[derive(Debug)]
pub(super) struct DirLock(File);

impl Drop for DirLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::error!(%error, "the ledger's directory could not be unlocked");
        }
    }
}

fn lock(dir: &Path) -> Result<DirLock, LedgerFault> {
    let path = dir.join("lock");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(LedgerFault::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(DirLock(file)),
        Err(TryLockError::WouldBlock) => Err(LedgerFault::InUse(dir.to_path_buf())),
        Err(TryLockError::Error(fault)) => Err(LedgerFault::file(path)(fault)),
    }
}

/// Replaces the torn tail by zeros.
fn cut(torn: &TornTail, last: Ends) -> Result<(), LedgerFault> {
    let cut = || {
        let file = File::options().write(true).open(&torn.file)?;
        file.set_len(torn.offset)?;
        file.set_len(last.file_bytes)?;
        file.sync_all()
    };
    cut().map_err(LedgerFault::file(&torn.file))
}
