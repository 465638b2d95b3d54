//! No 個人番号 is kept or told anywhere, and no item of a replica outside the rows of its institution.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use chukan::grpc::proto::{
    sim::v1::{self as sim, population_service_client::PopulationServiceClient},
    v1::{
        self, provision_record_service_client::ProvisionRecordServiceClient,
        replica_service_client::ReplicaServiceClient, symbol_service_client::SymbolServiceClient,
    },
};
use tempfile::TempDir;
use tonic::{Status, transport::Channel};

use crate::net::{self, CITY, Net, TAX, WARD, ask, codes, person, serial_of, tax_inquiry};

const CANARY: &str = "金糸雀町カナリア七丁目四二番";

/// What was told to callers in errors.
#[derive(Default)]
struct Told(Vec<Status>);

impl Told {
    fn refused<T>(&mut self, what: &str, answer: Result<T, Status>) {
        match answer {
            Ok(_) => panic!("a 個人番号 was accepted as {what}"),
            Err(status) => self.0.push(status),
        }
    }

    /// What the errors say, and their details as they are sent.
    fn bytes(&self) -> Vec<u8> {
        let told = self.0.iter().flat_map(|status| {
            let metadata = format!("{:?}", status.metadata());
            [
                status.message().as_bytes(),
                status.details(),
                metadata.as_bytes(),
            ]
            .concat()
        });
        told.collect()
    }
}

pub(crate) fn holds_bytes(bytes: &[u8], sought: &[u8]) -> bool {
    bytes.windows(sought.len()).any(|window| window == sought)
}

fn holds(bytes: &[u8], text: &str) -> bool {
    !places(bytes, text).is_empty()
}

fn places(bytes: &[u8], text: &str) -> Vec<usize> {
    let windows = bytes.windows(text.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == text.as_bytes());
    found.map(|(at, _)| at).collect()
}

pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// A sample replica of a person with [`CANARY`] for the values that are free text.
async fn planted(client: &mut ReplicaServiceClient<Channel>) -> v1::Replica {
    let request = v1::ListReplicasRequest {
        addressee_number: person(0, WARD),
        specific_info: TAX.into(),
        ..Default::default()
    };
    let listed = client.list_replicas(request).await.unwrap().into_inner();
    let mut replica = listed.replicas.into_iter().next().unwrap();
    replica.key.as_mut().unwrap().record_key = "canary".into();
    let mut planted = 0;
    for item in replica.content.iter_mut().flat_map(|set| &mut set.items) {
        if let Some(v1::item::Content::Value(value)) = &mut item.content
            && !value.is_ascii()
        {
            *value = CANARY.into();
            planted += 1;
        }
    }
    assert!(planted > 0);
    replica
}

async fn individual_number(net: &Net, index: usize) -> String {
    let mut client = PopulationServiceClient::new(net.channel(WARD).await);
    let listed = client.list_people(sim::ListPeopleRequest::default()).await;
    let people = listed.unwrap().into_inner().people;
    people[index].individual_number.clone()
}

/// Brings a 個人番号 to the core system, lawfully and not.
async fn acquire(net: &Net, number: &str, told: &mut Told) {
    let mut symbols = SymbolServiceClient::new(net.channel(CITY).await);
    let mut population = PopulationServiceClient::new(net.channel(CITY).await);
    let addressee_number = person(11, CITY);
    let unlink = v1::UnlinkSymbolRequest {
        addressee_number: addressee_number.clone(),
        reason: v1::UnlinkReason::MovedOut.into(),
    };
    symbols.unlink_symbol(unlink).await.unwrap();
    let request = v1::RequestAcquisitionRequest { addressee_number };
    let issued = symbols.request_acquisition(request).await.unwrap();
    let bring = sim::RequestSymbolRequest {
        acquisition_serial: issued.into_inner().acquisition_serial,
        individual_number: number.into(),
    };
    population.request_symbol(bring.clone()).await.unwrap();
    told.refused("a used serial", population.request_symbol(bring).await);
    let as_serial = sim::RequestSymbolRequest {
        acquisition_serial: number.into(),
        individual_number: number.into(),
    };
    told.refused("a serial", population.request_symbol(as_serial).await);
    let with_more = sim::RequestSymbolRequest {
        acquisition_serial: "0".into(),
        individual_number: format!("{number} "),
    };
    told.refused("a long number", population.request_symbol(with_more).await);
    let request = v1::RequestAcquisitionRequest {
        addressee_number: number.into(),
    };
    let answer = symbols.request_acquisition(request).await;
    told.refused("addressee_number of an acquisition", answer);
}

