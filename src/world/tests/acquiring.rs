//! Lives of symbol acquisitions drawn at random: delays, duplicates, people who leave and come back, worlds that are opened again.

use std::{ops::Range, path::Path, sync::Arc};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{
    acquisition::{
        INSTITUTIONS, addressee, begin, check_links, code, nobodys, number, step, stepwise, unlink,
    },
    reopened, world,
};
use crate::{
    crypto::digest::serial_digest,
    domain::{
        acquisition::{Acquisition, SerialDigest, UnlinkReason},
        symbol_request::{ResidentNetworkPlan, Station},
    },
    world::{ClockMode, PeopleToNumber, World},
};

/// Whose symbols are acquired.
const PEOPLE: Range<u32> = 10..14;

#[derive(Debug, Clone)]
enum Act {
    Begin(usize, u32),
    BeginUnknown(usize, u32),
    Later(i64),
    Step(usize),
    Poll(usize),
    DeliverAgain(usize),
    BringAgain(usize),
    MoveAll,
    Down(Option<Station>),
    Twice(bool),
    Leave(usize, u32),
    Return(usize, u32),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let station = proptest::sample::select(Station::ALL.to_vec());
    prop_oneof![
        4 => (0..INSTITUTIONS.len(), PEOPLE).prop_map(|(place, index)| Act::Begin(place, index)),
        1 => (0..INSTITUTIONS.len(), PEOPLE).prop_map(|(place, index)| Act::BeginUnknown(place, index)),
        1 => (1..60_i64).prop_map(Act::Later),
        6 => (0..8_usize).prop_map(Act::Step),
        3 => (0..8_usize).prop_map(Act::Poll),
        2 => (0..8_usize).prop_map(Act::DeliverAgain),
        1 => (0..8_usize).prop_map(Act::BringAgain),
        2 => Just(Act::MoveAll),
        1 => proptest::option::of(station).prop_map(Act::Down),
        1 => any::<bool>().prop_map(Act::Twice),
        2 => (0..INSTITUTIONS.len(), PEOPLE).prop_map(|(place, index)| Act::Leave(place, index)),
        1 => (0..INSTITUTIONS.len(), PEOPLE).prop_map(|(place, index)| Act::Return(place, index)),
        1 => Just(Act::Reopen),
    ]
}

/// Does one act and gives the world after it; `begun` are the serials so far. Refusals are part of the game.
async fn perform(
    world: Arc<World>,
    act: Act,
    begun: &mut Vec<(SerialDigest, u32)>,
    dir: &Path,
) -> Arc<World> {
    let chosen = |place: usize, begun: &[(SerialDigest, u32)]| begun.get(place).copied();
    match act {
        Act::Begin(place, index) => {
            let who = addressee(&world, place, index);
            let server = world.server(code(place)).unwrap();
            if let Ok((serial, _)) = server.request_acquisition(who, world.now()).await {
                begun.push((serial_digest(serial), index));
                let person = number(&world, index);
                drop(world.request_symbol(serial, &person).await);
            }
        }
        Act::BeginUnknown(place, index) => {
            let who = addressee(&world, place, index);
            let server = world.server(code(place)).unwrap();
            if let Ok((serial, _)) = server.request_acquisition(who, world.now()).await {
                begun.push((serial_digest(serial), index));
                drop(world.request_symbol(serial, &nobodys()).await);
            }
        }
        Act::Later(hours) => {
            let later = world.now() + SignedDuration::from_hours(hours);
            world.set_clock(ClockMode::Frozen(later)).unwrap();
            world.delete_old_results().await.unwrap();
        }
        Act::Step(place) => {
            if let Some((serial, _)) = chosen(place, begun) {
                step(&world, serial).await;
            }
        }
        Act::Poll(place) => {
            if let Some((serial, _)) = chosen(place, begun) {
                world.juki.count_poll(serial).await.unwrap();
            }
        }
        Act::DeliverAgain(place) => {
            if let Some((serial, index)) = chosen(place, begun) {
                let resident = world.population.resident_code(index);
                world.deliver_symbol(serial, &resident).await.unwrap();
            }
        }
        Act::BringAgain(place) => {
            if let Some((serial, index)) = chosen(place, begun) {
                let person = number(&world, index);
                drop(world.juki.accept(serial, &person, world.now()).await);
            }
        }
        Act::MoveAll => world.move_requests().await.unwrap(),
        Act::Down(station) => {
            let mut plan = world.resident_network();
            plan.down = station.into_iter().collect();
            world.set_resident_network(plan).await.unwrap();
        }
        Act::Twice(delivers_twice) => {
            let plan = ResidentNetworkPlan {
                delivers_twice,
                ..world.resident_network()
            };
            world.set_resident_network(plan).await.unwrap();
        }
        Act::Leave(place, index) => {
            let who = addressee(&world, place, index);
            let reason = UnlinkReason::MovedOut;
            drop(world.let_addressee_go(code(place), who, reason).await);
        }
        Act::Return(place, index) => enter(&world, place, index..index + 1).await,
        Act::Reopen => return reopened(world, dir).await,
    }
    world
}

