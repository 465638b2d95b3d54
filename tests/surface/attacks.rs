//! Callers who keep to no manners: the server sets the limits, hangs up, and serves the others.

use chukan::config::ServerConfig;
use tokio::net::TcpStream;
use tonic::service::Routes;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::{
    bare, health_as,
    raw::{GOAWAY, HEADERS, PING, RST_STREAM, Raw, SETTINGS, frame},
    support::{Pki, Running, soon},
};

/// Source: RFC 9113 §6.5.2, §7.
const MAX_CONCURRENT_STREAMS: u16 = 3;
const MAX_HEADER_LIST_SIZE: u16 = 6;
const ENHANCE_YOUR_CALM: u32 = 11;

fn setting(payload: &[u8], wanted: u16) -> Option<u32> {
    let mut settings = payload.chunks_exact(6);
    let found = settings.find(|setting| setting[..2] == wanted.to_be_bytes())?;
    Some(u32::from_be_bytes(found[2..].try_into().unwrap()))
}

#[tokio::test]
async fn a_connection_is_told_how_many_calls_and_header_bytes_it_may_send() {
    let pki = Pki::new();
    let config = ServerConfig {
        streams_max: 7,
        header_bytes_max: 9_000,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::default()).await;
    let mut raw = Raw::connect(&pki.operator(), server.address).await;
    let told = raw.read_until(SETTINGS).await.unwrap();
    assert_eq!(setting(&told, MAX_CONCURRENT_STREAMS), Some(7));
    assert_eq!(setting(&told, MAX_HEADER_LIST_SIZE), Some(9_000));
}

#[tokio::test]
async fn a_caller_that_gives_no_sign_of_life_is_asked_for_one_and_then_left() {
    let pki = Pki::new();
    let config = ServerConfig {
        keepalive_interval_ms: 50,
        keepalive_ms_max: 50,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::default()).await;
    let mut raw = Raw::connect(&pki.operator(), server.address).await;
    server.shows("chukan_connections 1").await;
    assert!(raw.read_until(PING).await.is_some(), "nobody asked");
    while raw.read().await.is_some() {}
    server.shows("chukan_connections 0").await;
}

#[tokio::test]
async fn while_the_handshakes_are_taken_others_wait_in_the_queue_and_are_not_refused() {
    let pki = Pki::new();
    let config = ServerConfig {
        handshakes_max: 1,
        connections_max: 1,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::default()).await;
    let silent = soon(TcpStream::connect(server.address)).await.unwrap();
    let waiting = soon(TcpStream::connect(server.address)).await.unwrap();
    let client = pki.operator();
    let waiting = Raw::over(&client, waiting);
    let ends = async { drop(silent) };
    let (waiting, ()) = tokio::join!(waiting, ends);
    let mut waiting = waiting.unwrap();
    assert!(waiting.read_until(SETTINGS).await.is_some());
    assert!(!server.metrics.render().contains("reason=\"full\"} 1"));
}

#[tokio::test]
async fn calls_begun_and_taken_back_in_a_flood_end_the_connection_of_who_sends_them() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let mut raw = Raw::connect(&pki.operator(), server.address).await;
    // POST, https, /, authority "a". Source: RFC 7541, appendix A.
    let headers = [0x83, 0x87, 0x84, 0x41, 1, b'a'];
    let mut flood = Vec::new();
    for stream in (1..8_000).step_by(2) {
        flood.extend(frame(HEADERS, 4, stream, &headers));
        flood.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    raw.send(&flood).await;
    let last = raw.read_until(GOAWAY).await;
    if let Some(last) = last {
        let code = u32::from_be_bytes(last[4..8].try_into().unwrap());
        assert_eq!(code, ENHANCE_YOUR_CALM);
    }
    while raw.read().await.is_some() {}
    let other = health_as(&pki.operator(), &server).await.unwrap();
    assert_eq!(other, ServingStatus::Serving);
    server.shows("chukan_connections 0").await;
}

#[tokio::test]
async fn many_idle_connections_leave_room_for_who_calls() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let client = pki.operator();
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(Raw::connect(&client, server.address).await);
    }
    server.shows("chukan_connections 200").await;
    let health = health_as(&client, &server).await.unwrap();
    assert_eq!(health, ServingStatus::Serving);
    drop(idle);
    server.shows("chukan_connections 0").await;
}
