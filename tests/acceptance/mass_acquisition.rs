//! The symbols of many people are acquired at once: killed, cancelled or interrupted, in the end everybody has one symbol.

use std::{env, path::Path};

use chukan::grpc::proto::{
    sim::v1::{
        self as sim, population_service_client::PopulationServiceClient,
        resident_network_service_client::ResidentNetworkServiceClient,
    },
    v1::{
        self, AcquisitionState as State, MassAcquisitionState as MassState,
        addressee_service_client::AddresseeServiceClient,
    },
};
use tempfile::TempDir;
use tonic::{Code, transport::Channel};

use crate::{
    net::{self, CITY, Net, PEOPLE, person},
    told::told,
};

type Client = AddresseeServiceClient<Channel>;

/// How many people; `CHUKAN_MASS_PEOPLE=100000` is the whole size.
fn people() -> u32 {
    let wanted = env::var("CHUKAN_MASS_PEOPLE").ok();
    wanted.map_or(3_000, |wanted| wanted.parse().unwrap())
}

fn start(data: &Path, people: u32) -> Net {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chukan"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(["--people", &people.to_string()])
        .args(["--set", "log.filter=warn"])
        .stdout(std::process::Stdio::piped());
    net::running(&mut command, data)
}

async fn client(net: &Net) -> Client {
    AddresseeServiceClient::new(net.channel(CITY).await)
}

async fn number(net: &Net, first: u32, count: u32) -> Result<(), tonic::Status> {
    let mut population = PopulationServiceClient::new(net.channel(CITY).await);
    let request = sim::NumberPeopleRequest {
        system: "jumin".into(),
        first,
        count,
        unlink: true,
    };
    population.number_people(request).await.map(drop)
}

async fn set(net: &Net, resident_network: sim::ResidentNetwork) -> Vec<u64> {
    let mut juki = ResidentNetworkServiceClient::new(net.channel("operator").await);
    let resident_network = Some(resident_network);
    let request = sim::SetResidentNetworkRequest { resident_network };
    let set = juki.set_resident_network(request).await.unwrap();
    let queues = set.into_inner().queues.into_iter();
    queues.map(|queue| queue.requests).collect()
}

fn down() -> sim::ResidentNetwork {
    sim::ResidentNetwork {
        down: vec![sim::Station::CommunicationServer.into()],
        ..Default::default()
    }
}

async fn get(client: &mut Client) -> (v1::MassAcquisition, Vec<(State, u64)>) {
    let request = v1::GetMassAcquisitionRequest {};
    let got = client.get_mass_acquisition(request).await.unwrap();
    let got = got.into_inner();
    let people = got.people.iter().map(|of| (of.state(), of.people));
    (got.mass_acquisition.unwrap(), people.collect())
}

async fn reason(client: &mut Client, request: v1::AcquireSymbolsRequest) -> String {
    told(&client.acquire_symbols(request).await.unwrap_err()).reason
}

fn count(count: u64) -> v1::AcquireSymbolsRequest {
    v1::AcquireSymbolsRequest {
        count,
        ..Default::default()
    }
}

