//! Bad input: each bad field is named in both languages, its value is never repeated, and nothing is written.

use chukan::grpc::proto::v1::{
    self, inquiry_service_client::InquiryServiceClient, ledger_service_client::LedgerServiceClient,
};
use prost::Message as _;
use tonic::{Code, transport::Channel};

use crate::{
    bad_fields::refused,
    net::{self, CITY, DESIGNATED, DESIGNATED_WARD, KEY_CITY, WARD, ask, codes, tax_inquiry},
    told::{echoes, told},
};

/// A 個人番号 by its form.
pub(crate) const NUMBER: &str = "123456789018";

pub(crate) async fn count(client: &mut InquiryServiceClient<Channel>) -> usize {
    let listed = client.list_inquiries(v1::ListInquiriesRequest::default());
    listed.await.unwrap().into_inner().inquiries.len()
}

#[tokio::test]
async fn every_bad_field_is_named_not_only_the_first() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut request = tax_inquiry("free-1", 0);
    request.affair.clear();
    request.unit_code = NUMBER.into();
    request.details[0].specific_infos[0].items = vec!["x".into(), "y".into()];
    let status = client.submit_inquiry(request).await.unwrap_err();
    let told = told(&status);
    let at = "details[0].specific_infos[0]";
    let expected = [
        "unit_code",
        "affair",
        &format!("{at}.items[0]"),
        &format!("{at}.items[1]"),
    ];
    assert_eq!(told.paths(), expected);
    assert!(!echoes(&status, NUMBER.as_bytes()));
}

#[tokio::test]
async fn a_city_cannot_ask_itself_through_its_ward() {
    let net = net::start();
    let mut client = net.inquiries(DESIGNATED).await;
    let mut request = tax_inquiry("free-1", 0);
    request.details[0].specific_infos[0].provider = DESIGNATED_WARD.into();
    let field = "details[0].specific_infos[0].provider";
    refused(&mut client, request, (field, DESIGNATED_WARD)).await;
}

#[tokio::test]
async fn a_record_id_is_accepted_once_in_a_request_and_once_for_ever() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut twice = tax_inquiry("id-1", 0);
    twice.details.push(twice.details[0].clone());
    let status = client.submit_inquiry(twice.clone()).await.unwrap_err();
    assert_eq!(told(&status).code, Code::AlreadyExists);
    assert_eq!(told(&status).paths(), ["details[1].record_id"]);
    assert_eq!(count(&mut client).await, 0);

    ask(&mut client, tax_inquiry("id-1", 0)).await;
    twice.details[0].record_id = "id-2".into();
    let status = client.submit_inquiry(twice).await.unwrap_err();
    let told = told(&status);
    assert_eq!(told.reason, "RECORD_ID_EXISTS");
    assert_eq!(told.paths(), ["details[1].record_id"]);
    assert_eq!(told.ja, "「レコード識別番号」が既に存在しています。");
    assert!(!echoes(&status, b"id-1"));
    assert_eq!(count(&mut client).await, 1);
    ask(&mut client, tax_inquiry("id-2", 0)).await;

    // Another institution's ids are its own.
    let mut other = net.inquiries(DESIGNATED).await;
    let mut request = tax_inquiry("id-1", 0);
    request.details[0].addressee_number = net::person(0, DESIGNATED);
    assert_eq!(codes(&ask(&mut other, request).await), ["01"]);
}

#[tokio::test]
async fn of_the_same_record_id_sent_at_once_one_is_accepted() {
    let net = net::start();
    let client = net.inquiries(CITY).await;
    let sent = (0..16).map(|_| {
        let mut client = client.clone();
        tokio::spawn(async move { client.submit_inquiry(tax_inquiry("race-1", 0)).await })
    });
    let mut accepted = 0;
    for one in sent.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(status) => assert_eq!(told(&status).reason, "RECORD_ID_EXISTS"),
        }
    }
    assert_eq!(accepted, 1);
}

async fn leaves(net: &net::Net, who: &str) -> u64 {
    let mut ledger = LedgerServiceClient::new(net.channel(who).await);
    let trees = ledger.list_trees(v1::ListTreesRequest {}).await.unwrap();
    trees.into_inner().trees.iter().map(|tree| tree.size).sum()
}

#[tokio::test]
async fn a_body_that_names_another_institution_is_refused_and_recorded() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let before = leaves(&net, CITY).await;
    for (named, grown) in [(KEY_CITY, 1), (WARD, 2), ("nobody", 3)] {
        let mut request = tax_inquiry("free-1", 0);
        request.inquirer = named.into();
        let status = client.submit_inquiry(request).await.unwrap_err();
        let told = told(&status);
        assert_eq!(told.code, Code::PermissionDenied);
        assert_eq!(told.reason, "INSTITUTION_MISMATCH");
        assert!(!echoes(&status, named.as_bytes()));
        assert_eq!(leaves(&net, CITY).await, before + grown);
    }
    let mut request = tax_inquiry("free-1", 0);
    request.inquirer = CITY.into();
    assert_eq!(codes(&ask(&mut client, request).await), ["01"]);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_server_goes_on() {
    let mut request = tax_inquiry("free-1", 0);
    let detail = request.details.remove(0);
    request.details = (0..1_000)
        .map(|number| v1::InquiryDetailRequest {
            record_id: format!("large-{number}"),
            ..detail.clone()
        })
        .collect();
    assert!(request.encoded_len() > 65_536);
    let net = net::start_with(&["--set", "server.message_bytes_max=65536"]);
    let mut client = net.inquiries(CITY).await;
    let status = client.submit_inquiry(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    assert_eq!(count(&mut client).await, 0);
    let small = ask(&mut client, tax_inquiry("large-0", 0)).await;
    assert_eq!(codes(&small), ["01"]);
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let accepted = client.submit_inquiry(request).await;
    assert!(accepted.is_ok(), "by itself nothing is wrong with it");
}

#[tokio::test]
async fn bad_receipts_page_sizes_and_tokens_are_named() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    ask(&mut client, tax_inquiry("id-1", 0)).await;
    for (page_size, page_token, field) in [
        (-1, "", "page_size"),
        (1_001, "", "page_size"),
        (i32::MIN, "", "page_size"),
        (10, "not a token!", "page_token"),
        (10, "トークン", "page_token"),
    ] {
        let request = v1::ListInquiriesRequest {
            page_size,
            page_token: page_token.into(),
            state: 0,
        };
        let status = client.list_inquiries(request).await.unwrap_err();
        assert_eq!(told(&status).paths(), [field]);
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    for receipt in [
        "",
        "R1",
        "R+000000001",
        "0000000001",
        "R00000000001",
        "R000000000１",
        NUMBER,
    ] {
        let receipt_number = receipt.to_owned();
        let got = client
            .get_inquiry(v1::GetInquiryRequest {
                receipt_number,
                ..Default::default()
            })
            .await;
        let Err(status) = got else {
            panic!("{receipt:?} names an inquiry");
        };
        assert_eq!(told(&status).paths(), ["receipt_number"], "{receipt:?}");
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    let receipt_number = "R0000000999".to_owned();
    let status = client
        .get_inquiry(v1::GetInquiryRequest {
            receipt_number,
            ..Default::default()
        })
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), told(&status).reason.as_str()),
        (Code::NotFound, "NOT_FOUND")
    );
}
