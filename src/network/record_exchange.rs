//! The core system's own record of an exchange, written before anything is relayed. Source: 番号法 §23(3).

use jiff::Timestamp;

use super::{CoreSystem, NetworkFault};
use crate::{
    domain::{
        exchange::{Outcome, Side, Subject},
        names::{PermitId, ProcessingSerial},
        record::{PlacedRecord, ProvisionRecord},
    },
    store::Keeper,
};

impl CoreSystem {
    /// Writes the core system's record of an exchange that has ended, once.
    ///
    /// # Errors
    /// When it cannot be written: nothing may be relayed then.
    pub async fn record_exchange(
        &self,
        subject: &Subject,
        outcome: &Outcome,
        permit: Option<(PermitId, String)>,
        now: Timestamp,
    ) -> Result<(), NetworkFault> {
        let (permit_id, permission_row) = permit.unzip();
        let record = ProvisionRecord {
            side: Side::Core,
            subject: subject.clone(),
            outcome: outcome.clone(),
            permit_id,
            permission_row,
            symbol_digest: None,
        };
        let records = &self.parts.records;
        let recorded = records.write_once(Keeper::Core, record, now).await?;
        let noted = records.note(Keeper::Core, subject.serial, &recorded.place);
        Ok(noted.await?)
    }

    /// The core system's record of an exchange.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn record_of(
        &self,
        serial: ProcessingSerial,
    ) -> Result<Option<PlacedRecord>, NetworkFault> {
        Ok(self.parts.records.record(Keeper::Core, serial)?)
    }
}
