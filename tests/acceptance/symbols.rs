//! A symbol request goes through three networks one server at a time, and whatever happens on the way, nobody has two symbols.

use chukan::grpc::proto::{
    sim::v1::{
        self as sim, population_service_client::PopulationServiceClient, resident_network::Pace,
        resident_network_service_client::ResidentNetworkServiceClient,
    },
    v1::{self, AcquisitionState as State, symbol_service_client::SymbolServiceClient},
};
use tonic::{Code, Status};

use crate::{
    canary::{files, holds_bytes},
    frozen::{self, InWorld},
    net::{self, CITY, Net, PEOPLE, person},
    told::told,
};

/// The city's intermediate server, its addressee system's way to the resident network, and that network's operator.
pub(crate) struct Scene {
    symbols: SymbolServiceClient<InWorld>,
    population: PopulationServiceClient<InWorld>,
    juki: ResidentNetworkServiceClient<InWorld>,
}

impl Scene {
    pub(crate) async fn new(net: &Net) -> Self {
        frozen::create(net).await;
        Self::again(net).await
    }

    pub(crate) async fn again(net: &Net) -> Self {
        Self {
            symbols: SymbolServiceClient::new(frozen::channel(net, CITY).await),
            population: PopulationServiceClient::new(frozen::channel(net, CITY).await),
            juki: ResidentNetworkServiceClient::new(frozen::channel(net, "operator").await),
        }
    }

    async fn set(&mut self, resident_network: sim::ResidentNetwork) -> Vec<u64> {
        let resident_network = Some(resident_network);
        let request = sim::SetResidentNetworkRequest { resident_network };
        let set = self.juki.set_resident_network(request).await.unwrap();
        let queues = set.into_inner().queues.into_iter();
        queues.map(|queue| queue.requests).collect()
    }

    pub(crate) async fn unlink(&mut self, index: u32) {
        let request = v1::UnlinkSymbolRequest {
            addressee_number: person(index, CITY),
            reason: v1::UnlinkReason::MovedOut.into(),
        };
        self.symbols.unlink_symbol(request).await.unwrap();
    }

    pub(crate) async fn serial(&mut self, addressee_number: String) -> String {
        let request = v1::RequestAcquisitionRequest { addressee_number };
        let issued = self.symbols.request_acquisition(request).await.unwrap();
        issued.into_inner().acquisition_serial
    }

    pub(crate) async fn number(&mut self, index: usize) -> String {
        let listed = self
            .population
            .list_people(sim::ListPeopleRequest::default());
        let people = listed.await.unwrap().into_inner().people;
        people[index].individual_number.clone()
    }

    pub(crate) async fn bring(&mut self, serial: &str, number: &str) -> Result<(), Status> {
        let request = sim::RequestSymbolRequest {
            acquisition_serial: serial.to_owned(),
            individual_number: number.to_owned(),
        };
        self.population.request_symbol(request).await.map(drop)
    }

    /// Unlinks a person, requests an acquisition and brings it to the resident network.
    pub(crate) async fn begin(&mut self, index: u32) -> String {
        self.unlink(index).await;
        let serial = self.serial(person(index, CITY)).await;
        let number = self.number(index as usize).await;
        self.bring(&serial, &number).await.unwrap();
        serial
    }

    pub(crate) async fn state(&mut self, addressee_number: &str) -> State {
        let addressee_number = addressee_number.to_owned();
        let request = v1::GetAcquisitionRequest { addressee_number };
        let got = self.symbols.get_acquisition(request).await.unwrap();
        got.into_inner().state()
    }
}

fn paced(pace: Pace) -> sim::ResidentNetwork {
    sim::ResidentNetwork {
        pace: Some(pace),
        ..Default::default()
    }
}

fn minutes(minutes: i64) -> Pace {
    Pace::After(prost_types::Duration {
        seconds: minutes * 60,
        nanos: 0,
    })
}

#[tokio::test]
async fn each_question_shows_the_next_server() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    scene.set(paced(Pace::AfterPolls(1))).await;
    let serial = scene.begin(11).await;
    let who = person(11, CITY);
    for expected in [
        State::AtPrefecturalServer,
        State::AtNationalServer,
        State::AtCoreSystem,
        State::Linked,
        State::Linked,
    ] {
        assert_eq!(scene.state(&who).await, expected);
    }
    let number = scene.number(11).await;
    let again = scene.bring(&serial, &number).await;
    assert_eq!(
        told(&again.unwrap_err()).reason,
        "ACQUISITION_SERIAL_UNKNOWN"
    );
    stop(net).await;
}

