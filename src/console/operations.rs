//! 操作記録.

use askama::Template;
use axum::{extract::Query, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    desk::Desk,
    frame::Frame,
    reply::{page, refused},
    texts,
};
use crate::{
    domain::operation::{OperationOutcome, PlacedOperation},
    store::SearchPlace,
};

/// How many operations a page shows.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "operations.html")]
struct OperationsPage {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    at: String,
    account: String,
    person: String,
    what: &'static str,
    on: String,
    outcome: String,
    origin: String,
}

#[derive(Deserialize)]
pub(super) struct Before {
    before: Option<String>,
}

pub(super) async fn show(desk: Desk, Query(asked): Query<Before>) -> Response {
    let before = asked.before.as_deref().and_then(place);
    let found = desk
        .see_through(move |world, institution, staff| async move {
            let server = world.server(institution)?;
            let found = server.operations(&staff, (before, ROWS), world.now());
            Ok(found.await?)
        })
        .await;
    let (found, next) = match found {
        Ok(found) => found,
        Err(fault) => return refused(&fault),
    };
    page(
        StatusCode::OK,
        &OperationsPage {
            frame: Frame::of(&desk, "/operations", "操作記録"),
            rows: found.into_iter().map(row).collect(),
            next: next.map(place_text),
        },
    )
}

/// A place in the ledger as an address names it.
pub(super) fn place_text(place: SearchPlace) -> String {
    let SearchPlace { fiscal_year, index } = place;
    format!("{fiscal_year}.{index}")
}

/// The place that an address names.
pub(super) fn place(text: &str) -> Option<SearchPlace> {
    let (fiscal_year, index) = text.split_once('.')?;
    Some(SearchPlace {
        fiscal_year: fiscal_year.parse().ok()?,
        index: index.parse().ok()?,
    })
}

fn row(placed: PlacedOperation) -> Row {
    let operation = placed.operation;
    let text = |name: Option<String>| name.unwrap_or_else(|| "―".to_owned());
    Row {
        at: texts::moment(placed.at),
        account: text(operation.account.map(String::from)),
        person: text(operation.person.map(String::from)),
        what: operation.what.ja(),
        on: text(operation.on),
        outcome: match operation.outcome {
            OperationOutcome::Done => "✔ 実行".to_owned(),
            OperationOutcome::Refused(reason) => format!("✖ 拒否（{reason}）"),
        },
        origin: operation.origin,
    }
}
