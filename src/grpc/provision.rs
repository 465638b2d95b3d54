//! TKY over gRPC: shows the provider the requests that it received, sets the flags that hold them, and lets its staff
//! decide what is held.

use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface, session_token},
    deciding::{
        QueueStream, decode_check, decode_grounds, decode_step, encode_queue, open, watch_queue,
    },
    fields::{Fields, page, timestamp},
    messages::{condition, result},
    proto::v1::{self, provision_service_server::ProvisionService},
    status::ToStatus,
};
use crate::{
    domain::{
        names::ProcessingSerial,
        provision::{HoldReason, NoAutoReply, Provision, ProvisionState},
    },
    institution::Values,
};

/// The service of the family TKY.
pub struct Provisions(pub Surface);

#[tonic::async_trait]
impl ProvisionService for Provisions {
    async fn get_provision(
        &self,
        request: Request<v1::GetProvisionRequest>,
    ) -> Result<Response<v1::GetProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        entered.numbers()?.only_addressee()?;
        let mut fields = Fields::default();
        let serial = &request.get_ref().processing_serial;
        let serial = fields.required("processing_serial", serial);
        let serial = fields.finish(serial)?;
        let provision = entered.server()?.provision(serial).to_status()?;
        Ok(Response::new(v1::GetProvisionResponse {
            provision: Some(encode(provision)),
        }))
    }

    async fn list_provisions(
        &self,
        request: Request<v1::ListProvisionsRequest>,
    ) -> Result<Response<v1::ListProvisionsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        entered.numbers()?.only_addressee()?;
        let message = request.into_inner();
        let page = page(message.page_size, &message.page_token)?;
        let server = entered.server()?;
        let found = if message.waiting_only {
            server.waiting_provisions(page)
        } else {
            server.provisions(page)
        };
        let found = found.to_status()?;
        Ok(Response::new(v1::ListProvisionsResponse {
            provisions: found.rows.into_iter().map(encode).collect(),
            next_page_token: found.next_token.unwrap_or_default(),
        }))
    }

    async fn set_no_auto_reply(
        &self,
        request: Request<v1::SetNoAutoReplyRequest>,
    ) -> Result<Response<v1::SetNoAutoReplyResponse>, Status> {
        let entered = self.0.enter(&request)?;
        entered.numbers()?.only_addressee()?;
        let flag = decode_flag(request.into_inner().flag)?;
        entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.set_no_auto_reply(flag, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::SetNoAutoReplyResponse {}))
    }

    async fn clear_no_auto_reply(
        &self,
        request: Request<v1::ClearNoAutoReplyRequest>,
    ) -> Result<Response<v1::ClearNoAutoReplyResponse>, Status> {
        let entered = self.0.enter(&request)?;
        entered.numbers()?.only_addressee()?;
        let flag = decode_flag(request.into_inner().flag)?;
        entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.clear_no_auto_reply(flag, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::ClearNoAutoReplyResponse {}))
    }

    async fn list_no_auto_reply(
        &self,
        request: Request<v1::ListNoAutoReplyRequest>,
    ) -> Result<Response<v1::ListNoAutoReplyResponse>, Status> {
        let entered = self.0.enter(&request)?;
        entered.numbers()?.only_addressee()?;
        let message = request.into_inner();
        let page = page(message.page_size, &message.page_token)?;
        let found = entered.server()?.no_auto_reply(page).to_status()?;
        Ok(Response::new(v1::ListNoAutoReplyResponse {
            flags: found.rows.into_iter().map(encode_flag).collect(),
            next_page_token: found.next_token.unwrap_or_default(),
        }))
    }

    async fn get_provision_queue(
        &self,
        request: Request<v1::GetProvisionQueueRequest>,
    ) -> Result<Response<v1::GetProvisionQueueResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.into_inner();
        let page = page(message.page_size, &message.page_token)?;
        let server = entered.server()?;
        let now = entered.world.now();
        server.see_queue(&staff, now).await.to_status()?;
        let queue = server.queue(&staff, page).to_status()?;
        Ok(Response::new(v1::GetProvisionQueueResponse {
            next_page_token: queue.next_token.clone().unwrap_or_default(),
            queue: Some(encode_queue(queue, entered.world.now())),
        }))
    }

    type WatchProvisionQueueStream = QueueStream;

    async fn watch_provision_queue(
        &self,
        request: Request<v1::WatchProvisionQueueRequest>,
    ) -> Result<Response<QueueStream>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let now = entered.world.now();
        let seen = entered.server()?.see_queue(&staff, now).await;
        seen.to_status()?;
        let (session, stopping) = (session_token(&request), self.0.stopping());
        Ok(Response::new(watch_queue(entered, session, stopping)))
    }

    async fn open_provision(
        &self,
        request: Request<v1::OpenProvisionRequest>,
    ) -> Result<Response<v1::OpenProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let by = (entered.staff(&request)?, Values::Masked);
        let serial = &request.get_ref().processing_serial;
        let detail = open(&entered, serial, by).await?;
        Ok(Response::new(v1::OpenProvisionResponse {
            detail: Some(detail),
        }))
    }

    async fn reveal_provision(
        &self,
        request: Request<v1::RevealProvisionRequest>,
    ) -> Result<Response<v1::RevealProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let by = (entered.staff(&request)?, Values::Shown);
        let serial = &request.get_ref().processing_serial;
        let detail = open(&entered, serial, by).await?;
        Ok(Response::new(v1::RevealProvisionResponse {
            detail: Some(detail),
        }))
    }

    async fn check_provision(
        &self,
        request: Request<v1::CheckProvisionRequest>,
    ) -> Result<Response<v1::CheckProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let (step, proposed) = decode_check(request.get_ref(), (&entered, staff))?;
        let serial = step.serial;
        entered
            .see_through(move |world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.check_provision(step, proposed).await?)
            })
            .await?;
        Ok(Response::new(v1::CheckProvisionResponse {
            provision: Some(after(&entered, serial)?),
        }))
    }

    async fn approve_provision(
        &self,
        request: Request<v1::ApproveProvisionRequest>,
    ) -> Result<Response<v1::ApproveProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let names = (&*message.processing_serial, &*message.version);
        let step = decode_step(&mut fields, names, (&entered, staff));
        let step = fields.finish(step)?;
        let serial = step.serial;
        let approved = entered.world.approve_provision(entered.institution, step);
        approved.await.to_status()?;
        Ok(Response::new(v1::ApproveProvisionResponse {
            provision: Some(after(&entered, serial)?),
        }))
    }

    async fn refuse_provision(
        &self,
        request: Request<v1::RefuseProvisionRequest>,
    ) -> Result<Response<v1::RefuseProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let names = (&*message.processing_serial, &*message.version);
        let step = decode_step(&mut fields, names, (&entered, staff));
        let grounds = decode_grounds(&mut fields, message.refusal.as_ref());
        let (step, grounds) = fields.finish(step.zip(grounds))?;
        let serial = step.serial;
        let world = &entered.world;
        let refused = world.refuse_provision(entered.institution, step, grounds);
        refused.await.to_status()?;
        Ok(Response::new(v1::RefuseProvisionResponse {
            provision: Some(after(&entered, serial)?),
        }))
    }

    async fn send_back_provision(
        &self,
        request: Request<v1::SendBackProvisionRequest>,
    ) -> Result<Response<v1::SendBackProvisionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let names = (&*message.processing_serial, &*message.version);
        let step = decode_step(&mut fields, names, (&entered, staff));
        let note = fields.optional("note", &message.note);
        let step = fields.finish(step)?;
        let serial = step.serial;
        entered
            .see_through(move |world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.send_back_provision(step, note).await?)
            })
            .await?;
        Ok(Response::new(v1::SendBackProvisionResponse {
            provision: Some(after(&entered, serial)?),
        }))
    }
}

