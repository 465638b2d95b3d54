//! The way in for clients of ours: a gRPC channel over mutual TLS 1.3.

use std::{io, sync::Arc};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName,
        pem::{self, PemObject as _},
    },
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// What a client shows and trusts, each as PEM.
#[derive(Clone, Copy)]
pub struct ClientPem<'a> {
    /// The certification authority of the server.
    pub authority: &'a [u8],
    /// The client's certificate chain.
    pub certificate: &'a [u8],
    /// The client's private key.
    pub key: &'a [u8],
}

/// Opens a channel to `endpoint`, such as `https://127.0.0.1:50551`. It reconnects when the connection is lost.
///
/// # Errors
/// When the PEM or the endpoint cannot be used, or the server cannot be reached. A certificate that the server
/// refuses shows at the first call, because TLS 1.3 answers it only then.
pub async fn connect(endpoint: &str, pem: ClientPem<'_>) -> Result<Channel, ConnectFault> {
    let connector = TlsConnector::from(Arc::new(settings(pem)?));
    let endpoint = Endpoint::from_shared(endpoint.to_owned())?;
    let dial = service_fn(move |uri: Uri| {
        let connector = connector.clone();
        async move { dial(&connector, &uri).await.map(TokioIo::new) }
    });
    Ok(endpoint.connect_with_connector(dial).await?)
}

/// The TLS settings of a client: TLS 1.3 only, HTTP/2.
///
/// # Errors
/// When the PEM cannot be used.
pub fn settings(pem: ClientPem<'_>) -> Result<ClientConfig, ConnectFault> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(pem.authority) {
        roots.add(authority?)?;
    }
    let chain = CertificateDer::pem_slice_iter(pem.certificate).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(pem.key)?;
    let mut settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    settings.alpn_protocols = vec![b"h2".to_vec()];
    Ok(settings)
}

async fn dial(connector: &TlsConnector, uri: &Uri) -> Result<TlsStream<TcpStream>, ConnectFault> {
    let host = uri.host().ok_or(ConnectFault::NoHost)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())?;
    let socket = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await?;
    socket.set_nodelay(true)?;
    Ok(connector.connect(name, socket).await?)
}

/// No channel could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFault {
    /// A certificate or key is no PEM.
    #[error("a certificate or key is not readable PEM: {0}")]
    Pem(#[from] pem::Error),
    /// Certificate and key cannot be used together.
    #[error("certificate, key and authority cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The endpoint names no host.
    #[error("the endpoint names no host")]
    NoHost,
    /// The endpoint's host is neither a DNS name nor an address.
    #[error("the endpoint's host is neither a DNS name nor an address: {0}")]
    Host(#[from] InvalidDnsNameError),
    /// The server cannot be reached, or the handshake failed.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// The channel failed; its source says why.
    #[error("the channel failed: {0}")]
    Channel(#[from] tonic::transport::Error),
}
