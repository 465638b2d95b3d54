//! The portal: a person, named by a token that no institution knows them by, sees the exchanges about them and nobody else's.

use std::collections::BTreeSet;

use chukan::grpc::proto::{
    sim::v1::{ListPeopleRequest, population_service_client::PopulationServiceClient},
    v1::{
        ListOwnRecordsRequest, OwnRecord, SetNondisclosureRequest,
        portal_service_client::PortalServiceClient,
        provision_record_service_client::ProvisionRecordServiceClient,
    },
};
use tonic::{Code, transport::Channel};

use crate::{
    net::{self, CITY, Net, TAX, TAX_AFFAIR, TAX_PROCEDURE, WARD, ask, serial_of, tax_inquiry},
    told::told,
};

/// The portal's side of a world.
pub(crate) async fn portal(net: &Net) -> PortalServiceClient<Channel> {
    PortalServiceClient::new(net.channel("portal").await)
}

/// What the portal names a sample person by.
pub(crate) async fn token(net: &Net, index: u32) -> String {
    let mut people = PopulationServiceClient::new(net.channel("operator").await);
    let listed = people.list_people(ListPeopleRequest::default()).await;
    let person = &listed.unwrap().into_inner().people[index as usize];
    assert_eq!(person.index, index);
    person.portal_token.clone()
}

/// All pages of a person's records.
pub(crate) async fn records(net: &Net, request: ListOwnRecordsRequest) -> Vec<OwnRecord> {
    let (mut portal, mut request, mut found) = (portal(net).await, request, Vec::new());
    loop {
        let page = portal.list_own_records(request.clone()).await.unwrap();
        let page = page.into_inner();
        found.extend(page.records);
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

pub(crate) fn of(portal_token: &str) -> ListOwnRecordsRequest {
    ListOwnRecordsRequest {
        portal_token: portal_token.to_owned(),
        ..Default::default()
    }
}

async fn mark(net: &Net, institution: &str, serial: &str, nondisclosure: bool) {
    let mut records = ProvisionRecordServiceClient::new(net.channel(institution).await);
    let request = SetNondisclosureRequest {
        processing_serial: serial.to_owned(),
        nondisclosure,
    };
    records.set_nondisclosure(request).await.unwrap();
}

#[tokio::test]
async fn only_the_portal_is_served_and_only_for_a_token_that_is_somebodys() {
    let net = net::start();
    let token = token(&net, 0).await;
    for who in [CITY, WARD, "operator"] {
        let mut client = PortalServiceClient::new(net.channel(who).await);
        let status = client.list_own_records(of(&token)).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(told(&status).reason, "CALLER_NOT_ENTITLED");
    }
    let mut people = PopulationServiceClient::new(net.channel("portal").await);
    let status = people.list_people(ListPeopleRequest::default()).await;
    assert_eq!(told(&status.unwrap_err()).reason, "CALLER_NOT_ENTITLED");

    let (head, tail) = token.split_at(20);
    let other = if tail.starts_with('A') { 'B' } else { 'A' };
    let altered = format!("{head}{other}{}", &tail[1..]);
    let mut portal = portal(&net).await;
    for wrong in [
        "",
        "PT",
        head,
        &altered,
        &token.to_lowercase(),
        &format!("{token}A"),
        "123456789018",
    ] {
        let status = portal.list_own_records(of(wrong)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{wrong}");
        let told = told(&status);
        assert_eq!(told.reason, "PORTAL_TOKEN_UNKNOWN");
        assert!(!format!("{status:?}").contains(tail));
    }
    assert!(portal.list_own_records(of(&token)).await.is_ok());
}

#[tokio::test]
async fn a_person_sees_each_exchange_once_with_both_institutions() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    let mut serials = BTreeSet::new();
    for record_id in ["p-1", "p-2", "p-3"] {
        let inquiry = ask(&mut inquiries, tax_inquiry(record_id, 0)).await;
        serials.insert(serial_of(&inquiry));
    }
    ask(&mut inquiries, tax_inquiry("p-other", 6)).await;
    let token = token(&net, 0).await;
    let mut request = of(&token);
    request.page_size = 1;
    let shown = records(&net, request).await;
    let named: Vec<_> = shown.iter().map(|r| r.processing_serial.clone()).collect();
    assert_eq!(named.len(), 3);
    assert_eq!(BTreeSet::from_iter(named), serials);
    let record = &shown[0];
    assert_eq!((&*record.inquirer, &*record.provider), (CITY, WARD));
    assert_eq!(
        (&*record.inquirer_name, &*record.provider_name),
        ("あさひ野市", "みなも区")
    );
    assert_eq!(
        (&*record.affair, &*record.procedure),
        (TAX_AFFAIR, TAX_PROCEDURE)
    );
    assert_eq!(record.specific_info, TAX);
    assert_eq!(record.result.as_ref().unwrap().status_code, "01");
    assert!(record.requested_at.is_some() && record.provided_at.is_some());

    for (institution, affair, specific_info, count) in [
        (CITY, "", "", 3),
        (WARD, TAX_AFFAIR, TAX, 3),
        (net::ACCOUNTS, "", "", 0),
        ("", "JM90000000000003", "", 0),
        ("", "", "TM90000000000003", 0),
    ] {
        let request = ListOwnRecordsRequest {
            institution: institution.to_owned(),
            affair: affair.to_owned(),
            specific_info: specific_info.to_owned(),
            ..of(&token)
        };
        assert_eq!(records(&net, request).await.len(), count);
    }

    let mut portal = portal(&net).await;
    let malformed = ListOwnRecordsRequest {
        institution: "1".into(),
        affair: "x".into(),
        result: 99,
        ..of(&token)
    };
    let status = portal.list_own_records(malformed).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(told(&status).paths(), ["result", "institution", "affair"]);
    for page_token in ["x", "9900000000001100", "9900000000001100?"] {
        let request = ListOwnRecordsRequest {
            page_token: page_token.to_owned(),
            ..of(&token)
        };
        let status = portal.list_own_records(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{page_token}");
    }
}

#[tokio::test]
async fn what_either_side_marks_is_not_shown() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    let serial = serial_of(&ask(&mut inquiries, tax_inquiry("n-1", 0)).await);
    let token = token(&net, 0).await;
    for institution in [CITY, WARD] {
        assert_eq!(records(&net, of(&token)).await.len(), 1);
        mark(&net, institution, &serial, true).await;
        assert_eq!(records(&net, of(&token)).await.len(), 0, "{institution}");
        mark(&net, institution, &serial, false).await;
    }
    let mut hidden = tax_inquiry("n-2", 0);
    hidden.details[0].nondisclosure = true;
    ask(&mut inquiries, hidden).await;
    let shown = records(&net, of(&token)).await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].processing_serial, serial);
}
