//! Who calls: the one URI of ours in the certificate's subject alternative names, never the common name.

use std::{fmt, str::FromStr};

use x509_parser::{extensions::GeneralName, parse_x509_certificate};

/// Digits of an institution code. Its other rules are the domain type's.
const INSTITUTION_DIGITS: usize = 16;

/// Longest name of a business system, in characters.
const SYSTEM_NAME_MAX: usize = 32;

const OURS: &str = "urn:chukan:";

/// The holder of a client certificate. Its `Display` is the URI in the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// An institution, or one of its business systems: `urn:chukan:institution:<code>[/<system>]`.
    Institution {
        /// The institution code: 16 digits, not checked further.
        code: String,
        /// The business system, when the certificate names one: `[a-z0-9-]{1,32}`.
        system: Option<String>,
    },
    /// Whoever runs the simulator: `urn:chukan:operator`.
    Operator,
    /// The portal, through which people see what concerns them: `urn:chukan:portal`.
    Portal,
}

impl Identity {
    /// Reads the holder out of a certificate whose chain and validity TLS has verified already.
    ///
    /// Names of other kinds (DNS, addresses) say nothing about the holder and are passed over.
    ///
    /// # Errors
    /// When the bytes are no certificate, or hold no URI, more than one, a foreign one or a malformed one.
    pub fn from_certificate_der(der: &[u8]) -> Result<Self, IdentityFault> {
        let (rest, certificate) =
            parse_x509_certificate(der).map_err(|_| IdentityFault::Unreadable)?;
        if !rest.is_empty() {
            return Err(IdentityFault::Unreadable);
        }
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| IdentityFault::Unreadable)?;
        let mut uris = names
            .iter()
            .flat_map(|names| &names.value.general_names)
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some(*uri),
                _ => None,
            });
        let uri = uris.next().ok_or(IdentityFault::NoUri)?;
        if uris.next().is_some() {
            return Err(IdentityFault::SeveralUris);
        }
        uri.parse()
    }
}

impl FromStr for Identity {
    type Err = IdentityFault;

    fn from_str(uri: &str) -> Result<Self, IdentityFault> {
        let ours = uri.strip_prefix(OURS).ok_or(IdentityFault::ForeignUri)?;
        if ours == "operator" {
            return Ok(Self::Operator);
        }
        if ours == "portal" {
            return Ok(Self::Portal);
        }
        let institution = ours
            .strip_prefix("institution:")
            .ok_or(IdentityFault::UnknownKind)?;
        let (code, system) = match institution.split_once('/') {
            Some((code, system)) => (code, Some(system)),
            None => (institution, None),
        };
        Self::institution(code, system)
    }
}

impl Identity {
    /// An institution, or with `system` one of its business systems.
    ///
    /// # Errors
    /// When the code is not 16 digits or the system's name is not `[a-z0-9-]{1,32}`.
    pub fn institution(code: &str, system: Option<&str>) -> Result<Self, IdentityFault> {
        if code.len() != INSTITUTION_DIGITS || !code.bytes().all(|b| b.is_ascii_digit()) {
            return Err(IdentityFault::MalformedCode);
        }
        if !system.is_none_or(is_system_name) {
            return Err(IdentityFault::MalformedSystem);
        }
        Ok(Self::Institution {
            code: code.to_owned(),
            system: system.map(str::to_owned),
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Institution { code, system: None } => write!(f, "{OURS}institution:{code}"),
            Self::Institution {
                code,
                system: Some(system),
            } => write!(f, "{OURS}institution:{code}/{system}"),
            Self::Operator => write!(f, "{OURS}operator"),
            Self::Portal => write!(f, "{OURS}portal"),
        }
    }
}

/// Why a certificate names nobody. Each is a refusal of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// The bytes are not one X.509 certificate.
    #[error("the bytes are not one X.509 certificate")]
    Unreadable,
    /// There is no URI among the subject alternative names.
    #[error("the certificate has no URI among its subject alternative names")]
    NoUri,
    /// There is more than one URI, so the holder is ambiguous.
    #[error("the certificate has more than one URI among its subject alternative names")]
    SeveralUris,
    /// The URI does not begin with `urn:chukan:`.
    #[error("the certificate's URI does not begin with urn:chukan:")]
    ForeignUri,
    /// The URI is ours, but names neither an institution nor the operator nor the portal.
    #[error("the certificate's URI names neither an institution nor the operator nor the portal")]
    UnknownKind,
    /// The institution code is not 16 digits.
    #[error("the institution code in the certificate's URI is not 16 digits")]
    MalformedCode,
    /// The business system's name is not `[a-z0-9-]{1,32}`.
    #[error("the business system in the certificate's URI is not 1 to 32 of a-z, 0-9 and -")]
    MalformedSystem,
}

