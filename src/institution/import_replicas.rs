//! 副本の取込: takes over a file of replicas, whole or, when asked, by row. DBM.

use std::ops::ControlFlow;

use data_encoding::HEXLOWER;
use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::{
    crypto::digest::{Digesting, random_bytes},
    domain::{
        codes::{InstitutionCode, SpecificInfoCode},
        record::Entry as LedgerEntry,
        refusal::Refusal,
        replica::ReplicaName,
        replica_file::{
            Assembled, Entry, Extent, FileFlaw, FileMisfit, FileNames, FileNumbers, FilePlan,
            FileReader,
        },
        replica_import::ReplicaImport,
        words::LayoutVersion,
    },
    store::{
        ChangeIndex, ChangeWriter, EncodedReplica, Page, PageOf, ReplicaChange, State, StoreFault,
    },
};

/// How a file is to be taken over.
#[derive(Debug, Clone)]
pub struct ImportPlan {
    /// How the file is written.
    pub file: FilePlan,
    /// Whether replicas with flaws are left out; else one flaw refuses the whole file.
    pub by_row: bool,
    /// Whether a file that was taken over before is taken over again.
    pub again: bool,
    /// The bytes of the file, where they are known: fewer or more mean that it was cut.
    pub bytes: Option<u64>,
}

/// A file that is coming in: checked piece by piece, its changes kept aside.
pub struct Importing<'s> {
    server: &'s IntermediateServer,
    plan: ImportPlan,
    reader: FileReader<'s>,
    digest: Digesting,
    bytes: u64,
    tally: Tally,
    changes: ChangeWriter,
    now: Timestamp,
}

#[derive(Default)]
struct Tally {
    flaws: u64,
    left_out: u64,
    registering: u64,
}

/// A file that has come in whole.
pub struct CheckedFile {
    subject: Option<(SpecificInfoCode, LayoutVersion)>,
    /// What a full file names: the rest is deleted.
    all: Option<FileNames>,
    plan: ImportPlan,
    digest: String,
    rows: u64,
    tally: Tally,
    changes: ChangeWriter,
}

impl CheckedFile {
    /// Its lines with records and deletions.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many flaws it has.
    pub fn flaws(&self) -> u64 {
        self.tally.flaws
    }

    /// The replicas that have flaws.
    pub fn flawed(&self) -> u64 {
        self.tally.left_out
    }

    /// Whether it can be taken over as the plan wants it.
    pub fn is_acceptable(&self) -> bool {
        let sound = self.tally.flaws == 0 || self.plan.by_row;
        sound && self.subject.is_some() && self.changes.changes() > 0
    }

    /// Of a full file, what it does not name is deleted.
    fn with_deletions(
        mut self,
        state: &State,
        institution: InstitutionCode,
    ) -> Result<Self, StoreFault> {
        let (Some(names), Some((info, version))) = (&self.all, &self.subject) else {
            return Ok(self);
        };
        let (specific_info, changes) = (*info, &mut self.changes);
        state.each_replica_name(institution, (*info, version), |addressee, record_key| {
            if names.contains(addressee, &record_key) {
                return Ok(());
            }
            changes.add(&ReplicaChange::Delete(ReplicaName {
                addressee,
                specific_info,
                record_key,
            }))
        })?;
        self.all = None;
        Ok(self)
    }
}

impl Importing<'_> {
    /// Takes the next piece of the file; gives the flaws found in it.
    ///
    /// # Errors
    /// When the changes cannot be kept, as when the disk is full, or the state cannot be read.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<FileFlaw>, ActFault> {
        self.digest.add(piece);
        self.bytes += u64::try_from(piece.len()).unwrap_or_default();
        let found = self.reader.push(piece);
        self.take(found)
    }

    /// The lines read so far.
    pub fn rows(&self) -> u64 {
        self.reader.rows()
    }

    /// The end of the file has come; gives the last flaws and the file.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn finish(mut self) -> Result<(Vec<FileFlaw>, CheckedFile), ActFault> {
        let found = self.reader.finish();
        let mut flaws = self.take(found)?;
        if let Some(expected) = self.plan.bytes.filter(|bytes| *bytes != self.bytes) {
            let actual = self.bytes;
            let why = FileMisfit::Cut { expected, actual };
            flaws.push(FileFlaw::of_line(self.reader.rows() + 1, why));
            self.tally.flaws += 1;
        }
        let layout = self.reader.layout();
        let subject = layout.map(|layout| (layout.specific_info, layout.version.clone()));
        let rows = self.reader.rows();
        let all = match self.plan.file.extent {
            Extent::Full => self.reader.into_names(),
            Extent::Differential => None,
        };
        let checked = CheckedFile {
            subject,
            all,
            digest: HEXLOWER.encode(&self.digest.finish()),
            rows,
            tally: self.tally,
            changes: self.changes,
            plan: self.plan,
        };
        Ok((flaws, checked))
    }

    fn take(&mut self, found: Vec<Assembled>) -> Result<Vec<FileFlaw>, ActFault> {
        let mut flaws = Vec::new();
        for Assembled { line, entry } in found {
            let own = match entry {
                Ok(entry) => self.keep(line, entry)?,
                Err(own) => own,
            };
            if !own.is_empty() {
                self.tally.left_out += 1;
                self.tally.flaws += u64::try_from(own.len()).unwrap_or_default();
                flaws.extend(own);
            }
        }
        Ok(flaws)
    }

    /// Keeps a sound entry aside; no longer when the whole file is refused anyway.
    fn keep(&mut self, line: u64, entry: Entry) -> Result<Vec<FileFlaw>, ActFault> {
        let change = match entry {
            Entry::Register { replica, .. } => {
                self.tally.registering += 1;
                let replica = replica.register(self.now, 1);
                ReplicaChange::Register(EncodedReplica::of(&replica)?)
            }
            Entry::Delete {
                addressee,
                record_key,
            } => {
                let info = self.reader.layout().map(|layout| layout.specific_info);
                let name = info.map(|specific_info| ReplicaName {
                    addressee,
                    specific_info,
                    record_key,
                });
                let (state, code) = (&self.server.around.state, self.server.profile.code);
                let there = match &name {
                    Some(name) => state.has_replica(code, name)?,
                    None => false,
                };
                match name.filter(|_| there) {
                    Some(name) => ReplicaChange::Delete(name),
                    None => {
                        let flaw = FileFlaw::of_line(line, FileMisfit::NotRegistered);
                        return Ok(vec![flaw]);
                    }
                }
            }
        };
        if self.tally.flaws == 0 || self.plan.by_row {
            self.changes.add(&change)?;
        }
        Ok(Vec::new())
    }
}

