//! The addressee system numbers people in front of the intermediate server, and a 個人番号 stays inside it.

use std::process::Command;

use chukan::grpc::proto::{
    sim::v1::{self as sim, population_service_client::PopulationServiceClient},
    v1::{
        self, AcquisitionState as State, NumberedAs,
        addressee_service_client::AddresseeServiceClient, get_addressee_request::By,
        symbol_service_client::SymbolServiceClient,
    },
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    canary::{files, holds_bytes},
    net::{self, CITY, KEY_CITY, Net, person},
    told::told,
};

/// A number that nobody of the population has.
pub(crate) const STRANGER: &str = "123456789018";

pub(crate) struct Scene {
    pub(crate) net: Net,
    pub(crate) addressees: AddresseeServiceClient<Channel>,
    pub(crate) people: Vec<sim::SamplePerson>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::on(net::start()).await
    }

    async fn on(net: Net) -> Self {
        let channel = net.channel(CITY).await;
        let mut population = PopulationServiceClient::new(channel.clone());
        let listed = population.list_people(sim::ListPeopleRequest::default());
        Self {
            people: listed.await.unwrap().into_inner().people,
            addressees: AddresseeServiceClient::new(channel),
            net,
        }
    }

    pub(crate) fn wanted(
        &self,
        index: usize,
        system: &str,
        number: &str,
    ) -> v1::AssignNumberRequest {
        let person = &self.people[index];
        v1::AssignNumberRequest {
            local: local(system, number),
            individual_number: person.individual_number.clone(),
            four_items: Some(v1::FourItems {
                name: person.name.clone(),
                address: "見本町1丁目2番3号".into(),
                birth_date: person.birth_date.clone(),
                sex: v1::Sex::Female.into(),
            }),
            four_items_checked: false,
        }
    }

    pub(crate) async fn assign(
        &mut self,
        wanted: v1::AssignNumberRequest,
    ) -> Result<v1::AssignNumberResponse, Status> {
        let assigned = self.addressees.assign_number(wanted).await;
        assigned.map(tonic::Response::into_inner)
    }

    async fn reason(&mut self, wanted: v1::AssignNumberRequest) -> String {
        told(&self.assign(wanted).await.unwrap_err()).reason
    }

    pub(crate) async fn get(&mut self, by: By, reveal: bool) -> Result<v1::Addressee, Status> {
        let request = v1::GetAddresseeRequest {
            by: Some(by),
            reveal,
        };
        let got = self.addressees.get_addressee(request).await;
        got.map(|got| got.into_inner().addressee.unwrap())
    }

    pub(crate) async fn convert(
        &mut self,
        system: &str,
        locals: &[&str],
        addressees: &[&str],
    ) -> Vec<Vec<String>> {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        let request = v1::ConvertNumbersRequest {
            system: system.into(),
            local_numbers: texts(locals),
            addressee_numbers: texts(addressees),
        };
        let converted = self.addressees.convert_numbers(request).await.unwrap();
        let numbers = converted.into_inner().numbers.into_iter();
        numbers.map(|number| number.to).collect()
    }

    pub(crate) async fn is_linked(&self, who: &str) -> bool {
        let mut symbols = SymbolServiceClient::new(self.net.channel(CITY).await);
        let addressee_number = who.to_owned();
        let request = v1::GetSymbolStatusRequest { addressee_number };
        let status = symbols.get_symbol_status(request).await.unwrap();
        status.into_inner().linked
    }

    pub(crate) async fn remove(&mut self, who: &str) {
        self.remove_as(who, v1::UnlinkReason::MovedOut).await;
    }

    pub(crate) async fn remove_as(&mut self, who: &str, reason: v1::UnlinkReason) {
        let request = v1::RemoveAddresseeRequest {
            addressee_number: who.to_owned(),
            reason: reason.into(),
        };
        self.addressees.remove_addressee(request).await.unwrap();
    }

    /// How many uses of a 個人番号 are on record.
    fn uses(&self) -> usize {
        self.recorded(b"individual_number_used")
    }

    /// How often this stands in the ledger.
    fn recorded(&self, sought: &[u8]) -> usize {
        let segments = files(&self.net.ledger());
        let counts = segments.iter().map(|file| {
            let bytes = std::fs::read(file).unwrap();
            bytes
                .windows(sought.len())
                .filter(|part| *part == sought)
                .count()
        });
        counts.sum()
    }

    pub(crate) async fn stop(self) {
        let Self { net, .. } = self;
        tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
    }
}

fn local(system: &str, number: &str) -> Option<v1::LocalName> {
    Some(v1::LocalName {
        system: system.into(),
        local_number: number.into(),
    })
}

pub(crate) fn by_local(system: &str, number: &str) -> By {
    By::Local(local(system, number).unwrap())
}

