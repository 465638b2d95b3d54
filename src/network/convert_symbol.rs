//! Makes a person's symbol for an institution, and turns one institution's symbol into another's.

use super::{CoreSystem, NetworkFault};
use crate::domain::{
    codes::InstitutionCode,
    person::{ResidentCode, Symbol},
};

impl CoreSystem {
    /// The symbol of a resident at an institution, made from the person's link code. Nothing is stored: the same
    /// person always has the same link code.
    pub fn symbol_of(
        &self,
        resident: &ResidentCode,
        institution: InstitutionCode,
    ) -> (Symbol, [u8; 16]) {
        let symbols = &self.parts.symbols;
        let link_code = symbols.link_code(resident.expose());
        let symbol = symbols.symbol(&link_code, institution.as_str());
        (Symbol(symbol), link_code)
    }

    /// Makes a resident's symbol for an institution and notes that it was issued.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn issue_symbol(
        &self,
        resident: &ResidentCode,
        institution: InstitutionCode,
    ) -> Result<Symbol, NetworkFault> {
        let (symbol, link_code) = self.symbol_of(resident, institution);
        self.parts
            .state
            .note_issued(&link_code, institution)
            .await?;
        Ok(symbol)
    }

    /// The symbol, at `to`, of the person whose symbol at `from` this is. Nothing when the symbol is not one of
    /// `from`'s, or none was ever issued for `to`.
    pub(crate) fn convert_symbol(
        &self,
        symbol: &Symbol,
        from: InstitutionCode,
        to: InstitutionCode,
    ) -> Result<Option<Symbol>, NetworkFault> {
        let symbols = &self.parts.symbols;
        let Some(link_code) = symbols.invert(&symbol.0, from.as_str()) else {
            return Ok(None);
        };
        if !self.parts.state.is_issued(&link_code, to)? {
            return Ok(None);
        }
        Ok(Some(Symbol(symbols.symbol(&link_code, to.as_str()))))
    }
}
