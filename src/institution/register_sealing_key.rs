//! 暗号化鍵: registers and ends the keys that answers to the institution are sealed to. SCM.

use jiff::{SignedDuration, Timestamp};

use super::{ActFault, IntermediateServer};
use crate::{
    crypto::sealing_key::SealingPublicKey,
    domain::{
        institution::KeyHolding,
        record::Entry,
        refusal::{FieldFlaw, Refusal, Thing},
        sealing_key::RegisteredKey,
    },
    store::StoreFault,
};

/// The longest validity of a key, in days (ours).
const VALIDITY_DAYS_MAX: i64 = 3 * 366;

const HOURS_PER_DAY: i64 = 24;

impl IntermediateServer {
    /// Registers a key that the business system holds.
    ///
    /// # Errors
    /// When its validity is inverted, over or too long, or it is registered already.
    pub async fn register_sealing_key(
        &self,
        key: &SealingPublicKey,
        (valid_from, valid_to): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<RegisteredKey, ActFault> {
        check_validity(valid_from, valid_to, now)?;
        let fingerprint = key.fingerprint().to_string();
        if self.registered(&fingerprint)?.is_some() {
            return Err(Refusal::SealingKeyExists.into());
        }
        let registered = RegisteredKey {
            public_key: *key.as_bytes(),
            fingerprint: fingerprint.clone(),
            valid_from,
            valid_to,
        };
        let entry = Entry::SealingKeyRegistered { fingerprint };
        let around = &self.around;
        around.records.write(self.keeper(), &entry, now).await?;
        let added = around.state.add_sealing_key(self.profile.code, &registered);
        match added.await {
            Ok(()) => Ok(registered),
            Err(StoreFault::Conflict { .. }) => Err(Refusal::SealingKeyExists.into()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Ends the validity of a registered key now.
    ///
    /// # Errors
    /// When no key has this fingerprint.
    pub async fn revoke_sealing_key(
        &self,
        fingerprint: &str,
        now: Timestamp,
    ) -> Result<RegisteredKey, ActFault> {
        let found = self.registered(fingerprint)?;
        let mut key = found.ok_or(Refusal::NotFound(Thing::SealingKey))?;
        key.valid_to = key.valid_to.min(now);
        key.valid_from = key.valid_from.min(key.valid_to);
        let fingerprint = fingerprint.to_owned();
        let entry = Entry::SealingKeyRevoked { fingerprint };
        let around = &self.around;
        around.records.write(self.keeper(), &entry, now).await?;
        around
            .state
            .keep_sealing_key(self.profile.code, &key)
            .await?;
        Ok(key)
    }

    /// The registered keys, the newest validity first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn sealing_keys(&self) -> Result<Vec<RegisteredKey>, ActFault> {
        let mut keys = self.around.state.sealing_keys(self.profile.code)?;
        keys.sort_by_key(|key| std::cmp::Reverse(key.valid_from));
        Ok(keys)
    }

    /// The public half of the key that this server holds, where it is the one that opens.
    pub fn own_sealing_key(&self) -> Option<SealingPublicKey> {
        match self.profile.key_holding {
            KeyHolding::IntermediateServer => Some(self.sealing.public()),
            KeyHolding::BusinessSystem => None,
        }
    }

    fn registered(&self, fingerprint: &str) -> Result<Option<RegisteredKey>, ActFault> {
        let keys = self.around.state.sealing_keys(self.profile.code)?;
        Ok(keys.into_iter().find(|key| key.fingerprint == fingerprint))
    }
}

fn check_validity(from: Timestamp, to: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    let longest = SignedDuration::from_hours(VALIDITY_DAYS_MAX * HOURS_PER_DAY);
    let flaw = if to <= from {
        Some((
            "is not after `valid_from`",
            "開始より後の日時を指定してください",
        ))
    } else if to <= now {
        Some(("has passed already", "既に過ぎた日時です"))
    } else if to.duration_since(from) > longest {
        Some((
            "is more than three years after `valid_from`",
            "有効期間は3年以内で指定してください",
        ))
    } else {
        None
    };
    match flaw {
        None => Ok(()),
        Some((en, ja)) => Err(Refusal::Malformed(vec![FieldFlaw::new("valid_to", en, ja)])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validity_runs_forward_ends_later_and_lasts_three_years_at_most() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-22T00:00:00Z");
        let check = |from, to| check_validity(at(from), at(to), now).is_ok();
        assert!(check("2026-11-22T00:00:00Z", "2029-11-22T00:00:00Z"));
        assert!(!check("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"));
        assert!(!check("2025-11-22T00:00:00Z", "2026-11-22T00:00:00Z"));
        assert!(!check("2026-11-22T00:00:00Z", "2029-12-22T00:00:00Z"));
    }
}
