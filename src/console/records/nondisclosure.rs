//! 不開示: sets or clears the mark of a record, after a page that says what it does.

use askama::Template;
use axum::{extract::Path, http::StatusCode, response::Response};
use serde::Deserialize;

use super::comparison::{answer, compared, own, serial_of};
use crate::{
    console::{
        desk::Desk,
        frame::Frame,
        reply::{page, refused, see, told},
        sent::Sent,
        texts,
    },
    domain::{
        refusal::{Refusal, Thing},
        staff::Act,
    },
    world::WorldFault,
};

#[derive(Template)]
#[template(path = "nondisclosure.html")]
struct ConfirmPage {
    frame: Frame,
    serial: String,
    now: &'static str,
    sets: bool,
}

#[derive(Deserialize)]
pub(in crate::console) struct MarkForm {
    guard: String,
    mark: String,
}

pub(in crate::console) async fn confirm(desk: Desk, Path(serial): Path<String>) -> Response {
    let on = Some(serial.clone());
    if let Err(fault) = desk.may(Act::MarkNondisclosure, on).await {
        return refused(&fault);
    }
    let found = match compared(&desk, &serial).await {
        Ok(found) => found,
        Err(fault) => return refused(&fault),
    };
    let Some(own) = own(&desk, &found) else {
        return refused(&Refusal::NotFound(Thing::ProvisionRecord).into());
    };
    let title = if own.nondisclosure {
        "不開示の解除"
    } else {
        "不開示の設定"
    };
    page(
        StatusCode::OK,
        &ConfirmPage {
            frame: Frame::of(&desk, "/records", title),
            serial: found.serial.to_string(),
            now: texts::mark(own.nondisclosure),
            sets: !own.nondisclosure,
        },
    )
}

pub(in crate::console) async fn mark(
    desk: Desk,
    Path(serial): Path<String>,
    Sent(sent): Sent<MarkForm>,
) -> Response {
    match set(&desk, &serial, &sent).await {
        Ok(done) => see(&format!("/records/{serial}?done={done}")),
        Err(fault) => {
            let (status, message) = told(&fault);
            match compared(&desk, &serial).await {
                Ok(found) => answer(&desk, status, &found, Some(message)),
                Err(_) => refused(&fault),
            }
        }
    }
}

async fn set(desk: &Desk, serial: &str, sent: &MarkForm) -> Result<&'static str, WorldFault> {
    desk.check(&sent.guard)?;
    let serial = serial_of(serial)?;
    let (mark, done) = match sent.mark.as_str() {
        "set" => (true, "set"),
        "clear" => (false, "cleared"),
        _ => return Err(Refusal::MarkMoved.into()),
    };
    desk.see_through(move |world, institution, staff| async move {
        let server = world.server(institution)?;
        let marked = server.set_nondisclosure_at_terminal(&staff, serial, mark, world.now());
        marked.await?;
        Ok(done)
    })
    .await
}
