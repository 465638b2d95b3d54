use proptest::prelude::*;

use super::*;
use crate::domain::download::DownloadOf;

fn open(dir: &Path, key: u8) -> DownloadDir {
    DownloadDir::open(dir.join("downloads"), Vault::new(&[key; 32]).unwrap()).unwrap()
}

fn institution() -> InstitutionCode {
    "0220113112101700".parse().unwrap()
}

/// Lays a result ready, added in pieces of this length.
fn lay(files: &DownloadDir, result: &[u8], piece: usize) -> Download {
    let mut file = files.begin("a").unwrap();
    for piece in result.chunks(piece) {
        file.add(piece).unwrap();
    }
    let download = Download {
        id: "00112233445566778899aabbccddeeff".parse().unwrap(),
        bytes: file.bytes(),
        sha256: file.sha256(),
        expires_at: jiff::Timestamp::MAX,
        of: DownloadOf::Batch("kyufu_20261122093000_0001.DAT".parse().unwrap()),
    };
    files.keep(file, institution(), &download.id).unwrap();
    download
}

fn read(
    files: &DownloadDir,
    download: &Download,
    range: Range<u64>,
) -> Result<Vec<u8>, StoreFault> {
    let mut reader = files.read(institution(), download, &range)?.unwrap();
    let mut found = Vec::new();
    while let Some(piece) = reader.next_piece(10_000)? {
        found.extend(piece);
    }
    Ok(found)
}

fn result(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

#[test]
fn what_lies_ready_is_sealed_and_opens_with_its_key_only() {
    let dir = tempfile::tempdir().unwrap();
    let files = open(dir.path(), 1);
    let plain = b"0123456789abcdef".repeat(10_000);
    let download = lay(&files, &plain, 7_000);
    let path = files.ready(institution(), &download.id);
    let mut lying = std::fs::read(&path).unwrap();
    assert!(!lying.windows(8).any(|part| part == b"01234567"));
    assert_eq!(read(&files, &download, 0..download.bytes).unwrap(), plain);
    let other = read(&open(dir.path(), 2), &download, 0..download.bytes);
    assert!(matches!(other, Err(StoreFault::Damaged { .. })));
    lying[70_000] ^= 1;
    std::fs::write(&path, &lying).unwrap();
    let altered = read(&files, &download, 0..download.bytes);
    assert!(matches!(altered, Err(StoreFault::Damaged { .. })));
    let counts = files.counts();
    assert_eq!((counts.ready, counts.fetched, counts.expired), (1, 2, 0));
    files.remove(institution(), &download.id).unwrap();
    files.remove(institution(), &download.id).unwrap();
    assert_eq!(files.counts().expired, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_range_is_what_was_added(
        bytes in prop_oneof![0_usize..300_000, Just(PIECE_BYTES), Just(2 * PIECE_BYTES)],
        piece in 1_usize..100_000,
        cut in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let files = open(dir.path(), 1);
        let whole = result(bytes);
        let download = lay(&files, &whole, piece);
        let (a, b) = (cut.0.index(bytes + 1), cut.1.index(bytes + 1));
        let range = a.min(b)..a.max(b);
        let wanted = &whole[range.clone()];
        let range = range.start as u64..range.end as u64;
        prop_assert_eq!(read(&files, &download, range).unwrap(), wanted);
    }
}
