//! 情報照会: the institution's inquiries and how they stand.

use askama::Template;
use axum::{extract::Query, http::StatusCode, response::Response};

use super::{
    desk::Desk,
    form::{Choice, Entered, Field, Form, entered},
    frame::{Frame, Message},
    reply::{page, refused, unreadable},
    texts,
};
use crate::{
    domain::{institution::KeyHolding, staff::Act},
    institution::{ActFault, InquiryProgress, InquiryView},
    store::{Page, StoreFault},
    world::WorldFault,
};

/// How many inquiries a page shows.
const ROWS: usize = 20;

/// How far an inquiry has come, as the address names it.
const PROGRESSES: [(&str, InquiryProgress); 3] = [
    ("in_progress", InquiryProgress::InProgress),
    ("waiting", InquiryProgress::WaitingForStaff),
    ("ended", InquiryProgress::Ended),
];

#[derive(Template)]
#[template(path = "inquiries.html")]
struct InquiriesPage {
    frame: Frame,
    form: Form,
    rows: Vec<Row>,
    next: Option<String>,
    submits: bool,
    sealed: bool,
}

struct Row {
    receipt: String,
    at: String,
    user: String,
    procedure: String,
    people: usize,
    state: &'static str,
}

pub(super) async fn show(desk: Desk, Query(values): Query<Entered>) -> Response {
    let choices = PROGRESSES.map(|(name, progress)| Choice::new(name, state(progress)));
    let choices = [vec![Choice::new("", "すべて")], choices.to_vec()].concat();
    let mut form = Form::filled(vec![Field::one_of("state", "状態", choices)], &values);
    let wanted = form.chosen("state", &PROGRESSES);
    if !form.is_sound() {
        return match desk.begin(Act::ListInquiries, None).await {
            Ok(()) => answer(&desk, form, Vec::new(), None),
            Err(fault) => refused(&fault),
        };
    }
    let after = Page::after(entered(&values, "after"), ROWS);
    let found = desk
        .see_through(move |world, institution, staff| async move {
            let server = world.server(institution)?;
            let found = server.inquiries_at_terminal(&staff, (&after, wanted), world.now());
            Ok(found.await?)
        })
        .await;
    match found {
        Ok(found) => {
            let rows = found.rows.iter().map(row).collect();
            let state = form.value("state");
            let next = found.next_token;
            let next = next.map(|token| format!("/inquiries?state={state}&after={token}"));
            answer(&desk, form, rows, next)
        }
        Err(WorldFault::Act(ActFault::Store(StoreFault::PageToken))) => {
            unreadable(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(fault) => refused(&fault),
    }
}

fn answer(desk: &Desk, form: Form, rows: Vec<Row>, next: Option<String>) -> Response {
    let (status, message) = if form.is_sound() {
        (StatusCode::OK, None)
    } else {
        let message = Message::error("条件に誤りがあります。", Vec::new());
        (StatusCode::UNPROCESSABLE_ENTITY, Some(message))
    };
    page(
        status,
        &InquiriesPage {
            frame: Frame::of(desk, "/inquiries", "情報照会").with(message),
            form,
            rows,
            next,
            submits: desk.staff.authority(Act::SubmitInquiry).is_ok(),
            sealed: business_system_opens(desk),
        },
    )
}

/// Whether the answers to this institution can only be opened by its business system.
pub(super) fn business_system_opens(desk: &Desk) -> bool {
    let holding = desk.server().map(|server| server.profile().key_holding);
    holding.is_ok_and(|holding| holding == KeyHolding::BusinessSystem)
}

/// How far an inquiry has come, by sign and word.
pub(super) fn state(progress: InquiryProgress) -> &'static str {
    match progress {
        InquiryProgress::InProgress => "… 処理中",
        InquiryProgress::WaitingForStaff => "◐ 情報提供機関の職員の確認待ち",
        InquiryProgress::Ended => "● 終了",
    }
}

fn row(view: &InquiryView) -> Row {
    let inquiry = &view.inquiry;
    Row {
        receipt: inquiry.receipt.to_string(),
        at: texts::moment(inquiry.accepted_at),
        user: inquiry.user.to_string(),
        procedure: format!("{} / {}", inquiry.affair, inquiry.procedure),
        people: inquiry.details.len(),
        state: state(view.progress()),
    }
}
