//! Opens a world from its directory, or makes it there: stores, keys, rooms; fills it once; follows the ledger; takes up
//! what was under way.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ACCEPTED_AT_ONCE, ACCEPTED_BESIDE_OTHERS, EXCHANGES_AT_ONCE, EXCHANGES_BESIDE_OTHERS, World,
    WorldFault, WorldName, WorldPlan, acquire_symbols::Running, backup::Overdue,
    by_hand::HandedOut, clock::Clock, clock::ClockMode, condition::Watch, digest, journal::Journal,
    keys, keys::WorldKeys, network::Changed, new_state, settings::Settings, shares::Shares,
    tally::Tally, turns::Turns,
};
use crate::{
    addressee::AddresseeSystem,
    crypto::files::replace_private,
    domain::{
        layout::Layouts,
        network_plan::{NetworkPlan, OperationNotice},
        refusal::Refusal,
        symbol_request::ResidentNetworkPlan,
    },
    institution::{IntermediateServer, Surroundings},
    ledger::Ledger,
    network::{CoreParts, CoreSystem, ResidentNetwork},
    sample::{definitions::Definitions, population::Population},
    store::{ChangeDir, DownloadDir, RecordBook, State},
};

/// How many passwords are hashed at a time.
const HASHES_AT_ONCE: usize = 2;

/// How far the filling of a world is: people done, of all.
#[derive(Debug, Clone, Copy)]
pub struct Filled {
    /// People done.
    pub done: u32,
    /// People in all.
    pub of: u32,
}

/// Hears how far the filling of a world is.
pub type Progress<'a> = &'a (dyn Fn(Filled) + Send + Sync);

