//! 本人確認情報: a municipality tells of its residents, entitled institutions look them up, and every use is on record.

use chukan::grpc::proto::{
    sim::v1::{
        self as sim, population_service_client::PopulationServiceClient, resident_network::Pace,
        resident_network_service_client::ResidentNetworkServiceClient,
    },
    v1::{
        self, ChangeReason, FourItems, IdentityPurpose, IdentityUser, LookUpResidentRequest,
        NotifyResidentRequest, ResidentRequest, ResidentRequestState as State, Sex,
        resident_service_client::ResidentServiceClient,
    },
};
use tonic::{Code, Status};

use crate::{
    canary::holds_bytes,
    frozen::{self, InWorld},
    net::{self, CITY, Net, PREFECTURE, TAX_AFFAIR, WARD},
    resident_uses::uses,
    told::{Told, told},
};

/// 住民基本台帳 (ours): open to every unit and user.
pub(crate) const REGISTER_AFFAIR: &str = "JM90000000000009";

/// みなも区, where the first people live, あさひ野市, みなと県, and the resident network's operator.
pub(crate) struct Scene {
    pub(crate) ward: ResidentServiceClient<InWorld>,
    pub(crate) city: ResidentServiceClient<InWorld>,
    pub(crate) prefecture: ResidentServiceClient<InWorld>,
    population: PopulationServiceClient<InWorld>,
    juki: ResidentNetworkServiceClient<InWorld>,
}

type Client = ResidentServiceClient<InWorld>;

impl Scene {
    pub(crate) async fn new(net: &Net) -> Self {
        frozen::create(net).await;
        Self::again(net).await
    }

    async fn again(net: &Net) -> Self {
        let residents = async |who| ResidentServiceClient::new(frozen::channel(net, who).await);
        Self {
            ward: residents(WARD).await,
            city: residents(CITY).await,
            prefecture: residents(PREFECTURE).await,
            population: PopulationServiceClient::new(frozen::channel(net, CITY).await),
            juki: ResidentNetworkServiceClient::new(frozen::channel(net, "operator").await),
        }
    }

    pub(crate) async fn number(&mut self, index: usize) -> String {
        let listed = self
            .population
            .list_people(sim::ListPeopleRequest::default());
        let people = listed.await.unwrap().into_inner().people;
        people[index].individual_number.clone()
    }

    async fn set(&mut self, resident_network: sim::ResidentNetwork) -> Vec<u64> {
        let resident_network = Some(resident_network);
        let request = sim::SetResidentNetworkRequest { resident_network };
        let set = self.juki.set_resident_network(request).await.unwrap();
        let queues = set.into_inner().queues.into_iter();
        queues.map(|queue| queue.requests).collect()
    }
}

pub(crate) fn by(affair: &str) -> Option<IdentityUser> {
    Some(IdentityUser {
        unit_code: "ZEIMU".into(),
        user_id: "zeimu-01".into(),
        affair: affair.into(),
    })
}

pub(crate) fn look_up(record_id: &str, number: &str) -> LookUpResidentRequest {
    LookUpResidentRequest {
        record_id: record_id.into(),
        by: by(TAX_AFFAIR),
        purpose: IdentityPurpose::AddressCheck.into(),
        individual_number: number.into(),
        history: false,
    }
}

fn history(record_id: &str, number: &str) -> LookUpResidentRequest {
    LookUpResidentRequest {
        history: true,
        ..look_up(record_id, number)
    }
}

pub(crate) fn notice(
    record_id: &str,
    number: &str,
    (reason, changed_on): (ChangeReason, &str),
    four_items: Option<FourItems>,
) -> NotifyResidentRequest {
    NotifyResidentRequest {
        record_id: record_id.into(),
        by: by(REGISTER_AFFAIR),
        individual_number: number.into(),
        reason: reason.into(),
        changed_on: changed_on.into(),
        four_items,
    }
}

