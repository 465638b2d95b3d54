//! TKM, 情報提供等記録. A symbol is never sent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface},
    deciding::refusal_reason,
    fields::{Fields, page_size, timestamp},
    messages::{domain_result, result},
    place::{place, token},
    proto::v1::{
        self, compare_provision_records_request::Scope,
        provision_record_service_server::ProvisionRecordService,
    },
    status::{ToStatus, status_of},
};
use crate::{
    domain::{
        exchange::Side,
        names::ProcessingSerial,
        record::{Disagreement, PlacedRecord},
        refusal::{Refusal, Thing},
        retention::LEGAL_BASIS,
    },
    institution::RecordFilter,
    store::{Keeper, SearchPlace},
    world::{Comparison, Disposal},
};

/// The service of the family TKM.
pub struct ProvisionRecords(pub Surface);

#[tonic::async_trait]
impl ProvisionRecordService for ProvisionRecords {
    async fn search_provision_records(
        &self,
        request: Request<v1::SearchProvisionRecordsRequest>,
    ) -> Result<Response<v1::SearchProvisionRecordsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let limit = page_size(message.page_size)?;
        let (filter, from) = decode(&message)?;
        let server = entered.server()?;
        let (found, next) = server.search_records(&filter, from, limit).to_status()?;
        Ok(Response::new(v1::SearchProvisionRecordsResponse {
            records: found.iter().map(encode).collect(),
            next_page_token: next.map(token).unwrap_or_default(),
        }))
    }

    async fn get_provision_record(
        &self,
        request: Request<v1::GetProvisionRecordRequest>,
    ) -> Result<Response<v1::GetProvisionRecordResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let serial = serial(&request.get_ref().processing_serial)?;
        let found = entered.server()?.record(serial).to_status()?;
        Ok(Response::new(v1::GetProvisionRecordResponse {
            record: Some(encode(&found)),
        }))
    }

    async fn set_nondisclosure(
        &self,
        request: Request<v1::SetNondisclosureRequest>,
    ) -> Result<Response<v1::SetNondisclosureResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let serial = serial(&message.processing_serial)?;
        let mark = message.nondisclosure;
        let marked = entered
            .see_through(move |world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.set_nondisclosure(serial, mark, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::SetNondisclosureResponse {
            record: Some(encode(&marked)),
        }))
    }

    async fn get_disposal(
        &self,
        request: Request<v1::GetDisposalRequest>,
    ) -> Result<Response<v1::GetDisposalResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let keeper = Keeper::Institution(entered.institution);
        let disposal = entered.world.disposal(keeper).to_status()?;
        Ok(Response::new(v1::GetDisposalResponse {
            disposal: Some(encode_disposal(&disposal)),
        }))
    }

    async fn dispose_records(
        &self,
        request: Request<v1::DisposeRecordsRequest>,
    ) -> Result<Response<v1::DisposeRecordsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let disposed = entered
            .world
            .dispose_records(entered.institution, staff)
            .await
            .to_status()?;
        Ok(Response::new(v1::DisposeRecordsResponse {
            disposal: Some(encode_disposal(&disposed)),
        }))
    }

    async fn compare_provision_records(
        &self,
        request: Request<v1::CompareProvisionRecordsRequest>,
    ) -> Result<Response<v1::CompareProvisionRecordsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let (serials, next) = match &message.scope {
            Some(Scope::ProcessingSerial(text)) => (BTreeSet::from([serial(text)?]), None),
            Some(Scope::Range(range)) => in_range(&entered, range, &message)?,
            None => {
                let mut fields = Fields::default();
                fields.flaw("scope", "is required", "必須項目です");
                return fields.finish(None);
            }
        };
        let mut comparisons = Vec::with_capacity(serials.len());
        for serial in serials {
            let compared = entered.world.compare(serial, entered.institution);
            let compared = compared.to_status()?;
            let unknown = || status_of(&Refusal::NotFound(Thing::ProvisionRecord));
            comparisons.push(encode_comparison(compared.ok_or_else(unknown)?));
        }
        Ok(Response::new(v1::CompareProvisionRecordsResponse {
            comparisons,
            next_page_token: next.map(token).unwrap_or_default(),
        }))
    }
}

/// The exchanges of one page of the institution's own records, each once.
fn in_range(
    entered: &Entered,
    range: &v1::TimeRange,
    message: &v1::CompareProvisionRecordsRequest,
) -> Result<(BTreeSet<ProcessingSerial>, Option<SearchPlace>), Status> {
    let limit = page_size(message.page_size)?;
    let mut fields = Fields::default();
    let (from, to) = fields.period_of_time("range.", range.from, range.to);
    let filter = fields.finish(Some(RecordFilter {
        from,
        to,
        ..RecordFilter::default()
    }))?;
    let from = place(&message.page_token)?.unwrap_or_default();
    let server = entered.server()?;
    let (found, next) = server.search_records(&filter, from, limit).to_status()?;
    let serials = found.iter().map(|placed| placed.record.subject.serial);
    Ok((serials.collect(), next))
}

