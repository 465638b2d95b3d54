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
    acts: Vec<&'static str>,
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
            now: texts::moment(desk.world.now()),
            acts: acts.map(Act::ja).collect(),
        },
    )
}
