//! How rows lie in the tree: checksummed, and long values cut into chunks of their own.
//!
//! ```text
//! 0x00                                     meta       store id, totals
//! 0x01 key                                 row        crc32, kind, version, value | length, position
//! 0x02 version position index              chunk      crc32, kind, version, up to 4 KiB
//! ```
//! The CRC-32 covers the physical key too, so that a row in the wrong place is noticed.
//! sled keeps up to 20 rows of a leaf in one message and moves messages over 128 KiB to files it never syncs:
//! 4 KiB of value and 320 bytes of key per row stay below that.

use super::batch::Version;

/// The longest value in one row, in bytes; longer ones are chunked.
pub(super) const CHUNK_BYTES: usize = 4096;
/// The longest value, in bytes.
pub(super) const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest key, in bytes: 256 separators of an inner node must fit into one message of sled.
pub(super) const KEY_BYTES_MAX: usize = 320;

pub(super) const META_KEY: &[u8] = &[0];
pub(super) const ROW_TAG: u8 = 1;
pub(super) const CHUNK_TAG: u8 = 2;

const INLINE: u8 = 0;
const CHUNKED: u8 = 1;
const CHUNK: u8 = 2;

/// Where the chunks of one value lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunks {
    version: u64,
    position: u32,
    bytes: u32,
}

/// A row as read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row<'a> {
    Inline(Version, &'a [u8]),
    Chunked(Version, Chunks),
    Chunk(&'a [u8]),
}

/// The row does not carry its own checksum or form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

pub(super) fn row_key(key: &[u8]) -> Vec<u8> {
    let mut physical = Vec::with_capacity(1 + key.len());
    physical.push(ROW_TAG);
    physical.extend_from_slice(key);
    physical
}

/// The physical rows of a value: its head first.
pub(super) fn encode(
    key: &[u8],
    value: &[u8],
    version: u64,
    position: u32,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let head_key = row_key(key);
    if value.len() <= CHUNK_BYTES {
        let head = seal(&head_key, INLINE, version, &[value]);
        return vec![(head_key, head)];
    }
    let bytes = u32::try_from(value.len()).unwrap_or(u32::MAX);
    let chunks = Chunks {
        version,
        position,
        bytes,
    };
    let head = seal(
        &head_key,
        CHUNKED,
        version,
        &[&bytes.to_be_bytes(), &position.to_be_bytes()],
    );
    let mut rows = vec![(head_key, head)];
    rows.extend(
        chunks
            .keys()
            .zip(value.chunks(CHUNK_BYTES))
            .map(|(chunk_key, part)| {
                let row = seal(&chunk_key, CHUNK, version, &[part]);
                (chunk_key, row)
            }),
    );
    rows
}

pub(super) fn decode<'a>(physical_key: &[u8], row: &'a [u8]) -> Result<Row<'a>, Malformed> {
    let (_, rest) = row.split_first_chunk::<4>().ok_or(Malformed)?;
    if crc(physical_key, &[rest]) != checksum(row) {
        return Err(Malformed);
    }
    let (kind, rest) = rest.split_first().ok_or(Malformed)?;
    let (version, value) = rest.split_first_chunk::<8>().ok_or(Malformed)?;
    let version = u64::from_be_bytes(*version);
    match *kind {
        INLINE => Ok(Row::Inline(Version(version), value)),
        CHUNK => Ok(Row::Chunk(value)),
        CHUNKED => {
            let (bytes, position) = value.split_first_chunk::<4>().ok_or(Malformed)?;
            let position = u32::from_be_bytes(position.try_into().map_err(|_| Malformed)?);
            let chunks = Chunks {
                version,
                position,
                bytes: u32::from_be_bytes(*bytes),
            };
            Ok(Row::Chunked(Version(version), chunks))
        }
        _ => Err(Malformed),
    }
}

/// The checksum a row carries, unchecked.
pub(super) fn checksum(row: &[u8]) -> u32 {
    row.first_chunk::<4>()
        .map_or(0, |crc| u32::from_be_bytes(*crc))
}

impl Chunks {
    /// Physical keys in order.
    pub(super) fn keys(self) -> impl Iterator<Item = Vec<u8>> {
        (0..self.count()).map(move |index| {
            let mut key = Vec::with_capacity(17);
            key.push(CHUNK_TAG);
            key.extend_from_slice(&self.version.to_be_bytes());
            key.extend_from_slice(&self.position.to_be_bytes());
            key.extend_from_slice(&index.to_be_bytes());
            key
        })
    }

    pub(super) fn count(self) -> u32 {
        self.bytes.div_ceil(CHUNK_BYTES as u32)
    }

    /// Length of the whole value.
    pub(super) fn bytes(self) -> usize {
        self.bytes as usize
    }
}

fn seal(physical_key: &[u8], kind: u8, version: u64, parts: &[&[u8]]) -> Vec<u8> {
    let mut row = Vec::with_capacity(13 + parts.iter().map(|part| part.len()).sum::<usize>());
    row.extend_from_slice(&[0; 4]);
    row.push(kind);
    row.extend_from_slice(&version.to_be_bytes());
    for part in parts {
        row.extend_from_slice(part);
    }
    if let Some((crc_field, rest)) = row.split_first_chunk_mut::<4>() {
        *crc_field = crc(physical_key, &[rest]).to_be_bytes();
    }
    row
}

pub(super) fn crc(physical_key: &[u8], parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(physical_key);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, Malformed, Row, decode, encode};

    #[test]
    fn a_row_in_another_place_is_malformed() {
        let rows = encode(b"k", b"value", 9, 0);
        let (key, row) = &rows[0];
        assert!(matches!(decode(key, row), Ok(Row::Inline(_, b"value"))));
        assert_eq!(decode(b"\x01l", row), Err(Malformed));
    }

    #[test]
    fn each_flipped_bit_of_a_row_is_noticed() {
        let rows = encode(b"k", b"value", 9, 0);
        let (key, row) = &rows[0];
        for bit in 0..row.len() * 8 {
            let mut flipped = row.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(key, &flipped), Err(Malformed));
        }
    }

    #[test]
    fn chunking_begins_above_the_limit() {
        assert_eq!(encode(b"k", &[1; CHUNK_BYTES], 1, 0).len(), 1);
        assert_eq!(encode(b"k", &[1; CHUNK_BYTES + 1], 1, 0).len(), 3);
        assert_eq!(encode(b"k", &[1; 2 * CHUNK_BYTES], 1, 0).len(), 3);
    }
}
