//! The files of results that lie ready to be fetched: private, whole when they have their name, and gone when their time has
//! passed.

use std::{
    fs::File,
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::PathBuf,
};

use data_encoding::HEXLOWER;

use super::{
    StoreFault,
    fault::During,
    part_file::{PartFile, open_directory, remove, remove_those},
};
use crate::{
    crypto::digest::Digesting,
    domain::{
        codes::InstitutionCode,
        download::{Download, DownloadId},
    },
};

const READY: &str = "result";

/// Where the files of a world's downloads lie.
#[derive(Debug, Clone)]
pub struct DownloadDir(PathBuf);

/// A file that is being written. It is removed when it is dropped before it was kept.
pub struct DownloadWriter {
    file: PartFile,
    digesting: Digesting,
    bytes: u64,
}

/// Reads a part of a file that lies ready.
pub struct DownloadReader {
    path: PathBuf,
    file: File,
    left: u64,
}

impl DownloadDir {
    /// The directory, which is made when there is none. Files that were never finished are removed.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(dir: PathBuf) -> Result<Self, StoreFault> {
        open_directory(&dir)?;
        Ok(Self(dir))
    }

    /// A new file, named by something that no other has.
    ///
    /// # Errors
    /// `Io`.
    pub fn begin(&self, name: &str) -> Result<DownloadWriter, StoreFault> {
        Ok(DownloadWriter {
            file: PartFile::begin(&self.0, name)?,
            digesting: Digesting::default(),
            bytes: 0,
        })
    }

    /// Makes a file durable under its name, in place of an older one.
    ///
    /// # Errors
    /// `Io`.
    pub fn keep(
        &self,
        written: DownloadWriter,
        institution: InstitutionCode,
        id: &DownloadId,
    ) -> Result<(), StoreFault> {
        written.file.keep(&self.ready(institution, id))
    }

    /// Reads `range` of a download; nothing when its file is not there, as after a backup was restored.
    ///
    /// # Errors
    /// `Io`; `Damaged` when the file is not as long as the download.
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
        if file.metadata().during("read", &path)?.len() != download.bytes {
            return Err(StoreFault::damaged(&path, "the result has another length"));
        }
        let begin = SeekFrom::Start(range.start);
        file.seek(begin).during("read", &path)?;
        Ok(Some(DownloadReader {
            path,
            file,
            left: range.end - range.start,
        }))
    }

    /// Whether the file of a download is there.
    pub fn has(&self, institution: InstitutionCode, id: &DownloadId) -> bool {
        self.ready(institution, id).exists()
    }

    /// Removes the file of a download; one that is not there is no fault. Who reads it already may finish.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove(&self, institution: InstitutionCode, id: &DownloadId) -> Result<(), StoreFault> {
        remove(&self.ready(institution, id))
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
        remove_those(&self.0, |name| {
            let ready = name.starts_with(&own) && name.ends_with(READY);
            ready && !known.iter().any(|known| known == name)
        })
    }

    fn ready(&self, institution: InstitutionCode, id: &DownloadId) -> PathBuf {
        self.0.join(file_name(institution, id))
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
        self.file.write(piece)?;
        self.digesting.add(piece);
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
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
    /// `Io`, also when the file ends too early.
    pub fn next_piece(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, StoreFault> {
        let length = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(bytes_max);
        if length == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; length];
        self.file
            .read_exact(&mut piece)
            .during("read", &self.path)?;
        self.left -= u64::try_from(length).unwrap_or(u64::MAX);
        Ok(Some(piece))
    }
}
