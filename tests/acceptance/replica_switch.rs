//! A replica file is one switch for whoever reads: all of it shows from one moment on, though it is written for seconds. What
//! others change meanwhile comes after it.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use chukan::grpc::proto::v1::{
    self, ImportReplicasRequest, ReplicaFileForm, import_replicas_request::Part,
    import_replicas_response::Event, replica_service_client::ReplicaServiceClient,
};
use tonic::{Code, Streaming};

use crate::{
    correcting::{Stock, corrected},
    held_request::{reason, refusal},
    net::{self, Net, TAX, WARD, person},
    replica_files::{Client, VERSION, export, import, settings},
};

const REPLICAS: u64 = 10_000;
const OLD: &str = "旧町1番地";
const NEW: &str = "新町1番地";
const BY_HAND: &str = "手町1番地";

/// The persons of the file but the first, who is one of the world's.
fn number(at: u64) -> String {
    match at {
        0 => person(0, WARD),
        at => (500_000_000_000_000 + at).to_string(),
    }
}

/// A file that says one and the same address of everybody.
async fn file(client: &mut Client, address: &str) -> String {
    let csv = export(client, ReplicaFileForm::Csv, "utf-8").await;
    let csv = String::from_utf8(csv).unwrap();
    let names = csv.lines().next().unwrap();
    let mut file = format!("{names}\r\n");
    for at in 0..REPLICAS {
        let person = number(at);
        write!(file, "1,{TAX},{VERSION},{person},switch,2026,,20260601,,KAZEI,2026,1,{address},1,1,1,1,1,1,,,1,2,,,,,,\r\n").unwrap();
    }
    file
}

async fn client(net: &Net) -> Client {
    ReplicaServiceClient::new(net.channel(WARD).await)
}

async fn replica(client: &mut Client, at: u64) -> v1::Replica {
    let key = Some(v1::ReplicaKey {
        addressee_number: number(at),
        specific_info: TAX.into(),
        record_key: "switch".into(),
    });
    let request = v1::GetReplicaRequest { key };
    let answer = client.get_replica(request).await.unwrap().into_inner();
    answer.replica.unwrap()
}

/// The same replica, from the list of the person's.
async fn listed(client: &mut Client, at: u64) -> v1::Replica {
    let request = v1::ListReplicasRequest {
        addressee_number: number(at),
        specific_info: TAX.into(),
        ..Default::default()
    };
    let all = client.list_replicas(request).await.unwrap().into_inner();
    let is_it = |replica: &v1::Replica| replica.key.as_ref().unwrap().record_key == "switch";
    all.replicas.into_iter().find(is_it).unwrap()
}

fn says(replica: &v1::Replica, address: &str) -> bool {
    format!("{:?}", replica.content).contains(address)
}