/// The request as it stands after a step.
fn after(entered: &Entered, serial: ProcessingSerial) -> Result<v1::Provision, Status> {
    let provision = entered.server()?.provision(serial).to_status()?;
    Ok(encode(provision))
}

fn decode_flag(message: Option<v1::NoAutoReply>) -> Result<NoAutoReply, Status> {
    let message = message.unwrap_or_default();
    let mut fields = Fields::default();
    let person = fields.optional("flag.addressee_number", &message.addressee_number);
    let info = fields.optional("flag.specific_info", &message.specific_info);
    let flag = match (person, info) {
        (Some(person), Some(info)) => Some(NoAutoReply::Both(person, info)),
        (Some(person), None) => Some(NoAutoReply::Person(person)),
        (None, Some(info)) => Some(NoAutoReply::SpecificInfo(info)),
        (None, None) => None,
    };
    if message.addressee_number.is_empty() && message.specific_info.is_empty() {
        let en = "must name a person, a specific information, or both";
        let ja = "団体内統合宛名番号と特定個人情報名コードの少なくとも一方を指定してください";
        fields.flaw("flag", en, ja);
    }
    fields.finish(flag)
}

fn encode_flag(flag: NoAutoReply) -> v1::NoAutoReply {
    let (person, info) = match flag {
        NoAutoReply::Person(person) => (Some(person), None),
        NoAutoReply::SpecificInfo(info) => (None, Some(info)),
        NoAutoReply::Both(person, info) => (Some(person), Some(info)),
    };
    let person = person.map(|person| person.as_str().to_owned());
    let info = info.map(|info| info.to_string());
    v1::NoAutoReply {
        addressee_number: person.unwrap_or_default(),
        specific_info: info.unwrap_or_default(),
    }
}

