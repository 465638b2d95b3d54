//! gRPC-Web works over HTTP/1.1 on the same port, with the same certificates.

use std::sync::Arc;

use chukan::{config::ServerConfig, server::connect::settings};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tonic::service::Routes;

use crate::{
    bare,
    slow_service::Slow,
    support::{Pki, Running, soon},
};

const HEALTH: &str = "/grpc.health.v1.Health/Check";
const PROTO: &str = "content-type: application/grpc-web+proto\r\n";

async fn post(pki: &Pki, server: &Running, path: &str, headers: &str) -> Vec<u8> {
    let client = pki.operator();
    let mut settings = settings(client.pem()).unwrap();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    let socket = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(settings))
        .connect(name, socket)
        .await
        .unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\nconnection: close\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&[0; 5]).await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_health_check_is_answered() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let answer = post(&pki, &server, HEALTH, PROTO).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        answer.escape_ascii()
    );
    // A message of two bytes: field 1, SERVING.
    assert!(
        contains(&answer, &[0, 0, 0, 0, 2, 0x08, 0x01]),
        "{}",
        answer.escape_ascii()
    );
    assert!(
        contains(&answer, b"grpc-status:0"),
        "{}",
        answer.escape_ascii()
    );
}

#[tokio::test]
async fn headers_beyond_the_limit_are_refused_here_too() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let long = "x".repeat(17 << 10);
    let headers = format!("{PROTO}x-long: {long}\r\n");
    let answer = post(&pki, &server, HEALTH, &headers).await;
    assert!(
        contains(&answer, b"grpc-status: 8"),
        "{}",
        answer.escape_ascii()
    );
}

#[tokio::test]
async fn the_deadline_that_a_caller_asks_for_is_kept() {
    let pki = Pki::new();
    let routes = Routes::new(Slow::new());
    let server = Running::start(&pki, ServerConfig::default(), routes).await;
    let headers = format!("{PROTO}grpc-timeout: 50m\r\n");
    let answer = post(&pki, &server, "/test.Slow/Call", &headers).await;
    assert!(
        contains(&answer, b"grpc-status: 4"),
        "{}",
        answer.escape_ascii()
    );
}
