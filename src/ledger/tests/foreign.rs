//! Bytes from elsewhere: no text or file makes a parser panic, and what parses says the same when it is written again.

use data_encoding::BASE64;
use proptest::prelude::*;

use super::*;

/// A text near a true one: some characters replaced, cut or repeated.
fn near(truth: String) -> impl Strategy<Value = String> {
    let length = truth.chars().count();
    let change = (0..length, any::<char>(), 0..4_u8);
    prop::collection::vec(change, 0..4).prop_map(move |changes| {
        let mut chars: Vec<char> = truth.chars().collect();
        for (at, new, how) in changes {
            let at = at.min(chars.len());
            match how {
                0 => chars.insert(at, new),
                1 => chars.truncate(at),
                2 => chars.extend_from_within(at..),
                _ => chars.iter_mut().skip(at).take(1).for_each(|old| *old = new),
            }
        }
        chars.into_iter().collect()
    })
}

fn a_note() -> String {
    Checkpoint::sign(tree("0220113112101700/2026"), 7, [9; 32], &keys())
        .unwrap()
        .to_string()
}

fn a_frame() -> Vec<u8> {
    let mut bytes = Vec::new();
    let start = frame::begin(&mut bytes, 64, 0);
    for (index, entry) in pair(1).iter().enumerate() {
        let at = Position {
            tree: entry.tree,
            index: 0,
            sequence: index as u64,
        };
        frame::push(&mut bytes, entry, &at, &[3; SALT_BYTES], &[4; 32]);
    }
    frame::finish(&mut bytes, start);
    bytes
}

proptest! {
    #[test]
    fn a_checkpoint_from_elsewhere_is_refused_or_says_what_it_says(note in near(a_note())) {
        if let Ok(checkpoint) = Checkpoint::parse(&note) {
            prop_assert_eq!(&checkpoint.to_string(), &note);
            let verified = checkpoint.verify(&keys().public()).is_ok();
            let truth = a_note();
            prop_assert!(!verified || note.starts_with(truth.split("\n\n").next().unwrap()));
        }
    }

    #[test]
    fn keys_from_elsewhere_are_refused_or_are_the_true_ones(text in near(keys().public().to_string())) {
        if let Ok(found) = text.parse::<PublicKeys>() {
            for owner in [Owner::CORE, WARD.parse().unwrap()] {
                let key = found.of(owner);
                prop_assert!(key.is_none() || key == keys().public().of(owner));
            }
        }
    }

    #[test]
    fn a_spoilt_frame_is_no_frame(
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = a_frame();
        let mut bytes = whole.clone();
        bytes[at.index(whole.len())] ^= 1 << bit;
        prop_assert!(frame::Frame::read(&bytes).is_none());
        prop_assert!(frame::Frame::read(&whole[..cut.index(whole.len())]).is_none());
    }

    /// The checksum is right, the content is anything: whoever can write the disk can write this.
    #[test]
    fn entries_of_any_content_are_read_or_refused(content in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut bytes = Vec::new();
        let start = frame::begin(&mut bytes, 64, 0);
        bytes.extend_from_slice(&content);
        frame::finish(&mut bytes, start);
        let read = frame::Frame::read(&bytes).unwrap();
        let end = bytes.len();
        for entry in read.entries().flatten() {
            prop_assert!(entry.0 + entry.1.body.len() <= end);
        }
    }

    #[test]
    fn evidence_from_elsewhere_is_refused(json in near(EVIDENCE.to_owned())) {
        if let Ok(evidence) = serde_json::from_str::<Evidence>(&json) {
            prop_assert!(evidence.check(&keys().public()).is_err() || evidence.is_empty());
        }
    }
}

const EVIDENCE: &str = r#"{"format":"chukan-evidence/1","checkpoints":["chukan.example/core/2026\n1\nAAAA\n\n"],
"records":[{"tree":"core/2026","index":0,"at_ms":0,"salt":"00000000000000000000000000000000","body":"{}","path":[]}]}"#;

/// The same number as padded pieces, one behind the other.
fn in_pieces(base64: &str) -> String {
    let bytes = BASE64.decode(base64.as_bytes()).unwrap();
    let pieces = bytes.chunks(16).map(|piece| BASE64.encode(piece));
    pieces.collect::<Vec<_>>().concat()
}

/// Found by fuzzing: `data_encoding` takes such pieces for one number.
#[test]
fn a_number_in_padded_pieces_is_not_another_text_of_the_same() {
    let note = a_note();
    let signature = note.trim_end().rsplit(' ').next().unwrap();
    let other = note.replace(signature, &in_pieces(signature));
    assert_eq!(Checkpoint::parse(&other), Err(CheckpointFault::Format));

    let keys = keys().public().to_string();
    let key = keys.lines().next().unwrap().splitn(3, '+').last().unwrap();
    let other = keys.replace(key, &in_pieces(key));
    assert_eq!(other.parse::<PublicKeys>(), Err(BadKeyText));
}
