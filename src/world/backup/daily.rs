//! A backup of every world each day, by the world's clock; one that was missed is made up for and told.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{
    SignedDuration,
    civil::{DateTime, Time},
};
use tokio_util::sync::CancellationToken;

use super::super::{ClockMode, World, WorldFault, Worlds};
use crate::{crypto::sealing_key::SealingPublicKey, domain::jst::jst_datetime};

/// How often it is looked whether a backup is due, by the computer's clock.
const LOOKED_EVERY: Duration = Duration::from_secs(5);

/// A backup that is made later than this counts as missed.
const LATE: SignedDuration = SignedDuration::from_hours(1);

const ENDING: &str = ".chukan-backup";
const STAMP: &str = "%Y%m%dT%H%M%S";

/// What is made when, and for whom.
#[derive(Debug, Clone)]
pub struct Daily {
    /// Where the archives are put, as `<world>-<yyyymmdd>T<hhmmss>.chukan-backup`.
    pub folder: PathBuf,
    /// When, in Japan's time by each world's clock.
    pub at: Time,
    /// Whose private key opens them.
    pub recipient: SealingPublicKey,
    /// How many of each world are kept.
    pub keep: usize,
}

/// Whether a world's daily backup is overdue: late or failed, and not made up for.
#[derive(Debug, Default)]
pub(in crate::world) struct Overdue(AtomicBool);

impl World {
    /// Whether its daily backup is late or has failed, and has not been made up for.
    pub fn backup_overdue(&self) -> bool {
        self.backup_overdue.0.load(Ordering::Relaxed)
    }
}

impl Daily {
    /// Makes the backups until `stopping`. Nothing happens by itself in a world whose clock stands still.
    pub async fn keep_going(self, worlds: Arc<Worlds>, stopping: CancellationToken) {
        loop {
            for world in worlds.list() {
                if matches!(world.clock(), ClockMode::Frozen(_)) {
                    continue;
                }
                let looked = tokio::select! {
                    // What is being written is waited for, or cut off, when the world is closed.
                    () = stopping.cancelled() => return,
                    looked = self.look(&world) => looked,
                };
                if let Err(fault) = looked {
                    world.backup_overdue.0.store(true, Ordering::Relaxed);
                    let error = &fault as &dyn std::error::Error;
                    tracing::error!(world = %world.name(), error, "the daily backup failed");
                }
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(LOOKED_EVERY) => {}
            }
        }
    }

    /// Makes a backup of the world when one is due.
    async fn look(&self, world: &Arc<World>) -> Result<(), WorldFault> {
        let now = jst_datetime(world.now());
        let due = due(now, self.at);
        let archives = self.archives(world.name().as_str())?;
        let newest = archives.last().map(|(made, _)| *made);
        if newest.is_some_and(|newest| newest >= due) {
            return Ok(());
        }
        let late = now.duration_since(due);
        if newest.is_some() && late > LATE {
            world.backup_overdue.0.store(true, Ordering::Relaxed);
            tracing::warn!(world = %world.name(), %due, "a daily backup was missed; it is made now");
        }
        let name = format!("{}-{}{ENDING}", world.name(), now.strftime(STAMP));
        self.make(world, self.folder.join(&name)).await?;
        world.backup_overdue.0.store(false, Ordering::Relaxed);
        tracing::info!(world = %world.name(), archive = name, "the daily backup was made");
        let kept = self.archives(world.name().as_str())?;
        for (_, old) in kept.iter().rev().skip(self.keep) {
            fs::remove_file(old).map_err(WorldFault::file(old))?;
        }
        Ok(())
    }

    async fn make(&self, world: &Arc<World>, archive: PathBuf) -> Result<(), WorldFault> {
        let source = world.back_up().await?;
        let recipient = self.recipient;
        let making = world.beside(move || {
            let part = archive.with_extension("part");
            let file = File::create(&part).map_err(WorldFault::file(&part))?;
            let (out, _) = source.write(&recipient, BufWriter::new(file), |_| ())?;
            let named = || {
                out.into_inner()?.sync_all()?;
                fs::rename(&part, &archive)?;
                File::open(archive.parent().unwrap_or(Path::new(".")))?.sync_all()
            };
            named().map_err(WorldFault::file(&archive))
        });
        making.await.map_err(|_| WorldFault::Stopped)?
    }

    /// The archives of a world, the oldest first.
    fn archives(&self, world: &str) -> Result<Vec<(DateTime, PathBuf)>, WorldFault> {
        let folder = &self.folder;
        fs::create_dir_all(folder).map_err(WorldFault::file(folder))?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(WorldFault::file(folder))? {
            let path = entry.map_err(WorldFault::file(folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(made) = name.and_then(|name| made_at(name, world)) {
                found.push((made, path));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// When an archive of this name was made; nothing when it is none of this world.
fn made_at(name: &str, world: &str) -> Option<DateTime> {
    let stamp = name.strip_prefix(world)?.strip_prefix('-')?;
    DateTime::strptime(STAMP, stamp.strip_suffix(ENDING)?).ok()
}

/// The last moment at which a backup was to be made.
fn due(now: DateTime, at: Time) -> DateTime {
    let today = now.date().to_datetime(at);
    if today <= now {
        return today;
    }
    let yesterday = now.date().yesterday().unwrap_or(now.date());
    yesterday.to_datetime(at)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn a_backup_is_due_at_its_hour_of_every_day() {
        let at = time(3, 0, 0, 0);
        for (hour, day) in [(2, 30), (3, 31), (23, 31)] {
            let now = date(2026, 1, 31).at(hour, 0, 0, 0);
            assert_eq!(due(now, at), date(2026, 1, day).at(3, 0, 0, 0));
        }
    }

    #[test]
    fn an_archive_is_known_by_its_name() {
        let made = date(2026, 1, 31).at(3, 0, 5, 0);
        let name = format!("default-{}{ENDING}", made.strftime(STAMP));
        assert_eq!(name, "default-20260131T030005.chukan-backup");
        assert_eq!(made_at(&name, "default"), Some(made));
        assert_eq!(made_at(&name, "def"), None);
        assert_eq!(made_at(&name.replace("backup", "part"), "default"), None);
    }
}
