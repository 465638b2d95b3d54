//! A business system speaks either 団体内統合宛名番号 or its own 宛名番号, as its certificate says, and never meets the other kind.

use std::{path::Path, process::Command};

use chukan::{
    grpc::proto::{
        sim::v1::{self as sim, population_service_client::PopulationServiceClient},
        v1::{
            self, addressee_service_client::AddresseeServiceClient,
            inquiry_service_client::InquiryServiceClient,
            provision_service_client::ProvisionServiceClient,
            replica_service_client::ReplicaServiceClient,
            symbol_service_client::SymbolServiceClient,
        },
    },
    sample::definitions::write_embedded,
};
use prost::Message;
use tonic::{Code, transport::Channel};

use crate::{
    canary::holds_bytes,
    net::{self, CITY, Net, PEOPLE, TAX, ask, codes, person, tax_inquiry},
    told::{echoes, told},
};

/// Speaks 宛名番号, as `institutions.toml` says.
pub(crate) const LOCAL_SYSTEM: &str = "zeimu";
/// Speaks 団体内統合宛名番号.
pub(crate) const ADDRESSEE_SYSTEM: &str = "fukushi";

pub(crate) async fn channel(net: &Net, system: &str) -> Channel {
    let issued = Command::new(env!("CARGO_BIN_EXE_chukan"))
        .args([
            "certs",
            "issue",
            "--institution",
            CITY,
            "--system",
            system,
            "--data",
        ])
        .arg(net.data())
        .output()
        .unwrap();
    assert!(issued.status.success());
    net.channel(&format!("{CITY}-{system}")).await
}

/// What the system of [`LOCAL_SYSTEM`] calls a person.
pub(crate) fn local(index: u32) -> String {
    format!("70{index:03}")
}

/// Numbers every sample person by the local system.
pub(crate) async fn number_all(net: &Net, own: &Channel) -> Vec<sim::SamplePerson> {
    let mut population = PopulationServiceClient::new(net.channel(CITY).await);
    let listed = population.list_people(sim::ListPeopleRequest::default());
    let people = listed.await.unwrap().into_inner().people;
    let mut addressees = AddresseeServiceClient::new(own.clone());
    for known in &people {
        let wanted = v1::AssignNumberRequest {
            local: Some(v1::LocalName {
                system: String::new(),
                local_number: local(known.index),
            }),
            individual_number: known.individual_number.clone(),
            four_items: Some(v1::FourItems {
                name: known.name.clone(),
                address: format!("見本町{}", known.index),
                birth_date: known.birth_date.clone(),
                sex: v1::Sex::Male.into(),
            }),
            four_items_checked: false,
        };
        let assigned = addressees.assign_number(wanted).await.unwrap().into_inner();
        assert_eq!(assigned.addressee_number, person(known.index, CITY));
    }
    people
}

/// No number by which the intermediate server knows anybody is in the message.
pub(crate) fn shows_no_addressee_number(message: &impl Message) {
    shows_none_in(&message.encode_to_vec());
}

/// The same of any bytes.
pub(crate) fn shows_none_in(bytes: &[u8]) {
    for index in 0..PEOPLE {
        let number = person(index, CITY);
        assert!(!holds_bytes(bytes, number.as_bytes()), "shows {number}");
    }
}

fn asking(record_id: &str, number: String) -> v1::SubmitInquiryRequest {
    let mut request = tax_inquiry(record_id, 0);
    request.details[0].addressee_number = number;
    request
}

#[tokio::test]
async fn an_inquiry_speaks_local_numbers_from_its_request_to_its_result_and_its_texts() {
    let net = net::start();
    let own = channel(&net, LOCAL_SYSTEM).await;
    number_all(&net, &own).await;
    let mut inquiries = InquiryServiceClient::new(own.clone());
    let inquiry = ask(&mut inquiries, asking("local-1", local(0))).await;
    assert_eq!(codes(&inquiry), ["01"]);
    assert_eq!(inquiry.details[0].addressee_number, local(0));
    shows_no_addressee_number(&inquiry);
    let mut symbols = SymbolServiceClient::new(own.clone());
    let unlink = v1::UnlinkSymbolRequest {
        addressee_number: local(10),
        reason: v1::UnlinkReason::MovedOut.into(),
    };
    symbols.unlink_symbol(unlink).await.unwrap();
    let missing = ask(&mut inquiries, asking("local-2", local(10))).await;
    assert_eq!(codes(&missing), ["35"]);
    let result = missing.details[0].specific_infos[0]
        .result
        .as_ref()
        .unwrap();
    let expected = format!("指定された宛名番号「{}」は符号が未取得です。", local(10));
    assert_eq!(result.message, expected);
    shows_no_addressee_number(&missing);
    let listed = inquiries.list_inquiries(v1::ListInquiriesRequest::default());
    shows_no_addressee_number(&listed.await.unwrap().into_inner());
    stop(net).await;
}

