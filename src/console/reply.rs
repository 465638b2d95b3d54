//! Pages as answers, and faults as pages.

use askama::Template;
use axum::{
    http::{StatusCode, header::LOCATION},
    response::{Html, IntoResponse, Response},
};

use super::frame::{Frame, Message};
use crate::{
    domain::{
        refusal::{FieldFlaw, Refusal},
        staff::StaffRefusal,
    },
    grpc::refusal_of,
    world::WorldFault,
};

/// A page that only says something.
#[derive(Template)]
#[template(path = "notice.html")]
struct Notice {
    frame: Frame,
    back: &'static str,
}

/// A page as an answer.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(fault) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "a page failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// After a form: another page, fetched anew, so that going back or reloading sends nothing twice.
pub(super) fn see(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path.to_owned())]).into_response()
}

/// What a fault tells the person at the terminal: the refusal, never the inside.
pub(super) fn told(fault: &WorldFault) -> (StatusCode, Message) {
    let Some(refusal) = refusal_of(fault) else {
        tracing::error!(error = fault as &dyn std::error::Error, "an act failed");
        let text = "処理中に障害が発生しました。記録はサーバーのログにあります。";
        let message = Message::error(text, Vec::new());
        return (StatusCode::INTERNAL_SERVER_ERROR, message);
    };
    let status = if is_forbidden(&refusal) {
        StatusCode::FORBIDDEN
    } else if refusal == Refusal::RecordsUnavailable {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    (status, Message::error(&refusal.ja(), details(&refusal)))
}

fn is_forbidden(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::FourEyes | Refusal::Staff(StaffRefusal::NotAuthorised | StaffRefusal::OwnAccount)
    )
}

fn details(refusal: &Refusal) -> Vec<String> {
    if let Refusal::Malformed(flaws) = refusal {
        flaws.iter().map(detail).collect()
    } else {
        Vec::new()
    }
}

fn detail(flaw: &FieldFlaw) -> String {
    flaw.description_ja.clone()
}

/// A fault as a page of its own.
pub(super) fn refused(fault: &WorldFault) -> Response {
    let (status, message) = told(fault);
    let frame = Frame::closed("処理できません").with(Some(message));
    page(status, &Notice { frame, back: "/" })
}

/// A form that is none of ours, or too long.
pub(super) fn unreadable(status: StatusCode) -> Response {
    let text = "送信された内容を読み取れません。項目が足りないか、長すぎます。";
    let frame = Frame::closed("処理できません").with(Some(Message::error(text, Vec::new())));
    page(status, &Notice { frame, back: "/" })
}

/// No page has this path.
pub(super) async fn no_page() -> Response {
    let text = "指定されたページはありません。";
    let frame = Frame::closed("ページがありません").with(Some(Message::error(text, Vec::new())));
    page(StatusCode::NOT_FOUND, &Notice { frame, back: "/" })
}
