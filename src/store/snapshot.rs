//! A state as it was at one moment: frozen while writing goes on, taken out page by page, and made again elsewhere.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::{During, StoreFault};
use super::layers::Recent;
use super::manifest::{Manifest, Mark, Stage, Totals, encode_meta, sync_dir};
use super::open::new_store_id;
use super::redo;
use super::row::{CHUNK_TAG, META_KEY, ROW_TAG, checksum, decode};
use super::state::State;
use super::tree::{Rows, Tree};
use super::writer::Shared;

/// Rows of one page; a row has at most 4 KiB of value and 320 bytes of key.
const PAGE_ROWS: usize = 256;
/// Rows that are put into a new tree before it is synced.
const ROWS_PER_SYNC: u64 = 100_000;

/// How many rows a state has, after how many writes, and their sum: two states with the same totals have the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateTotals(Totals);

impl StateTotals {
    /// Number of rows.
    pub fn rows(self) -> u64 {
        self.0.rows
    }

    pub(super) fn totals(self) -> Totals {
        self.0
    }

    /// As it is kept outside the store: writes, rows and sum.
    pub fn to_parts(self) -> [u64; 3] {
        [self.0.writes, self.0.rows, self.0.sum]
    }

    /// What [`Self::to_parts`] gave.
    pub fn from_parts([writes, rows, sum]: [u64; 3]) -> Self {
        Self(Totals { writes, rows, sum })
    }
}

/// A state as it was when it was frozen. What is written meanwhile stays in the log and in memory until this is dropped.
pub struct FrozenState {
    shared: Arc<Shared>,
    recent: Recent,
    totals: Totals,
    tag: u8,
    after: Option<Vec<u8>>,
}

impl State {
    /// Freezes the state as it is now, for one who takes it out.
    pub fn freeze(&self) -> FrozenState {
        let shared = Arc::clone(self.engine.shared());
        let (recent, totals) = shared.freeze();
        FrozenState {
            shared,
            recent,
            totals,
            tag: ROW_TAG,
            after: None,
        }
    }
}

impl FrozenState {
    /// The totals of the moment.
    pub fn totals(&self) -> StateTotals {
        StateTotals(self.totals)
    }

    /// Makes a state in `dir` of the rows that are still to come, but for those whose physical key is `unwanted`; returns how many
    /// it has and how many were left out.
    pub(super) fn copy_without(
        &mut self,
        dir: &Path,
        cache_bytes: u64,
        unwanted: impl Fn(&[u8]) -> bool,
    ) -> Result<(u64, u64), StoreFault> {
        let mut copy = StateCopy::begin(dir, cache_bytes)?;
        let all = self.totals();
        while let Some(page) = self.next_page()? {
            copy.put_without(&page, &unwanted)?;
        }
        let kept = copy.finish_without(all)?;
        Ok((kept, all.rows() - kept))
    }

    /// The next rows, as [`StateCopy::put`] takes them; nothing after the last.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn next_page(&mut self) -> Result<Option<Vec<u8>>, StoreFault> {
        loop {
            let after = self.after.as_deref();
            let rows = self.recent.rows(&[self.tag], after, PAGE_ROWS)?;
            if let Some((last, _)) = rows.last() {
                self.after = Some(last.clone());
                return Ok(Some(encode_page(&rows)));
            }
            if self.tag == CHUNK_TAG {
                return Ok(None);
            }
            (self.tag, self.after) = (CHUNK_TAG, None);
        }
    }
}

impl Drop for FrozenState {
    fn drop(&mut self) {
        self.shared.thaw();
    }
}

/// Counts the rows of pages, to compare them with the totals they came with.
#[derive(Debug, Default)]
pub struct PageCount(Totals);

impl PageCount {
    /// Takes a page.
    ///
    /// # Errors
    /// `Damaged`, naming `source`, when it is no page or a row does not carry its checksum.
    pub fn take(&mut self, page: &[u8], source: &Path) -> Result<(), StoreFault> {
        self.rows(page, source).map(drop)
    }

    /// Checks that all rows came.
    ///
    /// # Errors
    /// `Damaged`, naming `source`.
    pub fn reaches(&self, totals: StateTotals, source: &Path) -> Result<(), StoreFault> {
        let StateTotals(wanted) = totals;
        if (self.0.rows, self.0.sum) == (wanted.rows, wanted.sum) {
            return Ok(());
        }
        let what = format!(
            "{} rows were found where {} were written, or their sum differs",
            self.0.rows, wanted.rows
        );
        Err(StoreFault::damaged(source, what))
    }

    fn rows(&mut self, page: &[u8], source: &Path) -> Result<Rows, StoreFault> {
        let malformed = || StoreFault::damaged(source, "a row of the state is malformed");
        let rows = decode_page(page).ok_or_else(malformed)?;
        for (key, row) in &rows {
            decode(key, row).map_err(|_| malformed())?;
            self.0.rows += 1;
            self.0.sum = self.0.sum.wrapping_add(u64::from(checksum(row)));
        }
        Ok(rows)
    }
}

/// A state that is being made from the pages of a frozen one. Until it is finished its directory counts as never made.
pub struct StateCopy {
    dir: PathBuf,
    tree: Tree,
    count: PageCount,
    left_out: Totals,
    unsynced: u64,
}

