//! The durable engine under the state store: atomic batches, durable when acknowledged, and consistent reads of rows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, oneshot};

use super::batch::{Batch, Version};
use super::fault::{During, StoreFault};
use super::form;
use super::key::Key;
use super::layers::Layers;
use super::open::{DirLock, Opened, VERIFIED_BYTES_MAX, open};
use super::row::{ROW_TAG, row_key};
use super::value::assemble;
use super::writer::{Outcome, Shared, Writer};
use crate::ledger::Pace;

/// Batches that may wait to be durable; beyond that, callers wait.
const WAITING_MAX: usize = 1024;

/// One open store directory. Clones share it; the directory is released when the last clone is dropped.
///
/// Reads see a batch as soon as it is handed over, which is shortly before it is durable; whatever is written after such
/// a read becomes durable after it too, because there is one log. After a failed write they may show rows that a restart loses.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    writer: Mutex<Option<JoinHandle<Result<(), StoreFault>>>>,
    lock: Mutex<DirLock>,
    dir: PathBuf,
    cache_bytes: u64,
}

/// A batch that readers see; it becomes durable whether this is kept or dropped.
#[must_use = "what rests on the batch waits until it is durable"]
pub struct HandedOver {
    shared: Arc<Shared>,
    answer: oneshot::Receiver<Outcome>,
}

impl HandedOver {
    /// Waits until the batch is durable.
    ///
    /// # Errors
    /// As `Engine::write`.
    pub async fn durable(self) -> Result<(), StoreFault> {
        self.answer.await.map_err(|_| self.shared.refusal())?
    }
}

impl Engine {
    /// Opens the store in `dir`, or makes one if the directory is empty or missing.
    ///
    /// `cache_bytes` bounds the page cache. Every row is checked if the file is at most 64 MiB, else only the totals.
    ///
    /// # Errors
    /// `InUse`; `Damaged` when anything acknowledged is missing or altered; `Io`.
    pub fn open(dir: &Path, cache_bytes: u64) -> Result<Self, StoreFault> {
        let opened = open(dir, cache_bytes, VERIFIED_BYTES_MAX)?;
        Self::start(dir, cache_bytes, opened)
    }

