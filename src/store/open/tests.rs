//! What damage does: it is noticed at open or at the read, or it changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{VERIFIED_BYTES_MAX, open};
use crate::store::manifest::{Manifest, Mark, Stage};
use crate::store::{Batch, Engine, Key, StoreFault};

const CACHE_BYTES: u64 = 8 * 1024 * 1024;
const FLIPS: u64 = 200;

type Content = BTreeMap<Vec<u8>, Vec<u8>>;

fn key(number: u64) -> Key {
    Key::new("row").number(number)
}

/// A small store that was opened three times, with long and short values, changes and removals.
async fn sample(dir: &Path) -> Content {
    let (mut rng, mut content) = (StdRng::seed_from_u64(7), Content::new());
    for _session in 0..3 {
        let engine = Engine::open(dir, CACHE_BYTES).unwrap();
        change(&engine, &mut rng, &mut content).await;
        engine.close().unwrap();
    }
    content
}

/// As `sample`, but `killed` is what a kill after the last answer leaves: the directory as it was while still open.
async fn sample_killed(dir: &Path, killed: &Path) -> Content {
    let mut content = sample(dir).await;
    let engine = Engine::open(dir, CACHE_BYTES).unwrap();
    change(&engine, &mut StdRng::seed_from_u64(8), &mut content).await;
    copy(dir, killed);
    content
}

async fn change(engine: &Engine, rng: &mut StdRng, content: &mut Content) {
    for _ in 0..120 {
        let number = rng.random_range(0..150);
        let mut batch = Batch::new();
        if rng.random_ratio(1, 5) {
            batch.remove(key(number));
            content.remove(key(number).as_bytes());
        } else {
            let bytes = if rng.random_ratio(1, 20) {
                10_000
            } else {
                rng.random_range(1..300)
            };
            let value: Vec<u8> = (0..bytes).map(|_| rng.random()).collect();
            content.insert(key(number).as_bytes().to_vec(), value.clone());
            batch.put(key(number), value);
        }
        engine.write(batch).await.unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.is_file() && path.metadata().unwrap().len() > 0)
        .collect();
    files.sort();
    files
}

#[derive(Debug)]
enum Outcome {
    Harmless,
    Noticed(StoreFault),
    Silent,
}

