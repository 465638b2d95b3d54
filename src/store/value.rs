//! Whole values out of physical rows.

use super::batch::Version;
use super::fault::StoreFault;
use super::row::{Row, decode};

/// Puts the value of a head row together; `None` when a part is missing or malformed, never a short value.
pub(super) fn assemble(
    head_key: &[u8],
    head: &[u8],
    row: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreFault>,
) -> Result<Option<(Version, Vec<u8>)>, StoreFault> {
    let (version, chunks) = match decode(head_key, head) {
        Ok(Row::Inline(version, value)) => return Ok(Some((version, value.to_vec()))),
        Ok(Row::Chunked(version, chunks)) => (version, chunks),
        Ok(Row::Chunk(_)) | Err(super::row::Malformed) => return Ok(None),
    };
    let mut value = Vec::new();
    for key in chunks.keys() {
        let Some(chunk) = row(&key)? else {
            return Ok(None);
        };
        match decode(&key, &chunk) {
            Ok(Row::Chunk(part)) => value.extend_from_slice(part),
            Ok(Row::Inline(..) | Row::Chunked(..)) | Err(super::row::Malformed) => return Ok(None),
        }
    }
    Ok((value.len() == chunks.bytes()).then_some((version, value)))
}
