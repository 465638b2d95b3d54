//! The worlds of one process, each in a directory of its own.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::Mutex;

use super::{ClockMode, Progress, Settings, World, WorldFault};
use crate::domain::{
    malformed::{Flaw, Malformed},
    refusal::{Refusal, Thing},
};

/// The world that is meant when a call names none.
pub const DEFAULT_WORLD: &str = "default";

/// How the directory of a world is called, after a dot and its name, while it is being deleted.
const GRAVE: &str = ".deleted";

/// The name of a world: 1 to 40 characters of `[0-9a-z-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorldName(String);

impl WorldName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorldName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = |flaw| Malformed {
            noun: "WorldName",
            noun_ja: "世界の名前",
            flaw,
        };
        let actual = text.chars().count();
        if actual == 0 {
            return Err(malformed(Flaw::Empty));
        }
        if actual > 40 {
            let expected = "1-40";
            return Err(malformed(Flaw::Length { expected, actual }));
        }
        let allowed = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '-';
        match text.chars().position(|c| !allowed(c)) {
            Some(at) => Err(malformed(Flaw::Character {
                position: at + 1,
                permitted: "0-9 a-z -",
            })),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for WorldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a new world is to be.
#[derive(Debug, Clone)]
pub struct WorldPlan {
    /// Its name.
    pub name: WorldName,
    /// The seed of its population, symbols and codes.
    pub seed: u64,
    /// How many people live in it.
    pub people: u32,
    /// How its clock runs.
    pub clock: ClockMode,
}

/// The worlds of a process.
pub struct Worlds {
    dir: PathBuf,
    settings: Settings,
    open: RwLock<BTreeMap<WorldName, Arc<World>>>,
    /// Making, deleting and resetting go one after the other.
    changing: Mutex<()>,
}

impl Worlds {
    /// The worlds below `dir`; none is open yet.
    pub fn new(dir: PathBuf, settings: Settings) -> Self {
        Self {
            dir,
            settings,
            open: RwLock::default(),
            changing: Mutex::default(),
        }
    }

    /// Opens every world that has a directory, and makes the one of `default` when it has none.
    ///
    /// # Errors
    /// When a world cannot be opened or made.
    pub async fn open_all(
        &self,
        default: WorldPlan,
        progress: Progress<'_>,
    ) -> Result<(), WorldFault> {
        let _changing = self.changing.lock().await;
        fs::create_dir_all(&self.dir).map_err(WorldFault::file(&self.dir))?;
        let listed = fs::read_dir(&self.dir).map_err(WorldFault::file(&self.dir))?;
        for entry in listed {
            let entry = entry.map_err(WorldFault::file(&self.dir))?;
            let name = entry.file_name();
            if name.to_str().is_some_and(is_grave) {
                remove_if_there(&entry.path())?;
                continue;
            }
            if let Some(Ok(name)) = name.to_str().map(WorldName::from_str) {
                let dir = self.dir_of(&name);
                if World::is_unmade(&dir) {
                    remove_if_there(&dir)?;
                    continue;
                }
                let world = World::open(&dir, name.clone(), &self.settings, progress).await?;
                self.insert(world);
            }
        }
        if self.find(default.name.as_str()).is_err() {
            let dir = self.dir_of(&default.name);
            self.insert(World::create(&dir, default, &self.settings, progress).await?);
        }
        Ok(())
    }

    /// The world of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<Arc<World>, Refusal> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        name.parse()
            .ok()
            .and_then(|name: WorldName| open.get(&name).cloned())
            .ok_or(Refusal::NotFound(Thing::World))
    }

    /// The worlds, by name.
    pub fn list(&self) -> Vec<Arc<World>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().cloned().collect()
    }

    /// Makes a world.
    ///
    /// # Errors
    /// When there is one of this name, or it cannot be made.
    pub async fn create(&self, plan: WorldPlan) -> Result<Arc<World>, WorldFault> {
        let _changing = self.changing.lock().await;
        if self.find(plan.name.as_str()).is_ok() {
            return Err(Refusal::WorldExists.into());
        }
        self.make(plan).await
    }

    /// Deletes a world with everything in it.
    ///
    /// # Errors
    /// When there is none of this name, it is `default`, or its files cannot be removed.
    pub async fn delete(&self, name: &str) -> Result<(), WorldFault> {
        let _changing = self.changing.lock().await;
        if name == DEFAULT_WORLD {
            return Err(Refusal::WorldStays.into());
        }
        let world = self.find(name)?;
        self.remove(&world).await
    }

    /// Makes a world anew from its seed, with its people and its clock.
    ///
    /// # Errors
    /// When there is none of this name, or it cannot be made anew.
    pub async fn reset(&self, name: &str) -> Result<Arc<World>, WorldFault> {
        let _changing = self.changing.lock().await;
        let world = self.find(name)?;
        let plan = WorldPlan {
            name: world.name.clone(),
            seed: world.seed,
            people: world.people,
            clock: world.clock(),
        };
        self.remove(&world).await?;
        drop(world);
        self.make(plan).await
    }

    /// Closes every world.
    ///
    /// # Errors
    /// When the last writes of a world failed; the others are closed all the same.
    pub async fn close(&self) -> Result<(), WorldFault> {
        let _changing = self.changing.lock().await;
        let mut result = Ok(());
        let open = {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *open)
        };
        for world in open.into_values() {
            result = result.and(world.close().await);
        }
        result
    }

    /// Makes a world in a directory that holds nothing: what is there is left over from one that could not be made.
    async fn make(&self, plan: WorldPlan) -> Result<Arc<World>, WorldFault> {
        let dir = self.dir_of(&plan.name);
        remove_if_there(&dir)?;
        match World::create(&dir, plan, &self.settings, &|_| {}).await {
            Ok(world) => {
                self.insert(Arc::clone(&world));
                Ok(world)
            }
            Err(fault) => {
                remove_if_there(&dir)?;
                Err(fault)
            }
        }
    }

    async fn remove(&self, world: &Arc<World>) -> Result<(), WorldFault> {
        {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            open.remove(&world.name);
        }
        if let Err(fault) = world.close().await {
            // It is being deleted: what was not written is not missed.
            tracing::warn!(world = %world.name, error = &fault as &dyn std::error::Error, "a deleted world did not close cleanly");
        }
        // A call that is just ending may still read from the open files. It writes nothing: the stores are closed.
        let grave = self.dir.join(format!(".{}{GRAVE}", world.name));
        remove_if_there(&grave)?;
        fs::rename(&world.dir, &grave).map_err(WorldFault::file(&world.dir))?;
        remove_if_there(&grave)
    }

    fn insert(&self, world: Arc<World>) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(world.name.clone(), world);
    }

    fn dir_of(&self, name: &WorldName) -> PathBuf {
        self.dir.join(name.as_str())
    }
}

/// Whether a directory is what an interrupted deletion left.
fn is_grave(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(GRAVE)
}

fn remove_if_there(dir: &Path) -> Result<(), WorldFault> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(WorldFault::file(dir))?;
    }
    Ok(())
}