/// Opens, reads everything in both ways, writes, closes.
fn use_store(
    dir: &Path,
    content: &Content,
    verified_bytes_max: u64,
) -> Result<Outcome, StoreFault> {
    let engine = Engine::start(
        dir,
        CACHE_BYTES,
        open(dir, CACHE_BYTES, verified_bytes_max)?,
    )?;
    for (encoded, value) in content {
        if engine.read(&Key::from_encoded(encoded))?.as_ref() != Some(value) {
            return Ok(Outcome::Silent);
        }
    }
    let found = engine.scan(&Key::new("row"), None, usize::MAX)?;
    let found: Content = found
        .into_iter()
        .map(|(key, value)| (key.as_bytes().to_vec(), value))
        .collect();
    if found != *content {
        return Ok(Outcome::Silent);
    }
    let mut batch = Batch::new();
    batch.put(Key::new("after").number(1), vec![1; 5000]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(engine.write(batch))?;
    engine.close()?;
    Ok(Outcome::Harmless)
}

/// As `use_store`; a panic or a hang fails the test.
fn outcome(dir: &Path, content: &Content, verified_bytes_max: u64) -> Outcome {
    let (done, outcome) = std::sync::mpsc::channel();
    let (dir, content) = (dir.to_path_buf(), content.clone());
    std::thread::spawn(move || {
        done.send(use_store(&dir, &content, verified_bytes_max))
            .unwrap()
    });
    let outcome = outcome
        .recv_timeout(Duration::from_secs(30))
        .expect("neither a panic nor a hang");
    outcome.unwrap_or_else(Outcome::Noticed)
}

/// Flips one bit per seed, half of them in `db`; gives harmless, noticed and silent cases.
fn flip_bits(original: &Path, content: &Content, verified_bytes_max: u64) -> [u32; 3] {
    let mut tally = [0; 3];
    for seed in 0..FLIPS {
        let mut rng = StdRng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        copy(original, dir.path());
        let files = files(dir.path());
        let db = dir.path().join("db");
        let file = if rng.random() {
            &db
        } else {
            &files[rng.random_range(0..files.len())]
        };
        let mut bytes = std::fs::read(file).unwrap();
        // The end of the last segment is padding.
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let bit = rng.random_range(0..used * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(file, &bytes).unwrap();
        match outcome(dir.path(), content, verified_bytes_max) {
            Outcome::Harmless => tally[0] += 1,
            Outcome::Noticed(StoreFault::Damaged { .. }) => tally[1] += 1,
            Outcome::Noticed(fault) => panic!("seed {seed}, {}: {fault}", file.display()),
            Outcome::Silent => {
                println!("silent: seed {seed}, {} bit {bit}", file.display());
                tally[2] += 1;
            }
        }
    }
    println!("harmless, noticed, silent: {tally:?}");
    tally
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_noticed_or_harmless() {
    let original = tempfile::tempdir().unwrap();
    let content = sample(original.path()).await;
    let [_, noticed, silent] = flip_bits(original.path(), &content, VERIFIED_BYTES_MAX);
    assert!(silent == 0 && noticed > 50);
}

#[tokio::test]
async fn a_flipped_bit_is_noticed_after_a_kill_too() {
    let (original, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let content = sample_killed(original.path(), killed.path()).await;
    let [_, noticed, silent] = flip_bits(killed.path(), &content, VERIFIED_BYTES_MAX);
    assert!(silent == 0 && noticed > 50);
}

#[tokio::test]
async fn a_flipped_bit_is_noticed_at_the_read_when_rows_are_not_checked_at_open() {
    let (original, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let content = sample_killed(original.path(), killed.path()).await;
    let [_, noticed, silent] = flip_bits(killed.path(), &content, 0);
    assert!(silent == 0 && noticed > 50);
}

#[tokio::test]
async fn a_killed_store_opens_with_everything_and_an_older_mark_is_no_damage() {
    let (original, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let content = sample_killed(original.path(), killed.path()).await;
    let older = tempfile::tempdir().unwrap();
    drop(Mark::create(older.path()).unwrap());
    std::fs::copy(
        older.path().join("durable.mark"),
        killed.path().join("durable.mark"),
    )
    .unwrap();
    assert!(matches!(
        outcome(killed.path(), &content, u64::MAX),
        Outcome::Harmless
    ));
}

#[test]
fn a_creation_that_was_interrupted_starts_over() {
    let dir = tempfile::tempdir().unwrap();
    drop(Engine::open(dir.path(), CACHE_BYTES).unwrap());
    Manifest::new([1; 16], Stage::Creating)
        .save(dir.path())
        .unwrap();
    assert!(matches!(
        outcome(dir.path(), &Content::new(), u64::MAX),
        Outcome::Harmless
    ));
}

#[test]
fn the_files_of_another_store_are_damage() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(Engine::open(dir.path(), CACHE_BYTES).unwrap());
    drop(Engine::open(other.path(), CACHE_BYTES).unwrap());
    std::fs::copy(
        other.path().join("manifest.json"),
        dir.path().join("manifest.json"),
    )
    .unwrap();
    assert!(matches!(
        outcome(dir.path(), &Content::new(), u64::MAX),
        Outcome::Noticed(StoreFault::Damaged { .. })
    ));
}

#[tokio::test]
async fn a_cut_or_missing_file_is_damage() {
    let original = tempfile::tempdir().unwrap();
    let content = sample(original.path()).await;
    for (name, keep) in [
        ("db", Some(0)),
        ("db", Some(50)),
        ("db", None),
        ("durable.mark", Some(0)),
        ("durable.mark", None),
        ("manifest.json", Some(0)),
        ("manifest.json", Some(50)),
        ("manifest.json", None),
    ] {
        let dir = tempfile::tempdir().unwrap();
        copy(original.path(), dir.path());
        let path = dir.path().join(name);
        match keep {
            None => std::fs::remove_file(&path).unwrap(),
            Some(percent) => {
                let bytes = path.metadata().unwrap().len();
                let keep = bytes * percent / 100;
                std::fs::File::options()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_len(keep)
                    .unwrap();
            }
        }
        for attempt in 0..2 {
            let outcome = outcome(dir.path(), &content, VERIFIED_BYTES_MAX);
            assert!(
                matches!(outcome, Outcome::Noticed(StoreFault::Damaged { .. })),
                "{name} {keep:?}, attempt {attempt}: {outcome:?}"
            );
        }
    }
}
