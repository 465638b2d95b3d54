//! What the development PKI promises, shown with real handshakes.

use std::sync::Arc;

use rustls::{
    ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection,
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, pem::PemObject,
    },
    server::WebPkiClientVerifier,
};
use tempfile::TempDir;
use x509_parser::{
    certificate::X509Certificate, parse_x509_certificate, prelude::FromDer as _,
    revocation_list::CertificateRevocationList,
};

use super::*;

const WARD: &str = "0220113112101700";
const NOT_BEFORE: i64 = 1_500_000_000;
const NOT_AFTER: i64 = 4_000_000_000;

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn validity() -> Validity {
    Validity {
        not_before: second(NOT_BEFORE),
        not_after: second(NOT_AFTER),
    }
}

fn ward() -> Identity {
    Identity::institution(WARD, None).unwrap()
}

fn tax() -> Identity {
    Identity::institution(WARD, Some("tax")).unwrap()
}

fn plan<'a>(server_names: &'a [String], clients: &'a [Identity]) -> PkiPlan<'a> {
    PkiPlan {
        server_names,
        clients,
        validity: validity(),
    }
}

fn new_pki() -> (TempDir, DevelopmentPki) {
    let temp = TempDir::new().unwrap();
    let names = ["chukan.test".to_owned()];
    let pki = DevelopmentPki::create(&temp.path().join("state/pki"), &plan(&names, &[ward()]));
    (temp, pki.unwrap())
}

fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

fn server_config(pki: &DevelopmentPki) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let list = CertificateRevocationListDer::from_pem_file(pki.revocation_list()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(pki), provider.clone())
        .with_crls([list])
        .build()
        .unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate(&pki.server_certificate())],
            PrivateKeyDer::from_pem_file(pki.server_key()).unwrap(),
        );
    Arc::new(config.unwrap())
}

fn roots(pki: &DevelopmentPki) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots
        .add(certificate(&pki.authority_certificate()))
        .unwrap();
    Arc::new(roots)
}

/// Shakes hands over memory as `identity`; gives whom the server saw, or why one side refused.
fn handshake(
    pki: &DevelopmentPki,
    identity: &Identity,
    server_name: &'static str,
) -> Result<Identity, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots(pki))
        .with_client_auth_cert(
            vec![certificate(&pki.client_certificate(identity))],
            PrivateKeyDer::from_pem_file(pki.client_key(identity)).unwrap(),
        )
        .unwrap();
    let name = ServerName::try_from(server_name).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(server_config(pki)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    let seen = server.peer_certificates().unwrap();
    Ok(Identity::from_certificate_der(&seen[0]).unwrap())
}

fn revoked_serials(pki: &DevelopmentPki) -> (u64, Vec<Vec<u8>>) {
    let der = CertificateRevocationListDer::from_pem_file(pki.revocation_list()).unwrap();
    let (_, list) = CertificateRevocationList::from_der(&der).unwrap();
    let serials = list
        .iter_revoked_certificates()
        .map(|entry| entry.raw_serial().to_vec());
    let number = u64::try_from(list.crl_number().unwrap()).unwrap();
    (number, serials.collect())
}

fn revoke(pki: &DevelopmentPki, identity: &Identity, at: i64) -> Result<(), PkiFault> {
    pki.revoke(
        &fs::read(pki.client_certificate(identity)).unwrap(),
        second(at),
    )
}

#[test]
fn the_server_sees_the_identity_that_was_issued() {
    let (_temp, pki) = new_pki();
    pki.issue_client(&tax(), validity()).unwrap();
    for identity in [ward(), tax(), Identity::Operator] {
        for name in ["localhost", "127.0.0.1", "::1", "chukan.test"] {
            assert_eq!(handshake(&pki, &identity, name), Ok(identity.clone()));
        }
    }
    let elsewhere = handshake(&pki, &ward(), "elsewhere.test");
    assert!(matches!(elsewhere, Err(Error::InvalidCertificate(_))));
}

#[test]
fn a_revoked_client_is_refused_and_stays_so_when_another_follows() {
    let (_temp, pki) = new_pki();
    pki.issue_client(&tax(), validity()).unwrap();
    let refused = Err(Error::InvalidCertificate(rustls::CertificateError::Revoked));
    assert_eq!(revoked_serials(&pki), (1, vec![]));

    revoke(&pki, &tax(), NOT_BEFORE + 5).unwrap();
    assert_eq!(handshake(&pki, &tax(), "localhost"), refused);
    assert_eq!(handshake(&pki, &ward(), "localhost"), Ok(ward()));

    revoke(&pki, &ward(), NOT_BEFORE + 9).unwrap();
    assert_eq!(handshake(&pki, &tax(), "localhost"), refused);
    assert_eq!(handshake(&pki, &ward(), "localhost"), refused);
    assert_eq!(
        handshake(&pki, &Identity::Operator, "localhost"),
        Ok(Identity::Operator)
    );

    let (number, serials) = revoked_serials(&pki);
    assert_eq!((number, serials.len()), (3, 2));
    revoke(&pki, &ward(), NOT_BEFORE + 10).unwrap();
    assert_eq!(revoked_serials(&pki), (number, serials));
}

