use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

const INFO: &[u8] = b"provider";

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn rotation(answers_max: u64) -> Rotation {
    Rotation {
        answers_max,
        age_max: SignedDuration::from_mins(10),
    }
}

fn sealed(contexts: &SenderContexts, to: &SealingKeyPair, now: Timestamp) -> Sealed {
    let recipient = (&to.public(), INFO);
    contexts
        .seal(recipient, (b"permit", b"exchange"), b"answer", now)
        .unwrap()
}

/// The key schedule of RFC 9180 §4.1 and §5.1 with another X25519, HMAC and AES than those that seal.
mod by_the_letter {
    use curve25519_dalek::montgomery::MontgomeryPoint;
    use ring::{
        aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
        hmac::{HMAC_SHA256, Key, sign},
    };

    const KEM: &[u8] = b"KEM\x00\x20";
    const SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x02";

    fn extract(suite: &[u8], salt: &[u8], label: &[u8], secret: &[u8]) -> Vec<u8> {
        let labelled = [b"HPKE-v1", suite, label, secret].concat();
        sign(&Key::new(HMAC_SHA256, salt), &labelled)
            .as_ref()
            .to_vec()
    }

    fn expand(suite: &[u8], secret: &[u8], (label, info): (&[u8], &[u8]), bytes: u16) -> Vec<u8> {
        let info = [
            &bytes.to_be_bytes(),
            b"HPKE-v1".as_slice(),
            suite,
            label,
            info,
        ]
        .concat();
        let key = Key::new(HMAC_SHA256, secret);
        let (mut made, mut block) = (Vec::new(), Vec::new());
        for count in 1_u8.. {
            block = sign(&key, &[&block, info.as_slice(), &[count]].concat())
                .as_ref()
                .to_vec();
            made.extend_from_slice(&block);
            if made.len() >= bytes.into() {
                break;
            }
        }
        made.truncate(bytes.into());
        made
    }

    fn exporter_secret(private: [u8; 32], public: [u8; 32], enc: [u8; 32], info: &[u8]) -> Vec<u8> {
        let agreed = MontgomeryPoint(enc).mul_clamped(private).to_bytes();
        let agreed = extract(KEM, b"", b"eae_prk", &agreed);
        let shared = expand(
            KEM,
            &agreed,
            (b"shared_secret", &[enc, public].concat()),
            32,
        );
        let hashes = [
            extract(SUITE, b"", b"psk_id_hash", b""),
            extract(SUITE, b"", b"info_hash", info),
        ];
        let schedule = [vec![0], hashes.concat()].concat();
        let secret = extract(SUITE, &shared, b"secret", b"");
        expand(SUITE, &secret, (b"exp", &schedule), 32)
    }

    pub(super) fn open(
        (private, public): ([u8; 32], [u8; 32]),
        (info, aad): (&[u8], &[u8]),
        sealed: &super::Sealed,
    ) -> Vec<u8> {
        let exporter = exporter_secret(private, public, sealed.encapsulated_key, info);
        let secret = expand(SUITE, &exporter, (b"sec", &sealed.export_context), 44);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret[..32]).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&secret[32..]).unwrap();
        let mut bytes = sealed.ciphertext.clone();
        let opened = key.open_in_place(nonce, Aad::from(aad), &mut bytes);
        opened.unwrap().to_vec()
    }
}

/// The exports of the vector that the tests of `sealing` take their encryption from.
#[test]
fn the_published_exports_come_out() {
    let key = SealingKeyPair::from_bytes(&hex(
        "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
    ))
    .unwrap();
    let enc = "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256";
    let sealed = Sealed {
        encapsulated_key: hex(enc).try_into().unwrap(),
        ciphertext: Vec::new(),
        export_context: Vec::new(),
    };
    let info = hex("4f6465206f6e2061204772656369616e2055726e");
    let context = recipient_context(&key, &info, &sealed).unwrap();
    for (for_what, value) in [
        (
            "",
            "ded6cffafaea6b812cbf3e241e88332adbc077aca81512914213810ee291770a",
        ),
        (
            "00",
            "04d3cb6cc116b28ffd22ad5bc276c60d31fec71ceb87ae24db811c64b7507339",
        ),
        (
            "54657374436f6e74657874",
            "7c5ded445732c14fe09727d29b4251c0fd38455fe8440571e687f0886aac94d2",
        ),
    ] {
        let mut out = [0; 32];
        context.export(&hex(for_what), &mut out).unwrap();
        assert_eq!(HEXLOWER.encode(&out), value, "{for_what}");
    }
}

#[test]
fn what_is_sealed_opens_by_the_letter_of_the_rfc() {
    let to = SealingKeyPair::from_seed(&[8; 32]);
    let contexts = SenderContexts::new(rotation(10));
    for _answer in 0..3 {
        let sealed = sealed(&contexts, &to, at(0));
        let pair = (*to.secret_bytes(), *to.public().as_bytes());
        let opened = by_the_letter::open(pair, (INFO, b"exchange"), &sealed);
        assert_eq!(opened, b"answer");
    }
}

#[test]
fn answers_share_a_context_and_no_two_share_a_key() {
    let to = SealingKeyPair::from_seed(&[8; 32]);
    let contexts = SenderContexts::new(rotation(3));
    let answers: Vec<Sealed> = (0..7).map(|_| sealed(&contexts, &to, at(0))).collect();
    let seen = |of: fn(&Sealed) -> Vec<u8>| answers.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!(seen(|sealed| sealed.encapsulated_key.to_vec()), 3);
    // The same permit, exchange and plaintext each time.
    assert_eq!(seen(|sealed| sealed.ciphertext.clone()), 7);
    let names = |sealed: &Sealed| [&sealed.encapsulated_key[..], &sealed.export_context].concat();
    assert_eq!(answers.iter().map(names).collect::<BTreeSet<_>>().len(), 7);
}

