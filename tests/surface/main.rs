//! What the server promises before any service of ours is behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy.toml exempts test functions, but not what they share"
)]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod console;
mod health;
mod identity;
mod limits;
mod raw;
mod reflection;
mod revocation;
mod shutdown;
mod signals;
mod slow_readers;
mod slow_service;
mod tls;
mod web;

use chukan::config::ServerConfig;
use support::{Client, Pki, Running, soon};
use tonic::{Status, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// A server with nothing but health and reflection.
async fn bare(pki: &Pki) -> Running {
    Running::start(pki, ServerConfig::default(), Routes::default()).await
}

/// The health of the whole server, over a connection of its own; any failure to get there is UNAVAILABLE.
async fn health_as(client: &Client, server: &Running) -> Result<ServingStatus, Status> {
    let channel = client.channel(server.address).await;
    let channel = channel.map_err(|fault| Status::unavailable(fault.to_string()))?;
    health_of(&mut HealthClient::new(channel), "").await
}

async fn health_of(
    client: &mut HealthClient<tonic::transport::Channel>,
    service: &str,
) -> Result<ServingStatus, Status> {
    let service = service.to_owned();
    let answer = soon(client.check(HealthCheckRequest { service })).await?;
    Ok(answer.into_inner().status())
}