impl StateCopy {
    /// Begins a state in `dir`, which must not be there.
    ///
    /// # Errors
    /// When the directory is there or cannot be made.
    pub fn begin(dir: &Path, cache_bytes: u64) -> Result<Self, StoreFault> {
        std::fs::create_dir(dir).during("create", dir)?;
        Manifest::new(new_store_id(), Stage::Creating).save(dir)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            tree: Tree::open(dir, cache_bytes)?,
            count: PageCount::default(),
            left_out: Totals::default(),
            unsynced: 0,
        })
    }

    /// Puts a page into it.
    ///
    /// # Errors
    /// When the page is damaged or cannot be written.
    pub fn put(&mut self, page: &[u8]) -> Result<(), StoreFault> {
        self.put_without(page, |_| false)
    }

    /// Puts a page into it without the rows whose physical key is `unwanted`.
    pub(super) fn put_without(
        &mut self,
        page: &[u8],
        unwanted: impl Fn(&[u8]) -> bool,
    ) -> Result<(), StoreFault> {
        for (key, row) in self.count.rows(page, &self.dir)? {
            if unwanted(&key) {
                self.left_out.rows += 1;
                self.left_out.sum = self.left_out.sum.wrapping_add(u64::from(checksum(&row)));
                continue;
            }
            self.tree.set(&key, Some(&row))?;
            self.unsynced += 1;
        }
        if self.unsynced >= ROWS_PER_SYNC {
            self.tree.sync()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Checks that all rows came and makes the state durable.
    ///
    /// # Errors
    /// When a row is missing, or it cannot be written.
    pub fn finish(self, totals: StateTotals) -> Result<(), StoreFault> {
        self.finish_without(totals).map(drop)
    }

    /// As [`Self::finish`], where `all` are the totals with the rows that were left out; returns how many rows are in it.
    pub(super) fn finish_without(self, all: StateTotals) -> Result<u64, StoreFault> {
        self.count.reaches(all, &self.dir)?;
        let (dir, StateTotals(all)) = (self.dir.as_path(), all);
        let totals = Totals {
            writes: all.writes,
            rows: all.rows - self.left_out.rows,
            sum: all.sum.wrapping_sub(self.left_out.sum),
        };
        let store_id = new_store_id();
        self.tree.sync()?;
        self.tree
            .set(META_KEY, Some(&encode_meta(store_id, totals)))?;
        self.tree.sync()?;
        let conf = dir.join("conf");
        File::open(&conf)
            .and_then(|file| file.sync_all())
            .during("sync", &conf)?;
        drop(redo::open(dir)?);
        let mut mark = Mark::create(dir)?;
        mark.advance(totals)?;
        mark.sync()?;
        Manifest::new(store_id, Stage::Ready).save(dir)?;
        sync_dir(dir)?;
        Ok(totals.rows)
    }
}

/// Whether there is a state in `dir` that was made to its end.
pub fn is_whole(dir: &Path) -> bool {
    let manifest = Manifest::load(dir).ok().flatten();
    manifest.is_some_and(|manifest| manifest.stage == Stage::Ready)
}

/// `key length u16 | row length u32 | key | row` for each row, big-endian.
fn encode_page(rows: &Rows) -> Vec<u8> {
    let mut page = Vec::new();
    for (key, row) in rows {
        // A key has at most 320 bytes and a row little more than 4 KiB.
        page.extend_from_slice(&(key.len() as u16).to_be_bytes());
        page.extend_from_slice(&(row.len() as u32).to_be_bytes());
        page.extend_from_slice(key);
        page.extend_from_slice(row);
    }
    page
}

fn decode_page(mut page: &[u8]) -> Option<Rows> {
    let mut rows = Rows::new();
    while !page.is_empty() {
        let (key_bytes, rest) = page.split_first_chunk::<2>()?;
        let (row_bytes, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(u16::from_be_bytes(*key_bytes).into())?;
        let row_bytes = usize::try_from(u32::from_be_bytes(*row_bytes)).ok()?;
        let (row, rest) = rest.split_at_checked(row_bytes)?;
        rows.push((key.to_vec(), row.to_vec()));
        page = rest;
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Engine, Key};
    use super::*;

    fn copy(frozen: &mut FrozenState, dir: &Path) {
        let mut copy = StateCopy::begin(dir, 1 << 20).unwrap();
        while let Some(page) = frozen.next_page().unwrap() {
            copy.put(&page).unwrap();
        }
        copy.finish(frozen.totals()).unwrap();
    }

    async fn set(state: &State, name: u64, value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(Key::new("row").number(name), value.to_vec());
        state.engine.write(batch).await.unwrap();
    }

    #[tokio::test]
    async fn a_copy_holds_what_there_was_at_the_moment_and_nothing_later() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&dir.path().join("state"), 1 << 20).unwrap();
        for name in 0..600 {
            set(&state, name, &vec![name as u8; 300]).await;
        }
        set(&state, 7, &[9; 20_000]).await;
        let mut frozen = state.freeze();
        // More than the log holds in one file: it would be folded into the tree now.
        for name in 0..5 {
            set(&state, name, &vec![1; 5_000_000]).await;
        }
        copy(&mut frozen, &dir.path().join("copy"));
        drop(frozen);
        let copied = Engine::open_verified(&dir.path().join("copy"), 1 << 20).unwrap();
        for name in 0..600 {
            let read = copied.read(&Key::new("row").number(name)).unwrap().unwrap();
            let value = if name == 7 {
                vec![9; 20_000]
            } else {
                vec![name as u8; 300]
            };
            assert!(read == value, "row {name}");
        }
        set(&state, 1, b"still written").await;
        state.close().unwrap();
        Engine::open_verified(&dir.path().join("state"), 1 << 20).unwrap();
    }

    #[test]
    fn a_page_reads_back_and_a_cut_one_does_not() {
        let rows = vec![(vec![1, 2], vec![3; 70]), (vec![4], Vec::new())];
        let page = encode_page(&rows);
        assert_eq!(decode_page(&page), Some(rows));
        assert_eq!(decode_page(&page[..page.len() - 1]), None);
    }
}
