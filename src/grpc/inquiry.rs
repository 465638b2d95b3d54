//! SKI, 情報照会.

use std::{collections::BTreeMap, pin::Pin, time::Duration};

use prost::Message as _;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface},
    deciding::refusal_of,
    download,
    fields::{Fields, page, timestamp},
    messages::{answer, result_with, sealed},
    proto::v1::{self, inquiry_service_server::InquiryService},
    status::{ToStatus, status_of},
};
use crate::{
    domain::{
        download::Download,
        inquiry::{Asked, Detail},
        names::ReceiptNumber,
        refusal::{FieldFlaw, Refusal},
        result::DetailStatus,
    },
    institution::{ExchangeView, InquiryProgress, InquiryView},
};

mod draft;

/// The longest that a call waits for an inquiry.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What the details of a message take at most, in bytes: below what clients accept unless told otherwise, 4 MiB.
const DETAILS_BYTES_MAX: usize = 3 << 20;

/// The service of the family SKI.
pub struct Inquiries(pub Surface);

#[tonic::async_trait]
impl InquiryService for Inquiries {
    async fn submit_inquiry(
        &self,
        request: Request<v1::SubmitInquiryRequest>,
    ) -> Result<Response<v1::SubmitInquiryResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut message = request.into_inner();
        entered.speaks_for_itself(&message.inquirer).await?;
        entered.authorised(&message)?;
        let details = message.details.iter_mut().enumerate();
        entered.numbers()?.inward(details.map(|(at, detail)| {
            let field = format!("details[{at}].addressee_number");
            (field, &mut detail.addressee_number)
        }))?;
        let draft = draft::decode(&message)?;
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
        let message = request.get_ref();
        let receipt = receipt(&message.receipt_number)?;
        let view = entered.server()?.fetch_result(receipt).to_status()?;
        let from = details_from(&message.details_token, &view)?;
        Ok(Response::new(v1::GetInquiryResponse {
            inquiry: Some(encode_from(&entered, view, from).await?),
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
            inquiry: Some(encode(&entered, view).await?),
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
        let wanted = match message.state() {
            v1::InquiryState::Unspecified => None,
            v1::InquiryState::InProgress => Some(InquiryProgress::InProgress),
            v1::InquiryState::WaitingForStaff => Some(InquiryProgress::WaitingForStaff),
            v1::InquiryState::Ended => Some(InquiryProgress::Ended),
        };
        let page = page(message.page_size, &message.page_token)?;
        let found = entered.server()?.inquiries(&page, wanted).to_status()?;
        let mut room = Room::of_message();
        let inquiries = found.rows.into_iter();
        let inquiries = inquiries.map(|view| without_answers(&entered, view, &mut room));
        Ok(Response::new(v1::ListInquiriesResponse {
            inquiries: inquiries.collect::<Result<_, _>>()?,
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
            inquiry: Some(encode(&entered, view).await?),
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
            Some(mut changes) if view.progress() == InquiryProgress::InProgress => {
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
        let ended = view.progress() == InquiryProgress::Ended;
        let inquiry = Some(encode(entered, view).await?);
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

/// The first detail that is wanted.
fn details_from(token: &str, view: &InquiryView) -> Result<usize, Status> {
    let of_inquiry = |from: &usize| *from < view.inquiry.details.len();
    match token {
        "" => Ok(0),
        _ => token.parse().ok().filter(of_inquiry).ok_or_else(|| {
            status_of(&Refusal::Malformed(vec![FieldFlaw::new(
                "details_token",
                "must be empty or next_details_token of an answer about the same inquiry",
                "空、又は同じ照会の応答の next_details_token",
            )]))
        }),
    }
}

/// What a message has room for; the first detail always has room.
struct Room {
    bytes: usize,
    is_empty: bool,
}

impl Room {
    fn of_message() -> Self {
        Self {
            bytes: DETAILS_BYTES_MAX,
            is_empty: true,
        }
    }

    fn takes(&mut self, detail: &v1::InquiryDetail) -> bool {
        let bytes = detail.encoded_len();
        let takes = self.is_empty || bytes <= self.bytes;
        if takes {
            self.is_empty = false;
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        takes
    }
}

fn without_answers(
    entered: &Entered,
    mut view: InquiryView,
    room: &mut Room,
) -> Result<v1::Inquiry, Status> {
    for exchange in &mut view.exchanges {
        exchange.leave_answer_out();
    }
    encode_with(entered, view, (0, BTreeMap::new()), room)
}

/// The inquiry with its answers, those that are too big for a message as downloads.
async fn encode(entered: &Entered, view: InquiryView) -> Result<v1::Inquiry, Status> {
    encode_from(entered, view, 0).await
}

/// The same from a detail on.
async fn encode_from(
    entered: &Entered,
    view: InquiryView,
    from: usize,
) -> Result<v1::Inquiry, Status> {
    let now = entered.world.now();
    let offered = entered.server()?.offer_answers(&view, now).await;
    let offered = offered.to_status()?.into_iter().collect();
    encode_with(entered, view, (from, offered), &mut Room::of_message())
}

fn encode_with(
    entered: &Entered,
    mut view: InquiryView,
    (from, mut offered): (usize, BTreeMap<usize, Download>),
    room: &mut Room,
) -> Result<v1::Inquiry, Status> {
    for place in offered.keys() {
        if let Some(exchange) = view.exchanges.get_mut(*place) {
            exchange.leave_answer_out();
        }
    }
    let state = match view.progress() {
        InquiryProgress::InProgress => v1::InquiryState::InProgress,
        InquiryProgress::WaitingForStaff => v1::InquiryState::WaitingForStaff,
        InquiryProgress::Ended => v1::InquiryState::Ended,
    };
    let InquiryView {
        inquiry,
        exchanges,
        expires_at,
    } = view;
    let mut exchanges = exchanges.into_iter().enumerate();
    let mut details = Vec::with_capacity(inquiry.details.len() - from);
    let mut next_details_token = String::new();
    for (number, detail) in inquiry.details.iter().enumerate() {
        let of_detail: Vec<_> = exchanges.by_ref().take(detail.infos.len()).collect();
        if number < from {
            continue;
        }
        let downloads: Vec<_> = of_detail
            .iter()
            .map(|(place, _)| offered.remove(place))
            .collect();
        let of_detail = of_detail.into_iter().map(|(_, exchange)| exchange);
        let mut encoded = encode_detail(entered, detail, of_detail.collect())?;
        for (info, download) in encoded.specific_infos.iter_mut().zip(downloads) {
            if let Some(download) = download {
                let download = download::message(entered, download);
                info.answer = Some(v1::specific_info_result::Answer::Download(download));
            }
        }
        if !room.takes(&encoded) {
            next_details_token = number.to_string();
            break;
        }
        details.push(encoded);
    }
    Ok(v1::Inquiry {
        receipt_number: inquiry.receipt.to_string(),
        state: state.into(),
        accepted_at: Some(timestamp(inquiry.accepted_at)),
        expires_at: expires_at.map(timestamp),
        affair: inquiry.affair.to_string(),
        procedure: inquiry.procedure.to_string(),
        details,
        next_details_token,
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
        addressee_number: entered.numbers()?.outward(detail.addressee)?,
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
    let numbers = entered.numbers()?;
    let called = format!("{}「{}」", numbers.ja(), numbers.outward(detail.addressee)?);
    let message = exchange.message(&called, asked);
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
