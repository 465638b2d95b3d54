use proptest::prelude::*;

use super::*;

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

fn messages(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("permit {n}").into()).collect()
}

fn verifier() -> GroupVerifier {
    GroupVerifier::new(key().verifying_key())
}

#[test]
fn one_message_has_a_plain_signature() {
    let signed = sign_together(&key(), &messages(1));
    assert_eq!(signed, [key().sign(b"permit 0").to_vec()]);
    assert!(sign_together(&key(), &[]).is_empty());
}

#[test]
fn more_than_a_group_are_several_groups() {
    let messages = messages(GROUP_MAX * 2 + 1);
    let signed = sign_together(&key(), &messages);
    let verifier = verifier();
    for (message, signature) in messages.iter().zip(&signed) {
        assert_eq!(verifier.verify(message, signature), Ok(()));
    }
    assert_eq!(signed.len(), messages.len());
    assert_eq!(signed.last().unwrap().len(), SIGNATURE_BYTES);
    assert_eq!(verifier.seen.lock().unwrap().len(), 2);
}

#[test]
fn what_another_key_signed_together_is_refused_and_not_remembered() {
    let other = SigningKey::from_seed(&[8; 32]).unwrap();
    let signed = sign_together(&other, &messages(3));
    let verifier = verifier();
    for _ in 0..2 {
        assert_eq!(verifier.verify(b"permit 0", &signed[0]), Err(BadSignature));
    }
    assert!(verifier.seen.lock().unwrap().is_empty());
}

#[test]
fn a_verifier_remembers_so_many_groups_and_no_more() {
    let verifier = verifier();
    let groups = (0..REMEMBERED_MAX + 5).map(|n| vec![vec![0], n.to_be_bytes().to_vec()]);
    let groups: Vec<_> = groups.collect();
    let signed: Vec<_> = groups.iter().map(|g| sign_together(&key(), g)).collect();
    for _ in 0..2 {
        for (group, signatures) in groups.iter().zip(&signed) {
            assert_eq!(verifier.verify(&group[0], &signatures[0]), Ok(()));
        }
    }
    assert_eq!(verifier.seen.lock().unwrap().len(), REMEMBERED_MAX);
}

/// A signature over a group is none over one message, nor the other way round.
#[test]
fn the_two_forms_do_not_pass_for_each_other() {
    let (key, verifier) = (key(), verifier());
    let pair = messages(2);
    let signed = sign_together(&key, &pair);
    assert!(
        verifier
            .verify(&pair[0], &signed[0][..SIGNATURE_BYTES])
            .is_err()
    );
    let alone = key.sign(&pair[0]);
    let dressed = [&alone[..], &signed[0][SIGNATURE_BYTES..]].concat();
    assert!(verifier.verify(&pair[0], &dressed).is_err());
}

proptest! {
    #[test]
    fn each_of_a_group_verifies_and_nothing_in_it_can_be_changed(
        count in 2..=GROUP_MAX,
        which in any::<prop::sample::Index>(),
        seen_before in any::<bool>(),
    ) {
        let messages = messages(count);
        let signed = sign_together(&key(), &messages);
        let which = which.index(count);
        let (message, signature) = (&messages[which], &signed[which]);
        let verifier = verifier();
        if seen_before {
            prop_assert_eq!(verifier.verify(message, signature), Ok(()));
        }
        for at in 0..signature.len() {
            let mut altered = signature.clone();
            altered[at] ^= 1 << (at % 8);
            prop_assert!(verifier.verify(message, &altered).is_err(), "byte {}", at);
            prop_assert!(verifier.verify(message, &signature[..at]).is_err(), "cut at {}", at);
        }
        for at in 0..message.len() {
            let mut altered = message.clone();
            altered[at] ^= 1 << (at % 8);
            prop_assert!(verifier.verify(&altered, signature).is_err());
        }
        let longer = [&signature[..], &[0; 32]].concat();
        prop_assert!(verifier.verify(message, &longer).is_err());
        for (place, other) in signed.iter().enumerate() {
            prop_assert_eq!(verifier.verify(message, other).is_ok(), place == which);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(message in any::<[u8; 4]>(), signature in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verifier().verify(&message, &signature).is_err());
    }
}
