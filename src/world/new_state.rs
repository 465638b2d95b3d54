//! A state that is made beside the one whose place it takes. After a disposal the state is written anew: the files of the old one
//! still hold what was disposed of.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::WorldFault;
use crate::{
    crypto::files::destroy_dir,
    store::{State, is_whole},
};

/// Where a new state is made.
pub(super) fn unfinished(dir: &Path) -> PathBuf {
    dir.join("state.rebuilding")
}

/// Where a state lies that is to be destroyed.
fn removed(dir: &Path) -> PathBuf {
    dir.join("state.removed")
}

/// Gives a new state its name, and destroys one that is to be. The old one is moved away only when the new one is whole: where
/// there is none, the new one is its successor.
pub(super) fn finish(dir: &Path) -> Result<(), WorldFault> {
    let (place, new, removed) = (dir.join("state"), unfinished(dir), removed(dir));
    if !place.exists() && is_whole(&new) {
        fs::rename(&new, &place).map_err(WorldFault::file(&new))?;
    }
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(WorldFault::file(dir))?;
    if place.exists() && removed.exists() {
        destroy_dir(&removed).map_err(WorldFault::file(&removed))?;
    }
    Ok(())
}

/// Opens the state of the world in `dir`. If records have been disposed of since it was last written anew, it is written anew
/// first, and the old files are overwritten and removed. Where there is no room for that it is opened as it is.
///
/// # Errors
/// When the state is in use or damaged, or a file cannot be moved.
pub(super) fn open_state(dir: &Path, cache_bytes: u64) -> Result<State, WorldFault> {
    finish(dir)?;
    let (place, new) = (dir.join("state"), unfinished(dir));
    let state = State::open(&place, cache_bytes)?;
    if !state.has_disposed()? {
        return Ok(state);
    }
    tracing::info!("the state is written anew: records have been disposed of");
    if let Err(fault) = write_anew(&state, &new, cache_bytes) {
        let error = &fault as &dyn std::error::Error;
        tracing::error!(
            error,
            "the state could not be written anew: its old files still hold what was disposed of; the next start tries again"
        );
        return Ok(state);
    }
    state.close()?;
    fs::rename(&place, removed(dir)).map_err(WorldFault::file(&place))?;
    finish(dir)?;
    Ok(State::open(&place, cache_bytes)?)
}

fn write_anew(state: &State, new: &Path, cache_bytes: u64) -> Result<(), WorldFault> {
    let remove = || match new.exists() {
        true => fs::remove_dir_all(new).map_err(WorldFault::file(new)),
        false => Ok(()),
    };
    remove()?;
    let written = state.write_anew(new, cache_bytes);
    if written.is_err() {
        remove()?;
    }
    let rows = written?;
    tracing::info!(rows, "the state has been written anew");
    Ok(())
}
