//! What is not as it should be shows in health, in metrics, on the terminal and in the answers, and goes away by itself
//! where that is safe.

use std::fs;

use chukan::grpc::proto::v1::{self, ledger_service_client::LedgerServiceClient};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    backup::key_in,
    console::Browser,
    disk::{Disk, Fault},
    frozen,
    net::{self, CITY, Net, ask, codes, tax_inquiry},
    told::told,
};

const WITH_METRICS: &[&str] = &["--set", "metrics.listen=127.0.0.1:0"];

async fn shown(net: &Net, condition: &str, lasts: u8) {
    let line = format!(r#"chukan_condition{{world="default",condition="{condition}"}} {lasts}"#);
    net.metrics_show(&line).await;
    let health = net.healthz().await;
    let line = format!("default {condition}");
    assert_eq!(health.contains(&line), lasts == 1, "{health}");
}

async fn banner(net: &Net, text: &str) {
    let mut browser = Browser::signed_in(net, CITY, "clerk1").await;
    let page = browser.get("/").await.page;
    assert!(page.contains(text), "{page}");
}

#[tokio::test]
async fn a_disk_that_fills_up_warns_then_stops_what_is_new_and_goes_on_when_there_is_room() {
    let disk = Disk::new();
    let net = disk.start(WITH_METRICS);
    let mut client = net.inquiries(CITY).await;
    shown(&net, "disk_low", 0).await;

    disk.say_free(500 << 20);
    shown(&net, "disk_low", 1).await;
    banner(&net, "ディスクの空き容量が少なくなっています。").await;
    assert!(net.healthz().await.starts_with("HTTP/1.1 200"));
    let taken = ask(&mut client, tax_inquiry("low-1", 0)).await;
    assert_eq!(codes(&taken), ["01"], "a low disk stops nothing");
    let mut browser = Browser::signed_in(&net, CITY, "clerk1").await;

    disk.say_free(1 << 20);
    shown(&net, "disk_full", 1).await;
    assert!(net.healthz().await.starts_with("HTTP/1.1 503"));
    let page = browser.get("/").await.page;
    assert!(page.contains("受け付けを停止しています"), "{page}");
    let refused = client.submit_inquiry(tax_inquiry("full-1", 0)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(told(&refused).reason, "DISK_FULL");
    assert!(refused.get_details_retry_info().is_some());
    let read = v1::GetInquiryRequest {
        receipt_number: taken.receipt_number.clone(),
        ..Default::default()
    };
    client.get_inquiry(read).await.unwrap();

    disk.say_free(0);
    shown(&net, "disk_full", 0).await;
    assert!(net.healthz().await.starts_with("HTTP/1.1 200"));
    let taken = ask(&mut client, tax_inquiry("full-1", 0)).await;
    assert_eq!(
        codes(&taken),
        ["01"],
        "nothing of the refused call was kept"
    );
}

#[tokio::test]
async fn a_failed_sync_stops_everything_until_a_restart() {
    let disk = Disk::new();
    let net = disk.start(WITH_METRICS);
    let mut browser = Browser::signed_in(&net, CITY, "clerk1").await;
    disk.arm(Fault::FailSync, 1);
    let refused = net
        .inquiries(CITY)
        .await
        .submit_inquiry(tax_inquiry("s-1", 0))
        .await;
    assert_eq!(told(&refused.unwrap_err()).reason, "RECORDS_UNAVAILABLE");
    shown(&net, "writing_failed", 1).await;
    assert!(net.healthz().await.starts_with("HTTP/1.1 503"));
    let page = browser.get("/").await.page;
    assert!(page.contains("サーバーを再起動してください"), "{page}");
    net.kill();
    let net = disk.start(WITH_METRICS);
    shown(&net, "writing_failed", 0).await;
    let mut client = net.inquiries(CITY).await;
    assert_eq!(
        codes(&ask(&mut client, tax_inquiry("s-2", 0)).await),
        ["01"]
    );
}

#[tokio::test]
async fn a_clock_that_jumps_is_shown() {
    let disk = Disk::new();
    let net = disk.start(WITH_METRICS);
    shown(&net, "clock_jumped", 0).await;
    disk.set_ahead(3_600);
    shown(&net, "clock_jumped", 1).await;
    banner(&net, "サーバーの時計が大きく変わりました").await;
    assert!(net.healthz().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_stale_permission_list_is_shown_for_its_world() {
    let net = net::start_with(WITH_METRICS);
    frozen::create(&net).await;
    frozen::set_hour(&net, 8 * 24).await;
    let line = r#"chukan_condition{world="frozen",condition="permission_list_stale"} 1"#;
    net.metrics_show(line).await;
    let health = net.healthz().await;
    assert!(
        health.contains("frozen permission_list_stale\n"),
        "{health}"
    );
    assert!(!health.contains("default "), "{health}");
    frozen::set_hour(&net, 1).await;
    net.metrics_show(&line.replace("} 1", "} 0")).await;
}

#[tokio::test]
async fn a_daily_backup_that_cannot_be_made_is_shown_until_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("backups");
    fs::write(&in_the_way, "").unwrap();
    let recipient = key_in(dir.path());
    let settings = [
        format!("backup.folder={}", in_the_way.display()),
        format!("backup.recipient={recipient}"),
    ];
    let set: Vec<_> = settings.iter().flat_map(|one| ["--set", one]).collect();
    let net = net::start_with(&[WITH_METRICS, &set].concat());
    shown(&net, "backup_overdue", 1).await;
    banner(&net, "日次のバックアップが取得できていません").await;
    assert!(net.healthz().await.starts_with("HTTP/1.1 200"));
    fs::remove_file(&in_the_way).unwrap();
    shown(&net, "backup_overdue", 0).await;
}

#[tokio::test]
async fn a_witness_that_is_missing_for_too_long_is_shown_until_it_is_back_and_nothing_stops() {
    let settings = ["--set", "store.unwitnessed_seconds_max=1"];
    let net = net::start_with(&[WITH_METRICS, &settings].concat());
    shown(&net, "witness_missing", 0).await;
    let checkpoints = net.ledger().join("checkpoints");
    let aside = net.ledger().join("aside");
    fs::rename(&checkpoints, &aside).unwrap();
    fs::write(&checkpoints, "in the way").unwrap();
    let mut client = net.inquiries(CITY).await;
    let taken = ask(&mut client, tax_inquiry("w-1", 0)).await;
    assert_eq!(codes(&taken), ["01"]);
    let mut ledger = LedgerServiceClient::new(net.channel(CITY).await);
    let trees = ledger.list_trees(v1::ListTreesRequest {}).await.unwrap();
    let tree = trees.into_inner().trees.remove(0).name;
    let wanted = v1::GetCheckpointRequest { tree };
    ledger.get_checkpoint(wanted.clone()).await.unwrap_err();
    shown(&net, "witness_missing", 1).await;
    banner(
        &net,
        "記録木の連署が、定められた時間を超えて行われていません。",
    )
    .await;
    assert!(net.healthz().await.starts_with("HTTP/1.1 200"));
    let taken = ask(&mut client, tax_inquiry("w-2", 0)).await;
    assert_eq!(codes(&taken), ["01"], "a missing witness stops nothing");

    fs::remove_file(&checkpoints).unwrap();
    fs::rename(&aside, &checkpoints).unwrap();
    shown(&net, "witness_missing", 0).await;
    ledger.get_checkpoint(wanted).await.unwrap();
    let data = net.data().to_path_buf();
    let (stopped, kept) = tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
    assert!(stopped.success());
    net::ledger_verifies(&data);
    drop(kept);
}
