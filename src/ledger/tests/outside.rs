//! What those outside can check: evidence, tiles, and a history that an administrator has rewritten.

use data_encoding::BASE64;

use super::*;

async fn signed(dir: &Path, commits: std::ops::Range<u32>) -> Vec<Checkpoint> {
    let (ledger, _) = open(dir).unwrap();
    for number in commits {
        ledger.commit(pair(number)).await.unwrap();
    }
    let mut heads = Vec::new();
    for (tree, _) in ledger.trees() {
        heads.push(ledger.checkpoint(tree).await.unwrap());
    }
    heads
}

fn read(dir: &Path) -> Archive {
    Archive::read(dir, |_| ()).unwrap()
}

#[tokio::test]
async fn evidence_is_checked_without_the_ledger_and_no_altered_field_passes() {
    let dir = tempfile::tempdir().unwrap();
    signed(dir.path(), 0..9).await;
    let evidence = Evidence::gather(&read(dir.path()), |entry| entry.index % 4 == 1).unwrap();
    dir.close().unwrap();
    let public = keys().public();
    let proven = evidence.check(&public).unwrap();
    let found: Vec<_> = proven
        .iter()
        .map(|record| (record.tree, record.index))
        .collect();
    let [core, ward] = ["core/2026", "0220113112101700/2026"].map(tree);
    assert_eq!(found, [(ward, 1), (ward, 5), (core, 1), (core, 5)]);
    assert!(proven[0].body.contains("\"record\":1"));

    let json = serde_json::to_value(&evidence).unwrap();
    let altered = [
        ("/records/0/body", "{\"record\":7}".into()),
        ("/records/0/salt", "00".repeat(16).into()),
        ("/records/0/salt", "zz".into()),
        ("/records/0/index", 2.into()),
        ("/records/0/at_ms", 0.into()),
        ("/records/0/tree", "core/2026".into()),
        ("/records/0/tree", "core/2027".into()),
        ("/records/0/tree", "nobody".into()),
        ("/records/0/path/0", BASE64.encode(&[7; 32]).into()),
        ("/records/0/path/0", "?".into()),
        ("/checkpoints/0", "chukan.example/core/2026\n9\n".into()),
        ("/format", "chukan-evidence/2".into()),
    ];
    for (place, value) in altered {
        let mut json = json.clone();
        *json.pointer_mut(place).unwrap() = serde_json::Value::clone(&value);
        let evidence: Evidence = serde_json::from_value(json).unwrap();
        assert!(evidence.check(&public).is_err(), "{place} {value}");
    }
    let other = LedgerKeys::new(SigningKey::from_seed(&[9; 32]).unwrap(), BTreeMap::new());
    assert!(matches!(
        evidence.check(&other.public()),
        Err(EvidenceFault::Checkpoint { number: 1, .. })
    ));
}

#[tokio::test]
async fn what_is_not_signed_yet_is_not_evidence() {
    let dir = tempfile::tempdir().unwrap();
    signed(dir.path(), 0..2).await;
    filled(dir.path(), 1).await;
    let archive = read(dir.path());
    assert_eq!(archive.unsigned(tree("core/2026")), 1);
    let evidence = Evidence::gather(&archive, |_| true).unwrap();
    assert_eq!(evidence.len(), 4);
}

/// The hashes of the tiles of one level, read as a stranger to the ledger would.
fn level(folder: &Path, level: u32, nodes: u64) -> Vec<Hash> {
    let mut bytes = Vec::new();
    for full in 0..nodes / 256 {
        bytes.extend(fs::read(folder.join(format!("tile/{level}/{full:03}"))).unwrap());
    }
    if !nodes.is_multiple_of(256) {
        let partial = format!("tile/{level}/{:03}.p/{}", nodes / 256, nodes % 256);
        bytes.extend(fs::read(folder.join(partial)).unwrap());
    }
    bytes
        .chunks(32)
        .map(|hash| hash.try_into().unwrap())
        .collect()
}

fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let left = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(left);
            merkle::hash_children(&root_of(left), &root_of(right))
        }
    }
}

