//! Symbols (符号): the core makes one per person and institution from the person's link code, and alone can turn it back.
//!
//! The construction is a synthetic initialisation vector (the idea of RFC 5297) with HMAC-SHA-256 as the pseudorandom
//! function. Assumption: nothing is public about the real derivation.

use std::fmt;

use ring::hmac::{self, HMAC_SHA256};

/// Length of a person's link code in bytes.
pub const LINK_CODE_BYTES: usize = 16;

/// Length of a symbol in bytes: a tag of 16 and a masked link code of 16.
pub const SYMBOL_BYTES: usize = 32;

const TAG_BYTES: usize = SYMBOL_BYTES - LINK_CODE_BYTES;

/// The core's secret from which every symbol comes. Without it, symbols of one person cannot be recognised as such.
pub struct SymbolSecret {
    tagging: hmac::Key,
    masking: hmac::Key,
    linking: hmac::Key,
}

impl SymbolSecret {
    /// Derives the three working keys from a 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let seed = hmac::Key::new(HMAC_SHA256, seed);
        let derive = |label: &[u8]| hmac::Key::new(HMAC_SHA256, hmac::sign(&seed, label).as_ref());
        Self {
            tagging: derive(b"chukan symbol key v1: tag"),
            masking: derive(b"chukan symbol key v1: mask"),
            linking: derive(b"chukan symbol key v1: link code"),
        }
    }

    /// The link code of the person with this 住民票コード, written as digits.
    pub fn link_code(&self, resident_code_digits: &str) -> [u8; LINK_CODE_BYTES] {
        head(&self.linking, &[resident_code_digits.as_bytes()])
    }

    /// The symbol of the person with this link code at `institution`.
    pub fn symbol(
        &self,
        link_code: &[u8; LINK_CODE_BYTES],
        institution: &str,
    ) -> [u8; SYMBOL_BYTES] {
        let tag = self.tag(link_code, institution);
        let body = self.masked(link_code, institution, &tag);
        let mut symbol = [0; SYMBOL_BYTES];
        for (to, from) in symbol.iter_mut().zip(tag.into_iter().chain(body)) {
            *to = from;
        }
        symbol
    }

    /// The link code behind `symbol`, or `None` when it is no symbol of `institution`: forged, or another institution's.
    pub fn invert(
        &self,
        symbol: &[u8; SYMBOL_BYTES],
        institution: &str,
    ) -> Option<[u8; LINK_CODE_BYTES]> {
        let (tag, body) = symbol.split_first_chunk::<TAG_BYTES>()?;
        let body = body.first_chunk::<LINK_CODE_BYTES>()?;
        let link_code = self.masked(body, institution, tag);
        let expected = self.tag(&link_code, institution);
        // No early end: how far a forged tag agrees must not show in the time taken.
        let difference = (expected.iter().zip(tag)).fold(0, |seen, (a, b)| seen | (a ^ b));
        (difference == 0).then_some(link_code)
    }

    fn tag(&self, link_code: &[u8; LINK_CODE_BYTES], institution: &str) -> [u8; TAG_BYTES] {
        let length = length_prefix(institution);
        let parts: [&[u8]; 4] = [
            b"chukan symbol v1",
            &length,
            institution.as_bytes(),
            link_code,
        ];
        head(&self.tagging, &parts)
    }

    fn masked(
        &self,
        bytes: &[u8; LINK_CODE_BYTES],
        institution: &str,
        tag: &[u8; TAG_BYTES],
    ) -> [u8; LINK_CODE_BYTES] {
        let length = length_prefix(institution);
        let mut mask = head(&self.masking, &[&length, institution.as_bytes(), tag]);
        for (mask, byte) in mask.iter_mut().zip(bytes) {
            *mask ^= byte;
        }
        mask
    }
}

impl fmt::Debug for SymbolSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymbolSecret(…)")
    }
}

fn length_prefix(institution: &str) -> [u8; 8] {
    (institution.len() as u64).to_be_bytes()
}

/// The first 16 bytes of HMAC-SHA-256 over the joined parts.
fn head(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 16] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    const WARD: &str = "0220113112101700";
    const HOLDER: &str = "1419900000002200";

    fn secret() -> SymbolSecret {
        SymbolSecret::from_seed(&[1; 32])
    }

    #[test]
    fn a_symbol_of_another_institution_is_not_accepted() {
        let symbol = secret().symbol(&[7; 16], WARD);
        assert_eq!(secret().invert(&symbol, HOLDER), None);
        assert_eq!(secret().invert(&symbol, ""), None);
    }

    #[test]
    fn a_symbol_made_with_another_secret_is_not_accepted() {
        let symbol = SymbolSecret::from_seed(&[2; 32]).symbol(&[7; 16], WARD);
        assert_eq!(secret().invert(&symbol, WARD), None);
    }

    #[test]
    fn a_person_has_one_link_code_and_two_persons_have_two() {
        let one = secret().link_code("12345678901");
        assert_eq!(secret().link_code("12345678901"), one);
        assert_ne!(secret().link_code("12345678902"), one);
    }

    /// Computed apart from this code with Python's `hmac`: stored symbols must stay valid from version to version.
    #[test]
    fn the_derivation_does_not_change() {
        let link_code = secret().link_code("12345678901");
        let symbol = secret().symbol(&link_code, WARD);
        assert_eq!(
            HEXLOWER.encode(&link_code),
            "d4e32cb8e1e12a3ed543e939aaab7d64"
        );
        assert_eq!(
            HEXLOWER.encode(&symbol),
            "93bb990ea0198ee07e958c5293363a819a95b5cb2c6b84c2658206184f91323e"
        );
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", secret()), "SymbolSecret(…)");
    }

    proptest! {
        #[test]
        fn a_symbol_turns_back_into_its_link_code_and_a_flipped_byte_does_not(
            link_code in any::<[u8; 16]>(),
            institution in "[0-9]{16}",
            place in 0_usize..SYMBOL_BYTES,
            flip in 1_u8..,
        ) {
            let symbol = secret().symbol(&link_code, &institution);
            prop_assert_eq!(secret().symbol(&link_code, &institution), symbol);
            prop_assert_eq!(secret().invert(&symbol, &institution), Some(link_code));
            let mut forged = symbol;
            forged[place] ^= flip;
            prop_assert_eq!(secret().invert(&forged, &institution), None);
        }

        #[test]
        fn symbols_of_one_person_share_neither_half(
            link_code in any::<[u8; 16]>(), one in "[0-9]{16}", two in "[0-9]{16}",
        ) {
            prop_assume!(one != two);
            let (a, b) = (secret().symbol(&link_code, &one), secret().symbol(&link_code, &two));
            prop_assert_ne!(&a[..16], &b[..16]);
            prop_assert_ne!(&a[16..], &b[16..]);
            prop_assert_ne!(&a[16..], &link_code[..]);
        }
    }
}
