//! Issuing of development certificates and revocation lists; keys are P-256, which every gRPC stack accepts.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use x509_parser::{
    certificate::X509Certificate, pem::parse_x509_pem, revocation_list::CertificateRevocationList,
};
use zeroize::Zeroizing;

use super::{digest::random_bytes, identity::Identity, signing::KeyFault};

/// The common name of the development certification authority.
pub const AUTHORITY_NAME: &str = "Chukan development CA";

/// Length of a certificate's serial number in bytes. Source: RFC 5280 §4.1.2.2 allows 20.
const SERIAL_BYTES: usize = 16;

/// From when until when a certificate is valid, both inclusive, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last moment.
    pub not_after: Timestamp,
}

/// A certificate and its private key, both as PEM.
pub(super) struct Issued {
    pub(super) certificate_pem: String,
    pub(super) key_pem: Zeroizing<String>,
}

/// The certification authority, ready to sign.
pub(super) struct Authority(Issuer<'static, KeyPair>);

/// One entry of a revocation list.
struct Revoked {
    serial: Vec<u8>,
    at_seconds: i64,
}

impl Authority {
    /// Makes a new authority.
    pub(super) fn create(validity: Validity) -> Result<(Self, Issued), CertificateFault> {
        let mut params = params(AUTHORITY_NAME, validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = new_key()?;
        let issued = Issued {
            certificate_pem: params.self_signed(&key)?.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        };
        Ok((Self(Issuer::new(params, key)), issued))
    }

    /// Restores an authority from its two files.
    pub(super) fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, CertificateFault> {
        let key = KeyPair::from_pem(key_pem)?;
        Ok(Self(Issuer::from_ca_cert_pem(certificate_pem, key)?))
    }

    /// A server's certificate for these DNS names and IP addresses.
    pub(super) fn server(
        &self,
        names: Vec<String>,
        validity: Validity,
    ) -> Result<Issued, CertificateFault> {
        let mut params = params("Chukan server", validity)?;
        params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// A client's certificate, whose only alternative name is the URI of `identity`.
    pub(super) fn client(
        &self,
        identity: &Identity,
        validity: Validity,
    ) -> Result<Issued, CertificateFault> {
        let mut params = params("Chukan client", validity)?;
        let uri = identity.to_string().try_into()?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> Result<Issued, CertificateFault> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        Ok(Issued {
            certificate_pem: params.signed_by(&key, &self.0)?.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// The first revocation list, with no entry.
    pub(super) fn empty_list(&self, validity: Validity) -> Result<String, CertificateFault> {
        self.list(1, Vec::new(), validity)
    }

    /// The list after `old_pem` with `certificate_pem` added, or `None` when it stands there already.
    pub(super) fn next_list(
        &self,
        old_pem: &[u8],
        certificate_pem: &[u8],
        validity: Validity,
    ) -> Result<Option<String>, CertificateFault> {
        let old = der(old_pem)?;
        let (_, old) = x509_parser::parse_x509_crl(&old).map_err(|_| CertificateFault::BadList)?;
        let certificate = der(certificate_pem)?;
        let certificate = parsed(&certificate)?;
        if !self.signed(&certificate) {
            return Err(CertificateFault::NotIssuedHere);
        }
        let serial = certificate.raw_serial();
        let mut revoked = entries(&old);
        if revoked.iter().any(|entry| entry.serial == serial) {
            return Ok(None);
        }
        revoked.push(Revoked {
            serial: serial.to_vec(),
            at_seconds: validity.not_before.as_second(),
        });
        let number = old
            .crl_number()
            .and_then(|number| u64::try_from(number).ok());
        let next = number
            .and_then(|number| number.checked_add(1))
            .ok_or(CertificateFault::BadList)?;
        self.list(next, revoked, validity).map(Some)
    }

    fn list(
        &self,
        number: u64,
        revoked: Vec<Revoked>,
        validity: Validity,
    ) -> Result<String, CertificateFault> {
        let revoked_certs = revoked
            .into_iter()
            .map(|entry| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from(entry.serial),
                    revocation_time: date_time_ymd(1970, 1, 1) + since_1970(entry.at_seconds)?,
                    reason_code: None,
                    invalidity_date: None,
                })
            })
            .collect::<Result<_, CertificateFault>>()?;
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(1970, 1, 1) + since_1970(validity.not_before.as_second())?,
            next_update: date_time_ymd(1970, 1, 1) + since_1970(validity.not_after.as_second())?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.0)?.pem()?)
    }

    fn signed(&self, certificate: &X509Certificate<'_>) -> bool {
        let public = self.0.key().public_key_raw();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public)
            .verify(
                certificate.tbs_certificate.as_ref(),
                &certificate.signature_value.data,
            )
            .is_ok()
    }
}

/// The last second of a certificate's validity.
pub(super) fn not_after(certificate_pem: &[u8]) -> Result<Timestamp, CertificateFault> {
    let certificate = der(certificate_pem)?;
    let seconds = parsed(&certificate)?.validity().not_after.timestamp();
    Timestamp::from_second(seconds).map_err(|_| CertificateFault::BadValidity)
}

/// A certificate or a revocation list could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// A key, a certificate or a name could not be encoded or read.
    #[error(transparent)]
    Encoding(#[from] rcgen::Error),
    /// The validity ends before it begins, or lies before 1970.
    #[error("the validity ends before it begins, or lies before 1970")]
    BadValidity,
    /// The file does not hold a PEM certificate.
    #[error("this is not a certificate in PEM form")]
    BadCertificate,
    /// The revocation list cannot be read, so its entries would be lost.
    #[error("the present revocation list cannot be read")]
    BadList,
    /// The certificate is not signed by this authority.
    #[error("the certificate is not signed by this certification authority")]
    NotIssuedHere,
}

impl From<rcgen::InvalidAsn1String> for CertificateFault {
    fn from(source: rcgen::InvalidAsn1String) -> Self {
        Self::Encoding(rcgen::Error::InvalidAsn1String(source))
    }
}

fn new_key() -> Result<KeyPair, CertificateFault> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

fn params(name: &str, validity: Validity) -> Result<CertificateParams, CertificateFault> {
    if validity.not_after <= validity.not_before {
        return Err(CertificateFault::BadValidity);
    }
    // A serial number is a positive integer without leading zeros: RFC 5280 §4.1.2.2, X.690 §8.3.2.
    let mut serial = random_bytes::<SERIAL_BYTES>()?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970(validity.not_before.as_second())?;
    params.not_after = date_time_ymd(1970, 1, 1) + since_1970(validity.not_after.as_second())?;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// UTC seconds as what has to be added to the start of 1970, because rcgen's date type has no other door.
fn since_1970(utc_seconds: i64) -> Result<Duration, CertificateFault> {
    let seconds = u64::try_from(utc_seconds).map_err(|_| CertificateFault::BadValidity)?;
    Ok(Duration::from_secs(seconds))
}

fn entries(list: &CertificateRevocationList<'_>) -> Vec<Revoked> {
    list.iter_revoked_certificates()
        .map(|entry| Revoked {
            serial: entry.raw_serial().to_vec(),
            at_seconds: entry.revocation_date.timestamp(),
        })
        .collect()
}

fn der(pem: &[u8]) -> Result<Vec<u8>, CertificateFault> {
    let (_, pem) = parse_x509_pem(pem).map_err(|_| CertificateFault::BadCertificate)?;
    Ok(pem.contents)
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, CertificateFault> {
    let (_, certificate) =
        x509_parser::parse_x509_certificate(der).map_err(|_| CertificateFault::BadCertificate)?;
    Ok(certificate)
}
