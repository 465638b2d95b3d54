//! A batch sent while the national network is closed is taken, waits also over a kill, and goes on by itself when it opens.

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
    inquiry_files::{counts, file, header, of, pieces, row},
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
    let mut result = city
        .fetch_batch_result(of(NAME))
        .await
        .unwrap()
        .into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = result.message().await.unwrap() {
        bytes.extend(piece.chunk);
    }
    let text = String::from_utf8(bytes).unwrap();
    for index in [0, 1, 10] {
        assert!(text.contains(&net::person(index, CITY)), "{text}");
    }
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
