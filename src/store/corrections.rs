//! What is proposed for the replicas of an institution, and what became of it.

use super::{
    Batch, EncodedReplica, Key, Page, PageOf, State, StoreFault, Version, form::decode,
    replicas::replica_key,
};
use crate::domain::{
    codes::InstitutionCode,
    correction::{Correction, CorrectionState},
    names::{CorrectionNumber, ProposalId},
    replica::{Replica, ReplicaName},
};

fn corrections(institution: InstitutionCode) -> Key {
    Key::new("correction").text(institution.as_str())
}

/// Newest first, so that a scan in key order lists them so.
fn place(institution: InstitutionCode, number: CorrectionNumber) -> Key {
    corrections(institution).number(u64::MAX - number.0)
}

/// Those that are neither made nor withdrawn, the oldest first.
fn open_ones(institution: InstitutionCode) -> Key {
    Key::new("correction-open").text(institution.as_str())
}

fn proposal(institution: InstitutionCode, id: &ProposalId) -> Key {
    Key::new("correction-of")
        .text(institution.as_str())
        .text(id.as_str())
}

/// What becomes of the replica when a proposal ends.
#[derive(Debug)]
pub enum ReplicaEnd {
    /// It becomes this.
    Register(EncodedReplica),
    /// It is deleted.
    Delete,
    /// It stays as it is.
    Stay,
}

impl State {
    /// Keeps a new proposal under its number and under the name that its sender gave it.
    ///
    /// # Errors
    /// `Conflict` when the number or the name is taken.
    pub async fn add_correction(
        &self,
        institution: InstitutionCode,
        id: &ProposalId,
        correction: &Correction,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.expect_absent(place(institution, correction.number));
        batch.expect_absent(proposal(institution, id));
        batch.put_value(proposal(institution, id), &correction.number)?;
        put(&mut batch, institution, correction)?;
        self.engine.write(batch).await
    }

    /// The proposal of this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn correction_of(
        &self,
        institution: InstitutionCode,
        id: &ProposalId,
    ) -> Result<Option<CorrectionNumber>, StoreFault> {
        self.engine.read_value(&proposal(institution, id))
    }

    /// Keeps a proposal in place of what `seen` showed.
    ///
    /// # Errors
    /// `Conflict` when it has moved on since.
    pub async fn move_correction(
        &self,
        institution: InstitutionCode,
        seen: Version,
        correction: &Correction,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.expect(place(institution, correction.number), seen);
        put(&mut batch, institution, correction)?;
        self.engine.write(batch).await
    }

    /// Ends a proposal and changes its replica, both or neither. `before` is the replica as it was read. Waits while a file
    /// that names it is being taken over; what was read before that has changed then.
    ///
    /// # Errors
    /// `Conflict` when the proposal or the replica has changed since it was read.
    pub async fn make_correction(
        &self,
        institution: InstitutionCode,
        (seen, correction): (Version, &Correction),
        (before, end): (Option<Version>, ReplicaEnd),
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.expect(place(institution, correction.number), seen);
        let names = std::slice::from_ref(&correction.replica);
        batch.expect_absent(self.undisturbed(institution, names).await?);
        let key = replica_key(institution, &correction.replica);
        match before {
            Some(version) => batch.expect(key.clone(), version),
            None => batch.expect_absent(key.clone()),
        };
        match end {
            ReplicaEnd::Register(replica) => {
                self.put_replica(institution, &mut batch, &replica)?;
            }
            ReplicaEnd::Delete => {
                batch.remove(key);
            }
            ReplicaEnd::Stay => {}
        }
        put(&mut batch, institution, correction)?;
        self.engine.write(batch).await
    }

    /// One proposal, and which write said so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn correction(
        &self,
        institution: InstitutionCode,
        number: CorrectionNumber,
    ) -> Result<Option<(Version, Correction)>, StoreFault> {
        self.read_versioned(&place(institution, number))
    }

    /// The proposals of an institution, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn corrections(
        &self,
        institution: InstitutionCode,
        page: &Page,
    ) -> Result<PageOf<Correction>, StoreFault> {
        self.page(&corrections(institution), page)
    }

    /// The numbers of the proposals that are neither made nor withdrawn, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_corrections(
        &self,
        institution: InstitutionCode,
    ) -> Result<Vec<CorrectionNumber>, StoreFault> {
        self.all(&open_ones(institution))
    }

    /// One replica, and which write said so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn replica_seen(
        &self,
        institution: InstitutionCode,
        name: &ReplicaName,
    ) -> Result<Option<(Version, Replica)>, StoreFault> {
        let row = self.replica_row(institution, name)?;
        row.map(|(version, row)| Ok((version, decode(&row)?)))
            .transpose()
    }
}

fn put(
    batch: &mut Batch,
    institution: InstitutionCode,
    correction: &Correction,
) -> Result<(), StoreFault> {
    let number = correction.number;
    batch.put_value(place(institution, number), correction)?;
    let open = open_ones(institution).number(number.0);
    match correction.state {
        CorrectionState::Proposed { .. }
        | CorrectionState::SentBack { .. }
        | CorrectionState::Approved { .. } => batch.put_value(open, &number)?,
        CorrectionState::Made { .. } | CorrectionState::Withdrawn { .. } => batch.remove(open),
    };
    Ok(())
}
