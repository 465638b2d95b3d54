//! A server that stops accepts nothing more and lets running calls finish, but not for ever.

use chukan::{config::ServerConfig, server::Drained};
use tokio::net::TcpStream;
use tonic::service::Routes;

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
