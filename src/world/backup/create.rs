//! Takes a world out of its directory, open or stopped.

use std::{
    fs::{self, File},
    io::{Read as _, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        World, WorldFault, WorldName,
        keys::WorldKeys,
        open::{open_stores, time_in},
    },
    BackupFault, Manifest,
    archive::{ArchiveWriter, KEYS, LEDGER, STATE},
};
use crate::{
    crypto::{sealing_key::SealingPublicKey, signing::SigningKey},
    ledger::{Checkpoint, Ledger, Prefix},
    store::{FrozenState, State},
};

const PIECE_BYTES: usize = 256 * 1024;

/// A world as it was at one moment, ready to be written into an archive.
pub struct BackupSource {
    world: WorldName,
    made_at: Timestamp,
    dir: PathBuf,
    key: SigningKey,
    checkpoints: Vec<Checkpoint>,
    state: FrozenState,
    prefix: Prefix,
    public_keys: String,
    /// Opened at the moment: they may be removed while the archive is written.
    imports: Vec<(String, File)>,
    closing: CancellationToken,
}

impl World {
    /// Takes hold of the world as it is now; writing it out may take its time, the world goes on meanwhile. What is
    /// written to the state meanwhile stays in memory until it is done.
    ///
    /// # Errors
    /// When records cannot be written, or a file of the world cannot be read.
    pub async fn back_up(self: &Arc<Self>) -> Result<BackupSource, WorldFault> {
        let ledger = self.records.ledger();
        let checkpoints = sign(ledger).await?;
        BackupSource::take(
            (self.name.clone(), self.now(), &self.dir),
            (ledger, &self.state),
            checkpoints,
            self.closing.clone(),
        )
    }

    /// Runs `work`, which blocks, and is waited for when the world is closed.
    pub fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn_blocking(work)
    }
}

/// Writes an archive of the world in `dir`, which no process has open. Opens it as a server would: a torn tail is cut.
///
/// # Errors
/// When the world is in use or damaged, or the archive cannot be written.
pub async fn write_stopped<W: Write>(
    (dir, world): (&Path, WorldName),
    recipient: &SealingPublicKey,
    (out, cache_bytes): (W, u64),
    progress: impl FnMut(u64),
) -> Result<(W, Manifest), WorldFault> {
    let now = time_in(dir)?;
    let keys = WorldKeys::load(&dir.join("keys.json"))?;
    let (ledger, state) = open_stores(dir, &keys, cache_bytes).await?;
    let checkpoints = sign(&ledger).await?;
    let source = BackupSource::take(
        (world, now, dir),
        (&ledger, &state),
        checkpoints,
        CancellationToken::new(),
    )?;
    let written = source.write(recipient, out, progress)?;
    ledger.close();
    state.close()?;
    Ok(written)
}

async fn sign(ledger: &Ledger) -> Result<Vec<Checkpoint>, WorldFault> {
    let mut checkpoints = Vec::new();
    for (tree, _) in ledger.trees() {
        checkpoints.push(ledger.checkpoint(tree).await?);
    }
    Ok(checkpoints)
}

impl BackupSource {
    fn take(
        (world, made_at, dir): (WorldName, Timestamp, &Path),
        (ledger, state): (&Ledger, &State),
        checkpoints: Vec<Checkpoint>,
        closing: CancellationToken,
    ) -> Result<Self, WorldFault> {
        let key = WorldKeys::load(&dir.join("keys.json"))?.core()?;
        // Before the moment and after it: what the frozen state waits for was there at either.
        let mut imports = open_imports(dir)?;
        let (prefix, state) = ledger.prefix(|| state.freeze())?;
        imports.extend(open_imports(dir)?);
        imports.sort_by(|one, other| one.0.cmp(&other.0));
        imports.dedup_by(|one, other| one.0 == other.0);
        Ok(Self {
            world,
            made_at,
            dir: dir.to_path_buf(),
            key,
            checkpoints,
            state,
            prefix,
            public_keys: ledger.public_keys().to_string(),
            imports,
            closing,
        })
    }

