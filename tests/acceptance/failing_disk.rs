//! Whatever call to the disk fails, tears or never happens: what was acknowledged is there, nothing has left without its
//! record, the ledger verifies, and the server says that it cannot write.
//!
//! `CHUKAN_DISK_CALLS` is the number of the last call that is tried, `CHUKAN_DISK_FROM` that of the first (1); each call from one to
//! the other is, instead of a few.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    time::Duration,
};

use chukan::{
    domain::batch_file::RowCondition,
    grpc::proto::{
        sim::v1::{Network, SetNetworkRequest, network_service_client::NetworkServiceClient},
        v1::{self, replica_service_client::ReplicaServiceClient},
    },
};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    crash::{Load, everything_agrees, inquiries_are_whole},
    disk::{Disk, Fault},
    inquiry_files::{client, file, header, row, settled, submit},
    net::{self, CITY, Net, WARD, tax_inquiry},
    told::told,
};

/// The calls that are tried when nobody says otherwise.
const FEW: [u64; 9] = [1, 2, 3, 4, 7, 12, 31, 90, 200];

/// The callers of a server go on for so many acknowledgements when a fault has not stopped it.
const GROWTH: usize = 12;

fn calls() -> Vec<u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        let number: Result<u64, _> = text.parse();
        Some(number.unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
    };
    match number("CHUKAN_DISK_CALLS") {
        Some(last) => (number("CHUKAN_DISK_FROM").unwrap_or(1)..=last).collect(),
        None => FEW.to_vec(),
    }
}

async fn is_serving(net: &Net) -> bool {
    let mut health = HealthClient::new(net.channel(CITY).await);
    let service = "chukan.v1.InquiryService".to_owned();
    let checked = health.check(HealthCheckRequest { service }).await.unwrap();
    checked.into_inner().status() == ServingStatus::Serving
}

