//! A file of replicas that was accepted is carried to its end, and one that was not leaves nothing, whenever the server is
//! killed.

use std::{fmt::Write as _, fs, path::Path};

use chukan::grpc::proto::v1::{
    ImportReplicasRequest, ListReplicaImportsRequest, ReplicaFileForm,
    import_replicas_request::Part, import_replicas_response::Event,
    replica_service_client::ReplicaServiceClient,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    net::{self, TAX, WARD},
    replica_files::{Client, VERSION, export, import, settings},
    replica_switch::begin,
};

pub(crate) const REPLICAS: u64 = 4_000;

/// A file of new replicas, one line each.
pub(crate) async fn file(client: &mut Client) -> String {
    let csv = export(client, ReplicaFileForm::Csv, "utf-8").await;
    let csv = String::from_utf8(csv).unwrap();
    let names = csv.lines().next().unwrap();
    let mut file = format!("{names}\r\n");
    for at in 0..REPLICAS {
        let person = 500_000_000_000_000_u64 + at;
        write!(file, "1,{TAX},{VERSION},{person},kill,2026,,20260601,,KAZEI,2026,1,虹色町,1,1,1,1,1,1,,,1,2,,,,,,\r\n").unwrap();
    }
    file
}

pub(crate) async fn registered(client: &mut Client) -> u64 {
    let csv = export(client, ReplicaFileForm::Csv, "utf-8").await;
    String::from_utf8(csv).unwrap().matches(",kill,").count() as u64
}

pub(crate) fn is_empty(data: &Path) -> bool {
    let imports = data.join("worlds/default/imports");
    fs::read_dir(imports).unwrap().next().is_none()
}

#[tokio::test]
async fn a_file_killed_while_it_is_taken_over_is_taken_over_after_the_next_start() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let file = file(&mut client).await;
    let _events = begin(&mut client, &file).await;
    let dir = net.kill().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    assert_eq!(registered(&mut client).await, REPLICAS);
    let listed = client.list_replica_imports(ListReplicaImportsRequest::default());
    let listed = listed.await.unwrap().into_inner().imports;
    assert_eq!(listed.len(), 1);
    let (made, changes) = (listed[0].applied, listed[0].changes);
    assert_eq!(
        (made, changes, listed[0].registered),
        (REPLICAS, REPLICAS, REPLICAS)
    );
    assert!(is_empty(net.data()));
    let again = import(&mut client, settings(), file.as_bytes()).await;
    assert!(again.is_err());
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_stops_coming_registers_nothing() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let file = file(&mut client).await;
    let (pieces, coming) = mpsc::channel(4);
    let part = |part| ImportReplicasRequest { part: Some(part) };
    pieces.send(part(Part::Settings(settings()))).await.unwrap();
    let half = file.as_bytes()[..file.len() / 2].to_vec();
    pieces.send(part(Part::Piece(half))).await.unwrap();
    let answer = client.import_replicas(ReceiverStream::new(coming)).await;
    let mut events = answer.unwrap().into_inner();
    let first = events.message().await.unwrap().unwrap().event.unwrap();
    assert!(matches!(first, Event::Progress(_)), "{first:?}");
    assert!(!is_empty(net.data()));
    let dir = net.kill().unwrap();
    let kept = dir.path().join("worlds/default/imports");
    fs::write(
        kept.join(format!("{WARD}-0000000001.changes")),
        b"never accepted",
    )
    .unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    assert_eq!(registered(&mut client).await, 0);
    assert!(is_empty(net.data()));
    drop(pieces);
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