#[tokio::test]
async fn a_number_of_the_wrong_kind_is_refused_and_not_repeated() {
    let net = net::start();
    let own = channel(&net, LOCAL_SYSTEM).await;
    number_all(&net, &own).await;
    let mut inquiries = InquiryServiceClient::new(own);
    let refused = inquiries
        .submit_inquiry(asking("wrong-1", person(0, CITY)))
        .await;
    let status = refused.unwrap_err();
    assert_eq!(told(&status).paths(), ["details[0].addressee_number"]);
    assert!(!echoes(&status, person(0, CITY).as_bytes()));
    let mut direct = InquiryServiceClient::new(channel(&net, ADDRESSEE_SYSTEM).await);
    let refused = direct.submit_inquiry(asking("wrong-2", local(0))).await;
    let status = refused.unwrap_err();
    assert_eq!(told(&status).paths(), ["details[0].addressee_number"]);
    assert!(!echoes(&status, local(0).as_bytes()));
    let inquiry = ask(&mut direct, asking("right-1", person(0, CITY))).await;
    assert_eq!(inquiry.details[0].addressee_number, person(0, CITY));
    assert!(!holds_bytes(&inquiry.encode_to_vec(), local(0).as_bytes()));
    stop(net).await;
}

#[tokio::test]
async fn a_person_whom_the_local_system_does_not_know_has_no_number_there() {
    let net = net::start();
    let own = channel(&net, LOCAL_SYSTEM).await;
    let mut direct = InquiryServiceClient::new(channel(&net, ADDRESSEE_SYSTEM).await);
    ask(&mut direct, asking("other-1", person(0, CITY))).await;
    let mut inquiries = InquiryServiceClient::new(own);
    let listed = inquiries.list_inquiries(v1::ListInquiriesRequest::default());
    let listed = listed.await.unwrap().into_inner();
    assert_eq!(listed.inquiries[0].details[0].addressee_number, "");
    shows_no_addressee_number(&listed);
    stop(net).await;
}

#[tokio::test]
async fn a_symbol_is_acquired_followed_and_told_by_local_numbers() {
    let net = net::start();
    let own = channel(&net, LOCAL_SYSTEM).await;
    let people = number_all(&net, &own).await;
    let mut symbols = SymbolServiceClient::new(own);
    let status = |addressee_number: String| v1::GetSymbolStatusRequest { addressee_number };
    let linked = symbols.get_symbol_status(status(local(3))).await.unwrap();
    assert!(linked.into_inner().linked);
    let unlink = v1::UnlinkSymbolRequest {
        addressee_number: local(3),
        reason: v1::UnlinkReason::MovedOut.into(),
    };
    symbols.unlink_symbol(unlink).await.unwrap();
    let gone = symbols.get_symbol_status(status(local(3))).await.unwrap();
    assert!(!gone.into_inner().linked);
    let request = v1::RequestAcquisitionRequest {
        addressee_number: local(3),
    };
    let issued = symbols.request_acquisition(request).await.unwrap();
    let issued = issued.into_inner();
    shows_no_addressee_number(&issued);
    let follow = |addressee_number: String| v1::GetAcquisitionRequest { addressee_number };
    let begun = symbols.get_acquisition(follow(local(3))).await.unwrap();
    assert_eq!(begun.get_ref().state(), v1::AcquisitionState::SerialIssued);
    shows_no_addressee_number(begun.get_ref());
    let mut population = PopulationServiceClient::new(net.channel(CITY).await);
    let brought = population.request_symbol(sim::RequestSymbolRequest {
        acquisition_serial: issued.acquisition_serial,
        individual_number: people[3].individual_number.clone(),
    });
    brought.await.unwrap();
    let ended = symbols.get_acquisition(follow(local(3))).await.unwrap();
    assert_eq!(ended.get_ref().state(), v1::AcquisitionState::Linked);
    let linked = symbols.get_symbol_status(status(local(3))).await.unwrap();
    assert!(linked.into_inner().linked);

    let other = person(4, CITY);
    let request = v1::RequestAcquisitionRequest {
        addressee_number: other.clone(),
    };
    for refused in [
        symbols.request_acquisition(request).await.unwrap_err(),
        symbols
            .get_acquisition(follow(other.clone()))
            .await
            .unwrap_err(),
        symbols
            .get_symbol_status(status(other.clone()))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(told(&refused).paths(), ["addressee_number"]);
        assert!(!echoes(&refused, other.as_bytes()));
    }
    stop(net).await;
}

