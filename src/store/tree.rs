//! The only file that calls sled: every call is contained, every write path ends in `fdatasync`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::contain::contain;
use super::fault::{During, StoreFault};

/// How long to wait for a closed engine of this process to let go of its file: 100 × 20 ms.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Rows by physical key.
pub(super) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// Rows to set, or to remove where there is no row, by physical key.
pub(super) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// One open sled tree and a second handle of its file, for syncing.
pub(super) struct Tree {
    db: Option<sled::Db>,
    file: File,
    file_path: PathBuf,
    #[cfg(test)]
    pub(super) probe: std::sync::Arc<super::probe::Probe>,
}

impl Tree {
    /// Opens or creates the tree in `dir`; `cache_bytes` bounds sled's page cache.
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, StoreFault> {
        let file_path = dir.join("db");
        await_lock(dir, &file_path)?;
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None);
        let opened = contain(|| config.open());
        let db = answer(&file_path, opened)?;
        let file = File::options()
            .write(true)
            .open(&file_path)
            .during("open", &file_path)?;
        Ok(Self {
            db: Some(db),
            file,
            file_path,
            #[cfg(test)]
            probe: std::sync::Arc::default(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.file_path
    }

    pub(super) fn row(&self, physical_key: &[u8]) -> Result<Option<Vec<u8>>, StoreFault> {
        let db = self.db()?;
        let found = answer(&self.file_path, contain(|| db.get(physical_key)))?;
        Ok(found.map(|row| row.to_vec()))
    }

    /// Up to `limit` rows whose physical key begins with `prefix`, after `after`, in key order.
    pub(super) fn rows(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Rows, StoreFault> {
        use std::ops::Bound;
        let db = self.db()?;
        let start = after
            .filter(|after| *after >= prefix)
            .map_or(Bound::Included(prefix), Bound::Excluded);
        let collect = || {
            db.range::<&[u8], _>((start, Bound::Unbounded))
                .take_while(|entry| {
                    entry
                        .as_ref()
                        .map_or(true, |(key, _)| key.starts_with(prefix))
                })
                .take(limit)
                .map(|entry| entry.map(|(key, row)| (key.to_vec(), row.to_vec())))
                .collect::<sled::Result<Rows>>()
        };
        answer(&self.file_path, contain(collect))
    }

    /// Sets one row, or removes it where there is none; not durable before `sync`.
    pub(super) fn set(&self, physical_key: &[u8], row: Option<&[u8]>) -> Result<(), StoreFault> {
        #[cfg(test)]
        self.probe.step("set", &self.file_path)?;
        let db = self.db()?;
        let done = contain(|| match row {
            Some(row) => db.insert(physical_key, row),
            None => db.remove(physical_key),
        });
        answer(&self.file_path, done).map(drop)
    }

    /// Makes everything applied so far durable. sled's flush only asks `sync_file_range`, which does not reach a disk's
    /// cache nor the file's length, so the file is synced after it.
    pub(super) fn sync(&self) -> Result<(), StoreFault> {
        #[cfg(test)]
        self.probe.step("flush", &self.file_path)?;
        self.write_out()?;
        #[cfg(test)]
        self.probe.step("fdatasync", &self.file_path)?;
        self.file.sync_data().during("sync", &self.file_path)
    }

    /// Waits until everything applied so far is written, which does not make it durable.
    pub(super) fn write_out(&self) -> Result<(), StoreFault> {
        let db = self.db()?;
        answer(&self.file_path, contain(|| db.flush())).map(drop)
    }

    fn db(&self) -> Result<&sled::Db, StoreFault> {
        self.db.as_ref().ok_or(StoreFault::Closed)
    }
}

/// sled flushes when dropped and panics when that fails.
impl Drop for Tree {
    fn drop(&mut self) {
        let db = self.db.take();
        if contain(|| drop(db)).is_err() {
            tracing::error!(file = %self.file_path.display(), "the storage engine did not close cleanly");
        }
    }
}

/// sled's helper threads may hold the file for a moment after an engine of this process was dropped.
pub(super) fn await_lock(dir: &Path, file_path: &Path) -> Result<(), StoreFault> {
    for _attempt in 0..LOCK_ATTEMPTS {
        let file = match File::options().read(true).write(true).open(file_path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).during("open", file_path),
        };
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(error).during("lock", file_path);
            }
        }
    }
    Err(StoreFault::InUse {
        dir: dir.to_path_buf(),
    })
}

fn answer<T>(
    file_path: &Path,
    outcome: Result<sled::Result<T>, super::contain::Panicked>,
) -> Result<T, StoreFault> {
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => Err(source).during("read or write", file_path),
        Ok(Err(sled::Error::Corruption { .. })) => Err(StoreFault::damaged(
            file_path,
            "a checksum of the storage engine does not match",
        )),
        Ok(Err(sled::Error::CollectionNotFound(_))) => {
            Err(StoreFault::damaged(file_path, "the tree is missing"))
        }
        Ok(Err(sled::Error::Unsupported(what) | sled::Error::ReportableBug(what))) => Err(
            StoreFault::damaged(file_path, format!("the storage engine refused: {what}")),
        ),
        Err(super::contain::Panicked) => Err(StoreFault::damaged(
            file_path,
            "the storage engine stopped on inconsistent data",
        )),
    }
}
