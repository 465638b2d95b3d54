//! A deletion that is on record when a crash comes is done at the next opening, and is not recorded again.

use jiff::SignedDuration;

use super::{
    DAY, at,
    by_hand::inquirer,
    interrupted::{accepted, carried},
    reopened, world,
};
use crate::{
    crypto::digest::serial_digest,
    domain::{acquisition::Acquisition, deletion::Deleted, record::Entry},
    store::Keeper,
    world::{ClockMode, World},
};

/// What was deleted at the inquirer, and how many, the newest first.
fn deletions(world: &World) -> Vec<(Deleted, u64)> {
    let server = world.server(inquirer()).unwrap();
    let (found, complete) = server.deletions(at(DAY)).unwrap();
    assert!(complete);
    let deletions = found.iter().map(|placed| (placed.what, placed.count));
    deletions.collect()
}

#[tokio::test]
async fn what_is_recorded_as_deleted_is_deleted_once_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let inquiry = accepted(&world, 0).await;
    carried(&world, &inquiry).await;
    let server = world.server(inquirer()).unwrap();
    let nobody = "000000000000077".parse().unwrap();
    let issued = server.request_acquisition(nobody, world.now());
    let serial = serial_digest(issued.await.unwrap().0);
    let later = at(DAY) + SignedDuration::from_hours(24 * 31);
    world.set_clock(ClockMode::Frozen(later)).unwrap();
    // Kept as by acts that a crash interrupts: the state has not followed the ledger past them.
    let mut under_way = Vec::new();
    let deleted = [Deleted::Results, Deleted::AcquisitionSerials];
    for (what, days) in deleted.into_iter().zip([30, 1]) {
        let entry = Entry::Deleted {
            what,
            count: 1,
            ended_before: later - SignedDuration::from_hours(24 * days),
        };
        let keeper = Keeper::Institution(inquirer());
        let recorded = world.records.write(keeper, &entry, later).await;
        under_way.push(recorded.unwrap());
    }
    assert!(world.state.person_of_serial(serial).unwrap().is_some());

    let world = reopened(world, dir.path()).await;
    drop(under_way);
    let server = world.server(inquirer()).unwrap();
    assert!(server.fetch_result(inquiry.receipt).is_err());
    assert_eq!(world.state.person_of_serial(serial).unwrap(), None);
    let stands = server.acquisition(nobody).unwrap();
    assert!(matches!(stands, Acquisition::Expired { .. }));
    assert_eq!(world.delete_old_results().await.unwrap(), 0);
    let [results, serials] = deleted.map(|what| (what, 1));
    assert_eq!(deletions(&world), [serials, results]);
}