#[tokio::test]
async fn a_person_is_numbered_once_whichever_system_asks() {
    let mut scene = Scene::new().await;
    let who = person(10, CITY);
    for (system, number, expected) in [
        ("tax", "1", NumberedAs::New),
        ("tax", "1", NumberedAs::Known),
        ("welfare", "900", NumberedAs::Linked),
    ] {
        let assigned = scene
            .assign(scene.wanted(10, system, number))
            .await
            .unwrap();
        assert_eq!(assigned.addressee_number, who);
        assert_eq!(assigned.numbered_as(), expected);
        assert_eq!(assigned.acquisition(), State::Linked);
    }
    let wanted = scene.wanted(10, "tax", "2");
    assert_eq!(scene.reason(wanted).await, "INDIVIDUAL_NUMBER_HELD");
    let wanted = scene.wanted(11, "tax", "1");
    assert_eq!(scene.reason(wanted).await, "LOCAL_NUMBER_TAKEN");
    let mut alike = scene.wanted(10, "tax", "3");
    alike.individual_number = STRANGER.into();
    assert_eq!(scene.reason(alike.clone()).await, "SAME_FOUR_ITEMS");
    alike.four_items_checked = true;
    let stranger = scene.assign(alike).await.unwrap();
    assert_eq!(stranger.numbered_as(), NumberedAs::New);
    assert_eq!(stranger.acquisition(), State::PersonUnknown);
    scene.stop().await;
}

#[tokio::test]
async fn numbers_are_converted_both_ways_and_only_inside_the_institution() {
    let mut scene = Scene::new().await;
    let who = scene.assign(scene.wanted(10, "tax", "77")).await.unwrap();
    let who = who.addressee_number;
    let converted = scene
        .convert("tax", &["77", "78"], &[&who, &person(11, CITY)])
        .await;
    assert_eq!(
        converted,
        [vec![who.clone()], vec![], vec!["77".into()], vec![]]
    );
    assert_eq!(
        scene.convert("welfare", &["77"], &[&who]).await,
        [[""; 0]; 2]
    );
    let channel = scene.net.channel(KEY_CITY).await;
    let mut elsewhere = AddresseeServiceClient::new(channel);
    let request = v1::GetAddresseeRequest {
        by: Some(by_local("tax", "77")),
        reveal: false,
    };
    let refused = elsewhere.get_addressee(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    scene.stop().await;
}

#[tokio::test]
async fn every_use_of_a_number_is_on_record_and_the_number_in_no_file() {
    let mut scene = Scene::new().await;
    let wanted = scene.wanted(10, "tax", "1");
    let number = wanted.individual_number.clone();
    assert_eq!(scene.uses(), 0);
    let who = scene.assign(wanted).await.unwrap().addressee_number;
    assert_eq!(scene.uses(), 1, "assigned");
    let plain = scene
        .get(By::AddresseeNumber(who.clone()), false)
        .await
        .unwrap();
    assert!(plain.individual_number.is_empty() && plain.four_items.is_none());
    assert_eq!(scene.uses(), 1, "nothing was shown");
    let shown = scene
        .get(By::AddresseeNumber(who.clone()), true)
        .await
        .unwrap();
    assert_eq!(shown.individual_number, number);
    assert_eq!(scene.uses(), 2, "shown");
    scene
        .get(By::IndividualNumber(number.clone()), false)
        .await
        .unwrap();
    assert_eq!(scene.uses(), 3, "searched");
    let nobody = scene.get(By::IndividualNumber(STRANGER.into()), false);
    assert_eq!(nobody.await.unwrap_err().code(), Code::NotFound);
    assert_eq!(scene.uses(), 4, "searched in vain");
    scene.remove(&who).await;
    scene.assign(scene.wanted(10, "tax", "1")).await.unwrap();
    assert_eq!(scene.uses(), 6, "assigned and sent to the resident network");
    let address = "見本町1丁目2番3号";
    for file in files(scene.net.data()) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in [number.as_str(), address] {
            assert!(
                !holds_bytes(&bytes, secret.as_bytes()),
                "{}",
                file.display()
            );
        }
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_business_system_speaks_for_itself_only() {
    let scene = Scene::new().await;
    let issued = Command::new(env!("CARGO_BIN_EXE_chukan"))
        .args([
            "certs",
            "issue",
            "--institution",
            CITY,
            "--system",
            "tax",
            "--data",
        ])
        .arg(scene.net.data())
        .output()
        .unwrap();
    assert!(issued.status.success());
    let channel = scene.net.channel(&format!("{CITY}-tax")).await;
    let mut tax = AddresseeServiceClient::new(channel);
    let unnamed = scene.wanted(10, "", "1");
    tax.assign_number(unnamed).await.unwrap();
    let used = br#""individual_number_used","purpose":"assigned","system":"tax""#;
    assert_eq!(scene.recorded(used), 1);
    let other = scene.wanted(11, "welfare", "1");
    let refused = told(&tax.assign_number(other).await.unwrap_err());
    assert_eq!(refused.paths(), ["local.system"]);
    scene.stop().await;
}

#[tokio::test]
async fn what_is_missing_or_malformed_is_named_and_no_value_is_repeated() {
    let mut scene = Scene::new().await;
    let wrong = v1::AssignNumberRequest {
        local: local("Tax", STRANGER),
        individual_number: "123456789012".into(),
        four_items: Some(v1::FourItems {
            birth_date: "1990-02-30".into(),
            ..Default::default()
        }),
        four_items_checked: false,
    };
    let refused = scene.assign(wrong).await.unwrap_err();
    assert!(!crate::told::echoes(&refused, b"123456789012"));
    assert!(!crate::told::echoes(&refused, STRANGER.as_bytes()));
    let expected = [
        "local.system",
        "local.local_number",
        "individual_number",
        "four_items.name",
        "four_items.address",
        "four_items.birth_date",
        "four_items.sex",
    ];
    assert_eq!(told(&refused).paths(), expected);
    scene.stop().await;
}
