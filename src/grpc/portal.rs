//! JTK over gRPC: the portal shows people what concerns them.

mod notices;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface},
    fields::{Fields, page, page_size, timestamp},
    messages::{answer, domain_result, result},
    place::{place, token},
    proto::v1::{self, portal_service_server::PortalService},
    status::{ToStatus, foreign_page_token, status_of},
};
use crate::{
    domain::{
        codes::InstitutionCode,
        no_self_provision::{FlagChange, NoSelfProvision},
        portal::{PortalRefusal, PortalToken},
        record::PlacedRecord,
        refusal::Refusal,
    },
    institution::{OwnDataWish, RecordFilter},
    world::{OwnPlace, OwnRecordFilter, World},
};

/// Digits of a 機関コード, which stands in front in a page token.
const CODE_DIGITS: usize = 16;

/// The most items that are asked for by name.
const ITEMS_MAX: usize = 200;

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

    async fn request_own_data(
        &self,
        request: Request<v1::RequestOwnDataRequest>,
    ) -> Result<Response<v1::RequestOwnDataResponse>, Status> {
        let world = self.0.portal(&request)?;
        let message = request.into_inner();
        let person = person(&message.portal_token)?;
        let (institution, wish) = decode_wish(&world, &message)?;
        let asked = Arc::clone(&world);
        let act = async move { asked.own_data(&person, institution, &wish).await };
        let (code, provided) = world.see_through(act).await.to_status()?;
        Ok(Response::new(v1::RequestOwnDataResponse {
            result: Some(result(code)),
            answer: provided.map(answer),
        }))
    }

    async fn set_no_self_provision(
        &self,
        request: Request<v1::SetNoSelfProvisionRequest>,
    ) -> Result<Response<v1::SetNoSelfProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let flag = request.into_inner().flag;
        change_flag(&entered, flag, FlagChange::Set).await?;
        Ok(Response::new(v1::SetNoSelfProvisionResponse {}))
    }

    async fn clear_no_self_provision(
        &self,
        request: Request<v1::ClearNoSelfProvisionRequest>,
    ) -> Result<Response<v1::ClearNoSelfProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let flag = request.into_inner().flag;
        change_flag(&entered, flag, FlagChange::Cleared).await?;
        Ok(Response::new(v1::ClearNoSelfProvisionResponse {}))
    }

    async fn list_no_self_provision(
        &self,
        request: Request<v1::ListNoSelfProvisionRequest>,
    ) -> Result<Response<v1::ListNoSelfProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let v1::ListNoSelfProvisionRequest {
            page_size,
            page_token,
        } = request.into_inner();
        let page = page(page_size, &page_token)?;
        let found = entered
            .server()?
            .list_no_self_provision(&page)
            .to_status()?;
        let flags = found.rows.into_iter();
        let flags = flags.map(|flag| encode_flag(&entered, flag));
        Ok(Response::new(v1::ListNoSelfProvisionResponse {
            flags: flags.collect::<Result<_, _>>()?,
            next_page_token: found.next_token.unwrap_or_default(),
        }))
    }

    async fn list_own_notices(
        &self,
        request: Request<v1::ListOwnNoticesRequest>,
    ) -> Result<Response<v1::ListOwnNoticesResponse>, Status> {
        let world = self.0.portal(&request)?;
        let listed = notices::own(&world, request.get_ref()).await?;
        Ok(Response::new(listed))
    }

    async fn mark_notice_read(
        &self,
        request: Request<v1::MarkNoticeReadRequest>,
    ) -> Result<Response<v1::MarkNoticeReadResponse>, Status> {
        let world = self.0.portal(&request)?;
        let notice = Some(notices::mark_read(&world, request.get_ref()).await?);
        Ok(Response::new(v1::MarkNoticeReadResponse { notice }))
    }

    async fn send_notice(
        &self,
        request: Request<v1::SendNoticeRequest>,
    ) -> Result<Response<v1::SendNoticeResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let notice = Some(notices::send(&entered, request.into_inner()).await?);
        Ok(Response::new(v1::SendNoticeResponse { notice }))
    }

    async fn list_sent_notices(
        &self,
        request: Request<v1::ListSentNoticesRequest>,
    ) -> Result<Response<v1::ListSentNoticesResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let listed = notices::sent(&entered, request.get_ref())?;
        Ok(Response::new(listed))
    }

    async fn withdraw_notice(
        &self,
        request: Request<v1::WithdrawNoticeRequest>,
    ) -> Result<Response<v1::WithdrawNoticeResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let number = request.get_ref().number;
        let notice = Some(notices::withdraw(&entered, number).await?);
        Ok(Response::new(v1::WithdrawNoticeResponse { notice }))
    }
}

