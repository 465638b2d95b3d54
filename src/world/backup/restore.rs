//! Makes a data directory from an archive and proves that it holds what was backed up.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{Read, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;

use super::{
    BackupFault, Manifest,
    archive::{self, STATE, Sink},
};
use crate::{
    crypto::sealing_key::SealingKeyPair,
    ledger::{PublicKeys, verify},
    store::StateCopy,
    world::WorldName,
};

/// Restores an archive into `data`, which must not be there. The directory appears when everything in it is durable and its
/// ledger, read back from the disk, has the roots that the manifest names; before, it stands beside as
/// `.<name>.restoring`, which a later attempt replaces.
///
/// # Errors
/// [`BackupFault`]; then `data` is not there.
pub fn restore(
    from: impl Read,
    key: &SealingKeyPair,
    keys: Option<&PublicKeys>,
    (data, cache_bytes): (&Path, u64),
) -> Result<Manifest, BackupFault> {
    if data.exists() {
        return Err(BackupFault::Exists(data.to_path_buf()));
    }
    let draft = draft_of(data)?;
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(BackupFault::file(&draft))?;
    }
    make_dir(&draft)?;
    let restored = fill(from, key, keys, (&draft, cache_bytes)).and_then(|manifest| {
        // Another one may have made it meanwhile: a directory that is not empty is not replaced.
        fs::rename(&draft, data).map_err(BackupFault::file(data))?;
        sync_dir(data.parent().unwrap_or(Path::new("")))?;
        Ok(manifest)
    });
    if restored.is_err()
        && let Err(fault) = fs::remove_dir_all(&draft)
    {
        tracing::warn!(dir = %draft.display(), %fault, "what was restored in part could not be removed");
    }
    restored
}

fn fill(
    from: impl Read,
    key: &SealingKeyPair,
    keys: Option<&PublicKeys>,
    (draft, cache_bytes): (&Path, u64),
) -> Result<Manifest, BackupFault> {
    let world = draft.join("world");
    // A new ledger has no file in them yet.
    for folder in ["ledger/segments", "ledger/checkpoints", "imports"] {
        make_dir(&world.join(folder))?;
    }
    let mut making = Making {
        draft,
        open: Open::Nothing,
        state: StateCopy::begin(&world.join("state"), cache_bytes)?,
    };
    let (manifest, own_keys) = archive::read(from, key, keys, &mut making)?;
    making.state.finish(manifest.state())?;
    prove(&world.join("ledger"), &manifest, &own_keys)?;
    let name: WorldName = manifest
        .world
        .parse()
        .map_err(|_| BackupFault::Form("manifest"))?;
    let worlds = draft.join("worlds");
    make_dir(&worlds)?;
    let place = worlds.join(name.as_str());
    fs::rename(&world, &place).map_err(BackupFault::file(&place))?;
    sync_all(draft)?;
    Ok(manifest)
}

/// Reads the ledger back from the disk and compares every root.
fn prove(ledger: &Path, manifest: &Manifest, keys: &PublicKeys) -> Result<(), BackupFault> {
    let report = verify::verify(ledger, Some(keys), |_| ())?;
    let found = report.trees.iter().map(|tree| {
        let root = HEXLOWER.encode(&tree.root);
        (tree.tree.to_string(), tree.size, root)
    });
    let wanted = manifest.trees.iter();
    let wanted = wanted.map(|tree| (tree.tree.clone(), tree.size, tree.root.clone()));
    if report.torn.is_some() || !found.eq(wanted) {
        return Err(BackupFault::Member("world/ledger".to_owned()));
    }
    Ok(())
}

struct Making<'a> {
    draft: &'a Path,
    open: Open,
    state: StateCopy,
}

enum Open {
    Nothing,
    State,
    File(File, PathBuf),
}

impl Sink for Making<'_> {
    fn begin(&mut self, name: &str) -> Result<(), BackupFault> {
        if name == STATE {
            self.open = Open::State;
            return Ok(());
        }
        let path = self.draft.join(name);
        if name.starts_with("world/state/") {
            return Err(BackupFault::Form("names"));
        }
        if let Some(folder) = path.parent() {
            make_dir(folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(BackupFault::file(&path))?;
        self.open = Open::File(file, path);
        Ok(())
    }

    fn piece(&mut self, piece: &[u8]) -> Result<(), BackupFault> {
        match &mut self.open {
            Open::Nothing => Ok(()),
            Open::State => Ok(self.state.put(piece)?),
            Open::File(file, path) => file.write_all(piece).map_err(BackupFault::file(&*path)),
        }
    }

    fn end(&mut self) -> Result<(), BackupFault> {
        if let Open::File(file, path) = &self.open {
            file.sync_all().map_err(BackupFault::file(path))?;
        }
        self.open = Open::Nothing;
        Ok(())
    }
}

fn draft_of(data: &Path) -> Result<PathBuf, BackupFault> {
    let name = data.file_name().ok_or(BackupFault::Form("names"))?;
    Ok(data.with_file_name(format!(".{}.restoring", name.to_string_lossy())))
}

fn make_dir(dir: &Path) -> Result<(), BackupFault> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(BackupFault::file(dir))
}

fn sync_dir(dir: &Path) -> Result<(), BackupFault> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(BackupFault::file(dir))
}

/// Makes the names in `dir` and in every directory below durable.
fn sync_all(dir: &Path) -> Result<(), BackupFault> {
    for entry in fs::read_dir(dir).map_err(BackupFault::file(dir))? {
        let entry = entry.map_err(BackupFault::file(dir))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sync_all(&entry.path())?;
        }
    }
    sync_dir(dir)
}
