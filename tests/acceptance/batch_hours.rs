//! A batch sent while the national network is closed is taken, waits also over a kill, and goes on by itself when it opens.

use std::time::Duration;

use chukan::{
    domain::batch_file::RowCondition,
    grpc::proto::{
        sim::v1::{Network, SetNetworkRequest, network_service_client::NetworkServiceClient},
        v1::{self, batch_service_client::BatchServiceClient},
    },
};
use tempfile::TempDir;

use crate::{
    frozen::{self, InWorld, hour, set_hour},
    inquiry_files::{counts, file, header, many, of, pieces, row},
    net::{self, CITY, Net},
};

const NAME: &str = "kyufu_20261123090000_0001.DAT";

/// Open from 10:00 to 17:30; the world begins at 09:00.
async fn set_hours(net: &Net) {
    let mut networks = NetworkServiceClient::new(frozen::channel(net, "operator").await);
    let network = Some(Network {
        open_from: "10:00".into(),
        open_until: "17:30".into(),
        ..Network::default()
    });
    let request = SetNetworkRequest { network };
    networks.set_network(request).await.unwrap();
}

async fn client(net: &Net) -> BatchServiceClient<InWorld> {
    BatchServiceClient::new(frozen::channel(net, CITY).await)
}

async fn batch(client: &mut BatchServiceClient<InWorld>) -> v1::Batch {
    let request = v1::GetBatchRequest {
        file_name: NAME.into(),
    };
    let got = client.get_batch(request).await.unwrap().into_inner();
    got.batch.unwrap()
}

async fn result(client: &mut BatchServiceClient<InWorld>) -> String {
    let fetched = client.fetch_batch_result(of(NAME)).await;
    let mut pieces = fetched.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        bytes.extend(piece.chunk);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_waits_for_the_network_over_a_kill_and_ends_when_it_opens() {
    let dir = TempDir::new().unwrap();
    let net = net::start_in(dir.path(), &[]);
    frozen::create(&net).await;
    set_hours(&net).await;
    let at = jiff::Timestamp::new(hour(0).seconds, 0).unwrap();
    let rows = [0, 1, 10].map(|index| {
        let mut row = row(index, RowCondition::None);
        row.requested_at = at;
        row
    });
    let mut city = client(&net).await;
    let sent = tokio_stream::iter(pieces(header(NAME), &file(rows)));
    let taken = city.submit_batch(sent).await.unwrap().into_inner();
    assert_eq!(taken.batch.unwrap().rows, 3);
    let waiting = [("10".to_owned(), 3)].into();
    assert_eq!(counts(&batch(&mut city).await), waiting);
    net.kill();

    let net = net::start_in(dir.path(), &[]);
    let mut city = client(&net).await;
    let still = batch(&mut city).await;
    assert_eq!(counts(&still), waiting);
    assert_eq!(still.state(), v1::BatchState::Running);
    set_hour(&net, 1).await;
    let watch = v1::WatchBatchRequest {
        file_name: NAME.into(),
    };
    let mut watched = city.watch_batch(watch).await.unwrap().into_inner();
    let mut last = still;
    while let Some(seen) = watched.message().await.unwrap() {
        last = seen.batch.unwrap();
    }
    assert_eq!(last.rows_ended, 3);
    assert!(!counts(&last).contains_key("10"), "{last:?}");
    let text = result(&mut city).await;
    for index in [0, 1, 10] {
        assert!(text.contains(&net::person(index, CITY)), "{text}");
    }
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_closing_time_meets_wait_until_the_next_morning() {
    const ROWS: u32 = 2_000;
    let dir = TempDir::new().unwrap();
    let net = net::start_in(dir.path(), &[]);
    frozen::create(&net).await;
    set_hours(&net).await;
    set_hour(&net, 1).await;
    let at = jiff::Timestamp::new(hour(0).seconds, 0).unwrap();
    let mut rows = many(ROWS);
    rows.iter_mut().for_each(|row| row.requested_at = at);
    let mut city = client(&net).await;
    let sent = tokio_stream::iter(pieces(header(NAME), &file(rows)));
    city.submit_batch(sent).await.unwrap();
    while batch(&mut city).await.rows_ended == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // 18:00: what is with a provider ends, nothing new is sent.
    set_hour(&net, 9).await;
    let mut ended = -1;
    let waiting = loop {
        let now = batch(&mut city).await;
        if now.rows_ended == ended {
            break now;
        }
        ended = now.rows_ended;
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let total = i32::try_from(ROWS).unwrap();
    assert!((1..total).contains(&ended), "{ended}");
    let unsent = counts(&waiting)["10"];
    assert!((1..=total - ended).contains(&unsent), "{waiting:?}");
    assert_eq!(waiting.state(), v1::BatchState::Running);

    set_hour(&net, 25).await;
    let watch = v1::WatchBatchRequest {
        file_name: NAME.into(),
    };
    let mut watched = city.watch_batch(watch).await.unwrap().into_inner();
    let mut last = waiting;
    while let Some(seen) = watched.message().await.unwrap() {
        last = seen.batch.unwrap();
    }
    // Rows about people with a no-auto-reply flag are with the provider's staff.
    let held = counts(&last).get("13").copied().unwrap_or_default();
    assert_eq!(last.rows_ended + held, total, "{last:?}");
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
