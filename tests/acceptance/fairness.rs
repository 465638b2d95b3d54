//! One institution that floods takes nothing from the others: it is told to wait, and they are served.
//!
//! `CHUKAN_IDLE_CONNECTIONS` says how many connections stay idle (300; 10,000 in the long form),
//! `CHUKAN_FLOOD_INQUIRIES` how many inquiries each caller sends beside a flood (25).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chukan::grpc::proto::v1::{self, WaitInquiryRequest};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    frozen,
    net::{self, CITY, DESIGNATED, ask, codes, tax_inquiry},
    told::told,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_institution_with_too_many_calls_is_refused_and_the_others_are_served() {
    let net = net::start_with(&["--set", "server.calls_each_max=8"]);
    let mut client = net.inquiries(CITY).await;
    let held = ask(&mut client, tax_inquiry("h-1", 7)).await;
    assert_eq!(held.state(), v1::InquiryState::WaitingForStaff);
    let mut open = tax_inquiry("open-1", 0);
    open.details = (0..400)
        .map(|n| {
            net::detail(
                &format!("open-{n}"),
                &net::person(0, CITY),
                net::WARD,
                net::TAX,
            )
        })
        .collect();
    let accepted = client.submit_inquiry(open).await.unwrap().into_inner();
    let mut flood = JoinSet::new();
    for _ in 0..200 {
        let mut client = client.clone();
        let receipt_number = accepted.receipt_number.clone();
        flood.spawn(async move {
            let timeout = None;
            let wait = WaitInquiryRequest {
                receipt_number,
                timeout,
            };
            client.wait_inquiry(wait).await.map(drop)
        });
    }
    let mut other = net.inquiries(DESIGNATED).await;
    for n in 0..20 {
        let served = ask(&mut other, tax_inquiry_of(DESIGNATED, &format!("o-{n}"))).await;
        assert_eq!(codes(&served), ["01"], "another institution is served");
    }
    let mut refused = 0;
    while let Some(ended) = flood.join_next().await {
        if let Err(status) = ended.unwrap() {
            assert_eq!(status.code(), Code::ResourceExhausted);
            assert_eq!(told(&status).reason, "INSTITUTION_BUSY");
            let retry = status.get_details_retry_info().unwrap();
            assert_eq!(retry.retry_delay, Some(Duration::from_secs(1)));
            refused += 1;
        }
    }
    assert!(refused > 0, "the flood was not refused");
    ask(&mut client, tax_inquiry("after", 0)).await;
}

fn tax_inquiry_of(who: &str, record_id: &str) -> v1::SubmitInquiryRequest {
    let mut request = tax_inquiry(record_id, 0);
    request.details[0].addressee_number = net::person(0, who);
    request
}

#[tokio::test]
async fn an_institution_with_too_many_inquiries_waiting_is_refused_and_the_others_are_not() {
    let net = net::start_with(&["--set", "inquiry.inquiries_each_max=2"]);
    frozen::create(&net).await;
    frozen::close_network(&net).await;
    let inquiries = async |who| {
        v1::inquiry_service_client::InquiryServiceClient::new(frozen::channel(&net, who).await)
    };
    let mut client = inquiries(CITY).await;
    let at = |mut request: v1::SubmitInquiryRequest| {
        request.requested_at = Some(frozen::hour(0));
        request
    };
    for n in 0..2 {
        let request = at(tax_inquiry(&format!("q-{n}"), 0));
        client.submit_inquiry(request).await.unwrap();
    }
    let refused = client.submit_inquiry(at(tax_inquiry("q-2", 0))).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(told(&refused).reason, "INSTITUTION_BUSY");
    let mut other = inquiries(DESIGNATED).await;
    let request = at(tax_inquiry_of(DESIGNATED, "o-1"));
    other.submit_inquiry(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_idle_connections_leave_room_for_who_calls() {
    let wanted = std::env::var("CHUKAN_IDLE_CONNECTIONS");
    let wanted: usize = wanted.map_or(300, |number| number.parse().unwrap());
    let limit = format!("server.connections_max={}", wanted + 10);
    let net = net::start_with(&["--set", &limit, "--set", "metrics.listen=127.0.0.1:0"]);
    let before = net.resident_kib();
    let mut idle = Vec::new();
    for _ in 0..wanted {
        idle.push(net.channel(CITY).await);
    }
    net.metrics_show(&format!("chukan_connections {wanted}"))
        .await;
    let grown = net.resident_kib().saturating_sub(before);
    eprintln!("{wanted} idle connections: {grown} KiB more, {before} KiB before");
    let mut client = net.inquiries(DESIGNATED).await;
    let served = ask(&mut client, tax_inquiry_of(DESIGNATED, "i-1")).await;
    assert_eq!(codes(&served), ["01"]);
    assert!(
        grown < u64::try_from(wanted).unwrap() * 256 + 64 * 1024,
        "{grown} KiB for {wanted} connections"
    );
}

/// How long so many inquiries of four callers take, one after the other in each; all of them succeed.
async fn four_callers(net: &net::Net, name: &str, each: usize) -> Duration {
    let mut callers = JoinSet::new();
    let clients = [(); 4].map(|()| net.inquiries(DESIGNATED));
    for (caller, client) in clients.into_iter().enumerate() {
        let (mut client, name) = (client.await, format!("{name}-{caller}"));
        callers.spawn(async move {
            for n in 0..each {
                let request = tax_inquiry_of(DESIGNATED, &format!("{name}-{n}"));
                assert_eq!(codes(&ask(&mut client, request).await), ["01"]);
            }
        });
    }
    let began = Instant::now();
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    began.elapsed()
}

/// Sends inquiries of many people as fast as they are refused or taken; counts the refusals.
async fn flood(net: &net::Net, refused: &Arc<AtomicU64>) -> JoinSet<()> {
    let mut flood = JoinSet::new();
    for caller in 0..32 {
        let (mut client, refused) = (net.inquiries(CITY).await, Arc::clone(refused));
        flood.spawn(async move {
            for n in 0.. {
                let mut request = tax_inquiry("", 0);
                let name = |at| format!("flood-{caller}-{n}-{at}");
                let people = (0..100)
                    .map(|at| net::detail(&name(at), &net::person(0, CITY), net::WARD, net::TAX));
                request.details = people.collect();
                if let Err(status) = client.submit_inquiry(request).await {
                    assert_eq!(told(&status).reason, "INSTITUTION_BUSY");
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    flood
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_inquiries_is_refused_while_every_inquiry_of_another_institution_succeeds() {
    let each = std::env::var("CHUKAN_FLOOD_INQUIRIES");
    let each: usize = each.map_or(25, |number| number.parse().unwrap());
    let net = net::start_with(&["--set", "inquiry.inquiries_each_max=16"]);
    four_callers(&net, "warm", each).await;
    let alone = four_callers(&net, "alone", each).await;
    let refused = Arc::new(AtomicU64::new(0));
    let flood = flood(&net, &refused).await;
    while refused.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let beside = four_callers(&net, "beside", each).await;
    let ratio = alone.as_secs_f64() / beside.as_secs_f64();
    eprintln!("alone {alone:?}, beside a flood {beside:?}: {ratio:.2} of the throughput");
    drop(flood);
}
