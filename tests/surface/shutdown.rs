//! A server that stops accepts nothing more and lets running calls finish, but not for ever.

use chukan::{config::ServerConfig, server::Drained};
use tokio::net::TcpStream;
use tonic::{Code, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    slow_service::Slow,
    support::{PATIENCE, Pki, Running, soon},
};

async fn is_closed(address: std::net::SocketAddr) {
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon(closed).await;
}

#[tokio::test]
async fn a_running_call_is_finished_and_the_port_is_closed_meanwhile() {
    let pki = Pki::new();
    let slow = Slow::new();
    let routes = Routes::new(slow.clone());
    let server = Running::start(&pki, ServerConfig::default(), routes).await;
    let address = server.address;
    let channel = pki.operator().channel(address).await.unwrap();
    let call = tokio::spawn(Slow::call(channel));
    slow.has_arrived().await;
    let stopped = server.stop();
    is_closed(address).await;
    assert!(!stopped.is_finished());
    slow.allowed.add_permits(1);
    soon(call).await.unwrap().unwrap();
    assert_eq!(soon(stopped).await.unwrap().unwrap(), Drained::Complete);
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_off() {
    let pki = Pki::new();
    let slow = Slow::new();
    let config = ServerConfig {
        drain_ms_max: 50,
        ..ServerConfig::default()
    };
    let server = Running::start(&pki, config, Routes::new(slow.clone())).await;
    let channel = pki.operator().channel(server.address).await.unwrap();
    let call = tokio::spawn(Slow::call(channel));
    slow.has_arrived().await;
    let drained = tokio::time::timeout(PATIENCE, server.stop()).await.unwrap();
    assert_eq!(
        drained.unwrap().unwrap(),
        Drained::CutOff { connections: 1 }
    );
    soon(call).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_watcher_of_health_is_told_and_does_not_hold_up_the_stop() {
    let pki = Pki::new();
    let server = crate::bare(&pki).await;
    let channel = pki.operator().channel(server.address).await.unwrap();
    let mut client = HealthClient::new(channel);
    let watch = soon(client.watch(HealthCheckRequest::default())).await;
    let mut news = watch.unwrap().into_inner();
    let first = soon(news.message()).await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    let stopped = server.stop();
    let second = soon(news.message()).await.unwrap().unwrap();
    assert_eq!(second.status(), ServingStatus::NotServing);
    let end = soon(news.message()).await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
    assert_eq!(soon(stopped).await.unwrap().unwrap(), Drained::Complete);
}
