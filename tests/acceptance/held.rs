//! Held requests: three flags hold them, they survive a restart and a crash, and the inquirer can take them back.

use std::process::{Command, ExitStatus};

use chukan::grpc::proto::v1::{
    self, CancelInquiryRequest, CompareProvisionRecordsRequest, GetProvisionRequest, HoldReason,
    Inquiry, NoAutoReply, OpenProvisionRequest, SetNoAutoReplyRequest, SubmitInquiryRequest,
    WatchInquiryRequest, compare_provision_records_request::Scope,
    inquiry_service_client::InquiryServiceClient,
    provision_record_service_client::ProvisionRecordServiceClient,
    provision_service_client::ProvisionServiceClient,
};
use tempfile::TempDir;
use tonic::{Code, transport::Channel};

use crate::{
    console::Browser,
    held_request::{CLERK, session, within},
    net::{self, CITY, Net, PREFECTURE, WARD, ask, codes, detail, person, serial_of, tax_inquiry},
    told::told,
};

/// The inquiries that the three kinds of flags hold, with their providers and reasons.
fn held() -> [(SubmitInquiryRequest, &'static str, HoldReason); 3] {
    let mut by_info = tax_inquiry("h-2", 8);
    by_info.affair = "JM90000000000003".into();
    by_info.procedure = "JT90000000000003".into();
    by_info.details[0] = detail("h-2", &person(8, CITY), PREFECTURE, "TM90000000000003");
    [
        (tax_inquiry("h-1", 7), WARD, HoldReason::Person),
        (by_info, PREFECTURE, HoldReason::SpecificInfo),
        (
            tax_inquiry("h-3", 9),
            WARD,
            HoldReason::PersonAndSpecificInfo,
        ),
    ]
}

fn serial(inquiry: &Inquiry) -> String {
    inquiry.details[0].specific_infos[0]
        .processing_serial
        .clone()
}

async fn provision(net: &Net, provider: &str, processing_serial: String) -> v1::Provision {
    let mut provisions = ProvisionServiceClient::new(net.channel(provider).await);
    let got = provisions
        .get_provision(GetProvisionRequest { processing_serial })
        .await;
    got.unwrap().into_inner().provision.unwrap()
}

async fn get(client: &mut InquiryServiceClient<Channel>, receipt: &str) -> Inquiry {
    let receipt_number = receipt.to_owned();
    let got = client
        .get_inquiry(v1::GetInquiryRequest {
            receipt_number,
            ..Default::default()
        })
        .await;
    got.unwrap().into_inner().inquiry.unwrap()
}

async fn cancel(client: &mut InquiryServiceClient<Channel>, receipt: &str) -> Inquiry {
    let receipt_number = receipt.to_owned();
    let got = client
        .cancel_inquiry(CancelInquiryRequest { receipt_number })
        .await;
    got.unwrap().into_inner().inquiry.unwrap()
}

/// The inquiry waits at the inquirer and, for this reason, at the provider.
async fn waits(net: &Net, receipt: &str, (provider, reason): (&str, HoldReason)) {
    let mut client = net.inquiries(CITY).await;
    let inquiry = get(&mut client, receipt).await;
    assert_eq!(codes(&inquiry), ["13"]);
    assert_eq!(inquiry.state(), v1::InquiryState::WaitingForStaff);
    assert!(inquiry.expires_at.is_none());
    let received = provision(net, provider, serial(&inquiry)).await;
    assert_eq!(received.hold_reason(), reason);
    assert_eq!(received.result.unwrap().status_code, "13");
}

/// The inquiry is taken back: cancelled on both sides, and the three records agree.
async fn is_taken_back(net: &Net, receipt: &str, provider: &str) {
    let mut client = net.inquiries(CITY).await;
    let inquiry = cancel(&mut client, receipt).await;
    assert_eq!(codes(&inquiry), ["53"]);
    assert_eq!(inquiry.state(), v1::InquiryState::Ended);
    let received = provision(net, provider, serial(&inquiry)).await;
    assert_eq!(received.result.unwrap().status_code, "53");
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let request = CompareProvisionRecordsRequest {
        scope: Some(Scope::ProcessingSerial(serial(&inquiry))),
        ..Default::default()
    };
    let compared = records.compare_provision_records(request).await.unwrap();
    let compared = compared.into_inner().comparisons;
    assert_eq!(compared.len(), 1);
    assert!(compared[0].agree, "{:?}", compared[0].disagreements);
    for record in [
        &compared[0].inquirer,
        &compared[0].core,
        &compared[0].provider,
    ] {
        let result = record.as_ref().unwrap().result.as_ref().unwrap();
        assert_eq!(result.status_code, "53");
    }
    let receipt_number = receipt.to_owned();
    let again = client
        .cancel_inquiry(CancelInquiryRequest { receipt_number })
        .await;
    let status = again.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(told(&status).reason, "INQUIRY_ENDED");
}

/// Stops the server while the clients of this test can still say goodbye.
async fn stopped(net: Net) -> (ExitStatus, Option<TempDir>) {
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap()
}

fn verify_ledger(net: &Net) {
    let mut verify = Command::new(env!("CARGO_BIN_EXE_chukan"));
    let ran = verify
        .args(["ledger", "verify"])
        .arg(net.ledger())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

#[tokio::test]
async fn held_requests_survive_a_stop_and_a_crash_and_can_be_taken_back() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut receipts = Vec::new();
    for (request, provider, reason) in held() {
        let receipt = ask(&mut client, request).await.receipt_number;
        waits(&net, &receipt, (provider, reason)).await;
        receipts.push((receipt, provider, reason));
    }
    let data = net.data().to_owned();
    let before = net.address().to_owned();
    let (status, dir) = stopped(net).await;
    assert!(status.success(), "{status}");
    assert!(std::net::TcpStream::connect(before).is_err());

    let net = net::start_in(&data, &[]);
    for (receipt, provider, reason) in &receipts {
        waits(&net, receipt, (provider, *reason)).await;
    }
    assert!(net.kill().is_none(), "the directory is the first server's");

    let net = net::start_in(&data, &[]);
    for (receipt, provider, reason) in &receipts {
        waits(&net, receipt, (provider, *reason)).await;
        is_taken_back(&net, receipt, provider).await;
    }
    let (status, _) = stopped(net).await;
    assert!(status.success(), "{status}");

    let net = net::start_in(&data, &[]);
    let mut client = net.inquiries(CITY).await;
    for (receipt, ..) in &receipts {
        assert_eq!(codes(&get(&mut client, receipt).await), ["53"]);
    }
    verify_ledger(&net);
    drop((net, dir));
}

#[tokio::test]
async fn cancelling_takes_back_what_waits_and_leaves_what_has_ended() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut request = tax_inquiry("x-1", 0);
    request
        .details
        .push(detail("x-2", &person(7, CITY), WARD, net::TAX));
    let inquiry = ask(&mut client, request).await;
    assert_eq!(codes(&inquiry), ["01", "13"]);
    let inquiry = cancel(&mut client, &inquiry.receipt_number).await;
    assert_eq!(codes(&inquiry), ["01", "53"]);
    assert!(inquiry.details[0].specific_infos[0].answer.is_some());

    let ended = ask(&mut client, tax_inquiry("x-3", 0)).await.receipt_number;
    for (receipt, code, reason) in [
        (ended.as_str(), Code::FailedPrecondition, "INQUIRY_ENDED"),
        ("R0000009999", Code::NotFound, "NOT_FOUND"),
        ("R1", Code::InvalidArgument, "MALFORMED_REQUEST"),
    ] {
        let receipt_number = receipt.to_owned();
        let status = client
            .cancel_inquiry(CancelInquiryRequest { receipt_number })
            .await
            .unwrap_err();
        assert_eq!(
            (status.code(), told(&status).reason.as_str()),
            (code, reason)
        );
    }
}