#[tokio::test]
async fn the_exported_tiles_lead_from_the_entries_to_the_signed_root() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ledger, _) = open(dir.path()).unwrap();
    let core = tree("core/2026");
    for _ in 0..3 {
        let entries = (0..200).map(|number| pair(number).remove(0)).collect();
        ledger.commit(entries).await.unwrap();
    }
    ledger.checkpoint(core).await.unwrap();
    drop(ledger);
    assert_eq!(read(dir.path()).export(out.path()).unwrap(), 9);
    let folder = out.path().join("core/2026");
    let note = fs::read_to_string(folder.join("checkpoint")).unwrap();
    let keys = PublicKeys::load(&out.path().join("keys.pub"))
        .unwrap()
        .unwrap();
    let head = Checkpoint::parse(&note).unwrap();
    head.verify(&keys).unwrap();
    assert_eq!(head.size, 600);

    let mut committed = Vec::new();
    for bundle in ["000", "001", "002.p/88"] {
        let bytes = fs::read(folder.join("tile/entries").join(bundle)).unwrap();
        for entry in bytes.chunks(34) {
            assert_eq!(entry[..2], [0, 32]);
            committed.push(merkle::hash_leaf(&entry[2..]));
        }
    }
    let leaves = level(&folder, 0, 600);
    assert_eq!(leaves, committed);
    let above: Vec<_> = leaves.chunks_exact(256).map(root_of).collect();
    assert_eq!(level(&folder, 1, 2), above);
    assert!(!folder.join("tile/2").exists());
    assert_eq!(root_of(&leaves), head.root);
}

/// The administrator has every key, makes the ledger anew without one record and signs it. The directory verifies.
#[tokio::test]
async fn a_history_rewritten_with_every_key_is_shown_by_a_checkpoint_kept_elsewhere() {
    let (honest, forged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = signed(honest.path(), 0..7).await;
    let evidence = Evidence::gather(&read(honest.path()), |entry| entry.index == 3).unwrap();
    let (ledger, _) = open(forged.path()).unwrap();
    for number in (0..12).filter(|number| *number != 3) {
        ledger.commit(pair(number)).await.unwrap();
    }
    let mut heads = Vec::new();
    for (tree, _) in ledger.trees() {
        heads.push(ledger.checkpoint(tree).await.unwrap());
    }
    let public = keys().public();
    verify::verify(forged.path(), Some(&public), |_| ()).unwrap();

    let told = verify::verify_against(forged.path(), Some(&public), &kept, |_| ());
    let tree = kept[0].tree;
    match told.unwrap_err() {
        LedgerFault::Damaged { what, .. } => assert_eq!(what, Damage::Root { tree }),
        other => panic!("{other}"),
    }
    // A witness that asks for consistency before it cosigns gets no proof that holds.
    for (old, new) in kept.iter().zip(&heads) {
        let path = ledger
            .consistency_proof(old.tree, old.size, new.size)
            .unwrap();
        assert_eq!(
            merkle::verify_consistency(old.size, new.size, &old.root, &new.root, &path),
            Err(merkle::BadProof)
        );
    }
    // And what a citizen was given before still proves the record that is gone.
    assert_eq!(evidence.check(&public).unwrap().len(), 2);
    verify::verify_against(honest.path(), Some(&public), &kept, |_| ()).unwrap();
}

/// The administrator of an institution has its key only: nobody cosigns for him.
#[tokio::test]
async fn a_history_rewritten_with_one_key_lacks_the_others_signature() {
    let (honest, forged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    signed(honest.path(), 0..4).await;
    let key = |seed| SigningKey::from_seed(&[seed; 32]).unwrap();
    let stolen = LedgerKeys::new(key(77), BTreeMap::from([(WARD.parse().unwrap(), key(2))]));
    let (prepared, _) = open::prepare(forged.path(), stolen, TINY).unwrap();
    let ledger = Ledger::start(prepared).unwrap();
    ledger.commit(pair(9)).await.unwrap();
    ledger
        .checkpoint(tree("0220113112101700/2026"))
        .await
        .unwrap();
    ledger.close();
    let public = keys().public();
    let told = verify::verify(forged.path(), Some(&public), |_| ());
    assert!(matches!(told, Err(LedgerFault::OtherKey(Owner::CORE))));
    // With the true keys put beside it, the signature itself is what is missing.
    fs::copy(
        honest.path().join("keys.pub"),
        forged.path().join("keys.pub"),
    )
    .unwrap();
    let told = verify::verify(forged.path(), Some(&public), |_| ());
    assert!(matches!(
        told,
        Err(LedgerFault::Damaged {
            what: Damage::Signature,
            ..
        })
    ));
}
