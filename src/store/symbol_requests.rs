//! Symbol requests on their way through the resident network, and the changes of 個人番号 that it knows of.

use serde::{Deserialize, Serialize};

use super::{Batch, Key, State, StoreFault, Version};
use crate::domain::{acquisition::SerialDigest, symbol_request::SymbolRequest};

/// A symbol request as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InTransit {
    /// What it is found by.
    pub serial: SerialDigest,
    /// Where it is.
    pub request: SymbolRequest,
    /// How often it was asked for at this server.
    pub polls: u32,
}

fn requests() -> Key {
    Key::new("symbol-request")
}

fn request(serial: SerialDigest) -> Key {
    requests().bytes(&serial.0)
}

fn changes(index: u32) -> Key {
    Key::new("number-changes").number(index.into())
}

impl State {
    /// The symbol request with this serial, and which write left it so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn symbol_request(
        &self,
        serial: SerialDigest,
    ) -> Result<Option<(Version, InTransit)>, StoreFault> {
        self.read_versioned(&request(serial))
    }

    /// Every symbol request that is on its way.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn symbol_requests(&self) -> Result<Vec<InTransit>, StoreFault> {
        self.all(&requests())
    }

    /// Keeps a symbol request in place of what `seen` says.
    ///
    /// # Errors
    /// `Conflict` when it has moved on since `seen`; without one, when it is on its way already.
    pub async fn keep_symbol_request(
        &self,
        seen: Option<Version>,
        kept: &InTransit,
    ) -> Result<(), StoreFault> {
        let key = request(kept.serial);
        let mut batch = Batch::new();
        match seen {
            None => batch.expect_absent(key.clone()),
            Some(version) => batch.expect(key.clone(), version),
        };
        batch.put_value(key, kept)?;
        self.engine.write(batch).await
    }

    /// Destroys a symbol request that has ended.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn destroy_symbol_request(&self, serial: SerialDigest) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.remove(request(serial));
        self.engine.write(batch).await
    }

    /// How often the 個人番号 of a sample person was changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn number_changes(&self, index: u32) -> Result<u32, StoreFault> {
        Ok(self.engine.read_value(&changes(index))?.unwrap_or_default())
    }

    /// Notes how often the 個人番号 of a sample person was changed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn note_number_changes(&self, index: u32, times: u32) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(changes(index), &times)?;
        self.engine.write(batch).await
    }
}