#[tokio::test]
async fn a_delay_is_the_worlds_time_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut scene = Scene::new(&net).await;
    scene.set(paced(minutes(60))).await;
    scene.begin(11).await;
    let who = person(11, CITY);
    assert_eq!(scene.state(&who).await, State::AtCommunicationServer);
    frozen::set_hour(&net, 1).await;
    assert_eq!(scene.state(&who).await, State::AtPrefecturalServer);
    drop(scene);
    net.kill();
    let net = net::start_in(dir.path(), &[]);
    let mut scene = Scene::again(&net).await;
    for (hour, expected) in [
        (1, State::AtPrefecturalServer),
        (2, State::AtNationalServer),
        (3, State::AtCoreSystem),
        (4, State::Linked),
    ] {
        frozen::set_hour(&net, hour).await;
        assert_eq!(scene.state(&who).await, expected);
    }
    stop(net).await;
}

#[tokio::test]
async fn a_server_that_is_down_holds_up_what_is_before_it() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let down = |station: sim::Station| sim::ResidentNetwork {
        down: vec![station.into()],
        ..Default::default()
    };
    let at_national = scene.set(down(sim::Station::NationalServer)).await;
    assert_eq!(at_national, [0, 0, 0, 0]);
    scene.begin(11).await;
    let who = person(11, CITY);
    assert_eq!(scene.state(&who).await, State::AtPrefecturalServer);
    assert_eq!(
        scene.set(down(sim::Station::CoreSystem)).await,
        [0, 0, 1, 0]
    );
    assert_eq!(scene.state(&who).await, State::AtNationalServer);
    assert_eq!(scene.set(sim::ResidentNetwork::default()).await, [0; 4]);
    assert_eq!(scene.state(&who).await, State::Linked);
    scene.set(down(sim::Station::CommunicationServer)).await;
    scene.unlink(11).await;
    let serial = scene.serial(who).await;
    let number = scene.number(11).await;
    let refused = scene.bring(&serial, &number).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(told(&refused).reason, "RESIDENT_NETWORK_DOWN");
    stop(net).await;
}

#[tokio::test]
async fn outside_its_hours_the_resident_network_takes_nothing_and_moves_nothing() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    // It is 09:00 in Japan when the world begins.
    let hours = |from: &str, until: &str| sim::ResidentNetwork {
        pace: Some(minutes(1)),
        open_from: from.into(),
        open_until: until.into(),
        ..Default::default()
    };
    scene.set(hours("08:30", "09:30")).await;
    scene.begin(11).await;
    let who = person(11, CITY);
    frozen::set_hour(&net, 2).await;
    assert_eq!(scene.state(&who).await, State::AtCommunicationServer);
    scene.unlink(10).await;
    let serial = scene.serial(person(10, CITY)).await;
    let number = scene.number(10).await;
    let refused = scene.bring(&serial, &number).await.unwrap_err();
    assert_eq!(told(&refused).reason, "RESIDENT_NETWORK_CLOSED");
    scene.set(hours("08:30", "17:00")).await;
    assert_eq!(scene.state(&who).await, State::AtPrefecturalServer);
    stop(net).await;
}

#[tokio::test]
async fn an_unknown_a_changed_and_a_doubled_person_end_without_a_symbol() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let old = scene.number(11).await;
    let request = sim::ChangeIndividualNumberRequest { person_index: 11 };
    let changed = scene.juki.change_individual_number(request).await.unwrap();
    let new = changed.into_inner().individual_number;
    assert_eq!(scene.number(11).await, new);
    let linked = person(11, CITY);
    assert_eq!(scene.state(&linked).await, State::Linked);
    scene.unlink(11).await;
    for (number, expected) in [
        (old, State::NumberChanged),
        ("123456789018".to_owned(), State::PersonUnknown),
        (new.clone(), State::Linked),
    ] {
        let serial = scene.serial(linked.clone()).await;
        scene.bring(&serial, &number).await.unwrap();
        assert_eq!(scene.state(&linked).await, expected);
    }
    let second = "000000000000077".to_owned();
    let serial = scene.serial(second.clone()).await;
    scene.bring(&serial, &new).await.unwrap();
    assert_eq!(scene.state(&second).await, State::LinkedElsewhere);
    assert_eq!(scene.state(&linked).await, State::Linked);
    let nobody = sim::ChangeIndividualNumberRequest {
        person_index: PEOPLE,
    };
    let refused = scene.juki.change_individual_number(nobody).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
    stop(net).await;
}

