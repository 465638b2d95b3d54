//! Nothing that was acknowledged is lost, whenever the server is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use chukan::grpc::proto::v1::{
    self, inquiry_service_client::InquiryServiceClient,
    provision_service_client::ProvisionServiceClient, replica_service_client::ReplicaServiceClient,
};
use tempfile::TempDir;
use tokio::{sync::Notify, task::JoinSet};
use tonic::{Code, transport::Channel};

use crate::{
    net::{self, CITY, DESIGNATED, Net, TAX, WARD, ask, codes, detail, person, tax_inquiry},
    statistics::{agreed, statistics},
};

const KILLS: u32 = 20;

/// Without a line for each exchange.
const QUIET: &[&str] = &["--set", "log.filter=warn"];

/// The people of each inquiry: ordinary, without data, partly provided and held ones.
const ASKED: [u32; 6] = [0, 1, 3, 6, 7, 10];

/// What the callers were told, by institution and name.
#[derive(Default)]
struct Told {
    receipts: BTreeMap<(&'static str, String), String>,
    results: BTreeMap<(&'static str, String), v1::Inquiry>,
    replicas: BTreeSet<String>,
    acknowledged: usize,
}

/// Callers that submit and register, and what they were told.
#[derive(Clone, Default)]
pub(crate) struct Load {
    told: Arc<Mutex<Told>>,
    moved: Arc<Notify>,
}

impl Load {
    fn tell<T>(&self, what: impl FnOnce(&mut Told) -> T) -> T {
        let answer = what(&mut self.told.lock().unwrap());
        self.moved.notify_one();
        answer
    }

    /// The inquiries that were acknowledged, by institution and receipt number.
    pub(crate) fn receipts(&self) -> BTreeSet<(&'static str, String)> {
        self.tell(|told| told.receipts.keys().cloned().collect())
    }

    /// Comes back when so many more things were acknowledged.
    pub(crate) async fn grown_by(&self, more: usize) {
        let wanted = self.tell(|told| told.acknowledged) + more;
        while self.told.lock().unwrap().acknowledged < wanted {
            self.moved.notified().await;
        }
    }

    /// Callers on channels of their own, until the server goes away.
    pub(crate) async fn begin(&self, net: &Net, round: u32) -> JoinSet<()> {
        let mut callers = JoinSet::new();
        for (n, who) in [CITY, DESIGNATED, CITY, DESIGNATED].into_iter().enumerate() {
            let client = net.inquiries(who).await;
            callers.spawn(submit_all(
                self.clone(),
                client,
                who,
                format!("r{round}-{n}"),
            ));
        }
        let mut replicas = ReplicaServiceClient::new(net.channel(WARD).await);
        let template = replica_of(&mut replicas, 10).await;
        callers.spawn(register_all(self.clone(), replicas, template, round));
        callers
    }
}

async fn submit_all(
    load: Load,
    mut client: InquiryServiceClient<Channel>,
    who: &'static str,
    name: String,
) {
    for n in 0.. {
        let mut request = tax_inquiry("", 0);
        let people = ASKED.into_iter().enumerate();
        request.details = people
            .map(|(p, index)| detail(&format!("{name}-{n}-{p}"), &person(index, who), WARD, TAX))
            .collect();
        let Ok(accepted) = client.submit_inquiry(request).await else {
            return;
        };
        let receipt_number = accepted.into_inner().receipt_number;
        let key = (who, receipt_number.clone());
        let again = load.tell(|told| {
            told.acknowledged += 1;
            let record_id = format!("{name}-{n}-0");
            told.receipts.insert(key.clone(), record_id)
        });
        assert_eq!(again, None, "a receipt number was given twice");
        let request = net::by_receipt(receipt_number);
        let Ok(seen) = client.get_inquiry(request).await else {
            return;
        };
        let inquiry = seen.into_inner().inquiry.unwrap();
        load.tell(|told| told.results.insert(key, inquiry));
    }
}

async fn register_all(
    load: Load,
    mut client: ReplicaServiceClient<Channel>,
    template: v1::Replica,
    round: u32,
) {
    for n in 0.. {
        let mut replica = template.clone();
        let name = format!("k{round}-{n}");
        replica.key.as_mut().unwrap().record_key = name.clone();
        let replicas = vec![replica];
        let request = v1::RegisterReplicasRequest { replicas };
        if client.register_replicas(request).await.is_err() {
            return;
        }
        load.tell(|told| {
            told.acknowledged += 1;
            told.replicas.insert(name)
        });
    }
}

/// A replica of a sample person, of the kind that a sample person without data has none of.
async fn replica_of(client: &mut ReplicaServiceClient<Channel>, index: u32) -> v1::Replica {
    let request = v1::ListReplicasRequest {
        addressee_number: person(index, WARD),
        specific_info: TAX.into(),
        ..Default::default()
    };
    let listed = client.list_replicas(request).await.unwrap().into_inner();
    listed.replicas.into_iter().next().unwrap()
}

/// Every acknowledged inquiry is there, ends or waits, and says what it said before.
pub(crate) async fn inquiries_are_whole(
    net: &Net,
    load: &Load,
    known: &BTreeSet<(&'static str, String)>,
) {
    let mut clients = BTreeMap::new();
    for who in [CITY, DESIGNATED] {
        clients.insert(who, net.inquiries(who).await);
    }
    let (receipts, results) = load.tell(|told| (told.receipts.clone(), told.results.clone()));
    for (key, record_id) in receipts.iter().filter(|(key, _)| !known.contains(*key)) {
        let (who, receipt_number) = key.clone();
        let client = clients.get_mut(who).unwrap();
        let waiting = client.wait_inquiry(v1::WaitInquiryRequest {
            receipt_number,
            timeout: None,
        });
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        let waited = waited.expect("an inquiry does not end").unwrap();
        let inquiry = waited.into_inner().inquiry.unwrap();
        assert_eq!(codes(&inquiry), ["01", "31", "33", "41", "13", "01"]);
        if let Some(before) = results.get(key) {
            says_the_same(before, &inquiry);
        }
        load.tell(|told| told.results.insert(key.clone(), inquiry));
        let mut again = tax_inquiry(record_id, 0);
        again.details[0].addressee_number = person(0, who);
        let refused = client.submit_inquiry(again).await.unwrap_err();
        assert_eq!(refused.code(), Code::AlreadyExists, "{record_id}");
    }
}

/// What had ended before is the same now.
fn says_the_same(before: &v1::Inquiry, now: &v1::Inquiry) {
    let infos = |inquiry: &v1::Inquiry| -> Vec<v1::SpecificInfoResult> {
        let infos = inquiry.details.iter().flat_map(|d| &d.specific_infos);
        infos.cloned().collect()
    };
    for (before, now) in infos(before).iter().zip(infos(now)) {
        let code = before.result.as_ref().unwrap().code();
        let moves = [
            v1::ResultCode::Accepted,
            v1::ResultCode::Checking,
            v1::ResultCode::WithProvider,
        ];
        if !moves.contains(&code) {
            assert_eq!(*before, now);
        }
    }
}

async fn replicas_are_there(net: &Net, names: impl Iterator<Item = String>) {
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    for record_key in names {
        let key = v1::ReplicaKey {
            addressee_number: person(10, WARD),
            specific_info: TAX.into(),
            record_key,
        };
        let request = v1::GetReplicaRequest { key: Some(key) };
        client.get_replica(request).await.unwrap();
    }
}

/// The serials of the exchanges of these inquiries that have ended, or else of those that wait.
fn serials<'a>(
    inquiries: impl Iterator<Item = &'a v1::Inquiry>,
    waiting: bool,
) -> BTreeSet<String> {
    let infos =
        inquiries.flat_map(|inquiry| inquiry.details.iter().flat_map(|d| &d.specific_infos));
    let of_kind = infos.filter(|info| {
        let code = info.result.as_ref().unwrap().code();
        (code == v1::ResultCode::WaitingForStaff) == waiting
    });
    of_kind.map(|info| info.processing_serial.clone()).collect()
}

/// The requests that wait at みなも区, in the order of their arrival.
async fn waiting_at_the_provider(net: &Net) -> Vec<String> {
    let mut client = ProvisionServiceClient::new(net.channel(WARD).await);
    let mut found = Vec::new();
    let mut request = v1::ListProvisionsRequest {
        waiting_only: true,
        page_size: 100,
        page_token: String::new(),
    };
    loop {
        let page = client.list_provisions(request.clone()).await.unwrap();
        let page = page.into_inner();
        found.extend(page.provisions.into_iter().map(|p| p.processing_serial));
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

/// Stops the server without keeping the channels of this process from hearing of it.
async fn stops_well(net: Net) {
    let stopping = tokio::task::spawn_blocking(move || net.stop().0);
    assert!(stopping.await.unwrap().success());
}

pub(crate) async fn everything_agrees(net: &Net, load: &Load) {
    let (results, replicas) = load.tell(|told| (told.results.clone(), told.replicas.clone()));
    replicas_are_there(net, replicas.into_iter()).await;
    for who in [CITY, DESIGNATED] {
        let mut client = net.inquiries(who).await;
        let of_caller = results.iter().filter(|((asker, _), _)| *asker == who);
        for ((_, receipt_number), before) in of_caller.clone() {
            let receipt_number = receipt_number.clone();
            let request = net::by_receipt(receipt_number);
            let now = client.get_inquiry(request).await.unwrap().into_inner();
            assert_eq!(now.inquiry.as_ref(), Some(before));
        }
        let ended = serials(of_caller.map(|(_, inquiry)| inquiry), false);
        let agreed = agreed(net, who).await;
        assert_eq!(
            ended.difference(&agreed).next(),
            None,
            "an end without record"
        );
    }
    let held = serials(results.values(), true);
    let waiting = waiting_at_the_provider(net).await;
    let once: BTreeSet<_> = waiting.iter().cloned().collect();
    assert_eq!(once.len(), waiting.len(), "a request waits twice");
    assert_eq!(
        held.difference(&once).next(),
        None,
        "a held request is gone"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_under_load_lose_nothing_that_was_acknowledged() {
    let dir = TempDir::new().unwrap();
    let load = Load::default();
    let mut known = BTreeSet::new();
    for round in 0..KILLS {
        let net = net::start_in(dir.path(), QUIET);
        let replicas = load.tell(|told| told.replicas.clone());
        let latest = format!("k{}-", round.saturating_sub(1));
        let latest = replicas
            .into_iter()
            .filter(|name| name.starts_with(&latest));
        inquiries_are_whole(&net, &load, &known).await;
        known = load.receipts();
        if round > 0 {
            replicas_are_there(&net, latest).await;
        }
        let mut callers = load.begin(&net, round).await;
        load.grown_by(10 + usize::try_from(round).unwrap()).await;
        net.kill();
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
        net::ledger_verifies(dir.path());
    }
    let net = net::start_in(dir.path(), QUIET);
    inquiries_are_whole(&net, &load, &known).await;
    everything_agrees(&net, &load).await;
    stops_well(net).await;
    net::ledger_verifies(dir.path());
    let net = net::start_in(dir.path(), QUIET);
    for who in [CITY, DESIGNATED, WARD] {
        let counted = statistics(&net, who).await;
        let records: i64 = counted.iter().map(|row| row.exchanges).sum();
        let exchanges = agreed(&net, who).await.len();
        assert_eq!(
            records,
            i64::try_from(exchanges).unwrap(),
            "recorded twice at {who}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_nothing_and_ends_well() {
    let dir = TempDir::new().unwrap();
    let load = Load::default();
    let net = net::start_in(dir.path(), QUIET);
    let mut callers = load.begin(&net, 0).await;
    load.grown_by(40).await;
    stops_well(net).await;
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    net::ledger_verifies(dir.path());
    let net = net::start_in(dir.path(), QUIET);
    inquiries_are_whole(&net, &load, &BTreeSet::new()).await;
    everything_agrees(&net, &load).await;
}

#[tokio::test]
async fn a_held_request_still_waits_at_both_sides_after_a_kill_and_can_be_cancelled() {
    let dir = TempDir::new().unwrap();
    let net = net::start_in(dir.path(), QUIET);
    let held = ask(&mut net.inquiries(CITY).await, tax_inquiry("h-1", 7)).await;
    assert_eq!(held.state(), v1::InquiryState::WaitingForStaff);
    net.kill();
    let net = net::start_in(dir.path(), QUIET);
    let mut client = net.inquiries(CITY).await;
    let receipt_number = held.receipt_number.clone();
    let request = net::by_receipt(receipt_number);
    let now = client.get_inquiry(request).await.unwrap().into_inner();
    assert_eq!(now.inquiry.as_ref(), Some(&held));
    let serial = &held.details[0].specific_infos[0].processing_serial;
    let waiting = waiting_at_the_provider(&net).await;
    assert_eq!(waiting, std::slice::from_ref(serial));
    let receipt_number = held.receipt_number.clone();
    let request = v1::CancelInquiryRequest { receipt_number };
    let cancelled = client.cancel_inquiry(request).await.unwrap().into_inner();
    assert_eq!(codes(&cancelled.inquiry.unwrap()), ["53"]);
    assert!(waiting_at_the_provider(&net).await.is_empty());
    assert!(agreed(&net, CITY).await.contains(serial));
}

#[tokio::test]
async fn a_world_that_was_killed_while_it_was_made_comes_up_whole() {
    let dir = TempDir::new().unwrap();
    for attempt in 0..12u64 {
        let mut child = net::serve(dir.path(), QUIET)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The kill has to fall somewhere between the first file and the ready line.
        tokio::time::sleep(Duration::from_millis(3 + attempt * attempt)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let net = net::start_in(dir.path(), QUIET);
    let mut client = net.inquiries(CITY).await;
    let expected = [(0, "01"), (3, "33"), (6, "41"), (7, "13"), (9, "13")];
    for (index, code) in expected {
        let inquiry = ask(&mut client, tax_inquiry(&format!("f-{index}"), index)).await;
        assert_eq!(codes(&inquiry), [code], "person {index}");
    }
    stops_well(net).await;
    net::ledger_verifies(dir.path());
}
