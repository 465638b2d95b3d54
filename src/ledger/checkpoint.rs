//! Signed checkpoints of a tree. Source: c2sp.org/tlog-checkpoint, c2sp.org/signed-note.

use std::fmt;

use data_encoding::BASE64;

use super::{
    entry::{Owner, TreeId},
    fault::LedgerFault,
    keys::{LedgerKeys, PublicKeys, key_id, key_name},
    merkle::Hash,
};
use crate::crypto::signing::SIGNATURE_BYTES;

const ORIGIN_PREFIX: &str = "chukan.example/";

/// A signed statement of how many entries a tree holds and what their root is.
///
/// An owner signs all its trees with one key under one name (`chukan.example/<owner>`); the origin adds the fiscal year. The
/// core cosigns institutions' checkpoints, and the institution with the lowest code the core's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The tree.
    pub tree: TreeId,
    /// Number of its leaves.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

impl Checkpoint {
    pub(super) fn sign(
        tree: TreeId,
        size: u64,
        root: Hash,
        keys: &LedgerKeys,
    ) -> Result<Self, LedgerFault> {
        let mut checkpoint = Self {
            tree,
            size,
            root,
            signatures: Vec::new(),
        };
        let text = checkpoint.note_text();
        for owner in std::iter::once(tree.owner).chain(keys.cosigner(tree.owner)) {
            let key = keys.of(owner)?;
            let name = key_name(owner);
            checkpoint.signatures.push(Signature {
                key_id: key_id(&name, &key.verifying_key()),
                name,
                bytes: key.sign(text.as_bytes()).to_vec(),
            });
        }
        Ok(checkpoint)
    }

    /// Reads a signed note. Its signatures are not checked yet: see [`Checkpoint::verify`].
    ///
    /// # Errors
    /// [`CheckpointFault::Format`] when the text is not a checkpoint of this ledger's kind.
    pub fn parse(note: &str) -> Result<Self, CheckpointFault> {
        Self::read(note).ok_or(CheckpointFault::Format)
    }

    fn read(note: &str) -> Option<Self> {
        let (text, signatures) = note.split_once("\n\n")?;
        let mut lines = text.split('\n');
        let tree = lines.next()?.strip_prefix(ORIGIN_PREFIX)?.parse().ok()?;
        let size = lines.next()?.parse().ok()?;
        let root = BASE64
            .decode(lines.next()?.as_bytes())
            .ok()?
            .try_into()
            .ok()?;
        let signatures = signatures
            .strip_suffix('\n')?
            .split('\n')
            .map(read_signature)
            .collect::<Option<_>>()?;
        let checkpoint = Self {
            tree,
            size,
            root,
            signatures,
        };
        // One note has one text: no leading zeros, no other lines, no padding inside a number.
        (lines.next().is_none() && checkpoint.to_string() == note).then_some(checkpoint)
    }

    /// Checks the owner's signature and the witness's: the core's on an institution's tree, any institution's on the core's
    /// where `keys` has institutions. Other signatures are ignored.
    ///
    /// # Errors
    /// [`CheckpointFault::Signature`] names the signer whose signature is missing, wrong, or has no key in `keys`;
    /// [`CheckpointFault::Unwitnessed`].
    pub fn verify(&self, keys: &PublicKeys) -> Result<(), CheckpointFault> {
        self.verify_signer(self.tree.owner, keys)?;
        if self.tree.owner != Owner::CORE {
            return self.verify_signer(Owner::CORE, keys);
        }
        let mut institutions = keys.institutions().peekable();
        let witnessed = institutions.peek().is_none()
            || institutions.any(|owner| self.verify_signer(owner, keys).is_ok());
        witnessed.then_some(()).ok_or(CheckpointFault::Unwitnessed)
    }

    fn verify_signer(&self, owner: Owner, keys: &PublicKeys) -> Result<(), CheckpointFault> {
        let missing = CheckpointFault::Signature(owner);
        let key = keys.of(owner).ok_or(missing)?;
        let name = key_name(owner);
        let id = key_id(&name, &key);
        let signature = self
            .signatures
            .iter()
            .find(|signature| signature.name == name && signature.key_id == id)
            .ok_or(missing)?;
        key.verify(self.note_text().as_bytes(), &signature.bytes)
            .map_err(|_| missing)
    }

    /// The signed text: origin, size and root.
    fn note_text(&self) -> String {
        let root = BASE64.encode(&self.root);
        format!("{ORIGIN_PREFIX}{}\n{}\n{root}\n", self.tree, self.size)
    }
}

impl fmt::Display for Checkpoint {
    /// The signed note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.note_text())?;
        self.signatures.iter().try_for_each(|signature| {
            let bytes = [signature.key_id.as_slice(), &signature.bytes].concat();
            writeln!(f, "— {} {}", signature.name, BASE64.encode(&bytes))
        })
    }
}

