//! Random damage is never passed over.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn ledger_of(commits: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(filled(dir.path(), commits));
    dir
}

fn holds_the_first(ledger: &Ledger, entries: u64) {
    let mut number = 0;
    ledger
        .replay(0, |entry| {
            let pair = pair(u32::try_from(number / 2).unwrap());
            assert_eq!(entry.body, pair[usize::try_from(number % 2).unwrap()].body);
            number += 1;
        })
        .unwrap();
    assert_eq!(number, entries);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_an_unfinished_write_left_behind_is_cut(garbage in prop::collection::vec(any::<u8>(), 1..300), gap in 0_usize..300) {
        let dir = ledger_of(3);
        let last = segments(dir.path()).pop().unwrap();
        let mut bytes = fs::read(&last).unwrap();
        let begin = frame_offsets(&last).pop().unwrap() + gap;
        bytes[begin..begin + garbage.len()].copy_from_slice(&garbage);
        fs::write(&last, &bytes).unwrap();
        let (ledger, opening) = open(dir.path()).unwrap();
        prop_assert_eq!(opening.entries, 6);
        prop_assert_eq!(opening.torn.is_some(), garbage.iter().any(|byte| *byte != 0));
        holds_the_first(&ledger, 6);
    }

    #[test]
    fn no_flipped_bit_in_any_segment_passes_unnoticed(at in any::<prop::sample::Index>(), bit in 0..8) {
        let dir = ledger_of(40);
        let files = segments(dir.path());
        let lengths: Vec<usize> = files.iter().map(|file| fs::read(file).unwrap().len()).collect();
        let mut at = at.index(lengths.iter().sum());
        let file = (0..files.len())
            .find(|file| {
                let inside = at < lengths[*file];
                if !inside {
                    at -= lengths[*file];
                }
                inside
            })
            .unwrap();
        let mut bytes = fs::read(&files[file]).unwrap();
        bytes[at] ^= 1_u8 << bit;
        fs::write(&files[file], &bytes).unwrap();
        let noticed = match verify::verify(dir.path(), None, |_| ()) {
            Ok(report) => report.torn.is_some(),
            Err(fault) => matches!(fault, LedgerFault::Damaged { .. }),
        };
        prop_assert!(noticed);
        match open(dir.path()) {
            Ok((ledger, opening)) => {
                prop_assert_eq!(file, files.len() - 1);
                prop_assert_eq!(opening.torn.unwrap().file, files[file].clone());
                holds_the_first(&ledger, opening.entries);
            }
            Err(LedgerFault::Damaged { file: damaged, .. }) => prop_assert_eq!(&damaged, &files[file]),
            Err(other) => panic!("{other}"),
        }
    }
}
