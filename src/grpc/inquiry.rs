//! SKI, 情報照会.

use std::{pin::Pin, time::Duration};

use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface},
    deciding::refusal_of,
    fields::{Fields, page, timestamp},
    messages::{answer, result_with, sealed},
    proto::v1::{self, inquiry_service_server::InquiryService},
    status::{ToStatus, status_of},
};
use crate::{
    domain::{
        exchange::Side,
        inquiry::{
            Asked, DETAILS_MAX, Detail, ExchangeState, INFOS_PER_DETAIL_MAX, ITEMS_PER_INFO_MAX,
        },
        names::ReceiptNumber,
        refusal::{FieldFlaw, Refusal},
        result::{DetailStatus, ResultCode},
    },
    institution::{AskedDraft, DetailDraft, ExchangeView, InquiryDraft, InquiryView},
};

/// The longest that a call waits for an inquiry.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The service of the family SKI.
pub struct Inquiries(pub Surface);

#[tonic::async_trait]
impl InquiryService for Inquiries {
    async fn submit_inquiry(
        &self,
        request: Request<v1::SubmitInquiryRequest>,
    ) -> Result<Response<v1::SubmitInquiryResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        entered.speaks_for_itself(&message.inquirer).await?;
        let draft = decode(&message)?;
        let accepted = entered
            .world
            .submit_inquiry(entered.institution, draft)
            .await;
        let inquiry = accepted.to_status()?;
        Ok(Response::new(v1::SubmitInquiryResponse {
            receipt_number: inquiry.receipt.to_string(),
            accepted_at: Some(timestamp(inquiry.accepted_at)),
        }))
    }

    async fn get_inquiry(
        &self,
        request: Request<v1::GetInquiryRequest>,
    ) -> Result<Response<v1::GetInquiryResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let receipt = receipt(&request.get_ref().receipt_number)?;
        let view = entered.server()?.fetch_result(receipt).to_status()?;
        Ok(Response::new(v1::GetInquiryResponse {
            inquiry: Some(encode(&entered, view)?),
        }))
    }

    async fn wait_inquiry(
        &self,
        request: Request<v1::WaitInquiryRequest>,
    ) -> Result<Response<v1::WaitInquiryResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let receipt = receipt(&message.receipt_number)?;
        let wait = wait(message.timeout)?;
        let stopping = self.0.stopping();
        let view = tokio::select! {
            view = until_settled(&entered, receipt) => view?,
            () = tokio::time::sleep(wait) => entered.server()?.fetch_result(receipt).to_status()?,
            () = stopping.cancelled() => entered.server()?.fetch_result(receipt).to_status()?,
        };
        Ok(Response::new(v1::WaitInquiryResponse {
            inquiry: Some(encode(&entered, view)?),
        }))
    }

    type WatchInquiryStream =
        Pin<Box<dyn Stream<Item = Result<v1::WatchInquiryResponse, Status>> + Send>>;

    async fn watch_inquiry(
        &self,
        request: Request<v1::WatchInquiryRequest>,
    ) -> Result<Response<Self::WatchInquiryStream>, Status> {
        let entered = self.0.enter(&request)?;
        let receipt = receipt(&request.get_ref().receipt_number)?;
        entered.server()?.fetch_result(receipt).to_status()?;
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let stopping = self.0.stopping();
        tokio::spawn(async move {
            let watching = watch(&entered, receipt, &sender);
            let watched = stopping.run_until_cancelled(watching).await;
            if let Some(Err(status)) = watched {
                // The watcher has gone when this cannot be sent, and nobody else wants to know.
                drop(sender.send(Err(status)).await);
            }
        });
        let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
        Ok(Response::new(Box::pin(stream)))
    }

    async fn list_inquiries(
        &self,
        request: Request<v1::ListInquiriesRequest>,
    ) -> Result<Response<v1::ListInquiriesResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        fields.known::<v1::InquiryState>("state", message.state);
        fields.finish(Some(()))?;
        let wanted = message.state();
        let page = page(message.page_size, &message.page_token)?;
        let found = entered.server()?.inquiries(page).to_status()?;
        let mut inquiries = Vec::new();
        for view in found.rows {
            let inquiry = without_answers(&entered, view)?;
            if wanted == v1::InquiryState::Unspecified || inquiry.state() == wanted {
                inquiries.push(inquiry);
            }
        }
        Ok(Response::new(v1::ListInquiriesResponse {
            inquiries,
            next_page_token: found.next_token.unwrap_or_default(),
        }))
    }

    async fn cancel_inquiry(
        &self,
        request: Request<v1::CancelInquiryRequest>,
    ) -> Result<Response<v1::CancelInquiryResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let receipt = receipt(&request.get_ref().receipt_number)?;
        let cancelled = entered
            .world
            .cancel_inquiry(entered.institution, receipt)
            .await;
        let view = cancelled.to_status()?;
        Ok(Response::new(v1::CancelInquiryResponse {
            inquiry: Some(encode(&entered, view)?),
        }))
    }
}

