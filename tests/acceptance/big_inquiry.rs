//! An inquiry about many people is told in as many messages as it needs, each small enough for a client that was told nothing.

use chukan::grpc::proto::v1::{self, specific_info_result::Answer};
use prost::Message as _;

use crate::{
    net::{self, CITY, tax_inquiry},
    told::told,
};

const PEOPLE: usize = 3_000;

#[tokio::test]
async fn an_inquiry_about_thousands_is_fetched_whole_by_a_client_with_the_usual_limit() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut request = tax_inquiry("free-1", 0);
    let detail = request.details.remove(0);
    let record_ids: Vec<_> = (0..PEOPLE).map(|number| format!("many-{number}")).collect();
    request.details = record_ids
        .iter()
        .map(|record_id| v1::InquiryDetailRequest {
            record_id: record_id.clone(),
            ..detail.clone()
        })
        .collect();
    let accepted = client.submit_inquiry(request).await.unwrap().into_inner();
    let receipt_number = accepted.receipt_number;
    let waiting = v1::WaitInquiryRequest {
        receipt_number: receipt_number.clone(),
        timeout: None,
    };
    let mut waited = client.wait_inquiry(waiting.clone()).await;
    while waited
        .as_ref()
        .unwrap()
        .get_ref()
        .inquiry
        .as_ref()
        .unwrap()
        .state()
        != v1::InquiryState::Ended
    {
        waited = client.wait_inquiry(waiting.clone()).await;
    }
    let mut told_of = waited.unwrap().into_inner().inquiry.unwrap();
    let mut found = Vec::new();
    let mut messages = 1;
    loop {
        assert!(told_of.encoded_len() < 4 << 20);
        for detail in &told_of.details {
            let answer = detail.specific_infos[0].answer.as_ref();
            assert!(matches!(answer, Some(Answer::Plain(_))), "{detail:?}");
            found.push(detail.record_id.clone());
        }
        if told_of.next_details_token.is_empty() {
            break;
        }
        let request = v1::GetInquiryRequest {
            receipt_number: receipt_number.clone(),
            details_token: told_of.next_details_token,
        };
        let next = client.get_inquiry(request).await.unwrap();
        told_of = next.into_inner().inquiry.unwrap();
        messages += 1;
    }
    assert_eq!(found, record_ids);
    assert!(messages > 1);

    for details_token in ["x", "-1", "3000"] {
        let request = v1::GetInquiryRequest {
            receipt_number: receipt_number.clone(),
            details_token: details_token.into(),
        };
        let refused = client.get_inquiry(request).await.unwrap_err();
        assert_eq!(told(&refused).paths(), ["details_token"]);
    }
}
