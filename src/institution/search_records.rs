//! 情報提供等記録: finds the institution's own records and marks them 不開示. TKM.

use jiff::Timestamp;

use super::{ActFault, AtWork, IntermediateServer};
use crate::{
    domain::{
        codes::{AffairCode, InstitutionCode, ProcedureCode, SpecificInfoCode},
        exchange::Side,
        names::ProcessingSerial,
        record::{Entry, PlacedRecord},
        refusal::{Refusal, Thing},
        result::ResultCode,
        staff::Act,
    },
    store::SearchPlace,
};

/// Which records a search wants: all that fit every filter that is given.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Recorded at or after.
    pub from: Option<Timestamp>,
    /// Recorded before.
    pub to: Option<Timestamp>,
    /// The other institution.
    pub counterpart: Option<InstitutionCode>,
    /// The institution's own side.
    pub side: Option<Side>,
    /// 事務.
    pub affair: Option<AffairCode>,
    /// 事務手続.
    pub procedure: Option<ProcedureCode>,
    /// 特定個人情報名.
    pub specific_info: Option<SpecificInfoCode>,
    /// How the exchange ended.
    pub result: Option<ResultCode>,
}

impl RecordFilter {
    pub(super) fn passes(&self, placed: &PlacedRecord) -> bool {
        let record = &placed.record;
        let subject = &record.subject;
        let other = match record.side {
            Side::Inquirer => subject.provider,
            Side::Core | Side::Provider => subject.inquirer,
        };
        self.from.is_none_or(|from| from <= placed.recorded_at)
            && self.to.is_none_or(|to| placed.recorded_at < to)
            && self.counterpart.is_none_or(|wanted| wanted == other)
            && self.side.is_none_or(|wanted| wanted == record.side)
            && self.affair.is_none_or(|wanted| wanted == subject.affair)
            && self
                .procedure
                .is_none_or(|wanted| wanted == subject.procedure)
            && self
                .specific_info
                .is_none_or(|wanted| wanted == subject.specific_info)
            && self
                .result
                .is_none_or(|wanted| wanted == record.outcome.code)
    }
}

impl IntermediateServer {
    /// The institution's records that fit, in the order they were written, and where to go on.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn search_records(
        &self,
        filter: &RecordFilter,
        from: SearchPlace,
        limit: usize,
    ) -> Result<(Vec<PlacedRecord>, Option<SearchPlace>), ActFault> {
        let records = &self.around.records;
        let passes = |placed: &PlacedRecord| filter.passes(placed);
        Ok(records.search(self.keeper(), (from, limit), "", passes)?)
    }

    /// The same for a member of the staff: only records of the account's affairs. The search is on record.
    ///
    /// # Errors
    /// When they may not, it cannot be recorded, or a record cannot be read.
    pub async fn search_records_at_terminal(
        &self,
        staff: &AtWork,
        filter: &RecordFilter,
        (from, limit): (SearchPlace, usize),
        now: Timestamp,
    ) -> Result<(Vec<PlacedRecord>, Option<SearchPlace>), ActFault> {
        let act = Act::SearchRecords;
        let authority = self.begin_act(staff, act, None, now).await?;
        let passes = |placed: &PlacedRecord| {
            let affair = placed.record.subject.affair;
            authority.for_affair(affair).is_ok() && filter.passes(placed)
        };
        let records = &self.around.records;
        Ok(records.search(self.keeper(), (from, limit), "", passes)?)
    }

    /// The institution's record of an exchange.
    ///
    /// # Errors
    /// When there is none.
    pub fn record(&self, serial: ProcessingSerial) -> Result<PlacedRecord, ActFault> {
        let found = self.around.records.record(self.keeper(), serial)?;
        Ok(found.ok_or(Refusal::NotFound(Thing::ProvisionRecord))?)
    }

    /// Sets or clears 不開示 of a record. The act is on record before the mark changes.
    ///
    /// # Errors
    /// When there is no such record, or the act cannot be recorded.
    pub async fn set_nondisclosure(
        &self,
        serial: ProcessingSerial,
        nondisclosure: bool,
        now: Timestamp,
    ) -> Result<PlacedRecord, ActFault> {
        self.record(serial)?;
        let records = &self.around.records;
        let entry = Entry::NondisclosureSet {
            serial,
            nondisclosure,
        };
        let recorded = records.write(self.keeper(), &entry, now).await?;
        records.mark(self.keeper(), serial, nondisclosure).await?;
        drop(recorded);
        self.record(serial)
    }

    /// The same by a member of the staff, if the mark still is as they saw it. It is on record as an operation, too.
    ///
    /// # Errors
    /// When they may not, the mark is not as they saw it any more, or as [`IntermediateServer::set_nondisclosure`].
    pub async fn set_nondisclosure_at_terminal(
        &self,
        staff: &AtWork,
        serial: ProcessingSerial,
        nondisclosure: bool,
        now: Timestamp,
    ) -> Result<PlacedRecord, ActFault> {
        let act = Act::MarkNondisclosure;
        let prepared = self.markable(staff, serial, nondisclosure);
        let on = Some(serial.to_string());
        self.settle_act(staff, (act, on), prepared, now).await?;
        self.set_nondisclosure(serial, nondisclosure, now).await
    }

    fn markable(
        &self,
        staff: &AtWork,
        serial: ProcessingSerial,
        nondisclosure: bool,
    ) -> Result<(), ActFault> {
        let authority = staff.authority(Act::MarkNondisclosure)?;
        let placed = self.record(serial)?;
        let affair = placed.record.subject.affair;
        authority.for_affair(affair).map_err(Refusal::from)?;
        if placed.nondisclosure == nondisclosure {
            return Err(Refusal::MarkMoved.into());
        }
        Ok(())
    }
}
