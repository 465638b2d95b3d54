//! The files of results that lie ready to be fetched: sealed, whole when they have their name, and gone when their time has
//! passed.
//!
//! ```text
//! head   16 random bytes
//! piece  up to 64 KiB of the result, sealed by the world's vault for this head and the piece's number
//! ```
//! All pieces but the last are full, so that any part of the result is opened without what lies before it. That none is
//! missing at the end shows in the length, which the state knows.

use std::{
    fs::File,
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::{
    StoreFault,
    fault::During,
    part_file::{PartFile, open_directory, remove, remove_those},
};
use crate::{
    crypto::{
        digest::{Digesting, random_bytes},
        signing::KeyFault,
        vault::{SEALED_BYTES_MORE, Vault},
    },
    domain::{
        codes::InstitutionCode,
        download::{Download, DownloadId},
    },
};

const READY: &str = "sealed";

/// How much of a result is sealed at a time.
const PIECE_BYTES: usize = 64 * 1024;
const PIECE: u64 = PIECE_BYTES as u64;

/// The random bytes that tell the pieces of one file from those of others.
const HEAD_BYTES: usize = 16;

/// Where the files of a world's downloads lie.
#[derive(Debug, Clone)]
pub struct DownloadDir {
    dir: PathBuf,
    vault: Arc<Vault>,
    counts: Arc<Counts>,
}

/// What became of a world's downloads since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DownloadCounts {
    /// Results that were laid ready.
    pub ready: u64,
    /// Times that a result or a part of it was handed out.
    pub fetched: u64,
    /// Bytes that were handed out.
    pub bytes: u64,
    /// Results whose file was removed because their time had passed.
    pub expired: u64,
}

#[derive(Debug, Default)]
struct Counts {
    ready: AtomicU64,
    fetched: AtomicU64,
    bytes: AtomicU64,
    expired: AtomicU64,
}

/// A file that is being written. It is removed when it is dropped before it was kept.
pub struct DownloadWriter {
    file: PartFile,
    sealing: Pieces,
    digesting: Digesting,
    bytes: u64,
    /// What is not sealed yet.
    open: Zeroizing<Vec<u8>>,
    sealed: u64,
}

/// Seals and opens the pieces of one file.
struct Pieces {
    vault: Arc<Vault>,
    head: [u8; HEAD_BYTES],
}

/// Reads a part of a file that lies ready.
pub struct DownloadReader {
    path: PathBuf,
    file: File,
    opening: Pieces,
    counts: Arc<Counts>,
    /// The number of the piece that comes next in the file.
    next: u64,
    /// What is in the file behind this place.
    behind: u64,
    /// The piece that is being handed out, and where in it the next byte stands.
    piece: Zeroizing<Vec<u8>>,
    at: usize,
    left: u64,
}

impl DownloadDir {
    /// The directory, which is made when there is none, with the vault that seals what lies in it. Files that were never
    /// finished are removed.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(dir: PathBuf, vault: Vault) -> Result<Self, StoreFault> {
        open_directory(&dir)?;
        Ok(Self {
            dir,
            vault: Arc::new(vault),
            counts: Arc::default(),
        })
    }

    /// What became of the downloads since the directory was opened.
    pub fn counts(&self) -> DownloadCounts {
        DownloadCounts {
            ready: self.counts.ready.load(Relaxed),
            fetched: self.counts.fetched.load(Relaxed),
            bytes: self.counts.bytes.load(Relaxed),
            expired: self.counts.expired.load(Relaxed),
        }
    }

    /// A new file, named by something that no other has.
    ///
    /// # Errors
    /// `Io`.
    pub fn begin(&self, name: &str) -> Result<DownloadWriter, StoreFault> {
        let mut file = PartFile::begin(&self.dir, name)?;
        let head = random_bytes().map_err(|fault| unsealed(&self.dir, fault))?;
        file.write(&head)?;
        Ok(DownloadWriter {
            file,
            sealing: Pieces {
                vault: Arc::clone(&self.vault),
                head,
            },
            digesting: Digesting::default(),
            bytes: 0,
            open: Zeroizing::new(Vec::with_capacity(PIECE_BYTES)),
            sealed: 0,
        })
    }

    /// Makes a file durable under its name, in place of an older one.
    ///
    /// # Errors
    /// `Io`.
    pub fn keep(
        &self,
        mut written: DownloadWriter,
        institution: InstitutionCode,
        id: &DownloadId,
    ) -> Result<(), StoreFault> {
        if !written.open.is_empty() {
            written.seal()?;
        }
        written.file.keep(&self.ready(institution, id))?;
        self.counts.ready.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Reads `range` of a download; nothing when its file is not there, as after a backup was restored.
    ///
    /// # Errors
    /// `Io`; `Damaged` when the file is not as long as the sealed download.
    pub fn read(
        &self,
        institution: InstitutionCode,
        download: &Download,
        range: &Range<u64>,
    ) -> Result<Option<DownloadReader>, StoreFault> {
        let path = self.ready(institution, &download.id);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.during("open", &path)?,
        };
        if file.metadata().during("read", &path)?.len() != sealed_length(download.bytes) {
            return Err(StoreFault::damaged(&path, "the result has another length"));
        }
        let mut head = [0; HEAD_BYTES];
        file.read_exact(&mut head).during("read", &path)?;
        let first = range.start / PIECE;
        let begin = SeekFrom::Start(sealed_length(first * PIECE));
        file.seek(begin).during("read", &path)?;
        let mut reader = DownloadReader {
            path,
            file,
            opening: Pieces {
                vault: Arc::clone(&self.vault),
                head,
            },
            counts: Arc::clone(&self.counts),
            next: first,
            behind: download.bytes.saturating_sub(first * PIECE),
            piece: Zeroizing::default(),
            at: 0,
            left: range.end.saturating_sub(range.start),
        };
        if reader.left > 0 {
            reader.open_piece()?;
            reader.at = usize::try_from(range.start % PIECE).unwrap_or_default();
        }
        self.counts.fetched.fetch_add(1, Relaxed);
        Ok(Some(reader))
    }

    /// Whether the file of a download is there.
    pub fn has(&self, institution: InstitutionCode, id: &DownloadId) -> bool {
        self.ready(institution, id).exists()
    }

    /// Removes the file of a download whose time has passed; one that is not there is no fault. Who reads it already may
    /// finish.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove(&self, institution: InstitutionCode, id: &DownloadId) -> Result<(), StoreFault> {
        let there = self.has(institution, id);
        remove(&self.ready(institution, id))?;
        self.counts.expired.fetch_add(u64::from(there), Relaxed);
        Ok(())
    }

    /// Removes the files of an institution that `known` does not have: those that a crash or a restored backup left.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove_unknown(
        &self,
        institution: InstitutionCode,
        known: &[Download],
    ) -> Result<(), StoreFault> {
        let known: Vec<_> = known
            .iter()
            .map(|download| file_name(institution, &download.id))
            .collect();
        let own = format!("{institution}-");
        remove_those(&self.dir, |name| {
            name.starts_with(&own) && !known.iter().any(|known| known == name)
        })
    }

    fn ready(&self, institution: InstitutionCode, id: &DownloadId) -> PathBuf {
        self.dir.join(file_name(institution, id))
    }
}

