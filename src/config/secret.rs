//! A setting that is never shown.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use toml::Value;
use zeroize::Zeroizing;

use crate::crypto::digest::sha256;

/// What is shown in its place.
const REDACTED: &str = "***";
const CHARACTERS_MIN: usize = 16;
const CHARACTERS_MAX: usize = 256;

/// A secret that both sides know, such as a bearer token: 16 to 256 visible ASCII characters. It is written and shown as `***`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Whether `presented` is the secret. Digests are compared, so that the time taken says nothing about the secret.
    pub fn is(&self, presented: &[u8]) -> bool {
        sha256(&[self.0.as_bytes()]) == sha256(&[presented])
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// No error text repeats the value.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text)
                if (CHARACTERS_MIN..=CHARACTERS_MAX).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                Ok(Self(Zeroizing::new(text)))
            }
            _ => Err(D::Error::custom(format_args!(
                "a secret is a text of {CHARACTERS_MIN} to {CHARACTERS_MAX} visible ASCII characters"
            ))),
        }
    }
}