#[tokio::test]
async fn a_watcher_sees_each_change_and_the_end() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let receipt_number = ask(&mut client, tax_inquiry("v-1", 7)).await.receipt_number;
    let watch = WatchInquiryRequest {
        receipt_number: receipt_number.clone(),
    };
    let mut changes = client.watch_inquiry(watch).await.unwrap().into_inner();
    let first = changes.message().await.unwrap().unwrap().inquiry.unwrap();
    assert_eq!(codes(&first), ["13"]);
    cancel(&mut client, &receipt_number).await;
    let mut last = first;
    while let Some(change) = changes.message().await.unwrap() {
        last = change.inquiry.unwrap();
    }
    assert_eq!(codes(&last), ["53"]);
    assert_eq!(last.state(), v1::InquiryState::Ended);

    let watch = WatchInquiryRequest {
        receipt_number: "R0000000777".into(),
    };
    let status = client.watch_inquiry(watch).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn who_decides_sees_what_the_same_inquirer_was_given_about_the_person_before() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    let before = ask(&mut inquiries, tax_inquiry("earlier-1", 0)).await;
    let other = ask(&mut inquiries, tax_inquiry("earlier-2", 1)).await;
    assert_eq!(codes(&before), ["01"]);
    let mut provisions = ProvisionServiceClient::new(net.channel(WARD).await);
    let flag = NoAutoReply {
        addressee_number: person(0, WARD),
        specific_info: String::new(),
    };
    let request = SetNoAutoReplyRequest { flag: Some(flag) };
    provisions.set_no_auto_reply(request).await.unwrap();
    let held = ask(&mut inquiries, tax_inquiry("earlier-3", 0)).await;
    assert_eq!(codes(&held), ["13"]);
    let clerk = session(&net, CLERK).await;
    let request = OpenProvisionRequest {
        processing_serial: serial_of(&held),
    };
    let opened = provisions.open_provision(within(&clerk, request)).await;
    let detail = opened.unwrap().into_inner().detail.unwrap();
    let ended: Vec<_> = detail
        .ended
        .iter()
        .map(|one| &one.processing_serial)
        .collect();
    assert_eq!(ended, [&serial_of(&before)]);
    assert_eq!(detail.ended[0].result.as_ref().unwrap().status_code, "01");
    assert!(detail.earlier.is_empty(), "none was held");

    let mut browser = Browser::signed_in(&net, WARD, "clerk1").await;
    let page = browser
        .get(&format!("/provisions/{}", serial_of(&held)))
        .await
        .page;
    let link = |inquiry| format!("href=\"/records/{}\"", serial_of(inquiry));
    assert!(page.contains(&link(&before)), "{page}");
    assert!(!page.contains(&link(&other)), "{page}");
}
