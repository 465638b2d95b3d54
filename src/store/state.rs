//! The state of one world in the words of the field: each file beside this one adds the verbs of one concern.

use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;

use super::{Batch, Engine, Key, StoreFault, Version, form::decode, takeover::Takeovers};
use crate::ledger::Pace;

/// How many rows a scan takes at a time, and the most that are read for one page.
const SCAN_ROWS: usize = 1_000;

/// The length of the checksum at the end of a page token, in bytes.
const CHECKSUM_BYTES: usize = 4;

/// The durable, mutable state of one world.
#[derive(Clone)]
pub struct State {
    pub(super) engine: Engine,
    pub(super) takeovers: Takeovers,
}

impl State {
    /// What the writer has counted since the state was opened.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        self.engine.pace()
    }
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone)]
pub struct Page {
    token: String,
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

impl Page {
    /// The first `limit` rows.
    pub fn first(limit: usize) -> Self {
        Self::after("", limit)
    }

    /// The `limit` rows after those that came with `token`; an empty token means the first. Whether the token was given
    /// for the list is seen when the list is read.
    pub fn after(token: &str, limit: usize) -> Self {
        let token = token.to_owned();
        Self { token, limit }
    }

    /// The key of the row after which the page of the list begins.
    fn begin(&self, list: &Key) -> Result<Option<Key>, StoreFault> {
        if self.token.is_empty() {
            return Ok(None);
        }
        let bytes = BASE64URL_NOPAD.decode(self.token.as_bytes());
        let bytes = bytes.map_err(|_| StoreFault::PageToken)?;
        let (rest, checksum) = bytes
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or(StoreFault::PageToken)?;
        let key = [list.as_bytes(), rest].concat();
        if crc32fast::hash(&key).to_be_bytes() != *checksum {
            return Err(StoreFault::PageToken);
        }
        Ok(Some(Key::from_encoded(&key)))
    }
}

/// The token of the rows after `last` in the list: what `last` has beyond the list's own key, and a checksum over both,
/// so that a token of another list is known as such.
fn token(list: &Key, last: &Key) -> String {
    let rest = last.as_bytes().strip_prefix(list.as_bytes());
    let checksum = crc32fast::hash(last.as_bytes()).to_be_bytes();
    BASE64URL_NOPAD.encode(&[rest.unwrap_or_default(), &checksum].concat())
}

impl State {
    /// Opens the state in `dir`, and makes it there when there is none. `cache_bytes` bounds the store's cache.
    ///
    /// # Errors
    /// When the directory is in use, damaged, or cannot be read or written.
    pub fn open(dir: &Path, cache_bytes: u64) -> Result<Self, StoreFault> {
        Ok(Self {
            engine: Engine::open(dir, cache_bytes)?,
            takeovers: Takeovers::default(),
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
        list: &Key,
        page: &Page,
    ) -> Result<PageOf<T>, StoreFault> {
        self.page_of_those(list, page, |row| Ok(Some(row)))
    }

    /// The page of the rows that `keep` makes something of. A page can be short, or empty, and still have a next one,
    /// because no more than [`SCAN_ROWS`] rows are read for it.
    pub(super) fn page_of_those<T: DeserializeOwned, U, E: From<StoreFault>>(
        &self,
        list: &Key,
        page: &Page,
        mut keep: impl FnMut(T) -> Result<Option<U>, E>,
    ) -> Result<PageOf<U>, E> {
        let mut after = page.begin(list)?;
        let (mut kept, mut read) = (Vec::new(), 0);
        while kept.len() < page.limit && read < SCAN_ROWS {
            let wanted = (page.limit - kept.len()).min(SCAN_ROWS - read);
            let rows = self.engine.scan(list, after.as_ref(), wanted)?;
            read += rows.len();
            for (_, value) in &rows {
                kept.extend(keep(decode(value)?)?);
            }
            let ended = rows.len() < wanted;
            if let Some((last, _)) = rows.into_iter().next_back() {
                after = Some(last);
            }
            if ended {
                break;
            }
        }
        let more = match &after {
            Some(last) => !self.engine.scan(list, Some(last), 1)?.is_empty(),
            None => false,
        };
        Ok(PageOf {
            rows: kept,
            next_token: after.filter(|_| more).map(|last| token(list, &last)),
        })
    }

    /// The page of rows of a list that lie in memory, in the order of their keys.
    pub(super) fn page_in_memory<T: DeserializeOwned>(
        list: &Key,
        page: &Page,
        rows: Vec<(Key, Vec<u8>)>,
    ) -> Result<PageOf<T>, StoreFault> {
        let after = page.begin(list)?;
        let is_later = |key: &Key| after.as_ref().is_none_or(|after| key > after);
        let mut rows = rows.into_iter().filter(|(key, _)| is_later(key));
        let wanted: Vec<_> = rows.by_ref().take(page.limit).collect();
        let last = wanted.last().filter(|_| rows.next().is_some());
        let next_token = last.map(|(last, _)| token(list, last));
        let rows = wanted.iter().map(|(_, row)| decode(row));
        Ok(PageOf {
            rows: rows.collect::<Result<_, _>>()?,
            next_token,
        })
    }

    /// All rows of a list as they are kept.
    pub(super) fn rows(&self, list: &Key) -> Result<Vec<(Key, Vec<u8>)>, StoreFault> {
        let mut found = Vec::new();
        loop {
            let after = found.last().map(|(key, _)| key);
            let rows = self.engine.scan(list, after, SCAN_ROWS)?;
            if rows.is_empty() {
                return Ok(found);
            }
            found.extend(rows);
        }
    }

    pub(super) fn all<T: DeserializeOwned>(&self, prefix: &Key) -> Result<Vec<T>, StoreFault> {
        let mut found = Vec::new();
        self.each(prefix, |row| found.push(row))?;
        Ok(found)
    }

    /// Shows every row of a list, one after the other.
    pub(super) fn each<T: DeserializeOwned>(
        &self,
        prefix: &Key,
        mut take: impl FnMut(T),
    ) -> Result<(), StoreFault> {
        let mut after = None;
        loop {
            let rows = self.engine.scan(prefix, after.as_ref(), SCAN_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (_, value) in &rows {
                take(decode(value)?);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Batch;

    const CACHE_BYTES: u64 = 16 * 1024 * 1024;

    fn list(name: &str) -> Key {
        Key::new("list").text(name)
    }

    async fn numbers(dir: &Path, to: u64) -> State {
        let state = State::open(dir, CACHE_BYTES).unwrap();
        let mut batch = Batch::new();
        for number in 0..to {
            for name in ["a", "b"] {
                batch.put_value(list(name).number(number), &number).unwrap();
            }
        }
        state.engine.write(batch).await.unwrap();
        state
    }

    fn even(number: u64) -> Result<Option<u64>, StoreFault> {
        Ok(number.is_multiple_of(2).then_some(number))
    }

    #[tokio::test]
    async fn a_page_is_filled_with_the_rows_that_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let state = numbers(dir.path(), 9).await;
        let mut token = String::new();
        let mut pages = Vec::new();
        loop {
            let page = Page::after(&token, 2);
            let found = state.page_of_those(&list("a"), &page, even).unwrap();
            pages.push(found.rows);
            match found.next_token {
                Some(next) => token = next,
                None => break,
            }
        }
        assert_eq!(pages, [vec![0, 2], vec![4, 6], vec![8]]);
    }

    #[tokio::test]
    async fn a_page_reads_a_bounded_number_of_rows() {
        let dir = tempfile::tempdir().unwrap();
        let rows = SCAN_ROWS as u64 + 1;
        let state = numbers(dir.path(), rows).await;
        let last = |number: u64| Ok::<_, StoreFault>((number + 1 == rows).then_some(number));
        let first = state.page_of_those(&list("a"), &Page::first(5), last);
        let first = first.unwrap();
        assert!(first.rows.is_empty());
        let rest = Page::after(&first.next_token.unwrap(), 5);
        let rest = state.page_of_those(&list("a"), &rest, last).unwrap();
        assert_eq!((rest.rows, rest.next_token), (vec![rows - 1], None));
    }

    #[tokio::test]
    async fn a_token_of_another_list_or_of_nobody_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let state = numbers(dir.path(), 3).await;
        let page = |list: &Key, token: &str| state.page::<u64>(list, &Page::after(token, 1));
        let token = page(&list("a"), "").unwrap().next_token.unwrap();
        assert_eq!(page(&list("a"), &token).unwrap().rows, [1]);
        let mut longer = token.clone();
        longer.push_str("AA");
        for (list, token) in [
            (list("b"), token.as_str()),
            (list("a"), "AAAA"),
            (list("a"), "AAAAAAAAAA"),
            (list("a"), "?"),
            (list("a"), &longer),
        ] {
            let refused = page(&list, token).unwrap_err();
            assert!(matches!(refused, StoreFault::PageToken), "{token}");
        }
    }
}