/// A world as its file describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    seed: u64,
    people: u32,
    clock: ClockMode,
    filled: bool,
    #[serde(default)]
    pub(super) resident_network: ResidentNetworkPlan,
    #[serde(default)]
    pub(super) network: NetworkPlan,
    /// Posted and not withdrawn, oldest first.
    #[serde(default)]
    pub(super) notices: Vec<OperationNotice>,
    /// How many notices were ever posted.
    #[serde(default)]
    pub(super) notices_posted: u64,
    /// Of the fields above. A file without it was made before there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl World {
    /// Makes a world in `dir` and fills it with the sample population.
    ///
    /// # Errors
    /// When the definition files are not as they must be, or a file cannot be written.
    pub async fn create(
        dir: &Path,
        plan: WorldPlan,
        settings: &Settings,
        progress: Progress<'_>,
    ) -> Result<Arc<Self>, WorldFault> {
        fs::create_dir_all(dir).map_err(WorldFault::file(dir))?;
        let description = Description {
            seed: plan.seed,
            people: plan.people,
            clock: plan.clock,
            filled: false,
            resident_network: ResidentNetworkPlan::default(),
            network: NetworkPlan::default(),
            notices: Vec::new(),
            notices_posted: 0,
            sha256: None,
        };
        write_description(dir, &description)?;
        Self::open(dir, plan.name, settings, progress).await
    }

    /// Opens the world in `dir`.
    ///
    /// # Errors
    /// When a store is damaged or in use, the definition files are not as they must be, or a file cannot be read.
    pub async fn open(
        dir: &Path,
        name: WorldName,
        settings: &Settings,
        progress: Progress<'_>,
    ) -> Result<Arc<Self>, WorldFault> {
        let description = read_description(dir)?;
        if description.filled {
            new_state::finish(dir)?;
            has_its_stores(dir)?;
        }
        let definitions =
            Definitions::read(&settings.definitions).map_err(WorldFault::Definitions)?;
        let world = Self::build(dir, name, &description, (definitions, settings)).await?;
        let followed = world.records.follow().await?;
        if !description.filled {
            world.fill(progress).await?;
            if settings.training_accounts {
                world.fill_accounts().await?;
            }
            world.describe(|description| description.filled = true)?;
        }
        world.renew_lists(settings.periods.list_age_max).await?;
        let world = Arc::new(world);
        world.watch();
        world.resume(&followed).await?;
        world.move_requests().await?;
        for institution in world.servers.keys() {
            world.resume_mass(*institution)?;
        }
        world.begin_carrying_requests();
        world.begin_upkeep();
        Ok(world)
    }

    async fn build(
        dir: &Path,
        name: WorldName,
        description: &Description,
        (definitions, settings): (Definitions, &Settings),
    ) -> Result<Self, WorldFault> {
        let directory = Arc::new(definitions.directory.clone());
        let keys = WorldKeys::load_or_create(&dir.join("keys.json"), &directory)?;
        let (ledger, state) = open_stores(dir, &keys, settings.cache_bytes).await?;
        let records = RecordBook::new(ledger, state.clone());
        let core_key = keys.core()?;
        let download_files = DownloadDir::open(dir.join("downloads"), keys.downloads()?)?;
        let around = Surroundings {
            directory: Arc::clone(&directory),
            layouts: Arc::<Layouts>::new(definitions.layouts.clone()),
            state: state.clone(),
            records: records.clone(),
            core_key: core_key.verifying_key(),
            periods: settings.periods,
            hold: settings.hold,
            rotation: settings.rotation,
            staff: settings.staff,
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            changes: ChangeDir::open(dir.join("imports"))?,
            downloads: settings.downloads,
            download_files: download_files.clone(),
        };
        let published = state.published_list()?;
        let mut copied: Vec<_> = published.iter().cloned().collect();
        let mut servers = BTreeMap::new();
        let mut addressees = BTreeMap::new();
        for profile in directory.iter() {
            let sealing = keys.sealing(profile.code)?;
            let server = IntermediateServer::open(profile.clone(), around.clone(), sealing)?;
            copied.extend(server.list_copy().map(|copy| copy.list));
            servers.insert(profile.code, server);
            let vault = keys.numbers(profile.code)?;
            let system = AddresseeSystem::new(profile.code, state.clone(), records.clone(), vault);
            addressees.insert(profile.code, system);
        }
        for before in &copied {
            let follows = definitions.list_follows(before);
            follows.map_err(|flaw| WorldFault::Definitions(vec![flaw]))?;
        }
        let in_force = &definitions.permission_list;
        if published.map(|list| list.version()) != Some(in_force.version()) {
            state.keep_published_list(in_force).await?;
        }
        let core = CoreSystem::new(CoreParts {
            directory: Arc::clone(&directory),
            list: definitions.permission_list,
            state: state.clone(),
            records: records.clone(),
            signing: core_key,
            symbols: keys::symbol_secret(description.seed),
            permit_period: settings.permit_period,
        });
        core.set_plan(description.network.clone());
        let plan = description.resident_network.clone();
        let juki = ResidentNetwork::new(state.clone(), keys.resident_network()?, plan);
        let juki = Arc::new(juki);
        Ok(Self {
            name,
            seed: description.seed,
            people: description.people,
            clock: Clock::new(description.clock),
            dir: dir.to_owned(),
            directory,
            core,
            juki,
            download_files,
            servers,
            addressees,
            population: Population::new(description.seed, description.people),
            records,
            state,
            result_retention: settings.periods.result_retention,
            journal: Journal::default(),
            signed: Mutex::default(),
            tally: Tally::default(),
            masses: Running::default(),
            watch: Watch::new(settings.watch),
            handed_out: HandedOut::default(),
            network_changed: Changed::default(),
            backup_overdue: Overdue::default(),
            description: Mutex::new(Some(description.clone())),
            places: Turns::new(EXCHANGES_AT_ONCE, EXCHANGES_BESIDE_OTHERS),
            accepting: Turns::new(ACCEPTED_AT_ONCE, ACCEPTED_BESIDE_OTHERS),
            beginning: Shares::new(settings.inquiries_each_max),
            renewal: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        })
    }

    /// Sets the clock and keeps the setting.
    ///
    /// # Errors
    /// When the setting cannot be written, or the world is closed.
    pub fn set_clock(&self, mode: ClockMode) -> Result<(), WorldFault> {
        self.describe(|description| description.clock = mode)?;
        self.clock.set(mode);
        self.network_changed.send_replace(());
        Ok(())
    }

    /// Whether `dir` is where the making of a world was interrupted before anything was kept in it.
    pub(super) fn is_unmade(dir: &Path) -> bool {
        let kept = ["world.json", "keys.json", "ledger", "state"];
        kept.iter().all(|name| !dir.join(name).exists())
    }

    /// What the world's file says; the default once the world is closed.
    pub(super) fn described<T: Default>(&self, read: impl FnOnce(&Description) -> T) -> T {
        let kept = self
            .description
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(read).unwrap_or_default()
    }

    pub(super) fn describe(&self, change: impl FnOnce(&mut Description)) -> Result<(), WorldFault> {
        let mut kept = self
            .description
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut description = kept.clone().ok_or(Refusal::RecordsUnavailable)?;
        change(&mut description);
        write_description(&self.dir, &description)?;
        *kept = Some(description);
        Ok(())
    }

    /// Waits until what is under way has ended, and closes the stores: from then on nothing is written into the
    /// world's directory, whoever still holds the world. Nothing is lost without it, but opening again takes longer.
    ///
    /// # Errors
    /// When the last writes failed.
    pub async fn close(self: &Arc<Self>) -> Result<(), WorldFault> {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if self.records.is_writable() {
            self.sign_trees().await?;
        }
        let noted = if self.records.is_writable() {
            self.records.note_followed().await
        } else {
            Ok(())
        };
        self.description
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (ledger, state) = (self.records.ledger().clone(), self.state.clone());
        let closed = tokio::task::spawn_blocking(move || {
            ledger.close();
            state.close()
        });
        closed.await.map_err(|_| WorldFault::Stopped)??;
        Ok(noted?)
    }
}

