//! A real disk without room: the data directory on a small file system in memory. It needs the right to mount one; where
//! that is missing, `failing_disk` tries the same with a disk that says that it is full.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use chukan::grpc::proto::v1::{BatchState, replica_service_client::ReplicaServiceClient};
use tempfile::TempDir;

use crate::{
    crash::{Load, everything_agrees, inquiries_are_whole},
    inquiry_files::{client, file as inquiry_file, header, many, settled, submit},
    net::{self, CITY, WARD, tax_inquiry},
    replica_files::{import, settings},
    replica_kill::{REPLICAS, file as replica_file, is_empty, registered},
    told::told,
};

/// A file system of 128 MiB, or nothing where none may be mounted.
struct Small(TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128m", "chukan-test"])
            .arg(dir.path())
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(dir));
        }
        eprintln!("SKIPPED: no file system may be mounted here");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves at most so many bytes free.
    fn fill(&self, left: u64) {
        let free = || {
            let said = Command::new("df")
                .args(["--output=avail", "-B1"])
                .arg(self.path())
                .output();
            let said = String::from_utf8(said.unwrap().stdout).unwrap();
            said.lines().nth(1).unwrap().trim().parse::<u64>().unwrap()
        };
        let filler = free().saturating_sub(left);
        // The server writes meanwhile: there may be less room by now.
        let filled = fs::write(self.filler(), vec![1; usize::try_from(filler).unwrap()]);
        let full = |fault: std::io::Error| fault.kind() == std::io::ErrorKind::StorageFull;
        assert!(filled.err().is_none_or(full));
    }

    fn filler(&self) -> std::path::PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_new_stops_before_the_disk_is_full_and_goes_on_when_there_is_room() {
    let Some(small) = Small::mount() else { return };
    let arguments = ["--set", "store.disk_bytes_min=33554432"];
    let net = net::start_in(small.path(), &arguments);
    let load = Load::default();
    let mut callers = load.begin(&net, 0).await;
    load.grown_by(20).await;
    small.fill(16 << 20);
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    let mut client = net.inquiries(CITY).await;
    let refused = client.submit_inquiry(tax_inquiry("x-1", 0)).await;
    assert_eq!(told(&refused.unwrap_err()).reason, "DISK_FULL");
    fs::remove_file(small.filler()).unwrap();
    while client.submit_inquiry(tax_inquiry("x-1", 0)).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    inquiries_are_whole(&net, &load, &BTreeSet::new()).await;
    everything_agrees(&net, &load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_to_the_last_byte_loses_nothing() {
    let Some(small) = Small::mount() else { return };
    let arguments = ["--set", "store.disk_bytes_min=0"];
    let (load, mut known) = (Load::default(), BTreeSet::new());
    for round in 0..3 {
        let net = net::start_in(small.path(), &arguments);
        inquiries_are_whole(&net, &load, &known).await;
        known = load.receipts();
        let mut callers = load.begin(&net, round).await;
        load.grown_by(10).await;
        small.fill(u64::from(round) * 4096);
        let stopped = async {
            while let Some(ended) = callers.join_next().await {
                ended.unwrap();
            }
        };
        // What is preallocated may last for longer than anybody wants to wait.
        let patience = std::time::Duration::from_secs(10);
        let has_stopped = tokio::time::timeout(patience, stopped).await.is_ok();
        eprintln!("round {round}: the callers were refused: {has_stopped}");
        net.kill();
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
        fs::remove_file(small.filler()).unwrap();
        net::ledger_verifies(small.path());
    }
    let net = net::start_in(small.path(), &arguments);
    inquiries_are_whole(&net, &load, &known).await;
    everything_agrees(&net, &load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_file_for_which_there_is_no_room_registers_nothing() {
    let Some(small) = Small::mount() else { return };
    let arguments = ["--set", "store.disk_bytes_min=0"];
    let net = net::start_in(small.path(), &arguments);
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let file = replica_file(&mut client).await;
    // Its changes take some megabytes.
    small.fill(512 << 10);
    let refused = import(&mut client, settings(), file.as_bytes()).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(is_empty(net.data()));
    assert_eq!(registered(&mut client).await, 0);
    net.kill();
    fs::remove_file(small.filler()).unwrap();
    let net = net::start_in(small.path(), &arguments);
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    assert_eq!(registered(&mut client).await, 0);
    let (_, report) = import(&mut client, settings(), file.as_bytes())
        .await
        .unwrap();
    assert_eq!(report.import.unwrap().registered, REPLICAS);
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_fill_the_disk_are_there_whole_or_not_at_all() {
    let Some(small) = Small::mount() else { return };
    let arguments = ["--set", "store.disk_bytes_min=0"];
    let net = net::start_in(small.path(), &arguments);
    let held = [7, 9, 11].map(|index| net::person(index, CITY));
    let mut rows = many(240);
    rows.retain(|row| !held.iter().any(|number| number == row.addressee.as_str()));
    let files: Vec<_> = (1..=20)
        .map(|at| {
            let name = format!("kyufu_20261122093000_{at:04}.DAT");
            for row in &mut rows {
                row.user = format!("tester{at}").parse().unwrap();
            }
            (name, inquiry_file(rows.clone()))
        })
        .collect();
    small.fill(0);
    let mut taken = BTreeSet::new();
    for (name, bytes) in &files {
        let mut batches = client(&net).await;
        let submitted = submit(&mut batches, header(name), bytes);
        // A call that waits for room is not answered either.
        let patience = std::time::Duration::from_secs(10);
        let submitted = tokio::time::timeout(patience, submitted).await;
        if !submitted.is_ok_and(|submitted| submitted.is_ok()) {
            break;
        }
        taken.insert(name.clone());
    }
    eprintln!("{} of {} batches were taken", taken.len(), files.len());
    assert!(taken.len() < files.len(), "the disk was never full");
    net.kill();
    fs::remove_file(small.filler()).unwrap();
    net::ledger_verifies(small.path());
    let net = net::start_in(small.path(), &arguments);
    let mut batches = client(&net).await;
    for (name, bytes) in files.iter().take(taken.len() + 1) {
        let again = submit(&mut batches, header(name), bytes).await;
        assert!(again.is_err() || !taken.contains(name), "{name} was lost");
        let batch = settled(&mut batches, name).await;
        assert_eq!(batch.state(), BatchState::Ended);
        assert_eq!((batch.rows, batch.rows_ended), (210, 210));
    }
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
