//! What is deleted because its period has passed stands on record: what, how many, when; an auditor can list it.

use std::process::Command;

use chukan::{
    domain::batch_file::{InquiryRow, RowCondition},
    grpc::proto::v1::{
        self, batch_service_client::BatchServiceClient,
        inquiry_service_client::InquiryServiceClient, system_service_client::SystemServiceClient,
    },
};
use tonic::Code;

use crate::{
    downloads::ALL,
    frozen,
    inquiry_files::{file, header, pieces, row},
    net::{self, CITY, Net, WARD, tax_inquiry},
    told::told,
};

const NAME: &str = "kyufu_20261122093000_0001.DAT";

/// Kind, number and hour of each deletion, newest first.
pub(crate) async fn deletions(net: &Net, who: &str) -> Vec<(v1::DeletedKind, i64, i64)> {
    let mut systems = SystemServiceClient::new(frozen::channel(net, who).await);
    let listed = systems.list_deletions(v1::ListDeletionsRequest::default());
    let listed = listed.await.unwrap().into_inner();
    assert!(listed.complete);
    let deletions = listed.deletions.into_iter().map(|deletion| {
        let seconds = deletion.deleted_at.unwrap().seconds - frozen::hour(0).seconds;
        (deletion.kind(), deletion.count, seconds / 3_600)
    });
    deletions.collect()
}

/// Runs a file of one row in the frozen world.
async fn run_a_file(net: &Net) {
    let mut batches = BatchServiceClient::new(frozen::channel(net, CITY).await);
    let at = frozen::hour(0);
    let row = InquiryRow {
        requested_at: jiff::Timestamp::new(at.seconds, at.nanos).unwrap(),
        ..row(1, RowCondition::None)
    };
    let stream = tokio_stream::iter(pieces(header(NAME), &file([row])));
    batches.submit_batch(stream).await.unwrap();
    let request = v1::WatchBatchRequest {
        file_name: NAME.into(),
    };
    let mut watched = batches.watch_batch(request).await.unwrap().into_inner();
    while watched.message().await.unwrap().is_some() {}
}

#[tokio::test]
async fn every_deletion_is_on_record_once() {
    let net = net::start_with(&ALL);
    frozen::create(&net).await;
    let mut inquiries = InquiryServiceClient::new(frozen::channel(&net, CITY).await);
    for (id, person) in [("d-1", 0), ("d-2", 1)] {
        frozen::ask(&mut inquiries, tax_inquiry(id, person)).await;
    }
    run_a_file(&net).await;
    assert!(deletions(&net, CITY).await.is_empty());
    // Only what was answered with something has a download.
    frozen::set_hour(&net, 24).await;
    let downloads = (v1::DeletedKind::Downloads, 1, 24);
    assert_eq!(deletions(&net, CITY).await, [downloads]);
    for hour in [8 * 24, 9 * 24] {
        frozen::set_hour(&net, hour).await;
        let results = (v1::DeletedKind::Results, 3, 8 * 24);
        let files = (v1::DeletedKind::BatchFiles, 1, 8 * 24);
        assert_eq!(deletions(&net, CITY).await, [results, files, downloads]);
    }
    assert!(deletions(&net, WARD).await.is_empty());

    let mut report = Command::new(env!("CARGO_BIN_EXE_chukan"));
    let report = report
        .args([
            "report",
            "--deletions",
            "--format",
            "csv",
            "--world",
            "frozen",
        ])
        .args(["--institution", CITY, "--server", net.address(), "--data"])
        .arg(net.data())
        .output()
        .unwrap();
    assert!(report.status.success(), "{report:?}");
    let told_there = String::from_utf8(report.stdout).unwrap();
    let second = told_there.lines().nth(1).unwrap();
    assert_eq!(
        second,
        "2026-12-01 09:00:00,情報照会の結果,3,2026-11-24 09:00:00"
    );
    assert_eq!(told_there.lines().count(), 4, "{told_there}");

    let mut systems = SystemServiceClient::new(frozen::channel(&net, CITY).await);
    let from = |day: &str| v1::ListDeletionsRequest { from: day.into() };
    let later = systems.list_deletions(from("2026-11-25")).await.unwrap();
    assert_eq!(later.into_inner().deletions.len(), 2);
    let refused = systems
        .list_deletions(from("2026-13-01"))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(told(&refused).paths(), ["from"]);
}