pub(crate) async fn asks(
    client: &mut Client,
    request: LookUpResidentRequest,
) -> Result<ResidentRequest, Status> {
    let asked = client.look_up_resident(request).await?;
    Ok(asked.into_inner().request.unwrap())
}

pub(crate) async fn tells(
    client: &mut Client,
    request: NotifyResidentRequest,
) -> Result<ResidentRequest, Status> {
    let told = client.notify_resident(request).await?;
    Ok(told.into_inner().request.unwrap())
}

async fn stands(client: &mut Client, record_id: &str) -> ResidentRequest {
    let request = v1::GetResidentRequestRequest {
        record_id: record_id.into(),
    };
    let got = client.get_resident_request(request).await.unwrap();
    got.into_inner().request.unwrap()
}

/// The four items that the register has of a person, and what it says of their last change.
pub(crate) async fn registered(
    client: &mut Client,
    record_id: &str,
    number: &str,
) -> (FourItems, ChangeReason, String) {
    let asked = asks(client, look_up(record_id, number)).await.unwrap();
    assert_eq!(asked.state(), State::Done);
    let [identity] = asked.identities.as_slice() else {
        panic!("one identity is asked for");
    };
    let items = identity.four_items.clone().unwrap();
    (items, identity.reason(), identity.municipality.clone())
}

pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> Told {
    told(&answer.unwrap_err())
}

pub(crate) async fn stop(net: Net) {
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn an_entitled_institution_sees_what_the_municipality_has_told() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let number = scene.number(3).await;
    let (mut items, reason, home) = registered(&mut scene.city, "l-1", &number).await;
    assert_eq!((reason, home.as_str()), (ChangeReason::Registered, WARD));
    items.address = "見本町九丁目9番9号".into();
    let moved = (ChangeReason::MovedWithin, "2026-11-20");
    let request = notice("n-1", &number, moved, Some(items.clone()));
    let told = tells(&mut scene.ward, request).await.unwrap();
    assert_eq!(told.state(), State::Done);
    assert!(told.identities.is_empty() && told.individual_number.is_empty());
    items.name = "改名　花".into();
    let renamed = (ChangeReason::NameChanged, "2026-11-21");
    let request = notice("n-2", &number, renamed, Some(items.clone()));
    tells(&mut scene.ward, request).await.unwrap();
    let seen = registered(&mut scene.city, "l-2", &number).await;
    assert_eq!(seen, (items, ChangeReason::NameChanged, WARD.to_owned()));
    let all = asks(&mut scene.city, history("h-1", &number))
        .await
        .unwrap();
    let reasons: Vec<_> = all
        .identities
        .iter()
        .map(v1::IdentityInformation::reason)
        .collect();
    assert_eq!(
        reasons,
        [
            ChangeReason::Registered,
            ChangeReason::MovedWithin,
            ChangeReason::NameChanged
        ]
    );
    assert_eq!(all.identities[1].changed_on, "2026-11-20");
    assert!(!holds_bytes(
        &prost::Message::encode_to_vec(&all),
        number.as_bytes()
    ));
    stop(net).await;
}

fn newborn() -> Option<FourItems> {
    Some(FourItems {
        name: "架空　みどり".into(),
        address: "見本町一丁目1番1号".into(),
        birth_date: "2026-11-20".into(),
        sex: Sex::Female.into(),
    })
}

