//! Every entry of a ledger in order, read from its directory, stopped or running; and what is wrong with the directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    entry::StoredEntry,
    fault::LedgerFault,
    frame::Frame,
    index::Index,
    keys::PublicKeys,
    merkle::Hash,
    open,
    reading::stored,
    recover::{Progress, Recovered, summarize},
    segment::{self, Depth, HEADER_BYTES, Summary},
    signed,
};

/// Gives every entry of the ledger in `dir` to `each`, in the order they were written, and returns how many there were, with
/// those whose body was destroyed: these are not given. Each
/// is checked against its frame's checksum and its leaf hash; trees and signatures are what [`super::verify::verify`]
/// checks. Holds one segment in memory.
///
/// # Errors
/// When a segment cannot be read or is damaged.
pub fn walk(
    dir: &Path,
    mut progress: impl FnMut(Progress),
    mut each: impl FnMut(StoredEntry),
) -> Result<u64, LedgerFault> {
    let numbers = segment::numbers(dir)?;
    let segments_total = numbers.len() as u64;
    let mut entries = 0;
    for (segments, number) in (1..).zip(numbers) {
        let file = segment::path(dir, number);
        // Finds where the frames end, also while the last one is being written.
        let summary = summarize(dir, number, segments_total, Depth::LeafHash)?;
        let bytes = fs::read(&file).map_err(LedgerFault::file(&file))?;
        let until = usize::try_from(summary.ends.end).unwrap_or(usize::MAX);
        let mut at = HEADER_BYTES;
        while at < until
            && let Some(frame) = bytes.get(at..).and_then(Frame::read)
        {
            for (_, entry) in frame.entries().flatten() {
                entries += 1;
                if !entry.head.is_destroyed {
                    let leaf_hash = entry.head.leaf_hash;
                    each(stored(&entry.head, entry.body.to_vec(), leaf_hash));
                }
            }
            at += frame.bytes;
        }
        progress(Progress {
            segments,
            segments_total,
        });
    }
    Ok(entries)
}

/// What [`fsck`] found.
#[derive(Debug, Default)]
pub struct Fsck {
    /// Everything that is damaged, in the order it was found.
    pub damage: Vec<LedgerFault>,
    /// What a crash leaves and the next opening cleans away: a torn tail, files of unfinished writes.
    pub leftovers: Vec<PathBuf>,
    /// Indexes that do not fit their segments. Nothing is lost: whoever needs one reads the segment and makes it again.
    pub indexes: Vec<PathBuf>,
    /// Segments, checkpoints and files of keys that were read.
    pub files: u64,
    /// Entries that were read.
    pub entries: u64,
}

/// Looks at every file of the ledger in `dir`, goes on behind damage, and changes nothing.
///
/// # Errors
/// When the directory itself cannot be read.
pub fn fsck(dir: &Path, mut progress: impl FnMut(Progress)) -> Result<Fsck, LedgerFault> {
    let mut found = Fsck::default();
    let keys = match PublicKeys::load(&open::keys_path(dir)) {
        Ok(keys) => keys.unwrap_or_default(),
        Err(fault) => {
            found.damage.push(fault);
            PublicKeys::default()
        }
    };
    found.files += 1;
    // Before the segments: a running ledger signs only what they already hold.
    let (checkpoints, flawed) = signed::load_each(dir, &keys)?;
    found.files += (checkpoints.len() + flawed.len()) as u64;
    found.damage.extend(flawed);
    let numbers = segment::numbers(dir)?;
    let segments_total = numbers.len() as u64;
    let mut recovered = Recovered::default();
    let mut whole = true;
    let mut chain: Option<(Hash, u64)> = Some(([0; 32], 0));
    for (number, expected) in numbers.into_iter().zip(1..) {
        if number != expected && whole {
            let what = super::fault::Damage::Sequence { expected };
            found.damage.push(LedgerFault::Damaged {
                file: segment::path(dir, number),
                offset: 0,
                what,
            });
            (whole, chain) = (false, None);
        }
        found.files += 1;
        match summarize(dir, number, segments_total, Depth::LeafHash) {
            Err(fault) => {
                found.damage.push(fault);
                (whole, chain) = (false, None);
            }
            Ok(summary) => {
                found.entries += summary.leaves.len() as u64;
                let begins = (summary.ends.header.link, summary.ends.header.first_sequence);
                let next = summary.ends.header.first_sequence + summary.leaves.len() as u64;
                if whole {
                    if let Err(fault) = recovered.add(dir, &summary, segments_total) {
                        found.damage.push(fault);
                        whole = false;
                    } else {
                        let flawed = flawed_index(dir, &summary, &recovered);
                        found.indexes.extend(flawed);
                    }
                } else if chain.is_some_and(|chain| chain != begins) {
                    found.damage.push(LedgerFault::Damaged {
                        file: segment::path(dir, number),
                        offset: 0,
                        what: super::fault::Damage::Link,
                    });
                }
                chain = Some((summary.ends.chain, next));
            }
        }
        progress(Progress {
            segments: expected,
            segments_total,
        });
    }
    found
        .leftovers
        .extend(recovered.torn.as_ref().map(|torn| torn.file.clone()));
    if whole {
        for head in &checkpoints {
            found
                .damage
                .extend(recovered.reaches(dir, std::slice::from_ref(head)).err());
        }
    }
    for folder in [
        dir.to_path_buf(),
        segment::segments_dir(dir),
        signed::folder(dir),
    ] {
        for entry in fs::read_dir(&folder).map_err(LedgerFault::file(&folder))? {
            let path = entry.map_err(LedgerFault::file(&folder))?.path();
            if path.extension().is_some_and(|extension| extension == "new") {
                found.leftovers.push(path);
            }
        }
    }
    Ok(found)
}

/// The index of a segment when it is there and not the one that the segment gives.
fn flawed_index(dir: &Path, summary: &Summary, recovered: &Recovered) -> Option<PathBuf> {
    let file = segment::index_path(dir, summary.ends.header.number);
    let found = fs::read(&file).ok()?;
    let blocks = |tree, of| recovered.forest.blocks(tree, of);
    let made = Index::make(summary.ends, &summary.leaves, blocks);
    made.is_none_or(|(_, bytes)| bytes != found).then_some(file)
}
