//! Where in the ledger the records stand, which of them are marked 不開示, and how far the ledger has been followed.

use serde::{Deserialize, Serialize};

use super::{Batch, Key, State, StoreFault, Version};
use crate::domain::{codes::InstitutionCode, names::ProcessingSerial};

/// Where a record stands, and its mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPlace {
    /// `<owner>/<fiscal year>`.
    pub tree: String,
    /// The leaf's index in the tree.
    pub index: u64,
    /// 不開示.
    pub nondisclosure: bool,
}

pub(super) fn record_of(owner: &str, serial: ProcessingSerial) -> Key {
    Key::new("record").text(owner).text(&serial.to_string())
}

fn followed() -> Key {
    Key::new("ledger-followed")
}

/// There from a disposal on, until the state has been written anew.
fn disposed_of() -> Key {
    Key::new("disposed-of")
}

impl State {
    /// Where the owner's record of an exchange stands. The owner is a 機関コード or `core`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn record_place(
        &self,
        owner: &str,
        serial: ProcessingSerial,
    ) -> Result<Option<RecordPlace>, StoreFault> {
        self.engine.read_value(&record_of(owner, serial))
    }

    /// Notes where records stand.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn place_records(
        &self,
        places: &[(&str, ProcessingSerial, RecordPlace)],
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        for (owner, serial, place) in places {
            batch.put_value(record_of(owner, *serial), place)?;
        }
        self.engine.write(batch).await
    }

    /// Notes where a record stands that the ledger proves: durable before whatever is written after it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn note_record(
        &self,
        owner: &str,
        serial: ProcessingSerial,
        place: &RecordPlace,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(record_of(owner, serial), place)?;
        drop(self.engine.hand_over(batch).await?);
        Ok(())
    }

    /// The sequence number up to which the ledger is in the state.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn ledger_followed(&self) -> Result<u64, StoreFault> {
        Ok(self.engine.read_value(&followed())?.unwrap_or(0))
    }

    /// Notes that the ledger is in the state up to `sequence`, not included.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn follow_ledger(&self, sequence: u64) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(followed(), &sequence)?;
        self.engine.write(batch).await
    }

    /// Forgets where the owner's records of these exchanges stand, and at an institution also the requests that it received.
    /// From then on there is a [`State::disposal_mark`].
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn forget_exchanges(
        &self,
        owner: &str,
        institution: Option<InstitutionCode>,
        serials: &[ProcessingSerial],
    ) -> Result<(), StoreFault> {
        if serials.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.put_value(disposed_of(), &true)?;
        for serial in serials {
            batch.remove(record_of(owner, *serial));
            if let Some(institution) = institution {
                self.forget_received(&mut batch, institution, *serial)?;
            }
        }
        self.engine.write(batch).await
    }

    /// What says that exchanges have been forgotten here: the files hold what they were until the state is written anew, in pages
    /// that the storage engine has freed and behind the end of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn disposal_mark(&self) -> Result<Option<Version>, StoreFault> {
        let mark = self.engine.read_versioned(&disposed_of())?;
        Ok(mark.map(|(version, _)| version))
    }

    /// Takes the mark away, unless more has been forgotten since it was read.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn forget_disposal(&self, mark: Version) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.expect(disposed_of(), mark);
        batch.remove(disposed_of());
        match self.engine.write(batch).await {
            Err(StoreFault::Conflict { .. }) => Ok(()),
            written => written,
        }
    }
}
