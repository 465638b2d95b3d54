//! Requests for identity information in one process: each use is recorded once, and an answer goes when its time has passed.

use std::{collections::BTreeSet, sync::Arc};

use tokio::task::JoinSet;

use super::{at, reopened, world};
use crate::{
    addressee::{AskedBy, Assignment},
    domain::{
        acquisition::Acquisition,
        addressee::{FourItems, LocalName, Sex},
        codes::InstitutionCode,
        identity::{ChangeReason, IdentityPurpose, IdentityUse, IdentityUser, Notification},
        names::RecordId,
        operation::OperationOutcome,
        person::IndividualNumber,
        refusal::Refusal,
        resident_request::{ResidentRequestEnd, ResidentRequestState},
        symbol_request::{Pace, ResidentNetworkPlan},
    },
    network::{Asked, NetworkFault, ResidentDraft},
    store::Keeper,
    world::{ClockMode, World, WorldFault, identity::Holder},
};

/// あさひ野市, which may look up for [`AFFAIR`].
const CITY: &str = "9900000000001100";
const AFFAIR: &str = "JM01000000121000";

fn city() -> InstitutionCode {
    CITY.parse().unwrap()
}

fn id(text: &str) -> RecordId {
    text.parse().unwrap()
}

fn draft(record_id: &str, number: Option<IndividualNumber>, asked: Asked) -> ResidentDraft {
    ResidentDraft {
        record_id: id(record_id),
        by: IdentityUser {
            unit: "ZEIMU".parse().unwrap(),
            user: "zeimu-01".parse().unwrap(),
            system: None,
            affair: AFFAIR.parse().unwrap(),
            purpose: Some(IdentityPurpose::AddressCheck),
        },
        number,
        asked,
    }
}

fn newborn() -> FourItems {
    FourItems {
        name: "架空　みどり".into(),
        address: "見本町1番".into(),
        birth_date: jiff::civil::date(2026, 5, 10),
        sex: Sex::Female,
    }
}

fn birth() -> Asked {
    Asked::Notify(Notification {
        reason: ChangeReason::Birth,
        changed_on: jiff::civil::date(2026, 5, 10),
        items: Some(newborn()),
    })
}

fn uses(world: &World) -> Vec<String> {
    let keeper = Keeper::Institution(city());
    let (found, _) = world.records.identity_uses(keeper, None, 1_000).unwrap();
    let ids = found.into_iter().map(|placed| placed.used.record_id);
    ids.map(|id| id.to_string()).collect()
}

async fn number_of(world: &World, record_id: &str) -> IndividualNumber {
    let (_, answer) = world.follow_identity(city(), &id(record_id)).await.unwrap();
    let number = answer.unwrap().individual_number.unwrap();
    number.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_hands_end_a_request_once_and_no_two_newborns_share_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let slow = ResidentNetworkPlan {
        pace: Pace::AfterMs(60_000),
        ..Default::default()
    };
    world.set_resident_network(slow).await.unwrap();
    let names: Vec<_> = (0..8).map(|n| format!("n-{n}")).collect();
    for name in &names {
        let asked = draft(name, None, birth());
        world.request_identity(city(), asked).await.unwrap();
    }
    assert!(uses(&world).is_empty());
    let immediate = ResidentNetworkPlan::default();
    let mut hands = JoinSet::new();
    for _ in 0..4 {
        let (world, plan) = (Arc::clone(&world), immediate.clone());
        hands.spawn(async move { world.set_resident_network(plan).await });
    }
    while let Some(moved) = hands.join_next().await {
        moved.unwrap().unwrap();
    }
    let recorded = uses(&world);
    assert_eq!(recorded.len(), names.len());
    assert_eq!(recorded.into_iter().collect::<BTreeSet<_>>().len(), 8);
    let mut numbers = BTreeSet::new();
    for name in &names {
        let number = number_of(&world, name).await;
        assert!(matches!(world.holder(&number).unwrap(), Holder::Person(_)));
        numbers.insert(number.expose().to_owned());
    }
    assert_eq!(numbers.len(), 8);
}

