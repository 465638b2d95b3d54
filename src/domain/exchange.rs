//! The messages of an exchange: what the inquirer's server, the core system and the provider's server send each other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    codes::{AffairCode, InstitutionCode, ItemCode, ProcedureCode, SpecificInfoCode},
    condition::Condition,
    deciding::RefusalReason,
    names::{PermitId, ProcessingSerial},
    permit::SignedPermit,
    person::Symbol,
    result::ResultCode,
    selection::{Answer, Withheld},
};

/// What an exchange is about: the same at the inquirer, the core system and the provider, and in all three records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// 処理通番.
    pub serial: ProcessingSerial,
    /// 照会日時.
    pub requested_at: Timestamp,
    /// 照会者.
    pub inquirer: InstitutionCode,
    /// 委任元 on the inquirer's side.
    pub delegator: Option<InstitutionCode>,
    /// 事務.
    pub affair: AffairCode,
    /// 事務手続.
    pub procedure: ProcedureCode,
    /// 提供者, after resolving a ward to its city.
    pub provider: InstitutionCode,
    /// 委任元 on the provider's side.
    pub provider_delegator: Option<InstitutionCode>,
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
    /// 特定個人情報項目; empty where all were asked for.
    pub items: Vec<ItemCode>,
    /// Which records were asked for.
    pub condition: Condition,
    /// 不開示 as the inquirer set it.
    pub nondisclosure: bool,
}

/// 情報提供の求め: what the inquirer's server sends to the core system.
#[derive(Debug, Clone)]
pub struct ExchangeRequest {
    /// What it is about.
    pub subject: Subject,
    /// The person, as the inquirer's institution knows them on the network.
    pub symbol: Symbol,
    /// The X25519 public key that the answer is to be sealed to.
    pub sealing_key: [u8; 32],
}

/// What the core system sends to the provider's server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionOrder {
    /// 情報提供許可証.
    pub permit: SignedPermit,
    /// The person, as the provider's institution knows them on the network.
    pub symbol: Symbol,
    /// The X25519 public key to seal to. The permit binds its fingerprint.
    pub sealing_key: [u8; 32],
}

/// An answer sealed to the inquirer's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedAnswer {
    /// The encapsulated key.
    #[serde(with = "base64_bytes")]
    pub encapsulated_key: Vec<u8>,
    /// The ciphertext with its tag.
    #[serde(with = "base64_bytes")]
    pub ciphertext: Vec<u8>,
    /// Binds the answer to the permit; in a kept context, the context to the provider.
    #[serde(with = "base64_bytes")]
    pub info: Vec<u8>,
    /// Binds the answer to the exchange.
    #[serde(with = "base64_bytes")]
    pub aad: Vec<u8>,
    /// SHA-256 of the public key it is sealed to.
    #[serde(with = "base64_bytes")]
    pub key_fingerprint: Vec<u8>,
    /// Binds an answer in a kept context to the permit, and numbers it; empty for an answer that was sealed by itself.
    #[serde(with = "base64_bytes", default)]
    pub export_context: Box<[u8]>,
}

impl SealedAnswer {
    /// HPKE `info` of an answer that is sealed by itself and given under the permit whose terms have this SHA-256.
    pub fn info(permit_digest: &[u8; 32]) -> Vec<u8> {
        [b"chukan sealed answer v1\0".as_slice(), permit_digest].concat()
    }

    /// HPKE `info` of the contexts that a provider keeps.
    pub fn kept_info(provider: InstitutionCode) -> Vec<u8> {
        [b"chukan kept context v1\0", provider.as_str().as_bytes()].concat()
    }

    /// What an answer's key is exported for from a kept context, but for its number there.
    pub fn binding(permit_digest: &[u8; 32]) -> Vec<u8> {
        [b"chukan answer key v1\0".as_slice(), permit_digest].concat()
    }

    /// HPKE `aad` of the answer in this exchange.
    pub fn aad(serial: ProcessingSerial) -> Vec<u8> {
        serial.to_string().into_bytes()
    }
}

/// What is sealed, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provided {
    /// The records that fit.
    pub answer: Answer,
    /// What fits and was not sent; empty for a full answer.
    pub withheld: Vec<Withheld>,
}

impl Provided {
    /// The same with every value masked.
    pub fn masked(mut self) -> Self {
        for record in &mut self.answer.records {
            for set in &mut record.content {
                set.mask();
            }
        }
        self
    }
}

/// SHA-256 of a sealed answer's encapsulated key and ciphertext: what the records keep of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AnswerDigest(pub [u8; 32]);

impl TryFrom<String> for AnswerDigest {
    type Error = data_encoding::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        let mut read = data_encoding::HEXLOWER.decode(text.as_bytes())?;
        read.resize(bytes.len(), 0);
        bytes.copy_from_slice(&read);
        Ok(Self(bytes))
    }
}

impl From<AnswerDigest> for String {
    fn from(digest: AnswerDigest) -> Self {
        data_encoding::HEXLOWER.encode(&digest.0)
    }
}

/// Which of the three parties of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The inquirer's intermediate server.
    Inquirer,
    /// The core system.
    Core,
    /// The provider's intermediate server.
    Provider,
}

/// How an exchange ended: the same words in all three records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The result.
    pub code: ResultCode,
    /// Who decided it.
    pub decided_by: Side,
    /// 提供日時, where something was provided.
    pub provided_at: Option<Timestamp>,
    /// The digest of the sealed answer, where there is one.
    pub answer_digest: Option<AnswerDigest>,
    /// Why the provider's staff refused, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalReason>,
}

impl Outcome {
    /// An end without an answer.
    pub fn without_answer(code: ResultCode, decided_by: Side) -> Self {
        Self {
            code,
            decided_by,
            provided_at: None,
            answer_digest: None,
            refusal: None,
        }
    }

    /// 提供拒否 by the provider's staff.
    pub fn refused(reason: RefusalReason) -> Self {
        Self {
            refusal: Some(reason),
            ..Self::without_answer(ResultCode::RefusedByProvider, Side::Provider)
        }
    }
}

/// What the provider's server sends back.
#[derive(Debug, Clone)]
pub enum ProvisionReply {
    /// It ended, with the sealed answer where there is one.
    Ended(Outcome, Option<SealedAnswer>),
    /// A human must decide.
    Held,
}

/// What the core system sends back to the inquirer's server.
#[derive(Debug, Clone)]
pub struct Relayed {
    /// What the provider sent, or how the core system ended it.
    pub reply: ProvisionReply,
    /// The permit, where one was issued, and the row of the permission list that allowed it.
    pub permit: Option<(PermitId, String)>,
}

impl Relayed {
    /// An end before any permit was issued.
    pub fn without_permit(outcome: Outcome) -> Self {
        Self {
            reply: ProvisionReply::Ended(outcome, None),
            permit: None,
        }
    }
}

/// Bytes as base64 text in JSON.
mod base64_bytes {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: From<Vec<u8>>>(
        from: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
        Ok(bytes.into())
    }
}
