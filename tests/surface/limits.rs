//! What is too big, too slow or too much is refused, and the server goes on.

use chukan::config::ServerConfig;
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tonic::{Code, Request, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    bare, health_as, health_of,
    slow_service::Slow,
    support::{Pki, Running, soon},
};

#[tokio::test]
async fn a_header_list_beyond_the_limit_is_refused() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let channel = pki.operator().channel(server.address).await.unwrap();
    let mut client = HealthClient::new(channel);
    let mut request = Request::new(HealthCheckRequest::default());
    let long = "x".repeat(17 << 10).parse().unwrap();
    request.metadata_mut().insert("x-long", long);
    soon(client.check(request)).await.unwrap_err();
    assert_eq!(
        health_of(&mut client, "").await.unwrap(),
        ServingStatus::Serving
    );
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_cut_off() {
    let pki = Pki::new();
    let config = ServerConfig {
        handshake_ms_max: 50,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::default()).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let read = soon(socket.read(&mut [0])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    server
        .shows("chukan_connections_refused_total{reason=\"slow\"} 1")
        .await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_its_place_is_free_again_later() {
    let pki = Pki::new();
    let config = ServerConfig {
        connections_max: 1,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::default()).await;
    let client = pki.operator();
    let first = client.channel(server.address).await.unwrap();
    let mut first = HealthClient::new(first);
    assert_eq!(
        health_of(&mut first, "").await.unwrap(),
        ServingStatus::Serving
    );
    health_as(&client, &server).await.unwrap_err();
    server.shows("chukan_connections 1").await;
    server
        .shows("chukan_connections_refused_total{reason=\"full\"} 1")
        .await;
    drop(first);
    let again = async {
        while health_as(&client, &server).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
}

#[tokio::test]
async fn one_call_too_many_is_answered_resource_exhausted() {
    let pki = Pki::new();
    let slow = Slow::new();
    let config = ServerConfig {
        calls_max: 1,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::new(slow.clone())).await;
    let channel = pki.operator().channel(server.address).await.unwrap();
    let first = tokio::spawn(Slow::call(channel.clone()));
    slow.has_arrived().await;
    let refused = soon(Slow::call(channel.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    slow.allowed.add_permits(1);
    soon(first).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_beyond_the_longest_time_is_answered_deadline_exceeded() {
    let pki = Pki::new();
    let slow = Slow::new();
    let config = ServerConfig {
        request_ms_max: 50,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::new(slow.clone())).await;
    let channel = pki.operator().channel(server.address).await.unwrap();
    let late = soon(Slow::call(channel)).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    // The handler is gone, and with it the right to one of the calls.
    server
        .shows("chukan_rpc_in_flight{method=\"unknown\"} 0")
        .await;
}