/// Begins or follows a mass acquisition until so many people were looked at, or it has ended.
async fn follow(client: &mut Client, until: u64) {
    let begun = client.acquire_symbols(v1::AcquireSymbolsRequest::default());
    let mut told = begun.await.unwrap().into_inner();
    while let Some(far) = told.message().await.unwrap() {
        if far.done >= until {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twice_and_cancelled_once_everybody_has_one_symbol_and_no_serial_is_left() {
    let dir = TempDir::new().unwrap();
    let people = people();
    let net = start(dir.path(), people);
    number(&net, 0, people).await.unwrap();
    // The second time nobody is numbered anew.
    number(&net, 0, people.min(50)).await.unwrap();
    follow(&mut client(&net).await, 0).await;
    net.kill();

    let net = start(dir.path(), people);
    set(&net, down()).await;
    let mut city = client(&net).await;
    assert_eq!(get(&mut city).await.0.state(), MassState::Running);
    assert_eq!(
        reason(&mut city, count(1)).await,
        "MASS_ACQUISITION_RUNNING"
    );
    let cancel = v1::CancelMassAcquisitionRequest {};
    let cancelled = city.cancel_mass_acquisition(cancel).await.unwrap();
    let cancelled = cancelled.into_inner().mass_acquisition.unwrap();
    assert_eq!(cancelled.state(), MassState::Cancelled);
    assert!(cancelled.ended_at.is_some() && cancelled.done < cancelled.of);
    let again = city.cancel_mass_acquisition(cancel).await.unwrap_err();
    assert_eq!(told(&again).reason, "MASS_ACQUISITION_ENDED");
    let refused = reason(&mut city, v1::AcquireSymbolsRequest::default()).await;
    assert_eq!(refused, "RESIDENT_NETWORK_DOWN");

    set(&net, sim::ResidentNetwork::default()).await;
    follow(&mut city, 1_000).await;
    set(&net, down()).await;
    let (midway, _) = get(&mut city).await;
    assert_eq!(midway.state(), MassState::Running);
    assert!(midway.done < midway.of, "{midway:?}");
    net.kill();
    let net = start(dir.path(), people);
    let mut city = client(&net).await;
    assert_eq!(get(&mut city).await.0.state(), MassState::Running);
    set(&net, sim::ResidentNetwork::default()).await;
    let (ended, stand) = loop {
        let (mass, stand) = get(&mut city).await;
        if mass.state() != MassState::Running {
            break (mass, stand);
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((ended.state(), ended.done), (MassState::Ended, ended.of));
    assert_eq!(stand, [(State::Linked, ended.of)]);
    let rest = set(&net, sim::ResidentNetwork::default()).await;
    assert_eq!(rest, [0; 4]);
    follow(&mut city, u64::MAX).await;
    assert_eq!(get(&mut city).await.0.of, 0, "nobody is without a symbol");
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn a_list_and_a_count_choose_people_and_each_state_is_counted() {
    let net = net::start();
    let mut city = client(&net).await;
    let none = city.get_mass_acquisition(v1::GetMassAcquisitionRequest {});
    assert_eq!(none.await.unwrap_err().code(), Code::NotFound);
    let beyond = number(&net, 20, PEOPLE).await.unwrap_err();
    assert_eq!(beyond.code(), Code::NotFound);
    number(&net, 10, 10).await.unwrap();
    set(
        &net,
        sim::ResidentNetwork {
            pace: Some(sim::resident_network::Pace::AfterPolls(1)),
            ..Default::default()
        },
    )
    .await;
    let named = |numbers: &[String]| v1::AcquireSymbolsRequest {
        addressee_numbers: numbers.to_vec(),
        count: 0,
    };
    let refused = city
        .acquire_symbols(named(&[person(10, CITY), "000000000000077".into()]))
        .await
        .unwrap_err();
    assert_eq!(told(&refused).paths(), ["addressee_numbers[1]"]);
    // The same number twice is one person.
    let twice = named(&[person(10, CITY), person(11, CITY), person(10, CITY)]);
    for (request, of) in [(twice, 2), (count(5), 5)] {
        let begun = city.acquire_symbols(request).await.unwrap();
        let mut told = begun.into_inner();
        while told.message().await.unwrap().is_some() {}
        let (mass, stand) = get(&mut city).await;
        assert_eq!((mass.done, mass.of), (of, of));
        assert_eq!(stand, [(State::AtCommunicationServer, of)]);
    }
    assert_eq!(set(&net, sim::ResidentNetwork::default()).await, [0; 4]);
    assert_eq!(get(&mut city).await.1, [(State::Linked, 5)]);
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn the_command_line_acquires_and_tells_how_everybody_stands() {
    let net = net::start();
    let chukan = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_chukan"))
            .args(words)
            .args(["--server", net.address(), "--institution", CITY, "--data"])
            .arg(net.data())
            .output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    assert!(!chukan(&["symbols", "acquire"]).0, "whom?");
    assert!(!chukan(&["symbols", "progress"]).0, "there was none");
    let numbered = chukan(&[
        "people", "number", "--system", "jumin", "--count", "24", "--unlink",
    ]);
    assert!(numbered.0, "{}", numbered.1);
    let (done, said) = chukan(&["symbols", "acquire", "--all", "--count", "20"]);
    assert!(
        done && said.contains("20/20人") && said.contains("取得済み  20人"),
        "{said}"
    );
    let (done, again) = chukan(&["symbols", "progress"]);
    assert!(done && again == said);
    let (done, said) = chukan(&["symbols", "cancel"]);
    assert!(!done && said.contains("既に終了しています"), "{said}");
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
