//! Opening a store: never silently empty, never silently older than what was acknowledged.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use super::fault::{During, StoreFault};
use super::fold::fold;
use super::manifest::{Manifest, Mark, Stage, Totals, decode_meta, encode_meta, sync_dir};
use super::redo::{self, RedoFiles};
use super::row::{CHUNK_TAG, META_KEY, ROW_TAG, Row, checksum, decode};
use super::tree::Tree;
use super::value::assemble;

/// Up to this size of `db` every row is read and checked at open; above it, only on request.
pub(super) const VERIFIED_BYTES_MAX: u64 = 64 * 1024 * 1024;
const PAGE_ROWS: usize = 1024;

/// A store that passed its checks, and the lock that keeps others out.
pub(super) struct Opened {
    pub(super) tree: Tree,
    pub(super) store_id: [u8; 16],
    pub(super) totals: Totals,
    pub(super) mark: Mark,
    pub(super) redo: RedoFiles,
    pub(super) lock: DirLock,
}

/// Opens `dir`; every row is checked if `db` has at most `verified_bytes_max` bytes.
pub(super) fn open(
    dir: &Path,
    cache_bytes: u64,
    verified_bytes_max: u64,
) -> Result<Opened, StoreFault> {
    std::fs::create_dir_all(dir).during("create", dir)?;
    let lock = lock(dir)?;
    match Manifest::load(dir)? {
        None if occupied(dir)? => Err(StoreFault::damaged(
            &dir.join("manifest.json"),
            "the file is missing from a directory that is not empty",
        )),
        None => create(dir, cache_bytes, lock),
        Some(Manifest {
            stage: Stage::Creating,
            ..
        }) => {
            clear(dir)?;
            create(dir, cache_bytes, lock)
        }
        Some(manifest) => recover(dir, cache_bytes, verified_bytes_max, (manifest, lock)),
    }
}

/// Keeps other engines out of the directory until dropped.
pub(super) struct DirLock(File);

/// Closing alone would not do: a child process between fork and exec holds the same lock.
impl Drop for DirLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::error!(%error, "the state store's directory could not be unlocked");
        }
    }
}

