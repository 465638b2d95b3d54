//! Folding: brings a layer of rows that are durable in the log into the tree, beside the writing.

use super::fault::StoreFault;
use super::layers::Layer;
use super::manifest::{Totals, encode_meta};
use super::row::META_KEY;
use super::tree::Tree;

/// Rows of so many bytes are set before the engine must have written them out: it keeps what it has not written, several times
/// as much, in memory, without a bound.
const UNWRITTEN_BYTES_MAX: usize = 1 << 20;

/// Brings `layer` into the tree, durable when it returns. Cut off in the middle, it is done again at the next open:
/// the store's own row, which says how far the tree reaches, comes last.
pub(super) fn fold(
    tree: &Tree,
    layer: &Layer,
    (store_id, totals): ([u8; 16], Totals),
) -> Result<(), StoreFault> {
    let mut set_bytes = 0;
    for (key, held) in layer {
        tree.set(key, held.row.as_deref())?;
        set_bytes += key.len() + held.row.as_ref().map_or(0, Vec::len);
        if set_bytes >= UNWRITTEN_BYTES_MAX {
            tree.write_out()?;
            set_bytes = 0;
        }
    }
    tree.sync()?;
    tree.set(META_KEY, Some(&encode_meta(store_id, totals)))?;
    tree.sync()
}
