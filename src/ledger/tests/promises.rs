//! What a sound ledger does.

use super::*;

#[tokio::test]
async fn what_was_committed_is_there_after_closing_and_opening() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 40).await;
    assert!(segments(dir.path()).len() > 2);
    let (ledger, opening) = open(dir.path()).unwrap();
    assert_eq!(
        (opening.entries, opening.trees, opening.torn),
        (80, 2, None)
    );
    let at = ledger.commit(pair(40)).await.unwrap();
    assert_eq!(
        (at[1].tree, at[1].index, at[1].sequence),
        (tree("0220113112101700/2026"), 40, 81)
    );
    for (number, stored) in (0..).zip(ledger.scan(tree("core/2026"), 0, 100).unwrap()) {
        assert_eq!(stored.body, pair(number)[0].body);
        assert_eq!(
            (stored.index, stored.at_ms),
            (u64::from(number), i64::from(number))
        );
        assert_eq!(ledger.read(stored.tree, stored.index).unwrap(), stored);
    }
    assert_eq!(ledger.scan(tree("core/2026"), 39, 100).unwrap().len(), 2);
    assert!(matches!(
        ledger.read(tree("core/2026"), 41),
        Err(LedgerFault::NotThere { .. })
    ));
    assert!(matches!(
        ledger.read(tree("core/2027"), 0),
        Err(LedgerFault::NotThere { .. })
    ));
}

#[tokio::test]
async fn replay_gives_every_entry_from_a_sequence_on_in_order() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 40).await;
    let (ledger, _) = open(dir.path()).unwrap();
    for from in [0, 1, 33, 79, 80, 99] {
        let mut seen = Vec::new();
        assert_eq!(
            ledger
                .replay(from, |entry| seen.push(entry.sequence))
                .unwrap(),
            80
        );
        assert_eq!(seen, (from..80).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_commits_get_dense_positions_and_stay_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..50 {
        let ledger = ledger.clone();
        tasks.spawn(async move {
            let mut positions = Vec::new();
            for number in 0..10 {
                positions.push(ledger.commit(pair(task * 10 + number)).await.unwrap());
            }
            positions
        });
    }
    let mut commits = tasks.join_all().await.concat();
    for commit in &commits {
        assert_eq!(commit[0].sequence + 1, commit[1].sequence);
    }
    commits.sort_by_key(|commit| commit[0].sequence);
    for (number, commit) in (0..).zip(&commits) {
        assert_eq!([commit[0].index, commit[1].index], [number; 2]);
    }
    let copy = crashed(dir.path());
    let (again, opening) = open(copy.path()).unwrap();
    assert_eq!((opening.entries, opening.torn), (1000, None));
    assert_eq!(again.trees(), ledger.trees());
    for (tree, size) in again.trees() {
        assert_eq!(
            again.root(tree, size).unwrap(),
            ledger.root(tree, size).unwrap()
        );
    }
}

#[tokio::test]
async fn commits_that_wait_are_written_and_synced_together() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    let mut commits = tokio::task::JoinSet::new();
    for number in 0..200 {
        let ledger = ledger.clone();
        commits.spawn(async move { ledger.commit(pair(number)).await.unwrap() });
    }
    commits.join_all().await;
    // One group is one write and one sync; each frame says where its group began.
    let (mut frames, mut groups) = (0, std::collections::BTreeSet::new());
    for file in segments(dir.path()) {
        let bytes = fs::read(&file).unwrap();
        for offset in frame_offsets(&file) {
            let Some(frame) = bytes.get(offset..).and_then(frame::Frame::read) else {
                continue;
            };
            frames += 1;
            groups.insert((file.clone(), frame.group_offset));
        }
    }
    assert_eq!(frames, 200);
    assert!(groups.len() < 100, "{} groups", groups.len());
}

#[tokio::test]
async fn an_acknowledged_commit_survives_a_crash_at_any_later_moment() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    for number in 0..30 {
        ledger.commit(pair(number)).await.unwrap();
        let copy = crashed(dir.path());
        let (again, _) = open(copy.path()).unwrap();
        let last = again.read(tree("core/2026"), u64::from(number)).unwrap();
        assert_eq!(last.body, pair(number)[0].body);
    }
}

