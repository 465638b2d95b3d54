//! One simulation: its clock, seed, institutions, core system, people and stores. It carries the messages between the
//! rooms above and owns everything that they share.

mod acquire_symbols;
mod addressees;
pub mod backup;
mod batch;
mod by_hand;
mod carry;
mod choose_people;
mod clock;
mod compare;
mod condition;
mod decide;
mod digest;
mod dispose;
mod fill;
mod fill_people;
mod identity;
mod import;
mod journal;
mod keys;
mod network;
mod new_state;
mod notices;
mod number_people;
mod open;
mod portal;
mod reconcile;
mod repair;
mod residents;
mod resume;
mod settings;
mod shares;
mod submit;
mod tally;
#[cfg(test)]
mod tests;
mod turns;
mod upkeep;
mod worlds;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    addressee::{AddresseeFault, AddresseeSystem},
    crypto::signing::KeyFault,
    domain::{
        codes::InstitutionCode,
        institution::Directory,
        names::ProcessingSerial,
        refusal::{Refusal, Thing},
        result::ResultCode,
    },
    institution::{ActFault, IntermediateServer},
    ledger::{LedgerFault, Pace, TreeId},
    network::{CoreSystem, NetworkFault, ResidentNetwork},
    sample::{flaw::DefinitionFlaw, population::Population},
    store::{DownloadCounts, DownloadDir, RecordBook, RecordFault, State, StoreFault},
};

pub use acquire_symbols::PersonStands;
pub use by_hand::{PermitByHand, PermitDraft};
pub use choose_people::MassDraft;
pub use clock::ClockMode;
pub use compare::Comparison;
pub use condition::{Condition, WatchRules};
pub use dispose::{Disposal, disposable_in};
pub use journal::Step;
pub use notices::NoticePlace;
pub use number_people::PeopleToNumber;
pub use open::{Filled, Progress};
pub use portal::{OwnPlace, OwnRecordFilter};
pub use reconcile::{Days, Differing, Reconciled, reconcile};
pub use repair::{Rebuilt, check_state, rebuild_state};
pub use residents::PersonAtInstitution;
pub use settings::Settings;
pub use shares::{Share, Shares};
pub use submit::{BUSY_PAUSE, Submitted};
pub use worlds::{DEFAULT_WORLD, WorldName, WorldPlan, Worlds};

use acquire_symbols::Running;
use by_hand::HandedOut;
use clock::Clock;
use condition::Watch;
use journal::Journal;
use network::Changed;
use open::Description;
use tally::Tally;
use turns::Turns;

/// How many exchanges of a world are under way at one time.
const EXCHANGES_AT_ONCE: usize = 512;

/// How many exchanges an institution may have under way while others are at work (ours).
const EXCHANGES_BESIDE_OTHERS: usize = 8;

/// How many inquiries of a world are accepted at one time.
const ACCEPTED_AT_ONCE: usize = 64;

/// How many inquiries of an institution are accepted at one time while others are at work (ours): one may be about many people.
const ACCEPTED_BESIDE_OTHERS: usize = 1;

