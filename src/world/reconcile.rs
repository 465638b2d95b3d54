//! Compares the three sides of every exchange in a ledger, stopped or running, read from its directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::civil::Date;

use super::World;
use crate::{
    domain::{
        exchange::Side,
        jst::jst_date,
        names::ProcessingSerial,
        record::{Disagreement, Entry, ProvisionRecord, ThreeSides},
    },
    ledger::{LedgerFault, Progress, walk},
};

/// Which exchanges are compared, by the day in Japan on which they were requested.
#[derive(Debug, Clone, Copy, Default)]
pub struct Days {
    /// The first day; nothing for all before.
    pub from: Option<Date>,
    /// The last day; nothing for all after.
    pub to: Option<Date>,
}

/// The outcome of a comparison over everything.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// Entries of the ledger that were read.
    pub entries: u64,
    /// Entries of which they cannot be read as what the ledger keeps: they may hide a record.
    pub unreadable: u64,
    /// Exchanges on which all who must have a record agree.
    pub agreeing: u64,
    /// Exchanges on which they do not, by their serial.
    pub differing: Vec<Differing>,
    /// Differing exchanges in which a side has no record that must have one.
    pub missing: BTreeMap<Side, u64>,
}

/// An exchange on which the sides do not agree.
#[derive(Debug)]
pub struct Differing {
    /// Which.
    pub serial: ProcessingSerial,
    /// Whether there is a record at inquirer, core and provider.
    pub present: [bool; 3],
    /// What does not agree.
    pub disagreements: Vec<Disagreement>,
}

/// The records of one exchange so far; of several of one side the latest counts.
#[derive(Default)]
struct Sides([Option<Box<ProvisionRecord>>; 3]);

impl Sides {
    fn take(&mut self, record: ProvisionRecord) {
        let [inquirer, core, provider] = &mut self.0;
        let place = match record.side {
            Side::Inquirer => inquirer,
            Side::Core => core,
            Side::Provider => provider,
        };
        *place = Some(Box::new(record));
    }

    fn three(&self) -> ThreeSides<'_> {
        let [inquirer, core, provider] = &self.0;
        ThreeSides {
            inquirer: inquirer.as_deref(),
            core: core.as_deref(),
            provider: provider.as_deref(),
        }
    }

    /// Whether all three are there and say the same.
    fn is_settled(&self) -> bool {
        self.0.iter().all(Option::is_some) && self.three().disagreements().is_empty()
    }
}

/// Compares everything in the ledger in `ledger`. Exchanges whose three records agree are let go as soon as they do:
/// memory is needed for the others. Where a run that was cut off wrote again behind them, the ledger is read once more.
///
/// # Errors
/// When a segment is damaged or cannot be read.
pub fn reconcile(
    ledger: &Path,
    days: Days,
    mut progress: impl FnMut(Progress),
) -> Result<Reconciled, LedgerFault> {
    let mut open: BTreeMap<ProcessingSerial, Sides> = BTreeMap::new();
    let mut settled = BTreeSet::new();
    let mut again = BTreeSet::new();
    let mut take = |record: ProvisionRecord| {
        let serial = record.subject.serial;
        if settled.contains(&serial) {
            again.insert(serial);
            return;
        }
        let sides = open.entry(serial).or_default();
        sides.take(record);
        if sides.is_settled() {
            settled.insert(serial);
            open.remove(&serial);
        }
    };
    let mut unreadable = 0;
    let entries = walk(ledger, &mut progress, |stored| {
        match days.record(&stored.body) {
            Ok(record) => record.into_iter().for_each(&mut take),
            Err(Unreadable) => unreadable += 1,
        }
    })?;
    if !again.is_empty() {
        walk(ledger, progress, |stored| {
            let record = days.record(&stored.body).ok().flatten();
            if let Some(record) = record.filter(|record| again.contains(&record.subject.serial)) {
                open.entry(record.subject.serial).or_default().take(record);
            }
        })?;
    }
    let mut done = Reconciled {
        entries,
        unreadable,
        agreeing: (settled.len() - again.len()) as u64,
        ..Reconciled::default()
    };
    for (serial, sides) in open {
        let three = sides.three();
        let disagreements = three.disagreements();
        if disagreements.is_empty() {
            done.agreeing += 1;
            continue;
        }
        for side in three.missing() {
            *done.missing.entry(side).or_default() += 1;
        }
        done.differing.push(Differing {
            serial,
            present: [three.inquirer, three.core, three.provider].map(|side| side.is_some()),
            disagreements,
        });
    }
    Ok(done)
}

impl World {
    /// As [`reconcile`], of the world's own ledger, which goes on meanwhile: an exchange that is under way may differ. It blocks.
    ///
    /// # Errors
    /// As [`reconcile`].
    pub fn reconcile(
        &self,
        days: Days,
        progress: impl FnMut(Progress),
    ) -> Result<Reconciled, LedgerFault> {
        reconcile(&self.dir.join("ledger"), days, progress)
    }
}

/// An entry has not the form of what the ledger keeps.
struct Unreadable;

impl Days {
    /// The record of an exchange of these days, when it is one.
    fn record(self, body: &[u8]) -> Result<Option<ProvisionRecord>, Unreadable> {
        let Entry::Provision(record) = serde_json::from_slice(body).map_err(|_| Unreadable)? else {
            return Ok(None);
        };
        let day = jst_date(record.subject.requested_at);
        let within = self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to);
        Ok(within.then_some(record))
    }
}