fn read_signature(line: &str) -> Option<Signature> {
    let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = BASE64.decode(bytes.as_bytes()).ok()?;
    let (key_id, bytes) = bytes.split_first_chunk::<4>()?;
    Some(Signature {
        name: name.to_owned(),
        key_id: *key_id,
        bytes: bytes.to_vec(),
    })
    .filter(|signature| signature.bytes.len() >= SIGNATURE_BYTES && !name.is_empty())
}

/// Why a checkpoint is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    /// The text is not a checkpoint of this ledger's kind.
    #[error("the text is not a signed checkpoint of this ledger's kind")]
    Format,
    /// A signature that must be there is missing, wrong, or its key is unknown.
    #[error("no valid signature by {0}")]
    Signature(Owner),
    /// No institution has cosigned the core's checkpoint.
    #[error("no institution has cosigned the core's checkpoint")]
    Unwitnessed,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::crypto::signing::SigningKey;

    fn keys(core: u8, ward: u8) -> LedgerKeys {
        let key = |seed| SigningKey::from_seed(&[seed; 32]).unwrap();
        LedgerKeys::new(
            key(core),
            BTreeMap::from([("0220113112101700".parse().unwrap(), key(ward))]),
        )
    }

    fn sample(tree: &str) -> Checkpoint {
        Checkpoint::sign(tree.parse().unwrap(), 7, [9; 32], &keys(1, 2)).unwrap()
    }

    #[test]
    fn a_checkpoint_reads_back_and_verifies() {
        for (tree, signatures) in [("core/2026", 2), ("0220113112101700/2026", 2)] {
            let checkpoint = sample(tree);
            let note = checkpoint.to_string();
            let (text, signed) = note.split_once("\n\n").unwrap();
            assert_eq!(
                text,
                format!("chukan.example/{tree}\n7\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=")
            );
            assert_eq!(signed.lines().count(), signatures);
            assert!(signed.starts_with("— chukan.example/"));
            assert_eq!(Checkpoint::parse(&note), Ok(checkpoint.clone()));
            assert_eq!(checkpoint.verify(&keys(1, 2).public()), Ok(()));
        }
    }

    #[test]
    fn an_institutions_checkpoint_needs_its_own_and_the_cores_signature() {
        let checkpoint = sample("0220113112101700/2026");
        let ward = "0220113112101700".parse().unwrap();
        assert_eq!(
            checkpoint.verify(&keys(1, 3).public()),
            Err(CheckpointFault::Signature(ward))
        );
        assert_eq!(
            checkpoint.verify(&keys(3, 2).public()),
            Err(CheckpointFault::Signature(Owner::CORE))
        );
        let note = checkpoint.to_string();
        let without_core = note
            .lines()
            .take(5)
            .map(|line| format!("{line}\n"))
            .collect::<String>();
        let parsed = Checkpoint::parse(&without_core).unwrap();
        assert_eq!(
            parsed.verify(&keys(1, 2).public()),
            Err(CheckpointFault::Signature(Owner::CORE))
        );
    }

    #[test]
    fn the_cores_checkpoint_needs_an_institutions_signature_where_there_are_institutions() {
        let checkpoint = sample("core/2026");
        assert_eq!(
            checkpoint.verify(&keys(1, 3).public()),
            Err(CheckpointFault::Unwitnessed)
        );
        let alone = LedgerKeys::new(SigningKey::from_seed(&[1; 32]).unwrap(), BTreeMap::new());
        let unwitnessed = Checkpoint::sign(checkpoint.tree, 7, [9; 32], &alone).unwrap();
        assert_eq!(unwitnessed.verify(&alone.public()), Ok(()));
        assert_eq!(
            unwitnessed.verify(&keys(1, 2).public()),
            Err(CheckpointFault::Unwitnessed)
        );
    }

    #[test]
    fn a_signature_by_an_unknown_key_is_ignored() {
        let note = sample("core/2026").to_string()
            + "— witness.example/a AAAAAAAA"
            + &"A".repeat(88)
            + "\n";
        let parsed = Checkpoint::parse(&note).unwrap();
        assert_eq!(parsed.verify(&keys(1, 2).public()), Ok(()));
    }

    #[test]
    fn no_altered_character_passes() {
        let note = sample("core/2026").to_string();
        for (at, old) in note.char_indices() {
            let new = if old == 'A' { 'B' } else { 'A' };
            let altered = format!("{}{new}{}", &note[..at], &note[at + old.len_utf8()..]);
            let passed = Checkpoint::parse(&altered)
                .and_then(|checkpoint| checkpoint.verify(&keys(1, 2).public()))
                .is_ok();
            assert!(!passed, "character {at}");
        }
    }

    #[test]
    fn a_size_with_leading_zeros_or_a_sign_is_no_checkpoint() {
        let note = sample("core/2026").to_string();
        for size in ["\n07\n", "\n+7\n", "\n7\nextension\n"] {
            assert_eq!(
                Checkpoint::parse(&note.replacen("\n7\n", size, 1)),
                Err(CheckpointFault::Format)
            );
        }
    }
}
