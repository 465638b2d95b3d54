//! The terminal's endpoint: who is slow or one too many is closed, and the others are served.

use std::sync::Arc;

use axum::{Router, body::Bytes, routing::get};
use chukan::{config::ConsoleConfig, server::ConsoleEndpoint, server::connect::settings};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{Pki, soon};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

type Stream = TlsStream<TcpStream>;

/// Serves one page under these limits.
async fn serve(pki: &Pki, config: ConsoleConfig) -> std::net::SocketAddr {
    let config = ConsoleConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..config
    };
    let endpoint = ConsoleEndpoint::bind(&config, Arc::new(pki.tls())).await;
    let endpoint = endpoint.unwrap();
    let address = endpoint.local_addr().unwrap();
    let page = get(async || "here").post(async |_: Bytes| "taken");
    let pages = Router::new().route("/", page);
    tokio::spawn(endpoint.serve(pages, std::future::pending()));
    address
}

async fn connect(pki: &Pki, address: std::net::SocketAddr) -> std::io::Result<Stream> {
    let client = pki.operator();
    let mut settings = settings(client.pem()).unwrap();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(settings));
    soon(connector.connect(name, socket)).await
}

async fn is_served(stream: &mut Stream) -> bool {
    let mut answer = vec![0; 1024];
    let asked = stream.write_all(GET).await;
    let read = soon(stream.read(&mut answer)).await.unwrap_or_default();
    asked.is_ok() && answer[..read].starts_with(b"HTTP/1.1 200 OK")
}

/// What comes until the server closes.
async fn until_closed(stream: &mut Stream) -> Vec<u8> {
    let mut answer = Vec::new();
    // A close without TLS's farewell is one as well.
    drop(soon(stream.read_to_end(&mut answer)).await);
    answer
}

#[tokio::test]
async fn a_head_that_does_not_go_on_is_cut_off_also_after_an_answer() {
    let pki = Pki::new();
    let config = ConsoleConfig {
        header_ms_max: 200,
        ..ConsoleConfig::default()
    };
    let address = serve(&pki, config).await;
    let mut silent = connect(&pki, address).await.unwrap();
    until_closed(&mut silent).await;
    let mut slow = connect(&pki, address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: lo").await.unwrap();
    let answer = until_closed(&mut slow).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    let mut idle = connect(&pki, address).await.unwrap();
    assert!(is_served(&mut idle).await);
    until_closed(&mut idle).await;
}

#[tokio::test]
async fn a_body_that_does_not_go_on_is_answered_and_cut_off() {
    let pki = Pki::new();
    let config = ConsoleConfig {
        request_ms_max: 200,
        ..ConsoleConfig::default()
    };
    let address = serve(&pki, config).await;
    let mut slow = connect(&pki, address).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab";
    slow.write_all(head).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut slow).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("時間内に処理が終わりませんでした"));
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_its_place_is_free_again_later() {
    let pki = Pki::new();
    let config = ConsoleConfig {
        connections_max: 2,
        ..ConsoleConfig::default()
    };
    let address = serve(&pki, config).await;
    let mut first = connect(&pki, address).await.unwrap();
    assert!(is_served(&mut first).await);
    // A connection that has not even shaken hands has a place.
    let handshaking = TcpStream::connect(address).await.unwrap();
    let refused = async {
        while connect(&pki, address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon(refused).await;
    assert!(is_served(&mut first).await, "who is in stays in");
    drop(handshaking);
    let again = async {
        while connect(&pki, address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
}

#[tokio::test]
async fn plain_http_is_served_where_it_was_asked_for() {
    let pki = Pki::new();
    let config = ConsoleConfig {
        plain_http: true,
        ..ConsoleConfig::default()
    };
    let address = serve(&pki, config).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(GET).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = soon(socket.read(&mut answer)).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200 OK"));
    assert!(answer[..read].ends_with(b"here"));
}
