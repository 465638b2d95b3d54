//! Backups: taken while the server works, restored elsewhere and proven by the roots; damage is noticed wherever it is.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chukan::{
    crypto::sealing_key::SealingKeyPair,
    grpc::proto::v1,
    world::backup::{self, BackupFault},
};
use data_encoding::HEXLOWER;
use proptest::{prelude::*, test_runner::TestRunner};
use tempfile::TempDir;
use tonic::Code;

use crate::net::{self, CITY, Net, ask, tax_inquiry};

fn chukan(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
    command.arg("backup");
    command.args(arguments.iter().map(|argument| argument.as_ref()));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

/// The lines that show a tree with its root.
fn roots(output: &Output) -> Vec<String> {
    let said = said(output);
    let lines = said.lines().filter(|line| line.contains("  根 "));
    lines.map(str::to_owned).collect()
}

/// A folder with a new key; its public half.
pub(crate) fn key_in(dir: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
    let made = command.args(["key", "new", "--out"]).arg(dir.join("key"));
    let made = made.output().unwrap();
    assert!(made.status.success());
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn create(net: &Net, public: &str, out: &Path) -> Output {
    chukan(&[
        &"create",
        &"--server",
        &net.address(),
        &"--data",
        &net.data(),
        &"--recipient",
        &public,
        &"--out",
        &out,
    ])
}

async fn ended(net: &Net, receipts: &BTreeMap<String, v1::Inquiry>) {
    let mut client = net.inquiries(CITY).await;
    for (receipt_number, before) in receipts {
        let receipt_number = receipt_number.clone();
        let request = v1::GetInquiryRequest {
            receipt_number,
            ..Default::default()
        };
        let now = client.get_inquiry(request).await.unwrap().into_inner();
        assert_eq!(now.inquiry.as_ref(), Some(before));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_what_was_acknowledged_with_the_same_roots() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let public = key_in(dir.path());
    let net = net::start_in(&at("data"), &[]);
    let mut client = net.inquiries(CITY).await;
    let mut acknowledged = BTreeMap::new();
    for n in 0..10 {
        let inquiry = ask(&mut client, tax_inquiry(&format!("b-{n}"), n % 3)).await;
        acknowledged.insert(inquiry.receipt_number.clone(), inquiry);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (load, until) = (net.inquiries(CITY).await, Arc::clone(&stop));
    let load = tokio::spawn(async move {
        let mut load = load;
        for n in 0.. {
            if until.load(Ordering::Relaxed) {
                return n;
            }
            ask(&mut load, tax_inquiry(&format!("l-{n}"), n % 3)).await;
        }
        0
    });
    let made = create(&net, &public, &at("one"));
    assert!(made.status.success(), "{}", said(&made));
    stop.store(true, Ordering::Relaxed);
    assert!(load.await.unwrap() > 0);

    let (one, key, restored) = (at("one"), at("key"), at("restored"));
    let kept = net.ledger().join("keys.pub");
    let verified = chukan(&[&"verify", &one, &"--key", &key, &"--keys", &kept]);
    assert!(verified.status.success(), "{}", said(&verified));
    let restore = || chukan(&[&"restore", &one, &"--key", &key, &"--into", &restored]);
    let done = restore();
    assert!(done.status.success(), "{}", said(&done));
    assert!(!roots(&made).is_empty());
    assert_eq!(roots(&made), roots(&verified));
    assert_eq!(roots(&made), roots(&done));
    let again = restore();
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert!(said(&again).contains("既にあります"), "{}", said(&again));

    let copy = net::start_in(&restored, &[]);
    ended(&copy, &acknowledged).await;
    let mut client = copy.inquiries(CITY).await;
    let after = ask(&mut client, tax_inquiry("after", 0)).await;
    assert_eq!(net::codes(&after), ["01"]);
    crate::statistics::agreed(&copy, CITY).await;
    // The first world goes on where it was.
    ended(&net, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_for_the_operator_and_needs_a_sound_key() {
    let net = net::start();
    let dir = TempDir::new().unwrap();
    let in_use = chukan(&[
        &"create",
        &"--data",
        &net.data(),
        &"--recipient",
        &key_in(dir.path()),
        &"--out",
        &dir.path().join("out"),
    ]);
    assert_eq!(in_use.status.code(), Some(1));
    assert!(said(&in_use).contains("--server"), "{}", said(&in_use));
    use chukan::grpc::proto::sim::v1::{
        CreateBackupRequest, backup_service_client::BackupServiceClient,
    };
    for (who, key, code) in [
        (CITY, vec![9; 32], Code::PermissionDenied),
        ("operator", vec![9; 31], Code::InvalidArgument),
        ("operator", vec![0; 32], Code::InvalidArgument),
    ] {
        let mut service = BackupServiceClient::new(net.channel(who).await);
        let request = CreateBackupRequest { recipient_key: key };
        let refused = service.create_backup(request).await.unwrap_err();
        assert_eq!(refused.code(), code, "{who}");
    }
    // Everything that was begun is gone.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_archive_restores_nothing_wherever_the_damage_is() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let public = key_in(dir.path());
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    ask(&mut client, tax_inquiry("d-1", 0)).await;
    assert!(create(&net, &public, &at("one")).status.success());
    let (status, data) = tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
    assert!(status.success());
    let data = data.unwrap();
    let stopped = chukan(&[
        &"create",
        &"--data",
        &data.path(),
        &"--recipient",
        &public,
        &"--out",
        &at("two"),
    ]);
    assert!(stopped.status.success(), "{}", said(&stopped));

    let archive = fs::read(at("one")).unwrap();
    let key = fs::read_to_string(at("key")).unwrap();
    let key = HEXLOWER.decode(key.trim().as_bytes()).unwrap();
    let key = SealingKeyPair::from_bytes(&key).unwrap();
    let sound = backup::verify(archive.as_slice(), &key, None).unwrap();
    assert!(sound.entries > 0);
    let into = at("restored");
    let refused = |bytes: &[u8]| {
        let verified = backup::verify(bytes, &key, None);
        let restored = backup::restore(bytes, &key, None, (&into, 1 << 20));
        assert!(!into.exists(), "something was restored");
        match (verified, restored) {
            (Err(BackupFault::Stream(one)), Err(BackupFault::Stream(other))) => {
                assert_eq!(one, other);
            }
            (one, other) => panic!("{one:?} {other:?}"),
        }
    };
    let places = (any::<prop::sample::Index>(), 1_u8.., 0..4_u8);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(60));
    let run = runner.run(&places, |(place, flip, how)| {
        let at = place.index(archive.len());
        let mut bytes = archive.clone();
        match how {
            0 | 1 => bytes[at] ^= flip,
            2 => bytes.truncate(at),
            _ => bytes.push(flip),
        }
        refused(&bytes);
        Ok(())
    });
    run.unwrap();

    let other = SealingKeyPair::from_seed(&[3; 32]);
    let wrong = backup::restore(archive.as_slice(), &other, None, (&into, 1 << 20));
    assert!(matches!(wrong, Err(BackupFault::Stream(_))), "{wrong:?}");
    let foreign = net::start();
    let kept = fs::read_to_string(foreign.ledger().join("keys.pub")).unwrap();
    let forged = backup::verify(archive.as_slice(), &key, Some(&kept.parse().unwrap()));
    assert!(
        matches!(forged, Err(BackupFault::OtherSigner)),
        "{forged:?}"
    );
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        3,
        "one, two and the key"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_leaves_a_whole_archive_or_none() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let public = key_in(dir.path());
    let net = net::start();
    for round in 0..8 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
        command.args(["backup", "create", "--server", net.address()]);
        command
            .args(["--recipient", &public, "--data"])
            .arg(net.data());
        let mut making = command.arg("--out").arg(at("out")).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
        making.kill().unwrap();
        making.wait().unwrap();
        if at("out").exists() {
            let whole = chukan(&[&"verify", &at("out"), &"--key", &at("key")]);
            assert!(whole.status.success(), "{}", said(&whole));
            fs::remove_file(at("out")).unwrap();
        }
    }
    let made = create(&net, &public, &at("out"));
    assert!(made.status.success(), "{}", said(&made));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_each_day_by_the_worlds_clock_and_a_missed_one_is_made_up_for() {
    use chukan::grpc::proto::sim::v1::{self as sim, world_service_client::WorldServiceClient};
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("backups");
    let public = key_in(dir.path());
    let net = net::start_with(&[
        "--set",
        &format!("backup.folder={}", folder.display()),
        "--set",
        &format!("backup.recipient={public}"),
        "--set",
        "backup.keep=2",
        "--set",
        "metrics.listen=127.0.0.1:0",
    ]);
    let archives = || {
        let listed = fs::read_dir(&folder).into_iter().flatten();
        let mut found: Vec<_> = listed.map(|file| file.unwrap().path()).collect();
        found.retain(|path| path.extension().is_some_and(|e| e == "chukan-backup"));
        found.sort();
        found
    };
    let made = async |after: Vec<std::path::PathBuf>| {
        let waited = async {
            while archives().last() == after.last() || archives().len() > 2 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), waited).await;
        waited.expect("no backup was made");
        archives()
    };
    let mut before = made(Vec::new()).await;
    let mut worlds = WorldServiceClient::new(net.channel("operator").await);
    for day in 1..=2 {
        let offset = prost_types::Duration {
            seconds: day * 86_400,
            nanos: 0,
        };
        let mode = sim::clock::Mode::Offset(offset);
        let request = sim::SetClockRequest {
            world_id: "default".into(),
            clock: Some(sim::Clock { mode: Some(mode) }),
        };
        worlds.set_clock(request).await.unwrap();
        before = made(before).await;
    }
    assert_eq!(before.len(), 2, "the oldest is deleted");
    for archive in &before {
        let whole = chukan(&[&"verify", archive, &"--key", &dir.path().join("key")]);
        assert!(whole.status.success(), "{}", said(&whole));
    }
    net.metrics_show("chukan_backup_overdue{world=\"default\"} 0")
        .await;
}
