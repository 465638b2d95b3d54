//! What a provider gives and sees: records that lie below each other, 公金受取口座, the requests it received, and flags.

use chukan::grpc::proto::v1::{
    self, NoAutoReply, provision_service_client::ProvisionServiceClient,
    replica_service_client::ReplicaServiceClient, specific_info_result::Answer,
};
use tonic::{Code, transport::Channel};

use crate::{
    net::{
        self, ACCOUNTS, CITY, DESIGNATED, Net, TAX, TAX_AFFAIR, WARD, ask, codes, detail, person,
        serial_of, tax_inquiry,
    },
    told::told,
};

const HOUSEHOLD: &str = "TM90000000000001";
const ACCOUNT: &str = "TM00000000000089";

/// An inquiry of あさひ野市 about a household.
fn household(record_id: &str) -> v1::SubmitInquiryRequest {
    let mut request = tax_inquiry(record_id, 0);
    request.affair = "JM90000000000001".into();
    request.procedure = "JT90000000000001".into();
    request.details[0] = detail(record_id, &person(0, CITY), WARD, HOUSEHOLD);
    request
}

fn answer(inquiry: &v1::Inquiry) -> &v1::Answer {
    match &inquiry.details[0].specific_infos[0].answer {
        Some(Answer::Plain(answer)) => answer,
        other => panic!("no plain answer: {other:?}"),
    }
}

async fn replicas(net: &Net, who: &str, info: &str) -> Vec<v1::Replica> {
    let mut client = ReplicaServiceClient::new(net.channel(who).await);
    let request = v1::ListReplicasRequest {
        addressee_number: person(0, who),
        specific_info: info.into(),
        ..Default::default()
    };
    let listed = client.list_replicas(request).await.unwrap();
    listed.into_inner().replicas
}

#[tokio::test]
async fn records_that_lie_below_each_other_are_answered_as_they_are_registered() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let inquiry = ask(&mut client, household("h-1")).await;
    assert_eq!(codes(&inquiry), ["01"]);
    let registered = replicas(&net, WARD, HOUSEHOLD).await.remove(0);
    let given = &answer(&inquiry).records[0];
    assert_eq!(given.content, registered.content);
    let member = &given.content[0].children[0];
    let change = &member.children[0];
    assert!(!member.items.is_empty() && !change.items.is_empty());

    let wanted = change.items[0].item_code.clone();
    let mut request = household("h-2");
    request.details[0].specific_infos[0].items = vec![wanted.clone()];
    let inquiry = ask(&mut client, request).await;
    assert_eq!(codes(&inquiry), ["01"]);
    fn items(records: &[v1::DataSetRecord], into: &mut Vec<String>) {
        for record in records {
            into.extend(record.items.iter().map(|item| item.item_code.clone()));
            items(&record.children, into);
        }
    }
    let mut given = Vec::new();
    items(&answer(&inquiry).records[0].content, &mut given);
    assert!(
        !given.is_empty() && given.iter().all(|code| *code == wanted),
        "{given:?}"
    );

    let mut flawed = registered;
    let member = &mut flawed.content[0].children[0];
    member.items[0].content = Some(v1::item::Content::Value("\u{0}".into()));
    let mut stock = ReplicaServiceClient::new(net.channel(WARD).await);
    let request = v1::RegisterReplicasRequest {
        replicas: vec![flawed],
    };
    let status = stock.register_replicas(request).await.unwrap_err();
    let at = "replicas[0].content[0].children[0].items[0].value";
    assert_eq!(told(&status).paths(), [at]);
}

#[tokio::test]
async fn the_holder_of_the_accounts_answers_with_what_it_holds() {
    let net = net::start();
    let mut request = tax_inquiry("a-1", 0);
    request.affair = TAX_AFFAIR.into();
    request.procedure = "JT01010000000001".into();
    request.details[0] = detail("a-1", &person(0, CITY), ACCOUNTS, ACCOUNT);
    let inquiry = ask(&mut net.inquiries(CITY).await, request).await;
    assert_eq!(codes(&inquiry), ["01"]);
    let registered = replicas(&net, ACCOUNTS, ACCOUNT).await.remove(0);
    let given = &answer(&inquiry).records[0];
    assert_eq!(given.content, registered.content);
    assert!(!given.content[0].items.is_empty());
}