/// One simulation.
pub struct World {
    name: WorldName,
    seed: u64,
    people: u32,
    clock: Clock,
    dir: PathBuf,
    directory: Arc<Directory>,
    core: CoreSystem,
    juki: Arc<ResidentNetwork>,
    download_files: DownloadDir,
    servers: BTreeMap<InstitutionCode, IntermediateServer>,
    addressees: BTreeMap<InstitutionCode, AddresseeSystem>,
    population: Population,
    records: RecordBook,
    state: State,
    /// How long the results of inquiries and the answers of the resident network are kept.
    result_retention: SignedDuration,
    journal: Journal,
    /// How much of each tree is signed.
    signed: Mutex<BTreeMap<TreeId, u64>>,
    tally: Tally,
    masses: Running,
    watch: Watch,
    handed_out: HandedOut,
    network_changed: Changed,
    backup_overdue: backup::Overdue,
    /// What the world's file says; nothing once the world is closed.
    description: Mutex<Option<Description>>,
    places: Arc<Turns>,
    accepting: Arc<Turns>,
    /// Inquiries whose exchanges are being begun, by institution.
    beginning: Arc<Shares>,
    /// Held by the one who writes the state anew.
    renewal: tokio::sync::Mutex<()>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl World {
    /// Its name.
    pub fn name(&self) -> &WorldName {
        &self.name
    }

    /// The seed of its population, symbols and codes.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How many people live in it.
    pub fn people(&self) -> u32 {
        self.people
    }

    /// Now, by the world's clock, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How its clock runs.
    pub fn clock(&self) -> ClockMode {
        self.clock.mode()
    }

    /// All institutions.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The intermediate server of an institution.
    ///
    /// # Errors
    /// When the world has no such institution.
    pub fn server(&self, code: InstitutionCode) -> Result<&IntermediateServer, Refusal> {
        self.servers
            .get(&code)
            .ok_or(Refusal::InstitutionUnknown(code))
    }

    /// The addressee system of an institution.
    ///
    /// # Errors
    /// When the world has no such institution.
    pub fn addressees(&self, code: InstitutionCode) -> Result<&AddresseeSystem, Refusal> {
        self.addressees
            .get(&code)
            .ok_or(Refusal::InstitutionUnknown(code))
    }

    /// The core system.
    pub fn core(&self) -> &CoreSystem {
        &self.core
    }

    /// The record book, for checkpoints and proofs.
    pub fn records(&self) -> &RecordBook {
        &self.records
    }

    /// Whether records can be written; nothing is released while they cannot.
    pub fn is_writable(&self) -> bool {
        self.records.is_writable()
    }

    /// How many exchanges ended with each result, or were held, since the world was opened.
    pub fn tally(&self) -> impl Iterator<Item = (ResultCode, u64)> {
        self.tally.totals()
    }

    /// How often an account went beyond the usual number of reveals and exports of a day, since the world was opened.
    pub fn volume_warnings(&self) -> u64 {
        let servers = self.servers.values();
        servers.map(IntermediateServer::volume_warnings).sum()
    }

    /// What became of the results that were too big for a message, since the world was opened.
    pub fn download_counts(&self) -> DownloadCounts {
        self.download_files.counts()
    }

    /// What the writer of the state has counted since the world was opened.
    pub fn state_pace(&self) -> &Pace {
        self.state.pace()
    }

    /// Exchanges that are under way, and those that wait for their turn.
    pub fn exchanges_now(&self) -> (usize, usize) {
        self.places.lengths()
    }

    /// Inquiries that are being accepted, and those that wait for their turn.
    pub fn submissions_now(&self) -> (usize, usize) {
        self.accepting.lengths()
    }

    /// The steps of an exchange, while the journal keeps them.
    ///
    /// # Errors
    /// When it does not, or there was no such exchange.
    pub fn journal(&self, serial: ProcessingSerial) -> Result<Vec<Step>, Refusal> {
        self.journal
            .steps(serial)
            .ok_or(Refusal::NotFound(Thing::Exchange))
    }
}

/// A world could not be opened, or an act in it did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum WorldFault {
    /// A lawful "no".
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A definition file is not as it must be: every flaw of every file.
    #[error("the definition files have {} flaw(s)", .0.len())]
    Definitions(Vec<DefinitionFlaw>),
    /// An act of an institution.
    #[error(transparent)]
    Act(#[from] ActFault),
    /// An act of an addressee system.
    #[error(transparent)]
    Addressee(#[from] AddresseeFault),
    /// An act of the network.
    #[error(transparent)]
    Network(#[from] NetworkFault),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The record book.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The file of keys is not as this version writes it.
    #[error("the file of keys is damaged: restore keys.json from a backup")]
    Keys,
    /// The description of a world is not as this version writes it.
    #[error("{0} is not the description of a world: restore it from a backup")]
    Description(PathBuf),
    /// A part of a filled world is not there any more.
    #[error("{0} is missing: restore the whole world from one backup")]
    Missing(PathBuf),
    /// A sample replica does not pass the form check of the world's layouts.
    #[error("the sample data do not fit layout {0}")]
    Sample(String),
    /// A file could not be read or written.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A backup.
    #[error(transparent)]
    Backup(#[from] backup::BackupFault),
    /// A task of the world was stopped.
    #[error("a task of the world was stopped")]
    Stopped,
}

impl WorldFault {
    pub(crate) fn file(file: &Path) -> impl Fn(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::File {
            file: file.clone(),
            source,
        }
    }
}
