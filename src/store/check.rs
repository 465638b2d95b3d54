//! The state against the ledger: what the ledger can prove of the state, and the state made again from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::row::ROW_TAG;
use super::snapshot::PageCount;
use super::{Key, RecordFault, State, StoreFault};
use crate::domain::codes::InstitutionCode;
use crate::domain::exchange::Side;
use crate::domain::names::{PermitId, ProcessingSerial};
use crate::domain::record::{Entry, ProvisionRecord};
use crate::ledger::StoredEntry;

/// How many findings are named; the others are counted.
const NAMED_MAX: usize = 1_000;

/// The tags of the rows that follow from the ledger alone.
const FROM_LEDGER: [&str; 3] = ["record", "used-permit", "ledger-followed"];

/// What a state lacks or has too much of, beside the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum StateFinding {
    /// The place of a record is not noted.
    PlaceMissing {
        /// Whose record.
        owner: String,
        /// Of which exchange.
        serial: ProcessingSerial,
    },
    /// The place that is noted is not that of the latest record.
    PlaceWrong {
        /// Whose record.
        owner: String,
        /// Of which exchange.
        serial: ProcessingSerial,
    },
    /// The mark 不開示 is not the one that was set last.
    MarkWrong {
        /// Whose record.
        owner: String,
        /// Of which exchange.
        serial: ProcessingSerial,
    },
    /// A permit that was used up could be used again.
    PermitUnused {
        /// Where.
        institution: InstitutionCode,
        /// The sequence of the entry that used it up.
        sequence: u64,
    },
    /// Places are noted of records that the ledger does not have.
    PlacesSurplus {
        /// How many.
        rows: u64,
    },
    /// The state has seen more of the ledger than there is.
    LedgerBehind {
        /// Entries that the state has seen.
        followed: u64,
        /// Entries of the ledger.
        found: u64,
    },
}

/// What a check found.
#[derive(Debug, Default)]
pub struct StateReport {
    /// Rows of the state, each checked against its checksum.
    pub rows: u64,
    /// Entries of the ledger.
    pub entries: u64,
    /// Entries that the next opening follows into the state: not checked.
    pub tail: u64,
    /// Records whose place is the noted one.
    pub records: u64,
    /// Used permits.
    pub permits: u64,
    /// What is wrong, as far as it is named.
    pub findings: Vec<StateFinding>,
    /// How much is wrong in all.
    pub wrong: u64,
}

/// Checks a state against the entries of its ledger, given in order.
pub struct StateCheck<'a> {
    state: &'a State,
    followed: u64,
    report: StateReport,
    marks: BTreeMap<(String, ProcessingSerial), bool>,
    missing: BTreeSet<(String, ProcessingSerial)>,
}

