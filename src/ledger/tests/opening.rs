//! Opening reads the last segment and what no signed checkpoint bears out, and nothing that an index says is believed against the
//! segments.

use proptest::prelude::*;

use super::*;
use crate::ledger::{
    index::Index,
    merkle::{hash_children, verify_consistency, verify_inclusion},
};

const PAIRS: u32 = 700;

/// A ledger of two trees of 700 entries each in many segments, signed and closed.
async fn signed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    for numbers in (0..PAIRS).collect::<Vec<_>>().chunks(7) {
        let entries = numbers.iter().copied().flat_map(pair).collect();
        ledger.commit(entries).await.unwrap();
    }
    sign(&ledger).await;
    dir
}

async fn sign(ledger: &Ledger) {
    for (tree, _) in ledger.trees() {
        ledger.checkpoint(tree).await.unwrap();
    }
}

fn index_files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(segment::segments_dir(dir))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "idx"))
        .collect();
    found.sort();
    found
}

/// Everything that can be asked of a ledger.
fn told(ledger: &Ledger) -> Vec<String> {
    let mut told = Vec::new();
    let replayed = ledger.replay(0, |entry| told.push(format!("{entry:?} {:?}", entry.body)));
    assert_eq!(replayed.unwrap(), ledger.next_sequence());
    for (tree, size) in ledger.trees() {
        for index in (0..size).step_by(61).chain([255, 256, size - 1]) {
            let entry = ledger.read(tree, index).unwrap();
            let (root, proof) = (
                ledger.root(tree, index).unwrap(),
                ledger.inclusion_proof(tree, index, size).unwrap(),
            );
            let whole = ledger.root(tree, size).unwrap();
            verify_inclusion(&entry.leaf_hash, index, size, &proof, &whole).unwrap();
            let grown = ledger.consistency_proof(tree, index, size).unwrap();
            verify_consistency(index, size, &root, &whole, &grown).unwrap();
            told.push(format!("{entry:?} {root:?} {proof:?} {grown:?}"));
        }
    }
    told
}

#[tokio::test]
async fn only_the_last_segment_of_a_signed_ledger_is_read_whole() {
    let dir = signed().await;
    let (ledger, opening) = open(dir.path()).unwrap();
    assert!(opening.segments > 30);
    assert_eq!((opening.read_whole, opening.entries), (1, 1400));
    let by_indexes = told(&ledger);
    drop(ledger);
    for file in index_files(dir.path()) {
        fs::remove_file(file).unwrap();
    }
    let (ledger, opening) = open(dir.path()).unwrap();
    assert_eq!(opening.read_whole, opening.segments);
    assert_eq!(told(&ledger), by_indexes);
    drop(ledger);
    assert_eq!(open(dir.path()).unwrap().1.read_whole, 1);
}

#[tokio::test]
async fn what_no_checkpoint_covers_is_read_whole() {
    let dir = signed().await;
    let (ledger, before) = open(dir.path()).unwrap();
    for number in PAIRS..PAIRS + 60 {
        ledger.commit(pair(number)).await.unwrap();
    }
    let expected = told(&ledger);
    let copy = crashed(dir.path());
    let (again, opening) = open(copy.path()).unwrap();
    let new = opening.segments - before.segments;
    assert!(
        new > 2 && (new..=new + 1).contains(&opening.read_whole),
        "{opening:?}"
    );
    assert_eq!(told(&again), expected);
    sign(&again).await;
    drop(again);
    assert_eq!(open(copy.path()).unwrap().1.read_whole, 1);
}

#[tokio::test]
async fn a_running_ledger_answers_from_its_indexes_and_goes_on_behind_them() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    for number in 0..PAIRS {
        ledger.commit(pair(number)).await.unwrap();
    }
    let running = told(&ledger);
    sign(&ledger).await;
    drop(ledger);
    let (ledger, _) = open(dir.path()).unwrap();
    assert_eq!(told(&ledger), running);
    for number in PAIRS..2 * PAIRS {
        ledger.commit(pair(number)).await.unwrap();
    }
    let grown = told(&ledger);
    drop(ledger);
    for file in index_files(dir.path()) {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(told(&open(dir.path()).unwrap().0), grown);
    verify::verify(dir.path(), None, |_| ()).unwrap();
}

/// Replaces the index of segment `number` by one that says what `change` makes of it, and fits its digest.
fn forge_index(dir: &Path, number: u64, change: impl FnOnce(&mut Index)) {
    let file = segment::index_path(dir, number);
    let mut index = Index::load(dir, number).unwrap();
    let rows = index.trees[0].rows_at as usize;
    let rows = fs::read(&file).unwrap()[rows..].to_vec();
    change(&mut index);
    fs::write(file, [index.head(), rows].concat()).unwrap();
}

