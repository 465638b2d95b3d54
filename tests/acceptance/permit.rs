//! 情報提供許可証: a permit releases once, as it was signed, and every other attempt is refused and on record.

use chukan::grpc::proto::{
    sim::v1::{
        IssuePermitRequest, PresentPermitRequest, ProvisionOrder,
        exchange_service_client::ExchangeServiceClient,
    },
    v1::{
        ListTreesRequest, ResultCode, SearchProvisionRecordsRequest,
        ledger_service_client::LedgerServiceClient,
        provision_record_service_client::ProvisionRecordServiceClient,
    },
};
use tonic::transport::Channel;

use crate::{
    frozen,
    net::{self, CITY, KEY_CITY, Net, TAX, TAX_AFFAIR, TAX_PROCEDURE, WARD, person},
};

fn wanted() -> IssuePermitRequest {
    IssuePermitRequest {
        addressee_number: person(0, CITY),
        affair: TAX_AFFAIR.into(),
        procedure: TAX_PROCEDURE.into(),
        provider: WARD.into(),
        specific_info: TAX.into(),
    }
}

async fn issue(client: &mut ExchangeServiceClient<Channel>) -> ProvisionOrder {
    let issued = client.issue_permit(wanted()).await.unwrap();
    issued.into_inner().order.unwrap()
}

async fn present(client: &mut ExchangeServiceClient<Channel>, order: &ProvisionOrder) -> String {
    let order = Some(order.clone());
    let presented = client.present_permit(PresentPermitRequest { order }).await;
    presented.unwrap().into_inner().status_code
}

/// How many entries the ward's ledger has.
async fn entries(net: &Net) -> u64 {
    let mut ledger = LedgerServiceClient::new(net.channel(WARD).await);
    let trees = ledger.list_trees(ListTreesRequest {}).await.unwrap();
    trees.into_inner().trees.iter().map(|tree| tree.size).sum()
}

#[tokio::test]
async fn an_altered_permit_is_refused_and_recorded_and_the_true_one_still_releases() {
    let net = net::start();
    let mut client = ExchangeServiceClient::new(net.channel(CITY).await);
    let order = issue(&mut client).await;
    let mut altered = Vec::new();
    for at in (0..order.permit.len()).step_by(17) {
        let mut flipped = order.clone();
        flipped.permit[at] ^= 1;
        altered.push(flipped);
    }
    for at in [0, 31, 63] {
        let mut flipped = order.clone();
        flipped.signature[at] ^= 0x80;
        altered.push(flipped);
    }
    let mut other_key = order.clone();
    other_key.sealing_public_key[0] ^= 1;
    altered.push(other_key);
    let before = entries(&net).await;
    for order in &altered {
        assert_eq!(present(&mut client, order).await, "60");
    }
    let refused = u64::try_from(altered.len()).unwrap();
    assert_eq!(entries(&net).await, before + refused);
    assert_eq!(present(&mut client, &order).await, "01");
}

/// Else those who are issued permits could tell that they ask about the same person.
#[tokio::test]
async fn two_permits_about_one_person_have_nothing_of_the_person_in_common() {
    let net = net::start();
    let mut client = ExchangeServiceClient::new(net.channel(CITY).await);
    let mut digests = Vec::new();
    for _ in 0..2 {
        let order = issue(&mut client).await;
        let terms: serde_json::Value = serde_json::from_slice(&order.permit).unwrap();
        digests.push(terms["symbol_digest"].as_str().unwrap().to_owned());
        assert_eq!(present(&mut client, &order).await, "01");
    }
    assert_ne!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_permit_made_for_one_provider_is_refused_by_another() {
    let net = net::start();
    let mut client = ExchangeServiceClient::new(net.channel(CITY).await);
    let mut order = issue(&mut client).await;
    order.provider = KEY_CITY.into();
    assert_eq!(present(&mut client, &order).await, "60");
}

#[tokio::test]
async fn of_many_presentations_at_once_exactly_one_releases() {
    let net = net::start();
    let mut client = ExchangeServiceClient::new(net.channel(CITY).await);
    let order = issue(&mut client).await;
    let mut presenting = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (mut client, order) = (client.clone(), order.clone());
        presenting.spawn(async move { present(&mut client, &order).await });
    }
    let mut codes = presenting.join_all().await;
    codes.sort();
    assert_eq!(codes[0], "01");
    assert!(codes[1..].iter().all(|code| code == "62"), "{codes:?}");
}

#[tokio::test]
async fn a_used_permit_stays_used_after_a_kill() {
    let net = net::start();
    let mut client = ExchangeServiceClient::new(net.channel(CITY).await);
    let order = issue(&mut client).await;
    assert_eq!(present(&mut client, &order).await, "01");
    let dir = net.kill().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut client = ExchangeServiceClient::new(net.channel(CITY).await);
    let before = entries(&net).await;
    assert_eq!(present(&mut client, &order).await, "62");
    assert_eq!(entries(&net).await, before + 1);
}

#[tokio::test]
async fn a_permit_that_has_expired_by_the_worlds_clock_releases_nothing() {
    let net = net::start();
    frozen::create(&net).await;
    let mut client = ExchangeServiceClient::new(frozen::channel(&net, CITY).await);
    let issued = client.issue_permit(wanted()).await.unwrap().into_inner();
    frozen::set_hour(&net, 1).await;
    for _ in 0..2 {
        let order = issued.order.clone();
        let late = client.present_permit(PresentPermitRequest { order });
        assert_eq!(late.await.unwrap().into_inner().status_code, "61");
    }
    let mut records = ProvisionRecordServiceClient::new(frozen::channel(&net, WARD).await);
    let found = records
        .search_provision_records(SearchProvisionRecordsRequest {
            result: ResultCode::PermitExpired.into(),
            ..Default::default()
        })
        .await
        .unwrap();
    assert_eq!(
        found.into_inner().records.len(),
        1,
        "the exchange ended once"
    );
    let issued = client.issue_permit(wanted()).await.unwrap().into_inner();
    let fresh = client.present_permit(PresentPermitRequest {
        order: issued.order,
    });
    assert_eq!(fresh.await.unwrap().into_inner().status_code, "01");
}
