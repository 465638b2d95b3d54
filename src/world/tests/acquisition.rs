//! Symbol acquisitions under crashes, delays and duplicates: nobody loses a link and nobody has two.

use std::collections::BTreeSet;

use super::{reopened, world};
use crate::{
    addressee::AskedBy,
    crypto::digest::serial_digest,
    domain::{
        acquisition::{Acquisition, AcquisitionFailure, SerialDigest, UnlinkReason},
        codes::{AddresseeNumber, InstitutionCode},
        person::IndividualNumber,
        symbol_request::{Pace, ResidentNetworkPlan, Station},
    },
    world::{PeopleToNumber, World},
};

/// Where people of these tests are acquired: the first municipalities.
pub(super) const INSTITUTIONS: [&str; 2] = ["9900000000001100", "9900000000001200"];

pub(super) fn code(place: usize) -> InstitutionCode {
    INSTITUTIONS[place].parse().unwrap()
}

pub(super) fn addressee(world: &World, place: usize, index: u32) -> AddresseeNumber {
    let number = world.population.addressee_number(index, code(place));
    number.unwrap()
}

pub(super) fn number(world: &World, index: u32) -> IndividualNumber {
    world.population.individual_number(index).unwrap()
}

/// A number that nobody has.
pub(super) fn nobodys() -> IndividualNumber {
    "123456789018".parse().unwrap()
}

pub(super) async fn unlink(world: &World, place: usize, index: u32) {
    let who = addressee(world, place, index);
    let server = world.server(code(place)).unwrap();
    let unlinked = server.unlink_symbol(who, UnlinkReason::MovedOut, world.now());
    unlinked.await.unwrap();
}

/// One step at a time.
pub(super) async fn stepwise(world: &World) {
    let plan = ResidentNetworkPlan {
        pace: Pace::AfterPolls(1),
        ..Default::default()
    };
    world.set_resident_network(plan).await.unwrap();
}

/// Requests an acquisition and hands it to the communication server.
pub(super) async fn begin(world: &World, place: usize, index: u32) -> SerialDigest {
    let who = addressee(world, place, index);
    let server = world.server(code(place)).unwrap();
    let (serial, _) = server.request_acquisition(who, world.now()).await.unwrap();
    let person = number(world, index);
    world.request_symbol(serial, &person).await.unwrap();
    serial_digest(serial)
}

pub(super) async fn step(world: &World, serial: SerialDigest) {
    world.juki.count_poll(serial).await.unwrap();
    world.step_request(serial).await.unwrap();
}

/// What must hold whatever happened: links go both ways, one symbol is one person's, nothing waits.
pub(super) fn check_links(world: &World, people: &[(usize, u32)]) {
    let mut symbols = BTreeSet::new();
    for (place, index) in people {
        let who = (code(*place), addressee(world, *place, *index));
        let (_, acquisition) = world.state.acquisition(who).unwrap().unwrap();
        let symbol = world.state.symbol(who).unwrap();
        match acquisition {
            Acquisition::Linked { .. } => {
                let symbol = symbol.unwrap();
                assert_eq!(world.state.person(who.0, &symbol).unwrap(), Some(who.1));
                let resident = world.population.resident_code(*index);
                assert_eq!(world.core.symbol_of(&resident, who.0).0, symbol);
                assert!(symbols.insert(symbol));
            }
            Acquisition::SerialIssued { .. }
            | Acquisition::Expired { .. }
            | Acquisition::Failed { .. }
            | Acquisition::Unlinked { .. } => panic!("not linked: {acquisition:?}"),
        }
    }
    assert!(world.juki.requests().unwrap().is_empty());
}

#[tokio::test]
async fn a_crash_after_any_step_loses_no_link_and_doubles_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    stepwise(&world).await;
    unlink(&world, 0, 11).await;
    let serial = begin(&world, 0, 11).await;
    for station in Station::ALL {
        assert_eq!(world.juki.place(serial).unwrap().unwrap().0, station);
        world = reopened(world, dir.path()).await;
        assert_eq!(world.juki.place(serial).unwrap().unwrap().0, station);
        step(&world, serial).await;
    }
    check_links(&world, &[(0, 11)]);
    world.close().await.unwrap();
}