#[tokio::test]
async fn an_answer_goes_when_its_time_has_passed_and_the_register_stays() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let asked = draft("n-1", None, birth());
    world.request_identity(city(), asked).await.unwrap();
    let number = number_of(&world, "n-1").await;
    let later = |day: &str| ClockMode::Frozen(at(day));
    world.set_clock(later("2026-06-09T00:00:00Z")).unwrap();
    world.delete_old_results().await.unwrap();
    assert_eq!(number_of(&world, "n-1").await, number);
    world.set_clock(later("2026-06-11T00:00:00Z")).unwrap();
    world.delete_old_results().await.unwrap();
    let world = reopened(world, dir.path()).await;
    let gone = world.follow_identity(city(), &id("n-1")).await;
    assert!(matches!(
        gone.unwrap_err(),
        WorldFault::Network(NetworkFault::Refused(Refusal::ResultsDeleted))
    ));
    let again = world.request_identity(city(), draft("n-1", None, birth()));
    assert!(again.await.is_err());
    let asked = draft("l-1", Some(number), Asked::LookUpHistory);
    world.request_identity(city(), asked).await.unwrap();
    let (request, answer) = world.identity_request(city(), &id("l-1")).unwrap();
    let ResidentRequestState::Ended { end, .. } = request.state else {
        panic!("the request has ended");
    };
    assert!(matches!(end, ResidentRequestEnd::Done { .. }));
    assert_eq!(answer.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_newborn_is_numbered_and_gets_a_symbol() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let asked = draft("n-1", None, birth());
    world.request_identity(city(), asked).await.unwrap();
    let assignment = Assignment {
        local: LocalName {
            system: "zeimu".parse().unwrap(),
            number: "42".parse().unwrap(),
        },
        number: number_of(&world, "n-1").await,
        items: newborn(),
        items_checked: false,
        preferred: None,
    };
    let by = AskedBy::nobody(world.now());
    let assigned = world.assign_number(city(), assignment, &by).await.unwrap();
    let (acquisition, _) = world.acquisition(city(), assigned.number).unwrap();
    assert!(matches!(acquisition, Acquisition::Linked { .. }));
}

/// A request that waits at the national server, and what the answer to it would put on record.
async fn waiting(world: &World, name: &str) -> IdentityUse {
    let plan = ResidentNetworkPlan {
        pace: Pace::AfterPolls(1),
        ..Default::default()
    };
    world.set_resident_network(plan).await.unwrap();
    let asked = draft(name, None, birth());
    world.request_identity(city(), asked).await.unwrap();
    let of = (city(), id(name));
    loop {
        if let Some(asked) = world.juki.at_national_server(&of).unwrap() {
            return world.decided_use(&of, &asked).unwrap().0;
        }
        world.follow_identity(city(), &of.1).await.unwrap();
    }
}

#[tokio::test]
async fn a_use_that_was_recorded_before_a_crash_is_not_recorded_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let used = waiting(&world, "n-1").await;
    let recorded = world.record_identity_use(city(), used).await;
    // Kept as by an act that a crash interrupts: the state has not followed the ledger past it.
    let under_way = recorded.unwrap();
    let world = reopened(world, dir.path()).await;
    drop(under_way);
    let (request, _) = world.identity_request(city(), &id("n-1")).unwrap();
    let ResidentRequestState::Ended { end, .. } = request.state else {
        panic!("the request has ended");
    };
    assert!(matches!(end, ResidentRequestEnd::Done { .. }));
    let number = number_of(&world, "n-1").await;
    assert!(matches!(world.holder(&number).unwrap(), Holder::Person(_)));
    world.move_requests().await.unwrap();
    let world = reopened(world, dir.path()).await;
    assert_eq!(uses(&world), ["n-1"]);
}

#[tokio::test]
async fn a_refusal_on_record_under_the_same_id_ends_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let used = waiting(&world, "n-1").await;
    let refused = IdentityUse {
        person_digest: None,
        outcome: OperationOutcome::refused(&Refusal::IdentityNotEntitled),
        ..used
    };
    let under_way = world.record_identity_use(city(), refused).await.unwrap();
    let world = reopened(world, dir.path()).await;
    drop(under_way);
    let (request, _) = world.identity_request(city(), &id("n-1")).unwrap();
    assert!(matches!(
        request.state,
        ResidentRequestState::OnTheWay { .. }
    ));
    number_of(&world, "n-1").await;
    assert_eq!(uses(&world), ["n-1", "n-1"]);
}
