//! Files that were taken are run to their end whatever becomes of the process: no row is lost, none ends twice.

use std::collections::BTreeSet;

use chukan::grpc::proto::v1;
use tempfile::TempDir;

use crate::{
    downloads,
    inquiry_files::{client, counts, file, header, many, settled, submit},
    net::{self, CITY, Net},
    statistics::{agreed, statistics},
};

const FILES: u32 = 10;
const ROWS: usize = 600;

fn name(at: u32) -> String {
    format!("kyufu_20261122093000_{:04}.DAT", at + 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_files_with_two_kills_in_the_middle_balance_to_the_row() {
    ten_files_balance(ROWS).await;
}

/// `cargo test --release --test acceptance -- --ignored --nocapture ten_files_of_ten_thousand`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes"]
async fn ten_files_of_ten_thousand_rows_with_two_kills_in_the_middle_balance_to_the_row() {
    ten_files_balance(10_000).await;
}

async fn ten_files_balance(rows_each: usize) {
    let dir = TempDir::new().unwrap();
    let mut net = net::start_in(dir.path(), &downloads::ALL);
    let mut batches = client(&net).await;
    // The rows of the held sample persons would wait for ever.
    let held = [7, 9, 11].map(|index| net::person(index, CITY));
    let rows = many(u32::try_from(rows_each).unwrap() * 8 / 7 + 24).into_iter();
    let rows: Vec<_> = rows
        .filter(|row| !held.iter().any(|number| number == row.addressee.as_str()))
        .take(rows_each)
        .collect();
    assert_eq!(rows.len(), rows_each);
    for at in 0..FILES {
        let mut of_file = rows.clone();
        for row in &mut of_file {
            row.user = format!("tester{at}").parse().unwrap();
        }
        submit(&mut batches, header(&name(at)), &file(of_file))
            .await
            .unwrap();
    }
    for _ in 0..2 {
        let all = i32::try_from(rows.len()).unwrap() * i32::try_from(FILES).unwrap();
        let wanted = (ended(&net).await + all / 16).min(all);
        let mut by_now = 0;
        while by_now < wanted {
            tokio::task::yield_now().await;
            by_now = ended(&net).await;
        }
        eprintln!("killed when {by_now} of {all} rows had ended");
        net.kill();
        net = net::start_in(dir.path(), &downloads::ALL);
    }
    let mut batches = client(&net).await;
    let mut serials = BTreeSet::new();
    for at in 0..FILES {
        let batch = settled(&mut batches, &name(at)).await;
        assert_eq!(batch.state(), v1::BatchState::Ended);
        assert_eq!(batch.rows_ended, batch.rows);
        assert_eq!(
            counts(&batch).values().sum::<i32>(),
            i32::try_from(rows.len()).unwrap()
        );
        let result = downloads::fetched(&net, &name(at)).await;
        let result = String::from_utf8(result).unwrap();
        let of_file: BTreeSet<_> = result
            .lines()
            .map(|line| line.split(',').nth(22).unwrap().to_owned())
            .collect();
        assert_eq!(of_file.len(), rows.len());
        serials.extend(of_file);
    }
    assert_eq!(serials, agreed(&net, CITY).await);
    // A row that ended twice would have two records.
    let records = statistics(&net, CITY).await;
    let records: i64 = records.iter().map(|row| row.exchanges).sum();
    assert_eq!(records, i64::try_from(serials.len()).unwrap());
    eprintln!("{} rows, {records} records", serials.len());
    let stopping = tokio::task::spawn_blocking(move || net.stop().0);
    assert!(stopping.await.unwrap().success());
}

/// How many rows have ended.
async fn ended(net: &Net) -> i32 {
    let mut batches = client(net).await;
    let listed = batches
        .list_batches(v1::ListBatchesRequest::default())
        .await;
    let listed = listed.unwrap().into_inner().batches;
    listed.iter().map(|batch| batch.rows_ended).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_there_after_a_kill_once_the_call_has_returned() {
    let dir = TempDir::new().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let bytes = file(many(24));
    submit(&mut client(&net).await, header(&name(0)), &bytes)
        .await
        .unwrap();
    net.kill();
    let net = net::start_in(dir.path(), &[]);
    let batch = settled(&mut client(&net).await, &name(0)).await;
    assert_eq!(batch.rows, 24);
    let refused = submit(&mut client(&net).await, header(&name(0)), &bytes).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::AlreadyExists);
}
