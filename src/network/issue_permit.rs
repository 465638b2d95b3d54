//! The core system's decision on a request: permission list, symbol, and then a signed permit. Source: 番号法 §21(2).

use jiff::Timestamp;

use super::{CoreSystem, NetworkFault};
use crate::{
    crypto::digest::{random_bytes, sha256, symbol_in_permit},
    domain::{
        exchange::{ExchangeRequest, Outcome, ProvisionOrder, Side},
        names::PermitId,
        permission_list::{Decision, Question},
        permit::{PermitTerms, SignedPermit},
        result::ResultCode,
    },
};

/// What the core system decides.
#[derive(Debug)]
pub enum Issued {
    /// The order goes to the provider.
    Order {
        /// The permit and what goes with it.
        order: ProvisionOrder,
        /// The permit's name.
        permit_id: PermitId,
        /// The row of the list that allowed it, `<version>/<row>`.
        permission_row: String,
        /// The provision of law.
        legal_basis: String,
    },
    /// The core system ends the exchange, and why.
    Refused(Outcome, &'static str),
}

impl CoreSystem {
    /// Decides on a request, and signs a permit for it, alone.
    ///
    /// # Errors
    /// When the state cannot be read, or the operating system gives no random bytes.
    pub fn issue_permit(
        &self,
        request: &ExchangeRequest,
        now: Timestamp,
    ) -> Result<Issued, NetworkFault> {
        let mut issued = self.decide(request, now)?;
        if let Issued::Order { order, .. } = &mut issued {
            let message = SignedPermit::signed_bytes(&order.permit.terms);
            order.permit.signature = self.parts.signing.sign(&message).to_vec();
        }
        Ok(issued)
    }

    /// Decides on a request, and signs a permit for it together with those that are ready at the same moment.
    ///
    /// # Errors
    /// As [`CoreSystem::issue_permit`], and when who was signing has ended by a panic.
    pub async fn issue_permit_among_others(
        &self,
        request: &ExchangeRequest,
        now: Timestamp,
    ) -> Result<Issued, NetworkFault> {
        let mut issued = self.decide(request, now)?;
        if let Issued::Order { order, .. } = &mut issued {
            let message = SignedPermit::signed_bytes(&order.permit.terms);
            order.permit.signature = self.waiting.sign(&self.parts.signing, message).await?;
        }
        Ok(issued)
    }

    /// What the core system decides; the permit is not signed yet.
    fn decide(&self, request: &ExchangeRequest, now: Timestamp) -> Result<Issued, NetworkFault> {
        let subject = &request.subject;
        let refused = |code, why| {
            Ok(Issued::Refused(
                Outcome::without_answer(code, Side::Core),
                why,
            ))
        };
        let directory = &self.parts.directory;
        let parties = directory
            .find(subject.inquirer)
            .zip(directory.find(subject.provider));
        let Some((inquirer, provider)) = parties else {
            return refused(ResultCode::CommunicationError, "提供機関への経路がない");
        };
        let question = Question {
            inquirer,
            affair: subject.affair,
            procedure: subject.procedure,
            provider,
            specific_info: subject.specific_info,
            at: now,
        };
        let Decision::Allowed(permission) = self.parts.list.decide(&question) else {
            return refused(
                ResultCode::NotPermitted,
                "照会許可照合リストに該当する行がない",
            );
        };
        let converted = self.convert_symbol(&request.symbol, subject.inquirer, subject.provider)?;
        let Some(symbol) = converted else {
            return refused(
                ResultCode::SymbolMissing,
                "提供機関の符号が発行されていない",
            );
        };
        if let Err(code) = self.reaches(subject.provider, now) {
            return refused(code, "提供機関から応答がない");
        }
        let permit_id = PermitId(random_bytes()?);
        let terms = PermitTerms {
            permit_id,
            issued_at: now,
            expires_at: now
                .checked_add(self.parts.permit_period)
                .unwrap_or(Timestamp::MAX),
            subject: subject.clone(),
            symbol_digest: symbol_in_permit(permit_id, &symbol),
            key_fingerprint: hex_digest(&request.sealing_key),
            permission_row: permission.row(),
        };
        let terms = serde_json::to_vec(&terms)?;
        Ok(Issued::Order {
            order: ProvisionOrder {
                permit: SignedPermit {
                    terms,
                    signature: Vec::new(),
                },
                symbol,
                sealing_key: request.sealing_key,
            },
            permit_id,
            permission_row: permission.row(),
            legal_basis: permission.legal_basis().to_owned(),
        })
    }
}

fn hex_digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&sha256(&[bytes]))
}
