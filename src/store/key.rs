//! Keys of the state store: a tag and components, ordered like their parts and never ambiguous.

use std::fmt;

const TEXT: u8 = 0x02;
const BYTES: u8 = 0x03;
const NUMBER: u8 = 0x04;
const INSTANT: u8 = 0x05;

/// A key, built from a tag and components.
///
/// Two different lists of components never give the same bytes, and no component is a prefix of another:
/// `Key::new("a").text("b")` as a prefix finds `a, b, …` and never `a, bc`. Keys compare like their components.
///
/// Zero bytes inside text are escaped, each component begins with its kind and ends with a terminator that sorts before
/// any continuation; numbers are big-endian.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    encoded: Vec<u8>,
}

impl Key {
    /// A key with only its tag: the name of a kind of row, such as `"symbol"`.
    #[must_use]
    pub fn new(tag: &str) -> Self {
        Self {
            encoded: Vec::with_capacity(64),
        }
        .text(tag)
    }

    /// Adds a text component.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.escaped(TEXT, text.as_bytes())
    }

    /// Adds a component of raw bytes.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        self.escaped(BYTES, bytes)
    }

    /// Adds a number; smaller numbers sort first.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.encoded.push(NUMBER);
        self.encoded.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds an instant in UTC milliseconds; earlier ones, also those before 1970, sort first.
    #[must_use]
    pub fn instant_ms(mut self, instant_ms: i64) -> Self {
        self.encoded.push(INSTANT);
        self.encoded
            .extend_from_slice(&(instant_ms.cast_unsigned() ^ (1 << 63)).to_be_bytes());
        self
    }

    /// The encoded key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    pub(super) fn from_encoded(encoded: &[u8]) -> Self {
        Self {
            encoded: encoded.to_vec(),
        }
    }

    fn escaped(mut self, kind: u8, bytes: &[u8]) -> Self {
        self.encoded.push(kind);
        for &byte in bytes {
            self.encoded.push(byte);
            if byte == 0 {
                self.encoded.push(0xFF);
            }
        }
        self.encoded.extend_from_slice(&[0, 1]);
        self
    }
}

/// Components may be symbols: only the length shows.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.encoded.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Key;
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    enum Part {
        Text(Vec<u8>),
        Bytes(Vec<u8>),
        Number(u64),
        Instant(i64),
    }

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let awkward = prop::collection::vec(
            prop_oneof![Just(0_u8), Just(1), Just(0x7F), Just(b'a')],
            0..5,
        );
        let part = prop_oneof![
            awkward.clone().prop_map(Part::Text),
            awkward.prop_map(Part::Bytes),
            any::<u64>().prop_map(Part::Number),
            any::<i64>().prop_map(Part::Instant),
        ];
        prop::collection::vec(part, 0..4)
    }

    fn key(parts: &[Part]) -> Key {
        parts.iter().fold(Key::new("t"), |key, part| match part {
            Part::Text(text) => key.text(std::str::from_utf8(text).unwrap()),
            Part::Bytes(bytes) => key.bytes(bytes),
            Part::Number(number) => key.number(*number),
            Part::Instant(instant) => key.instant_ms(*instant),
        })
    }

    proptest! {
        #[test]
        fn keys_sort_like_their_components(left in parts(), right in parts()) {
            prop_assert_eq!(key(&left).cmp(&key(&right)), left.cmp(&right));
        }

        #[test]
        fn a_key_is_a_prefix_only_when_its_components_are(left in parts(), right in parts()) {
            prop_assert_eq!(key(&right).as_bytes().starts_with(key(&left).as_bytes()), right.starts_with(&left));
        }
    }

    #[test]
    fn debug_does_not_show_components() {
        assert_eq!(
            format!("{:?}", Key::new("symbol").bytes(&[7; 32])),
            "Key(44 bytes)"
        );
    }
}