pub(super) fn encode(provision: Provision) -> v1::Provision {
    let hold_reason = hold_reason(&provision.state);
    let state = state(&provision.state);
    let subject = provision.subject;
    let addressee = provision.addressee;
    let addressee = addressee.map(|person| person.as_str().to_owned());
    v1::Provision {
        processing_serial: subject.serial.to_string(),
        inquirer: subject.inquirer.to_string(),
        affair: subject.affair.to_string(),
        procedure: subject.procedure.to_string(),
        specific_info: subject.specific_info.to_string(),
        items: subject.items.iter().map(ToString::to_string).collect(),
        condition: condition(subject.condition),
        addressee_number: addressee.unwrap_or_default(),
        received_at: Some(timestamp(provision.received_at)),
        result: Some(result(provision.state.code())),
        hold_reason: hold_reason.into(),
        state: state.into(),
    }
}

fn hold_reason(state: &ProvisionState) -> v1::HoldReason {
    match state.waiting().map(|hold| hold.why) {
        None => v1::HoldReason::Unspecified,
        Some(HoldReason::Person) => v1::HoldReason::Person,
        Some(HoldReason::SpecificInfo) => v1::HoldReason::SpecificInfo,
        Some(HoldReason::PersonAndSpecificInfo) => v1::HoldReason::PersonAndSpecificInfo,
    }
}

fn state(state: &ProvisionState) -> v1::ProvisionState {
    match state {
        ProvisionState::Received => v1::ProvisionState::Unspecified,
        ProvisionState::Held { .. } => v1::ProvisionState::Held,
        ProvisionState::Checked { .. } => v1::ProvisionState::Checked,
        ProvisionState::SentBack { .. } => v1::ProvisionState::SentBack,
        ProvisionState::Answered { .. } | ProvisionState::Decided { .. } => {
            v1::ProvisionState::Decided
        }
        ProvisionState::Ended { .. } => v1::ProvisionState::Ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: &str = "000000000000001";
    const INFO: &str = "TM00000000000002";

    fn message(person: &str, info: &str) -> v1::NoAutoReply {
        v1::NoAutoReply {
            addressee_number: person.to_owned(),
            specific_info: info.to_owned(),
        }
    }

    #[test]
    fn a_flag_that_names_nothing_is_refused() {
        for empty in [None, Some(message("", ""))] {
            let refused = decode_flag(empty).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        }
    }

    #[test]
    fn a_malformed_half_is_never_dropped_from_a_flag() {
        assert!(decode_flag(Some(message(PERSON, "TM"))).is_err());
        assert!(decode_flag(Some(message("1", INFO))).is_err());
    }

    #[test]
    fn a_flag_is_shown_as_it_was_set() {
        for (person, info) in [(PERSON, ""), ("", INFO), (PERSON, INFO)] {
            let sent = message(person, info);
            let flag = decode_flag(Some(sent.clone())).unwrap();
            assert_eq!(encode_flag(flag), sent);
        }
    }
}