#[tokio::test]
async fn an_index_that_was_forged_is_not_believed() {
    let dir = signed().await;
    let expected = told(&open(dir.path()).unwrap().0);
    let with_block = (1..).find(|number| {
        let index = Index::load(dir.path(), *number).unwrap();
        !index.trees[0].blocks.is_empty()
    });
    let with_block = with_block.unwrap();
    let forgeries: [fn(&mut Index); 5] = [
        |index| index.trees[0].blocks[0] = hash_children(&[1; 32], &[2; 32]),
        |index| index.ends.chain = [3; 32],
        |index| index.trees[0].leaves -= 1,
        |index| index.trees[1].first_leaf += 256,
        |index| index.trees.truncate(1),
    ];
    for (number, forgery) in forgeries.into_iter().enumerate() {
        forge_index(dir.path(), with_block, forgery);
        let (ledger, opening) = open(dir.path()).unwrap();
        assert!(opening.read_whole > 1, "{number}");
        assert_eq!(told(&ledger), expected, "{number}");
        drop(ledger);
        assert_eq!(open(dir.path()).unwrap().1.read_whole, 1, "{number}");
    }
}

#[tokio::test]
async fn rows_that_are_not_those_of_the_segment_are_made_again_when_they_are_read() {
    let dir = signed().await;
    let expected = told(&open(dir.path()).unwrap().0);
    let index = Index::load(dir.path(), 3).unwrap();
    let file = segment::index_path(dir.path(), 3);
    let right = fs::read(&file).unwrap();
    // An offset, which no hash covers, and a hash.
    for at in [2, 30] {
        let mut bytes = right.clone();
        bytes[index.trees[0].rows_at as usize + at] ^= 1;
        fs::write(&file, bytes).unwrap();
        let found = fsck(dir.path(), |_| ()).unwrap();
        assert_eq!((found.damage.len(), found.indexes), (0, vec![file.clone()]));
        let (ledger, opening) = open(dir.path()).unwrap();
        assert_eq!(opening.read_whole, 1);
        let (tree, first) = (index.trees[0].tree, index.trees[0].first_leaf);
        assert_eq!(ledger.read(tree, first).unwrap().index, first);
        assert_eq!(told(&ledger), expected);
        assert_eq!(fs::read(&file).unwrap(), right);
    }
}

#[tokio::test]
async fn damage_in_a_segment_that_opening_does_not_read_is_found_when_it_is_read() {
    let dir = signed().await;
    let file = &segments(dir.path())[2];
    let whole = fs::read(file).unwrap();
    let (start, end) = (segment::HEADER_BYTES, frame_offsets(file)[1]);
    let mut bytes = whole.clone();
    bytes[end - 2] ^= 1;
    fs::write(file, &bytes).unwrap();
    let (ledger, opening) = open(dir.path()).unwrap();
    assert_eq!(opening.read_whole, 1);
    assert!(matches!(
        ledger.replay(0, |_| ()),
        Err(LedgerFault::Damaged { .. })
    ));
    assert!(verify::verify(dir.path(), None, |_| ()).is_err());
    assert_eq!(fsck(dir.path(), |_| ()).unwrap().damage.len(), 1);
    drop(ledger);
    // A forger who makes the checksum again is found as well.
    let mut bytes = whole.clone();
    bytes[end - 2] ^= 1;
    frame::finish(&mut bytes[..end], start);
    fs::write(file, &bytes).unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    assert!(matches!(
        ledger.replay(0, |_| ()),
        Err(LedgerFault::Damaged { .. })
    ));
    drop(ledger);
    // So is a segment that is cut or ends in something else, at once.
    let last = frame_offsets(file);
    let last = last[last.len() - 2];
    for spoilt in [whole[..whole.len() - 1].to_vec(), {
        let mut bytes = whole.clone();
        bytes[last + 20] ^= 1;
        bytes
    }] {
        fs::write(file, &spoilt).unwrap();
        let opened = open(dir.path()).map(|(_, opening)| opening.read_whole);
        assert!(!matches!(opened, Ok(1)), "{opened:?}");
    }
}

fn once() -> &'static (tempfile::TempDir, Vec<String>) {
    static MADE: std::sync::OnceLock<(tempfile::TempDir, Vec<String>)> = std::sync::OnceLock::new();
    MADE.get_or_init(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let dir = std::thread::spawn(move || runtime.block_on(signed())).join();
        let dir = dir.unwrap();
        let told = told(&open(dir.path()).unwrap().0);
        (dir, told)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_spoilt_index_changes_what_a_ledger_tells(which in any::<usize>(), at in any::<usize>(), what in 0..5_u8) {
        let (dir, told_before) = once();
        let copy = crashed(dir.path());
        let files = index_files(copy.path());
        let file = &files[which % files.len()];
        let mut bytes = fs::read(file).unwrap();
        let place = at % bytes.len();
        match what {
            0 | 1 => bytes[place] ^= 1 << (at % 8),
            2 => bytes.truncate(place),
            3 => bytes[place..].fill(0),
            _ => bytes = fs::read(&files[at % files.len()]).unwrap(),
        }
        fs::write(file, bytes).unwrap();
        let (ledger, _) = open(copy.path()).unwrap();
        prop_assert_eq!(&told(&ledger), told_before);
    }
}
