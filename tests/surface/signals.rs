//! SIGHUP takes over a new revocation list, SIGTERM asks to stop.

use std::{process::Command, sync::Arc};

use chukan::{config::ServerConfig, server::Signals};
use tonic::service::Routes;

use crate::{
    health_as,
    support::{Pki, Running, soon, ward},
};

fn send(signal: &str) {
    let process = std::process::id().to_string();
    let sent = Command::new("kill").args([signal, &process]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn hangup_reloads_and_terminate_stops() {
    let pki = Pki::new();
    let config = ServerConfig {
        revocation_interval_ms: 86_400_000,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::default()).await;
    let signals = Signals::listen().unwrap();
    let tls = Arc::clone(&server.tls);
    let stopped = tokio::spawn(async move { signals.until_stop(&tls).await });
    let client = pki.client(&ward());
    health_as(&client, &server).await.unwrap();
    pki.revoke(&client);
    send("-HUP");
    let refused = async {
        while health_as(&client, &server).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon(refused).await;
    assert!(!stopped.is_finished());
    send("-TERM");
    soon(stopped).await.unwrap();
}