    #[cfg(test)]
    /// Like `open`, but reads and checks every row whatever the size.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_verified(dir: &Path, cache_bytes: u64) -> Result<Self, StoreFault> {
        Self::start(dir, cache_bytes, open(dir, cache_bytes, u64::MAX)?)
    }

    /// Writes a batch: all of it or nothing; it is durable when this returns `Ok`.
    ///
    /// A caller that goes away does not stop a batch that was handed over.
    ///
    /// # Errors
    /// `Conflict`, `KeyTooLong`, `ValueTooLong`: nothing was written. `ReadOnly`: the batch is not known to be durable.
    pub async fn write(&self, batch: Batch) -> Result<(), StoreFault> {
        self.hand_over(batch).await?.durable().await
    }

    /// Hands a batch over: readers see it, and it is durable before any batch that is handed over after it. For what
    /// need not be durable before a later batch is.
    ///
    /// # Errors
    /// `KeyTooLong`, `ValueTooLong`; `ReadOnly`, `Closed`. Whether its preconditions hold shows in `HandedOver::durable`.
    pub async fn hand_over(&self, batch: Batch) -> Result<HandedOver, StoreFault> {
        let places = Arc::clone(&self.inner.places);
        let shared = Arc::clone(&self.inner.shared);
        let waits = shared.pace.enter();
        let place = places.acquire_owned().await.map_err(|_| shared.refusal())?;
        let answer = shared.hand_over(&batch, (place, waits))?;
        Ok(HandedOver { shared, answer })
    }

    /// What the writer has counted since the store was opened.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.inner.shared.pace
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// Whether writes are still accepted.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.inner.shared.is_open()
    }

    /// The value under `key`.
    ///
    /// # Errors
    /// `Damaged` when the row or a part of it is not what was written; `Io`.
    pub fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(self.read_versioned(key)?.map(|(_, value)| value))
    }

    /// The value under `key` and the write that set it, for `Batch::expect`.
    ///
    /// # Errors
    /// As `read`.
    pub fn read_versioned(&self, key: &Key) -> Result<Option<(Version, Vec<u8>)>, StoreFault> {
        self.inner.value(row_key(key.as_bytes()))
    }

    /// The decoded value under `key`.
    ///
    /// # Errors
    /// As `read`; `Value` when it is no `T`, `UnknownForm`.
    pub fn read_value<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreFault> {
        self.read(key)?.as_deref().map(form::decode).transpose()
    }

    /// Up to `limit` rows whose key begins with the components of `prefix`, after `after`, in key order.
    ///
    /// Each row is whole, but the rows together are no snapshot: a concurrent batch may show in part.
    ///
    /// # Errors
    /// As `read`.
    pub fn scan(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreFault> {
        let mut found = Vec::new();
        let prefix = row_key(prefix.as_bytes());
        let mut after = after.map(|key| row_key(key.as_bytes()));
        while found.len() < limit {
            let page = self
                .inner
                .layers()
                .rows(&prefix, after.as_deref(), limit - found.len())?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (physical_key, head) in page {
                let key =
                    Key::from_encoded(physical_key.strip_prefix(&[ROW_TAG]).unwrap_or_default());
                let whole =
                    match assemble(&physical_key, &head, |key| self.inner.layers().row(key))? {
                        Some(whole) => Some(whole),
                        None => self.inner.value(physical_key)?,
                    };
                found.extend(whole.map(|(_, value)| (key, value)));
            }
        }
        Ok(found)
    }

    /// Stops writing, after everything handed over is durable; clones may still read.
    ///
    /// # Errors
    /// `ReadOnly` when a write had failed; `Io` when the last sync does.
    pub fn close(self) -> Result<(), StoreFault> {
        self.inner.stop()
    }

    /// Where the store lies.
    pub(super) fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// What bounds the page cache.
    pub(super) fn cache_bytes(&self) -> u64 {
        self.inner.cache_bytes
    }

    /// Keeps others out by `lock` from now on: another directory has the store's name.
    pub(super) fn hold(&self, lock: DirLock) {
        *self
            .inner
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = lock;
    }

    pub(super) fn start(dir: &Path, cache_bytes: u64, opened: Opened) -> Result<Self, StoreFault> {
        let Opened {
            tree,
            store_id,
            totals,
            mark,
            redo,
            lock,
        } = opened;
        let shared = Arc::new(Shared::new(Layers::new(tree), totals));
        let writer = Writer::new(Arc::clone(&shared), store_id, mark, redo);
        let thread = std::thread::Builder::new().name("state-writer".to_owned());
        let writer = thread
            .spawn(move || writer.run())
            .during("start the writer of", dir)?;
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                places: Arc::new(Semaphore::new(WAITING_MAX)),
                writer: Mutex::new(Some(writer)),
                lock: Mutex::new(lock),
                dir: dir.to_path_buf(),
                cache_bytes,
            }),
        })
    }
}

impl Inner {
    fn layers(&self) -> &Layers {
        &self.shared.layers
    }

    /// A part that is missing because the value was replaced meanwhile shows in a changed head.
    fn value(&self, head_key: Vec<u8>) -> Result<Option<(Version, Vec<u8>)>, StoreFault> {
        let mut head = self.layers().row(&head_key)?;
        loop {
            let Some(current) = head else { return Ok(None) };
            if let Some(whole) = assemble(&head_key, &current, |key| self.layers().row(key))? {
                return Ok(Some(whole));
            }
            head = self.layers().row(&head_key)?;
            if head.as_ref() == Some(&current) {
                return Err(StoreFault::damaged(
                    &self.layers().path(),
                    "a row is malformed or one of its chunks is missing",
                ));
            }
        }
    }

    fn stop(&self) -> Result<(), StoreFault> {
        self.shared.close();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match writer.map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            Some(Err(_panic)) => Err(StoreFault::damaged(
                &self.layers().path(),
                "the writer ended unexpectedly",
            )),
            None => Ok(()),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(fault) = self.stop() {
            tracing::error!(%fault, "the state store did not close cleanly");
        }
    }
}

#[cfg(test)]
mod tests;
