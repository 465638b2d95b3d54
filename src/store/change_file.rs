//! The changes of one import in a file of their own, until every one is made: written while the file comes in, durable
//! before it is accepted, read again after a restart.
//!
//! Each change is a frame: its length as four bytes, big-endian; `R` or `D`; addressee number, specific information, the
//! length of the record key as one byte, the record key; and of a registration the replica's JSON without its revision.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
};

use super::{
    EncodedReplica, StoreFault,
    change_index::number_of,
    fault::During,
    part_file::{PartFile, open_directory, remove},
};
use crate::domain::{codes::InstitutionCode, replica::ReplicaName};

const REGISTER: u8 = b'R';
const DELETE: u8 = b'D';
const PERSON_BYTES: usize = 15;
const ACCEPTED: &str = "changes";

/// One change that an import makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplicaChange {
    /// Register the replica, or take the place of the older one.
    Register(EncodedReplica),
    /// Delete the replica if it is there.
    Delete(ReplicaName),
}

impl ReplicaChange {
    /// Which replica it changes.
    pub fn name(&self) -> &ReplicaName {
        match self {
            Self::Register(replica) => &replica.name,
            Self::Delete(name) => name,
        }
    }
}

/// Where the files of a world's imports lie.
#[derive(Debug, Clone)]
pub struct ChangeDir(PathBuf);

/// The changes of a file that is coming in. It is removed when it is dropped before it was kept.
#[derive(Debug)]
pub struct ChangeWriter {
    file: PartFile,
    changes: u64,
}

/// Reads the changes of an accepted import.
pub struct ChangeReader {
    path: PathBuf,
    file: BufReader<File>,
    /// Where the next change begins.
    place: u64,
}

impl ChangeDir {
    /// The directory, which is made when there is none. Files of imports that were never accepted are removed.
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
    pub fn begin(&self, name: &str) -> Result<ChangeWriter, StoreFault> {
        Ok(ChangeWriter {
            file: PartFile::begin(&self.0, name)?,
            changes: 0,
        })
    }

    /// Makes a file durable under the import's number.
    ///
    /// # Errors
    /// `Io`.
    pub fn keep(
        &self,
        written: ChangeWriter,
        institution: InstitutionCode,
        number: u64,
    ) -> Result<(), StoreFault> {
        written.file.keep(&self.accepted(institution, number))
    }

    /// Reads the changes of an accepted import.
    ///
    /// # Errors
    /// `Io`.
    pub fn read(
        &self,
        institution: InstitutionCode,
        number: u64,
    ) -> Result<ChangeReader, StoreFault> {
        let path = self.accepted(institution, number);
        let file = File::open(&path).during("open", &path)?;
        Ok(ChangeReader {
            path,
            place: 0,
            file: BufReader::with_capacity(256 * 1024, file),
        })
    }

    /// Removes the changes of an import that is finished.
    ///
    /// # Errors
    /// `Io`.
    pub fn remove(&self, institution: InstitutionCode, number: u64) -> Result<(), StoreFault> {
        remove(&self.accepted(institution, number))
    }

    fn accepted(&self, institution: InstitutionCode, number: u64) -> PathBuf {
        let name = format!("{institution}-{number:010}");
        self.0.join(name).with_extension(ACCEPTED)
    }
}

impl ChangeWriter {
    /// Adds a change.
    ///
    /// # Errors
    /// `Io`, as when the disk is full.
    pub fn add(&mut self, change: &ReplicaChange) -> Result<(), StoreFault> {
        let (kind, name, body) = match change {
            ReplicaChange::Register(replica) => (REGISTER, &replica.name, &*replica.body),
            ReplicaChange::Delete(name) => (DELETE, name, &[][..]),
        };
        let (person, info) = (name.addressee.as_str(), name.specific_info.as_str());
        let key = name.record_key.as_str().as_bytes();
        let length = 2 + person.len() + info.len() + key.len() + body.len();
        let too_long = |_| StoreFault::ValueTooLong {
            bytes: length,
            bytes_max: u32::MAX as usize,
        };
        let head = u32::try_from(length).map_err(too_long)?.to_be_bytes();
        let key_length = u8::try_from(key.len()).map_err(too_long)?;
        for part in [
            &head[..],
            &[kind],
            person.as_bytes(),
            info.as_bytes(),
            &[key_length],
            key,
            body,
        ] {
            self.file.write(part)?;
        }
        self.changes += 1;
        Ok(())
    }