#[test]
fn a_certificate_of_another_authority_is_neither_accepted_nor_revoked() {
    let (_temp, pki) = new_pki();
    let (_other_temp, other) = new_pki();
    for (from, to) in [
        (
            other.client_certificate(&ward()),
            pki.client_certificate(&ward()),
        ),
        (other.client_key(&ward()), pki.client_key(&ward())),
    ] {
        fs::copy(from, to).unwrap();
    }
    let stranger = handshake(&pki, &ward(), "localhost");
    assert!(matches!(stranger, Err(Error::InvalidCertificate(_))));
    assert!(matches!(
        revoke(&pki, &ward(), NOT_BEFORE + 5),
        Err(PkiFault::Certificate(CertificateFault::NotIssuedHere))
    ));
    assert_eq!(revoked_serials(&pki), (1, vec![]));
}

#[test]
fn a_server_certificate_is_no_client_certificate() {
    let (_temp, pki) = new_pki();
    fs::copy(pki.server_certificate(), pki.client_certificate(&ward())).unwrap();
    fs::copy(pki.server_key(), pki.client_key(&ward())).unwrap();
    let outcome = handshake(&pki, &ward(), "localhost");
    assert!(matches!(outcome, Err(Error::InvalidCertificate(_))));
}

#[test]
fn every_certificate_is_valid_exactly_as_long_as_asked() {
    let (_temp, pki) = new_pki();
    for path in [
        pki.authority_certificate(),
        pki.server_certificate(),
        pki.client_certificate(&ward()),
        pki.client_certificate(&Identity::Operator),
    ] {
        let der = certificate(&path);
        let (_, read): (_, X509Certificate<'_>) = parse_x509_certificate(&der).unwrap();
        let read = read.validity();
        assert_eq!(read.not_before.timestamp(), NOT_BEFORE);
        assert_eq!(read.not_after.timestamp(), NOT_AFTER);
    }
    let inverted = Validity {
        not_before: second(9),
        not_after: second(9),
    };
    assert!(matches!(
        pki.issue_client(&tax(), inverted),
        Err(PkiFault::Certificate(CertificateFault::BadValidity))
    ));
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let (temp, pki) = new_pki();
    let dir = temp.path().join("state/pki");
    let before = fs::read(pki.server_key()).unwrap();
    let again = DevelopmentPki::create(&dir, &plan(&[], &[]));
    assert!(matches!(again, Err(PkiFault::AlreadyThere { .. })));
    let reissued = pki.issue_client(&ward(), validity());
    assert!(matches!(reissued, Err(PkiFault::AlreadyThere { .. })));
    let loaded = DevelopmentPki::load_or_create(&dir, &plan(&[], &[])).unwrap();
    assert_eq!(fs::read(loaded.server_key()).unwrap(), before);

    fs::remove_file(pki.revocation_list()).unwrap();
    let loaded = DevelopmentPki::load_or_create(&dir, &plan(&[], &[]));
    assert!(matches!(loaded, Err(PkiFault::Missing { path }) if path.ends_with("crl.pem")));
}

#[test]
fn a_plan_that_fails_leaves_nothing_behind() {
    let temp = TempDir::new().unwrap();
    let names = ["名前".to_owned()];
    let made = DevelopmentPki::create(&temp.path().join("pki"), &plan(&names, &[]));
    assert!(matches!(
        made,
        Err(PkiFault::Certificate(CertificateFault::Encoding(_)))
    ));
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_keys_and_nothing_unfinished_stays_behind() {
    use std::os::unix::fs::PermissionsExt;
    let (temp, pki) = new_pki();
    pki.issue_client(&tax(), validity()).unwrap();
    revoke(&pki, &tax(), NOT_BEFORE + 5).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut names = Vec::new();
    for dir in [pki.dir.clone(), pki.dir.join("clients")] {
        assert_eq!(mode(&dir), 0o700);
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with(".key.pem") {
                assert_eq!(mode(&path), 0o600, "{name}");
            }
            names.push(name);
        }
    }
    names.sort();
    let expected = [
        "0220113112101700-tax.key.pem",
        "0220113112101700-tax.pem",
        "0220113112101700.key.pem",
        "0220113112101700.pem",
        "ca.key.pem",
        "ca.pem",
        "clients",
        "crl.pem",
        "operator.key.pem",
        "operator.pem",
        "portal.key.pem",
        "portal.pem",
        "server.key.pem",
        "server.pem",
    ];
    assert_eq!(names, expected);
    assert_eq!(fs::read_dir(temp.path().join("state")).unwrap().count(), 1);
}
