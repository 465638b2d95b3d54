//! The record book of one world: writes entries to the ledger, finds records again, and follows the ledger's tail
//! into the state.

use jiff::Timestamp;

use super::{
    Followed, Keeper, RecordPlace, State, StoreFault,
    under_way::{Act, UnderWay},
};
use crate::{
    domain::{
        codes::InstitutionCode,
        exchange::Side,
        jst::fiscal_year,
        names::{PermitId, ProcessingSerial},
        record::{Entry, PlacedRecord, ProvisionRecord},
    },
    ledger::{self, Ledger, LedgerFault, StoredEntry, TreeId},
};

/// How many entries are read for one page of a search.
pub(super) const SEARCHED_AT_ONCE: u64 = 10_000;

/// How many entries are read at a time when the ledger is followed, and what is left of their segment.
const READ_AT_ONCE: u64 = 50_000;

/// How many places are noted at a time when the ledger is followed.
const FOLLOWED_AT_ONCE: usize = 1_000;

/// The ledger and the notes about it in the state.
#[derive(Clone)]
pub struct RecordBook {
    ledger: Ledger,
    pub(super) state: State,
    under_way: UnderWay,
}

/// An entry that is in the ledger. Keep it until the state has been written: until then a restart would follow the
/// ledger from before the entry.
#[derive(Debug)]
pub struct Recorded {
    /// Where it stands.
    pub place: RecordPlace,
    _act: Act,
}

/// A record could not be written or found.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// The notes about it.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The ledger ends before what the state has seen of it: it is an older copy, or was made anew.
    #[error(
        "the ledger has {found} entries where the state has seen {followed}: restore the whole world from one backup"
    )]
    LedgerBehind {
        /// Entries that the state has seen.
        followed: u64,
        /// Entries of the ledger.
        found: u64,
    },
    /// An entry cannot be written or read as a record.
    #[error("an entry of the ledger has not the form of a record")]
    Form,
}

impl RecordBook {
    /// The book over this ledger and this state.
    pub fn new(ledger: Ledger, state: State) -> Self {
        Self {
            ledger,
            state,
            under_way: UnderWay::default(),
        }
    }

    /// The ledger, for checkpoints and proofs.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether records can be written.
    pub fn is_writable(&self) -> bool {
        self.ledger.is_writable() && self.state.is_writable()
    }

    /// Writes an entry; it is durable when this returns. The place is not noted in the state yet.
    ///
    /// # Errors
    /// When the ledger cannot be written: nothing may be released then.
    pub async fn write(
        &self,
        keeper: Keeper,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Recorded, RecordFault> {
        let entries = vec![written(keeper, entry, now)?];
        self.commit(entry, entries).await
    }

    /// Writes an entry and another that goes with it, both or neither, and returns where the first stands.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn write_both(
        &self,
        keeper: Keeper,
        (entry, with): (&Entry, &Entry),
        now: Timestamp,
    ) -> Result<Recorded, RecordFault> {
        let entries = vec![written(keeper, entry, now)?, written(keeper, with, now)?];
        self.commit(entry, entries).await
    }

    /// Writes the keeper's record of an exchange, unless it stands there with the same outcome: a crash came between
    /// the record and what follows it.
    ///
    /// # Errors
    /// As [`Self::write`]; when what stands there cannot be read.
    pub async fn write_once(
        &self,
        keeper: Keeper,
        record: ProvisionRecord,
        now: Timestamp,
    ) -> Result<Recorded, RecordFault> {
        let serial = record.subject.serial;
        if let Some(place) = self.state.record_place(keeper.as_str(), serial)? {
            let act = self.under_way.begin(|| self.ledger.next_sequence());
            let standing = self.record(keeper, serial)?;
            if standing.is_some_and(|placed| placed.record.outcome == record.outcome) {
                return Ok(Recorded { place, _act: act });
            }
        }
        self.write(keeper, &Entry::Provision(record), now).await
    }

