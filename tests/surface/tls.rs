//! Who has no certificate of the authority, or no TLS 1.3, is not let in.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::{
    bare, health_as,
    support::{Client, Pki, soon},
};

/// A ClientHello of TLS 1.2: no supported_versions extension. Source: RFC 5246 §7.4.1.2.
fn client_hello_of_tls_1_2() -> Vec<u8> {
    let extensions: &[&[u8]] = &[
        // supported_groups: secp256r1
        &[0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17],
        // signature_algorithms: ecdsa_secp256r1_sha256
        &[0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03],
    ];
    let extensions = extensions.concat();
    let mut body = vec![0x03, 0x03];
    body.extend([7; 32]);
    body.push(0);
    // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, no compression
    body.extend([0x00, 0x02, 0xc0, 0x2b, 0x01, 0x00]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let length = u16::try_from(body.len()).unwrap();
    let mut hello = vec![0x16, 0x03, 0x01];
    hello.extend((length + 4).to_be_bytes());
    hello.extend([0x01, 0x00]);
    hello.extend(length.to_be_bytes());
    hello.extend(body);
    hello
}

#[tokio::test]
async fn tls_1_2_is_refused_by_its_version() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(&client_hello_of_tls_1_2()).await.unwrap();
    let mut answer = Vec::new();
    soon(socket.read_to_end(&mut answer)).await.unwrap();
    // A fatal alert, protocol_version. Source: RFC 8446 §6.
    assert_eq!(answer, [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 70]);
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let pki = Pki::new();
    let server = bare(&pki).await;
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(pki.files.authority_certificate()).unwrap();
    roots.add(authority).unwrap();
    let settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(settings))
        .connect(name, socket)
        .await
        .unwrap();
    let read = soon(stream.read_u8()).await.unwrap_err();
    assert!(read.to_string().contains("CertificateRequired"), "{read}");
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let server = bare(&ours).await;
    let stranger = Client {
        authority: ours.operator().authority,
        ..theirs.operator()
    };
    health_as(&stranger, &server).await.unwrap_err();
    server
        .shows("chukan_connections_refused_total{reason=\"handshake\"} 1")
        .await;
    assert_eq!(
        health_as(&ours.operator(), &server).await.unwrap(),
        ServingStatus::Serving
    );
}
