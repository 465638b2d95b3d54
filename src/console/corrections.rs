//! 副本の登録・訂正の申請: what is proposed, what it would change, and the superior's decision.

mod changed;

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    contents,
    desk::Desk,
    form::{Entered, entered, note},
    frame::{Frame, Message},
    reply::{page, refused, see, told, unreadable},
    sent::Sent,
    texts,
};
use crate::{
    domain::{
        correction::{Change, Correction, CorrectionRefusal, CorrectionState},
        names::CorrectionNumber,
        refusal::{Refusal, Thing},
        staff::{Act, Actor},
    },
    institution::{ActFault, CorrectionAct, OpenedCorrection, Values},
    store::{Page, StoreFault, Version},
    world::WorldFault,
};

use changed::{Changed, changed, layouts};

/// How many proposals a page shows.
const ROWS: usize = 20;

#[derive(Template)]
#[template(path = "corrections.html")]
struct CorrectionsPage {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    number: String,
    info: String,
    what: &'static str,
    by: String,
    at: String,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "correction.html")]
struct CorrectionPage {
    frame: Frame,
    number: String,
    version: String,
    facts: Vec<(&'static str, String)>,
    changed: bool,
    differing: Vec<Changed>,
    same: usize,
    open: bool,
    shown: bool,
    reveals: bool,
    approves: bool,
    edits: bool,
    withdraws: bool,
}

#[derive(Deserialize)]
pub(super) struct StepForm {
    guard: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    note: String,
}

pub(super) async fn list(desk: Desk, Query(values): Query<Entered>) -> Response {
    let message = match entered(&values, "done") {
        "approved" => Some(Message::done("承認しました。副本に反映されています。")),
        "sent-back" => Some(Message::done("差し戻しました。")),
        "withdrawn" => Some(Message::done("申請を取り下げました。")),
        _ => None,
    };
    let after = Page::after(entered(&values, "after"), ROWS);
    let found = desk.see_through(move |world, institution, staff| async move {
        let server = world.server(institution)?;
        Ok(server.corrections(&staff, &after, world.now()).await?)
    });
    match found.await {
        Ok(found) => page(
            StatusCode::OK,
            &CorrectionsPage {
                frame: Frame::of(&desk, "/corrections", "副本の登録・訂正の申請").with(message),
                rows: found.rows.iter().map(|one| row(&desk, one)).collect(),
                next: found.next_token,
            },
        ),
        Err(WorldFault::Act(ActFault::Store(StoreFault::PageToken))) => {
            unreadable(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(fault) => refused(&fault),
    }
}

pub(super) async fn show(
    desk: Desk,
    Path(number): Path<String>,
    Query(values): Query<Entered>,
) -> Response {
    let message = match entered(&values, "done") {
        "proposed" => Some(Message::done("申請しました。所属長の承認を待っています。")),
        "before" => Some(Message {
            kind: "warning",
            text:
                "！ この画面からの申請は既に受け付けています。先に受け付けた申請を表示しています。"
                    .to_owned(),
            details: vec!["内容を変えて申請する場合は、副本を開き直してください。".to_owned()],
        }),
        _ => None,
    };
    answer(&desk, &number, Values::Masked, (StatusCode::OK, message)).await
}

pub(super) async fn reveal(
    desk: Desk,
    Path(number): Path<String>,
    Sent(sent): Sent<StepForm>,
) -> Response {
    match desk.check(&sent.guard) {
        Ok(()) => answer(&desk, &number, Values::Shown, (StatusCode::OK, None)).await,
        Err(refusal) => refused(&refusal.into()),
    }
}

pub(super) async fn approve(
    desk: Desk,
    Path(number): Path<String>,
    Sent(sent): Sent<StepForm>,
) -> Response {
    let approved = async {
        let step = step(&desk, &number, &sent)?;
        desk.see_through(move |world, institution, _| async move {
            let server = world.server(institution)?;
            Ok(server.approve_correction(step).await?)
        })
        .await
    };
    finish(&desk, &number, approved.await, "approved").await
}

pub(super) async fn send_back(
    desk: Desk,
    Path(number): Path<String>,
    Sent(sent): Sent<StepForm>,
) -> Response {
    let sent_back = async {
        let step = step(&desk, &number, &sent)?;
        let note = note(&sent.note)?;
        desk.see_through(move |world, institution, _| async move {
            let server = world.server(institution)?;
            Ok(server.send_back_correction(step, note).await?)
        })
        .await
    };
    finish(&desk, &number, sent_back.await, "sent-back").await
}

pub(super) async fn withdraw(
    desk: Desk,
    Path(number): Path<String>,
    Sent(sent): Sent<StepForm>,
) -> Response {
    let withdrawn = async {
        let step = step(&desk, &number, &sent)?;
        desk.see_through(move |world, institution, _| async move {
            let server = world.server(institution)?;
            Ok(server.withdraw_correction(step).await?)
        })
        .await
    };
    finish(&desk, &number, withdrawn.await, "withdrawn").await
}

/// After a step: the list; after a refused one: the proposal as it is now, with what went wrong.
async fn finish(
    desk: &Desk,
    number: &str,
    done: Result<(), WorldFault>,
    what: &'static str,
) -> Response {
    let Err(fault) = done else {
        return see(&format!("/corrections?done={what}"));
    };
    let (status, message) = told(&fault);
    match open(desk, number, Values::Masked).await {
        Ok(opened) => sheet(desk, opened, Values::Masked, (status, Some(message))),
        Err(_) => refused(&fault),
    }
}

fn step(desk: &Desk, number: &str, sent: &StepForm) -> Result<CorrectionAct, Refusal> {
    desk.check(&sent.guard)?;
    let version = sent.version.parse();
    let version = version.map_err(|_| CorrectionRefusal::Moved)?;
    Ok(CorrectionAct {
        number: number_of(number)?,
        seen: Version::numbered(version),
        staff: desk.staff.clone(),
        at: desk.world.now(),
    })
}

fn number_of(text: &str) -> Result<CorrectionNumber, Refusal> {
    text.parse()
        .map_err(|_| Refusal::NotFound(Thing::Correction))
}

async fn open(desk: &Desk, number: &str, values: Values) -> Result<OpenedCorrection, WorldFault> {
    let number = number_of(number)?;
    desk.see_through(move |world, institution, staff| async move {
        let server = world.server(institution)?;
        let opened = server.open_correction(&staff, (number, values), world.now());
        Ok(opened.await?)
    })
    .await
}

async fn answer(
    desk: &Desk,
    number: &str,
    values: Values,
    (status, message): (StatusCode, Option<Message>),
) -> Response {
    match open(desk, number, values).await {
        Ok(opened) => sheet(desk, opened, values, (status, message)),
        Err(fault) => refused(&fault),
    }
}

fn sheet(
    desk: &Desk,
    opened: OpenedCorrection,
    values: Values,
    (status, message): (StatusCode, Option<Message>),
) -> Response {
    let message = message.or_else(|| opened.beyond_volume.map(contents::beyond_volume));
    let correction = &opened.correction;
    let may = |act| {
        let authority = desk.staff.authority(act).ok();
        authority.is_some_and(|authority| authority.for_all_affairs().is_ok())
    };
    let proposed = matches!(correction.state, CorrectionState::Proposed { .. });
    let back = matches!(correction.state, CorrectionState::SentBack { .. });
    let versions = layouts(desk, correction);
    let (differing, same) = match opened.difference {
        Some(difference) => {
            let rows = difference.differing.iter();
            let rows = rows.map(|differing| changed(differing, versions));
            (rows.collect(), difference.same)
        }
        None => (Vec::new(), 0),
    };
    page(
        status,
        &CorrectionPage {
            frame: Frame::of(desk, "/corrections", "申請の内容").with(message),
            number: correction.number.to_string(),
            version: opened.version.number().to_string(),
            facts: facts(desk, correction),
            changed: (proposed || back) && !opened.fits,
            open: correction.state.proposed().is_some(),
            reveals: values == Values::Masked && may(Act::RevealReplica) && !differing.is_empty(),
            differing,
            same,
            shown: values == Values::Shown,
            approves: proposed && may(Act::ApproveCorrection),
            edits: back && may(Act::ProposeCorrection),
            withdraws: (proposed || back) && may(Act::ProposeCorrection),
        },
    )
}

fn row(desk: &Desk, correction: &Correction) -> Row {
    let (state, by, at) = standing(&correction.state);
    Row {
        number: correction.number.to_string(),
        info: contents::info(desk, correction.replica.specific_info),
        what: what(correction),
        by: by.map_or_else(|| "―".to_owned(), |by| by.account.to_string()),
        at: texts::moment(at),
        state,
    }
}

fn what(correction: &Correction) -> &'static str {
    match correction.state.proposed().map(|proposed| &proposed.change) {
        Some(Change::Register(_)) => "登録・訂正",
        Some(Change::Delete) => "削除",
        None => "―",
    }
}

/// How a proposal stands, who brought it there, and when.
fn standing(state: &CorrectionState) -> (&'static str, Option<&Actor>, jiff::Timestamp) {
    match state {
        CorrectionState::Proposed { proposed } => ("… 承認待ち", Some(&proposed.by), proposed.at),
        CorrectionState::SentBack { returned, .. } => {
            ("↩ 差し戻し", returned.by.as_ref(), returned.at)
        }
        CorrectionState::Approved { by, at, .. } => ("◐ 反映中", Some(by), *at),
        CorrectionState::Made {
            approved_by, at, ..
        } => ("✔ 反映済", Some(approved_by), *at),
        CorrectionState::Withdrawn { by, at } => ("✖ 取下げ", Some(by), *at),
    }
}

fn facts(desk: &Desk, correction: &Correction) -> Vec<(&'static str, String)> {
    let replica = &correction.replica;
    let (state, _, at) = standing(&correction.state);
    let actor = |actor: &Actor| format!("{}（{}）", actor.account, actor.person);
    let mut facts = vec![
        ("状態", state.to_owned()),
        ("申請番号", correction.number.to_string()),
        ("日時", texts::moment(at)),
        ("内容", what(correction).to_owned()),
        ("特定個人情報", contents::info(desk, replica.specific_info)),
        ("団体内統合宛名番号", replica.addressee.as_str().to_owned()),
        ("レコードキー", replica.record_key.to_string()),
    ];
    if let Some(proposed) = correction.state.proposed() {
        facts.push(("申請者", actor(&proposed.by)));
        facts.push(("理由", proposed.reason.as_str().to_owned()));
    }
    match &correction.state {
        CorrectionState::SentBack { returned, .. } => facts.push((
            "差し戻し",
            match (&returned.by, &returned.note) {
                (Some(by), Some(note)) => format!("{}: {}", by.account, note.as_str()),
                (Some(by), None) => format!("{}: 理由の記載なし", by.account),
                (None, _) => "申請の後に副本が変更されました".to_owned(),
            },
        )),
        CorrectionState::Made {
            proposed_by,
            approved_by,
            ..
        } => {
            facts.push(("申請者", actor(proposed_by)));
            facts.push(("承認者", actor(approved_by)));
        }
        CorrectionState::Withdrawn { by, .. } => facts.push(("取り下げた職員", actor(by))),
        CorrectionState::Proposed { .. } | CorrectionState::Approved { .. } => {}
    }
    facts
}
