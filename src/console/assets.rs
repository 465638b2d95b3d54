//! The files that pages use, built into the program.

use axum::{
    extract::Path,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

const CSS: &str = "text/css; charset=utf-8";

const ASSETS: [(&str, &str, &str); 4] = [
    ("tokens.css", CSS, include_str!("assets/tokens.css")),
    (
        "tokens.LICENSE",
        "text/plain; charset=utf-8",
        include_str!("assets/tokens.LICENSE"),
    ),
    ("console.css", CSS, include_str!("assets/console.css")),
    (
        "queue.js",
        "text/javascript; charset=utf-8",
        include_str!("assets/queue.js"),
    ),
];

pub(super) async fn show(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => ([(CONTENT_TYPE, *kind)], *text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
