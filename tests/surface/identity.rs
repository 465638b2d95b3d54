//! A certificate of the authority that does not name exactly one of us is not enough.

use chukan::config::ServerConfig;
use rcgen::SanType;
use tonic::service::Routes;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::{
    bare, health_as,
    slow_service::Slow,
    support::{Pki, Running, soon, ward},
};

const URI: &str = "urn:chukan:institution:0220113112101700";

async fn is_refused(names: Vec<SanType>) {
    let pki = Pki::new();
    let server = bare(&pki).await;
    health_as(&pki.client_named(names, URI), &server)
        .await
        .unwrap_err();
    server
        .shows("chukan_connections_refused_total{reason=\"identity\"} 1")
        .await;
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

#[tokio::test]
async fn two_uris_are_refused() {
    is_refused(vec![uri(URI), uri("urn:chukan:operator")]).await;
}

#[tokio::test]
async fn a_common_name_alone_is_refused() {
    is_refused(vec![]).await;
    is_refused(vec![SanType::DnsName("localhost".try_into().unwrap())]).await;
}

#[tokio::test]
async fn a_foreign_uri_is_refused() {
    is_refused(vec![uri("spiffe://example.org/ward")]).await;
}

#[tokio::test]
async fn one_uri_of_ours_is_let_in() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let client = pki.client_named(vec![uri(URI)], "whatever");
    assert_eq!(
        health_as(&client, &server).await.unwrap(),
        ServingStatus::Serving
    );
    assert_eq!(
        health_as(&pki.client(&ward()), &server).await.unwrap(),
        ServingStatus::Serving
    );
}

#[tokio::test]
async fn a_handler_is_told_who_calls() {
    let pki = Pki::new();
    let slow = Slow::new();
    slow.allowed.add_permits(1);
    let server = Running::start(&pki, ServerConfig::default(), Routes::new(slow.clone())).await;
    let channel = pki.client(&ward()).channel(server.address).await.unwrap();
    soon(Slow::call(channel)).await.unwrap();
    let caller = slow.caller.lock().unwrap().take().unwrap();
    assert_eq!(*caller.identity, ward());
    assert!(caller.peer.ip().is_loopback());
}