type Put = fn(&mut v1::SubmitInquiryRequest, String);

/// Puts a 個人番号 into every text of an inquiry, one at a time.
async fn inquire_with(net: &Net, number: &str, told: &mut Told) {
    let places: [(&str, Put); 12] = [
        ("inquirer", |request, text| request.inquirer = text),
        ("unit_code", |request, text| request.unit_code = text),
        ("user_id", |request, text| request.user_id = text),
        ("affair", |request, text| request.affair = text),
        ("procedure", |request, text| request.procedure = text),
        ("delegator", |request, text| request.delegator = text),
        ("record_id", |request, text| {
            request.details[0].record_id = text
        }),
        ("addressee_number", |request, text| {
            request.details[0].addressee_number = text;
        }),
        ("provider", |request, text| {
            request.details[0].specific_infos[0].provider = text;
        }),
        ("provider_delegator", |request, text| {
            request.details[0].specific_infos[0].provider_delegator = text;
        }),
        ("specific_info", |request, text| {
            request.details[0].specific_infos[0].specific_info = text;
        }),
        ("items", |request, text| {
            request.details[0].specific_infos[0].items = vec![text];
        }),
    ];
    let mut client = net.inquiries(CITY).await;
    for (field, put) in places {
        let mut request = tax_inquiry(&format!("p-{field}"), 0);
        put(&mut request, number.to_owned());
        told.refused(field, client.submit_inquiry(request).await);
    }
    let receipt_number = number.to_owned();
    let request = v1::GetInquiryRequest {
        receipt_number,
        ..Default::default()
    };
    told.refused("receipt_number", client.get_inquiry(request).await);
    let request = v1::ListInquiriesRequest {
        page_token: format!("{number}?"),
        ..Default::default()
    };
    told.refused("page_token", client.list_inquiries(request).await);
    let mut request = tonic::Request::new(tax_inquiry("p-world", 0));
    let world = number.parse().unwrap();
    request.metadata_mut().insert("x-chukan-world", world);
    told.refused("a world", client.submit_inquiry(request).await);
}

type PutReplica = fn(&mut v1::Replica, String);

/// Puts a 個人番号 into the texts of a replica and of a record's name, one at a time.
async fn register_with(net: &Net, replica: &v1::Replica, number: &str, told: &mut Told) {
    let places: [(&str, PutReplica); 7] = [
        ("addressee_number", |replica, text| {
            replica.key.as_mut().unwrap().addressee_number = text;
        }),
        ("specific_info", |replica, text| {
            replica.key.as_mut().unwrap().specific_info = text;
        }),
        ("record_key", |replica, text| {
            replica.key.as_mut().unwrap().record_key = text;
        }),
        ("layout_version", |replica, text| {
            replica.layout_version = text
        }),
        ("record_date", |replica, text| replica.record_date = text),
        ("data_set_code", |replica, text| {
            replica.content[0].data_set_code = text;
        }),
        ("item_code", |replica, text| {
            replica.content[0].items[0].item_code = text;
        }),
    ];
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    for (field, put) in places {
        let mut replica = replica.clone();
        put(&mut replica, number.to_owned());
        let replicas = vec![replica];
        let request = v1::RegisterReplicasRequest { replicas };
        told.refused(field, client.register_replicas(request).await);
    }
    for item in 0..replica.content[0].items.len() {
        let mut replica = replica.clone();
        replica.content[0].items[item].content =
            Some(v1::item::Content::Value(format!("{CANARY}\u{7}{number}")));
        let replicas = vec![replica];
        let request = v1::RegisterReplicasRequest { replicas };
        told.refused("a value", client.register_replicas(request).await);
    }
    let mut records = ProvisionRecordServiceClient::new(net.channel(WARD).await);
    let request = v1::GetProvisionRecordRequest {
        processing_serial: number.into(),
    };
    told.refused("a serial", records.get_provision_record(request).await);
}

