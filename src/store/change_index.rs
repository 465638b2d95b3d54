//! Finds the changes of an accepted import by person while they are not all made: 16 bytes in memory for each, the rest
//! stays in its file.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use super::{ChangeReader, ReplicaChange, StoreFault, change_file::read_change, fault::During};
use crate::domain::codes::AddresseeNumber;

/// Where the changes of each person stand in the file.
#[derive(Debug)]
pub struct ChangeIndex {
    path: PathBuf,
    file: Mutex<File>,
    /// The person's number and where the frame begins, in this order.
    places: Vec<(u64, u64)>,
}

impl ChangeIndex {
    /// Reads through the file once; it may be removed afterwards.
    ///
    /// # Errors
    /// `Io`; `Damaged` when the file is not what was written.
    pub fn of(mut changes: ChangeReader, count: u64) -> Result<Self, StoreFault> {
        let mut places = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
        while let Some(place) = changes.next_place()? {
            places.push(place);
        }
        places.sort_unstable();
        let path = changes.into_path();
        let file = Mutex::new(File::open(&path).during("open", &path)?);
        Ok(Self { path, file, places })
    }

    /// Whether it changes replicas of this person.
    pub(super) fn has(&self, person: AddresseeNumber) -> bool {
        !self.places_of(person).is_empty()
    }

    /// The changes of a person.
    pub(super) fn of_person(
        &self,
        person: AddresseeNumber,
    ) -> Result<Vec<ReplicaChange>, StoreFault> {
        let places = self.places_of(person).iter();
        places.map(|(_, place)| self.read(*place)).collect()
    }

    /// The persons whose replicas it changes, in the order of their numbers.
    pub(super) fn people(&self) -> impl Iterator<Item = Result<AddresseeNumber, StoreFault>> + '_ {
        let chunks = self.places.chunk_by(|(a, _), (b, _)| a == b);
        chunks.filter_map(<[_]>::first).map(|(person, _)| {
            let number = format!("{person:015}").parse();
            number.map_err(|_| StoreFault::damaged(&self.path, "a change names nobody"))
        })
    }

    fn places_of(&self, person: AddresseeNumber) -> &[(u64, u64)] {
        let Some(person) = number_of(person.as_str().as_bytes()) else {
            return &[];
        };
        let begin = self.places.partition_point(|(other, _)| *other < person);
        let end = self.places.partition_point(|(other, _)| *other <= person);
        self.places.get(begin..end).unwrap_or_default()
    }

    fn read(&self, place: u64) -> Result<ReplicaChange, StoreFault> {
        let mut length = [0; 4];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let sought = file.seek(SeekFrom::Start(place));
        sought.during("read", &self.path)?;
        file.read_exact(&mut length).during("read", &self.path)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        file.read_exact(&mut frame).during("read", &self.path)?;
        let change = read_change(frame);
        change.ok_or_else(|| StoreFault::damaged(&self.path, "a change is not what was written"))
    }
}

/// The number that the digits of an addressee number are.
pub(super) fn number_of(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