pub(super) async fn open_stores(
    dir: &Path,
    keys: &WorldKeys,
    cache_bytes: u64,
) -> Result<(Ledger, State), WorldFault> {
    let (state_dir, ledger_dir) = (dir.join("state"), dir.join("ledger"));
    new_state::finish(dir)?;
    let ledger_keys = keys.ledger()?;
    let opened = tokio::task::spawn_blocking(move || {
        let (ledger, opening) = Ledger::open(&ledger_dir, ledger_keys)?;
        if let Some(torn) = opening.torn {
            tracing::warn!(
                file = %torn.file.display(),
                offset = torn.offset,
                bytes = torn.bytes,
                "an entry that was never acknowledged was cut off"
            );
        }
        let state = State::open(&state_dir, cache_bytes)?;
        Ok::<_, WorldFault>((ledger, state))
    });
    let (ledger, state) = opened.await.map_err(|_| WorldFault::Stopped)??;
    new_state::renew(dir, &state, 0).await;
    Ok((ledger, state))
}

fn description_file(dir: &Path) -> PathBuf {
    dir.join("world.json")
}

fn read_description(dir: &Path) -> Result<Description, WorldFault> {
    let file = description_file(dir);
    let bytes = match fs::read(&file) {
        Ok(bytes) => bytes,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            return Err(WorldFault::Missing(file));
        }
        Err(fault) => return Err(WorldFault::file(&file)(fault)),
    };
    let read = || {
        let mut description: Description = serde_json::from_slice(&bytes)?;
        let digest = description.sha256.take();
        let right = digest.is_none() || digest == Some(digest::of(&description)?);
        Ok::<_, serde_json::Error>(right.then_some(description))
    };
    let description = read().ok().flatten();
    description.ok_or(WorldFault::Description(file))
}

/// What time it is in the world in `dir`, which is not open.
pub(super) fn time_in(dir: &Path) -> Result<Timestamp, WorldFault> {
    Ok(Clock::new(read_description(dir)?.clock).now())
}

fn write_description(dir: &Path, description: &Description) -> Result<(), WorldFault> {
    let file = description_file(dir);
    let bytes = || {
        let mut description = description.clone();
        description.sha256 = Some(digest::of(&description)?);
        serde_json::to_vec_pretty(&description)
    };
    let written = bytes().map_err(io::Error::from);
    let written = written.and_then(|bytes| replace_private(&file, &bytes));
    written.map_err(WorldFault::file(&file))
}

/// A world that was filled has both stores: one that is not there any more must not be made anew.
fn has_its_stores(dir: &Path) -> Result<(), WorldFault> {
    let missing = ["ledger/segments", "state/manifest.json"]
        .map(|name| dir.join(name))
        .into_iter()
        .find(|path| !path.exists());
    missing.map_or(Ok(()), |path| Err(WorldFault::Missing(path)))
}