impl IntermediateServer {
    /// Begins to take a file in whose lines speak `numbers`. Nothing of it counts before it is taken over.
    ///
    /// # Errors
    /// When the changes cannot be kept aside.
    pub fn begin_import<'s>(
        &'s self,
        plan: ImportPlan,
        numbers: FileNumbers<'s>,
        now: Timestamp,
    ) -> Result<Importing<'s>, ActFault> {
        let name = HEXLOWER.encode(&random_bytes::<16>()?);
        let (layouts, holds) = (&*self.around.layouts, &self.profile.holds);
        Ok(Importing {
            server: self,
            reader: FileReader::new(plan.file.clone(), layouts, holds).speaking(numbers),
            plan,
            digest: Digesting::default(),
            bytes: 0,
            tally: Tally::default(),
            changes: self.around.changes.begin(&name)?,
            now,
        })
    }

    /// Accepts a checked file: from then on it is carried to its end, also over a restart.
    ///
    /// The entries in the ledger are written first: they say what was accepted, also when the state then fails.
    ///
    /// # Errors
    /// When the same file was taken over before and the plan does not want it again; when the changes, the record or
    /// the state cannot be written.
    pub async fn take_over(
        &self,
        checked: CheckedFile,
        now: Timestamp,
        told: impl FnMut(&ReplicaImport) -> ControlFlow<()> + Send,
    ) -> Result<ReplicaImport, ActFault> {
        let _alone = self.importing.lock().await;
        let (state, code) = (&self.around.state, self.profile.code);
        self.finish_imports().await?;
        let before = state.import_of_file(code, &checked.digest)?;
        if let Some(number) = before.filter(|_| !checked.plan.again) {
            return Err(Refusal::FileTaken(number).into());
        }
        let Some((specific_info, layout_version)) = checked.subject.clone() else {
            return Err(Refusal::Malformed(Vec::new()).into());
        };
        let mut import = ReplicaImport {
            number: state.last_import(code)? + 1,
            specific_info,
            layout_version,
            extent: checked.plan.file.extent,
            digest: checked.digest.clone(),
            rows: checked.rows,
            left_out: checked.tally.left_out,
            accepted_at: now,
            changes: 0,
            applied: 0,
            registered: 0,
            replaced: 0,
            deleted: 0,
        };
        let registering = checked.tally.registering;
        let (around, number) = (self.around.clone(), import.number);
        let kept = tokio::task::spawn_blocking(move || {
            let checked = checked.with_deletions(&around.state, code)?;
            let changes = checked.changes.changes();
            around.changes.keep(checked.changes, code, number)?;
            let read = around.changes.read(code, number)?;
            Ok::<_, StoreFault>((changes, ChangeIndex::of(read, changes)?))
        });
        let index;
        (import.changes, index) = kept.await.map_err(|_| StoreFault::Closed)??;
        let (registered, deleted) = (registering, import.changes - registering);
        for entry in [
            LedgerEntry::ReplicasRegistered { count: registered },
            LedgerEntry::ReplicasDeleted { count: deleted },
        ] {
            let nothing = matches!(
                entry,
                LedgerEntry::ReplicasRegistered { count: 0 }
                    | LedgerEntry::ReplicasDeleted { count: 0 }
            );
            if !nothing {
                let keeper = self.keeper();
                self.around.records.write(keeper, &entry, now).await?;
            }
        }
        self.accept(&import, index).await?;
        self.carry_import(import, told).await
    }

    /// The one moment from which the whole file is read, by everybody.
    async fn accept(&self, import: &ReplicaImport, index: ChangeIndex) -> Result<(), ActFault> {
        let (state, code) = (&self.around.state, self.profile.code);
        let _nobody_exports = self.exporting.write().await;
        state.begin_takeover(code);
        let accepted = state.accept_import(code, import).await;
        let shown = accepted.and_then(|()| state.show_takeover(code, import.number, index));
        if shown.is_err() {
            state.end_takeover(code);
        }
        Ok(shown?)
    }

    /// The files that were taken over, the newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn imports(&self, page: &Page) -> Result<PageOf<ReplicaImport>, ActFault> {
        Ok(self.around.state.imports(self.profile.code, page)?)
    }
}
