//! What tests of the surface share: a PKI in a temporary directory, a running server, and clients with certificates.
#![allow(dead_code, reason = "each test binary uses the part it needs")]

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use chukan::{
    config::ServerConfig,
    crypto::{
        certificate::Validity,
        identity::Identity,
        pki::{DevelopmentPki, PkiPlan},
    },
    server::{
        Drained, HealthHandle, Metrics, Server, ServerFault, Tls, TlsFiles,
        connect::{ClientPem, ConnectFault, connect},
    },
};
use jiff::Timestamp;
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::{service::Routes, transport::Channel};

/// A Tokyo ward.
pub(crate) const WARD: &str = "0220113112101700";

/// Longest wait for anything; reaching it is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits, but not forever.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, what).await;
    waited.expect("it took too long")
}

/// A development PKI with the operator and one ward.
pub(crate) struct Pki {
    _dir: TempDir,
    pub(crate) files: DevelopmentPki,
}

/// A client's certificate and key, and the authority it trusts.
pub(crate) struct Client {
    pub(crate) authority: Vec<u8>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let plan = PkiPlan {
            server_names: &[],
            clients: &[ward()],
            validity: Validity {
                not_before: Timestamp::from_second(1_500_000_000).unwrap(),
                not_after: Timestamp::from_second(4_000_000_000).unwrap(),
            },
        };
        let files = DevelopmentPki::create(&dir.path().join("pki"), &plan).unwrap();
        Self { _dir: dir, files }
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::load(TlsFiles::from(&self.files)).unwrap()
    }

    pub(crate) fn client(&self, identity: &Identity) -> Client {
        Client {
            authority: self.authority(),
            certificate: std::fs::read(self.files.client_certificate(identity)).unwrap(),
            key: std::fs::read(self.files.client_key(identity)).unwrap(),
        }
    }

    pub(crate) fn operator(&self) -> Client {
        self.client(&Identity::Operator)
    }

    /// A client whose certificate the authority signed with these names and this common name.
    pub(crate) fn client_named(&self, names: Vec<SanType>, common_name: &str) -> Client {
        let authority = self.files.authority_certificate();
        let key = std::fs::read_to_string(authority.with_file_name("ca.key.pem")).unwrap();
        let authority = std::fs::read_to_string(authority).unwrap();
        let issuer = KeyPair::from_pem(&key).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&authority, issuer).unwrap();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        Client {
            authority: self.authority(),
            certificate: certificate.into(),
            key: key.serialize_pem().into(),
        }
    }

    pub(crate) fn revoke(&self, client: &Client) {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        self.files.revoke(&client.certificate, now).unwrap();
    }

    fn authority(&self) -> Vec<u8> {
        std::fs::read(self.files.authority_certificate()).unwrap()
    }
}

pub(crate) fn ward() -> Identity {
    Identity::institution(WARD, None).unwrap()
}

impl Client {
    pub(crate) fn pem(&self) -> ClientPem<'_> {
        ClientPem {
            authority: &self.authority,
            certificate: &self.certificate,
            key: &self.key,
        }
    }

    pub(crate) async fn channel(&self, address: SocketAddr) -> Result<Channel, ConnectFault> {
        soon(connect(&format!("https://{address}"), self.pem())).await
    }
}

/// A server on a free port of the loopback, stopped by [`Running::stop`] or with the test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) health: HealthHandle,
    pub(crate) tls: Arc<Tls>,
    pub(crate) metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<Drained, ServerFault>>,
}

impl Running {
    pub(crate) async fn start(pki: &Pki, config: ServerConfig, routes: Routes) -> Self {
        let config = ServerConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            ..config
        };
        let tls = Arc::new(pki.tls());
        let metrics = Arc::new(Metrics::new().unwrap());
        let server = Server::bind(&config, Arc::clone(&tls), Arc::clone(&metrics));
        let server = server.await.unwrap();
        let (stop, stopped) = oneshot::channel();
        Self {
            address: server.local_addr().unwrap(),
            health: server.health(),
            tls,
            metrics,
            stop,
            served: tokio::spawn(server.serve(routes, async { drop(stopped.await) })),
        }
    }

    /// Waits until the metrics hold `line`.
    pub(crate) async fn shows(&self, line: &str) {
        let shown = async {
            while !self.metrics.render().contains(line) {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, shown).await;
        in_time.unwrap_or_else(|_| panic!("{line} is not in\n{}", self.metrics.render()));
    }

    /// Asks the server to stop; the handle completes when it has.
    pub(crate) fn stop(self) -> JoinHandle<Result<Drained, ServerFault>> {
        self.stop.send(()).unwrap();
        self.served
    }
}
