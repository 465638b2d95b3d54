//! HPKE contexts that are kept: one key agreement for many answers to the same key, and a key of its own for each answer.
//!
//! The sender exports 44 bytes from its context for each answer (RFC 9180 §5.3): an AES-256-GCM key and its nonce. What it
//! exports them for, the export context, ends with the number of the answer in its context, so that no key serves twice.
//! A context lives in memory only: a restart begins a new one, and no number comes again.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::{AeadCtxR, AeadCtxS, AesGcm256},
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
};
use jiff::{SignedDuration, Timestamp};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{
    sealing::{EncappedKey, OpenFault, OsRandom, SealFault, Sealed},
    sealing_key::{PublicKey, SEALING_KEY_BYTES, SealingKeyPair, SealingPublicKey},
    signing::KeyFault,
};

/// Contexts that a sender or a recipient keeps; beyond that the oldest goes.
const KEPT_MAX: usize = 256;

const AEAD_KEY_BYTES: usize = 32;

type SenderContext = AeadCtxS<AesGcm256, HkdfSha256, X25519HkdfSha256>;
type RecipientContext = AeadCtxR<AesGcm256, HkdfSha256, X25519HkdfSha256>;

/// When a sender begins a new context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Answers that one context seals, at most; with 1 none is kept and every answer is sealed by itself.
    pub answers_max: u64,
    /// How long a context is used, by the world's clock.
    pub age_max: SignedDuration,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            answers_max: 10_000,
            age_max: SignedDuration::from_hours(1),
        }
    }
}

/// The contexts of one sender, one for each key that it seals to.
pub struct SenderContexts {
    rotation: Rotation,
    kept: Mutex<Kept<[u8; SEALING_KEY_BYTES], BegunContext>>,
}

struct BegunContext {
    context: SenderContext,
    encapsulated_key: [u8; SEALING_KEY_BYTES],
    began: Timestamp,
    /// The number of the next answer.
    next: AtomicU64,
}

impl SenderContexts {
    /// No context yet.
    pub fn new(rotation: Rotation) -> Self {
        Self {
            rotation,
            kept: Mutex::default(),
        }
    }

    /// Whether contexts are kept at all.
    pub fn keeps(&self) -> bool {
        self.rotation.answers_max > 1
    }

    /// Seals `plaintext` to `recipient` in the context kept for it. `info` names the sender and is the same for all answers;
    /// `binding` (the permit) and `aad` (the exchange) are this answer's.
    ///
    /// # Errors
    /// As [`super::sealing::seal`].
    pub fn seal(
        &self,
        (recipient, info): (&SealingPublicKey, &[u8]),
        (binding, aad): (&[u8], &[u8]),
        plaintext: &[u8],
        now: Timestamp,
    ) -> Result<Sealed, SealFault> {
        let (begun, number) = self.turn(recipient, info, now)?;
        let export_context = [binding, &number.to_be_bytes()].concat();
        let (key, nonce) =
            exported(|out| begun.context.export(&export_context, out)).ok_or(SealFault::Refused)?;
        let mut ciphertext = plaintext.to_vec();
        key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut ciphertext)
            .map_err(|_| SealFault::Refused)?;
        Ok(Sealed {
            encapsulated_key: begun.encapsulated_key,
            ciphertext,
            export_context,
        })
    }

    /// The context of the next answer, and its number there.
    fn turn(
        &self,
        recipient: &SealingPublicKey,
        info: &[u8],
        now: Timestamp,
    ) -> Result<(Arc<BegunContext>, u64), SealFault> {
        let kept = locked(&self.kept).find(recipient.as_bytes());
        if let Some(begun) = kept {
            let age = now.duration_since(begun.began);
            let number = begun.next.fetch_add(1, Ordering::Relaxed);
            // A clock that was set back says nothing of the age.
            let is_young = !age.is_negative() && age < self.rotation.age_max;
            if is_young && number < self.rotation.answers_max {
                return Ok((begun, number));
            }
        }
        let begun = Arc::new(begin(recipient, info, now)?);
        locked(&self.kept).put(*recipient.as_bytes(), Arc::clone(&begun));
        Ok((begun, 0))
    }
}