/// Sends a file and waits until its changes begin to be made.
pub(crate) async fn begin(
    client: &mut Client,
    file: &str,
) -> Streaming<v1::ImportReplicasResponse> {
    let pieces = file.as_bytes().chunks(65_536);
    let pieces = pieces.map(|piece| Part::Piece(piece.to_vec()));
    let parts: Vec<_> = std::iter::once(Part::Settings(settings()))
        .chain(pieces)
        .map(|part| ImportReplicasRequest { part: Some(part) })
        .collect();
    let answer = client.import_replicas(tokio_stream::iter(parts)).await;
    let mut events = answer.unwrap().into_inner();
    loop {
        match next(&mut events).await {
            Event::Progress(progress) if progress.changes > 0 => return events,
            Event::Progress(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn next(events: &mut Streaming<v1::ImportReplicasResponse>) -> Event {
    let event = events.message().await.unwrap();
    event.unwrap().event.unwrap()
}

async fn end(mut events: Streaming<v1::ImportReplicasResponse>) -> v1::ReplicaImport {
    loop {
        if let Event::Report(report) = next(&mut events).await {
            return report.import.unwrap();
        }
    }
}

/// Reads the first and the last replica of the file until told to stop: whoever has seen the new file never sees the old one.
async fn look(mut client: Client, stop: Arc<AtomicBool>) -> u32 {
    let mut looks = 0;
    while !stop.load(SeqCst) {
        for (one, other) in [(0, REPLICAS - 1), (REPLICAS - 1, 0)] {
            let (one, other) = (
                replica(&mut client, one).await,
                listed(&mut client, other).await,
            );
            if says(&one, NEW) {
                assert!(says(&other, NEW), "half of the file");
            }
        }
        looks += 1;
    }
    looks
}

/// Exports again and again: each export holds one file.
async fn take_out(mut client: Client, stop: Arc<AtomicBool>) -> u32 {
    let mut taken = 0;
    while !stop.load(SeqCst) {
        let csv = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
        let csv = String::from_utf8(csv).unwrap();
        let counts = [OLD, NEW].map(|address| csv.matches(address).count() as u64);
        assert!(
            counts == [REPLICAS, 0] || counts == [0, REPLICAS],
            "{counts:?}"
        );
        let order: Vec<_> = csv
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(3))
            .collect();
        assert!(order.is_sorted());
        taken += 1;
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_while_a_file_is_taken_over_sees_one_file_whole() {
    let net = net::start();
    let mut own = client(&net).await;
    let (old, new) = (file(&mut own, OLD).await, file(&mut own, NEW).await);
    import(&mut own, settings(), old.as_bytes()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let looking = tokio::spawn(look(client(&net).await, Arc::clone(&stop)));
    let taking = tokio::spawn(take_out(client(&net).await, Arc::clone(&stop)));
    let events = begin(&mut own, &new).await;
    let seen = replica(&mut own, REPLICAS - 1).await;
    assert!(says(&seen, NEW), "the end of the file does not show");
    assert_eq!(seen.revision, 2);
    let import = end(events).await;
    assert_eq!((import.registered, import.replaced), (0, REPLICAS));
    stop.store(true, SeqCst);
    assert!(looking.await.unwrap() > 0);
    assert!(taking.await.unwrap() > 0);
    assert_eq!(replica(&mut own, REPLICAS - 1).await.revision, 2);
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_business_system_registers_meanwhile_comes_after_the_file() {
    let net = net::start();
    let mut own = client(&net).await;
    let (old, new) = (file(&mut own, OLD).await, file(&mut own, NEW).await);
    import(&mut own, settings(), old.as_bytes()).await.unwrap();
    let (last, gone) = (REPLICAS - 1, REPLICAS - 2);
    let events = begin(&mut own, &new).await;
    let mut by_hand = replica(&mut own, last).await;
    let text = format!("{:?}", by_hand.content);
    assert!(text.contains(NEW));
    for item in &mut by_hand.content[0].items {
        if item.content == Some(v1::item::Content::Value(NEW.into())) {
            item.content = Some(v1::item::Content::Value(BY_HAND.into()));
        }
    }
    let replicas = vec![by_hand];
    let registered = own.register_replicas(v1::RegisterReplicasRequest { replicas });
    assert_eq!(registered.await.unwrap().into_inner().replaced, 1);
    let keys = vec![replica(&mut own, gone).await.key.unwrap()];
    let deleted = own.delete_replicas(v1::DeleteReplicasRequest { keys });
    deleted.await.unwrap();
    assert_eq!(end(events).await.replaced, REPLICAS);
    let stands = replica(&mut own, last).await;
    assert!(says(&stands, BY_HAND));
    assert_eq!(stands.revision, 3);
    let csv = export(&mut own, ReplicaFileForm::Csv, "utf-8").await;
    let csv = String::from_utf8(csv).unwrap();
    assert_eq!(csv.matches(NEW).count() as u64, REPLICAS - 2);
    assert!(!csv.contains(&number(gone)));
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_by_hand_is_void_when_a_file_has_changed_the_replica() {
    let net = net::start();
    let mut own = client(&net).await;
    let (old, new) = (file(&mut own, OLD).await, file(&mut own, NEW).await);
    import(&mut own, settings(), old.as_bytes()).await.unwrap();
    let mut stock = Stock::new(&net).await;
    let proposed = corrected(&replica(&mut own, 0).await, "2025");
    let number = stock.propose("P-1", proposed, None).await.unwrap();
    let superior = stock.superior.clone();
    let seen = stock.open(&superior, &number).await;
    let events = begin(&mut own, &new).await;
    let void = stock.approve(&superior, &seen).await;
    let changed = refusal(Code::FailedPrecondition, "REPLICA_CHANGED");
    assert_eq!(reason(void), changed);
    end(events).await;
    assert!(says(&replica(&mut own, 0).await, NEW));
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