#[tokio::test]
async fn a_symbol_delivered_twice_and_one_that_comes_too_late_change_nothing() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    scene
        .set(sim::ResidentNetwork {
            delivers_twice: true,
            ..Default::default()
        })
        .await;
    scene.begin(11).await;
    let who = person(11, CITY);
    assert_eq!(scene.state(&who).await, State::Linked);
    scene.set(paced(minutes(60 * 30))).await;
    scene.begin(10).await;
    frozen::set_hour(&net, 31).await;
    frozen::set_hour(&net, 200).await;
    frozen::set_hour(&net, 400).await;
    frozen::set_hour(&net, 600).await;
    assert_eq!(scene.state(&person(10, CITY)).await, State::Expired);
    assert_eq!(scene.set(sim::ResidentNetwork::default()).await, [0; 4]);
    stop(net).await;
}

#[tokio::test]
async fn a_serial_and_a_number_are_in_no_file_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut scene = Scene::new(&net).await;
    scene.set(paced(Pace::AfterPolls(1))).await;
    let serial = scene.begin(11).await;
    let number = scene.number(11).await;
    let raw = data_encoding::HEXLOWER.decode(serial.as_bytes()).unwrap();
    let who = person(11, CITY);
    for expected in [
        State::AtPrefecturalServer,
        State::AtNationalServer,
        State::AtCoreSystem,
        State::Linked,
    ] {
        for file in files(dir.path()) {
            let bytes = std::fs::read(&file).unwrap();
            let told = file.display();
            assert!(
                !holds_bytes(&bytes, serial.as_bytes()),
                "{told} keeps a serial"
            );
            assert!(!holds_bytes(&bytes, &raw), "{told} keeps a serial");
            assert!(
                !holds_bytes(&bytes, number.as_bytes()),
                "{told} keeps a number"
            );
        }
        assert_eq!(scene.state(&who).await, expected);
    }
    let found = files(dir.path()).iter().any(|file| {
        let bytes = std::fs::read(file).unwrap();
        holds_bytes(&bytes, who.as_bytes())
    });
    assert!(found, "the search finds what is there");
    stop(net).await;
}

#[tokio::test]
async fn a_setting_that_makes_no_sense_and_a_caller_without_right_are_refused() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let wrong = sim::ResidentNetwork {
        pace: Some(Pace::AfterPolls(0)),
        open_from: "25:00".into(),
        open_until: "09:00".into(),
        down: vec![0],
        delivers_twice: false,
    };
    let request = sim::SetResidentNetworkRequest {
        resident_network: Some(wrong),
    };
    let refused = scene.juki.set_resident_network(request.clone()).await;
    let told = told(&refused.unwrap_err());
    assert_eq!(told.paths(), ["after_polls", "open_from", "down"]);
    let channel = frozen::channel(&net, CITY).await;
    let mut city = ResidentNetworkServiceClient::new(channel);
    let refused = city.set_resident_network(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    stop(net).await;
}

pub(crate) async fn stop(net: Net) {
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn the_command_line_shows_a_person_and_how_the_acquisition_stands() {
    let net = net::start();
    let chukan = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_chukan"))
            .args(words)
            .args(["--server", net.address(), "--institution", CITY, "--data"])
            .arg(net.data())
            .output();
        let output = output.unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let who = person(11, CITY);
    let (done, shown) = chukan(&["people", "show", "11"]);
    assert!(done && shown.starts_with("11 ") && shown.contains(&who));
    let (done, found) = chukan(&["people", "find", &who]);
    assert!(done && found == shown);
    let (done, _) = chukan(&["people", "show", &PEOPLE.to_string()]);
    assert!(!done);
    let (done, status) = chukan(&["symbols", "status", &who]);
    assert!(done && status == format!("{who}  符号を取得しました。\n"));
    stop(net).await;
}