fn serial(text: &str) -> Result<ProcessingSerial, Status> {
    let mut fields = Fields::default();
    let serial = fields.required("processing_serial", text);
    fields.finish(serial)
}

fn decode(
    message: &v1::SearchProvisionRecordsRequest,
) -> Result<(RecordFilter, SearchPlace), Status> {
    let mut fields = Fields::default();
    let (from, to) = fields.period_of_time("", message.from, message.to);
    fields.known::<v1::RecordSide>("side", message.side);
    fields.known::<v1::ResultCode>("result", message.result);
    let side = match message.side() {
        v1::RecordSide::Unspecified => None,
        v1::RecordSide::Inquirer => Some(Side::Inquirer),
        v1::RecordSide::Provider => Some(Side::Provider),
        v1::RecordSide::Core => {
            let ja = "コアシステムの記録は検索できません";
            fields.flaw("side", "the core system's records are not the caller's", ja);
            None
        }
    };
    let filter = RecordFilter {
        from,
        to,
        counterpart: fields.optional("counterpart", &message.counterpart),
        side,
        affair: fields.optional("affair", &message.affair),
        procedure: fields.optional("procedure", &message.procedure),
        specific_info: fields.optional("specific_info", &message.specific_info),
        result: domain_result(message.result()),
    };
    let filter = fields.finish(Some(filter))?;
    Ok((filter, place(&message.page_token)?.unwrap_or_default()))
}

fn encode_comparison(comparison: Comparison) -> v1::RecordComparison {
    let encoded = |placed: &Option<PlacedRecord>| placed.as_ref().map(encode);
    let disagreements = comparison.disagreements.iter();
    v1::RecordComparison {
        processing_serial: comparison.serial.to_string(),
        agree: comparison.disagreements.is_empty(),
        inquirer: encoded(&comparison.inquirer),
        core: encoded(&comparison.core),
        provider: encoded(&comparison.provider),
        disagreements: disagreements.map(disagreement).collect(),
    }
}

pub(super) fn disagreement(found: &Disagreement) -> v1::Disagreement {
    v1::Disagreement {
        field: found.field.to_owned(),
        detail: found.detail.clone(),
    }
}

pub(super) fn encode(placed: &PlacedRecord) -> v1::ProvisionRecord {
    let record = &placed.record;
    let (subject, outcome) = (&record.subject, &record.outcome);
    v1::ProvisionRecord {
        processing_serial: subject.serial.to_string(),
        side: side(record.side).into(),
        inquirer: subject.inquirer.to_string(),
        provider: subject.provider.to_string(),
        affair: subject.affair.to_string(),
        procedure: subject.procedure.to_string(),
        specific_info: subject.specific_info.to_string(),
        items: subject.items.iter().map(ToString::to_string).collect(),
        requested_at: Some(timestamp(subject.requested_at)),
        provided_at: outcome.provided_at.map(timestamp),
        result: Some(result(outcome.code)),
        decided_by: side(outcome.decided_by).into(),
        nondisclosure: placed.nondisclosure,
        permit_id: record
            .permit_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        permission_row: record.permission_row.clone().unwrap_or_default(),
        answer_digest: outcome
            .answer_digest
            .map(|digest| digest.0.to_vec())
            .unwrap_or_default(),
        refusal_reason: outcome
            .refusal
            .map_or(0, |reason| refusal_reason(reason).into()),
        position: Some(v1::LedgerPosition {
            tree: placed.tree.clone(),
            index: placed.index,
            recorded_at: Some(timestamp(placed.recorded_at)),
        }),
    }
}

pub(super) fn side(side: Side) -> v1::RecordSide {
    match side {
        Side::Inquirer => v1::RecordSide::Inquirer,
        Side::Core => v1::RecordSide::Core,
        Side::Provider => v1::RecordSide::Provider,
    }
}

pub(super) fn encode_disposal(disposal: &Disposal) -> v1::Disposal {
    let moment = |ms| Timestamp::from_millisecond(ms).ok().map(timestamp);
    let trees = disposal.trees.iter().map(|of| v1::DisposableTree {
        tree: of.tree.to_string(),
        entries: i64::try_from(of.entries).unwrap_or(i64::MAX),
        first: moment(of.first_ms),
        last: moment(of.last_ms),
    });
    v1::Disposal {
        recorded_before: Some(timestamp(disposal.recorded_before)),
        legal_basis: LEGAL_BASIS.to_owned(),
        trees: trees.collect(),
    }
}
