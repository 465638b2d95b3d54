//! The yardstick Y: a bare tonic echo of 1 KiB over mutual TLS on tonic's default multi-thread runtime.

use std::{path::PathBuf, sync::Arc};

use chukan::{
    config::ServerConfig,
    crypto::pki::DevelopmentPki,
    server::{Metrics, Server, Signals, Tls, TlsFiles},
};
use clap::Args;
use tonic::{Request, Response, Status, service::Routes, transport::Channel};

use crate::{Fault, drive::Call};

/// Bytes of the payload. Source: DESIGN, the yardstick of the budgets.
pub(crate) const PAYLOAD_BYTES: usize = 1_024;

mod proto {
    #![allow(
        missing_docs,
        clippy::all,
        reason = "made by tonic-prost-build; the documentation is in the .proto file"
    )]
    tonic::include_proto!("chukan.loadtest.v1");
}

use proto::{
    EchoRequest, EchoResponse,
    echo_service_client::EchoServiceClient,
    echo_service_server::{EchoService, EchoServiceServer},
};

/// Serves the echo with the certificates of a data directory.
#[derive(Debug, Args)]
pub(crate) struct EchoServer {
    /// The PKI's directory.
    #[arg(long)]
    pki: PathBuf,
}

struct Echo;

#[tonic::async_trait]
impl EchoService for Echo {
    async fn echo(&self, request: Request<EchoRequest>) -> Result<Response<EchoResponse>, Status> {
        let payload = request.into_inner().payload;
        Ok(Response::new(EchoResponse { payload }))
    }
}

impl EchoServer {
    pub(crate) async fn run(self) -> Result<(), Fault> {
        let pki = DevelopmentPki::load(&self.pki)?;
        let tls = Arc::new(Tls::load(TlsFiles::from(&pki))?);
        let config = ServerConfig {
            listen: "127.0.0.1:0".parse()?,
            ..ServerConfig::default()
        };
        let metrics = Arc::new(Metrics::new()?);
        let server = Server::bind(&config, Arc::clone(&tls), metrics).await?;
        let ready = serde_json::json!({ "ready": true, "grpc": server.local_addr()? });
        println!("{ready}");
        let stop = Signals::listen()?;
        let routes = Routes::new(EchoServiceServer::new(Echo));
        server.serve(routes, stop.until_stop(&tls)).await?;
        Ok(())
    }
}

/// One echo call.
#[derive(Clone)]
pub(crate) struct EchoCall {
    client: EchoServiceClient<Channel>,
    payload: Vec<u8>,
}

impl EchoCall {
    pub(crate) fn new(channel: Channel) -> Self {
        Self {
            client: EchoServiceClient::new(channel),
            payload: vec![0x5a; PAYLOAD_BYTES],
        }
    }
}

impl Call for EchoCall {
    async fn call(&mut self) -> Result<&'static str, Fault> {
        let payload = self.payload.clone();
        let back = self.client.echo(EchoRequest { payload }).await?;
        if back.into_inner().payload == self.payload {
            Ok("echoed")
        } else {
            Err("the echo is not what was sent".into())
        }
    }
}
