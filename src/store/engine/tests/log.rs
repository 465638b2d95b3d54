//! What the log in front of the tree promises: order, visibility, and that folding may fail at any step.

use std::sync::Arc;

use super::{CACHE_BYTES, engine, key, put};
use crate::store::engine::Engine;
use crate::store::{Batch, Key, StoreFault, probe::Probe};

fn probe(engine: &Engine) -> Arc<Probe> {
    Arc::clone(&engine.inner.layers().tree().probe)
}

#[tokio::test]
async fn a_write_is_in_the_log_and_synced_before_it_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    probe(&engine).take_steps();
    engine.write(put(1, b"one")).await.unwrap();
    assert_eq!(probe(&engine).take_steps(), ["append", "sync"]);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written_until_reopened() {
    for step in ["append", "sync"] {
        let dir = tempfile::tempdir().unwrap();
        let broken = engine(dir.path());
        broken.write(put(1, b"one")).await.unwrap();
        probe(&broken).break_next(step);
        assert!(matches!(
            broken.write(put(2, b"two")).await,
            Err(StoreFault::ReadOnly { .. })
        ));
        assert!(!broken.is_writable());
        probe(&broken).take_steps();
        assert!(matches!(
            broken.write(put(3, b"three")).await,
            Err(StoreFault::ReadOnly { .. })
        ));
        assert!(matches!(broken.close(), Err(StoreFault::ReadOnly { .. })));
        let reopened = engine(dir.path());
        assert_eq!(reopened.read(&key(1)).unwrap().unwrap(), b"one");
        assert_eq!(reopened.read(&key(3)).unwrap(), None);
        reopened.write(put(4, b"four")).await.unwrap();
    }
}

#[tokio::test]
async fn a_failed_folding_is_reported_and_done_again_at_the_next_open() {
    for step in ["set", "flush", "fdatasync"] {
        let dir = tempfile::tempdir().unwrap();
        let broken = engine(dir.path());
        for number in 0..50 {
            broken.write(put(number, b"value")).await.unwrap();
        }
        probe(&broken).break_next(step);
        assert!(broken.close().is_err(), "{step}");
        let reopened = Engine::open_verified(dir.path(), CACHE_BYTES).unwrap();
        for number in 0..50 {
            assert_eq!(reopened.read(&key(number)).unwrap().unwrap(), b"value");
        }
    }
}

#[tokio::test]
async fn what_was_handed_over_is_seen_at_once_and_durable_before_what_comes_after_it() {
    let (dir, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = engine(dir.path());
    for number in 0..100 {
        drop(engine.hand_over(put(number, b"seen")).await.unwrap());
        assert_eq!(engine.read(&key(number)).unwrap().unwrap(), b"seen");
    }
    engine.write(put(100, b"last")).await.unwrap();
    for name in [
        "db",
        "conf",
        "manifest.json",
        "durable.mark",
        "redo-0",
        "redo-1",
    ] {
        std::fs::copy(dir.path().join(name), killed.path().join(name)).unwrap();
    }
    let reopened = Engine::open_verified(killed.path(), CACHE_BYTES).unwrap();
    for number in 0..=100 {
        assert!(reopened.read(&key(number)).unwrap().is_some(), "{number}");
    }
}

#[tokio::test]
async fn a_conflict_of_what_was_handed_over_shows_when_it_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    drop(engine.hand_over(put(1, b"one")).await.unwrap());
    let mut claim = put(1, b"two");
    claim.expect_absent(key(1));
    let claim = engine.hand_over(claim).await.unwrap();
    assert!(matches!(
        claim.durable().await,
        Err(StoreFault::Conflict { precondition: 0 })
    ));
    assert_eq!(engine.read(&key(1)).unwrap().unwrap(), b"one");
}

#[tokio::test]
async fn every_row_is_found_while_the_log_is_folded_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = engine(dir.path());
    for round in 0..30_u8 {
        let mut batch = Batch::new();
        for number in 0..400 {
            if (number + u64::from(round)).is_multiple_of(7) {
                batch.remove(key(number));
            } else {
                batch.put(key(number), vec![round; 4000]);
            }
        }
        store.write(batch).await.unwrap();
        let expected: Vec<_> = (0..400)
            .filter(|number| !(number + u64::from(round)).is_multiple_of(7))
            .map(key)
            .collect();
        for limit in [7, 400] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = store.scan(&Key::new("row"), after.as_ref(), limit).unwrap();
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                assert!(page.iter().all(|(_, value)| *value == vec![round; 4000]));
                found.extend(page.into_iter().map(|(key, _)| key));
            }
            assert_eq!(found, expected, "round {round}, limit {limit}");
        }
    }
    store.close().unwrap();
    drop(Engine::open_verified(dir.path(), CACHE_BYTES).unwrap());
}
