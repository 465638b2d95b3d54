//! 情報提供等記録の開示: what the institution's records say of the person whose symbol the core system names. JTK.

use super::{ActFault, IntermediateServer, RecordFilter, provide::hex_digest};
use crate::{
    domain::{person::Symbol, record::PlacedRecord},
    store::SearchPlace,
};

impl IntermediateServer {
    /// The person's records that fit and are not 不開示 here, in the order they were written, and where to go on.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn disclose_records(
        &self,
        symbol: &Symbol,
        filter: &RecordFilter,
        page: (SearchPlace, usize),
    ) -> Result<(Vec<PlacedRecord>, Option<SearchPlace>), ActFault> {
        let digest = hex_digest(&symbol.0);
        let passes = |placed: &PlacedRecord| {
            !placed.nondisclosure
                && placed.record.symbol_digest.as_ref() == Some(&digest)
                && filter.passes(placed)
        };
        let records = &self.around.records;
        Ok(records.search(self.keeper(), page, &digest, passes)?)
    }
}
