//! `outside-verifier EXPORT`: checks what `chukan ledger export` wrote, with another project's implementation of C2SP signed-note,
//! tlog-checkpoint and tlog-tiles. Nothing of Chukan is linked.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error as TlogError, Hash, HashReader as _, Tile, TileHashReader, TileReader,
    check_record, check_tree, prove_record, prove_tree, record_hash, stored_hash_index, tree_hash,
};

type Fault = Box<dyn Error>;

/// Hashes in a full tile: two to the power of this. Source: c2sp.org/tlog-tiles.
const TILE_HEIGHT: u8 = 8;

fn main() -> ExitCode {
    let Some(export) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: outside-verifier EXPORT");
        return ExitCode::from(2);
    };
    match check(&export) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("outside-verifier: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn check(export: &Path) -> Result<(), Fault> {
    let keys = fs::read_to_string(export.join("keys.pub"))?;
    let known = keys
        .lines()
        .map(|line| {
            let key = StandardVerifier::new(line).map_err(|fault| format!("keys.pub: {fault}"))?;
            Ok(Box::new(key) as Box<dyn Verifier>)
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let known = VerifierList::new(known);
    let mut trees = 0;
    for owner in folders(export)? {
        for tree in folders(&owner)? {
            check_tree_folder(&tree, &known)
                .map_err(|fault| format!("{}: {fault}", tree.display()))?;
            trees += 1;
        }
    }
    if trees == 0 {
        return Err("no tree in the export".into());
    }
    println!("{trees} trees verified");
    Ok(())
}

fn check_tree_folder(folder: &Path, known: &VerifierList) -> Result<(), Fault> {
    let note = Note::from_bytes(&fs::read(folder.join("checkpoint"))?)?;
    let (signed, unknown) = note.verify(known)?;
    if signed.len() != 2 || !unknown.is_empty() {
        return Err("not signed by exactly its owner and a witness".into());
    }
    let head = Checkpoint::from_bytes(note.text()).map_err(|_| "not a checkpoint")?;
    let (size, root) = (head.size(), *head.hash());

    let tiles = Folder(folder);
    let hashes = TileHashReader::new(size, root, &tiles);
    for first in (0..size).step_by(1 << TILE_HEIGHT) {
        let entries = entries(folder, first, size)?;
        let leaves: Vec<Hash> = entries.iter().map(|entry| record_hash(entry)).collect();
        let indexes: Vec<u64> = (first..)
            .take(leaves.len())
            .map(|n| stored_hash_index(0, n))
            .collect();
        if hashes.read_hashes(&indexes)? != leaves {
            return Err(format!("an entry from {first} on is not its leaf").into());
        }
        // A proof costs a reading of tiles: one for each bundle.
        let (index, leaf) = (first, leaves[0]);
        check_record(
            &prove_record(size, index, &hashes)?,
            size,
            root,
            index,
            leaf,
        )?;
    }
    // Every power of two, and one less: prefixes that end inside a tile and at its edge.
    let powers = (0..64).map(|n| 1_u64 << n).take_while(|n| *n < size);
    for older in powers.flat_map(|n| [n, (n - 1).max(1)]) {
        let proof = prove_tree(size, older, &hashes)?;
        check_tree(&proof, size, root, older, tree_hash(older, &hashes)?)?;
    }
    let signers: Vec<&str> = signed.iter().map(|signature| signature.name()).collect();
    println!(
        "{}  {size} entries; signed by {}",
        head.origin(),
        signers.join(" and ")
    );
    Ok(())
}

fn folders(of: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    for entry in fs::read_dir(of)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The tiles of one exported tree.
struct Folder<'a>(&'a Path);

impl TileReader for Folder<'_> {
    fn height(&self) -> u8 {
        TILE_HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, TlogError> {
        tiles
            .iter()
            .map(|tile| {
                fs::read(self.0.join(exported_path(tile))).map_err(|_| TlogError::InvalidTile)
            })
            .collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The crate names tiles as Go's module database does, with the height; c2sp.org/tlog-tiles leaves it out.
fn exported_path(tile: &Tile) -> String {
    tile.path()
        .replacen(&format!("tile/{TILE_HEIGHT}/"), "tile/", 1)
}

/// The bundle of entries that begins with `first`. Source: "Log Entries" in c2sp.org/tlog-tiles.
fn entries(folder: &Path, first: u64, size: u64) -> Result<Vec<Vec<u8>>, Fault> {
    let width = (size - first).min(1 << TILE_HEIGHT);
    let tile = Tile::new(TILE_HEIGHT, 0, first >> TILE_HEIGHT, width as u32, false);
    let file = exported_path(&tile).replacen("tile/0/", "tile/entries/", 1);
    let bundle = fs::read(folder.join(&file))?;
    let mut rest = bundle.as_slice();
    let mut found = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let cut = || format!("{file} is cut short");
        let (entry, behind) = behind.split_at_checked(length).ok_or_else(cut)?;
        found.push(entry.to_vec());
        rest = behind;
    }
    if !rest.is_empty() || found.len() as u64 != width {
        return Err(format!("{file} does not hold {width} entries").into());
    }
    Ok(found)
}
