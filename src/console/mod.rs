//! 中間サーバー接続端末: the staff's terminal in a browser, one page per file with its template beside it. The same acts as
//! over gRPC; everything works without JavaScript, which only keeps the queue current.

mod account_edit;
mod accounts;
mod analysis;
mod assets;
mod contents;
mod corrections;
mod desk;
mod form;
mod frame;
mod guard;
mod home;
mod inquiries;
mod inquiry;
mod inquiry_form;
mod operations;
mod password;
mod provision;
mod queue;
mod records;
mod replica_form;
mod replicas;
mod reply;
mod sent;
mod settings;
mod sign_in;
mod statistics;
mod symbols;
mod texts;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::world::Worlds;

pub use settings::SettingInForce;

/// The address at the other end of a connection. The listener adds it to every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// What carries the pages to the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// TLS.
    Tls,
    /// Plain HTTP, on the loopback only.
    PlainHttp,
}

impl Carrier {
    /// The scheme of the pages' addresses.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Tls => "https",
            Self::PlainHttp => "http",
        }
    }
}

/// What the pages share.
#[derive(Clone)]
pub struct Console {
    worlds: Arc<Worlds>,
    carrier: Carrier,
    settings: Arc<[SettingInForce]>,
}

/// The longest form, in bytes.
const FORM_BYTES_MAX: usize = 512 << 10;

/// Every page, on the world `default`, with the settings that the page 設定 shows.
pub fn router(worlds: Arc<Worlds>, carrier: Carrier, settings: Vec<SettingInForce>) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/login", get(sign_in::show).post(sign_in::submit))
        .route("/logout", post(sign_in::end))
        .route("/password", get(password::show).post(password::submit))
        .route("/queue", get(queue::show))
        .route("/queue/rows", get(queue::rows))
        .route("/provisions/{serial}", get(provision::show))
        .route("/provisions/{serial}/reveal", post(provision::reveal))
        .route("/provisions/{serial}/check", post(provision::check))
        .route("/provisions/{serial}/approve", post(provision::approve))
        .route("/provisions/{serial}/send-back", post(provision::send_back))
        .route("/accounts", get(accounts::show).post(accounts::create))
        .route(
            "/accounts/edit",
            get(account_edit::show).post(account_edit::submit),
        )
        .route("/accounts/unlock", post(accounts::unlock))
        .route("/operations", get(operations::show))
        .route("/statistics", get(statistics::show))
        .route("/statistics.csv", get(statistics::export))
        .route("/settings", get(settings::show))
        .route("/analysis", get(analysis::show))
        .route("/analysis/review", post(analysis::review))
        .route("/inquiries", get(inquiries::show))
        .route(
            "/inquiries/new",
            get(inquiry_form::show).post(inquiry_form::submit),
        )
        .route("/inquiries/{receipt}", get(inquiry::show))
        .route("/inquiries/{receipt}/reveal", post(inquiry::reveal))
        .route("/inquiries/{receipt}/cancel", post(inquiry::cancel))
        .route("/replicas", get(replicas::show).post(replicas::search))
        .route("/replicas/view", post(replicas::view))
        .route("/replicas/reveal", post(replicas::reveal))
        .route("/replicas/edit", post(replica_form::begin))
        .route("/corrections", get(corrections::list))
        .route("/corrections/propose", post(replica_form::submit))
        .route("/corrections/{number}", get(corrections::show))
        .route("/corrections/{number}/reveal", post(corrections::reveal))
        .route("/corrections/{number}/edit", post(replica_form::again))
        .route("/corrections/{number}/approve", post(corrections::approve))
        .route(
            "/corrections/{number}/send-back",
            post(corrections::send_back),
        )
        .route(
            "/corrections/{number}/withdraw",
            post(corrections::withdraw),
        )
        .route("/symbols", get(symbols::show).post(symbols::look_up))
        .route("/records", get(records::show))
        .route("/records/{serial}", get(records::show_one))
        .route(
            "/records/{serial}/nondisclosure",
            get(records::confirm).post(records::mark),
        )
        .route("/assets/{name}", get(assets::show))
        .fallback(reply::no_page)
        .layer(axum::extract::DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(carrier, guard::guard))
        .with_state(Console {
            worlds,
            settings: settings.into(),
            carrier,
        })
}
