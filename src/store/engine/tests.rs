//! What the engine promises: durable, atomic, whole.

use super::Engine;
use crate::store::{Batch, Key, StoreFault};
use proptest::prelude::*;
use std::path::Path;

mod log;

const CACHE_BYTES: u64 = 16 * 1024 * 1024;

fn engine(dir: &Path) -> Engine {
    Engine::open(dir, CACHE_BYTES).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

fn key(number: u64) -> Key {
    Key::new("row").number(number)
}

fn put(number: u64, value: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.put(key(number), value);
    batch
}

fn physical_rows(engine: &Engine) -> usize {
    engine
        .inner
        .layers()
        .rows(&[], None, usize::MAX)
        .unwrap()
        .len()
}

fn blobs(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("blobs")).unwrap().count()
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path());
    first.write(put(1, b"one")).await.unwrap();
    let mut batch = Batch::new();
    batch
        .put_value(key(2), &vec!["two", "zwei"])
        .unwrap()
        .remove(key(1));
    first.write(batch).await.unwrap();
    first.close().unwrap();
    let second = engine(dir.path());
    assert_eq!(second.read(&key(1)).unwrap(), None);
    assert_eq!(
        second.read_value::<Vec<String>>(&key(2)).unwrap().unwrap(),
        ["two", "zwei"]
    );
    assert!(matches!(
        second.read_value::<u8>(&key(2)),
        Err(StoreFault::Value { .. })
    ));
}

#[tokio::test]
async fn a_directory_belongs_to_one_engine() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path());
    assert!(matches!(
        Engine::open(dir.path(), CACHE_BYTES),
        Err(StoreFault::InUse { .. })
    ));
    drop(first);
    engine(dir.path());
}

#[tokio::test]
async fn a_closed_engine_writes_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let clone = engine.clone();
    engine.close().unwrap();
    assert!(!clone.is_writable());
    assert!(matches!(
        clone.write(put(1, b"")).await,
        Err(StoreFault::Closed)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_claims_on_one_key_exactly_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    for round in 0..20 {
        let claims = (0..32_u8).map(|claimant| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut batch = put(round, &[claimant]);
                batch.expect_absent(key(round));
                (claimant, engine.write(batch).await)
            })
        });
        let mut winners = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap() {
                (claimant, Ok(())) => winners.push(claimant),
                (_, Err(fault)) => {
                    assert!(matches!(fault, StoreFault::Conflict { precondition: 0 }))
                }
            }
        }
        assert_eq!(engine.read(&key(round)).unwrap().unwrap(), winners);
    }
}

#[tokio::test]
async fn a_conflict_leaves_nothing_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    engine.write(put(1, &[1; 9000])).await.unwrap();
    let before = engine.inner.layers().rows(&[], None, usize::MAX).unwrap();
    let mut batch = put(2, &[2; 9000]);
    batch
        .remove(key(1))
        .expect(key(1), vec![1; 9000])
        .expect_absent(key(1));
    assert!(matches!(
        engine.write(batch).await,
        Err(StoreFault::Conflict { precondition: 1 })
    ));
    assert_eq!(
        engine.inner.layers().rows(&[], None, usize::MAX).unwrap(),
        before
    );
}

#[tokio::test]
async fn an_expected_version_notices_a_change_back_to_the_same_value() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    engine.write(put(1, b"a")).await.unwrap();
    let (version, _) = engine.read_versioned(&key(1)).unwrap().unwrap();
    engine.write(put(1, b"b")).await.unwrap();
    engine.write(put(1, b"a")).await.unwrap();
    let mut by_version = put(1, b"c");
    by_version.expect(key(1), version);
    assert!(matches!(
        engine.write(by_version).await,
        Err(StoreFault::Conflict { precondition: 0 })
    ));
    let mut by_value = put(1, b"c");
    by_value.expect(key(1), b"a".to_vec());
    engine.write(by_value).await.unwrap();
}

#[tokio::test]
async fn oversize_keys_and_values_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let too_long = engine.write(put(1, &vec![0; 16 * 1024 * 1024 + 1])).await;
    assert!(matches!(too_long, Err(StoreFault::ValueTooLong { .. })));
    let mut batch = Batch::new();
    batch.put(Key::new("row").bytes(&[1; 320]), []);
    assert!(matches!(
        engine.write(batch).await,
        Err(StoreFault::KeyTooLong { .. })
    ));
    assert_eq!(physical_rows(&engine), 1);
}

#[tokio::test]
async fn the_longest_value_survives_reopening_and_leaves_no_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let value: Vec<u8> = (0..16 * 1024 * 1024_u32).map(|i| (i >> 10) as u8).collect();
    let first = engine(dir.path());
    first.write(put(1, &value)).await.unwrap();
    drop(first);
    let second = engine(dir.path());
    assert!(second.read(&key(1)).unwrap().unwrap() == value);
    let mut batch = Batch::new();
    batch.remove(key(1));
    second.write(batch).await.unwrap();
    assert_eq!(physical_rows(&second), 1);
    second.close().unwrap();
    assert_eq!(blobs(dir.path()), 0);
}

