//! Storms of calls that end before they can be answered, by a deadline or because they are taken back: what was begun is finished and
//! recorded, nothing is half there, memory is bounded, and the server is well afterwards.
//!
//! `CHUKAN_STORM_CALLS` says how many calls of each kind (1,000; 10,000 in the long form).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chukan::grpc::proto::v1::{self, inquiry_service_client::InquiryServiceClient};
use tokio::task::JoinSet;
use tonic::{Code, Request, transport::Channel};

use crate::{
    net::{self, CITY, DESIGNATED, Net, ask, codes, person, tax_inquiry},
    statistics::agreed,
    told::told,
};

/// Callers at one time, on connections of their own.
const CALLERS: usize = 32;

#[derive(Clone, Copy)]
enum Ends {
    /// After a millisecond.
    ByDeadline,
    /// After it was looked at so often, or fewer times.
    TakenBack(usize),
}

/// How many calls ended how, and the receipt numbers by record id. A server that is flooded with resets may hang up, so that calls end by
/// the transport too.
#[derive(Default)]
struct Told {
    ends: BTreeMap<String, usize>,
    receipts: BTreeMap<String, String>,
}

async fn yields(times: usize) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

async fn call(
    client: &mut InquiryServiceClient<Channel>,
    (record_id, number): (&str, usize),
    ends: Ends,
) -> Result<String, String> {
    let mut request = Request::new(tax_inquiry(record_id, 0));
    let most = match ends {
        Ends::ByDeadline => {
            request.set_timeout(Duration::from_millis(1));
            usize::MAX
        }
        Ends::TakenBack(most) => number % most,
    };
    tokio::select! {
        biased;
        answer = client.submit_inquiry(request) => match answer {
            Ok(accepted) => Ok(accepted.into_inner().receipt_number),
            Err(status) => Err(format!("{:?}", status.code())),
        },
        () = yields(most) => Err("taken back".to_owned()),
    }
}

async fn storm(net: &Net, name: &'static str, calls: usize, ends: Ends) -> Told {
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (mut client, next) = (net.inquiries(CITY).await, Arc::clone(&next));
        callers.spawn(async move {
            let mut told = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= calls {
                    return told;
                }
                let record_id = format!("{name}-{number}");
                let ended = call(&mut client, (&record_id, number), ends).await;
                told.push((record_id, ended));
            }
        });
    }
    let mut all = Told::default();
    for (record_id, ended) in callers.join_all().await.concat() {
        let end = match ended {
            Ok(receipt) => {
                all.receipts.insert(record_id, receipt);
                "Ok".to_owned()
            }
            Err(end) => end,
        };
        *all.ends.entry(end).or_default() += 1;
    }
    all
}

/// Every inquiry of the institution when none moves any more, by record id.
async fn settled(client: &mut InquiryServiceClient<Channel>) -> BTreeMap<String, v1::Inquiry> {
    let (mut found, mut page_token) = (BTreeMap::new(), String::new());
    loop {
        let request = v1::ListInquiriesRequest {
            page_size: 1_000,
            page_token,
            ..Default::default()
        };
        let page = client.list_inquiries(request).await.unwrap().into_inner();
        for listed in page.inquiries {
            let wait = v1::WaitInquiryRequest {
                receipt_number: listed.receipt_number,
                timeout: None,
            };
            let ended = client.wait_inquiry(wait).await.unwrap().into_inner();
            let ended = ended.inquiry.unwrap();
            assert_eq!(ended.details.len(), 1);
            let record_id = ended.details[0].record_id.clone();
            assert!(found.insert(record_id, ended).is_none(), "accepted twice");
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_deadlines_and_of_calls_taken_back_leaves_nothing_half_done() {
    let calls = std::env::var("CHUKAN_STORM_CALLS");
    let calls: usize = calls.map_or(1_000, |number| number.parse().unwrap());
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    ask(&mut client, tax_inquiry("before", 0)).await;
    let before = net.resident_kib();
    let mut receipts = BTreeMap::new();
    for (name, ends) in [("d", Ends::ByDeadline), ("t", Ends::TakenBack(40))] {
        let mut told = storm(&net, name, calls, ends).await;
        eprintln!("{name}: {:?}, {} KiB", told.ends, net.resident_kib());
        assert_eq!(told.ends.values().sum::<usize>(), calls);
        receipts.append(&mut told.receipts);
    }
    let grown = net.resident_kib().saturating_sub(before);
    assert!(grown < 192 * 1024 + calls as u64 * 32, "{grown} KiB more");
    let mut other = net.inquiries(DESIGNATED).await;
    let mut request = tax_inquiry("other", 0);
    request.details[0].addressee_number = person(0, DESIGNATED);
    assert_eq!(codes(&ask(&mut other, request).await), ["01"]);

    let found = settled(&mut client).await;
    eprintln!("{} inquiries of {} calls", found.len() - 1, 2 * calls);
    for (record_id, inquiry) in &found {
        assert_eq!(codes(inquiry), ["01"], "{record_id}");
    }
    for (record_id, receipt) in &receipts {
        assert_eq!(&found[record_id].receipt_number, receipt);
    }
    let serials: BTreeSet<_> = found.values().map(net::serial_of).collect();
    let agreed = agreed(&net, CITY).await;
    assert_eq!(serials.symmetric_difference(&agreed).next(), None);
    // Each is there or is not: the one is refused as known, the other is taken.
    for number in (0..calls).step_by(calls.div_ceil(20)) {
        let record_id = format!("d-{number}");
        let again = client.submit_inquiry(tax_inquiry(&record_id, 0)).await;
        if found.contains_key(&record_id) {
            let refused = again.unwrap_err();
            assert_eq!(refused.code(), Code::AlreadyExists);
            assert_eq!(told(&refused).reason, "RECORD_ID_EXISTS");
        } else {
            again.unwrap();
        }
    }
    let data = net.data().to_owned();
    let (ended, _dir) = net.stop();
    assert!(ended.success());
    net::ledger_verifies(&data);
}
