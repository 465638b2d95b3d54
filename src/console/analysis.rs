//! 操作記録の分析: what an auditor should look at, and that they have.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    desk::Desk,
    frame::{Frame, Message},
    reply::{page, refused, see, told},
    sent::Sent,
    texts,
};
use crate::{
    domain::{
        analysis::{AnalysisRules, Finding, FindingKind},
        refusal::{FieldFlaw, Refusal},
        words::Note,
    },
    institution::Analysis,
    world::WorldFault,
};

/// How many days back the page looks.
const DAYS: u32 = 30;

#[derive(Template)]
#[template(path = "analysis.html")]
struct AnalysisPage {
    frame: Frame,
    days: u32,
    rules: String,
    warnings: Vec<&'static str>,
    open: usize,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    kind: &'static str,
    day: String,
    account: String,
    count: String,
    review: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ReviewForm {
    guard: String,
    name: String,
    note: String,
}

pub(super) async fn show(desk: Desk) -> Response {
    match analyze(&desk).await {
        Ok(found) => answer(&desk, StatusCode::OK, found, None),
        Err(fault) => refused(&fault),
    }
}

async fn analyze(desk: &Desk) -> Result<Analysis, WorldFault> {
    desk.see_through(|world, institution, staff| async move {
        let server = world.server(institution)?;
        let found = server.analyze_operations(&staff, DAYS, world.now());
        Ok(found.await?)
    })
    .await
}

pub(super) async fn review(desk: Desk, Sent(sent): Sent<ReviewForm>) -> Response {
    let reviewed = async {
        desk.check(&sent.guard)?;
        let note = note(&sent.note)?;
        desk.see_through(|world, institution, staff| async move {
            let server = world.server(institution)?;
            let when = (DAYS, world.now());
            let reviewed = server.review_finding(&staff, (&sent.name, note), when);
            Ok(reviewed.await?)
        })
        .await
    };
    let fault = match reviewed.await {
        Ok(_) => return see("/analysis"),
        Err(fault) => fault,
    };
    let (status, message) = told(&fault);
    match analyze(&desk).await {
        Ok(found) => answer(&desk, status, found, Some(message)),
        Err(_) => refused(&fault),
    }
}

fn note(text: &str) -> Result<Option<Note>, Refusal> {
    let text = text.trim();
    let note = (!text.is_empty()).then(|| text.parse()).transpose();
    note.map_err(|flaw| Refusal::Malformed(vec![FieldFlaw::malformed("note", &flaw)]))
}

fn answer(desk: &Desk, status: StatusCode, found: Analysis, message: Option<Message>) -> Response {
    let rules = match desk.server() {
        Ok(server) => rules(&server.staff_rules().analysis),
        Err(refusal) => return refused(&refusal.into()),
    };
    let mut warnings = Vec::new();
    if !found.complete {
        warnings.push("！ 記録が多いため、古い記録は分析していません。");
    }
    if !found.holidays_known {
        warnings.push("！ 今年の祝日のデータがないため、祝日のログインは判定していません。");
    }
    let open = found
        .findings
        .iter()
        .filter(|finding| finding.review.is_none());
    page(
        status,
        &AnalysisPage {
            frame: Frame::of(desk, "/analysis", "操作記録の分析").with(message),
            days: DAYS,
            rules,
            warnings,
            open: open.count(),
            rows: found.findings.into_iter().map(row).collect(),
        },
    )
}

fn rules(rules: &AnalysisRules) -> String {
    let AnalysisRules {
        opens,
        closes,
        failures_min,
        unused_days,
        volume_max,
    } = rules;
    format!(
        "{opens}時から{closes}時までの外のログイン、休日のログイン、1日{failures_min}回以上のログインの失敗、{unused_days}日以上使われていないアカウント、1日{volume_max}件を超える表示・出力"
    )
}

fn row(finding: Finding) -> Row {
    let unit = match finding.kind {
        FindingKind::Unused => "日",
        FindingKind::Volume => "件",
        FindingKind::OutsideHours | FindingKind::DayOff | FindingKind::Failures => "回",
    };
    Row {
        name: finding.to_string(),
        kind: finding.kind.ja(),
        day: texts::day(finding.day),
        count: format!("{}{unit}", finding.count),
        review: finding.review.map(|review| {
            let note = review.note.map(String::from).unwrap_or_default();
            format!("✔ {} {} {note}", texts::moment(review.at), review.by)
        }),
        account: finding
            .account
            .map_or_else(|| "（存在しないアカウント名）".to_owned(), String::from),
    }
}
