//! `ResidentService`: 本人確認情報 at the resident network, told by municipalities and looked up by entitled institutions.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{
    addressee_messages::read_items,
    caller::{Entered, Surface},
    fields::{Fields, page_size},
    place::{place, token},
    proto::v1::{self, resident_service_server::ResidentService},
    resident_messages::{encode_request, encode_use, purpose_of, reason_of},
    status::ToStatus,
};
use crate::{
    domain::{
        identity::{ChangeReason, IdentityPurpose, IdentityUser, Notification},
        jst::jst_date,
        names::RecordId,
    },
    network::{Asked, ResidentDraft},
    world::World,
};

/// The resident network, as institutions see it.
pub struct Residents(pub Surface);

#[tonic::async_trait]
impl ResidentService for Residents {
    async fn notify_resident(
        &self,
        request: Request<v1::NotifyResidentRequest>,
    ) -> Result<Response<v1::NotifyResidentResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let draft = decode_notification(&entered, request.into_inner())?;
        let request = Some(bring(&entered, draft).await?);
        Ok(Response::new(v1::NotifyResidentResponse { request }))
    }

    async fn look_up_resident(
        &self,
        request: Request<v1::LookUpResidentRequest>,
    ) -> Result<Response<v1::LookUpResidentResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let draft = decode_look_up(&entered, request.into_inner())?;
        let request = Some(bring(&entered, draft).await?);
        Ok(Response::new(v1::LookUpResidentResponse { request }))
    }

    async fn get_resident_request(
        &self,
        request: Request<v1::GetResidentRequestRequest>,
    ) -> Result<Response<v1::GetResidentRequestResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut fields = Fields::default();
        let record_id: Option<RecordId> =
            fields.required("record_id", &request.get_ref().record_id);
        let record_id = fields.finish(record_id)?;
        let act = |world: Arc<World>, institution| async move {
            world.follow_identity(institution, &record_id).await
        };
        let (found, answer) = entered.see_through(act).await?;
        let request = Some(encode_request(&found, answer));
        Ok(Response::new(v1::GetResidentRequestResponse { request }))
    }

    async fn list_identity_uses(
        &self,
        request: Request<v1::ListIdentityUsesRequest>,
    ) -> Result<Response<v1::ListIdentityUsesResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.into_inner();
        let limit = page_size(message.page_size)?;
        let before = place(&message.page_token)?;
        let (found, next) = entered
            .see_through(move |world, institution| async move {
                let server = world.server(institution)?;
                let found = server.identity_uses(&staff, (before, limit), world.now());
                Ok(found.await?)
            })
            .await?;
        Ok(Response::new(v1::ListIdentityUsesResponse {
            uses: found.into_iter().map(encode_use).collect(),
            next_page_token: next.map(token).unwrap_or_default(),
        }))
    }
}

/// Brings a request to the resident network, and tells how it stands then.
async fn bring(entered: &Entered, draft: ResidentDraft) -> Result<v1::ResidentRequest, Status> {
    let record_id = draft.record_id.clone();
    let act = |world: Arc<World>, institution| async move {
        world.request_identity(institution, draft).await
    };
    entered.see_through(act).await?;
    let stands = entered
        .world
        .identity_request(entered.institution, &record_id);
    let (request, answer) = stands.to_status()?;
    Ok(encode_request(&request, answer))
}

fn decode_notification(
    entered: &Entered,
    message: v1::NotifyResidentRequest,
) -> Result<ResidentDraft, Status> {
    let number = Zeroizing::new(message.individual_number);
    let mut fields = Fields::default();
    let record_id = fields.required("record_id", &message.record_id);
    let by = read_user(entered, &mut fields, message.by.as_ref(), None);
    let reason = reason_of(&mut fields, message.reason);
    let changed_on = fields.day("changed_on", &message.changed_on);
    if message.changed_on.is_empty() {
        fields.flaw("changed_on", "is required", "必須項目です");
    }
    if changed_on.is_some_and(|day| day > jst_date(entered.world.now())) {
        let (en, ja) = ("is in the future", "未来の日付は指定できません");
        fields.flaw("changed_on", en, ja);
    }
    let begins = reason.is_some_and(ChangeReason::begins);
    let number = match number.is_empty() && begins {
        true => None,
        false => fields.required("individual_number", &number),
    };
    let items = match reason.is_some_and(ChangeReason::removes) {
        true => {
            if message.four_items.is_some() {
                let (en, ja) = (
                    "is not given for one who is removed",
                    "消除では指定しません",
                );
                fields.flaw("four_items", en, ja);
            }
            None
        }
        false => read_items(&mut fields, message.four_items.as_ref()),
    };
    let draft = || {
        Some(ResidentDraft {
            record_id: record_id?,
            by: by?,
            number,
            asked: Asked::Notify(Notification {
                reason: reason?,
                changed_on: changed_on?,
                items,
            }),
        })
    };
    let draft = draft();
    fields.finish(draft)
}

fn decode_look_up(
    entered: &Entered,
    message: v1::LookUpResidentRequest,
) -> Result<ResidentDraft, Status> {
    let number = Zeroizing::new(message.individual_number);
    let mut fields = Fields::default();
    let record_id = fields.required("record_id", &message.record_id);
    let purpose = purpose_of(&mut fields, message.purpose);
    let by = read_user(entered, &mut fields, message.by.as_ref(), purpose);
    let number = fields.required("individual_number", &number);
    let draft = || {
        Some(ResidentDraft {
            record_id: record_id?,
            by: by?,
            number: Some(number?),
            asked: match message.history {
                true => Asked::LookUpHistory,
                false => Asked::LookUp,
            },
        })
    };
    let draft = draft();
    fields.finish(draft)
}

fn read_user(
    entered: &Entered,
    fields: &mut Fields,
    by: Option<&v1::IdentityUser>,
    purpose: Option<IdentityPurpose>,
) -> Option<IdentityUser> {
    let Some(by) = by else {
        fields.flaw("by", "is required", "必須項目です");
        return None;
    };
    let unit = fields.required("by.unit_code", &by.unit_code);
    let user = fields.required("by.user_id", &by.user_id);
    let affair = fields.required("by.affair", &by.affair);
    Some(IdentityUser {
        unit: unit?,
        user: user?,
        system: entered.system.clone(),
        affair: affair?,
        purpose,
    })
}