/// Comes back when nothing of the inquiry moves by itself any more.
async fn until_settled(entered: &Entered, receipt: ReceiptNumber) -> Result<InquiryView, Status> {
    let server = entered.server()?;
    loop {
        let changes = server.changes(receipt);
        let view = server.fetch_result(receipt).to_status()?;
        match changes {
            Some(mut changes) if !view.is_settled() => {
                // An error means that the inquiry has ended: the next look tells.
                drop(changes.changed().await);
            }
            _ => return Ok(view),
        }
    }
}

type Watchers = tokio::sync::mpsc::Sender<Result<v1::WatchInquiryResponse, Status>>;

async fn watch(entered: &Entered, receipt: ReceiptNumber, sender: &Watchers) -> Result<(), Status> {
    let server = entered.server()?;
    loop {
        let changes = server.changes(receipt);
        let view = server.fetch_result(receipt).to_status()?;
        let ended = view.has_ended();
        let inquiry = Some(encode(entered, view)?);
        let gone = sender.send(Ok(v1::WatchInquiryResponse { inquiry })).await;
        let Some(mut changes) = changes.filter(|_| !ended && gone.is_ok()) else {
            return Ok(());
        };
        tokio::select! {
            changed = changes.changed() => drop(changed),
            () = sender.closed() => return Ok(()),
        }
    }
}

fn receipt(text: &str) -> Result<ReceiptNumber, Status> {
    let mut fields = Fields::default();
    let receipt = fields.required("receipt_number", text);
    fields.finish(receipt)
}

fn wait(timeout: Option<prost_types::Duration>) -> Result<Duration, Status> {
    match timeout.map(Duration::try_from) {
        None => Ok(WAIT_MAX),
        Some(Ok(wait)) if wait <= WAIT_MAX => Ok(wait),
        Some(_) => Err(status_of(&Refusal::Malformed(vec![FieldFlaw::new(
            "timeout",
            format!("must be 0 to {} s", WAIT_MAX.as_secs()),
            format!("0秒から{}秒まで", WAIT_MAX.as_secs()),
        )]))),
    }
}

fn decode(message: &v1::SubmitInquiryRequest) -> Result<InquiryDraft, Status> {
    let mut fields = Fields::default();
    let requested_at = fields.time("requested_at", message.requested_at);
    if message.requested_at.is_none() {
        fields.flaw("requested_at", "is required", "必須項目です");
    }
    let unit = fields.required("unit_code", &message.unit_code);
    let user = fields.required("user_id", &message.user_id);
    let affair = fields.required("affair", &message.affair);
    let procedure = fields.required("procedure", &message.procedure);
    let delegator = fields.optional("delegator", &message.delegator);
    let key = &message.sealing_public_key;
    let sealing_key = (!key.is_empty())
        .then(|| fields.public_key("sealing_public_key", key))
        .flatten();
    fields.counted("details", message.details.len(), DETAILS_MAX);
    let details = if message.details.len() <= DETAILS_MAX {
        decode_details(&mut fields, &message.details)
    } else {
        Vec::new()
    };
    let draft = || {
        Some(InquiryDraft {
            requested_at: requested_at?,
            unit: unit?,
            user: user?,
            affair: affair?,
            procedure: procedure?,
            delegator,
            sealing_key,
            details,
        })
    };
    let draft = draft();
    fields.finish(draft)
}

fn decode_details(fields: &mut Fields, messages: &[v1::InquiryDetailRequest]) -> Vec<DetailDraft> {
    let mut details = Vec::with_capacity(messages.len());
    for (d, message) in messages.iter().enumerate() {
        let at = format!("details[{d}]");
        let record_id = fields.required(&format!("{at}.record_id"), &message.record_id);
        let number = &message.addressee_number;
        let addressee = fields.required(&format!("{at}.addressee_number"), number);
        let infos = &message.specific_infos;
        let field = format!("{at}.specific_infos");
        fields.counted(&field, infos.len(), INFOS_PER_DETAIL_MAX);
        let asked = infos.iter().take(INFOS_PER_DETAIL_MAX).enumerate();
        let asked: Vec<_> = asked
            .filter_map(|(i, info)| decode_asked(fields, &format!("{field}[{i}]"), info))
            .collect();
        if let (Some(record_id), Some(addressee)) = (record_id, addressee) {
            details.push(DetailDraft {
                record_id,
                addressee,
                nondisclosure: message.nondisclosure,
                infos: asked,
            });
        }
    }
    details
}

