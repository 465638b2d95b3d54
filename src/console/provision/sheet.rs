//! What the page of a held request shows.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::REASONS;
use crate::{
    console::{
        contents::{self, Shown},
        desk::Desk,
        frame::{Frame, Message},
        queue::state,
        reply::{page, refused},
        texts,
    },
    domain::{
        deciding::{Proposal, SendBackCause},
        provision::{HoldReason, Provision, ProvisionState},
        record::PlacedRecord,
        staff::Act,
        words::Note,
    },
    institution::{Content, Detail},
    world::WorldFault,
};

#[derive(Template)]
#[template(path = "provision.html")]
struct ProvisionPage {
    frame: Frame,
    serial: String,
    version: String,
    digest: String,
    warnings: Vec<&'static str>,
    facts: Vec<Fact>,
    nothing: Option<&'static str>,
    items: Vec<Shown>,
    shown: bool,
    reveals: bool,
    checks: bool,
    approves: bool,
    dealings: Vec<Dealing>,
    proposal: String,
    reasons: Vec<Choice>,
}

/// An earlier exchange of the same inquirer about the same person.
struct Dealing {
    serial: String,
    at: String,
    info: String,
    procedure: String,
    result: String,
    opens: bool,
}

struct Fact {
    name: &'static str,
    text: String,
}

struct Choice {
    value: &'static str,
    text: &'static str,
}

/// The page of a request, or what keeps it from being shown. `shown` says whether its values are.
pub(super) fn answer(
    desk: &Desk,
    status: StatusCode,
    detail: Result<(Detail, bool), WorldFault>,
    message: Option<Message>,
) -> Response {
    let (detail, shown) = match detail {
        Ok(detail) => detail,
        Err(fault) => return refused(&fault),
    };
    let message = message.or_else(|| detail.beyond_volume.map(contents::beyond_volume));
    let provision = &detail.queued.provision;
    let may = |act| {
        let authority = desk.staff.authority(act).ok();
        authority.is_some_and(|authority| authority.for_affair(provision.subject.affair).is_ok())
    };
    let checked = matches!(provision.state, ProvisionState::Checked { .. });
    let (nothing, items) = match &detail.content {
        Content::NoData(code) => (Some(code.message_ja()), Vec::new()),
        Content::Answer(provided) => {
            let items = contents::shown(desk, &provided.answer);
            (None, items)
        }
    };
    page(
        status,
        &ProvisionPage {
            frame: Frame::of(desk, "/queue", "内容確認・承認").with(message),
            serial: provision.subject.serial.to_string(),
            version: detail.queued.version.number().to_string(),
            digest: detail.digest.to_string(),
            warnings: warnings(&detail),
            facts: facts(desk, &detail),
            nothing,
            items,
            shown,
            reveals: may(Act::RevealContent),
            checks: !checked && may(Act::CheckProvision),
            dealings: dealings(desk, &detail),
            approves: checked && may(Act::ApproveProvision),
            proposal: proposal_text(provision),
            reasons: REASONS
                .iter()
                .map(|(value, reason)| Choice {
                    value,
                    text: reason.ja(),
                })
                .collect(),
        },
    )
}

fn dealings(desk: &Desk, detail: &Detail) -> Vec<Dealing> {
    let reads = desk.staff.authority(Act::ReadRecord).ok();
    let one = |placed: &PlacedRecord| {
        let subject = &placed.record.subject;
        Dealing {
            serial: subject.serial.to_string(),
            at: texts::moment(placed.recorded_at),
            info: contents::info(desk, subject.specific_info),
            procedure: format!("{} / {}", subject.affair, subject.procedure),
            result: texts::result(placed.record.outcome.code),
            opens: reads.is_some_and(|reads| reads.for_affair(subject.affair).is_ok()),
        }
    };
    detail.ended.iter().map(one).collect()
}

