//! What a ledger does when its files are not what was written.

use super::*;

#[tokio::test]
async fn a_last_frame_torn_at_any_byte_is_cut_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3).await;
    let last = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let offsets = frame_offsets(&last);
    let (begin, end) = (offsets[offsets.len() - 2], offsets[offsets.len() - 1]);
    for torn_at in begin..end {
        let mut bytes = whole.clone();
        bytes[torn_at..].fill(0);
        fs::write(&last, &bytes).unwrap();
        let (ledger, opening) = open(dir.path()).unwrap();
        let sound = if whole[torn_at..end].iter().all(|byte| *byte == 0) {
            6
        } else {
            4
        };
        assert_eq!(opening.entries, sound, "torn at {torn_at}");
        if sound == 4 && torn_at > begin {
            let torn = opening.torn.unwrap();
            assert_eq!((&torn.file, torn.offset), (&last, begin as u64));
        }
        drop(ledger);
        let (_, again) = open(dir.path()).unwrap();
        assert_eq!((again.entries, again.torn), (sound, None));
        assert_eq!(fs::metadata(&last).unwrap().len(), whole.len() as u64);
    }
}

#[tokio::test]
async fn a_file_cut_off_inside_the_last_frame_opens_without_it() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3).await;
    let last = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let offsets = frame_offsets(&last);
    for length in offsets[2]..offsets[3] {
        let copy = crashed(dir.path());
        fs::write(&segments(copy.path())[0], &whole[..length]).unwrap();
        let (ledger, opening) = open(copy.path()).unwrap();
        assert_eq!(opening.entries, 4);
        ledger.commit(pair(9)).await.unwrap();
        drop(ledger);
        assert_eq!(open(copy.path()).unwrap().1.entries, 6);
    }
}

#[tokio::test]
async fn frames_of_one_unfinished_write_may_be_lost_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 1).await;
    let last = segments(dir.path()).pop().unwrap();
    let begin = *frame_offsets(&last).last().unwrap();
    let mut group = Vec::new();
    let starts: Vec<usize> = (0..2)
        .map(|number| {
            let start = frame::begin(&mut group, begin as u64, 2 + number);
            let at = Position {
                tree: tree("core/2026"),
                index: 1 + number,
                sequence: 2 + number,
            };
            frame::push(&mut group, &pair(1)[0], &at, &[0; SALT_BYTES], &[0; 32]);
            frame::finish(&mut group, start);
            start
        })
        .collect();
    // The first frame's page never reached the disk, the second one's did.
    group[..starts[1]].fill(0);
    let mut bytes = fs::read(&last).unwrap();
    bytes[begin..begin + group.len()].copy_from_slice(&group);
    fs::write(&last, &bytes).unwrap();
    let (_, opening) = open(dir.path()).unwrap();
    assert_eq!(opening.entries, 2);
    assert_eq!(opening.torn.unwrap().bytes, group.len() as u64);
}

#[tokio::test]
async fn a_flipped_bit_before_later_frames_is_refused_with_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 40).await;
    let files = segments(dir.path());
    for file in [&files[0], files.last().unwrap()] {
        let whole = fs::read(file).unwrap();
        let offsets = frame_offsets(file);
        assert!(offsets.len() > 2);
        for at in (offsets[0]..offsets[1]).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(file, &bytes).unwrap();
            let found = damage(open(dir.path()));
            assert_eq!(found, (file.clone(), offsets[0] as u64, Damage::Frame));
            let refused = verify::verify(dir.path(), None, |_| ()).unwrap_err();
            assert!(refused.to_string().contains("Restore"), "{refused}");
        }
        fs::write(file, &whole).unwrap();
    }
    open(dir.path()).unwrap();
}

#[tokio::test]
async fn a_tail_is_torn_only_in_the_last_segment() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 40).await;
    let first = &segments(dir.path())[0];
    let mut bytes = fs::read(first).unwrap();
    let offsets = frame_offsets(first);
    let begin = offsets[offsets.len() - 2];
    bytes[begin + 20] ^= 1;
    fs::write(first, &bytes).unwrap();
    assert_eq!(
        damage(open(dir.path())),
        (first.clone(), begin as u64, Damage::Frame)
    );
    bytes[begin..].fill(0);
    fs::write(first, &bytes).unwrap();
    assert_eq!(damage(open(dir.path())).2, Damage::Link);
}

