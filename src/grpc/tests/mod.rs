//! The services of symbols, people, worlds and exchanges, called in process with a certificate's identity.

mod inquired;

use std::sync::Arc;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::{
    Caller, Surface,
    exchange::Exchanges,
    population::Populations,
    proto::{
        sim::v1::{
            self as sim, exchange_service_server::ExchangeService as _,
            population_service_server::PopulationService as _,
            world_service_server::WorldService as _,
        },
        v1::{self, symbol_service_server::SymbolService as _},
    },
    symbol::Symbols,
    world::WorldControls,
};
use crate::{
    crypto::identity::Identity,
    institution::{Periods, StaffRules},
    sample::definitions::write_embedded,
    world::{ClockMode, Settings, WatchRules, WorldPlan, Worlds},
};

const CITY: &str = "0220113112101700";
const OTHER: &str = "9900000000001100";

async fn surface(dir: &tempfile::TempDir) -> Surface {
    let definitions = dir.path().join("definitions");
    write_embedded(&definitions).unwrap();
    let settings = Settings {
        definitions,
        cache_bytes: 16 * 1024 * 1024,
        periods: Periods {
            result_retention: SignedDuration::from_hours(24 * 30),
            list_age_max: SignedDuration::from_hours(24 * 7),
            acquisition_serial: SignedDuration::from_hours(24),
        },
        permit_period: SignedDuration::from_secs(300),
        hold: crate::domain::deciding::HoldRules::default(),
        rotation: crate::crypto::kept_context::Rotation::default(),
        staff: StaffRules::default(),
        downloads: crate::domain::download::DownloadRules::default(),
        watch: WatchRules::default(),
        inquiries_each_max: 1_000,
        training_accounts: false,
    };
    let worlds = Worlds::new(dir.path().join("worlds"), settings);
    let default = WorldPlan {
        name: "default".parse().unwrap(),
        seed: 1,
        people: 14,
        clock: ClockMode::Frozen("2026-05-11T01:00:00Z".parse().unwrap()),
    };
    worlds.open_all(default, &|_| {}).await.unwrap();
    Surface::new(Arc::new(worlds), CancellationToken::new())
}

fn by<T>(identity: Identity, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let peer = "127.0.0.1:1".parse().unwrap();
    let identity = Arc::new(identity);
    request.extensions_mut().insert(Caller { identity, peer });
    request
}

fn at<T>(code: &str, message: T) -> Request<T> {
    by(Identity::institution(code, None).unwrap(), message)
}

fn operator<T>(message: T) -> Request<T> {
    by(Identity::Operator, message)
}

fn reason(status: Status) -> String {
    status.get_details_error_info().unwrap().reason
}

fn fields(status: Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    violations.into_iter().map(|flaw| flaw.field).collect()
}

async fn people(surface: &Surface) -> Vec<sim::SamplePerson> {
    let listed = Populations(surface.clone())
        .list_people(operator(sim::ListPeopleRequest::default()))
        .await;
    listed.unwrap().into_inner().people
}

fn number_at(person: &sim::SamplePerson, institution: &str) -> String {
    let mut known = person.institutions.iter();
    let known = known.find(|known| known.institution == institution);
    known.unwrap().addressee_number.clone()
}

async fn serial(surface: &Surface, addressee_number: &str) -> Result<String, Status> {
    let addressee_number = addressee_number.to_owned();
    let asked = v1::RequestAcquisitionRequest { addressee_number };
    let symbols = Symbols(surface.clone());
    let issued = symbols.request_acquisition(at(CITY, asked)).await?;
    Ok(issued.into_inner().acquisition_serial)
}

async fn bring(surface: &Surface, by: &str, serial: &str, number: &str) -> Result<(), Status> {
    let brought = sim::RequestSymbolRequest {
        acquisition_serial: serial.to_owned(),
        individual_number: number.to_owned(),
    };
    let populations = Populations(surface.clone());
    let brought = populations.request_symbol(at(by, brought)).await;
    brought.map(|_| ())
}

async fn state(surface: &Surface, addressee_number: &str) -> v1::AcquisitionState {
    let addressee_number = addressee_number.to_owned();
    let asked = v1::GetAcquisitionRequest { addressee_number };
    let symbols = Symbols(surface.clone());
    let found = symbols.get_acquisition(at(CITY, asked)).await;
    found.unwrap().into_inner().state()
}

async fn freeze(surface: &Surface, at: &str) {
    let at: jiff::Timestamp = at.parse().unwrap();
    let frozen = sim::clock::Mode::Frozen(super::fields::timestamp(at));
    set_clock(surface, Some(frozen)).await.unwrap();
}

