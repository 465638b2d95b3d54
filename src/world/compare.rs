//! Puts the records of the inquirer, the core system and the provider of one exchange side by side.

use super::{World, WorldFault};
use crate::{
    domain::{
        names::ProcessingSerial,
        record::{Disagreement, PlacedRecord, ThreeSides},
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
    /// Compares the records of one exchange.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn compare(&self, serial: ProcessingSerial) -> Result<Comparison, WorldFault> {
        let at_inquirer = Keeper::Institution(serial.inquirer);
        let inquirer = self.records.record(at_inquirer, serial)?;
        let core = self.core.record_of(serial)?;
        let provider = match inquirer.as_ref().or(core.as_ref()) {
            None => None,
            Some(known) => {
                let keeper = Keeper::Institution(known.record.subject.provider);
                self.records.record(keeper, serial)?
            }
        };
        let sides = ThreeSides {
            inquirer: inquirer.as_ref().map(|placed| &placed.record),
            core: core.as_ref().map(|placed| &placed.record),
            provider: provider.as_ref().map(|placed| &placed.record),
        };
        let disagreements = sides.disagreements();
        Ok(Comparison {
            serial,
            inquirer,
            core,
            provider,
            disagreements,
        })
    }
}
