//! The way to a running server for commands that talk to it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

use super::fault::CliFault;
use crate::{
    crypto::{identity::Identity, pki::DevelopmentPki},
    grpc::caller::WORLD_KEY,
    server::connect::{ClientPem, connect},
    world::DEFAULT_WORLD,
};

/// Which server, in which world.
#[derive(Debug, Args)]
pub(super) struct ServerOptions {
    /// サーバーのアドレス
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50551")]
    server: SocketAddr,
    /// 証明書のあるデータディレクトリー
    #[arg(long, value_name = "DIR", default_value = "chukan-data")]
    data: PathBuf,
    /// 世界の名前
    #[arg(long, value_name = "NAME", default_value = DEFAULT_WORLD)]
    world: String,
}

impl ServerOptions {
    /// A channel with this certificate.
    pub(super) async fn connect_as(&self, identity: &Identity) -> Result<Channel, CliFault> {
        channel(&format!("https://{}", self.server), &self.data, identity).await
    }

    /// A call in the chosen world.
    pub(super) fn request<T>(&self, message: T) -> Result<Request<T>, CliFault> {
        in_world(&self.world, message)
    }
}

/// Which server, in whose name, in which world.
#[derive(Debug, Args)]
pub(super) struct ClientOptions {
    #[command(flatten)]
    server: ServerOptions,
    /// 自機関の機関コード（16桁）。その機関の証明書で接続します
    #[arg(long, value_name = "CODE")]
    institution: String,
    /// 業務システムの名前。その業務システムの証明書で接続します（`chukan certs issue --system` で発行）
    #[arg(long, value_name = "NAME")]
    as_system: Option<String>,
}

impl ClientOptions {
    /// A channel with the certificate of the institution or its business system.
    pub(super) async fn connect(&self) -> Result<Channel, CliFault> {
        self.connect_to(&format!("https://{}", self.server.server))
            .await
    }

    /// A channel to another endpoint with the certificate of the institution or its business system.
    pub(super) async fn connect_to(&self, endpoint: &str) -> Result<Channel, CliFault> {
        let identity = Identity::institution(&self.institution, self.as_system.as_deref())?;
        channel(endpoint, &self.server.data, &identity).await
    }

    /// A call in the chosen world.
    pub(super) fn request<T>(&self, message: T) -> Result<Request<T>, CliFault> {
        self.server.request(message)
    }
}

/// Which server and which world, in the operator's name.
#[derive(Debug)]
pub(super) struct OperatorOptions {
    /// The server's address.
    pub(super) server: SocketAddr,
    /// The data directory with the certificates.
    pub(super) data: PathBuf,
    /// The world's name.
    pub(super) world: String,
}

impl OperatorOptions {
    /// A channel with the operator's certificate.
    pub(super) async fn connect(&self) -> Result<Channel, CliFault> {
        let endpoint = format!("https://{}", self.server);
        channel(&endpoint, &self.data, &Identity::Operator).await
    }

    /// A call in the chosen world.
    pub(super) fn request<T>(&self, message: T) -> Result<Request<T>, CliFault> {
        in_world(&self.world, message)
    }
}

async fn channel(endpoint: &str, data: &Path, identity: &Identity) -> Result<Channel, CliFault> {
    let pki = DevelopmentPki::load(&data.join("pki"))?;
    let read = |file: PathBuf| fs::read(&file).map_err(CliFault::file(file));
    let pem = ClientPem {
        authority: &read(pki.authority_certificate())?,
        certificate: &read(pki.client_certificate(identity))?,
        key: &read(pki.client_key(identity))?,
    };
    Ok(connect(endpoint, pem).await?)
}

fn in_world<T>(world: &str, message: T) -> Result<Request<T>, CliFault> {
    let mut request = Request::new(message);
    let world: MetadataValue<Ascii> = world
        .parse()
        .map_err(|_| CliFault::Said("世界の名前が正しくありません"))?;
    request.metadata_mut().insert(WORLD_KEY, world);
    Ok(request)
}