#[tokio::test]
async fn a_newborn_gets_a_number_moves_and_is_removed_and_nobody_elses_resident_is_changed() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let born = (ChangeReason::Birth, "2026-11-20");
    let told = tells(&mut scene.ward, notice("n-1", "", born, newborn()))
        .await
        .unwrap();
    let number = told.individual_number;
    assert_eq!(number.len(), 12);
    let mut items = newborn().unwrap();
    items.address = "港町二丁目2番2号".into();
    let moved = |reason| (reason, "2026-11-21");
    let change = |id: &str, reason, items| notice(id, &number, moved(reason), Some(items));
    for (id, reason, refusal) in [
        ("c-1", ChangeReason::MovedWithin, "ANOTHER_MUNICIPALITY"),
        ("c-2", ChangeReason::Birth, "RESIDENT_ALREADY"),
    ] {
        let request = change(id, reason, items.clone());
        let ended = tells(&mut scene.city, request).await.unwrap();
        assert_eq!(
            (ended.state(), ended.refusal.as_str()),
            (State::Refused, refusal)
        );
        assert!(ended.message.ends_with('。'));
    }
    let request = change("c-3", ChangeReason::MovedIn, items.clone());
    let ended = tells(&mut scene.city, request).await.unwrap();
    assert_eq!(ended.state(), State::Done);
    let seen = registered(&mut scene.city, "l-1", &number).await;
    assert_eq!(seen, (items, ChangeReason::MovedIn, CITY.to_owned()));
    let earlier = (ChangeReason::Died, "2026-11-20");
    let ended = tells(&mut scene.city, notice("c-4", &number, earlier, None)).await;
    assert_eq!(ended.unwrap().refusal, "OLDER_THAN_THE_LAST");
    let died = (ChangeReason::Died, "2026-11-22");
    tells(&mut scene.city, notice("c-5", &number, died, None))
        .await
        .unwrap();
    let seen = registered(&mut scene.city, "l-2", &number).await;
    assert_eq!((seen.1, seen.2.as_str()), (ChangeReason::Died, CITY));
    let again = tells(&mut scene.city, notice("c-6", &number, died, None)).await;
    assert_eq!(again.unwrap().refusal, "NO_RESIDENT");
    let no_municipality = tells(&mut scene.prefecture, notice("n-1", "", born, newborn())).await;
    assert_eq!(refused(no_municipality).reason, "CALLER_NOT_ENTITLED");
    let twice = tells(&mut scene.ward, notice("n-1", "", born, newborn())).await;
    assert_eq!(refused(twice).reason, "RECORD_ID_EXISTS");
    stop(net).await;
}

#[tokio::test]
async fn a_request_goes_server_by_server_and_waits_where_one_is_down_or_the_network_is_closed() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let number = scene.number(3).await;
    let paced = sim::ResidentNetwork {
        pace: Some(Pace::AfterPolls(1)),
        ..Default::default()
    };
    scene.set(paced).await;
    let asked = asks(&mut scene.city, look_up("l-1", &number)).await;
    assert_eq!(asked.unwrap().state(), State::AtCommunicationServer);
    for expected in [
        State::AtPrefecturalServer,
        State::AtNationalServer,
        State::Done,
        State::Done,
    ] {
        assert_eq!(stands(&mut scene.city, "l-1").await.state(), expected);
    }
    assert_eq!(uses(&net, CITY).await.len(), 1);
    let down = |station: sim::Station| sim::ResidentNetwork {
        down: vec![station.into()],
        ..Default::default()
    };
    scene.set(down(sim::Station::NationalServer)).await;
    let asked = asks(&mut scene.city, look_up("l-2", &number)).await;
    assert_eq!(asked.unwrap().state(), State::AtPrefecturalServer);
    // The core system has nothing to do with it.
    let queues = scene.set(down(sim::Station::CoreSystem)).await;
    assert_eq!(queues, [0; 4]);
    assert_eq!(stands(&mut scene.city, "l-2").await.state(), State::Done);
    scene.set(down(sim::Station::CommunicationServer)).await;
    let asked = asks(&mut scene.city, look_up("l-3", &number)).await;
    assert_eq!(refused(asked).reason, "RESIDENT_NETWORK_DOWN");
    let closed = sim::ResidentNetwork {
        open_from: "10:00".into(),
        open_until: "17:00".into(),
        ..Default::default()
    };
    scene.set(closed).await;
    let asked = asks(&mut scene.city, look_up("l-3", &number)).await;
    assert_eq!(refused(asked).reason, "RESIDENT_NETWORK_CLOSED");
    frozen::set_hour(&net, 1).await;
    let asked = asks(&mut scene.city, look_up("l-3", &number)).await;
    assert_eq!(asked.unwrap().state(), State::Done);
    stop(net).await;
}

