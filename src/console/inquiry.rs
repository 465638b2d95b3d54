//! 情報照会結果: one inquiry, how each of its exchanges stands, and the answers, masked until they are revealed.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    contents::{self, Shown},
    desk::Desk,
    form::{Entered, entered},
    frame::{Frame, Message},
    inquiries::{business_system_opens, state},
    reply::{page, refused, see, told},
    sent::Sent,
    texts,
};
use crate::{
    domain::{
        inquiry::{Asked, Detail, ExchangeState},
        names::ReceiptNumber,
        refusal::{Refusal, Thing},
        selection::Withheld,
        staff::Act,
        words::Note,
    },
    institution::{Brought, ExchangeView, InquiryProgress, OpenedInquiry, Values},
    world::WorldFault,
};

/// How many exchanges a page shows.
const EXCHANGES_SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "inquiry.html")]
struct InquiryPage {
    frame: Frame,
    receipt: String,
    facts: Vec<(&'static str, String)>,
    exchanges: Vec<Exchange>,
    hidden: usize,
    open: bool,
    shown: bool,
    reveals: bool,
    cancels: bool,
    sealed: bool,
}

struct Exchange {
    serial: String,
    person: String,
    info: String,
    provider: String,
    asked: String,
    result: String,
    message: String,
    refusal: Option<String>,
    sealed: bool,
    items: Vec<Shown>,
    withheld: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Guarded {
    guard: String,
}

pub(super) async fn show(
    desk: Desk,
    Path(receipt): Path<String>,
    Query(values): Query<Entered>,
) -> Response {
    let message = match entered(&values, "done") {
        "submitted" => Some(Message::done("照会を受け付けました。")),
        "before" => Some(Message {
            kind: "warning",
            text:
                "！ この画面からの照会は既に受け付けています。先に受け付けた照会を表示しています。"
                    .to_owned(),
            details: vec!["内容を変えて照会する場合は、新しく入力してください。".to_owned()],
        }),
        "cancelled" => Some(Message::done("照会を取り消しました。")),
        _ => None,
    };
    answer(&desk, &receipt, Values::Masked, (StatusCode::OK, message)).await
}

pub(super) async fn reveal(
    desk: Desk,
    Path(receipt): Path<String>,
    Sent(sent): Sent<Guarded>,
) -> Response {
    match desk.check(&sent.guard) {
        Ok(()) => answer(&desk, &receipt, Values::Shown, (StatusCode::OK, None)).await,
        Err(refusal) => refused(&refusal.into()),
    }
}

pub(super) async fn cancel(
    desk: Desk,
    Path(receipt): Path<String>,
    Sent(sent): Sent<Guarded>,
) -> Response {
    let cancelled = async {
        desk.check(&sent.guard)?;
        let receipt = receipt_of(&receipt)?;
        let by = (desk.institution, desk.staff.clone());
        desk.world.cancel_inquiry_at_terminal(by, receipt).await
    };
    match cancelled.await {
        Ok(()) => see(&format!("/inquiries/{receipt}?done=cancelled")),
        Err(fault) => {
            let (status, message) = told(&fault);
            answer(&desk, &receipt, Values::Masked, (status, Some(message))).await
        }
    }
}

fn receipt_of(text: &str) -> Result<ReceiptNumber, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound(Thing::Inquiry))
}

async fn open(desk: &Desk, receipt: &str, values: Values) -> Result<OpenedInquiry, WorldFault> {
    let receipt = receipt_of(receipt)?;
    desk.see_through(move |world, institution, staff| async move {
        let server = world.server(institution)?;
        let opened = server.open_inquiry(&staff, receipt, values, world.now());
        Ok(opened.await?)
    })
    .await
}