#[tokio::test]
async fn replicas_are_registered_listed_and_deleted_by_local_numbers() {
    let net = net::start();
    let own = channel(&net, LOCAL_SYSTEM).await;
    let people = number_all(&net, &own).await;
    let resident = people.iter().find(|known| known.home == CITY).unwrap();
    let mut replicas = ReplicaServiceClient::new(own);
    let request = v1::ListReplicasRequest {
        addressee_number: local(resident.index),
        specific_info: TAX.into(),
        page_size: 1,
        ..Default::default()
    };
    let listed = replicas.list_replicas(request).await.unwrap().into_inner();
    shows_no_addressee_number(&listed);
    let mut replica = listed.replicas.into_iter().next().unwrap();
    let key = replica.key.as_mut().unwrap();
    assert_eq!(key.addressee_number, local(resident.index));
    key.record_key = "by-local-number".into();
    let key = key.clone();
    let request = v1::RegisterReplicasRequest {
        replicas: vec![replica.clone()],
    };
    let registered = replicas.register_replicas(request).await.unwrap();
    assert_eq!(registered.into_inner().registered, 1);
    let request = v1::GetReplicaRequest {
        key: Some(key.clone()),
    };
    let got = replicas.get_replica(request.clone()).await.unwrap();
    let got = got.into_inner();
    shows_no_addressee_number(&got);
    assert_eq!(got.replica.unwrap().key, Some(key.clone()));
    let delete = v1::DeleteReplicasRequest { keys: vec![key] };
    replicas.delete_replicas(delete).await.unwrap();
    let gone = replicas.get_replica(request).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    replica.key.as_mut().unwrap().addressee_number = "999".into();
    let request = v1::RegisterReplicasRequest {
        replicas: vec![replica],
    };
    let refused = replicas.register_replicas(request).await.unwrap_err();
    assert_eq!(told(&refused).paths(), ["replicas[0].key.addressee_number"]);
    stop(net).await;
}

#[tokio::test]
async fn what_is_not_converted_is_closed_to_a_local_system() {
    let net = net::start();
    let own = channel(&net, LOCAL_SYSTEM).await;
    let mut provisions = ProvisionServiceClient::new(own.clone());
    let refused = provisions.list_provisions(v1::ListProvisionsRequest::default());
    assert_eq!(
        told(&refused.await.unwrap_err()).reason,
        "CALLER_NOT_ENTITLED"
    );
    let mut population = PopulationServiceClient::new(own);
    let refused = population.list_people(sim::ListPeopleRequest::default());
    assert_eq!(
        told(&refused.await.unwrap_err()).reason,
        "CALLER_NOT_ENTITLED"
    );
    stop(net).await;
}

async fn stop(net: Net) {
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

/// A net in which one unit and one user of the city may handle the affair of the tests.
pub(crate) fn net_with_authorities(data: &Path) -> Net {
    let definitions = data.join("definitions");
    write_embedded(&definitions).unwrap();
    let file = definitions.join("institutions.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let systems = "[institutions.systems]\nzeimu = ";
    let units = "[institutions.units]\nJM01000000121000 = [\"FUKUSHI\"]\n";
    let users = "[institutions.users]\nJM01000000121000 = [\"zeimu-01\"]\n";
    let narrowed = format!("{units}\n{users}\n{systems}");
    assert_eq!(text.matches(systems).count(), 1);
    std::fs::write(&file, text.replace(systems, &narrowed)).unwrap();
    net::start_in(data, &[])
}

#[tokio::test]
async fn the_addressee_system_asks_for_authority_before_it_looks_a_number_up() {
    let dir = tempfile::tempdir().unwrap();
    let net = net_with_authorities(dir.path());
    let mut client = InquiryServiceClient::new(channel(&net, LOCAL_SYSTEM).await);
    let mut unknown = tax_inquiry("a-1", 0);
    unknown.details[0].addressee_number = "4242".into();
    let refused = client.submit_inquiry(unknown.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(told(&refused).reason, "USER_NOT_AUTHORISED");
    unknown.user_id = "zeimu-01".into();
    let refused = client.submit_inquiry(unknown).await.unwrap_err();
    assert_eq!(told(&refused).paths(), ["details[0].addressee_number"]);
}
