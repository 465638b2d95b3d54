//! 暗号化鍵: the public keys that answers to an institution are sealed to, with validity and rotation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A public key for sealing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredKey {
    /// The X25519 public key.
    pub public_key: [u8; 32],
    /// SHA-256 of the public key, in hexadecimal: its name.
    pub fingerprint: String,
    /// From when it is used.
    pub valid_from: Timestamp,
    /// Until when it is used.
    pub valid_to: Timestamp,
}

impl RegisteredKey {
    /// Whether it may be sealed to at `now`.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.valid_from <= now && now < self.valid_to
    }

    /// The key in use at `now`: of the valid ones, that whose validity began last.
    pub fn in_use(keys: &[Self], now: Timestamp) -> Option<&Self> {
        keys.iter().filter(|key| key.is_valid(now)).max_by(|a, b| {
            let began = a.valid_from.cmp(&b.valid_from);
            began.then_with(|| a.fingerprint.cmp(&b.fingerprint))
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn key(name: &str, from_h: i64, to_h: i64) -> RegisteredKey {
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        RegisteredKey {
            public_key: [0; 32],
            fingerprint: name.into(),
            valid_from: at(from_h),
            valid_to: at(to_h),
        }
    }

    #[test]
    fn a_new_key_takes_over_when_its_validity_begins() {
        let keys = [key("old", 0, 100), key("new", 50, 200)];
        let in_use = |hours| {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
            RegisteredKey::in_use(&keys, now).map(|key| key.fingerprint.as_str())
        };
        assert_eq!(in_use(49), Some("old"));
        assert_eq!(in_use(50), Some("new"));
        assert_eq!(in_use(199), Some("new"));
        assert_eq!(in_use(200), None);
    }
}
