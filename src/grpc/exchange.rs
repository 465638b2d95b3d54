//! `ExchangeService`: how an exchange went, and single steps of it by hand.

use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::{Fields, timestamp},
    proto::sim::v1::{self, exchange_service_server::ExchangeService},
    status::{ToStatus, status_of},
};
use crate::{
    domain::{names::ProcessingSerial, permit::SignedPermit, refusal::Refusal},
    world::{PermitByHand, PermitDraft, Step},
};

/// Exchanges seen from inside the network.
pub struct Exchanges(pub Surface);

#[tonic::async_trait]
impl ExchangeService for Exchanges {
    async fn get_journal(
        &self,
        request: Request<v1::GetJournalRequest>,
    ) -> Result<Response<v1::GetJournalResponse>, Status> {
        let visit = self.0.visit(&request)?;
        let mut fields = Fields::default();
        let serial = fields.required("processing_serial", &request.get_ref().processing_serial);
        let serial: ProcessingSerial = fields.finish(serial)?;
        let steps = visit.world.journal(serial).to_status()?;
        if let Some(caller) = visit.institution {
            let provided = steps.iter().any(|step| step.actor == caller.as_str());
            if caller != serial.inquirer && !provided {
                return Err(status_of(&Refusal::CallerNotEntitled));
            }
        }
        Ok(Response::new(v1::GetJournalResponse {
            steps: steps.into_iter().map(encode_step).collect(),
        }))
    }

    async fn issue_permit(
        &self,
        request: Request<v1::IssuePermitRequest>,
    ) -> Result<Response<v1::IssuePermitResponse>, Status> {
        let entered = self.0.enter(&request)?;
        entered.numbers()?.only_addressee()?;
        let draft = decode_draft(request.get_ref())?;
        let issued = entered.world.issue_permit(entered.institution, &draft);
        let issued = issued.to_status()?;
        Ok(Response::new(v1::IssuePermitResponse {
            order: Some(v1::ProvisionOrder {
                permit: issued.permit.terms,
                signature: issued.permit.signature,
                sealing_public_key: issued.sealing_key.to_vec(),
                provider: issued.provider.to_string(),
            }),
        }))
    }

    async fn present_permit(
        &self,
        request: Request<v1::PresentPermitRequest>,
    ) -> Result<Response<v1::PresentPermitResponse>, Status> {
        let visit = self.0.visit(&request)?;
        let presented = decode_order(request.into_inner().order.unwrap_or_default())?;
        let code = visit.world.present_permit(presented).await.to_status()?;
        Ok(Response::new(v1::PresentPermitResponse {
            status_code: code.status_code().to_owned(),
            message: code.message_ja().to_owned(),
        }))
    }
}

fn decode_draft(message: &v1::IssuePermitRequest) -> Result<PermitDraft, Status> {
    let mut fields = Fields::default();
    let addressee = fields.required("addressee_number", &message.addressee_number);
    let affair = fields.required("affair", &message.affair);
    let procedure = fields.required("procedure", &message.procedure);
    let provider = fields.required("provider", &message.provider);
    let specific_info = fields.required("specific_info", &message.specific_info);
    let draft = || {
        Some(PermitDraft {
            addressee: addressee?,
            affair: affair?,
            procedure: procedure?,
            provider: provider?,
            specific_info: specific_info?,
        })
    };
    fields.finish(draft())
}

fn decode_order(order: v1::ProvisionOrder) -> Result<PermitByHand, Status> {
    let mut fields = Fields::default();
    let sealing_key = <[u8; 32]>::try_from(order.sealing_public_key).ok();
    if sealing_key.is_none() {
        let en = "is not an X25519 public key of 32 bytes";
        let ja = "32バイトのX25519公開鍵ではありません";
        fields.flaw("order.sealing_public_key", en, ja);
    }
    let provider = fields.required("order.provider", &order.provider);
    let presented = sealing_key
        .zip(provider)
        .map(|(sealing_key, provider)| PermitByHand {
            permit: SignedPermit {
                terms: order.permit,
                signature: order.signature,
            },
            sealing_key,
            provider,
        });
    fields.finish(presented)
}

fn encode_step(step: Step) -> v1::JournalStep {
    v1::JournalStep {
        at: Some(timestamp(step.at)),
        took: prost_types::Duration::try_from(step.took).ok(),
        actor: step.actor,
        act: step.act.to_owned(),
        rule: step.rule,
        outcome: step.outcome,
    }
}