/// Whether the server has noticed that it cannot write, or else its callers went on.
async fn has_stopped_writing(net: &Net, load: &Load) -> bool {
    let noticed = async {
        while is_serving(net).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let went_on = load.grown_by(GROWTH);
    let waited = async {
        tokio::select! {
            () = noticed => true,
            () = went_on => !is_serving(net).await,
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waited).await;
    waited.expect("neither stopped nor going on")
}

/// A server that cannot write says so to each who wants something written.
async fn nothing_is_taken(net: &Net) {
    let mut inquiries = net.inquiries(CITY).await;
    let refused = inquiries.submit_inquiry(tax_inquiry("x-1", 0));
    let refused = refused.await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(told(&refused).reason, "RECORDS_UNAVAILABLE");
    let mut replicas = ReplicaServiceClient::new(net.channel(WARD).await);
    let listed = v1::ListReplicasRequest {
        addressee_number: net::person(10, WARD),
        specific_info: net::TAX.into(),
        ..Default::default()
    };
    let listed = replicas.list_replicas(listed).await.unwrap().into_inner();
    let request = v1::RegisterReplicasRequest {
        replicas: listed.replicas,
    };
    let refused = replicas.register_replicas(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(told(&refused).reason, "RECORDS_UNAVAILABLE");
}

fn nothing_panicked(disk: &Disk, case: &str) {
    let said = disk.said();
    assert!(!said.contains("panic"), "{case}: {said}");
}

/// One life after the other on one disk, each with its fault under load; returns how many of them stopped writing.
async fn survives(fault: Fault) -> usize {
    let (disk, load) = (Disk::new(), Load::default());
    let (mut known, mut stopped) = (BTreeSet::new(), 0);
    for (round, calls) in calls().into_iter().enumerate() {
        let case = format!("{fault:?} with call {calls}");
        eprintln!("{case}");
        let net = disk.start(&[]);
        inquiries_are_whole(&net, &load, &known).await;
        known = load.receipts();
        let mut callers = load.begin(&net, u32::try_from(round).unwrap()).await;
        disk.arm(fault, calls);
        disk.failed().await;
        match fault {
            Fault::Torn | Fault::Cut => {}
            Fault::Short => load.grown_by(GROWTH).await,
            Fault::Fail | Fault::FailSync | Fault::Full => {
                if has_stopped_writing(&net, &load).await {
                    nothing_is_taken(&net).await;
                    stopped += 1;
                }
            }
        }
        net.kill();
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
        disk.make_room();
        if fault == Fault::Cut || round % 2 == 1 {
            disk.lose_power();
        } else {
            disk.keep_all();
        }
        net::ledger_verifies(&disk.data());
        nothing_panicked(&disk, &case);
    }
    let net = disk.start(&[]);
    inquiries_are_whole(&net, &load, &known).await;
    everything_agrees(&net, &load).await;
    stopped
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_cannot_go_on_says_why_and_goes_on_after_the_restart() {
    const NAME: &str = "kyufu_20261122093000_0001.DAT";
    let disk = Disk::new();
    let net = disk.start(&[]);
    let stop = |stopped| SetNetworkRequest {
        network: Some(Network {
            stopped,
            ..Network::default()
        }),
    };
    let mut networks = NetworkServiceClient::new(net.channel("operator").await);
    networks.set_network(stop(true)).await.unwrap();
    let mut batches = client(&net).await;
    let rows = [0, 1, 10].map(|index| row(index, RowCondition::None));
    submit(&mut batches, header(NAME), &file(rows))
        .await
        .unwrap();
    let get = v1::GetBatchRequest {
        file_name: NAME.into(),
    };
    let waiting = batches.get_batch(get.clone()).await.unwrap().into_inner();
    assert_eq!(waiting.batch.unwrap().stopped_by, "");

    disk.arm(Fault::FailSync, 1);
    let mut inquiries = net.inquiries(CITY).await;
    let cut = inquiries.submit_inquiry(tax_inquiry("x-1", 0)).await;
    assert_eq!(told(&cut.unwrap_err()).reason, "RECORDS_UNAVAILABLE");
    let stopped = batches.get_batch(get).await.unwrap().into_inner();
    let stopped = stopped.batch.unwrap();
    assert_eq!(stopped.stopped_by, "RECORDS_UNAVAILABLE");
    assert!(!stopped.stopped_by_ja.is_empty());
    let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
    command.args(["batch", "status", "--institution", CITY, NAME]);
    command
        .args(["--server", net.address(), "--data"])
        .arg(net.data());
    let shown = tokio::task::block_in_place(|| command.output()).unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let line = format!("停止中    {}", stopped.stopped_by_ja);
    assert!(shown.contains(&line), "{shown}");
    let watch = v1::WatchBatchRequest {
        file_name: NAME.into(),
    };
    let mut watched = batches.watch_batch(watch).await.unwrap().into_inner();
    assert_eq!(
        watched.message().await.unwrap().unwrap().batch,
        Some(stopped)
    );
    let ended = watched.message().await.unwrap_err();
    assert_eq!(told(&ended).reason, "RECORDS_UNAVAILABLE");
    net.kill();

    disk.keep_all();
    let net = disk.start(&[]);
    let mut networks = NetworkServiceClient::new(net.channel("operator").await);
    networks.set_network(stop(false)).await.unwrap();
    let ended = settled(&mut client(&net).await, NAME).await;
    assert_eq!((ended.rows_ended, ended.stopped_by.as_str()), (3, ""));
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_loses_nothing() {
    assert!(
        survives(Fault::Fail).await > 0,
        "no fault stopped the writing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_loses_nothing() {
    assert!(
        survives(Fault::FailSync).await > 0,
        "no fault stopped the writing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_room_loses_nothing() {
    assert!(
        survives(Fault::Full).await > 0,
        "no fault stopped the writing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_write_is_finished() {
    survives(Fault::Short).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_write_loses_nothing() {
    survives(Fault::Torn).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_of_power_loses_nothing_that_was_acknowledged() {
    survives(Fault::Cut).await;
}

/// A world whose making meets the fault ends with a reason, and comes up whole on a disk that works.
async fn is_made_anew_after(fault: Fault, calls: u64) {
    let disk = Disk::new();
    let case = format!("{fault:?} with call {calls} of the first start");
    disk.arm(fault, calls);
    let started = disk.serve(&[]).stdout(Stdio::null()).spawn();
    let mut child = started.unwrap();
    let ended = async {
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            if disk.has_failed() && fault == Fault::Short {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(10), ended).await;
    child.kill().unwrap();
    child.wait().unwrap();
    nothing_panicked(&disk, &case);
    if let (Ok(Some(status)), Fault::Fail | Fault::Full | Fault::FailSync) = (ended, fault) {
        assert!(!status.success() && status.code().is_some(), "{case}");
        let said = disk.said();
        assert!(
            said.contains(disk.data().to_str().unwrap()),
            "{case}: no file is named: {said}"
        );
    }
    disk.make_room();
    if fault == Fault::Cut {
        disk.lose_power();
    } else {
        disk.keep_all();
    }
    let net = disk.start(&[]);
    let mut client = net.inquiries(CITY).await;
    for (index, code) in [(0, "01"), (3, "33"), (6, "41"), (7, "13")] {
        let inquiry = net::ask(&mut client, tax_inquiry(&format!("f-{index}"), index)).await;
        assert_eq!(net::codes(&inquiry), [code], "{case}: person {index}");
    }
    nothing_panicked(&disk, &case);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_that_is_made_on_a_failing_disk_comes_up_whole_on_a_good_one() {
    for fault in [Fault::Fail, Fault::Full, Fault::Torn, Fault::Cut] {
        for calls in calls() {
            is_made_anew_after(fault, calls).await;
        }
    }
}