async fn answer(
    desk: &Desk,
    receipt: &str,
    values: Values,
    (status, message): (StatusCode, Option<Message>),
) -> Response {
    let opened = match open(desk, receipt, values).await {
        Ok(opened) => opened,
        Err(fault) => return refused(&fault),
    };
    let message = message.or_else(|| opened.beyond_volume.map(contents::beyond_volume));
    let inquiry = &opened.view.inquiry;
    let may = |act| {
        let authority = desk.staff.authority(act).ok();
        authority.is_some_and(|authority| authority.for_affair(inquiry.affair).is_ok())
    };
    let answered = |brought: &Brought| matches!(brought, Brought::Answer(_));
    let progress = opened.view.progress();
    let facts = facts(&opened, progress);
    let (reveals, cancels) = (may(Act::RevealResult), may(Act::CancelInquiry));
    let open = progress != InquiryProgress::Ended;
    let answered = opened.answers.iter().any(answered);
    let receipt = inquiry.receipt.to_string();
    let count = opened.view.exchanges.len();
    let exchanges = exchanges(desk, opened);
    page(
        status,
        &InquiryPage {
            frame: Frame::of(desk, "/inquiries", "情報照会結果").with(message),
            receipt,
            facts,
            hidden: count - exchanges.len(),
            exchanges,
            open,
            shown: values == Values::Shown,
            reveals: reveals && answered && values == Values::Masked,
            cancels: cancels && open,
            sealed: business_system_opens(desk),
        },
    )
}

fn facts(opened: &OpenedInquiry, progress: InquiryProgress) -> Vec<(&'static str, String)> {
    let inquiry = &opened.view.inquiry;
    let expiry = opened.view.expires_at.map(texts::moment);
    vec![
        ("状態", state(progress).to_owned()),
        ("受付番号", inquiry.receipt.to_string()),
        ("受付日時", texts::moment(inquiry.accepted_at)),
        (
            "事務・手続",
            format!("{} / {}", inquiry.affair, inquiry.procedure),
        ),
        (
            "部署・利用者",
            format!("{} / {}", inquiry.unit, inquiry.user),
        ),
        (
            "結果の保存期限",
            expiry.unwrap_or_else(|| "終了後に決まります".to_owned()),
        ),
    ]
}

fn exchanges(desk: &Desk, opened: OpenedInquiry) -> Vec<Exchange> {
    let inquiry = opened.view.inquiry;
    let asked = inquiry
        .exchanges()
        .map(|(_, detail, asked)| (detail, asked));
    let brought = opened.view.exchanges.iter().zip(opened.answers);
    let all = asked.zip(brought).take(EXCHANGES_SHOWN);
    all.map(|((detail, asked), (exchange, brought))| {
        shown(desk, (detail, asked), exchange, &brought)
    })
    .collect()
}

fn shown(
    desk: &Desk,
    (detail, asked): (&Detail, &Asked),
    exchange: &ExchangeView,
    brought: &Brought,
) -> Exchange {
    let person = detail.addressee.as_str();
    let items = match asked.items.len() {
        0 => "すべての項目".to_owned(),
        count => format!("{count}項目"),
    };
    let condition = texts::condition(asked.condition);
    let (items_brought, withheld) = match brought {
        Brought::Answer(provided) => {
            let withheld = provided.withheld.iter().map(held_back);
            (contents::shown(desk, &provided.answer), withheld.collect())
        }
        Brought::Nothing | Brought::Sealed => (Vec::new(), Vec::new()),
    };
    Exchange {
        serial: exchange.serial.to_string(),
        person: person.to_owned(),
        info: contents::info(desk, asked.specific_info),
        provider: texts::institution(&desk.world, asked.provider),
        asked: format!("{items}、条件: {condition}"),
        result: texts::result(exchange.code),
        message: exchange.message(&format!("団体内統合宛名番号「{person}」"), asked),
        refusal: why_refused(exchange),
        sealed: matches!(brought, Brought::Sealed),
        items: items_brought,
        withheld,
    }
}

/// Why the provider's staff refused, and what it has to say about it.
fn why_refused(exchange: &ExchangeView) -> Option<String> {
    let ExchangeState::Ended { outcome, .. } = &exchange.state else {
        return None;
    };
    let reason = outcome.refusal?.ja();
    let note = exchange.note.as_ref().map(Note::as_str);
    Some(note.map_or_else(|| reason.to_owned(), |note| format!("{reason}「{note}」")))
}

fn held_back(withheld: &Withheld) -> String {
    match withheld {
        Withheld::OutsidePublication { records } => {
            format!("公開期間外の記録が{records}件あります")
        }
        Withheld::Missing { item, reason } => {
            format!("{item}: 値がない記録があります（{}）", reason.ja())
        }
        Withheld::NotStated { item } => format!("{item}: どの記録にもありません"),
    }
}
