//! The owners' keys and their C2SP verifier-key lines. Source: c2sp.org/signed-note.

use std::{collections::BTreeMap, fmt, path::Path, str::FromStr};

use data_encoding::BASE64;
use data_encoding::HEXLOWER;

use super::{
    durable,
    entry::Owner,
    fault::{Damage, LedgerFault},
};
use crate::crypto::{
    digest::sha256,
    signing::{SigningKey, VerifyingKey},
};

/// Signature type of Ed25519. Source: c2sp.org/signed-note.
const ED25519: u8 = 0x01;

const NAME_PREFIX: &str = "chukan.example/";

/// The owners' private keys, with which checkpoints are signed. `core` is always among them.
#[derive(Debug)]
pub struct LedgerKeys(BTreeMap<Owner, SigningKey>);

impl LedgerKeys {
    /// The core's key and those of the institutions.
    pub fn new(core: SigningKey, institutions: BTreeMap<Owner, SigningKey>) -> Self {
        let mut keys = institutions;
        keys.insert(Owner::CORE, core);
        Self(keys)
    }

    /// The key of `owner`.
    ///
    /// # Errors
    /// [`LedgerFault::NoKey`].
    pub fn of(&self, owner: Owner) -> Result<&SigningKey, LedgerFault> {
        self.0.get(&owner).ok_or(LedgerFault::NoKey(owner))
    }

    /// Who cosigns what `owner` signs: the core for an institution, the institution with the lowest code for the core.
    pub(super) fn cosigner(&self, owner: Owner) -> Option<Owner> {
        if owner != Owner::CORE {
            return Some(Owner::CORE);
        }
        self.0.keys().copied().find(|other| *other != Owner::CORE)
    }

    /// The public halves.
    pub fn public(&self) -> PublicKeys {
        let public = |(owner, key): (&Owner, &SigningKey)| (*owner, key.verifying_key());
        PublicKeys(self.0.iter().map(public).collect())
    }
}

/// The owners' public keys. As text: one verifier-key line `name+key id+key` for each owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys(BTreeMap<Owner, VerifyingKey>);

impl PublicKeys {
    /// The key of `owner`.
    pub fn of(&self, owner: Owner) -> Option<VerifyingKey> {
        self.0.get(&owner).copied()
    }

    /// The institutions that have a key.
    pub(super) fn institutions(&self) -> impl Iterator<Item = Owner> {
        self.0.keys().copied().filter(|owner| *owner != Owner::CORE)
    }

    /// The keys in `file`; none when there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a list of verifier keys.
    pub fn load(file: &Path) -> Result<Option<Self>, LedgerFault> {
        let Some(text) = durable::read_text(file)? else {
            return Ok(None);
        };
        let damaged = |_| LedgerFault::Damaged {
            file: file.to_path_buf(),
            offset: 0,
            what: Damage::Text,
        };
        text.parse().map(Some).map_err(damaged)
    }

    /// Keeps the keys of owners that are no longer there and refuses a changed one.
    pub(super) fn join(mut self, known: &Self) -> Result<Self, LedgerFault> {
        for (owner, key) in &known.0 {
            if *self.0.entry(*owner).or_insert(*key) != *key {
                return Err(LedgerFault::OtherKey(*owner));
            }
        }
        Ok(self)
    }
}

impl fmt::Display for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(owner, key)| writeln!(f, "{}", verifier_key(*owner, key)))
    }
}

/// The line of one key.
fn verifier_key(owner: Owner, key: &VerifyingKey) -> String {
    let name = key_name(owner);
    let id = HEXLOWER.encode(&key_id(&name, key));
    format!("{name}+{id}+{}", BASE64.encode(&typed(key)))
}

impl FromStr for PublicKeys {
    type Err = BadKeyText;

    fn from_str(text: &str) -> Result<Self, BadKeyText> {
        text.lines()
            .map(|line| read_line(line).ok_or(BadKeyText))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A line is not a verifier key of this ledger's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is not \"chukan.example/<owner>+<key id>+<Ed25519 key>\"")]
pub struct BadKeyText;

fn read_line(line: &str) -> Option<(Owner, VerifyingKey)> {
    // The key's base64 may itself hold a plus, the other two parts may not.
    let mut parts = line.splitn(3, '+');
    let (name, _, key) = (parts.next()?, parts.next()?, parts.next()?);
    let owner = name.strip_prefix(NAME_PREFIX)?.parse().ok()?;
    let bytes = BASE64.decode(key.as_bytes()).ok()?;
    let (kind, key) = bytes.split_first()?;
    let key = VerifyingKey(key.try_into().ok()?);
    // One key has one text.
    let right = *kind == ED25519 && line == verifier_key(owner, &key);
    right.then_some((owner, key))
}

/// The name under which `owner` signs.
pub(super) fn key_name(owner: Owner) -> String {
    format!("{NAME_PREFIX}{owner}")
}

/// The first four bytes of `SHA-256(name || 0x0A || 0x01 || key)`. Source: c2sp.org/signed-note.
pub(super) fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), b"\n", &typed(key)]);
    [a, b, c, d]
}

fn typed(key: &VerifyingKey) -> Vec<u8> {
    [&[ED25519], key.0.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(core: u8) -> LedgerKeys {
        let ward = "0220113112101700".parse().unwrap();
        let key = |seed| SigningKey::from_seed(&[seed; 32]).unwrap();
        LedgerKeys::new(key(core), BTreeMap::from([(ward, key(2))]))
    }

    #[test]
    fn public_keys_read_back_from_their_text_and_no_altered_text_passes() {
        let public = keys(1).public();
        let text = public.to_string();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(text.parse(), Ok(public));
        assert!(
            text.replace("core", "0000000000000000")
                .parse::<PublicKeys>()
                .is_err()
        );
        assert!(text.replace('+', " ").parse::<PublicKeys>().is_err());
    }

    /// Source: the example verifier key in the documentation of golang.org/x/mod/sumdb/note.
    #[test]
    fn the_key_id_is_the_published_one() {
        let bytes = BASE64
            .decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".as_bytes())
            .unwrap();
        let key = VerifyingKey(bytes[1..].try_into().unwrap());
        assert_eq!(HEXLOWER.encode(&key_id("PeterNeumann", &key)), "c74f20a3");
    }

    #[test]
    fn a_changed_key_is_refused_and_a_lost_one_kept() {
        let both = keys(1).public();
        let core_only =
            LedgerKeys::new(SigningKey::from_seed(&[1; 32]).unwrap(), BTreeMap::new()).public();
        assert_eq!(core_only.join(&both).unwrap(), both);
        assert!(matches!(
            keys(3).public().join(&both),
            Err(LedgerFault::OtherKey(Owner::CORE))
        ));
    }
}
