//! Folders, and small files that are replaced whole, durably.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use super::fault::{Damage, LedgerFault};

/// Replaces `file` by `text`: after a crash either the old or the new text is there, and after the return the new one.
pub(super) fn replace(file: &Path, text: &str) -> Result<(), LedgerFault> {
    let write = || -> io::Result<()> {
        let unfinished = file.with_extension("new");
        let mut new = File::create(&unfinished)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&unfinished, file)?;
        match file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(LedgerFault::file(file))
}

/// Makes `folder` and those above it, durably as far as its own name goes.
pub(super) fn make_folder(folder: &Path) -> Result<(), LedgerFault> {
    let make = || {
        fs::create_dir_all(folder)?;
        match folder.parent() {
            Some(above) if !above.as_os_str().is_empty() => File::open(above)?.sync_all(),
            Some(_) | None => Ok(()),
        }
    };
    make().map_err(LedgerFault::file(folder))
}

/// The text of `file`; none when there is no such file.
pub(super) fn read_text(file: &Path) -> Result<Option<String>, LedgerFault> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) if fault.kind() == io::ErrorKind::InvalidData => Err(LedgerFault::Damaged {
            file: file.to_path_buf(),
            offset: 0,
            what: Damage::Text,
        }),
        Err(fault) => Err(LedgerFault::file(file)(fault)),
    }
}
