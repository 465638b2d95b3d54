//! マイナポータル: how a person is named there, and what the portal is used for.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use super::person::{SYMBOL_BYTES, Symbol};

/// How the portal names a person after sign-in: the person's symbol at the portal, which only the core system can turn into
/// the symbols of institutions. `PT` and 52 characters of base32; its `Debug` shows nothing.
///
/// Assumption: docs/divergences.md (the real portal signs people in by their cards).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PortalToken(pub Symbol);

impl PortalToken {
    const PREFIX: &str = "PT";

    /// The token that a text is; nothing where it has not the form of one. Whether it is anybody's says the core system.
    pub fn read(text: &str) -> Option<Self> {
        let code = text.strip_prefix(Self::PREFIX)?;
        let bytes: Vec<u8> = BASE32_NOPAD.decode(code.as_bytes()).ok()?;
        let symbol = <[u8; SYMBOL_BYTES]>::try_from(bytes).ok()?;
        Some(Self(Symbol(symbol)))
    }

    /// The text, for the portal and for whoever looks at the sample people.
    pub fn expose(&self) -> String {
        format!("{}{}", Self::PREFIX, BASE32_NOPAD.encode(&self.0.0))
    }
}

impl fmt::Debug for PortalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortalToken(hidden)")
    }
}

/// What a person used the portal for, as the core system's ledger keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortalUse {
    /// Saw the own 情報提供等記録.
    RecordsListed,
    /// Asked an institution for their own data.
    OwnDataRequested,
    /// Saw the notices of the institutions.
    NoticesListed,
    /// Marked a notice as read.
    NoticeRead,
}

/// Why the portal is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PortalRefusal {
    /// The token is nobody's: unknown, altered, or of another world.
    #[error("the portal token is nobody's in this world")]
    TokenUnknown,
    /// 自己情報提供不可: the institution does not show the person this at the portal.
    #[error("the institution does not provide the person with their own data through the portal")]
    NoSelfProvision,
}

impl PortalRefusal {
    /// The same in Japanese, for a person.
    pub fn ja(self) -> &'static str {
        match self {
            Self::TokenUnknown => "ポータルの利用者を確認できません。",
            Self::NoSelfProvision => "この自己情報は、ポータルでは提供できません。",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_of_a_person_is_in_the_debug_output() {
        let token = PortalToken(Symbol([1; 32]));
        assert_eq!(format!("{token:?}"), "PortalToken(hidden)");
    }

    proptest! {
        #[test]
        fn a_token_has_one_text(bytes in any::<[u8; 32]>()) {
            let token = PortalToken(Symbol(bytes));
            let text = token.expose();
            prop_assert_eq!(text.len(), 54);
            prop_assert_eq!(PortalToken::read(&text), Some(token));
            prop_assert_eq!(PortalToken::read(&text.to_lowercase()), None);
        }

        #[test]
        fn any_other_text_is_no_token_or_reads_back_alike(text in "(PT)?[A-Z2-7]{0,60}|\\PC{0,60}") {
            if let Some(token) = PortalToken::read(&text) {
                prop_assert_eq!(token.expose(), text);
            }
        }
    }
}
