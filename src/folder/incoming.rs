//! The files of a directory, and how an inquiry file is read.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::watched::{Mark, Watched};
use crate::{
    config::FolderConfig,
    domain::{
        batch_file::{BatchFileName, FILE_BYTES_MAX, ReportLine, report},
        malformed::Malformed,
        refusal::{FieldFlaw, Refusal},
    },
    institution::{ActFault, BatchDraft},
    world::WorldFault,
};

/// Why a file was not read.
pub(super) enum Unread {
    /// Its name is not one of an inquiry file.
    Name(Malformed),
    /// It cannot be read.
    Io(io::Error),
}

impl From<io::Error> for Unread {
    fn from(fault: io::Error) -> Self {
        Self::Io(fault)
    }
}

/// The files of a directory whose names end so, in the order of their names.
pub(super) fn files(directory: &Path, endings: &[&str]) -> io::Result<Vec<(PathBuf, Mark)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let named = endings.iter().any(|ending| name.ends_with(ending));
        if metadata.is_file() && named {
            found.push((entry.path(), Mark::of(&metadata)?));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// The name of the batch that a file becomes.
pub(super) fn name_of(file: &Path) -> Result<BatchFileName, Malformed> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.parse()
}

/// Reads a file; nothing when it was replaced or went on growing meanwhile.
pub(super) fn read(
    file: &Path,
    config: &FolderConfig,
) -> Result<Option<(Watched, BatchDraft)>, Unread> {
    let name = name_of(file).map_err(Unread::Name)?;
    let mut opened = Watched::open(file)?;
    let mut bytes = Vec::new();
    // One byte more than a file may have: the check says that it is too long.
    let bytes_max = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX) + 1;
    (&mut opened).take(bytes_max).read_to_end(&mut bytes)?;
    if !opened.is_unchanged()? {
        return Ok(None);
    }
    let draft = BatchDraft {
        name,
        encoding: config.encoding,
        table: String::new(),
        taking: config.taking,
        system: None,
        bytes,
    };
    Ok(Some((opened, draft)))
}

/// The lawful "no" in a fault, or the fault.
pub(super) fn refusal(fault: WorldFault) -> Result<Refusal, WorldFault> {
    match fault {
        WorldFault::Refused(refusal) | WorldFault::Act(ActFault::Refused(refusal)) => Ok(refusal),
        fault => Err(fault),
    }
}

/// The report of a refusal that names fields, or only its own text.
pub(super) fn report_of(refusal: &Refusal) -> String {
    let fields = match refusal {
        Refusal::NotInEncoding(flaws) => flaws.clone(),
        other => vec![FieldFlaw::new("file", other.to_string(), other.ja())],
    };
    report(fields.into_iter().map(|flaw| ReportLine {
        line: 1,
        position: 1,
        column: 0,
        column_name: flaw.field,
        shape: String::new(),
        description_ja: flaw.description_ja,
    }))
}