fn decode_asked(
    fields: &mut Fields,
    at: &str,
    message: &v1::SpecificInfoRequest,
) -> Option<AskedDraft> {
    let provider = fields.required(&format!("{at}.provider"), &message.provider);
    let field = format!("{at}.provider_delegator");
    let provider_delegator = fields.optional(&field, &message.provider_delegator);
    let specific_info = fields.required(&format!("{at}.specific_info"), &message.specific_info);
    if message.items.len() > ITEMS_PER_INFO_MAX {
        fields.counted(
            &format!("{at}.items"),
            message.items.len(),
            ITEMS_PER_INFO_MAX,
        );
        return None;
    }
    let items = message.items.iter().enumerate();
    let items = items
        .filter_map(|(k, item)| fields.required(&format!("{at}.items[{k}]"), item))
        .collect();
    let condition = fields.condition(&format!("{at}.condition"), message.condition.as_ref());
    Some(AskedDraft {
        provider: provider?,
        provider_delegator,
        specific_info: specific_info?,
        items,
        condition,
    })
}

fn without_answers(entered: &Entered, view: InquiryView) -> Result<v1::Inquiry, Status> {
    let mut inquiry = encode(entered, view)?;
    for detail in &mut inquiry.details {
        for info in &mut detail.specific_infos {
            info.answer = None;
        }
    }
    Ok(inquiry)
}

fn encode(entered: &Entered, view: InquiryView) -> Result<v1::Inquiry, Status> {
    let state = if view.has_ended() {
        v1::InquiryState::Ended
    } else if view.is_settled() {
        v1::InquiryState::WaitingForStaff
    } else {
        v1::InquiryState::InProgress
    };
    let InquiryView {
        inquiry,
        exchanges,
        expires_at,
    } = view;
    let mut exchanges = exchanges.into_iter();
    let mut details = Vec::with_capacity(inquiry.details.len());
    for detail in &inquiry.details {
        let of_detail: Vec<_> = exchanges.by_ref().take(detail.infos.len()).collect();
        details.push(encode_detail(entered, detail, of_detail)?);
    }
    Ok(v1::Inquiry {
        receipt_number: inquiry.receipt.to_string(),
        state: state.into(),
        accepted_at: Some(timestamp(inquiry.accepted_at)),
        expires_at: expires_at.map(timestamp),
        affair: inquiry.affair.to_string(),
        procedure: inquiry.procedure.to_string(),
        details,
    })
}

fn encode_detail(
    entered: &Entered,
    detail: &Detail,
    exchanges: Vec<ExchangeView>,
) -> Result<v1::InquiryDetail, Status> {
    let status = DetailStatus::of(exchanges.iter().map(|exchange| exchange.code));
    let mut specific_infos = Vec::with_capacity(exchanges.len());
    for (exchange, asked) in exchanges.into_iter().zip(&detail.infos) {
        specific_infos.push(encode_exchange(entered, (detail, asked), exchange)?);
    }
    Ok(v1::InquiryDetail {
        record_id: detail.record_id.to_string(),
        addressee_number: detail.addressee.as_str().to_owned(),
        status_code: status.status_code().to_owned(),
        message: status.message_ja().to_owned(),
        specific_infos,
    })
}

fn encode_exchange(
    entered: &Entered,
    (detail, asked): (&Detail, &Asked),
    exchange: ExchangeView,
) -> Result<v1::SpecificInfoResult, Status> {
    let message = message(detail, asked, &exchange);
    let refusal = refusal_of(&exchange);
    let sealed_answer = exchange.state.into_answer();
    let server = entered.server()?;
    let answer = sealed_answer.map(|sealed_answer| match server.open_answer(&sealed_answer) {
        Some(provided) => v1::specific_info_result::Answer::Plain(answer(provided)),
        None => v1::specific_info_result::Answer::Sealed(sealed(sealed_answer)),
    });
    Ok(v1::SpecificInfoResult {
        processing_serial: exchange.serial.to_string(),
        provider: asked.provider.to_string(),
        specific_info: asked.specific_info.to_string(),
        result: Some(result_with(exchange.code, message)),
        answer,
        refusal,
    })
}

/// The text of a result. Two of them are known to users with the particulars in them.
fn message(detail: &Detail, asked: &Asked, exchange: &ExchangeView) -> String {
    let at_inquirer = match &exchange.state {
        ExchangeState::Ended { outcome, .. } => outcome.decided_by == Side::Inquirer,
        ExchangeState::Accepted | ExchangeState::Waiting { .. } => false,
    };
    match exchange.code {
        ResultCode::SymbolMissing if at_inquirer => format!(
            "指定された団体内統合宛名番号「{}」は符号が未取得です。",
            detail.addressee.as_str()
        ),
        ResultCode::NotPermitted => format!(
            "指定された特定個人情報名「{}」の照会は許可されていません。",
            asked.specific_info
        ),
        other => other.message_ja().to_owned(),
    }
}
