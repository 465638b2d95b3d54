//! Seals an answer to the inquirer's key: in the context kept for that key, or by itself. TKY.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::{
    crypto::{digest::sha256, sealing::seal, sealing_key::SealingPublicKey},
    domain::{
        exchange::{AnswerDigest, Outcome, Provided, SealedAnswer, Side},
        provision::Provision,
        result::ResultCode,
    },
};

impl IntermediateServer {
    pub(super) fn seal_answer(
        &self,
        provision: &Provision,
        provided: &Provided,
        now: Timestamp,
    ) -> Result<(Outcome, SealedAnswer), ActFault> {
        let key = SealingPublicKey::from_bytes(&provision.sealing_key)?;
        let aad = SealedAnswer::aad(provision.subject.serial);
        let plaintext = serde_json::to_vec(provided)?;
        let permit = &provision.permit_digest;
        let (info, sealed) = if self.contexts.keeps() {
            let info = SealedAnswer::kept_info(self.profile.code);
            let binding = SealedAnswer::binding(permit);
            let contexts = &self.contexts;
            let sealed = contexts.seal((&key, &info), (&binding, &aad), &plaintext, now)?;
            (info, sealed)
        } else {
            let info = SealedAnswer::info(permit);
            let sealed = seal(&key, &info, &aad, &plaintext)?;
            (info, sealed)
        };
        let digest = sha256(&[&sealed.encapsulated_key, &sealed.ciphertext]);
        let answer = SealedAnswer {
            encapsulated_key: sealed.encapsulated_key.to_vec(),
            ciphertext: sealed.ciphertext,
            info,
            aad,
            key_fingerprint: key.fingerprint().0.to_vec(),
            export_context: sealed.export_context.into(),
        };
        let code = if provided.withheld.is_empty() {
            ResultCode::EndedNormally
        } else {
            ResultCode::PartlyProvided
        };
        let outcome = Outcome {
            code,
            decided_by: Side::Provider,
            provided_at: Some(now),
            answer_digest: Some(AnswerDigest(digest)),
            refusal: None,
        };
        Ok((outcome, answer))
    }
}