#[tokio::test]
async fn a_crash_between_the_delivery_and_its_end_delivers_again_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    stepwise(&world).await;
    unlink(&world, 0, 11).await;
    let serial = begin(&world, 0, 11).await;
    for _ in 0..3 {
        step(&world, serial).await;
    }
    let resident = world.population.resident_code(11);
    world.deliver_symbol(serial, &resident).await.unwrap();
    let world = reopened(world, dir.path()).await;
    assert_eq!(world.juki.requests().unwrap().len(), 1);
    step(&world, serial).await;
    check_links(&world, &[(0, 11)]);
    world.close().await.unwrap();
}

#[tokio::test]
async fn a_serial_that_is_lost_with_a_crash_is_replaced_and_opens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let wanted = PeopleToNumber {
        system: "jumin".parse().unwrap(),
        first: 11,
        count: 1,
        unlink: true,
    };
    world.number_people(code(0), wanted).await.unwrap();
    let who = addressee(&world, 0, 11);
    let server = world.server(code(0)).unwrap();
    let (lost, _) = server.request_acquisition(who, world.now()).await.unwrap();
    let world = reopened(world, dir.path()).await;
    let by = AskedBy::nobody(world.now());
    assert!(world.acquire_symbol_of(code(0), who, &by).await.unwrap());
    assert!(!world.acquire_symbol_of(code(0), who, &by).await.unwrap());
    check_links(&world, &[(0, 11)]);
    let digest = serial_digest(lost);
    assert_eq!(world.state.person_of_serial(digest).unwrap(), None);
    let brought = world.request_symbol(lost, &number(&world, 11)).await;
    assert!(brought.is_err());
    world.close().await.unwrap();
}

#[tokio::test]
async fn a_crash_between_the_note_of_a_symbol_and_its_link_links_it_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    stepwise(&world).await;
    unlink(&world, 0, 11).await;
    let serial = begin(&world, 0, 11).await;
    for _ in 0..3 {
        step(&world, serial).await;
    }
    let resident = world.population.resident_code(11);
    world.core.issue_symbol(&resident, code(0)).await.unwrap();
    let world = reopened(world, dir.path()).await;
    step(&world, serial).await;
    check_links(&world, &[(0, 11)]);
    world.close().await.unwrap();
}

#[tokio::test]
async fn a_crash_between_a_failure_and_the_end_of_its_request_fails_once() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    stepwise(&world).await;
    unlink(&world, 0, 11).await;
    let who = addressee(&world, 0, 11);
    let server = world.server(code(0)).unwrap();
    let (serial, _) = server.request_acquisition(who, world.now()).await.unwrap();
    world.request_symbol(serial, &nobodys()).await.unwrap();
    let serial = serial_digest(serial);
    for _ in 0..2 {
        step(&world, serial).await;
    }
    let why = AcquisitionFailure::PersonUnknown;
    let failed = server.fail_acquisition(serial, why, world.now());
    failed.await.unwrap();
    let world = reopened(world, dir.path()).await;
    assert_eq!(world.juki.requests().unwrap().len(), 1);
    step(&world, serial).await;
    assert!(world.juki.requests().unwrap().is_empty());
    let (stands, _) = world.acquisition(code(0), who).unwrap();
    assert!(
        matches!(stands, Acquisition::Failed { why, .. } if why == AcquisitionFailure::PersonUnknown)
    );
    world.close().await.unwrap();
}

#[tokio::test]
async fn symbols_of_one_person_at_two_institutions_have_nothing_in_common() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    for index in [0, 10, 11] {
        let resident = world.population.resident_code(index);
        let [one, two] = [0, 1].map(|place| world.core.symbol_of(&resident, code(place)).0);
        assert!(one.0.iter().zip(two.0).filter(|(a, b)| *a == b).count() < 8);
        // Nobody but the core can turn one into the other: presented elsewhere, it is nobody's.
        assert_eq!(world.state.person(code(1), &one).unwrap(), None);
        assert_eq!(world.state.person(code(0), &two).unwrap(), None);
    }
    world.close().await.unwrap();
}
