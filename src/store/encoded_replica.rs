//! A replica as its row holds it. The revision is the row's last field, so that it is read and set without reading the rest.

use super::StoreFault;
use crate::domain::replica::{Replica, ReplicaName};

const REVISION: &[u8] = b",\"revision\":";
const END: u8 = b'}';

/// A replica, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedReplica {
    pub(super) name: ReplicaName,
    /// The row up to its revision.
    pub(super) body: Vec<u8>,
}

impl EncodedReplica {
    /// Encodes a replica but for its revision.
    ///
    /// # Errors
    /// `Value` when it cannot be encoded.
    pub fn of(replica: &Replica) -> Result<Self, StoreFault> {
        let mut body =
            serde_json::to_vec(replica).map_err(|error| StoreFault::json::<Replica>(&error))?;
        let length = body_length(&body).ok_or_else(StoreFault::value_data::<Replica>)?;
        body.truncate(length);
        Ok(Self {
            name: ReplicaName::of(replica),
            body,
        })
    }

    /// The row with this revision.
    pub(super) fn row(&self, revision: u64) -> Vec<u8> {
        let revision = revision.to_string();
        let mut row = Vec::with_capacity(self.body.len() + REVISION.len() + revision.len() + 1);
        row.extend_from_slice(&self.body);
        row.extend_from_slice(REVISION);
        row.extend_from_slice(revision.as_bytes());
        row.push(END);
        row
    }
}

/// The revision of an encoded replica; nothing where the row is none.
pub(super) fn revision_of(row: &[u8]) -> Option<u64> {
    let digits = row.get(body_length(row)? + REVISION.len()..row.len() - 1)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn body_length(row: &[u8]) -> Option<usize> {
    let rest = row.strip_suffix(&[END])?;
    let digits = rest.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let before = rest.get(..rest.len() - digits.count())?;
    before.strip_suffix(REVISION).map(<[u8]>::len)
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::date};

    use super::*;
    use crate::domain::replica::Publication;

    #[test]
    fn a_row_differs_from_the_replica_in_its_revision_only() {
        let mut replica = Replica {
            addressee: "000000000000001".parse().unwrap(),
            specific_info: "TM90000000000001".parse().unwrap(),
            record_key: "K".parse().unwrap(),
            layout_version: "2026".parse().unwrap(),
            fiscal_year: None,
            date: None,
            publication: Publication {
                from: date(2026, 4, 1),
                to: None,
            },
            content: vec![],
            registered_at: Timestamp::UNIX_EPOCH,
            revision: 1,
        };
        let encoded = EncodedReplica::of(&replica).unwrap();
        for revision in [1, 9, 10, u64::MAX] {
            replica.revision = revision;
            let row = encoded.row(revision);
            assert_eq!(serde_json::from_slice::<Replica>(&row).unwrap(), replica);
            assert_eq!(row, serde_json::to_vec(&replica).unwrap());
            assert_eq!(revision_of(&row), Some(revision));
        }
        assert_eq!(revision_of(b"{}"), None);
    }
}
