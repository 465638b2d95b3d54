//! ホーム.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{
    desk::Desk,
    frame::Frame,
    reply::{page, refused, see},
    texts,
};
use crate::domain::staff::Act;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    institution: String,
    code: String,
    name: String,
    person: String,
    roles: String,
    now: String,
    notices: Vec<Notice>,
    acts: Vec<&'static str>,
}

struct Notice {
    period: String,
    text: String,
}

pub(super) async fn show(desk: Desk) -> Response {
    if desk.staff.password_is_due() {
        return see("/password");
    }
    let server = match desk.server() {
        Ok(server) => server,
        Err(refusal) => return refused(&refusal.into()),
    };
    let account = desk.staff.account();
    let now = desk.world.now();
    let notices = desk.world.operation_notices().into_iter();
    let notices = notices
        .filter(|notice| !notice.is_past(now))
        .map(|notice| Notice {
            period: format!(
                "{}から{}",
                texts::moment(notice.from),
                notice.until.map(texts::moment).unwrap_or_default()
            ),
            text: notice.text.into(),
        });
    let acts = Act::ALL.into_iter();
    let acts = acts.filter(|act| desk.staff.authority(*act).is_ok());
    page(
        StatusCode::OK,
        &Home {
            frame: Frame::of(&desk, "/", "ホーム"),
            institution: server.profile().name.clone(),
            code: desk.institution.to_string(),
            name: account.display_name.to_string(),
            person: account.person.to_string(),
            roles: texts::roles(account),
            now: texts::moment(now),
            notices: notices.collect(),
            acts: acts.map(Act::ja).collect(),
        },
    )
}