#[tokio::test]
async fn an_acknowledged_update_is_there_after_a_crash_and_one_on_its_way_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut scene = Scene::new(&net).await;
    let number = scene.number(3).await;
    let (mut items, ..) = registered(&mut scene.city, "l-1", &number).await;
    items.address = "見本町七丁目7番7号".into();
    let moved = (ChangeReason::MovedWithin, "2026-11-20");
    let request = notice("n-1", &number, moved, Some(items.clone()));
    let told = tells(&mut scene.ward, request).await.unwrap();
    assert_eq!(told.state(), State::Done);
    let born = (ChangeReason::Birth, "2026-11-20");
    let told = tells(&mut scene.ward, notice("n-2", "", born, newborn())).await;
    let child = told.unwrap().individual_number;
    scene
        .set(sim::ResidentNetwork {
            pace: Some(Pace::After(prost_types::Duration {
                seconds: 3_600,
                nanos: 0,
            })),
            ..Default::default()
        })
        .await;
    let died = (ChangeReason::Died, "2026-11-21");
    let told = tells(&mut scene.ward, notice("n-3", &child, died, None)).await;
    assert_eq!(told.unwrap().state(), State::AtCommunicationServer);
    drop(scene);
    net.kill();
    let net = net::start_in(dir.path(), &[]);
    let mut scene = Scene::again(&net).await;
    for (hour, expected) in [
        (1, State::AtPrefecturalServer),
        (2, State::AtNationalServer),
        (3, State::Done),
    ] {
        frozen::set_hour(&net, hour).await;
        assert_eq!(stands(&mut scene.ward, "n-3").await.state(), expected);
    }
    scene.set(sim::ResidentNetwork::default()).await;
    let seen = registered(&mut scene.city, "l-2", &number).await;
    assert_eq!(seen, (items, ChangeReason::MovedWithin, WARD.to_owned()));
    let seen = registered(&mut scene.city, "l-3", &child).await;
    assert_eq!(seen.1, ChangeReason::Died);
    let told = stands(&mut scene.ward, "n-2").await;
    assert_eq!(told.individual_number, child);
    assert_eq!(uses(&net, WARD).await.len(), 3);
    stop(net).await;
}

#[tokio::test]
async fn every_flawed_field_is_named_and_no_value_is_repeated() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let wrong = NotifyResidentRequest {
        record_id: "a b".into(),
        by: Some(IdentityUser {
            unit_code: String::new(),
            user_id: "zeimu-01".into(),
            affair: "JM1".into(),
        }),
        individual_number: "123456789012".into(),
        reason: ChangeReason::Registered.into(),
        changed_on: "2026-11-24".into(),
        four_items: None,
    };
    let status = tells(&mut scene.ward, wrong).await.unwrap_err();
    assert!(!crate::told::echoes(&status, b"123456789012"));
    let paths = [
        "record_id",
        "by.unit_code",
        "by.affair",
        "reason",
        "changed_on",
        "individual_number",
        "four_items",
    ];
    assert_eq!(told(&status).paths(), paths);
    let asked = LookUpResidentRequest::default();
    let paths = ["record_id", "purpose", "by", "individual_number"];
    assert_eq!(refused(asks(&mut scene.city, asked).await).paths(), paths);
    let unknown = v1::GetResidentRequestRequest {
        record_id: "nowhere".into(),
    };
    let unknown = scene.city.get_resident_request(unknown).await;
    assert_eq!(refused(unknown).code, Code::NotFound);
    stop(net).await;
}
