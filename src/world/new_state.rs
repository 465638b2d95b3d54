//! A state that is made beside the one whose place it takes. After a disposal the state is written anew: the files of the old one
//! still hold what was disposed of.

use std::{
    fs::{self, File},
    io,
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

/// Writes the state of the world in `dir` anew if records have been disposed of since it last was, while it is in use, and destroys
/// the old files. On the disk `room_kept` bytes stay free. Where it cannot be done the state goes on as it is: the next disposal and
/// the next start try again.
pub(super) async fn renew(dir: &Path, state: &State, room_kept: u64) {
    if let Err(fault) = try_to_renew(dir, state, room_kept).await {
        let error = &fault as &dyn std::error::Error;
        tracing::error!(
            error,
            "the state could not be written anew: its files still hold what was disposed of; the next start tries again"
        );
    }
}

async fn try_to_renew(dir: &Path, state: &State, room_kept: u64) -> Result<(), WorldFault> {
    let Some(mark) = state.disposal_mark()? else {
        return Ok(());
    };
    tracing::info!("the state is written anew: records have been disposed of");
    let (dir, written) = (dir.to_owned(), state.clone());
    let writing = tokio::task::spawn_blocking(move || write_anew(&dir, &written, room_kept));
    let rows = writing.await.map_err(|_| WorldFault::Stopped)??;
    state.forget_disposal(mark).await?;
    tracing::info!(rows, "the state has been written anew");
    Ok(())
}

fn write_anew(dir: &Path, state: &State, room_kept: u64) -> Result<u64, WorldFault> {
    finish(dir)?;
    let (new, removed) = (unfinished(dir), removed(dir));
    remove_unfinished(dir)?;
    has_room(dir, room_kept)?;
    let written = state.renew(&new, &removed);
    if written.is_err() {
        remove_unfinished(dir)?;
    }
    let rows = written?;
    destroy_dir(&removed).map_err(WorldFault::file(&removed))?;
    Ok(rows)
}

/// Removes a new state that was not made to its end. One that is the only state there is stays.
fn remove_unfinished(dir: &Path) -> Result<(), WorldFault> {
    let (place, new) = (dir.join("state"), unfinished(dir));
    if !place.exists() {
        return Err(WorldFault::Missing(place));
    }
    match new.exists() {
        true => fs::remove_dir_all(&new).map_err(WorldFault::file(&new)),
        false => Ok(()),
    }
}

/// Whether the disk has room for another state, as large as the one there is, and `room_kept` bytes.
fn has_room(dir: &Path, room_kept: u64) -> Result<(), WorldFault> {
    let place = dir.join("state");
    let needed = || {
        let bytes = fs::read_dir(&place)?.map(|file| Ok(file?.metadata()?.len()));
        Ok::<_, io::Error>(bytes.sum::<io::Result<u64>>()? + room_kept)
    };
    let free = fs2::available_space(dir).map_err(WorldFault::file(dir))?;
    if free < needed().map_err(WorldFault::file(&place))? {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        return Err(WorldFault::file(&unfinished(dir))(full));
    }
    Ok(())
}