#[tokio::test]
async fn a_commit_larger_than_a_segment_gets_one_of_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    let many: Vec<Entry> = (0..200).flat_map(pair).collect();
    ledger.commit(pair(0)).await.unwrap();
    ledger.commit(many).await.unwrap();
    ledger.commit(pair(1)).await.unwrap();
    drop(ledger);
    let (ledger, opening) = open(dir.path()).unwrap();
    assert_eq!(opening.entries, 404);
    assert_eq!(
        ledger.read(tree("core/2026"), 201).unwrap().body,
        pair(1)[0].body
    );
}

#[tokio::test]
async fn what_can_never_be_written_is_refused_and_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    let entry = |name: &str, bytes| Entry {
        tree: tree(name),
        at_ms: 0,
        body: vec![b'x'; bytes],
    };
    let long = vec![
        entry("core/2026", 10),
        entry("core/2026", ENTRY_BODY_BYTES_MAX + 1),
    ];
    assert!(matches!(
        ledger.commit(long).await,
        Err(LedgerFault::BodyTooLong { bytes: 65_537 })
    ));
    let stranger = vec![entry("core/2026", 10), entry("0000000000000000/2026", 1)];
    assert!(matches!(
        ledger.commit(stranger).await,
        Err(LedgerFault::NoKey(_))
    ));
    let large = vec![entry("core/2026", ENTRY_BODY_BYTES_MAX); 128];
    assert!(matches!(
        ledger.commit(large).await,
        Err(LedgerFault::CommitTooLarge { .. })
    ));
    assert_eq!(ledger.commit(Vec::new()).await.unwrap(), []);
    assert_eq!(ledger.trees(), []);
    ledger
        .commit(vec![entry("core/2026", ENTRY_BODY_BYTES_MAX)])
        .await
        .unwrap();
}

#[tokio::test]
async fn proofs_from_the_ledger_verify_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    let core = tree("core/2026");
    for number in 0..25 {
        ledger.commit(pair(number)).await.unwrap();
    }
    let (old, new) = (
        ledger.root(core, 9).unwrap(),
        ledger.root(core, 25).unwrap(),
    );
    let stored = ledger.read(core, 4).unwrap();
    let leaf = leaf_hash(&stored.salt, stored.at_ms, &stored.body);
    let proof = ledger.inclusion_proof(core, 4, 25).unwrap();
    merkle::verify_inclusion(&leaf, 4, 25, &proof, &new).unwrap();
    let proof = ledger.consistency_proof(core, 9, 25).unwrap();
    merkle::verify_consistency(9, 25, &old, &new, &proof).unwrap();
    assert!(matches!(
        ledger.inclusion_proof(core, 4, 26),
        Err(LedgerFault::NotThere { .. })
    ));
}

#[tokio::test]
async fn a_checkpoint_is_on_disk_when_it_is_returned_and_is_never_contradicted() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    let ward = tree("0220113112101700/2026");
    assert!(matches!(
        ledger.checkpoint(ward).await,
        Err(LedgerFault::NotThere { .. })
    ));
    ledger.commit(pair(0)).await.unwrap();
    let first = ledger.checkpoint(ward).await.unwrap();
    let text = fs::read_to_string(signed::path(dir.path(), ward)).unwrap();
    assert_eq!(Checkpoint::parse(&text).unwrap(), first);
    first.verify(ledger.public_keys()).unwrap();
    assert_eq!((first.size, first.root), (1, ledger.root(ward, 1).unwrap()));
    assert_eq!(ledger.checkpoint(ward).await.unwrap(), first);
    drop(ledger);
    let (ledger, _) = open(dir.path()).unwrap();
    assert_eq!(ledger.checkpoint(ward).await.unwrap(), first);
    ledger.commit(pair(1)).await.unwrap();
    assert_eq!(ledger.checkpoint(ward).await.unwrap().size, 2);
}