fn file_name(institution: InstitutionCode, id: &DownloadId) -> String {
    format!("{institution}-{id}.{READY}")
}

impl DownloadWriter {
    /// Adds a piece.
    ///
    /// # Errors
    /// `Io`, as when the disk is full.
    pub fn add(&mut self, piece: &[u8]) -> Result<(), StoreFault> {
        self.digesting.add(piece);
        let mut rest = piece;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PIECE_BYTES - self.open.len()));
            self.open.extend_from_slice(now);
            if self.open.len() == PIECE_BYTES {
                self.seal()?;
            }
            rest = later;
        }
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn seal(&mut self) -> Result<(), StoreFault> {
        let place = self.sealing.place(self.sealed);
        let sealed = self.sealing.vault.seal(&place, &self.open);
        let sealed = sealed.map_err(|fault| unsealed(self.file.path(), fault))?;
        self.file.write(&sealed)?;
        self.sealed += 1;
        self.open.clear();
        Ok(())
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of what was added, in hexadecimal.
    pub fn sha256(&self) -> String {
        HEXLOWER.encode(&self.digesting.clone().finish())
    }
}

impl DownloadReader {
    /// The next piece, at most `bytes_max` long; nothing after the last.
    ///
    /// # Errors
    /// `Io`, also when the file ends too early; `Damaged` when it was altered, or sealed with another key.
    pub fn next_piece(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, StoreFault> {
        let length = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(bytes_max);
        if length == 0 {
            return Ok(None);
        }
        if self.at >= self.piece.len() {
            self.open_piece()?;
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let piece = rest.get(..length).unwrap_or(rest).to_vec();
        self.at += piece.len();
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left -= length;
        self.counts.bytes.fetch_add(length, Relaxed);
        Ok(Some(piece))
    }

    fn open_piece(&mut self) -> Result<(), StoreFault> {
        let length = usize::try_from(self.behind.min(PIECE)).unwrap_or(PIECE_BYTES);
        let mut sealed = vec![0; length + SEALED_BYTES_MORE];
        let read = self.file.read_exact(&mut sealed);
        read.during("read", &self.path)?;
        let place = self.opening.place(self.next);
        let opened = self.opening.vault.open(&place, &sealed);
        self.piece = opened.map_err(|fault| StoreFault::damaged(&self.path, fault.to_string()))?;
        self.behind = self.behind.saturating_sub(PIECE);
        (self.next, self.at) = (self.next + 1, 0);
        Ok(())
    }
}

impl Pieces {
    fn place(&self, number: u64) -> Vec<u8> {
        [b"chukan download v1", &self.head[..], &number.to_be_bytes()].concat()
    }
}

/// How long the file of a result is.
fn sealed_length(bytes: u64) -> u64 {
    let pieces = bytes.div_ceil(PIECE);
    HEAD_BYTES as u64 + bytes + pieces * SEALED_BYTES_MORE as u64
}

fn unsealed(file: &Path, fault: KeyFault) -> StoreFault {
    StoreFault::Io {
        doing: "seal",
        file: file.to_owned(),
        source: std::io::Error::other(fault),
    }
}

#[cfg(test)]
mod tests;
