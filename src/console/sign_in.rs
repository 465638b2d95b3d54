//! ログイン・ログアウト.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    desk::{Desk, Door, begin_session, end_session},
    frame::{Frame, Message},
    reply::{page, refused, see, told},
    sent::Sent,
};
use crate::{
    domain::{codes::InstitutionCode, names::AccountName, staff::StaffRefusal},
    institution::SignedIn,
    world::{World, WorldFault},
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    institutions: Vec<Choice>,
    chosen: String,
}

struct Choice {
    code: String,
    name: String,
}

#[derive(Deserialize)]
pub(super) struct SignInForm {
    institution: String,
    account: String,
    password: Zeroizing<String>,
}

#[derive(Deserialize)]
pub(super) struct Guarded {
    guard: String,
}

pub(super) async fn show(door: Door) -> Response {
    form(&door.world, StatusCode::OK, String::new(), None)
}

fn form(world: &World, status: StatusCode, chosen: String, message: Option<Message>) -> Response {
    let institutions = world.directory().iter();
    let institutions = institutions.filter(|institution| institution.resolves_to.is_none());
    page(
        status,
        &SignInPage {
            frame: Frame::closed("ログイン").with(message),
            institutions: institutions
                .map(|institution| Choice {
                    code: institution.code.to_string(),
                    name: institution.name.clone(),
                })
                .collect(),
            chosen,
        },
    )
}

pub(super) async fn submit(door: Door, Sent(sent): Sent<SignInForm>) -> Response {
    match open(&door, &sent).await {
        Ok((institution, opened)) => {
            let cookie = begin_session(door.carrier, institution, &opened.token);
            let next = if opened.staff.password_is_due() {
                "/password"
            } else {
                "/"
            };
            (cookie, see(next)).into_response()
        }
        Err(fault) => {
            let (_, message) = told(&fault);
            form(
                &door.world,
                StatusCode::UNAUTHORIZED,
                sent.institution,
                Some(message),
            )
        }
    }
}

async fn open(door: &Door, sent: &SignInForm) -> Result<(InstitutionCode, SignedIn), WorldFault> {
    let refused = || WorldFault::from(crate::domain::refusal::Refusal::from(StaffRefusal::SignIn));
    let institution: InstitutionCode = sent.institution.parse().map_err(|_| refused())?;
    let name: AccountName = sent.account.parse().map_err(|_| refused())?;
    let (world, origin) = (door.world.clone(), door.origin.clone());
    let password = sent.password.clone();
    let opened = door
        .world
        .see_through(async move {
            let server = world.server(institution)?;
            let opened = server.sign_in(&name, password, &origin, world.now());
            Ok(opened.await?)
        })
        .await?;
    Ok((institution, opened))
}

pub(super) async fn end(desk: Desk, Sent(sent): Sent<Guarded>) -> Response {
    if let Err(refusal) = desk.check(&sent.guard) {
        return refused(&refusal.into());
    }
    let token = desk.token.clone();
    let ended = desk
        .see_through(|world, institution, staff| async move {
            let server = world.server(institution)?;
            Ok(server.sign_out(&staff, &token, world.now()).await?)
        })
        .await;
    match ended {
        Ok(()) => (end_session(desk.carrier), see("/login")).into_response(),
        Err(fault) => refused(&fault),
    }
}