/// The flag on the person and the nondisclosure are two things: each is said by itself.
fn warnings(detail: &Detail) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    match detail.queued.hold.why {
        HoldReason::Person | HoldReason::PersonAndSpecificInfo => warnings.push(
            "対象者に自動応答不可フラグが付いています。支援措置（DV等）の対象者でないか確かめてください。",
        ),
        HoldReason::SpecificInfo => {}
    }
    if detail.queued.provision.subject.nondisclosure {
        warnings.push("照会者が不開示を指定しています。この提供の記録は本人に開示されません。");
    }
    if detail.permission.is_none() {
        warnings.push("現在の照会許可照合リストには、この照会を許可する行がありません。");
    }
    warnings
}

fn facts(desk: &Desk, detail: &Detail) -> Vec<Fact> {
    let provision = &detail.queued.provision;
    let subject = &provision.subject;
    let fact = |name, text: String| Fact { name, text };
    let person = provision.addressee.map(|person| person.as_str().to_owned());
    let basis = detail.permission.as_ref();
    let basis = basis.map(|row| format!("{}（{}）", row.legal_basis(), row.row()));
    let mut facts = vec![
        fact("状態", state(provision).to_owned()),
        fact("処理通番", subject.serial.to_string()),
        fact("照会者", texts::institution(&desk.world, subject.inquirer)),
        fact("照会日時", texts::moment(subject.requested_at)),
        fact("受付日時", texts::moment(provision.received_at)),
        fact(
            "事務・手続",
            format!("{} / {}", subject.affair, subject.procedure),
        ),
        fact("特定個人情報", contents::info(desk, subject.specific_info)),
        fact("条件", texts::condition(subject.condition)),
        fact(
            "団体内統合宛名番号",
            person.unwrap_or_else(|| "―".to_owned()),
        ),
        fact("法的根拠（現在）", basis.unwrap_or_else(|| "―".to_owned())),
        fact("情報提供許可証", provision.permit_id.to_string()),
        fact("受付時の根拠行", provision.permission_row.clone()),
        fact("保留の理由", detail.queued.hold.why.ja().to_owned()),
        fact(
            "同じ照会者・対象者の他の保留",
            format!("{}件", detail.earlier.len()),
        ),
    ];
    match &provision.state {
        ProvisionState::Checked { check, .. } => facts.push(fact(
            "確認",
            format!(
                "{}（{}） {}",
                check.by.account,
                check.by.person,
                texts::moment(check.at)
            ),
        )),
        ProvisionState::SentBack { back, .. } => {
            facts.push(fact("差し戻し", sent_back(&back.cause)))
        }
        ProvisionState::Received
        | ProvisionState::Answered { .. }
        | ProvisionState::Held { .. }
        | ProvisionState::Decided { .. }
        | ProvisionState::Ended { .. } => {}
    }
    facts
}

fn sent_back(cause: &SendBackCause) -> String {
    match cause {
        SendBackCause::Superior { by, note } => {
            let note = note.as_ref().map_or("理由の記載なし", Note::as_str);
            format!("{}: {note}", by.account)
        }
        SendBackCause::CorrectionFirst { by } => {
            format!("{}: 副本の訂正が先です", by.account)
        }
        SendBackCause::ContentChanged => "確認の後に提供内容が変わりました".to_owned(),
    }
}

fn proposal_text(provision: &Provision) -> String {
    let ProvisionState::Checked { check, .. } = &provision.state else {
        return String::new();
    };
    match &check.proposal {
        Proposal::Provide => "担当者の提案: 提供する".to_owned(),
        Proposal::CorrectFirst => "担当者の提案: 副本を訂正してから改めて確認する".to_owned(),
        Proposal::Refuse(grounds) => {
            let note = grounds
                .note
                .as_ref()
                .map(|note| format!("「{}」", note.as_str()));
            let note = note.unwrap_or_default();
            format!("担当者の提案: 提供しない（{}）{note}", grounds.reason.ja())
        }
    }
}
