//! 業務統計: counts the institution's records. SYM.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{ActFault, IntermediateServer, RecordFilter};
use crate::{
    domain::{
        codes::{InstitutionCode, ProcedureCode, SpecificInfoCode},
        exchange::Side,
        jst::jst_date,
        record::PlacedRecord,
        result::ResultCode,
    },
    store::SearchPlace,
};

/// How many records are read at a time.
const READ_AT_ONCE: usize = 1_000;

/// What the exchanges of one count have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// The day in Japan on which they were recorded.
    pub day: Date,
    /// On which side the institution was.
    pub side: Side,
    /// 照会者.
    pub inquirer: InstitutionCode,
    /// 提供者.
    pub provider: InstitutionCode,
    /// 事務手続.
    pub procedure: ProcedureCode,
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
    /// How they ended.
    pub result: ResultCode,
}

impl Counted {
    fn of(placed: &PlacedRecord) -> Self {
        let record = &placed.record;
        Self {
            day: jst_date(placed.recorded_at),
            side: record.side,
            inquirer: record.subject.inquirer,
            provider: record.subject.provider,
            procedure: record.subject.procedure,
            specific_info: record.subject.specific_info,
            result: record.outcome.code,
        }
    }
}

impl IntermediateServer {
    /// How many exchanges ended on the days that `wanted` names, in the order of the days. Memory grows with the counts,
    /// not with the records.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn count_records(
        &self,
        wanted: impl Fn(Date) -> bool,
    ) -> Result<BTreeMap<Counted, u64>, ActFault> {
        let mut counts = BTreeMap::new();
        let mut from = Some(SearchPlace::default());
        while let Some(place) = from {
            let (found, next) =
                self.search_records(&RecordFilter::default(), place, READ_AT_ONCE)?;
            for placed in &found {
                let counted = Counted::of(placed);
                if wanted(counted.day) {
                    *counts.entry(counted).or_default() += 1;
                }
            }
            from = next;
        }
        Ok(counts)
    }
}