#[tokio::test]
async fn missing_swapped_and_foreign_segments_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 40).await;
    let other = tempfile::tempdir().unwrap();
    filled(other.path(), 40).await;

    let copy = crashed(dir.path());
    fs::remove_file(&segments(copy.path())[1]).unwrap();
    assert_eq!(
        damage(open(copy.path())).2,
        Damage::Sequence { expected: 2 }
    );

    let copy = crashed(dir.path());
    let files = segments(copy.path());
    let second = fs::read(&files[1]).unwrap();
    fs::copy(&files[2], &files[1]).unwrap();
    fs::write(&files[2], second).unwrap();
    assert_eq!(
        damage(open(copy.path())),
        (files[1].clone(), 0, Damage::Sequence { expected: 2 })
    );

    let copy = crashed(dir.path());
    fs::copy(&segments(other.path())[1], &segments(copy.path())[1]).unwrap();
    assert_eq!(damage(open(copy.path())).2, Damage::Link);

    let copy = crashed(dir.path());
    let mut bytes = fs::read(&segments(copy.path())[1]).unwrap();
    bytes[20] ^= 1;
    fs::write(&segments(copy.path())[1], bytes).unwrap();
    assert_eq!(damage(open(copy.path())).2, Damage::Header);
}

#[tokio::test]
async fn a_tree_that_no_longer_reaches_its_checkpoint_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let core = tree("core/2026");
    let (ledger, _) = open(dir.path()).unwrap();
    for number in 0..3 {
        ledger.commit(pair(number)).await.unwrap();
    }
    ledger.checkpoint(core).await.unwrap();
    drop(ledger);
    let last = segments(dir.path()).pop().unwrap();
    let offsets = frame_offsets(&last);
    let mut bytes = fs::read(&last).unwrap();
    bytes[offsets[2] + 30] ^= 1;
    fs::write(&last, &bytes).unwrap();
    let (file, _, what) = damage(open(dir.path()));
    assert_eq!(file, signed::path(dir.path(), core));
    assert_eq!(
        what,
        Damage::Short {
            tree: core,
            signed: 3,
            found: 2
        }
    );
    assert_eq!(fs::read(&last).unwrap(), bytes);
}

#[tokio::test]
async fn another_history_of_the_same_size_is_refused_by_the_signed_root() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(dir.path(), 3).await;
    filled(other.path(), 3).await;
    let core = tree("core/2026");
    let (ledger, _) = open(dir.path()).unwrap();
    ledger.checkpoint(core).await.unwrap();
    drop(ledger);
    for (file, foreign) in segments(dir.path()).iter().zip(segments(other.path())) {
        fs::copy(foreign, file).unwrap();
    }
    assert_eq!(damage(open(dir.path())).2, Damage::Root { tree: core });
}

#[tokio::test]
async fn a_checkpoint_that_was_altered_or_misplaced_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3).await;
    let core = tree("core/2026");
    let (ledger, _) = open(dir.path()).unwrap();
    ledger.checkpoint(core).await.unwrap();
    drop(ledger);
    let file = signed::path(dir.path(), core);
    let note = fs::read_to_string(&file).unwrap();
    fs::write(&file, note.replace("\n3\n", "\n2\n")).unwrap();
    assert_eq!(damage(open(dir.path())).2, Damage::Signature);
    fs::write(&file, "").unwrap();
    assert_eq!(damage(open(dir.path())).2, Damage::Text);
    fs::rename(&file, signed::path(dir.path(), tree("core/2027"))).unwrap();
    fs::write(signed::path(dir.path(), tree("core/2027")), &note).unwrap();
    assert_eq!(damage(open(dir.path())).2, Damage::Text);
}

/// Writes another body and the checksum that goes with it, as only someone who wants to deceive would.
fn forge(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let (start, end) = (segment::HEADER_BYTES, frame_offsets(file)[1]);
    bytes[end - 2] ^= 1;
    frame::finish(&mut bytes[..end], start);
    fs::write(file, &bytes).unwrap();
}

#[tokio::test]
async fn a_forged_body_with_a_right_checksum_is_found_by_reading_and_verifying() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 40).await;
    let file = &segments(dir.path())[0];
    forge(file);
    let (ledger, _) = open(dir.path()).unwrap();
    let ward = tree("0220113112101700/2026");
    let found = |result: Result<u64, LedgerFault>| match result {
        Err(LedgerFault::Damaged { file, what, .. }) => (file, what),
        other => panic!("not found: {other:?}"),
    };
    let entry = (file.clone(), Damage::Entry);
    assert_eq!(found(ledger.read(ward, 0).map(|entry| entry.index)), entry);
    assert_eq!(found(ledger.replay(0, |_| ())), entry);
    let verified = verify::verify(dir.path(), None, |_| ());
    assert_eq!(found(verified.map(|report| report.entries)), entry);
}

#[tokio::test]
async fn a_body_changed_on_disk_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    ledger.commit(pair(0)).await.unwrap();
    let file = &segments(dir.path())[0];
    let mut bytes = fs::read(file).unwrap();
    let end = frame_offsets(file)[1];
    bytes[end - 1] ^= 1;
    fs::write(file, &bytes).unwrap();
    let ward = tree("0220113112101700/2026");
    let refused = ledger.read(ward, 0);
    assert!(matches!(
        refused,
        Err(LedgerFault::Damaged {
            what: Damage::Entry,
            ..
        })
    ));
    assert!(ledger.read(tree("core/2026"), 0).is_ok());
}
