//! Disposal at every party of an exchange: nothing of it stays in the ledger, also when a crash comes in between.

use std::{fs, path::Path};

use jiff::Timestamp;

use super::{
    at,
    by_hand::inquirer,
    interrupted::{accepted, carried, code, first},
    reopened, world,
};
use crate::{
    domain::{
        record::Entry,
        result::ResultCode,
        retention::{LEGAL_BASIS, kept_long_enough},
    },
    store::Keeper,
    world::{ClockMode, World},
};

/// Seven years and a day after the worlds of these tests begin.
const LATER: &str = "2033-05-12T01:00:00Z";

fn holds(dir: &Path, text: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|file| {
        let path = file.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

fn line(world: &World) -> Timestamp {
    kept_long_enough(world.now()).unwrap()
}

#[tokio::test]
async fn when_all_three_have_disposed_nothing_of_the_exchange_is_in_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let inquiry = accepted(&world, 0).await;
    carried(&world, &inquiry).await;
    assert_eq!(code(&world, &inquiry), ResultCode::EndedNormally);
    let serial = first(&inquiry);
    let provider = inquiry.details[0].infos[0].provider;
    let permit = world.core.record_of(serial).unwrap().unwrap();
    let permit = permit.record.permit_id.unwrap().to_string();
    let ledger = dir.path().join("world/ledger");
    world.set_clock(ClockMode::Frozen(at(LATER))).unwrap();
    let parties = [inquirer(), provider].map(Keeper::Institution);
    for keeper in [parties[0], Keeper::Core, parties[1]] {
        assert!(holds(&ledger, &serial.to_string()) && holds(&ledger, &permit));
        world.dispose(keeper, None).await.unwrap();
        assert!(world.disposal(keeper).unwrap().trees.is_empty());
    }
    assert!(!holds(&ledger, &serial.to_string()) && !holds(&ledger, &permit));
    assert!(world.state.provision(provider, serial).unwrap().is_none());
    assert!(world.compare(serial, provider).unwrap().is_none());
    let world = reopened(world, dir.path()).await;
    assert!(world.compare(serial, provider).unwrap().is_none());
}

#[tokio::test]
async fn a_disposal_that_is_only_on_record_is_done_at_the_next_opening() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let inquiry = accepted(&world, 0).await;
    carried(&world, &inquiry).await;
    world.set_clock(ClockMode::Frozen(at(LATER))).unwrap();
    let (recorded_before, keeper) = (line(&world), Keeper::Institution(inquirer()));
    let entries = world.disposal(keeper).unwrap().entries();
    assert!(entries > 0);
    let entry = Entry::Disposed {
        recorded_before,
        entries,
        first: recorded_before,
        last: recorded_before,
        legal_basis: LEGAL_BASIS.to_owned(),
        approved_by: None,
    };
    let recorded = world.records.write(keeper, &entry, world.now()).await;
    // Kept as by an act that a crash interrupts: the state has not followed the ledger past it.
    let under_way = recorded.unwrap();
    let world = reopened(world, dir.path()).await;
    drop(under_way);
    assert!(world.disposal(keeper).unwrap().trees.is_empty());
}
