//! The state of one world in the words of the field: each file beside this one adds the verbs of one concern.

use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;

use super::{Batch, Engine, Key, StoreFault, Version};

/// How many rows a full scan takes at a time.
const SCAN_ROWS: usize = 1_000;

/// The durable, mutable state of one world.
#[derive(Clone)]
pub struct State {
    pub(super) engine: Engine,
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone)]
pub struct Page {
    after: Option<Key>,
    limit: usize,
}

/// Some rows of a list, and the token of those that follow.
#[derive(Debug)]
pub struct PageOf<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What brings the next rows; nothing after the last.
    pub next_token: Option<String>,
}

/// The text is not a token that this store gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page token was not given by this server")]
pub struct BadToken;

impl Page {
    /// The first `limit` rows.
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// The `limit` rows after those that came with `token`; an empty token means the first.
    ///
    /// # Errors
    /// When the token is not one of this store.
    pub fn after(token: &str, limit: usize) -> Result<Self, BadToken> {
        if token.is_empty() {
            return Ok(Self::first(limit));
        }
        let bytes = BASE64URL_NOPAD
            .decode(token.as_bytes())
            .map_err(|_| BadToken)?;
        Ok(Self {
            after: Some(Key::from_encoded(&bytes)),
            limit,
        })
    }
}

impl State {
    /// Opens the state in `dir`, and makes it there when there is none. `cache_bytes` bounds the store's cache.
    ///
    /// # Errors
    /// When the directory is in use, damaged, or cannot be read or written.
    pub fn open(dir: &Path, cache_bytes: u64) -> Result<Self, StoreFault> {
        Ok(Self {
            engine: Engine::open(dir, cache_bytes)?,
        })
    }

    /// Whether the state can still be written; not after a failed write, until it is opened anew.
    pub fn is_writable(&self) -> bool {
        self.engine.is_writable()
    }

    /// Stops writing, after everything handed over is durable.
    ///
    /// # Errors
    /// When the last writes failed.
    pub fn close(self) -> Result<(), StoreFault> {
        self.engine.close()
    }

    /// Waits until everything that readers see is durable.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn settle(&self) -> Result<(), StoreFault> {
        self.engine.write(Batch::new()).await
    }

    pub(super) fn read_versioned<T: DeserializeOwned>(
        &self,
        key: &Key,
    ) -> Result<Option<(Version, T)>, StoreFault> {
        let row = self.engine.read_versioned(key)?;
        row.map(|(version, value)| Ok((version, decode(&value)?)))
            .transpose()
    }

    pub(super) fn page<T: DeserializeOwned>(
        &self,
        prefix: &Key,
        page: Page,
    ) -> Result<PageOf<T>, StoreFault> {
        let mut rows = self
            .engine
            .scan(prefix, page.after.as_ref(), page.limit + 1)?;
        let more = rows.len() > page.limit;
        rows.truncate(page.limit);
        let last = rows.last().filter(|_| more);
        let next_token = last.map(|(key, _)| BASE64URL_NOPAD.encode(key.as_bytes()));
        let rows = rows.iter().map(|(_, value)| decode(value));
        Ok(PageOf {
            rows: rows.collect::<Result<_, _>>()?,
            next_token,
        })
    }

    pub(super) fn all<T: DeserializeOwned>(&self, prefix: &Key) -> Result<Vec<T>, StoreFault> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let rows = self.engine.scan(prefix, after.as_ref(), SCAN_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(found);
            };
            after = Some(last.clone());
            for (_, value) in &rows {
                found.push(decode(value)?);
            }
        }
    }
}

fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, StoreFault> {
    serde_json::from_slice(value).map_err(|error| StoreFault::json::<T>(&error))
}
