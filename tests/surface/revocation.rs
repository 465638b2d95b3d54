//! A revoked certificate is refused without a restart, and its open connections end.

use chukan::{
    config::ServerConfig,
    server::{Tls, TlsFiles},
};
use tonic::service::Routes;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    health_as,
    support::{Pki, Running, soon, ward},
};

/// Looks at the list so rarely that no test sees it.
fn never_looking() -> ServerConfig {
    ServerConfig {
        revocation_interval_ms: 86_400_000,
        ..ServerConfig::default()
    }
}

#[tokio::test]
async fn a_revoked_client_is_refused_after_a_reload_and_others_are_not() {
    let pki = Pki::new();
    let server = Running::start(&pki, never_looking(), Routes::default()).await;
    let client = pki.client(&ward());
    assert_eq!(
        health_as(&client, &server).await.unwrap(),
        ServingStatus::Serving
    );
    pki.revoke(&client);
    server.tls.reload().unwrap();
    health_as(&client, &server).await.unwrap_err();
    assert_eq!(
        health_as(&pki.operator(), &server).await.unwrap(),
        ServingStatus::Serving
    );
}

#[tokio::test]
async fn a_changed_list_is_noticed_and_open_connections_of_the_revoked_end() {
    let pki = Pki::new();
    let config = ServerConfig {
        revocation_interval_ms: 10,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::default()).await;
    let watch = async |client: &crate::support::Client| {
        let channel = client.channel(server.address).await.unwrap();
        let request = HealthCheckRequest::default();
        let stream = soon(HealthClient::new(channel).watch(request))
            .await
            .unwrap();
        let mut stream = stream.into_inner();
        soon(stream.message()).await.unwrap().unwrap();
        stream
    };
    let ward = pki.client(&ward());
    let (mut revoked, mut other) = (watch(&ward).await, watch(&pki.operator()).await);
    pki.revoke(&ward);
    soon(revoked.message()).await.unwrap_err();
    health_as(&ward, &server).await.unwrap_err();
    server.health.set_not_serving().await;
    let news = soon(other.message()).await.unwrap().unwrap();
    assert_eq!(news.status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn a_file_without_a_list_never_turns_revocation_off() {
    let pki = Pki::new();
    let server = Running::start(&pki, never_looking(), Routes::default()).await;
    let revoked = pki.client(&ward());
    pki.revoke(&revoked);
    server.tls.reload().unwrap();
    for text in ["", "no list", "-----BEGIN X509 CRL-----\nAAAA"] {
        std::fs::write(pki.files.revocation_list(), text).unwrap();
        server.tls.reload().unwrap_err();
    }
    Tls::load(TlsFiles::from(&pki.files)).unwrap_err();
    health_as(&revoked, &server).await.unwrap_err();
    assert_eq!(
        health_as(&pki.operator(), &server).await.unwrap(),
        ServingStatus::Serving
    );
}
