//! TKY over gRPC: shows the provider the requests that it received, and sets the flags that hold them.

use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::{Fields, page, timestamp},
    messages::{condition, result},
    proto::v1::{self, provision_service_server::ProvisionService},
    status::ToStatus,
};
use crate::domain::provision::{HoldReason, NoAutoReply, Provision, ProvisionState};

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

fn encode(provision: Provision) -> v1::Provision {
    let hold_reason = hold_reason(&provision.state);
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
    }
}

fn hold_reason(state: &ProvisionState) -> v1::HoldReason {
    match state {
        ProvisionState::Received | ProvisionState::Ended { .. } => v1::HoldReason::Unspecified,
        ProvisionState::Held { why, .. } => match why {
            HoldReason::Person => v1::HoldReason::Person,
            HoldReason::SpecificInfo => v1::HoldReason::SpecificInfo,
            HoldReason::PersonAndSpecificInfo => v1::HoldReason::PersonAndSpecificInfo,
        },
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