/// Enters people into an addressee system, also those who had left it.
async fn enter(world: &Arc<World>, place: usize, people: Range<u32>) {
    let wanted = PeopleToNumber {
        system: "jumin".parse().unwrap(),
        first: people.start,
        count: people.end - people.start,
        unlink: false,
    };
    world.number_people(code(place), wanted).await.unwrap();
}

/// Everybody who was begun and could not be brought is brought again, and everything is moved to its end.
async fn settle(world: &Arc<World>, people: &[(usize, u32)]) {
    world
        .set_resident_network(ResidentNetworkPlan::default())
        .await
        .unwrap();
    for (place, index) in people {
        let who = (code(*place), addressee(world, *place, *index));
        let (_, acquisition) = world.state.acquisition(who).unwrap().unwrap();
        match acquisition {
            Acquisition::Linked { .. } => {}
            Acquisition::SerialIssued { expires_at, .. } if expires_at <= world.now() => {
                begin(world, *place, *index).await;
            }
            Acquisition::SerialIssued { serial, .. } => {
                let person = number(world, *index);
                world
                    .juki
                    .accept(serial, &person, world.now())
                    .await
                    .unwrap();
                world.move_requests().await.unwrap();
            }
            Acquisition::Expired { .. }
            | Acquisition::Failed { .. }
            | Acquisition::Unlinked { .. } => {
                begin(world, *place, *index).await;
            }
        }
    }
}

#[test]
fn whatever_happens_on_the_way_everybody_has_one_symbol_and_no_serial_is_left() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let people: Vec<_> = (0..INSTITUTIONS.len())
        .flat_map(|place| PEOPLE.map(move |index| (place, index)))
        .collect();
    let acts = proptest::collection::vec(act(), 1..40);
    let config = ProptestConfig::with_cases(24);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let ran = runner.run(&acts, |acts| {
        runtime.block_on(live(acts, &people));
        Ok(())
    });
    ran.unwrap();
}

async fn live(acts: Vec<Act>, people: &[(usize, u32)]) {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    for place in 0..INSTITUTIONS.len() {
        enter(&world, place, PEOPLE).await;
    }
    for (place, index) in people {
        unlink(&world, *place, *index).await;
    }
    stepwise(&world).await;
    let mut begun = Vec::new();
    for act in acts {
        world = perform(world, act, &mut begun, dir.path()).await;
    }
    settle(&world, people).await;
    check_links(&world, people);
    // Past the time of the last of them: what was never used is gone too.
    let world = perform(world, Act::Later(60), &mut Vec::new(), dir.path()).await;
    for (serial, _) in begun {
        assert_eq!(world.state.person_of_serial(serial).unwrap(), None);
    }
    world.close().await.unwrap();
}