fn lock(dir: &Path) -> Result<DirLock, StoreFault> {
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .during("open", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(DirLock(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreFault::InUse {
            dir: dir.to_path_buf(),
        }),
        Err(std::fs::TryLockError::Error(error)) => Err(error).during("lock", &path),
    }
}

fn occupied(dir: &Path) -> Result<bool, StoreFault> {
    for entry in std::fs::read_dir(dir).during("list", dir)? {
        let name = entry.during("list", dir)?.file_name();
        if name != "lock" && name != "manifest.json.draft" {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes what an interrupted creation left; nothing in it was ever acknowledged.
fn clear(dir: &Path) -> Result<(), StoreFault> {
    for entry in std::fs::read_dir(dir).during("list", dir)? {
        let path = entry.during("list", dir)?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name == "blobs" {
            std::fs::remove_dir_all(&path).during("remove", &path)?;
        } else if matches!(name, "db" | "conf" | "durable.mark" | "redo-0" | "redo-1")
            || name.starts_with("snap.")
        {
            std::fs::remove_file(&path).during("remove", &path)?;
        }
    }
    Ok(())
}

fn create(dir: &Path, cache_bytes: u64, lock: DirLock) -> Result<Opened, StoreFault> {
    let store_id = new_store_id();
    Manifest::new(store_id, Stage::Creating).save(dir)?;
    let tree = Tree::open(dir, cache_bytes)?;
    let totals = Totals {
        writes: 1,
        ..Totals::default()
    };
    tree.set(META_KEY, Some(&encode_meta(store_id, totals)))?;
    tree.sync()?;
    let conf = dir.join("conf");
    File::open(&conf)
        .and_then(|file| file.sync_all())
        .during("sync", &conf)?;
    let redo = redo::open(dir)?;
    let mut mark = Mark::create(dir)?;
    mark.advance(totals)?;
    mark.sync()?;
    Manifest::new(store_id, Stage::Ready).save(dir)?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_dir(parent)?;
    }
    Ok(Opened {
        tree,
        store_id,
        totals,
        mark,
        redo,
        lock,
    })
}

/// Tells stores apart, nothing more: the hasher's keys come from the system's random source.
pub(super) fn new_store_id() -> [u8; 16] {
    let half = || RandomState::new().hash_one("store").to_be_bytes();
    let mut store_id = [0; 16];
    for part in store_id.chunks_exact_mut(8) {
        part.copy_from_slice(&half());
    }
    store_id
}

fn recover(
    dir: &Path,
    cache_bytes: u64,
    verified_bytes_max: u64,
    (manifest, lock): (Manifest, DirLock),
) -> Result<Opened, StoreFault> {
    let (mut mark, durable) = Mark::load(dir)?;
    let db_path = dir.join("db");
    let db_bytes = match std::fs::metadata(&db_path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error).during("inspect", &db_path),
    };
    if db_bytes == 0 {
        return Err(StoreFault::damaged(
            &db_path,
            "the file is missing or empty",
        ));
    }
    let tree = Tree::open(dir, cache_bytes)?;
    let meta = tree.row(META_KEY)?.and_then(|row| decode_meta(&row));
    let Some((store_id, totals)) = meta else {
        return Err(StoreFault::damaged(
            &db_path,
            "the store's own row is missing: the file is empty or cut",
        ));
    };
    if manifest.id() != Some(store_id) {
        return Err(StoreFault::damaged(
            &dir.join("manifest.json"),
            "it belongs to another store than the file db",
        ));
    }
    let totals = redo_into(&tree, dir, (store_id, totals))?;
    if totals.writes < durable.writes {
        let what = format!(
            "{} of {} durable writes are missing",
            durable.writes - totals.writes,
            durable.writes
        );
        return Err(StoreFault::damaged(&db_path, what));
    }
    if totals.writes == durable.writes && totals != durable {
        return Err(StoreFault::damaged(
            &db_path,
            "the totals differ from those in durable.mark",
        ));
    }
    if db_bytes <= verified_bytes_max {
        verify(&tree, totals)?;
    }
    tree.sync()?;
    let redo = redo::open(dir)?;
    mark.advance(totals)?;
    mark.sync()?;
    Ok(Opened {
        tree,
        store_id,
        totals,
        mark,
        redo,
        lock,
    })
}

/// Brings into the tree what only the log holds; gives the totals after it.
fn redo_into(
    tree: &Tree,
    dir: &Path,
    (store_id, totals): ([u8; 16], Totals),
) -> Result<Totals, StoreFault> {
    let batches = redo::read_after(dir, totals)?;
    let Some(reached) = batches.last().map(|last| last.totals) else {
        return Ok(totals);
    };
    fold(tree, &redo::layer_of(batches), (store_id, reached))?;
    Ok(reached)
}

/// Reads every row and compares number and sum with the totals.
fn verify(tree: &Tree, totals: Totals) -> Result<(), StoreFault> {
    let malformed = || {
        StoreFault::damaged(
            tree.path(),
            "a row is malformed or one of its chunks is missing",
        )
    };
    let mut found = Totals {
        writes: totals.writes,
        ..Totals::default()
    };
    let (mut chunks, mut chunks_named) = (0_u64, 0_u64);
    for tag in [ROW_TAG, CHUNK_TAG] {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = tree.rows(&[tag], after.as_deref(), PAGE_ROWS)?;
            for (key, row) in &page {
                found.rows += 1;
                found.sum = found.sum.wrapping_add(u64::from(checksum(row)));
                match decode(key, row).map_err(|_| malformed())? {
                    Row::Inline(..) => {}
                    Row::Chunk(_) => chunks += 1,
                    Row::Chunked(_, named) => {
                        chunks_named += u64::from(named.count());
                        assemble(key, row, |key| tree.row(key))?.ok_or_else(malformed)?;
                    }
                }
            }
            match page.last() {
                Some((key, _)) => after = Some(key.clone()),
                None => break,
            }
        }
    }
    if found != totals || chunks != chunks_named {
        let what = format!(
            "{} rows were found where {} were written, or their sum differs",
            found.rows, totals.rows
        );
        return Err(StoreFault::damaged(tree.path(), what));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
