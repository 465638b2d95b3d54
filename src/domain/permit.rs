//! 情報提供許可証: the core system's signed permission for one exchange, and its life.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{exchange::Subject, names::PermitId, result::ResultCode};

/// Stands in front of the terms when they are signed, so that the signature fits nothing else.
const SIGNED_AS: &[u8] = b"chukan provision permit v1\0";

/// What a permit permits. Every field is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermitTerms {
    /// The permit's name.
    pub permit_id: PermitId,
    /// When it was issued, by the world's clock.
    pub issued_at: Timestamp,
    /// Until when it is accepted, by the world's clock.
    pub expires_at: Timestamp,
    /// The exchange that it permits.
    pub subject: Subject,
    /// SHA-256 of `permit_id` and the person's symbol at the provider, in hexadecimal: the symbol itself is not in the permit, nor anything
    /// that another permit about the same person has.
    pub symbol_digest: String,
    /// SHA-256 of the public key that the answer must be sealed to, in hexadecimal.
    pub key_fingerprint: String,
    /// The row of the permission list that allows it, `<version>/<row>`.
    pub permission_row: String,
}

/// A permit as it travels: the terms' bytes as they were signed, and the signature over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPermit {
    /// The terms, as JSON.
    pub terms: Vec<u8>,
    /// By the core system: Ed25519, 64 bytes; longer when it was signed together with others (ADR 0008).
    pub signature: Vec<u8>,
}

impl SignedPermit {
    /// The bytes that the signature is made over.
    pub fn signed_bytes(terms: &[u8]) -> Vec<u8> {
        [SIGNED_AS, terms].concat()
    }
}

/// A permit whose signature fits. Only [`Permit::read`] makes one.
#[derive(Debug, Clone)]
pub struct Permit(PermitTerms);

/// A permit that may be used now, for this provider, person and key. Only [`Permit::check`] makes one.
#[derive(Debug, Clone)]
pub struct UsablePermit(PermitTerms);

impl Permit {
    /// Reads a permit after `verify` has said that the signature belongs to the bytes.
    ///
    /// # Errors
    /// [`PermitRefusal::Invalid`] when the signature or the form is wrong.
    pub fn read(
        permit: &SignedPermit,
        verify: impl FnOnce(&[u8], &[u8]) -> bool,
    ) -> Result<Self, PermitRefusal> {
        if !verify(
            &SignedPermit::signed_bytes(&permit.terms),
            &permit.signature,
        ) {
            return Err(PermitRefusal::Invalid("signature"));
        }
        serde_json::from_slice(&permit.terms)
            .map(Self)
            .map_err(|_| PermitRefusal::Invalid("form"))
    }

    /// The exchange that the permit names, usable or not.
    pub fn terms(&self) -> &PermitTerms {
        &self.0
    }

    /// Checks that the permit fits what came with it and may be used now.
    ///
    /// # Errors
    /// In this order: made for another provider, for another person, for another key, not yet or no longer valid.
    pub fn check(self, presented: &Presented<'_>) -> Result<UsablePermit, PermitRefusal> {
        let terms = self.0;
        if terms.subject.provider.as_str() != presented.provider {
            return Err(PermitRefusal::Invalid("provider"));
        }
        if terms.symbol_digest != presented.symbol_digest {
            return Err(PermitRefusal::Invalid("symbol"));
        }
        if terms.key_fingerprint != presented.key_fingerprint {
            return Err(PermitRefusal::Invalid("key"));
        }
        if presented.now < terms.issued_at {
            return Err(PermitRefusal::Invalid("issued in the future"));
        }
        if presented.now >= terms.expires_at {
            return Err(PermitRefusal::Expired);
        }
        Ok(UsablePermit(terms))
    }
}

impl UsablePermit {
    /// What it permits.
    pub fn terms(&self) -> &PermitTerms {
        &self.0
    }
}

/// What a permit is presented with.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The institution that is asked to provide.
    pub provider: &'a str,
    /// SHA-256 of the permit's id and the symbol that came with it, in hexadecimal.
    pub symbol_digest: &'a str,
    /// SHA-256 of the key that came with it, in hexadecimal.
    pub key_fingerprint: &'a str,
    /// Now, by the world's clock.
    pub now: Timestamp,
}

/// Why a permit is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PermitRefusal {
    /// It does not verify, or does not fit what came with it.
    #[error("the permit is not valid: {0}")]
    Invalid(&'static str),
    /// Its time has passed.
    #[error("the permit has expired")]
    Expired,
    /// It was used before.
    #[error("the permit was used before")]
    Used,
}

impl PermitRefusal {
    /// The result that the exchange ends with.
    pub fn code(self) -> ResultCode {
        match self {
            Self::Invalid(_) => ResultCode::PermitInvalid,
            Self::Expired => ResultCode::PermitExpired,
            Self::Used => ResultCode::PermitUsed,
        }
    }
}

#[cfg(test)]
mod tests;