    /// Writes the archive, sealed to `recipient`, and gives back what was written to. Blocks. `progress` hears how many
    /// bytes of content were written.
    ///
    /// # Errors
    /// When a part is damaged or cannot be read or written, or the world is closed meanwhile.
    pub fn write<W: Write>(
        mut self,
        recipient: &SealingPublicKey,
        out: W,
        mut progress: impl FnMut(u64),
    ) -> Result<(W, Manifest), BackupFault> {
        let mut archive = ArchiveWriter::begin(out, recipient)?;
        // <data>/worlds/<name>
        if let Some(data) = self.dir.parent().and_then(Path::parent) {
            for folder in ["definitions", "pki"] {
                for (name, path) in files_below(&data.join(folder), folder)? {
                    copy(&mut archive, &name, open(&path)?, &mut progress)?;
                }
            }
        }
        for name in ["world.json", "keys.json"] {
            let path = self.dir.join(name);
            copy(
                &mut archive,
                &format!("world/{name}"),
                open(&path)?,
                &mut progress,
            )?;
        }
        for (name, file) in std::mem::take(&mut self.imports) {
            copy(
                &mut archive,
                &format!("world/imports/{name}"),
                file,
                &mut progress,
            )?;
        }
        archive.member(KEYS)?;
        archive.put(self.public_keys.as_bytes())?;
        for head in &self.checkpoints {
            archive.member(&format!("{LEDGER}{}", head.file_name()))?;
            archive.put(head.to_string().as_bytes())?;
        }
        let segments: Vec<_> = self.prefix.segments().collect();
        for (number, name) in segments {
            self.goes_on()?;
            let bytes = self.prefix.segment(number)?;
            archive.member(&format!("{LEDGER}{name}"))?;
            archive.put(&bytes)?;
            progress(bytes.len() as u64);
        }
        archive.member(STATE)?;
        while let Some(page) = self.state.next_page()? {
            self.goes_on()?;
            archive.put(&page)?;
            progress(page.len() as u64);
        }
        let manifest = Manifest::new(
            (self.world.to_string(), self.made_at),
            (self.prefix.entries(), self.prefix.trees()),
            self.state.totals(),
        );
        archive.finish(manifest, &self.key)
    }

    fn goes_on(&self) -> Result<(), BackupFault> {
        if self.closing.is_cancelled() {
            return Err(BackupFault::Stopped);
        }
        Ok(())
    }
}

fn copy<W: Write>(
    archive: &mut ArchiveWriter<W>,
    name: &str,
    mut file: File,
    progress: &mut impl FnMut(u64),
) -> Result<(), BackupFault> {
    archive.member(name)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece).map_err(BackupFault::file(name))?;
        if read == 0 {
            return Ok(());
        }
        archive.put(piece.get(..read).unwrap_or_default())?;
        progress(read as u64);
    }
}

fn open(path: &Path) -> Result<File, BackupFault> {
    File::open(path).map_err(BackupFault::file(path))
}

/// The changes of accepted imports, open.
fn open_imports(dir: &Path) -> Result<Vec<(String, File)>, BackupFault> {
    let mut imports = Vec::new();
    for (name, path) in files_below(&dir.join("imports"), "")? {
        if !name.ends_with(".changes") {
            continue;
        }
        match File::open(&path) {
            Ok(file) => imports.push((name.trim_start_matches('/').to_owned(), file)),
            // It has been carried out: the frozen state says so.
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {}
            Err(fault) => return Err(BackupFault::file(path)(fault)),
        }
    }
    Ok(imports)
}

/// The regular files below `dir` in order, each with its name below `prefix`; none when there is no such directory.
fn files_below(dir: &Path, prefix: &str) -> Result<Vec<(String, PathBuf)>, BackupFault> {
    let mut found = Vec::new();
    let listed = match fs::read_dir(dir) {
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        listed => listed.map_err(BackupFault::file(dir))?,
    };
    for entry in listed {
        let entry = entry.map_err(BackupFault::file(dir))?;
        let (path, kind) = (
            entry.path(),
            entry.file_type().map_err(BackupFault::file(dir))?,
        );
        let name = entry.file_name();
        let name = name.to_str().ok_or(BackupFault::Form("names"))?;
        let name = format!("{prefix}/{name}");
        if kind.is_dir() {
            found.extend(files_below(&path, &name)?);
        } else if kind.is_file() {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}
