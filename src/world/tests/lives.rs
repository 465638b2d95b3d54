//! Closing, resetting, and what a world does by itself.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;

use super::{DAY, at, plan, reopened, settings, world};
use crate::{
    crypto::digest::random_bytes,
    domain::codes::AddresseeNumber,
    store::Keeper,
    world::{ClockMode, World, Worlds},
};

fn asahino() -> crate::domain::codes::InstitutionCode {
    "9900000000001100".parse().unwrap()
}

fn somebody() -> AddresseeNumber {
    let number = u64::from_be_bytes(random_bytes().unwrap()) % 1_000_000_000_000_000;
    format!("{number:015}").parse().unwrap()
}

/// Acts that a service runs directly, until one fails.
async fn act_until_closed(world: Arc<World>) -> u64 {
    let published = world.core.publish_list().unwrap();
    let server = world.server(asahino()).unwrap();
    let mut done = 0;
    loop {
        let copied = server.copy_list(published.clone(), world.now()).await;
        let asked = server.request_acquisition(somebody(), world.now()).await;
        if copied.is_err() || asked.is_err() {
            return done;
        }
        done += 1;
    }
}

async fn refuse_until_closed(world: Arc<World>) -> u64 {
    let entry = crate::domain::record::Entry::CallRefused {
        reason: "INSTITUTION_MISMATCH".to_owned(),
        named: None,
    };
    let mut done = 0;
    loop {
        let keeper = Keeper::Institution(asahino());
        let written = world.records.write(keeper, &entry, world.now()).await;
        if written.is_err() {
            return done;
        }
        done += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reset_world_takes_no_write_of_the_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let worlds = Worlds::new(dir.path().join("worlds"), settings(dir.path()));
    worlds.open_all(plan("default", 1), &|_| {}).await.unwrap();
    for _ in 0..3 {
        let old = worlds.find("default").unwrap();
        let acts: Vec<_> = (0..4)
            .map(|_| tokio::spawn(act_until_closed(Arc::clone(&old))))
            .collect();
        let refusals = tokio::spawn(refuse_until_closed(Arc::clone(&old)));
        while old.records.ledger().next_sequence() < 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let new = worlds.reset("default").await.unwrap();
        let mut done = refusals.await.unwrap();
        for act in acts {
            done += act.await.unwrap();
        }
        assert!(done > 0);
        assert!(!old.is_writable());
        assert!(old.set_clock(ClockMode::System).is_err());
        let mut trees = old.records.ledger().trees().into_iter();
        let (tree, _) = trees.next().unwrap();
        assert!(old.records.ledger().checkpoint(tree).await.is_err());
        assert_eq!(new.records.ledger().next_sequence(), 0);
        assert_eq!(new.clock(), ClockMode::Frozen(at(DAY)));
        assert_eq!((new.seed(), new.people()), (1, 14));
        drop((old, new));
    }
    worlds.close().await.unwrap();
    let grave = dir.path().join("worlds/.trial.deleted");
    std::fs::create_dir(&grave).unwrap();
    let again = Worlds::new(dir.path().join("worlds"), settings(dir.path()));
    again.open_all(plan("default", 1), &|_| {}).await.unwrap();
    assert!(!grave.exists());
    let world = again.find("default").unwrap();
    assert_eq!(world.records.ledger().next_sequence(), 0);
    assert_eq!(world.clock(), ClockMode::Frozen(at(DAY)));
}

#[tokio::test]
async fn a_deleted_world_is_gone_and_its_name_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let worlds = Worlds::new(dir.path().join("worlds"), settings(dir.path()));
    worlds.open_all(plan("default", 1), &|_| {}).await.unwrap();
    let old = worlds.create(plan("trial", 2)).await.unwrap();
    assert!(worlds.create(plan("trial", 2)).await.is_err());
    worlds.delete("trial").await.unwrap();
    assert!(worlds.find("trial").is_err());
    assert!(!dir.path().join("worlds/trial").exists());
    let new = worlds.create(plan("trial", 3)).await.unwrap();
    let server = old.server(asahino()).unwrap();
    assert!(
        server
            .request_acquisition(somebody(), old.now())
            .await
            .is_err()
    );
    assert!(new.is_writable());
    assert!(worlds.delete("default").await.is_err());
}

#[tokio::test]
async fn copies_older_than_a_day_are_renewed_unless_the_clock_is_frozen() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let copied_at = |world: &World| {
        let copy = world.server(asahino()).unwrap().list_copy();
        copy.unwrap().copied_at
    };
    assert_eq!(copied_at(&world), at(DAY));
    let later = at(DAY) + SignedDuration::from_hours(24 * 8);
    world.set_clock(ClockMode::Frozen(later)).unwrap();
    world.keep_up().await.unwrap();
    assert_eq!(copied_at(&world), at(DAY));
    world.set_clock(ClockMode::OffsetMs(0)).unwrap();
    world.keep_up().await.unwrap();
    let renewed = copied_at(&world);
    assert_ne!(renewed, at(DAY));
    world.keep_up().await.unwrap();
    assert_eq!(copied_at(&world), renewed);
    world
        .set_clock(ClockMode::OffsetMs(25 * 3_600_000))
        .unwrap();
    world.keep_up().await.unwrap();
    assert!(copied_at(&world) > renewed);
}

#[tokio::test]
async fn a_clock_that_was_set_is_the_same_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    for mode in [
        ClockMode::OffsetMs(7 * 365 * 86_400_000),
        ClockMode::OffsetMs(-3_600_000),
        ClockMode::Frozen(at("2033-11-23T00:00:00Z")),
        ClockMode::System,
    ] {
        world.set_clock(mode).unwrap();
        let before = world.now();
        world = reopened(world, dir.path()).await;
        assert_eq!(world.clock(), mode);
        assert!(world.now() >= before);
    }
    world.close().await.unwrap();
}

#[tokio::test]
async fn closing_stops_the_upkeep_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    assert!(!world.tasks.is_empty());
    let closed = tokio::time::timeout(Duration::from_secs(20), world.close());
    closed.await.unwrap().unwrap();
    assert!(world.tasks.is_empty());
}
