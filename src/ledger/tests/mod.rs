//! Promises of the ledger, tested on real files.

mod crash;
mod damage;
mod disposal;
mod foreign;
mod garbage;
mod opening;
mod outside;
mod promises;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::*;
use crate::crypto::signing::SigningKey;

const WARD: &str = "0220113112101700";

/// Segments so small that a few dozen entries need several.
const TINY: SegmentBytes = SegmentBytes {
    first: 2048,
    max: 4096,
};

fn tree(name: &str) -> TreeId {
    name.parse().unwrap()
}

fn keys() -> LedgerKeys {
    let key = |seed| SigningKey::from_seed(&[seed; 32]).unwrap();
    LedgerKeys::new(key(1), BTreeMap::from([(WARD.parse().unwrap(), key(2))]))
}

fn open(dir: &Path) -> Result<(Ledger, Opening), LedgerFault> {
    let (prepared, opening) = open::prepare(dir, keys(), TINY)?;
    Ok((Ledger::start(prepared)?, opening))
}

/// One entry for the core and one for the ward, told apart by `number`.
fn pair(number: u32) -> Vec<Entry> {
    ["core/2026", "0220113112101700/2026"]
        .map(|name| Entry {
            tree: tree(name),
            at_ms: i64::from(number),
            body: format!("{{\"record\":{number},\"for\":\"{name}\"}}").into_bytes(),
        })
        .to_vec()
}

/// Makes a ledger of `commits` pairs, each synced on its own, and closes it.
async fn filled(dir: &Path, commits: u32) {
    let (ledger, _) = open(dir).unwrap();
    for number in 0..commits {
        ledger.commit(pair(number)).await.unwrap();
    }
}

/// The state of the directory as a crash right now would leave it.
fn crashed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_all(dir, copy.path());
    copy
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_all(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let numbers = segment::numbers(dir).unwrap();
    numbers
        .into_iter()
        .map(|number| segment::path(dir, number))
        .collect()
}

/// Where the frames of a segment begin, and where the last one ends.
fn frame_offsets(file: &Path) -> Vec<usize> {
    let bytes = fs::read(file).unwrap();
    let mut offsets = vec![segment::HEADER_BYTES];
    while let Some(frame) = frame::Frame::read(&bytes[*offsets.last().unwrap()..]) {
        offsets.push(offsets.last().unwrap() + frame.bytes);
    }
    offsets
}

fn damage(result: Result<(Ledger, Opening), LedgerFault>) -> (PathBuf, u64, Damage) {
    match result {
        Err(LedgerFault::Damaged { file, offset, what }) => (file, offset, what),
        other => panic!("not refused as damaged: {other:?}"),
    }
}
