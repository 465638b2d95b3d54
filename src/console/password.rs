//! パスワード変更.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    desk::Desk,
    frame::{Frame, Message},
    reply::{page, told},
    sent::Sent,
};
use crate::domain::refusal::Refusal;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    rules: String,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    guard: String,
    present: Zeroizing<String>,
    new: Zeroizing<String>,
}

pub(super) async fn show(desk: Desk) -> Response {
    let due = desk.staff.password_is_due();
    let message = due.then(|| Message {
        kind: "warning",
        text: "！ 他の操作の前に、パスワードを変更してください。".to_owned(),
        details: Vec::new(),
    });
    form(&desk, StatusCode::OK, message)
}

fn form(desk: &Desk, status: StatusCode, message: Option<Message>) -> Response {
    let frame = Frame::of(desk, "/password", "パスワード変更").with(message);
    let rules = rules(desk);
    page(status, &PasswordPage { frame, rules })
}

/// What a password must be, for the person who thinks of one.
pub(super) fn rules(desk: &Desk) -> String {
    let min = desk
        .server()
        .map(|server| server.staff_rules().password.characters_min);
    let min = min.unwrap_or_default();
    format!(
        "{min}文字以上。アカウント名・職員番号を含むもの、現在のものに似たもの、以前に使ったものは使えません。"
    )
}

pub(super) async fn submit(desk: Desk, Sent(sent): Sent<PasswordForm>) -> Response {
    if let Err(refusal) = desk.check(&sent.guard) {
        let (status, message) = told(&Refusal::into(refusal));
        return form(&desk, status, Some(message));
    }
    let token = desk.token.clone();
    let changed = desk
        .see_through(|world, institution, staff| async move {
            let server = world.server(institution)?;
            let PasswordForm { present, new, .. } = sent;
            let changed = server.change_password((&staff, &token), present, new, world.now());
            Ok(changed.await?)
        })
        .await;
    match changed {
        Ok(()) => {
            let message = Message::done("パスワードを変更しました。");
            form(&desk, StatusCode::OK, Some(message))
        }
        Err(fault) => {
            let (status, message) = told(&fault);
            form(&desk, status, Some(message))
        }
    }
}
