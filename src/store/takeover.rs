//! A file of replicas is one switch for everybody who reads: from the moment it is accepted all of it shows, though its changes
//! become durable some thousand at a time. Until the last is made, reading looks into the file as well.
//!
//! A row that was written after the acceptance is as the file wants it, because nobody else may change a replica that the file
//! names before all changes are made; of an older row the file knows better.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use super::{
    Key, ReplicaChange, State, StoreFault, Version,
    change_index::ChangeIndex,
    encoded_replica::revision_of,
    imports::import,
    replicas::{of_person, replica_key},
};
use crate::domain::{
    codes::{AddresseeNumber, InstitutionCode, SpecificInfoCode},
    replica::{Replica, ReplicaName},
};

/// How many rows are looked through at a time.
const ROWS_AT_ONCE: usize = 1_000;

/// Rows in the order of their keys.
type Rows = Vec<(Key, Vec<u8>)>;

/// What is being taken over, by institution.
#[derive(Clone)]
pub(super) struct Takeovers {
    slots: Arc<Mutex<HashMap<InstitutionCode, Slot>>>,
    moved: watch::Sender<()>,
}

#[derive(Clone, Default)]
struct Slot {
    /// Grows with every beginning and end: what was read across one is read again.
    turn: u64,
    stage: Stage,
}

#[derive(Clone, Default)]
enum Stage {
    #[default]
    Idle,
    /// A file is being accepted: nobody may begin to change a replica.
    Accepting,
    /// Its changes are being made.
    Making(Arc<Pending>),
    /// They are not made any further before the next file, or the next start.
    Stopped(Arc<Pending>),
}

/// An accepted file whose changes are not all made.
#[derive(Debug)]
pub(super) struct Pending {
    accepted: Version,
    index: ChangeIndex,
}

impl Default for Takeovers {
    fn default() -> Self {
        Self {
            slots: Arc::default(),
            moved: watch::Sender::new(()),
        }
    }
}

impl Takeovers {
    fn slot(&self, institution: InstitutionCode) -> Slot {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(&institution).cloned().unwrap_or_default()
    }

    fn turn_to(&self, institution: InstitutionCode, stage: Stage) {
        {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = slots.entry(institution).or_default();
            slot.turn += 1;
            slot.stage = stage;
        }
        self.moved.send_replace(());
    }
}

impl Stage {
    fn pending(&self) -> Option<&Arc<Pending>> {
        match self {
            Self::Idle | Self::Accepting => None,
            Self::Making(pending) | Self::Stopped(pending) => Some(pending),
        }
    }
}

impl Pending {
    fn change(&self, name: &ReplicaName) -> Result<Option<ReplicaChange>, StoreFault> {
        let changes = self.index.of_person(name.addressee)?;
        Ok(changes.into_iter().find(|change| change.name() == name))
    }

    /// A row as it is when all changes are made.
    fn over(
        &self,
        row: Option<(Version, Vec<u8>)>,
        change: Option<ReplicaChange>,
    ) -> Result<Option<(Version, Vec<u8>)>, StoreFault> {
        let written = row.as_ref().map(|(version, _)| *version);
        if written.is_some_and(|version| version > self.accepted) {
            return Ok(row);
        }
        match change {
            None => Ok(row),
            Some(ReplicaChange::Delete(_)) => Ok(None),
            Some(ReplicaChange::Register(replica)) => {
                let before = match &row {
                    Some((_, row)) => {
                        revision_of(row).ok_or_else(StoreFault::value_data::<Replica>)?
                    }
                    None => 0,
                };
                Ok(Some((self.accepted, replica.row(before + 1))))
            }
        }
    }
}

impl State {
    /// Lets nobody begin to change a replica of the institution until the file is accepted or given up.
    pub fn begin_takeover(&self, institution: InstitutionCode) {
        self.takeovers.turn_to(institution, Stage::Accepting);
    }

