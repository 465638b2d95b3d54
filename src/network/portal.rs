//! The portal's way into the network: the core system alone knows which symbols are of the person behind a portal token.

use jiff::Timestamp;

use super::{CoreSystem, NetworkFault};
use crate::{
    crypto::digest::sha256,
    domain::{
        codes::InstitutionCode,
        person::{ResidentCode, Symbol},
        portal::{PortalRefusal, PortalToken, PortalUse},
        record::Entry,
        refusal::Refusal,
        result::ResultCode,
    },
    store::Keeper,
};

/// What the portal is called where symbols are made.
const PORTAL: &str = "portal";

impl CoreSystem {
    /// A resident's portal token: the same in every world of the same seed.
    pub fn portal_token(&self, resident: &ResidentCode) -> PortalToken {
        let symbols = &self.parts.symbols;
        let link_code = symbols.link_code(resident.expose());
        PortalToken(Symbol(symbols.symbol(&link_code, PORTAL)))
    }

    /// The person's symbol at each institution that one was ever issued for, in the order of the codes.
    ///
    /// # Errors
    /// When the token is nobody's, or the state cannot be read.
    pub fn symbols_of(
        &self,
        token: &PortalToken,
    ) -> Result<Vec<(InstitutionCode, Symbol)>, NetworkFault> {
        let symbols = &self.parts.symbols;
        let link_code = symbols.invert(&token.0.0, PORTAL);
        let link_code = link_code.ok_or(Refusal::from(PortalRefusal::TokenUnknown))?;
        let mut found = Vec::new();
        for institution in self.parts.directory.iter() {
            let code = institution.code;
            if self.parts.state.is_issued(&link_code, code)? {
                found.push((code, Symbol(symbols.symbol(&link_code, code.as_str()))));
            }
        }
        found.sort_unstable_by_key(|(code, _)| *code);
        Ok(found)
    }

    /// Whether an institution answers the portal now.
    ///
    /// # Errors
    /// How the request ends instead.
    pub fn lets_portal_through(
        &self,
        institution: InstitutionCode,
        now: Timestamp,
    ) -> Result<(), ResultCode> {
        if !self.plan().is_open(now) {
            return Err(ResultCode::OutsideServiceHours);
        }
        self.reaches(institution, now)
    }

    /// Writes down that the portal was used, before anything is shown. The person is named by a digest of the token.
    ///
    /// # Errors
    /// When it cannot be written: nothing may be shown then.
    pub async fn record_portal_use(
        &self,
        token: &PortalToken,
        what: PortalUse,
        now: Timestamp,
    ) -> Result<(), NetworkFault> {
        let person_digest = data_encoding::HEXLOWER.encode(&sha256(&[&token.0.0]));
        let entry = Entry::PortalUsed {
            what,
            person_digest,
        };
        let records = &self.parts.records;
        drop(records.write(Keeper::Core, &entry, now).await?);
        Ok(())
    }
}
