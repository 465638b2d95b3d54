//! Export of trees as static files. Source: c2sp.org/tlog-tiles.
//!
//! A log entry is the 32-byte commitment `SHA-256(salt || time || body)`: verifiers outside see that the tree is whole and only
//! grows, and learn nothing of a record.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{archive::Archive, checkpoint::Checkpoint, fault::LedgerFault, merkle::Hash};

/// Hashes in a full tile.
const TILE_WIDTH: u64 = 256;
/// Levels of the tree in a tile.
const TILE_HEIGHT: u32 = 8;

impl Archive {
    /// Writes every signed tree to `<out>/<owner>/<fiscal year>/`, and the verifier keys to `<out>/keys.pub`. Returns the number of files.
    ///
    /// # Errors
    /// When an entry cannot be read or a file not be written.
    pub fn export(&self, out: &Path) -> Result<u64, LedgerFault> {
        let mut files = 0;
        for head in self.checkpoints() {
            let folder = out.join(head.tree.to_string());
            files += self.export_hashes(head, &folder)?;
            files += self.export_entries(head, &folder)?;
            // Last: a checkpoint that is there finds its tiles.
            write(&folder.join("checkpoint"), head.to_string().as_bytes())?;
            files += 1;
        }
        write(
            &out.join("keys.pub"),
            self.public_keys().to_string().as_bytes(),
        )?;
        Ok(files + 1)
    }

    fn export_hashes(&self, head: &Checkpoint, folder: &Path) -> Result<u64, LedgerFault> {
        let mut files = 0;
        for level in 0.. {
            let height = TILE_HEIGHT * level;
            let nodes = head.size.checked_shr(height).unwrap_or(0);
            if nodes == 0 {
                break;
            }
            for (tile, wanted) in tiles(nodes) {
                let hashes: Vec<Hash> = self.subtrees(head.tree, height, wanted)?;
                let file = folder.join(format!("tile/{level}")).join(tile);
                write(&file, hashes.as_flattened())?;
                files += 1;
            }
        }
        Ok(files)
    }

    fn export_entries(&self, head: &Checkpoint, folder: &Path) -> Result<u64, LedgerFault> {
        let mut commitments = self.commitments(head);
        let mut files = 0;
        for (tile, wanted) in tiles(head.size) {
            let mut bundle = Vec::new();
            for committed in commitments
                .by_ref()
                .take((wanted.end - wanted.start) as usize)
            {
                let committed = committed?;
                bundle.extend_from_slice(&(committed.len() as u16).to_be_bytes());
                bundle.extend_from_slice(&committed);
            }
            write(&folder.join("tile/entries").join(tile), &bundle)?;
            files += 1;
        }
        Ok(files)
    }
}

/// The tiles over `nodes` hashes: the path of each and the hashes in it; the last one may be partial.
fn tiles(nodes: u64) -> impl Iterator<Item = (PathBuf, std::ops::Range<u64>)> {
    (0..nodes.div_ceil(TILE_WIDTH)).map(move |number| {
        let start = number * TILE_WIDTH;
        let end = nodes.min(start + TILE_WIDTH);
        let mut path = tile_path(number);
        if end - start < TILE_WIDTH {
            path = format!("{path}.p/{}", end - start);
        }
        (PathBuf::from(path), start..end)
    })
}

/// `1234067` is `x001/x234/067`.
fn tile_path(number: u64) -> String {
    let mut path = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), LedgerFault> {
    let write = || {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, bytes)
    };
    write().map_err(LedgerFault::file(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the examples in c2sp.org/tlog-tiles.
    #[test]
    fn tiles_have_the_published_paths_and_widths() {
        assert_eq!(tile_path(0), "000");
        assert_eq!(tile_path(1_234_067), "x001/x234/067");
        let of = |nodes| tiles(nodes).collect::<Vec<_>>();
        let level_0 = of(70_000);
        assert_eq!(level_0.len(), 274);
        assert_eq!(level_0[273], ("273.p/112".into(), 69_888..70_000));
        assert_eq!(
            of(70_000 >> 8),
            [("000".into(), 0..256), ("001.p/17".into(), 256..273)]
        );
        assert_eq!(of(256), [("000".into(), 0..256)]);
        assert_eq!(of(0), []);
    }
}