fn begin(
    recipient: &SealingPublicKey,
    info: &[u8],
    now: Timestamp,
) -> Result<BegunContext, SealFault> {
    let public = PublicKey::from_bytes(recipient.as_bytes()).map_err(|_| SealFault::Refused)?;
    let mut random = OsRandom::default();
    let (enc, context) = hpke::setup_sender_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        info,
        &mut random,
    )
    .map_err(|_| SealFault::Refused)?;
    if random.failed {
        return Err(SealFault::Key(KeyFault::NoRandomness));
    }
    Ok(BegunContext {
        context,
        encapsulated_key: enc.to_bytes().into(),
        began: now,
        next: AtomicU64::new(1),
    })
}

/// The contexts of one recipient, so that it need not agree on the same secret for every answer.
#[derive(Default)]
pub struct RecipientContexts {
    kept: Mutex<Kept<ContextName, RecipientContext>>,
}

/// `enc` and `info`.
type ContextName = ([u8; SEALING_KEY_BYTES], Vec<u8>);

impl RecipientContexts {
    /// Opens as [`super::sealing::open`] does. Every call names the same `key`.
    ///
    /// # Errors
    /// As [`super::sealing::open`].
    pub fn open(
        &self,
        key: &SealingKeyPair,
        info: &[u8],
        aad: &[u8],
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, OpenFault> {
        if sealed.export_context.is_empty() {
            return super::sealing::open(key, info, aad, sealed);
        }
        let name = (sealed.encapsulated_key, info.to_vec());
        let kept = locked(&self.kept).find(&name);
        if let Some(context) = kept {
            return open_in(&context, aad, sealed);
        }
        let context = Arc::new(recipient_context(key, info, sealed)?);
        let plain = open_in(&context, aad, sealed)?;
        locked(&self.kept).put(name, context);
        Ok(plain)
    }
}

/// Opens an answer that was sealed in a kept context.
pub(super) fn open(
    key: &SealingKeyPair,
    info: &[u8],
    aad: &[u8],
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, OpenFault> {
    open_in(&recipient_context(key, info, sealed)?, aad, sealed)
}

fn recipient_context(
    key: &SealingKeyPair,
    info: &[u8],
    sealed: &Sealed,
) -> Result<RecipientContext, OpenFault> {
    let enc = EncappedKey::from_bytes(&sealed.encapsulated_key).map_err(|_| OpenFault)?;
    hpke::setup_receiver(&OpModeR::Base, key.private(), &enc, info).map_err(|_| OpenFault)
}

fn open_in(
    context: &RecipientContext,
    aad: &[u8],
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, OpenFault> {
    let (key, nonce) =
        exported(|out| context.export(&sealed.export_context, out)).ok_or(OpenFault)?;
    let mut bytes = Zeroizing::new(sealed.ciphertext.clone());
    let opened = key.open_in_place(nonce, Aad::from(aad), &mut bytes);
    let length = opened.map_err(|_| OpenFault)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// The key and the nonce of one answer. The nonce is not counted: the key seals this answer only.
fn exported<E>(export: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Option<(LessSafeKey, Nonce)> {
    let mut secret = Zeroizing::new([0; AEAD_KEY_BYTES + NONCE_LEN]);
    export(secret.as_mut()).ok()?;
    let (key, nonce) = secret.split_at_checked(AEAD_KEY_BYTES)?;
    let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    Some((LessSafeKey::new(key), nonce))
}

/// The newest contexts by name.
struct Kept<K, C> {
    contexts: HashMap<K, Arc<C>>,
    /// In the order in which the names came.
    names: VecDeque<K>,
}

impl<K, C> Default for Kept<K, C> {
    fn default() -> Self {
        Self {
            contexts: HashMap::new(),
            names: VecDeque::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, C> Kept<K, C> {
    fn find(&self, name: &K) -> Option<Arc<C>> {
        self.contexts.get(name).map(Arc::clone)
    }

    fn put(&mut self, name: K, context: Arc<C>) {
        if self.contexts.insert(name.clone(), context).is_none() {
            self.names.push_back(name);
        }
        if self.names.len() > KEPT_MAX
            && let Some(oldest) = self.names.pop_front()
        {
            self.contexts.remove(&oldest);
        }
    }
}

// Nobody leaves it half-changed that matters: a context that is missing is made again.
fn locked<T>(kept: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
