//! 要対応一覧: the requests that wait for the staff.

use askama::Template;
use axum::{
    extract::Query,
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
    response::{IntoResponse as _, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{
    desk::{Desk, Onlooker},
    frame::{Frame, Message},
    reply::{page, refused},
    texts,
};
use crate::{
    domain::{
        provision::{Provision, ProvisionState},
        staff::Act,
    },
    institution::{Queue, Queued},
    store::Page,
    world::{World, WorldFault},
};

/// How many requests a page shows.
const ROWS: usize = 200;

/// Where the page's own script may come from and ask: nowhere else does the terminal allow one.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage {
    frame: Frame,
    counts: String,
    opens: bool,
    rows: Vec<Row>,
}

/// The part of the page that changes by itself.
#[derive(Template)]
#[template(path = "queue_rows.html")]
struct QueueRows {
    counts: String,
    opens: bool,
    rows: Vec<Row>,
}

struct Row {
    serial: String,
    since: String,
    age: String,
    due: String,
    inquirer: String,
    info: String,
    affair: String,
    why: &'static str,
    state: &'static str,
    opened: String,
}

/// What was just done, in the address, so that the page can be loaded anew.
#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn show(desk: Desk, Query(asked): Query<Done>) -> Response {
    let queue = match queue(&desk).await {
        Ok(queue) => queue,
        Err(fault) => return refused(&fault),
    };
    let QueueRows {
        counts,
        opens,
        rows,
    } = queue_rows(&desk, queue);
    let frame = Frame::of(&desk, "/queue", "要対応一覧");
    let shown = QueuePage {
        frame: frame.with(asked.done.as_deref().and_then(done)),
        counts,
        opens,
        rows,
    };
    let policy = [(CONTENT_SECURITY_POLICY, POLICY)];
    (policy, page(StatusCode::OK, &shown)).into_response()
}

/// What the open page asks for by itself: no sign of life of the session, and no operation, for the page is on record.
pub(super) async fn rows(Onlooker(desk): Onlooker) -> Response {
    let found = desk.server().map_err(WorldFault::from);
    let found = found.and_then(|server| Ok(server.queue(&desk.staff, Page::first(ROWS))?));
    match found {
        Ok(found) => page(StatusCode::OK, &queue_rows(&desk, found)),
        Err(fault) => refused(&fault),
    }
}

fn queue_rows(desk: &Desk, queue: Queue) -> QueueRows {
    let now = desk.world.now();
    let counts = queue.counts;
    let rows = queue.rows.into_iter();
    QueueRows {
        counts: format!(
            "確認待ち {}件、承認待ち {}件、差し戻し {}件",
            counts.held, counts.checked, counts.sent_back
        ),
        opens: desk.staff.authority(Act::OpenProvision).is_ok(),
        rows: rows.map(|queued| row(&desk.world, queued, now)).collect(),
    }
}

async fn queue(desk: &Desk) -> Result<Queue, WorldFault> {
    desk.see_through(|world, institution, staff| async move {
        let server = world.server(institution)?;
        server.see_queue(&staff, world.now()).await?;
        Ok(server.queue(&staff, Page::first(ROWS))?)
    })
    .await
}

fn done(what: &str) -> Option<Message> {
    let text = match what {
        "checked" => "確認しました。所属長の承認を待っています。",
        "approved" => "承認しました。提案のとおりに処理されました。",
        "sent-back" => "差し戻しました。",
        _ => return None,
    };
    Some(Message::done(text))
}

fn row(world: &World, queued: Queued, now: Timestamp) -> Row {
    let subject = &queued.provision.subject;
    let opened: Vec<_> = queued.opened.iter().map(|by| by.account.as_str()).collect();
    Row {
        serial: subject.serial.to_string(),
        since: texts::moment(queued.hold.since),
        age: length(now.duration_since(queued.hold.since)),
        due: due(&queued),
        inquirer: texts::institution(world, subject.inquirer),
        info: subject.specific_info.to_string(),
        affair: subject.affair.to_string(),
        why: queued.hold.why.ja(),
        state: state(&queued.provision),
        opened: opened.join("、"),
    }
}

fn due(queued: &Queued) -> String {
    let due = queued.due.map_or_else(|| "―".to_owned(), texts::moment);
    match queued.hold.escalated_at {
        Some(_) => format!("{due} ！ 期限超過（所属長へ）"),
        None => due,
    }
}

/// A state by sign and word.
pub(super) fn state(provision: &Provision) -> &'static str {
    match provision.state {
        ProvisionState::Received | ProvisionState::Held { .. } => "○ 確認待ち",
        ProvisionState::Checked { .. } => "◐ 承認待ち",
        ProvisionState::SentBack { .. } => "↩ 差し戻し",
        ProvisionState::Answered { .. }
        | ProvisionState::Decided { .. }
        | ProvisionState::Ended { .. } => "● 終了",
    }
}

fn length(age: SignedDuration) -> String {
    const HOUR: i64 = 60;
    const DAY: i64 = 24 * HOUR;
    let minutes = age.as_mins();
    match minutes {
        ..HOUR => format!("{minutes}分"),
        HOUR..DAY => format!("{}時間{}分", minutes / HOUR, minutes % HOUR),
        _ => format!("{}日{}時間", minutes / DAY, minutes % DAY / HOUR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_units_that_matter() {
        let told = |minutes| length(SignedDuration::from_mins(minutes));
        assert_eq!(told(59), "59分");
        assert_eq!(told(61), "1時間1分");
        assert_eq!(told(2 * 1440 + 130), "2日2時間");
    }
}