#[tokio::test]
async fn the_provider_sees_each_request_and_how_it_ended() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut serials = Vec::new();
    for (index, code) in [(0, "01"), (1, "31"), (6, "41"), (7, "13")] {
        let inquiry = ask(&mut client, tax_inquiry(&format!("s-{index}"), index)).await;
        assert_eq!(codes(&inquiry), [code]);
        serials.push((serial_of(&inquiry), code));
    }
    let mut ward = ProvisionServiceClient::new(net.channel(WARD).await);
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListProvisionsRequest {
            page_size: 3,
            page_token,
            waiting_only: false,
        };
        let page = ward.list_provisions(request).await.unwrap().into_inner();
        assert!(page.provisions.len() <= 3);
        seen.extend(page.provisions);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), serials.len());
    for (provision, (serial, code)) in seen.iter().zip(&serials) {
        assert_eq!(&provision.processing_serial, serial);
        assert_eq!(provision.result.as_ref().unwrap().status_code, *code);
        let got = get(&mut ward, serial).await.unwrap();
        assert_eq!(got, *provision);
    }
    let mut other = ProvisionServiceClient::new(net.channel(DESIGNATED).await);
    let unknown = get(&mut other, &serials[0].0).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

async fn get(
    client: &mut ProvisionServiceClient<Channel>,
    serial: &str,
) -> Result<v1::Provision, tonic::Status> {
    let processing_serial = serial.to_owned();
    let got = client.get_provision(v1::GetProvisionRequest { processing_serial });
    Ok(got.await?.into_inner().provision.unwrap())
}

#[tokio::test]
async fn a_flag_holds_from_its_setting_to_its_end() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut ward = ProvisionServiceClient::new(net.channel(WARD).await);
    let flag = || {
        Some(NoAutoReply {
            addressee_number: person(0, WARD),
            specific_info: TAX.into(),
        })
    };
    let listed = |ward: &mut ProvisionServiceClient<Channel>| {
        let mut ward = ward.clone();
        async move {
            let request = v1::ListNoAutoReplyRequest::default();
            let listed = ward.list_no_auto_reply(request).await.unwrap();
            listed.into_inner().flags
        }
    };
    let before = listed(&mut ward).await.len();
    let set = v1::SetNoAutoReplyRequest { flag: flag() };
    ward.set_no_auto_reply(set).await.unwrap();
    let flags = listed(&mut ward).await;
    assert_eq!(flags.len(), before + 1);
    assert!(flags.contains(&flag().unwrap()), "{flags:?}");
    let held = ask(&mut client, tax_inquiry("f-1", 0)).await;
    assert_eq!(codes(&held), ["13"]);
    let clear = || v1::ClearNoAutoReplyRequest { flag: flag() };
    ward.clear_no_auto_reply(clear()).await.unwrap();
    let free = ask(&mut client, tax_inquiry("f-2", 0)).await;
    assert_eq!(codes(&free), ["01"]);
    let absent = ward.clear_no_auto_reply(clear()).await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
}

#[tokio::test]
async fn an_inquiry_for_an_institution_that_delegated_the_affair_is_answered() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut request = tax_inquiry("d-1", 0);
    request.delegator = DESIGNATED.into();
    let inquiry = ask(&mut client, request).await;
    assert_eq!(codes(&inquiry), ["01"]);
}

#[tokio::test]
async fn an_inquiry_whose_caller_goes_is_whole_or_was_never_there() {
    let net = net::start();
    for number in 0..20_u64 {
        let mut client = net.inquiries(CITY).await;
        let call = client.submit_inquiry(tax_inquiry(&format!("g-{number}"), 0));
        let patience = std::time::Duration::from_micros(number * 400);
        drop(tokio::time::timeout(patience, call).await);
    }
    let mut client = net.inquiries(CITY).await;
    let mut kept = 0;
    for number in 0..20 {
        match client
            .submit_inquiry(tax_inquiry(&format!("g-{number}"), 0))
            .await
        {
            Ok(_) => {}
            Err(status) => {
                assert_eq!(told(&status).reason, "RECORD_ID_EXISTS");
                kept += 1;
            }
        }
    }
    let listed = client.list_inquiries(v1::ListInquiriesRequest::default());
    let listed = listed.await.unwrap().into_inner().inquiries;
    assert_eq!(listed.len(), 20, "{kept} were kept");
    for inquiry in listed {
        let wait = v1::WaitInquiryRequest {
            receipt_number: inquiry.receipt_number,
            timeout: None,
        };
        let waited = client.wait_inquiry(wait).await.unwrap().into_inner();
        assert_eq!(codes(&waited.inquiry.unwrap()), ["01"]);
    }
}