#[tokio::test]
async fn one_process_at_a_time_and_only_with_the_same_keys() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(LedgerFault::InUse(_))));
    drop(ledger);
    let other = LedgerKeys::new(SigningKey::from_seed(&[9; 32]).unwrap(), BTreeMap::new());
    let refused = Ledger::open(dir.path(), other);
    assert!(matches!(refused, Err(LedgerFault::OtherKey(Owner::CORE))));
    open(dir.path()).unwrap();
}

#[tokio::test]
async fn a_ledger_verifies_from_its_directory_alone_also_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    for number in 0..40 {
        ledger.commit(pair(number)).await.unwrap();
    }
    let ward = tree("0220113112101700/2026");
    ledger.checkpoint(ward).await.unwrap();
    ledger.commit(pair(40)).await.unwrap();
    let mut steps = Vec::new();
    let report = verify::verify(dir.path(), None, |step| steps.push(step)).unwrap();
    assert_eq!(
        (report.entries, report.checkpoints, report.torn),
        (82, 1, None)
    );
    let found = report
        .trees
        .iter()
        .find(|found| found.tree == ward)
        .unwrap();
    assert_eq!((found.size, found.signed_size), (41, 40));
    assert_eq!(found.root, ledger.root(ward, 41).unwrap());
    let last = steps.last().unwrap();
    assert_eq!(last.segments, last.segments_total);
    let given = ledger.public_keys().clone();
    assert!(verify::verify(dir.path(), Some(&given), |_| ()).is_ok());
    let other = LedgerKeys::new(SigningKey::from_seed(&[9; 32]).unwrap(), BTreeMap::new()).public();
    let refused = verify::verify(dir.path(), Some(&other), |_| ());
    assert!(matches!(refused, Err(LedgerFault::OtherKey(Owner::CORE))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn verification_beside_a_busy_writer_never_cries_wolf() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open::prepare(
        dir.path(),
        keys(),
        SegmentBytes {
            first: 65_536,
            max: 65_536,
        },
    )
    .and_then(|(prepared, opening)| Ok((Ledger::start(prepared)?, opening)))
    .unwrap();
    let writing = ledger.clone();
    let writer = tokio::spawn(async move {
        for number in 0..1500 {
            writing.commit(pair(number)).await.unwrap();
        }
    });
    while !writer.is_finished() {
        let path = dir.path().to_path_buf();
        let report = tokio::task::spawn_blocking(move || verify::verify(&path, None, |_| ()));
        report.await.unwrap().unwrap();
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_makes_it_read_only_until_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 1).await;
    let (mut prepared, _) = open::prepare(dir.path(), keys(), TINY).unwrap();
    // Writing to /dev/null succeeds, syncing it does not.
    prepared.writer.lose_file(
        std::fs::File::options()
            .write(true)
            .open("/dev/null")
            .unwrap(),
    );
    let ledger = Ledger::start(prepared).unwrap();
    assert!(ledger.is_writable());
    assert!(matches!(
        ledger.commit(pair(1)).await,
        Err(LedgerFault::File { .. })
    ));
    assert!(!ledger.is_writable());
    assert!(matches!(
        ledger.commit(pair(2)).await,
        Err(LedgerFault::ReadOnly)
    ));
    let core = tree("core/2026");
    assert!(matches!(
        ledger.checkpoint(core).await,
        Err(LedgerFault::ReadOnly)
    ));
    assert_eq!(
        (ledger.size(core), ledger.read(core, 0).unwrap().body),
        (1, pair(0)[0].body.clone())
    );
    drop(ledger);
    let (ledger, _) = open(dir.path()).unwrap();
    assert_eq!(ledger.commit(pair(1)).await.unwrap()[0].index, 1);
}

#[tokio::test]
async fn a_segment_that_cannot_be_made_makes_it_read_only() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path()).unwrap();
    fs::remove_dir_all(segment::segments_dir(dir.path())).unwrap();
    let mut committed = 0;
    while ledger.commit(pair(committed)).await.is_ok() {
        committed += 1;
    }
    assert!(!ledger.is_writable());
    assert_eq!(ledger.size(tree("core/2026")), u64::from(committed));
}