#[test]
fn sealing_at_once_gives_no_number_twice() {
    let to = SealingKeyPair::from_seed(&[8; 32]);
    let contexts = SenderContexts::new(rotation(50));
    let names = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _thread in 0..4 {
            scope.spawn(|| {
                for _answer in 0..100 {
                    let sealed = sealed(&contexts, &to, at(0));
                    locked(&names).insert((sealed.encapsulated_key, sealed.export_context));
                }
            });
        }
    });
    assert_eq!(locked(&names).len(), 400);
}

#[test]
fn a_context_ends_with_its_time_and_when_the_clock_is_set_back() {
    let to = SealingKeyPair::from_seed(&[8; 32]);
    let contexts = SenderContexts::new(rotation(1_000));
    let enc = |minutes| sealed(&contexts, &to, at(minutes)).encapsulated_key;
    let first = enc(20);
    assert_eq!(enc(29), first);
    let second = enc(30);
    assert_ne!(second, first);
    assert_ne!(enc(29), second);
}

#[test]
fn each_key_has_a_context_and_the_oldest_go() {
    let contexts = SenderContexts::new(rotation(1_000));
    let keys: Vec<_> = (0..=KEPT_MAX)
        .map(|n| {
            SealingKeyPair::from_seed(
                &[[n as u8; 31].as_slice(), &[(n >> 8) as u8]]
                    .concat()
                    .try_into()
                    .unwrap(),
            )
        })
        .collect();
    let enc = |n: usize| sealed(&contexts, &keys[n], at(0)).encapsulated_key;
    let first: Vec<_> = (0..=KEPT_MAX).map(enc).collect();
    assert_eq!(enc(KEPT_MAX), first[KEPT_MAX]);
    assert_eq!(enc(1), first[1]);
    assert_ne!(enc(0), first[0]);
    assert_eq!(locked(&contexts.kept).contexts.len(), KEPT_MAX);
}

#[test]
fn a_new_sender_begins_a_context_and_old_answers_still_open() {
    let to = SealingKeyPair::from_seed(&[8; 32]);
    let before = sealed(&SenderContexts::new(rotation(9)), &to, at(0));
    let after = sealed(&SenderContexts::new(rotation(9)), &to, at(0));
    assert_ne!(before.encapsulated_key, after.encapsulated_key);
    let opening = RecipientContexts::default();
    for answer in [&before, &after, &before] {
        assert_eq!(
            *opening.open(&to, INFO, b"exchange", answer).unwrap(),
            b"answer"
        );
    }
    let single = super::super::sealing::seal(&to.public(), INFO, b"exchange", b"alone").unwrap();
    assert_eq!(
        *opening.open(&to, INFO, b"exchange", &single).unwrap(),
        b"alone"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does(
        plaintext in proptest::collection::vec(any::<u8>(), 0..300),
        info in proptest::collection::vec(any::<u8>(), 1..40),
        binding in proptest::collection::vec(any::<u8>(), 1..60),
        aad in proptest::collection::vec(any::<u8>(), 1..40),
        place in any::<proptest::sample::Index>(),
        flip in 1_u8..,
    ) {
        let to = SealingKeyPair::from_seed(&[8; 32]);
        let contexts = SenderContexts::new(rotation(100));
        let recipient = (&to.public(), info.as_slice());
        let sealed = contexts.seal(recipient, (&binding, &aad), &plaintext, at(0)).unwrap();
        prop_assert_eq!(sealed.ciphertext.len(), plaintext.len() + super::super::sealing::TAG_BYTES);
        let opening = RecipientContexts::default();
        let both = |info: &[u8], aad: &[u8], sealed: &Sealed| {
            let kept = opening.open(&to, info, aad, sealed);
            assert_eq!(super::super::sealing::open(&to, info, aad, sealed), kept);
            kept
        };
        prop_assert_eq!(&*both(&info, &aad, &sealed).unwrap(), &plaintext);

        let flipped = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let at = place.index(bytes.len());
            bytes[at] ^= flip;
            bytes
        };
        let other_body = Sealed { ciphertext: flipped(&sealed.ciphertext), ..sealed.clone() };
        let other_permit = Sealed { export_context: flipped(&sealed.export_context), ..sealed.clone() };
        let by_itself = Sealed { export_context: Vec::new(), ..sealed.clone() };
        let other_enc = Sealed {
            encapsulated_key: flipped(&sealed.encapsulated_key).try_into().unwrap(),
            ..sealed.clone()
        };
        for spoilt in [other_body, other_permit, by_itself, other_enc] {
            prop_assert_eq!(both(&info, &aad, &spoilt), Err(OpenFault));
        }
        prop_assert_eq!(both(&flipped(&info), &aad, &sealed), Err(OpenFault));
        prop_assert_eq!(both(&info, &flipped(&aad), &sealed), Err(OpenFault));
        let other_key = SealingKeyPair::from_seed(&[9; 32]);
        let unkept = RecipientContexts::default();
        prop_assert_eq!(unkept.open(&other_key, &info, &aad, &sealed), Err(OpenFault));
    }
}