#[tokio::test]
async fn the_longest_rows_never_reach_the_files_sled_does_not_sync() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    for number in 0..40 {
        let mut batch = Batch::new();
        for part in 0..20_u64 {
            let long = Key::new("row")
                .number((part * 7919 + number * 104_729) % 65_537)
                .bytes(&[b'k'; 290]);
            batch.put(long, [9; 4096]);
        }
        engine.write(batch).await.unwrap();
    }
    engine.close().unwrap();
    assert_eq!(blobs(dir.path()), 0);
}

#[tokio::test]
async fn a_scan_goes_on_after_a_key_and_sees_no_chunk_and_no_neighbour() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let mut batch = Batch::new();
    for number in 0..10 {
        batch.put(key(number), vec![number as u8; 5000]);
    }
    batch
        .put(Key::new("ro").number(1), [])
        .put(Key::new("rows").number(1), []);
    engine.write(batch).await.unwrap();
    let prefix = Key::new("row");
    let first = engine.scan(&prefix, None, 4).unwrap();
    let rest = engine.scan(&prefix, Some(&first[3].0), 100).unwrap();
    let found: Vec<_> = first.into_iter().chain(rest).collect();
    assert_eq!(
        found.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        (0..10).map(key).collect::<Vec<_>>()
    );
    assert!(
        found
            .iter()
            .zip(0..)
            .all(|((_, value), number)| *value == vec![number; 5000])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_a_value_whole_while_it_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    engine.write(put(1, &[0; 40_000])).await.unwrap();
    let reader = engine.clone();
    let reading = tokio::task::spawn_blocking(move || {
        for _ in 0..2000 {
            let value = reader.read(&key(1)).unwrap().unwrap();
            assert!(value.iter().all(|byte| *byte == value[0]));
            assert_eq!(value.len(), 40_000);
        }
    });
    for round in 0..100 {
        engine.write(put(1, &[round; 40_000])).await.unwrap();
    }
    reading.await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn values_of_every_length_are_whole_and_leave_no_chunk_behind(
        lengths in prop::collection::vec(
            prop_oneof![0_usize..20, 4080_usize..4110, 8180_usize..8200, 12_280_usize..12_300, 0_usize..40_000], 1..8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let runtime = runtime();
        let first = engine(dir.path());
        for (length, round) in lengths.iter().zip(1..) {
            let value = vec![round; *length];
            runtime.block_on(first.write(put(1, &value))).unwrap();
            prop_assert_eq!(first.read(&key(1)).unwrap().unwrap(), value);
            let rows = 2 + if *length > 4096 { length.div_ceil(4096) } else { 0 };
            prop_assert_eq!(physical_rows(&first), rows);
        }
        drop(first);
        let second = engine(dir.path());
        prop_assert_eq!(second.read(&key(1)).unwrap().unwrap(), vec![lengths.len() as u8; *lengths.last().unwrap()]);
    }
}

const KILL_DIR: &str = "CHUKAN_TEST_KILL_DIR";
const WRITERS: u64 = 8;

/// Runs in a process of its own and says which rows were acknowledged, until it is killed.
#[test]
#[ignore = "the other process of the test below"]
fn process_to_be_killed() {
    let Ok(dir) = std::env::var(KILL_DIR) else {
        return;
    };
    let engine = engine(Path::new(&dir));
    let first = engine
        .scan(&Key::new("row"), None, usize::MAX)
        .unwrap()
        .len() as u64;
    let write = |writer: u64| {
        let engine = engine.clone();
        async move {
            for round in 0.. {
                let number = first + round * WRITERS + writer;
                engine.write(put(number, &row_value(number))).await.unwrap();
                println!("\nacknowledged {number}");
            }
        }
    };
    let runtime = runtime();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| runtime.spawn(write(writer)))
        .collect();
    for writer in writers {
        runtime.block_on(writer).unwrap();
    }
}

fn row_value(number: u64) -> Vec<u8> {
    let bytes = if number.is_multiple_of(10) { 9000 } else { 300 };
    vec![number as u8; bytes]
}

#[test]
fn a_killed_process_loses_no_acknowledged_write() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = std::collections::BTreeSet::new();
    for round in 0..10 {
        let mut process = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "store::engine::tests::process_to_be_killed",
            ])
            .env(KILL_DIR, dir.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let numbers =
            lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        let before = acknowledged.len();
        for number in numbers {
            acknowledged.insert(number);
            if acknowledged.len() == before + 100 + 37 * round {
                process.kill().unwrap();
            }
        }
        process.wait().unwrap();
        assert!(acknowledged.len() > before);
        let engine = Engine::open_verified(dir.path(), CACHE_BYTES).unwrap();
        for number in &acknowledged {
            assert!(
                engine.read(&key(*number)).unwrap() == Some(row_value(*number)),
                "row {number} is missing"
            );
        }
    }
}