/// Asks about the planted person and about one who is held, and cancels that.
async fn exchange(net: &Net) {
    let mut client = net.inquiries(CITY).await;
    let inquiry = ask(&mut client, tax_inquiry("c-1", 0)).await;
    assert_eq!(codes(&inquiry), ["01"]);
    assert!(
        format!("{inquiry:?}").contains(CANARY),
        "the answer is not the planted one"
    );
    let held = ask(&mut client, tax_inquiry("c-2", 7)).await;
    let receipt_number = held.receipt_number;
    let request = v1::CancelInquiryRequest { receipt_number };
    client.cancel_inquiry(request).await.unwrap();
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let request = v1::GetProvisionRecordRequest {
        processing_serial: serial_of(&inquiry),
    };
    let record = records.get_provision_record(request).await.unwrap();
    assert!(!format!("{record:?}").contains(CANARY));
}

/// In the state, the planted value only stands in rows of the provider's replicas; an answer would have named layout versions.
fn only_in_replicas(file: &Path, bytes: &[u8]) -> usize {
    let found = places(bytes, CANARY);
    for at in &found {
        let before = &bytes[at.saturating_sub(4_096)..*at];
        let replica = places(before, "\"addressee\":").pop();
        let answer = places(before, "layout_versions").pop();
        assert!(
            replica.is_some() && replica > answer,
            "{} at {at}",
            file.display()
        );
        let whose = &before[replica.unwrap_or_default()..];
        let own = format!("\"addressee\":\"{}\"", person(0, WARD));
        assert!(
            whose.starts_with(own.as_bytes()),
            "{} at {at}",
            file.display()
        );
    }
    found.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_individual_number_is_kept_or_told_and_no_item_outside_the_replicas() {
    let dir = TempDir::new().unwrap();
    let (data, log) = (dir.path().join("data"), dir.path().join("log"));
    let settings = [
        "log.format=json",
        "log.filter=debug",
        "metrics.listen=127.0.0.1:0",
    ];
    let settings = settings.map(|setting| ["--set", setting]).concat();
    let mut command = net::serve(&data, &settings);
    let net = net::running(command.stderr(File::create(&log).unwrap()), &data);

    let mut told = Told::default();
    let number = individual_number(&net, 11).await;
    let mut replicas = ReplicaServiceClient::new(net.channel(WARD).await);
    let replica = planted(&mut replicas).await;
    let request = v1::RegisterReplicasRequest {
        replicas: vec![replica.clone()],
    };
    replicas.register_replicas(request).await.unwrap();
    exchange(&net).await;
    acquire(&net, &number, &mut told).await;
    inquire_with(&net, &number, &mut told).await;
    register_with(&net, &replica, &number, &mut told).await;
    let metrics = net.metrics().await;
    assert!(metrics.contains("chukan"));
    let stopping = tokio::task::spawn_blocking(move || net.stop().0);
    assert!(stopping.await.unwrap().success());

    let log = fs::read(log).unwrap();
    assert!(holds(&log, "\"level\":\"DEBUG\""));
    for (what, bytes) in [
        ("the log", log.as_slice()),
        ("the metrics", metrics.as_bytes()),
        ("the errors", &told.bytes()),
    ] {
        assert!(!holds(bytes, &number), "{what} shows a 個人番号");
        assert!(!holds(bytes, CANARY), "{what} show an item");
    }
    let (state, mut in_replicas) = (data.join("worlds/default/state"), 0);
    for file in files(&data) {
        let bytes = fs::read(&file).unwrap();
        assert!(
            !holds(&bytes, &number),
            "{} keeps a 個人番号",
            file.display()
        );
        if file.starts_with(&state) {
            in_replicas += only_in_replicas(&file, &bytes);
        } else {
            assert!(!holds(&bytes, CANARY), "{} keeps an item", file.display());
        }
    }
    assert!(in_replicas > 0, "the search finds what is there");
}