fn is_system_name(name: &str) -> bool {
    (1..=SYSTEM_NAME_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate_with(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(
            DnType::CommonName,
            "urn:chukan:institution:0220113112101700",
        );
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn uri(text: &str) -> SanType {
        SanType::URI(text.try_into().unwrap())
    }

    fn read(names: Vec<SanType>) -> Result<Identity, IdentityFault> {
        Identity::from_certificate_der(&certificate_with(names))
    }

    #[test]
    fn the_common_name_is_never_the_identity() {
        assert_eq!(read(vec![]), Err(IdentityFault::NoUri));
        let dns = SanType::DnsName("localhost".try_into().unwrap());
        assert_eq!(read(vec![dns]), Err(IdentityFault::NoUri));
    }

    #[test]
    fn two_uris_are_refused_whatever_they_say() {
        let ours = || uri("urn:chukan:operator");
        assert_eq!(read(vec![ours(), ours()]), Err(IdentityFault::SeveralUris));
        let foreign = uri("spiffe://example.org/x");
        assert_eq!(read(vec![ours(), foreign]), Err(IdentityFault::SeveralUris));
    }

    #[test]
    fn malformed_and_foreign_uris_are_refused_with_their_reason() {
        use IdentityFault::*;
        let long = format!("urn:chukan:institution:0220113112101700/{}", "a".repeat(33));
        for (text, reason) in [
            ("spiffe://example.org/x", ForeignUri),
            ("URN:CHUKAN:operator", ForeignUri),
            ("urn:chukan:", UnknownKind),
            ("urn:chukan:operator/x", UnknownKind),
            ("urn:chukan:portal/x", UnknownKind),
            ("urn:chukan:institution", UnknownKind),
            ("urn:chukan:institution:", MalformedCode),
            ("urn:chukan:institution:022011311210170", MalformedCode),
            ("urn:chukan:institution:02201131121017000", MalformedCode),
            ("urn:chukan:institution:022011311210170x", MalformedCode),
            ("urn:chukan:institution:0220113112101700/", MalformedSystem),
            (
                "urn:chukan:institution:0220113112101700/Tax",
                MalformedSystem,
            ),
            (
                "urn:chukan:institution:0220113112101700/a/b",
                MalformedSystem,
            ),
            (long.as_str(), MalformedSystem),
        ] {
            assert_eq!(read(vec![uri(text)]), Err(reason), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_one_certificate_are_refused() {
        assert_eq!(
            Identity::from_certificate_der(b"no certificate"),
            Err(IdentityFault::Unreadable)
        );
        let mut with_rest = certificate_with(vec![uri("urn:chukan:operator")]);
        with_rest.push(0);
        assert_eq!(
            Identity::from_certificate_der(&with_rest),
            Err(IdentityFault::Unreadable)
        );
    }

    #[test]
    fn our_uris_are_read_and_written_alike() {
        let code = "0220113112101700";
        for identity in [
            Identity::Operator,
            Identity::Portal,
            Identity::institution(code, None).unwrap(),
            Identity::institution(code, Some("tax-2")).unwrap(),
        ] {
            let names = vec![uri(&identity.to_string())];
            assert_eq!(read(names), Ok(identity));
        }
    }

    proptest! {
        #[test]
        fn a_damaged_certificate_is_read_or_refused_but_never_panics(
            place in any::<proptest::sample::Index>(),
            flip in 1_u8..,
        ) {
            let identity = Identity::institution("0220113112101700", Some("tax")).unwrap();
            let mut der = certificate_with(vec![uri(&identity.to_string())]);
            let length = der.len();
            der[place.index(length)] ^= flip;
            // What was read is written as a URI that reads the same again.
            if let Ok(read) = Identity::from_certificate_der(&der) {
                prop_assert_eq!(read.to_string().parse(), Ok(read));
            }
        }
    }
}
