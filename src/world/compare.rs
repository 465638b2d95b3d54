//! Puts the records of the inquirer, the core system and the provider of one exchange side by side.

use super::{World, WorldFault};
use crate::{
    domain::{
        codes::InstitutionCode,
        names::ProcessingSerial,
        record::{Disagreement, PlacedRecord, ThreeSides},
        retention::kept_long_enough,
    },
    store::Keeper,
};

/// The three records of an exchange.
#[derive(Debug)]
pub struct Comparison {
    /// 処理通番.
    pub serial: ProcessingSerial,
    /// The inquirer's.
    pub inquirer: Option<PlacedRecord>,
    /// The core system's.
    pub core: Option<PlacedRecord>,
    /// The provider's.
    pub provider: Option<PlacedRecord>,
    /// Where they differ.
    pub disagreements: Vec<Disagreement>,
}

impl World {
    /// Compares the records of one exchange for an institution that took part in it; nothing when there is no record, or
    /// none that shows that it did. The institution's own record may be the one that is missing.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn compare(
        &self,
        serial: ProcessingSerial,
        by: InstitutionCode,
    ) -> Result<Option<Comparison>, WorldFault> {
        let at = |institution| {
            self.records
                .record(Keeper::Institution(institution), serial)
        };
        let inquirer = at(serial.inquirer)?;
        let core = self.core.record_of(serial)?;
        let named = inquirer.as_ref().or(core.as_ref());
        let provider = named.map_or(by, |placed| placed.record.subject.provider);
        let at_provider = at(provider)?;
        let took_part = serial.inquirer == by || provider == by;
        let recorded = inquirer.is_some() || core.is_some() || at_provider.is_some();
        if !took_part || !recorded {
            return Ok(None);
        }
        let sides = ThreeSides {
            inquirer: inquirer.as_ref().map(|placed| &placed.record),
            core: core.as_ref().map(|placed| &placed.record),
            provider: at_provider.as_ref().map(|placed| &placed.record),
        };
        let mut disagreements = sides.disagreements();
        let found = [&inquirer, &core, &at_provider].into_iter().flatten();
        let line = kept_long_enough(self.now());
        if found
            .into_iter()
            .any(|placed| Some(placed.recorded_at) < line)
        {
            // The others may have disposed of theirs.
            disagreements.retain(|found| found.field != "record");
        }
        Ok(Some(Comparison {
            serial,
            disagreements,
            inquirer,
            core,
            provider: at_provider,
        }))
    }
}