fn decode_wish(
    world: &World,
    message: &v1::RequestOwnDataRequest,
) -> Result<(InstitutionCode, OwnDataWish), Status> {
    let mut fields = Fields::default();
    let institution: Option<InstitutionCode> = fields.required("institution", &message.institution);
    if institution.is_some_and(|code| world.directory().find(code).is_none()) {
        let en = "is not an institution of this world";
        fields.flaw("institution", en, "この世界に存在しない機関です");
    }
    let specific_info = fields.required("specific_info", &message.specific_info);
    if message.items.len() > ITEMS_MAX {
        fields.counted("items", message.items.len(), ITEMS_MAX);
    }
    let named = message.items.iter().enumerate();
    let items: Vec<_> = named
        .filter_map(|(at, item)| fields.required(&format!("items[{at}]"), item))
        .collect();
    let condition = fields.condition("condition", message.condition.as_ref());
    let wish = specific_info.map(|specific_info| OwnDataWish {
        specific_info,
        items,
        condition,
    });
    fields.finish(institution.zip(wish))
}

/// Sets or clears a flag, in the kind of number that the caller speaks.
async fn change_flag(
    entered: &Entered,
    flag: Option<v1::NoSelfProvision>,
    change: FlagChange,
) -> Result<(), Status> {
    let mut flag = flag.unwrap_or_default();
    let number = Some(&mut flag.addressee_number).filter(|number| !number.is_empty());
    let named = number.map(|number| ("flag.addressee_number".to_owned(), number));
    entered.numbers()?.inward(named.into_iter())?;
    let mut fields = Fields::default();
    let person = fields.optional("flag.addressee_number", &flag.addressee_number);
    let info = fields.optional("flag.specific_info", &flag.specific_info);
    let read = NoSelfProvision::on(person, info);
    if read.is_none() && fields.is_sound() {
        let en = "must name a person, a specific information, or both";
        fields.flaw(
            "flag",
            en,
            "対象者と特定個人情報名の少なくとも一方を指定してください",
        );
    }
    let flag = fields.finish(read)?;
    let act = move |world: Arc<World>, institution| async move {
        let server = world.server(institution)?;
        let now = world.now();
        Ok(server.change_no_self_provision(flag, change, now).await?)
    };
    entered.see_through(act).await
}

fn encode_flag(entered: &Entered, flag: NoSelfProvision) -> Result<v1::NoSelfProvision, Status> {
    let numbers = entered.numbers()?;
    let person = flag.person().map(|person| numbers.outward(person));
    let info = flag.specific_info().map(|info| info.to_string());
    Ok(v1::NoSelfProvision {
        addressee_number: person.transpose()?.unwrap_or_default(),
        specific_info: info.unwrap_or_default(),
    })
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
    v1::OwnRecord {
        processing_serial: subject.serial.to_string(),
        inquirer: subject.inquirer.to_string(),
        inquirer_name: institution_name(world, subject.inquirer),
        provider: subject.provider.to_string(),
        provider_name: institution_name(world, subject.provider),
        affair: subject.affair.to_string(),
        procedure: subject.procedure.to_string(),
        specific_info: subject.specific_info.to_string(),
        result: Some(result(outcome.code)),
        requested_at: Some(timestamp(subject.requested_at)),
        provided_at: outcome.provided_at.map(timestamp),
        items: subject.items.iter().map(ToString::to_string).collect(),
    }
}

fn institution_name(world: &World, code: InstitutionCode) -> String {
    let found = world.directory().find(code);
    found
        .map(|institution| institution.name.to_string())
        .unwrap_or_default()
}
