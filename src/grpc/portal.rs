//! JTK over gRPC: the portal shows people what concerns them.

use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::{Fields, page_size, timestamp},
    messages::{domain_result, result},
    place::{place, token},
    proto::v1::{self, portal_service_server::PortalService},
    status::{ToStatus, foreign_page_token, status_of},
};
use crate::{
    domain::{
        codes::InstitutionCode,
        portal::{PortalRefusal, PortalToken},
        record::PlacedRecord,
        refusal::Refusal,
    },
    institution::RecordFilter,
    world::{OwnPlace, OwnRecordFilter, World},
};

/// Digits of a 機関コード, which stands in front in a page token.
const CODE_DIGITS: usize = 16;

/// The service of the family JTK.
pub struct Portals(pub Surface);

#[tonic::async_trait]
impl PortalService for Portals {
    async fn list_own_records(
        &self,
        request: Request<v1::ListOwnRecordsRequest>,
    ) -> Result<Response<v1::ListOwnRecordsResponse>, Status> {
        let world = self.0.portal(&request)?;
        let message = request.into_inner();
        let person = person(&message.portal_token)?;
        let limit = page_size(message.page_size)?;
        let filter = decode_filter(&message)?;
        let from = own_place(&message.page_token)?;
        let listed = world.own_records(&person, &filter, (from, limit)).await;
        let (found, next) = listed.to_status()?;
        let next = next.map(|next| format!("{}{}", next.institution, token(next.place)));
        Ok(Response::new(v1::ListOwnRecordsResponse {
            records: found.iter().map(|placed| encode(&world, placed)).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }
}

/// The token of a person; what is wrong with it is told to nobody.
fn person(text: &str) -> Result<PortalToken, Status> {
    let unknown = || status_of(&Refusal::from(PortalRefusal::TokenUnknown));
    PortalToken::read(text).ok_or_else(unknown)
}

fn decode_filter(message: &v1::ListOwnRecordsRequest) -> Result<OwnRecordFilter, Status> {
    let mut fields = Fields::default();
    let (from, to) = fields.period_of_time("", message.from, message.to);
    fields.known::<v1::ResultCode>("result", message.result);
    let institution = fields.optional("institution", &message.institution);
    let record = RecordFilter {
        from,
        to,
        affair: fields.optional("affair", &message.affair),
        procedure: fields.optional("procedure", &message.procedure),
        specific_info: fields.optional("specific_info", &message.specific_info),
        result: domain_result(message.result()),
        ..RecordFilter::default()
    };
    fields.finish(Some(OwnRecordFilter {
        institution,
        record,
    }))
}

fn own_place(text: &str) -> Result<Option<OwnPlace>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let (code, rest) = text
        .split_at_checked(CODE_DIGITS)
        .ok_or_else(foreign_page_token)?;
    let institution = code.parse().map_err(|_| foreign_page_token())?;
    let place = place(rest)?.ok_or_else(foreign_page_token)?;
    Ok(Some(OwnPlace { institution, place }))
}

fn encode(world: &World, placed: &PlacedRecord) -> v1::OwnRecord {
    let (subject, outcome) = (&placed.record.subject, &placed.record.outcome);
    let name = |code: InstitutionCode| {
        let found = world.directory().find(code);
        found.map(|institution| institution.name.to_string())
    };
    v1::OwnRecord {
        processing_serial: subject.serial.to_string(),
        inquirer: subject.inquirer.to_string(),
        inquirer_name: name(subject.inquirer).unwrap_or_default(),
        provider: subject.provider.to_string(),
        provider_name: name(subject.provider).unwrap_or_default(),
        affair: subject.affair.to_string(),
        procedure: subject.procedure.to_string(),
        specific_info: subject.specific_info.to_string(),
        items: subject.items.iter().map(ToString::to_string).collect(),
        requested_at: Some(timestamp(subject.requested_at)),
        provided_at: outcome.provided_at.map(timestamp),
        result: Some(result(outcome.code)),
    }
}