    /// How many there are.
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

impl ChangeReader {
    /// The next change; nothing after the last.
    ///
    /// # Errors
    /// `Io`; `Json` or `Damaged` when the file is not what was written.
    pub fn next_change(&mut self) -> Result<Option<ReplicaChange>, StoreFault> {
        let Some(length) = self.next_length()? else {
            return Ok(None);
        };
        let mut frame = vec![0; length as usize];
        self.exact(&mut frame)?;
        let change = read_change(frame);
        let damaged = || StoreFault::damaged(&self.path, "a change is not what was written");
        change.map(Some).ok_or_else(damaged)
    }

    /// Whose the next change is, and where it begins; passes over the rest of it.
    pub(super) fn next_place(&mut self) -> Result<Option<(u64, u64)>, StoreFault> {
        let place = self.place;
        let Some(length) = self.next_length()? else {
            return Ok(None);
        };
        let mut head = [0; 1 + PERSON_BYTES];
        self.exact(&mut head)?;
        let damaged = || StoreFault::damaged(&self.path, "a change names nobody");
        let person = number_of(head.get(1..).unwrap_or_default()).ok_or_else(damaged)?;
        let rest = i64::from(length) - i64::try_from(head.len()).unwrap_or_default();
        let passed = self.file.seek_relative(rest);
        passed.during("read", &self.path)?;
        Ok(Some((person, place)))
    }

    pub(super) fn into_path(self) -> PathBuf {
        self.path
    }

    fn next_length(&mut self) -> Result<Option<u32>, StoreFault> {
        if self.file.fill_buf().during("read", &self.path)?.is_empty() {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        self.place += 4 + u64::from(length);
        Ok(Some(length))
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), StoreFault> {
        self.file.read_exact(bytes).during("read", &self.path)
    }
}

pub(super) fn read_change(mut frame: Vec<u8>) -> Option<ReplicaChange> {
    let (kind, rest) = frame.split_first()?;
    let (person, rest) = rest.split_at_checked(PERSON_BYTES)?;
    let (info, rest) = rest.split_at_checked(16)?;
    let (key_length, rest) = rest.split_first()?;
    let (key, body) = rest.split_at_checked(usize::from(*key_length))?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let name = ReplicaName {
        addressee: text(person)?.parse().ok()?,
        specific_info: text(info)?.parse().ok()?,
        record_key: text(key)?.parse().ok()?,
    };
    match *kind {
        DELETE => body.is_empty().then_some(ReplicaChange::Delete(name)),
        REGISTER => {
            let head = frame.len() - body.len();
            frame.drain(..head);
            let body = frame;
            Some(ReplicaChange::Register(EncodedReplica { name, body }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn is_empty(dir: &std::path::Path) -> bool {
        fs::read_dir(dir).unwrap().next().is_none()
    }

    fn name(key: &str) -> ReplicaName {
        ReplicaName {
            addressee: "000000000000001".parse().unwrap(),
            specific_info: "TM90000000000001".parse().unwrap(),
            record_key: key.parse().unwrap(),
        }
    }

    fn registration(key: &str) -> ReplicaChange {
        ReplicaChange::Register(EncodedReplica {
            name: name(key),
            body: b"{}".to_vec(),
        })
    }

    fn change(key: &str) -> ReplicaChange {
        ReplicaChange::Delete(name(key))
    }

    #[test]
    fn changes_are_read_as_they_were_written_and_a_file_not_kept_goes() {
        let dir = tempfile::tempdir().unwrap();
        let changes = ChangeDir::open(dir.path().join("imports")).unwrap();
        let institution = "0220113112101700".parse().unwrap();
        let mut dropped = changes.begin("a").unwrap();
        dropped.add(&change("K0")).unwrap();
        drop(dropped);
        assert!(is_empty(&dir.path().join("imports")));
        let mut kept = changes.begin("b").unwrap();
        kept.add(&change("K1")).unwrap();
        kept.add(&registration("K2")).unwrap();
        changes.keep(kept, institution, 7).unwrap();
        let mut read = changes.read(institution, 7).unwrap();
        assert_eq!(read.next_change().unwrap(), Some(change("K1")));
        assert_eq!(read.next_change().unwrap(), Some(registration("K2")));
        assert_eq!(read.next_change().unwrap(), None);
        changes.remove(institution, 7).unwrap();
        changes.remove(institution, 7).unwrap();
        assert!(is_empty(&dir.path().join("imports")));
    }

    #[test]
    fn what_an_interrupted_import_left_is_removed_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x.part"), b"half").unwrap();
        ChangeDir::open(dir.path().to_owned()).unwrap();
        assert!(is_empty(dir.path()));
    }
}
