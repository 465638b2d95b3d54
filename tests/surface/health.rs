//! Health is told per service and as a whole, over gRPC and over plain HTTP for whoever runs the machine.

use std::sync::Arc;

use chukan::{config::Config, server::MetricsEndpoint};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::Code;
use tonic_health::pb::{health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    bare, health_of,
    support::{Pki, soon},
};

const INQUIRY: &str = "chukan.v1.InquiryService";

#[tokio::test]
async fn each_service_and_the_whole_are_told_apart() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let channel = pki.operator().channel(server.address).await.unwrap();
    let mut client = HealthClient::new(channel);
    assert_eq!(
        health_of(&mut client, INQUIRY).await.unwrap(),
        ServingStatus::Serving
    );

    server.health.set_service(INQUIRY, false).await;
    assert_eq!(
        health_of(&mut client, INQUIRY).await.unwrap(),
        ServingStatus::NotServing
    );
    assert_eq!(
        health_of(&mut client, "").await.unwrap(),
        ServingStatus::Serving
    );

    server.health.set_not_serving().await;
    assert_eq!(
        health_of(&mut client, "").await.unwrap(),
        ServingStatus::NotServing
    );
    server.health.set_serving().await;
    assert_eq!(
        health_of(&mut client, INQUIRY).await.unwrap(),
        ServingStatus::Serving
    );

    let unknown = health_of(&mut client, "chukan.v1.NoService")
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn the_metrics_endpoint_counts_calls_and_says_whether_we_serve() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let listen = "127.0.0.1:0".parse().unwrap();
    let (metrics, health) = (Arc::clone(&server.metrics), server.health.clone());
    let endpoint = MetricsEndpoint::bind(listen, None, metrics, health)
        .await
        .unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(endpoint.serve(std::future::pending()));
    let get = async |path: &str| {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(socket.read_to_string(&mut answer)).await.unwrap();
        answer
    };
    assert!(get("/healthz").await.starts_with("HTTP/1.1 200"));
    {
        let channel = pki.operator().channel(server.address).await.unwrap();
        let mut client = HealthClient::new(channel);
        health_of(&mut client, "").await.unwrap();
        health_of(&mut client, "chukan.v1.NoService")
            .await
            .unwrap_err();
    }
    let shown = get("/metrics").await;
    for line in [
        "chukan_rpc_calls_total{method=\"/grpc.health.v1.Health/Check\",code=\"OK\"} 1",
        "chukan_rpc_calls_total{method=\"/grpc.health.v1.Health/Check\",code=\"NOT_FOUND\"} 1",
        "chukan_rpc_seconds_count{method=\"/grpc.health.v1.Health/Check\"} 2",
        "chukan_rpc_in_flight{method=\"/grpc.health.v1.Health/Check\"} 0",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    server.health.set_not_serving().await;
    assert!(get("/healthz").await.starts_with("HTTP/1.1 503"));
}

#[tokio::test]
async fn with_a_token_the_metrics_are_shown_to_who_sends_it() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let set = ("metrics.token".to_owned(), "0123456789abcdef".to_owned());
    let config = Config::load(None, [], &vec![set]).unwrap().config;
    let (metrics, health) = (Arc::clone(&server.metrics), server.health.clone());
    let listen = "127.0.0.1:0".parse().unwrap();
    let endpoint = MetricsEndpoint::bind(listen, config.metrics.token, metrics, health)
        .await
        .unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(endpoint.serve(std::future::pending()));
    let get = async |path: &str, header: &str| {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\n{header}connection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(socket.read_to_string(&mut answer)).await.unwrap();
        answer
    };
    for header in [
        "",
        "authorization: Bearer 0123456789abcdee\r\n",
        "authorization: Bearer 0123456789abcdef0\r\n",
        "authorization: Basic 0123456789abcdef\r\n",
        "authorization: Bearer \r\n",
        "authorization: B\r\n",
    ] {
        let answer = get("/metrics", header).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{header}: {answer}");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
        assert!(!answer.contains("chukan_"), "{answer}");
    }
    let shown = get("/metrics", "authorization: Bearer 0123456789abcdef\r\n").await;
    assert!(
        shown.starts_with("HTTP/1.1 200") && shown.contains("chukan_connections"),
        "{shown}"
    );
    // Who balances load asks without a secret.
    assert!(get("/healthz", "").await.starts_with("HTTP/1.1 200"));
}
