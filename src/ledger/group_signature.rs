//! One signature over many messages at once: over the root of the Merkle tree of them (ADR 0008).
//!
//! A message that is signed alone has a plain Ed25519 signature, 64 bytes. One of a group has
//!
//! ```text
//! Ed25519 of SIGNED_AS ‖ size ‖ root   64 bytes
//! index of the message in the group     2 bytes, big endian
//! size of the group                     2 bytes, big endian
//! the path from the message to the root 32 bytes a step (RFC 9162 §2.1.3)
//! ```

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use super::merkle::{Hash, Tree, hash_leaf, root_from_path};
use crate::crypto::{
    digest::DIGEST_BYTES,
    signing::{BadSignature, SIGNATURE_BYTES, SigningKey, VerifyingKey},
};

/// The most messages of a group: the paths stay short, and so does the wait of the first for the last to be hashed.
pub const GROUP_MAX: usize = 32;

/// How many groups a verifier remembers, 98 bytes each.
const REMEMBERED_MAX: usize = 64;

/// Stands in front of size and root when they are signed, so that the signature fits nothing else.
const SIGNED_AS: &[u8] = b"chukan group of messages v1\0";

const NUMBER_BYTES: usize = 2;

/// Signs `messages` together, at most [`GROUP_MAX`] with one signature. The signatures come in the order of the messages.
pub fn sign_together(key: &SigningKey, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let groups = messages.chunks(GROUP_MAX);
    groups.flat_map(|group| sign_group(key, group)).collect()
}

fn sign_group(key: &SigningKey, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let alone = || messages.iter().map(|message| key.sign(message).to_vec());
    let mut tree = Tree::default();
    for message in messages {
        tree.push(hash_leaf(message));
    }
    let size = tree.size();
    let (Ok(announced), Some(root)) = (u16::try_from(size), tree.view().root(size)) else {
        return alone().collect();
    };
    if size < 2 {
        return alone().collect();
    }
    let signature = key.sign(&signed_bytes(announced, &root));
    let each = (0..announced).zip(messages).map(|(index, message)| {
        let Some(path) = tree.view().inclusion_proof(index.into(), size) else {
            return key.sign(message).to_vec();
        };
        let numbers = [index.to_be_bytes(), announced.to_be_bytes()].concat();
        [&signature[..], &numbers, &path.concat()].concat()
    });
    each.collect()
}

fn signed_bytes(size: u16, root: &Hash) -> Vec<u8> {
    [SIGNED_AS, &size.to_be_bytes(), root].concat()
}

/// Verifies signatures of one key, alone or of a group; of a group that it has seen it verifies the path only.
#[derive(Debug)]
pub struct GroupVerifier {
    key: VerifyingKey,
    seen: Mutex<VecDeque<Statement>>,
}

/// What a signature of a group says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Statement {
    signature: [u8; SIGNATURE_BYTES],
    size: u16,
    root: Hash,
}

impl GroupVerifier {
    /// For the signatures of `key`.
    pub fn new(key: VerifyingKey) -> Self {
        Self {
            key,
            seen: Mutex::default(),
        }
    }

    /// Checks `signature` over `message`.
    ///
    /// # Errors
    /// [`BadSignature`] when the key has not signed these very bytes, alone or at this place of this group.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        if signature.len() <= SIGNATURE_BYTES {
            return self.key.verify(message, signature);
        }
        let statement = lead_back(message, signature).ok_or(BadSignature)?;
        let seen = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen().contains(&statement) {
            return Ok(());
        }
        let signed = signed_bytes(statement.size, &statement.root);
        self.key.verify(&signed, &statement.signature)?;
        let mut seen = seen();
        if seen.len() == REMEMBERED_MAX {
            seen.pop_front();
        }
        seen.push_back(statement);
        Ok(())
    }
}

/// The statement that `signature` would prove `message` by; `None` when it has not the form of one.
fn lead_back(message: &[u8], signature: &[u8]) -> Option<Statement> {
    let (signature, rest) = signature.split_first_chunk::<SIGNATURE_BYTES>()?;
    let (index, rest) = rest.split_first_chunk::<NUMBER_BYTES>()?;
    let (size, path) = rest.split_first_chunk::<NUMBER_BYTES>()?;
    let (steps, []) = path.as_chunks::<DIGEST_BYTES>() else {
        return None;
    };
    let (index, size) = (u16::from_be_bytes(*index), u16::from_be_bytes(*size));
    let alone_or_too_many = size < 2 || usize::from(size) > GROUP_MAX;
    if alone_or_too_many {
        return None;
    }
    let root = root_from_path(&hash_leaf(message), index.into(), size.into(), steps).ok()?;
    Some(Statement {
        signature: *signature,
        size,
        root,
    })
}

#[cfg(test)]
mod tests;
