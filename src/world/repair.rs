//! A stopped world's state against its ledger: checked, and made again as far as the ledger can give it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    WorldFault,
    keys::WorldKeys,
    new_state::{finish, unfinished},
    open::open_stores,
};
use crate::{
    ledger::{Progress, walk},
    store::{RecordBook, RecordFault, State, StateCheck, StateReport, keep_own},
};

/// What a rebuilding did.
#[derive(Debug)]
pub struct Rebuilt {
    /// Rows that only the state has, kept as they were.
    pub kept: u64,
    /// Rows that follow from the ledger, left out.
    pub left_out: u64,
    /// Entries of the ledger that were followed.
    pub entries: u64,
    /// Where the state lies that was there before.
    pub aside: PathBuf,
}

/// Checks every row of the state of the world in `dir`, and that it agrees with the ledger. No process may have it open. The
/// state is opened as a server would: what is only in its log is brought into its tree.
///
/// # Errors
/// When a store is in use or damaged.
pub fn check_state(
    dir: &Path,
    cache_bytes: u64,
    progress: impl FnMut(Progress),
) -> Result<StateReport, WorldFault> {
    finish(dir)?;
    let state = State::open(&dir.join("state"), cache_bytes)?;
    let mut check = StateCheck::begin(&state)?;
    let mut flawed: Option<RecordFault> = None;
    let entries = walk(&dir.join("ledger"), progress, |stored| {
        if flawed.is_none() {
            flawed = check.take(&stored).err();
        }
    })?;
    if let Some(fault) = flawed {
        return Err(fault.into());
    }
    let report = check.finish(entries)?;
    state.close()?;
    Ok(report)
}

/// Makes the state of the world in `dir` again: places of records, marks and used permits from the ledger, everything else
/// as it was. The state that was there is kept beside. No process may have the world open.
///
/// # Errors
/// When a store is in use, a row of the state is damaged (then only a backup has it), or a file cannot be written.
pub async fn rebuild_state(dir: &Path, cache_bytes: u64) -> Result<Rebuilt, WorldFault> {
    finish(dir)?;
    let keys = WorldKeys::load(&dir.join("keys.json"))?;
    let (ledger, state) = open_stores(dir, &keys, cache_bytes).await?;
    let new = unfinished(dir);
    if new.exists() {
        fs::remove_dir_all(&new).map_err(WorldFault::file(&new))?;
    }
    let (kept, left_out) = keep_own(&state, &new, cache_bytes)?;
    let followed = state.ledger_followed()?;
    state.close()?;
    let fresh = State::open(&new, cache_bytes)?;
    let book = RecordBook::new(ledger.clone(), fresh.clone());
    book.follow().await?;
    // What is behind may have to be brought to its end at the next opening.
    fresh.follow_ledger(followed).await?;
    let entries = ledger.next_sequence();
    drop(book);
    ledger.close();
    fresh.close()?;
    let (place, aside) = (dir.join("state"), free_name(dir));
    fs::rename(&place, &aside).map_err(WorldFault::file(&place))?;
    finish(dir)?;
    Ok(Rebuilt {
        kept,
        left_out,
        entries,
        aside,
    })
}

fn free_name(dir: &Path) -> PathBuf {
    let names = (1..).map(|n| dir.join(format!("state.before-rebuild-{n}")));
    let mut free = names.skip_while(|path: &PathBuf| path.exists());
    free.next()
        .unwrap_or_else(|| dir.join("state.before-rebuild"))
}
