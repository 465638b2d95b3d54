//! 情報照会: submit, get, wait, watch, list, cancel; each result in its own words.

use chukan::grpc::proto::v1::{self, specific_info_result::Answer};

use crate::net::{self, CITY, WARD, ask, codes, tax_inquiry};

#[tokio::test]
async fn an_ordinary_inquiry_ends_normally_with_the_opened_answer() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let inquiry = ask(&mut client, tax_inquiry("a-1", 0)).await;
    assert_eq!(inquiry.state(), v1::InquiryState::Ended);
    let detail = &inquiry.details[0];
    assert_eq!(
        (detail.status_code.as_str(), detail.message.as_str()),
        ("09", "正常終了")
    );
    let result = &detail.specific_infos[0];
    assert_eq!(result.provider, WARD);
    let Some(Answer::Plain(answer)) = &result.answer else {
        panic!("no plain answer: {result:?}");
    };
    assert!(!answer.records.is_empty());
    assert!(!answer.records[0].content[0].items.is_empty());
}

#[tokio::test]
async fn each_kind_of_no_data_is_told_apart() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    for (index, code) in [
        (1, "31"),
        (2, "32"),
        (3, "33"),
        (5, "35"),
        (6, "41"),
        (7, "13"),
    ] {
        let inquiry = ask(&mut client, tax_inquiry(&format!("n-{index}"), index)).await;
        assert_eq!(codes(&inquiry), [code], "sample person {index}");
    }
}
