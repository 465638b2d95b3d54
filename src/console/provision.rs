//! 内容確認・承認: one held request, and the steps that the role of who looks allows.

mod sheet;

use axum::{extract::Path, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    desk::Desk,
    form::note,
    reply::{refused, see, told},
    sent::Sent,
};
use crate::{
    domain::{
        deciding::{ContentDigest, Grounds, Proposal, RefusalReason},
        names::ProcessingSerial,
        refusal::{FieldFlaw, Refusal, Thing},
    },
    institution::{Detail, Step, Values},
    store::Version,
    world::WorldFault,
};

use sheet::answer;

/// The reasons of a refusal with their names in the form.
const REASONS: [(&str, RefusalReason); 5] = [
    ("basis_unclear", RefusalReason::BasisUnclear),
    ("person_uncertain", RefusalReason::PersonUncertain),
    ("under_correction", RefusalReason::UnderCorrection),
    ("not_appropriate", RefusalReason::NotAppropriate),
    ("other", RefusalReason::Other),
];

#[derive(Deserialize)]
pub(super) struct Guarded {
    guard: String,
}

#[derive(Deserialize)]
pub(super) struct CheckForm {
    guard: String,
    version: String,
    content: String,
    proposal: String,
    reason: String,
    note: String,
}

#[derive(Deserialize)]
pub(super) struct StepForm {
    guard: String,
    version: String,
    #[serde(default)]
    note: String,
}

pub(super) async fn show(desk: Desk, Path(serial): Path<String>) -> Response {
    let detail = open(&desk, &serial, Values::Masked).await;
    answer(&desk, StatusCode::OK, detail, None)
}

pub(super) async fn reveal(
    desk: Desk,
    Path(serial): Path<String>,
    Sent(sent): Sent<Guarded>,
) -> Response {
    if let Err(refusal) = desk.check(&sent.guard) {
        return refused(&refusal.into());
    }
    let detail = open(&desk, &serial, Values::Shown).await;
    answer(
        &desk,
        StatusCode::OK,
        detail.map(|(detail, _)| (detail, true)),
        None,
    )
}

pub(super) async fn check(
    desk: Desk,
    Path(serial): Path<String>,
    Sent(sent): Sent<CheckForm>,
) -> Response {
    let checked = async {
        desk.check(&sent.guard)?;
        let step = step(&desk, &serial, &sent.version)?;
        let proposed = (proposal(&sent)?, content(&sent.content)?);
        desk.see_through(|world, institution, _| async move {
            let server = world.server(institution)?;
            Ok(server.check_provision(step, proposed).await?)
        })
        .await
    };
    finish(&desk, &serial, checked.await, "checked").await
}

pub(super) async fn approve(
    desk: Desk,
    Path(serial): Path<String>,
    Sent(sent): Sent<StepForm>,
) -> Response {
    let approved = async {
        desk.check(&sent.guard)?;
        let step = step(&desk, &serial, &sent.version)?;
        desk.world.approve_provision(desk.institution, step).await
    };
    finish(&desk, &serial, approved.await, "approved").await
}

pub(super) async fn send_back(
    desk: Desk,
    Path(serial): Path<String>,
    Sent(sent): Sent<StepForm>,
) -> Response {
    let sent_back = async {
        desk.check(&sent.guard)?;
        let step = step(&desk, &serial, &sent.version)?;
        let note = note(&sent.note)?;
        desk.see_through(|world, institution, _| async move {
            let server = world.server(institution)?;
            Ok(server.send_back_provision(step, note).await?)
        })
        .await
    };
    finish(&desk, &serial, sent_back.await, "sent-back").await
}

/// After a step: the queue; after a refused one: the request as it is now, with what went wrong.
async fn finish(
    desk: &Desk,
    serial: &str,
    done: Result<(), WorldFault>,
    what: &'static str,
) -> Response {
    let Err(fault) = done else {
        return see(&format!("/queue?done={what}"));
    };
    let (status, message) = told(&fault);
    let detail = open(desk, serial, Values::Masked).await;
    match detail {
        Ok(detail) => answer(desk, status, Ok(detail), Some(message)),
        // The request has ended meanwhile: what went wrong says so.
        Err(_) => refused(&fault),
    }
}

async fn open(desk: &Desk, serial: &str, values: Values) -> Result<(Detail, bool), WorldFault> {
    let serial = serial_of(serial)?;
    let detail = desk
        .see_through(move |world, institution, staff| async move {
            let server = world.server(institution)?;
            let opened = server.open_provision(serial, staff, values, world.now());
            Ok(opened.await?)
        })
        .await?;
    Ok((detail, false))
}

fn serial_of(text: &str) -> Result<ProcessingSerial, Refusal> {
    text.parse()
        .map_err(|_| Refusal::NotFound(Thing::Provision))
}

fn step(desk: &Desk, serial: &str, version: &str) -> Result<Step, Refusal> {
    Ok(Step {
        serial: serial_of(serial)?,
        seen: Version::numbered(version.parse().map_err(|_| Refusal::ProvisionMoved)?),
        staff: desk.staff.clone(),
        at: desk.world.now(),
    })
}

fn content(text: &str) -> Result<ContentDigest, Refusal> {
    text.parse().map_err(|_| Refusal::ProvisionMoved)
}

fn proposal(sent: &CheckForm) -> Result<Proposal, Refusal> {
    let flaw = |field: &str, ja: &str| {
        Refusal::Malformed(vec![FieldFlaw::new(field, "is not one of the choices", ja)])
    };
    match sent.proposal.as_str() {
        "provide" => Ok(Proposal::Provide),
        "correct" => Ok(Proposal::CorrectFirst),
        "refuse" => {
            let reason = REASONS.iter().find(|(name, _)| *name == sent.reason);
            let (_, reason) = reason.ok_or_else(|| flaw("reason", "理由を選んでください"))?;
            Ok(Proposal::Refuse(Grounds {
                reason: *reason,
                note: note(&sent.note)?,
            }))
        }
        _ => Err(flaw("proposal", "提案を選んでください")),
    }
}
