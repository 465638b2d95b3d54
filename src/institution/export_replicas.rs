//! 副本の出力: writes the replicas of a specific information as a file. DBM.

use super::{ActFault, IntermediateServer};
use crate::{
    domain::{
        codes::SpecificInfoCode,
        files::{LineWriter, TextFlaw, TextForm},
        refusal::{FieldFlaw, Refusal, Thing},
        replica::{Replica, ReplicaName},
        replica_file::{Columns, FileForm, names, rows},
        words::LayoutVersion,
    },
    store::StoreFault,
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
    /// How many replicas the file's encoding cannot write: they are not in the file.
    pub unwritable_replicas: u64,
    /// The first of them, with the flaws of each.
    pub unwritable: Vec<(ReplicaName, Vec<TextFlaw>)>,
}

impl IntermediateServer {
    /// Writes every replica of `info` that follows `version`, in the order of the names, and gives the file piece by
    /// piece; ends early when `give` returns false. A file of replicas that comes in meanwhile is accepted afterwards. Not to be
    /// called where other tasks would have to wait.
    ///
    /// # Errors
    /// When there is no such layout; when the state cannot be read.
    pub fn export_replicas(
        &self,
        (info, version): (SpecificInfoCode, &LayoutVersion),
        form: FileForm,
        text: TextForm,
        mut give: impl FnMut(Vec<u8>) -> bool,
    ) -> Result<Exported, ActFault> {
        let layout = self.around.layouts.find(info, version).map_err(|unknown| {
            let flaw = FieldFlaw::new("layout_version", unknown.to_string(), unknown.ja());
            Refusal::Malformed(vec![flaw])
        })?;
        let columns = Columns::of(layout);
        let mut writer = LineWriter::new(text);
        let (mut piece, mut exported) = (Vec::new(), Exported::default());
        if form == FileForm::Csv {
            let written = writer.write(&names(&columns), &mut piece);
            written.map_err(|_| Refusal::NotFound(Thing::Layout))?;
        }
        let mut write = |replica: Replica| {
            if replica.layout_version != *version {
                exported.other_versions += 1;
                return true;
            }
            let lines = rows(&columns, form, &replica).unwrap_or_default();
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
                    exported.unwritable.push((ReplicaName::of(&replica), flaws));
                }
            }
            piece.len() < PIECE_BYTES || give(std::mem::take(&mut piece))
        };
        let state = &self.around.state;
        let _no_file_is_accepted = self.exporting.blocking_read();
        state.each_replica(self.profile.code, info, |replica| {
            Ok::<_, StoreFault>(write(replica))
        })?;
        give(piece);
        Ok(exported)
    }
}