async fn set_clock(surface: &Surface, mode: Option<sim::clock::Mode>) -> Result<(), Status> {
    let set = sim::SetClockRequest {
        world_id: "default".to_owned(),
        clock: Some(sim::Clock { mode }),
    };
    let controls = WorldControls(surface.clone());
    let set = controls.set_clock(operator(set)).await;
    set.map(|_| ())
}

#[tokio::test]
async fn a_symbol_is_acquired_once_and_can_be_unlinked_and_acquired_again() {
    let dir = tempfile::tempdir().unwrap();
    let surface = surface(&dir).await;
    // The provider that lacks the symbol of this person.
    let person = people(&surface).await.swap_remove(5);
    let here = number_at(&person, CITY);
    let first = serial(&surface, &here).await.unwrap();
    assert_eq!(
        state(&surface, &here).await,
        v1::AcquisitionState::SerialIssued
    );
    let pending = serial(&surface, &here).await.unwrap_err();
    assert_eq!(reason(pending), "ACQUISITION_PENDING");
    let foreign = bring(&surface, OTHER, &first, &person.individual_number).await;
    assert_eq!(reason(foreign.unwrap_err()), "ACQUISITION_SERIAL_UNKNOWN");
    bring(&surface, CITY, &first, &person.individual_number)
        .await
        .unwrap();
    assert_eq!(state(&surface, &here).await, v1::AcquisitionState::Linked);
    let twice = bring(&surface, CITY, &first, &person.individual_number).await;
    assert_eq!(reason(twice.unwrap_err()), "ACQUISITION_SERIAL_UNKNOWN");
    let linked = serial(&surface, &here).await.unwrap_err();
    assert_eq!(reason(linked), "SYMBOL_ALREADY_LINKED");
    let unlink = async |reason: i32| {
        let addressee_number = here.clone();
        let unlinked = v1::UnlinkSymbolRequest {
            addressee_number,
            reason,
        };
        Symbols(surface.clone())
            .unlink_symbol(at(CITY, unlinked))
            .await
    };
    assert_eq!(fields(unlink(0).await.unwrap_err()), ["reason"]);
    unlink(v1::UnlinkReason::Died.into()).await.unwrap();
    assert_eq!(state(&surface, &here).await, v1::AcquisitionState::Unlinked);
    let gone = unlink(v1::UnlinkReason::Died.into()).await.unwrap_err();
    assert_eq!(reason(gone), "SYMBOL_NOT_LINKED");
    let again = serial(&surface, &here).await.unwrap();
    freeze(&surface, "2026-05-12T01:00:00Z").await;
    assert_eq!(state(&surface, &here).await, v1::AcquisitionState::Expired);
    let late = bring(&surface, CITY, &again, &person.individual_number).await;
    assert_eq!(reason(late.unwrap_err()), "ACQUISITION_SERIAL_EXPIRED");
    let stranger = serial(&surface, &here).await.unwrap();
    bring(&surface, CITY, &stranger, "123456789018")
        .await
        .unwrap();
    assert_eq!(
        state(&surface, &here).await,
        v1::AcquisitionState::PersonUnknown
    );
}

#[tokio::test]
async fn a_malformed_individual_number_is_never_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let surface = surface(&dir).await;
    let status = bring(&surface, CITY, "zz", "123456789010")
        .await
        .unwrap_err();
    let told = format!("{status:?} {}", String::from_utf8_lossy(status.details()));
    assert!(!told.contains("123456789010"));
    assert_eq!(fields(status), ["acquisition_serial", "individual_number"]);
}

#[tokio::test]
async fn people_are_listed_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let surface = surface(&dir).await;
    let all = people(&surface).await;
    assert_eq!(all.len(), 14);
    assert!(!all[0].situation.is_empty() && all[13].situation.is_empty());
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let page_size = 5;
        let asked = sim::ListPeopleRequest {
            page_size,
            page_token,
        };
        let page = Populations(surface.clone())
            .list_people(at(CITY, asked))
            .await;
        let page = page.unwrap().into_inner();
        paged.extend(page.people);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
    for (page_size, page_token, field) in [(0, "05", "page_token"), (1_001, "", "page_size")] {
        let page_token = page_token.to_owned();
        let asked = sim::ListPeopleRequest {
            page_size,
            page_token,
        };
        let refused = Populations(surface.clone())
            .list_people(at(CITY, asked))
            .await;
        assert_eq!(fields(refused.unwrap_err()), [field]);
    }
}

