//! A serial that is never used expires, is deleted in its time with a record of that, and opens nothing afterwards.

use std::process::Command;

use chukan::grpc::proto::v1::{AcquisitionState as State, DeletedKind};
use tonic::Status;

use crate::{
    canary::{files, holds_bytes},
    deletions::deletions,
    frozen,
    net::{self, CITY, WARD, person},
    symbols::{Scene, stop},
    told::told,
};

fn reason(refused: Result<(), Status>) -> String {
    told(&refused.unwrap_err()).reason
}

#[tokio::test]
async fn an_unused_serial_is_deleted_with_a_record_and_is_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut scene = Scene::new(&net).await;
    let (unused, used) = (person(11, CITY), person(10, CITY));
    scene.unlink(11).await;
    let serial = scene.serial(unused.clone()).await;
    let number = scene.number(11).await;
    scene.begin(10).await;
    assert_eq!(scene.state(&used).await, State::Linked);
    // Good for 24 hours, and known as expired for 24 more.
    frozen::set_hour(&net, 24).await;
    assert_eq!(scene.state(&unused).await, State::Expired);
    frozen::set_hour(&net, 48).await;
    let late = scene.bring(&serial, &number).await;
    assert_eq!(reason(late), "ACQUISITION_SERIAL_EXPIRED");
    assert!(deletions(&net, CITY).await.is_empty());
    frozen::set_hour(&net, 49).await;
    let late = scene.bring(&serial, &number).await;
    assert_eq!(reason(late), "ACQUISITION_SERIAL_UNKNOWN");
    assert_eq!(scene.state(&unused).await, State::Expired);
    assert_eq!(scene.state(&used).await, State::Linked);
    drop(scene);
    net.kill();

    let raw = data_encoding::HEXLOWER.decode(serial.as_bytes()).unwrap();
    for file in files(dir.path()) {
        let bytes = std::fs::read(&file).unwrap();
        for sought in [serial.as_bytes(), &raw] {
            assert!(!holds_bytes(&bytes, sought), "{}", file.display());
        }
    }
    let net = net::start_in(dir.path(), &[]);
    let deleted = (DeletedKind::AcquisitionSerials, 1, 49);
    for hour in [50, 100] {
        frozen::set_hour(&net, hour).await;
        assert_eq!(deletions(&net, CITY).await, [deleted]);
    }
    assert!(deletions(&net, WARD).await.is_empty());
    let mut status = Command::new(env!("CARGO_BIN_EXE_chukan"));
    let status = status.args(["symbols", "status", &unused, "--world", "frozen"]);
    let status = status.args(["--server", net.address(), "--institution", CITY, "--data"]);
    let told_there = status.arg(net.data()).output().unwrap();
    let told_there = String::from_utf8(told_there.stdout).unwrap();
    assert_eq!(
        told_there,
        format!("{unused}  取得番号の有効期限が切れています。\n")
    );
    let mut scene = Scene::again(&net).await;
    let serial = scene.serial(unused.clone()).await;
    scene.bring(&serial, &number).await.unwrap();
    assert_eq!(scene.state(&unused).await, State::Linked);
    stop(net).await;
}