impl<'a> StateCheck<'a> {
    /// Reads every row of the state and begins.
    ///
    /// # Errors
    /// When a row is damaged or missing.
    pub fn begin(state: &'a State) -> Result<Self, StoreFault> {
        let mut frozen = state.freeze();
        let mut count = PageCount::default();
        let source = Path::new("state/db");
        while let Some(page) = frozen.next_page()? {
            count.take(&page, source)?;
        }
        count.reaches(frozen.totals(), source)?;
        Ok(Self {
            state,
            followed: state.ledger_followed()?,
            report: StateReport {
                rows: frozen.totals().rows(),
                ..StateReport::default()
            },
            marks: BTreeMap::new(),
            missing: BTreeSet::new(),
        })
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// When the entry is no record, or the state cannot be read.
    pub fn take(&mut self, stored: &StoredEntry) -> Result<(), RecordFault> {
        if stored.sequence >= self.followed {
            self.report.tail += 1;
            return Ok(());
        }
        let owner = stored.tree.owner.to_string();
        match super::record_book::read_entry(stored)? {
            Entry::Provision(record) => {
                if let (Side::Provider, Some(permit)) = (record.side, record.permit_id) {
                    self.permit(record.subject.provider, permit, stored.sequence)?;
                }
                self.place(stored, owner, &record)?;
            }
            Entry::Held { subject, permit_id } => {
                self.permit(subject.provider, permit_id, stored.sequence)?;
            }
            Entry::NondisclosureSet {
                serial,
                nondisclosure,
            } => {
                self.marks.insert((owner, serial), nondisclosure);
            }
            _ => {}
        }
        Ok(())
    }

    fn place(
        &mut self,
        stored: &StoredEntry,
        owner: String,
        record: &ProvisionRecord,
    ) -> Result<(), RecordFault> {
        let serial = record.subject.serial;
        // A record begins with the mark of its request.
        self.marks.remove(&(owner.clone(), serial));
        let noted = self.state.record_place(&owner, serial)?;
        let tree = stored.tree.to_string();
        match noted {
            None => {
                if self.missing.insert((owner.clone(), serial)) {
                    self.found(StateFinding::PlaceMissing { owner, serial });
                }
            }
            Some(place) if place.tree == tree && place.index == stored.index => {
                self.report.records += 1;
                self.marks
                    .insert((owner, serial), record.subject.nondisclosure);
            }
            // A later record of the same exchange took its place; that one is looked at when it comes.
            Some(place) if (&place.tree, place.index) > (&tree, stored.index) => {}
            Some(_) => self.found(StateFinding::PlaceWrong { owner, serial }),
        }
        Ok(())
    }

    fn permit(
        &mut self,
        institution: InstitutionCode,
        permit: PermitId,
        sequence: u64,
    ) -> Result<(), StoreFault> {
        if self.state.permit_is_used(institution, permit)? {
            self.report.permits += 1;
        } else {
            self.found(StateFinding::PermitUnused {
                institution,
                sequence,
            });
        }
        Ok(())
    }

    /// What was found, after the last of `entries` entries, of which some may have no body any more.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn finish(mut self, entries: u64) -> Result<StateReport, StoreFault> {
        self.report.entries = entries;
        for ((owner, serial), mark) in std::mem::take(&mut self.marks) {
            let noted = self.state.record_place(&owner, serial)?;
            if noted.is_some_and(|place| place.nondisclosure != mark) {
                self.found(StateFinding::MarkWrong { owner, serial });
            }
        }
        if self.followed > self.report.entries {
            let (followed, found) = (self.followed, self.report.entries);
            self.found(StateFinding::LedgerBehind { followed, found });
        }
        let rows = count(self.state, &Key::new("record"))?;
        // Of the tail some places may be noted already.
        let known = self.report.records + self.report.tail;
        if rows > known {
            self.found(StateFinding::PlacesSurplus { rows: rows - known });
        }
        Ok(self.report)
    }

    fn found(&mut self, finding: StateFinding) {
        self.report.wrong += 1;
        if self.report.findings.len() < NAMED_MAX {
            self.report.findings.push(finding);
        }
    }
}

fn count(state: &State, list: &Key) -> Result<u64, StoreFault> {
    let (mut rows, mut after) = (0, None);
    loop {
        let page = state.engine.scan(list, after.as_ref(), NAMED_MAX)?;
        rows += page.len() as u64;
        match page.into_iter().last() {
            Some((last, _)) => after = Some(last),
            None => return Ok(rows),
        }
    }
}

/// Makes in `dir`, which must not be there, a state with everything of `state` that the ledger does not give. The rest comes
/// when the ledger is followed from its beginning. Returns how many rows were kept and left out.
///
/// # Errors
/// When a row of `state` is damaged, or the new one cannot be written.
pub fn keep_own(state: &State, dir: &Path, cache_bytes: u64) -> Result<(u64, u64), StoreFault> {
    let tags = FROM_LEDGER.map(|tag| [&[ROW_TAG], Key::new(tag).as_bytes()].concat());
    state.freeze().copy_without(dir, cache_bytes, |key| {
        tags.iter().any(|tag| key.starts_with(tag))
    })
}