#[tokio::test]
async fn only_sensible_clocks_are_set_and_only_by_the_operator() {
    use sim::clock::Mode;
    let dir = tempfile::tempdir().unwrap();
    let surface = surface(&dir).await;
    let frozen = |seconds| Mode::Frozen(prost_types::Timestamp { seconds, nanos: 0 });
    let offset = |seconds| Mode::Offset(prost_types::Duration { seconds, nanos: 0 });
    for absurd in [frozen(946_684_799), frozen(7_258_118_400)] {
        let refused = set_clock(&surface, Some(absurd)).await.unwrap_err();
        assert_eq!(fields(refused), ["clock.frozen"]);
    }
    for absurd in [offset(i64::MAX), offset(i64::MIN), offset(8_000_000_000)] {
        let refused = set_clock(&surface, Some(absurd)).await.unwrap_err();
        assert_eq!(fields(refused), ["clock.offset"]);
    }
    for sensible in [frozen(946_684_800), offset(-3_600), offset(3_600)] {
        set_clock(&surface, Some(sensible)).await.unwrap();
        let asked = sim::GetClockRequest {
            world_id: "default".to_owned(),
        };
        let told = WorldControls(surface.clone())
            .get_clock(operator(asked))
            .await;
        assert_eq!(
            told.unwrap().into_inner().clock.unwrap().mode,
            Some(sensible)
        );
    }
    let controls = WorldControls(surface);
    let listed = controls
        .list_worlds(at(CITY, sim::ListWorldsRequest {}))
        .await;
    assert_eq!(reason(listed.unwrap_err()), "CALLER_NOT_ENTITLED");
}

#[tokio::test]
async fn worlds_are_made_named_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let controls = WorldControls(surface(&dir).await);
    let create = async |world_id: &str, people| {
        let world_id = world_id.to_owned();
        let asked = sim::CreateWorldRequest {
            world_id,
            people,
            seed: 9,
            clock: None,
        };
        let made = controls.create_world(operator(asked)).await;
        made.map(|made| made.into_inner().world.unwrap())
    };
    let made = create("", 1).await.unwrap();
    assert!(made.world_id.starts_with("w-") && made.world_id.len() == 10);
    assert_eq!((made.seed, made.people), (9, 1));
    assert_eq!(
        fields(create("A", 1_000_001).await.unwrap_err()),
        ["world_id", "people"]
    );
    assert_eq!(
        reason(create(&made.world_id, 1).await.unwrap_err()),
        "WORLD_EXISTS"
    );
    let named = |world_id: &str| {
        operator(sim::DeleteWorldRequest {
            world_id: world_id.to_owned(),
        })
    };
    controls.delete_world(named(&made.world_id)).await.unwrap();
    let gone = controls.delete_world(named(&made.world_id)).await;
    assert_eq!(reason(gone.unwrap_err()), "NOT_FOUND");
    let stays = controls.delete_world(named("default")).await;
    assert_eq!(reason(stays.unwrap_err()), "WORLD_STAYS");
}

#[tokio::test]
async fn an_order_by_hand_is_accepted_once() {
    let dir = tempfile::tempdir().unwrap();
    let surface = surface(&dir).await;
    let person = people(&surface).await.swap_remove(0);
    let asked = sim::IssuePermitRequest {
        addressee_number: number_at(&person, OTHER),
        affair: "JM01000000121000".to_owned(),
        procedure: "JT01010000000214".to_owned(),
        provider: CITY.to_owned(),
        specific_info: "TM00000000000002".to_owned(),
    };
    let exchanges = Exchanges(surface);
    let issued = exchanges.issue_permit(at(OTHER, asked)).await.unwrap();
    let order = issued.into_inner().order;
    let present = async |order: Option<sim::ProvisionOrder>| {
        let presented = sim::PresentPermitRequest { order };
        exchanges.present_permit(at(OTHER, presented)).await
    };
    let first = present(order.clone()).await.unwrap().into_inner();
    assert_eq!(
        (first.status_code.as_str(), first.message.as_str()),
        ("01", "正常終了")
    );
    let second = present(order.clone()).await.unwrap().into_inner();
    assert_ne!(second.status_code, first.status_code);
    let empty = present(None).await.unwrap_err();
    assert_eq!(
        fields(empty),
        ["order.sealing_public_key", "order.provider"]
    );
    let unknown = sim::ProvisionOrder {
        provider: "9900000000009900".to_owned(),
        ..order.unwrap()
    };
    assert_eq!(
        fields(present(Some(unknown)).await.unwrap_err()),
        ["provider"]
    );
}
