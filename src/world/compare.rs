//! Puts the records of the inquirer, the core system and the provider of one exchange side by side.

use super::{World, WorldFault};
use crate::{
    domain::{
        codes::InstitutionCode,
        names::ProcessingSerial,
        record::{Disagreement, PlacedRecord, ThreeSides},
        refusal::{Refusal, Thing},
        retention::kept_long_enough,
        staff::Act,
    },
    institution::{ActFault, AtWork},
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

impl Comparison {
    /// The records that there are.
    pub fn present(&self) -> impl Iterator<Item = &PlacedRecord> {
        let sides = [&self.inquirer, &self.core, &self.provider];
        sides.into_iter().flatten()
    }
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

    /// The same for a member of the institution's staff, where the account is for the affair. That they look, or may not, is
    /// on record.
    ///
    /// # Errors
    /// When they may not, there is nothing to compare, or a record cannot be read or written.
    pub async fn compare_at_terminal(
        &self,
        serial: ProcessingSerial,
        (by, staff): (InstitutionCode, &AtWork),
    ) -> Result<Comparison, WorldFault> {
        let found = self.compare(serial, by)?;
        let look = || {
            let authority = staff.authority(Act::ReadRecord)?;
            let found = found.ok_or(Refusal::NotFound(Thing::ProvisionRecord))?;
            if let Some(placed) = found.present().next() {
                authority.for_affair(placed.record.subject.affair)?;
            }
            Ok::<_, Refusal>(found)
        };
        let seen = look().map_err(ActFault::from);
        let act = (Act::ReadRecord, Some(serial.to_string()));
        let settled = self.server(by)?.settle_act(staff, act, seen, self.now());
        Ok(settled.await?)
    }
}
