//! 副本の出力: writes the replicas of a specific information as a file. DBM.

use super::{ActFault, IntermediateServer};
use crate::domain::{
    codes::{AddresseeNumber, SpecificInfoCode},
    files::{LineWriter, TextFlaw, TextForm},
    refusal::{FieldFlaw, Refusal, Thing},
    replica::{Replica, ReplicaName},
    replica_file::{Columns, FileForm, names, rows_about},
    words::LayoutVersion,
};

/// How many bytes are given at a time, about.
const PIECE_BYTES: usize = 64 * 1024;

/// How many replicas are named that the file cannot hold.
const UNWRITABLE_TOLD_MAX: usize = 1_000;

/// What an export wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// The replicas in the file.
    pub replicas: u64,
    /// The lines in the file, the first line of a CSV file not counted.
    pub lines: u64,
    /// The replicas that follow another version and are not in the file.
    pub other_versions: u64,
    /// The replicas of people for whom the caller has no number: they are not in the file.
    pub unnamed: u64,
    /// How many replicas the file's encoding cannot write: they are not in the file.
    pub unwritable_replicas: u64,
    /// The first of them: whose they are, as the caller calls that person, and the flaws of each.
    pub unwritable: Vec<(String, ReplicaName, Vec<TextFlaw>)>,
}

impl IntermediateServer {
    /// Writes every replica of `info` that follows `version`, in the order of the names, and gives the file piece by
    /// piece; ends early when `give` returns false. People stand in it as `called` says. A file of replicas that comes in meanwhile is accepted afterwards. Not to be
    /// called where other tasks would have to wait.
    ///
    /// # Errors
    /// When there is no such layout; when the state cannot be read; those of `called`.
    pub fn export_replicas<E: From<ActFault>>(
        &self,
        (info, version): (SpecificInfoCode, &LayoutVersion),
        (form, text): (FileForm, TextForm),
        mut called: impl FnMut(AddresseeNumber) -> Result<Option<String>, E>,
        mut give: impl FnMut(Vec<u8>) -> bool,
    ) -> Result<Exported, E> {
        let layout = self.around.layouts.find(info, version).map_err(|unknown| {
            let flaw = FieldFlaw::new("layout_version", unknown.to_string(), unknown.ja());
            ActFault::from(Refusal::Malformed(vec![flaw]))
        })?;
        let columns = Columns::of(layout);
        let mut writer = LineWriter::new(text);
        let (mut piece, mut exported) = (Vec::new(), Exported::default());
        if form == FileForm::Csv {
            let written = writer.write(&names(&columns), &mut piece);
            written.map_err(|_| ActFault::from(Refusal::NotFound(Thing::Layout)))?;
        }
        let mut write = |replica: Replica| -> Result<bool, E> {
            if replica.layout_version != *version {
                exported.other_versions += 1;
                return Ok(true);
            }
            let Some(number) = called(replica.addressee)? else {
                exported.unnamed += 1;
                return Ok(true);
            };
            let lines = rows_about(&columns, form, &replica, &number).unwrap_or_default();
            let begin = piece.len();
            let mut flaws = Vec::new();
            for line in &lines {
                flaws.extend(writer.write(line, &mut piece).err().unwrap_or_default());
            }
            if flaws.is_empty() && !lines.is_empty() {
                exported.replicas += 1;
                exported.lines += u64::try_from(lines.len()).unwrap_or_default();
            } else {
                piece.truncate(begin);
                exported.unwritable_replicas += 1;
                if exported.unwritable.len() < UNWRITABLE_TOLD_MAX {
                    let name = ReplicaName::of(&replica);
                    exported.unwritable.push((number, name, flaws));
                }
            }
            Ok(piece.len() < PIECE_BYTES || give(std::mem::take(&mut piece)))
        };
        let state = &self.around.state;
        let _no_file_is_accepted = self.exporting.blocking_read();
        let mut uncalled = Ok(());
        let read = state.each_replica(self.profile.code, info, |replica| {
            Ok(write(replica).unwrap_or_else(|fault| {
                uncalled = Err(fault);
                false
            }))
        });
        read.map_err(ActFault::from)?;
        uncalled?;
        give(piece);
        Ok(exported)
    }
}
