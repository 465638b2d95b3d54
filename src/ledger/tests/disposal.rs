//! What was destroyed is in no file, and every tree still verifies.

use super::*;
use crate::ledger::verify::verify;

/// As [`super::pair`], with bodies as long as a record's.
fn pair(number: u32) -> Vec<Entry> {
    let mut entries = super::pair(number);
    for entry in &mut entries {
        entry.body.extend_from_slice(&[b' '; 40]);
    }
    entries
}

/// Makes a ledger of `commits` pairs and closes it.
async fn filled(dir: &Path, commits: u32) {
    let (ledger, _) = open(dir).unwrap();
    for number in 0..commits {
        ledger.commit(pair(number)).await.unwrap();
    }
}

/// The bodies of the core's entries in this range.
fn bodies(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    numbers.map(|number| pair(number)[0].body.clone()).collect()
}

/// Whether any file below `dir` holds these bytes.
fn anywhere(dir: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().any(|file| {
        let path = file.unwrap().path();
        if path.is_dir() {
            anywhere(&path, bytes)
        } else {
            let found = fs::read(path).unwrap();
            found.windows(bytes.len()).any(|part| part == bytes)
        }
    })
}

fn stays(body: &[u8]) -> bool {
    body == pair(7)[0].body
}

#[tokio::test]
async fn what_is_due_is_in_no_file_any_more_and_the_trees_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    for number in 0..40 {
        ledger.commit(pair(number)).await.unwrap();
    }
    let core = tree("core/2026");
    let signed = ledger.checkpoint(core).await.unwrap();
    let mut salts = Vec::new();
    for index in 0..30 {
        salts.push(ledger.read(core, index).unwrap().salt);
    }
    let due = ledger.disposable(core.owner, 30, stays).unwrap();
    let expected = Disposable {
        tree: core,
        entries: 29,
        first_ms: 0,
        last_ms: 29,
    };
    assert_eq!(due, [expected]);
    assert_eq!(ledger.dispose(core.owner, 30, stays).await.unwrap(), 29);
    assert_eq!(ledger.disposable(core.owner, 30, stays).unwrap(), []);
    assert_eq!(ledger.dispose(core.owner, 30, stays).await.unwrap(), 0);

    for (number, body) in (0..).zip(bodies(0..30)) {
        assert_eq!(anywhere(dir.path(), &body), number == 7, "{number}");
        let salt = &salts[number as usize];
        assert_eq!(anywhere(dir.path(), salt), number == 7, "{number}");
        let read = ledger.read(core, number);
        assert_eq!(matches!(read, Err(LedgerFault::Destroyed(_))), number != 7);
    }
    for body in bodies(30..40) {
        assert!(anywhere(dir.path(), &body));
    }
    let others = tree("0220113112101700/2026");
    assert_eq!(ledger.scan(others, 0, 100).unwrap().len(), 40);
    assert_eq!(ledger.root(core, 40).unwrap(), signed.root);
    ledger.inclusion_proof(core, 3, 40).unwrap();
    ledger.commit(pair(40)).await.unwrap();
    let mut seen = Vec::new();
    ledger.replay(0, |entry| seen.push(entry.sequence)).unwrap();
    assert_eq!(seen.len(), 82 - 29);
    drop(ledger);

    let report = verify(dir.path(), None, |_| ()).unwrap();
    assert_eq!(report.entries, 82);
    let (ledger, opening) = open(dir.path()).unwrap();
    assert_eq!(opening.entries, 82);
    assert_eq!(ledger.root(core, 40).unwrap(), signed.root);
    drop(ledger);
    let archive = Archive::read(dir.path(), |_| ()).unwrap();
    let out = tempfile::tempdir().unwrap();
    archive.export(out.path()).unwrap();
    let shown = Evidence::gather(&archive, |_| true).unwrap();
    assert_eq!(shown.len(), 40 - 29);
}

#[tokio::test]
async fn a_destroyed_entry_that_is_tampered_with_is_found() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 4).await;
    let (ledger, _) = open(dir.path()).unwrap();
    let core = tree("core/2026");
    ledger.checkpoint(core).await.unwrap();
    ledger.dispose(core.owner, 4, |_| false).await.unwrap();
    drop(ledger);
    let segment = &segments(dir.path())[0];
    let whole = fs::read(segment).unwrap();
    let mut undetected = Vec::new();
    // The first frame: every byte of it is either under the checksum or the checksum.
    for at in segment::HEADER_BYTES..segment::HEADER_BYTES + 200 {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(segment, flipped).unwrap();
        if verify(dir.path(), None, |_| ()).is_ok() {
            undetected.push(at);
        }
    }
    assert_eq!(undetected, Vec::<usize>::new());
    fs::write(segment, whole).unwrap();
    verify(dir.path(), None, |_| ()).unwrap();
}

#[tokio::test]
async fn a_disposal_that_a_crash_interrupted_leaves_nothing_beside_and_is_done_again() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 40).await;
    let first = segments(dir.path())[0].clone();
    let beside = first.with_extension("rewritten");
    fs::copy(&first, &beside).unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    assert!(!beside.exists());
    let core = tree("core/2026").owner;
    assert_eq!(ledger.dispose(core, 40, |_| false).await.unwrap(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writing_and_reading_go_on_while_segments_are_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    for number in 0..60 {
        ledger.commit(pair(number)).await.unwrap();
    }
    let writing = {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            for number in 60..160 {
                ledger.commit(pair(number)).await.unwrap();
            }
        })
    };
    let reading = {
        let ledger = ledger.clone();
        tokio::task::spawn_blocking(move || {
            let ward = tree("0220113112101700/2026");
            for _ in 0..20 {
                assert!(ledger.scan(ward, 0, 60).unwrap().len() >= 60);
            }
        })
    };
    let core = tree("core/2026").owner;
    assert_eq!(ledger.dispose(core, 60, |_| false).await.unwrap(), 60);
    writing.await.unwrap();
    reading.await.unwrap();
    drop(ledger);
    assert_eq!(verify(dir.path(), None, |_| ()).unwrap().entries, 320);
}
