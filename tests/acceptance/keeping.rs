//! Inquiries over time: waited for, listed, deleted when their retention has passed; and one that a unit may not make.

use chukan::grpc::proto::{
    sim::v1::{Network, SetNetworkRequest, network_service_client::NetworkServiceClient},
    v1::{self, Inquiry, ListInquiriesRequest, inquiry_service_client::InquiryServiceClient},
};
use tonic::{Code, transport::Channel};

use crate::{
    frozen,
    net::{self, CITY, DESIGNATED, TAX, WARD, ask, detail, person, tax_inquiry},
    told::told,
};

#[tokio::test]
async fn a_wait_comes_back_at_its_end_with_the_inquiry_in_progress() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut networks = NetworkServiceClient::new(net.channel("operator").await);
    let network = |stopped| SetNetworkRequest {
        network: Some(Network {
            stopped,
            ..Network::default()
        }),
    };
    networks.set_network(network(true)).await.unwrap();
    let request = tax_inquiry("t-0", 0);
    let accepted = client.submit_inquiry(request).await.unwrap().into_inner();
    let wait = |timeout| v1::WaitInquiryRequest {
        receipt_number: accepted.receipt_number.clone(),
        timeout,
    };
    let soon = prost_types::Duration {
        seconds: 0,
        nanos: 1_000_000,
    };
    let waited = client
        .wait_inquiry(wait(Some(soon)))
        .await
        .unwrap()
        .into_inner();
    let inquiry = waited.inquiry.unwrap();
    assert_eq!(inquiry.state(), v1::InquiryState::InProgress);
    assert!(inquiry.expires_at.is_none());
    assert!(
        inquiry
            .details
            .iter()
            .any(|detail| detail.status_code == "02")
    );
    for timeout in [(61, 0), (-1, 0), (60, 1)] {
        let (seconds, nanos) = timeout;
        let too_long = wait(Some(prost_types::Duration { seconds, nanos }));
        let status = client.wait_inquiry(too_long).await.unwrap_err();
        assert_eq!(told(&status).paths(), ["timeout"]);
    }
    networks.set_network(network(false)).await.unwrap();
    let ended = client.wait_inquiry(wait(None)).await.unwrap().into_inner();
    assert_eq!(ended.inquiry.unwrap().state(), v1::InquiryState::Ended);
}

async fn list(
    client: &mut InquiryServiceClient<Channel>,
    page_size: i32,
    state: v1::InquiryState,
) -> Vec<Vec<String>> {
    let (mut pages, mut page_token) = (Vec::new(), String::new());
    loop {
        let state = state.into();
        let request = ListInquiriesRequest {
            page_size,
            page_token,
            state,
        };
        let page = client.list_inquiries(request).await.unwrap().into_inner();
        let answers = page.inquiries.iter().flat_map(|inquiry| &inquiry.details);
        let mut answers = answers.flat_map(|detail| &detail.specific_infos);
        assert!(
            answers.all(|info| info.answer.is_none()),
            "lists carry no answers"
        );
        pages.push(
            page.inquiries
                .into_iter()
                .map(|found| found.receipt_number)
                .collect(),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return pages;
        }
    }
}

#[tokio::test]
async fn inquiries_are_listed_newest_first_in_pages_and_by_state() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut receipts = Vec::new();
    for (at, index) in [0, 7, 1, 7, 10].into_iter().enumerate() {
        receipts.insert(
            0,
            ask(&mut client, tax_inquiry(&format!("l-{at}"), index))
                .await
                .receipt_number,
        );
    }
    let pages = list(&mut client, 2, v1::InquiryState::Unspecified).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(pages.concat(), receipts);
    let waiting = list(&mut client, 2, v1::InquiryState::WaitingForStaff).await;
    assert_eq!(
        waiting.first(),
        Some(&vec![receipts[1].clone(), receipts[3].clone()]),
        "a page is full although others lie between its rows"
    );
    assert_eq!(waiting.concat().len(), 2);
    let ended = list(&mut client, 100, v1::InquiryState::Ended).await;
    assert_eq!(ended.concat().len(), 3);
    assert!(
        list(&mut client, 0, v1::InquiryState::InProgress)
            .await
            .concat()
            .is_empty()
    );

    // Nobody else sees them, by number or in a list.
    let mut other = net.inquiries(DESIGNATED).await;
    assert!(
        list(&mut other, 0, v1::InquiryState::Unspecified)
            .await
            .concat()
            .is_empty()
    );
    let receipt_number = receipts[0].clone();
    let status = other
        .get_inquiry(v1::GetInquiryRequest {
            receipt_number,
            ..Default::default()
        })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_result_is_deleted_in_its_time_and_its_record_id_stays_used() {
    let net = net::start();
    frozen::create(&net).await;
    let mut client = InquiryServiceClient::new(frozen::channel(&net, CITY).await);
    let inquiry = frozen::ask(&mut client, tax_inquiry("r-1", 0)).await;
    let held = frozen::ask(&mut client, tax_inquiry("r-2", 7)).await;
    assert_eq!(inquiry.expires_at, Some(frozen::hour(7 * 24)));
    let get = |inquiry: &Inquiry| v1::GetInquiryRequest {
        receipt_number: inquiry.receipt_number.clone(),
        ..Default::default()
    };
    frozen::set_hour(&net, 7 * 24 - 1).await;
    assert!(client.get_inquiry(get(&inquiry)).await.is_ok());
    frozen::set_hour(&net, 8 * 24).await;
    let status = client.get_inquiry(get(&inquiry)).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(told(&status).reason, "RESULTS_DELETED");
    assert!(
        client.get_inquiry(get(&held)).await.is_ok(),
        "what has not ended stays"
    );
    let mut again = tax_inquiry("r-1", 0);
    again.requested_at = Some(frozen::hour(0));
    let status = client.submit_inquiry(again).await.unwrap_err();
    assert_eq!(
        (status.code(), told(&status).reason.as_str()),
        (Code::AlreadyExists, "RECORD_ID_EXISTS")
    );
}

#[tokio::test]
async fn a_unit_or_a_user_without_authority_for_the_affair_is_refused() {
    let net = net::start();
    let mut client = net.inquiries(WARD).await;
    let request = |unit: &str, user: &str| {
        let mut request = tax_inquiry("a-1", 0);
        request.unit_code = unit.into();
        request.user_id = user.into();
        request.details[0] = detail("a-1", &person(0, WARD), CITY, TAX);
        request
    };
    for (unit, user, reason, ja) in [
        (
            "FUKUSHI",
            "zeimu-01",
            "UNIT_NOT_AUTHORISED",
            "指定された部署には、当該事務の権限がありません。",
        ),
        (
            "ZEIMU",
            "fukushi-01",
            "USER_NOT_AUTHORISED",
            "指定された利用者には、当該事務の権限がありません。",
        ),
    ] {
        let refused = client.submit_inquiry(request(unit, user)).await;
        let status = refused.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(told(&status).reason, reason);
        assert_eq!(told(&status).ja, ja);
    }
    assert!(
        list(&mut client, 0, v1::InquiryState::Unspecified)
            .await
            .concat()
            .is_empty()
    );
    ask(&mut client, request("ZEIMU", "zeimu-01")).await;
}