    async fn commit(
        &self,
        first: &Entry,
        entries: Vec<ledger::Entry>,
    ) -> Result<Recorded, RecordFault> {
        let act = self.under_way.begin(|| self.ledger.next_sequence());
        let positions = self.ledger.commit(entries).await?;
        let position = positions.first().ok_or(RecordFault::Form)?;
        let place = RecordPlace {
            tree: position.tree.to_string(),
            index: position.index,
            nondisclosure: matches!(first, Entry::Provision(record) if record.subject.nondisclosure),
        };
        Ok(Recorded { place, _act: act })
    }

    /// Notes where a record stands. Should a crash take the note, it is made again when the ledger is followed.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn note(
        &self,
        keeper: Keeper,
        serial: ProcessingSerial,
        place: &RecordPlace,
    ) -> Result<(), RecordFault> {
        let noted = self.state.note_record(keeper.as_str(), serial, place);
        Ok(noted.await?)
    }

    /// Sets or clears 不開示 of a record that is there.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn mark(
        &self,
        keeper: Keeper,
        serial: ProcessingSerial,
        nondisclosure: bool,
    ) -> Result<(), RecordFault> {
        if let Some(place) = self.state.record_place(keeper.as_str(), serial)? {
            let marked = RecordPlace {
                nondisclosure,
                ..place
            };
            let places = [(keeper.as_str(), serial, marked)];
            self.state.place_records(&places).await?;
        }
        Ok(())
    }

    /// The keeper's record of an exchange.
    ///
    /// # Errors
    /// When the ledger or the state cannot be read.
    pub fn record(
        &self,
        keeper: Keeper,
        serial: ProcessingSerial,
    ) -> Result<Option<PlacedRecord>, RecordFault> {
        let Some(place) = self.state.record_place(keeper.as_str(), serial)? else {
            return Ok(None);
        };
        let tree: TreeId = place.tree.parse().map_err(|_| RecordFault::Form)?;
        let stored = match self.ledger.read(tree, place.index) {
            Err(LedgerFault::Destroyed(_)) => return Ok(None),
            read => read?,
        };
        let Entry::Provision(record) = read_entry(&stored)? else {
            return Err(RecordFault::Form);
        };
        Ok(Some(placed(&stored, record, place.nondisclosure)?))
    }

    /// Brings what the ledger holds beyond the state into the state: places of records, marks and used permits.
    /// Returns what was recorded there. How far the state has followed is not noted here: what was recorded may have to be
    /// brought to its end first.
    ///
    /// # Errors
    /// When the ledger cannot be read or the state not written.
    pub async fn follow(&self) -> Result<Followed, RecordFault> {
        let from = self.state.ledger_followed()?;
        let found = self.ledger.next_sequence();
        if found < from {
            return Err(RecordFault::LedgerBehind {
                followed: from,
                found,
            });
        }
        let (mut at, mut followed) = (from, Followed::default());
        while at < found {
            let mut tail = Vec::new();
            let ledger = &self.ledger;
            at = ledger.replay_some(at, READ_AT_ONCE, |stored| tail.push(stored))?;
            let mut places = Vec::new();
            let mut permits = Vec::new();
            for stored in &tail {
                self.follow_entry(stored, &mut followed, &mut places, &mut permits)?;
            }
            for some in places.chunks(FOLLOWED_AT_ONCE) {
                let some: Vec<_> = some
                    .iter()
                    .map(|(keeper, serial, place)| (keeper.as_str(), *serial, place.clone()))
                    .collect();
                self.state.place_records(&some).await?;
            }
            for some in permits.chunks(FOLLOWED_AT_ONCE) {
                self.state.note_used_permits(some).await?;
            }
        }
        Ok(followed)
    }

    fn follow_entry(
        &self,
        stored: &StoredEntry,
        followed: &mut Followed,
        places: &mut Vec<(Keeper, ProcessingSerial, RecordPlace)>,
        permits: &mut Vec<(InstitutionCode, PermitId, Timestamp)>,
    ) -> Result<(), RecordFault> {
        let at = recorded_at(stored)?;
        let keeper = Keeper::of_owner(stored.tree.owner)?;
        match read_entry(stored)? {
            Entry::Provision(record) => {
                followed.exchanges.insert(record.subject.serial);
                if let (Side::Provider, Some(permit)) = (record.side, record.permit_id) {
                    permits.push((record.subject.provider, permit, at));
                }
                let place = RecordPlace {
                    tree: stored.tree.to_string(),
                    index: stored.index,
                    nondisclosure: record.subject.nondisclosure,
                };
                places.push((Keeper::of(&record), record.subject.serial, place));
            }
            Entry::Held { subject, permit_id } => permits.push((subject.provider, permit_id, at)),
            Entry::NondisclosureSet {
                serial,
                nondisclosure,
            } => {
                let owner = stored.tree.owner.to_string();
                let marked = places
                    .iter_mut()
                    .rev()
                    .find(|(keeper, of, _)| *of == serial && keeper.as_str() == owner);
                if let Some((_, _, place)) = marked {
                    place.nondisclosure = nondisclosure;
                } else if let Ok(code) = owner.parse() {
                    let keeper = Keeper::Institution(code);
                    if let Some(place) = self.state.record_place(&owner, serial)? {
                        let place = RecordPlace {
                            nondisclosure,
                            ..place
                        };
                        places.push((keeper, serial, place));
                    }
                }
            }
            Entry::Disposed {
                recorded_before, ..
            } => followed.disposals.push((keeper, recorded_before)),
            Entry::Deleted {
                what, ended_before, ..
            } => followed.deletions.push((keeper, what, ended_before)),
            Entry::IdentityInformationUsed(used) => followed.identity_uses.push((keeper, *used)),
            Entry::PermitRefused { .. }
            | Entry::IndividualNumberUsed { .. }
            | Entry::SealingKeyRegistered { .. }
            | Entry::SealingKeyRevoked { .. }
            | Entry::CallRefused { .. }
            | Entry::Operation(_)
            | Entry::ReplicasRegistered { .. }
            | Entry::ReplicasDeleted { .. }
            | Entry::Escalated { .. }
            | Entry::PortalUsed { .. }
            | Entry::Notice { .. }
            | Entry::OwnDataRequested { .. }
            | Entry::NoSelfProvisionChanged { .. }
            | Entry::NoAutoReplySet { .. }
            | Entry::NoAutoReplyCleared { .. } => {}
        }
        Ok(())
    }

    /// Notes how much of the ledger is in the state, so that a restart follows the rest only.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn note_followed(&self) -> Result<(), RecordFault> {
        let passed = self.under_way.passed(|| self.ledger.next_sequence());
        if passed > self.state.ledger_followed()? {
            self.state.follow_ledger(passed).await?;
        }
        Ok(())
    }
}

fn written(keeper: Keeper, entry: &Entry, now: Timestamp) -> Result<ledger::Entry, RecordFault> {
    Ok(ledger::Entry {
        tree: TreeId {
            owner: keeper.owner()?,
            fiscal_year: u16::try_from(fiscal_year(now)).map_err(|_| RecordFault::Form)?,
        },
        at_ms: now.as_millisecond(),
        body: serde_json::to_vec(entry).map_err(|_| RecordFault::Form)?,
    })
}

pub(super) fn read_entry(stored: &StoredEntry) -> Result<Entry, RecordFault> {
    serde_json::from_slice(&stored.body).map_err(|_| RecordFault::Form)
}

pub(super) fn recorded_at(stored: &StoredEntry) -> Result<Timestamp, RecordFault> {
    Timestamp::from_millisecond(stored.at_ms).map_err(|_| RecordFault::Form)
}

pub(super) fn placed(
    stored: &StoredEntry,
    record: ProvisionRecord,
    nondisclosure: bool,
) -> Result<PlacedRecord, RecordFault> {
    Ok(PlacedRecord {
        record,
        tree: stored.tree.to_string(),
        index: stored.index,
        recorded_at: recorded_at(stored)?,
        nondisclosure,
    })
}