    /// Shows all of an accepted file to whoever reads.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn show_takeover(
        &self,
        institution: InstitutionCode,
        number: u64,
        index: ChangeIndex,
    ) -> Result<(), StoreFault> {
        let row = self.engine.read_versioned(&import(institution, number))?;
        let (accepted, _) = row.ok_or_else(StoreFault::value_data::<u64>)?;
        let pending = Arc::new(Pending { accepted, index });
        self.takeovers.turn_to(institution, Stage::Making(pending));
        Ok(())
    }

    /// Lets everybody change replicas again: the file was given up, or all its changes are made.
    pub fn end_takeover(&self, institution: InstitutionCode) {
        self.takeovers.turn_to(institution, Stage::Idle);
    }

    /// The changes are not made any further before the next file or start: whoever waits to change one of these replicas cannot.
    pub fn stop_takeover(&self, institution: InstitutionCode) {
        if let Some(pending) = self.takeovers.slot(institution).stage.pending() {
            let stopped = Stage::Stopped(Arc::clone(pending));
            self.takeovers.turn_to(institution, stopped);
        }
    }

    /// Waits until no file that is being taken over names one of these replicas. Gives the key under which there is no row
    /// until the next file is accepted: a change expects that.
    ///
    /// # Errors
    /// `Closed` when the file is not taken over any further; when the state cannot be read.
    pub async fn undisturbed(
        &self,
        institution: InstitutionCode,
        names: &[ReplicaName],
    ) -> Result<Key, StoreFault> {
        let mut moved = self.takeovers.moved.subscribe();
        loop {
            moved.mark_unchanged();
            let next = import(institution, self.last_import(institution)? + 1);
            let stage = self.takeovers.slot(institution).stage;
            let waits = match &stage {
                Stage::Idle => false,
                Stage::Accepting => true,
                Stage::Making(pending) | Stage::Stopped(pending) => {
                    names.iter().try_fold(false, |known, name| {
                        Ok::<_, StoreFault>(known || pending.change(name)?.is_some())
                    })?
                }
            };
            if !waits {
                return Ok(next);
            }
            if matches!(stage, Stage::Stopped(_)) || moved.changed().await.is_err() {
                return Err(StoreFault::Closed);
            }
        }
    }

    /// Reads what lies on one side of the beginning and the end of a take-over.
    pub(super) fn on_one_side<T>(
        &self,
        institution: InstitutionCode,
        read: impl Fn(Option<&Pending>) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        loop {
            let slot = self.takeovers.slot(institution);
            let found = read(slot.stage.pending().map(|pending| &**pending))?;
            if self.takeovers.slot(institution).turn == slot.turn {
                return Ok(found);
            }
        }
    }

    pub(super) fn replica_row(
        &self,
        institution: InstitutionCode,
        name: &ReplicaName,
    ) -> Result<Option<(Version, Vec<u8>)>, StoreFault> {
        let key = replica_key(institution, name);
        self.on_one_side(institution, |pending| {
            let row = self.engine.read_versioned(&key)?;
            match pending {
                None => Ok(row),
                Some(pending) => pending.over(row, pending.change(name)?),
            }
        })
    }

    /// The rows of a person, of one specific information or of all, as they are when all changes of a file are made; nothing
    /// when the file does not name the person.
    pub(super) fn rows_with(
        &self,
        institution: InstitutionCode,
        pending: Option<&Pending>,
        (person, info): (AddresseeNumber, Option<SpecificInfoCode>),
    ) -> Result<Option<Rows>, StoreFault> {
        let Some(pending) = pending.filter(|pending| pending.index.has(person)) else {
            return Ok(None);
        };
        let list = super::replicas::list(institution, person, info);
        let mut rows: BTreeMap<_, _> = self.rows(&list)?.into_iter().collect();
        for change in pending.index.of_person(person)? {
            let name = change.name();
            if info.is_some_and(|info| info != name.specific_info) {
                continue;
            }
            let key = replica_key(institution, name);
            let row = self.engine.read_versioned(&key)?;
            match pending.over(row, Some(change))? {
                Some((_, row)) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
        Ok(Some(rows.into_iter().collect()))
    }

    /// Shows all rows of an institution's replicas in the order of their names, until `show` says false. No file may be
    /// accepted meanwhile.
    pub(super) fn each_replica_row(
        &self,
        institution: InstitutionCode,
        mut show: impl FnMut(&[u8]) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        let stage = self.takeovers.slot(institution).stage;
        let pending = stage.pending().map(|pending| &**pending);
        let named = pending
            .into_iter()
            .flat_map(|pending| pending.index.people());
        let mut named = named.peekable();
        let list = super::replicas::institution_replicas(institution);
        let (mut after, mut shown) = (None, None::<Key>);
        loop {
            let rows = self.engine.scan(&list, after.as_ref(), ROWS_AT_ONCE)?;
            for (key, row) in &rows {
                while let Some(person) = named.next_if(|person| {
                    let Ok(person) = person else { return true };
                    of_person(institution, *person) < *key
                }) {
                    let person = person?;
                    let rows = self.rows_with(institution, pending, (person, None))?;
                    for (_, row) in rows.unwrap_or_default() {
                        if !show(&row)? {
                            return Ok(());
                        }
                    }
                    shown = Some(of_person(institution, person));
                }
                let begins = |person: &Key| key.as_bytes().starts_with(person.as_bytes());
                if !shown.as_ref().is_some_and(begins) && !show(row)? {
                    return Ok(());
                }
            }
            let Some((last, _)) = rows.into_iter().next_back() else {
                break;
            };
            after = Some(last);
        }
        for person in named {
            let rows = self.rows_with(institution, pending, (person?, None))?;
            for (_, row) in rows.unwrap_or_default() {
                if !show(&row)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
