//! Disposal at every party of an exchange: nothing of it stays in the ledger, also when a crash comes in between.

use std::{fs, path::Path, sync::Arc};

use jiff::Timestamp;

use super::{
    at,
    by_hand::inquirer,
    interrupted::{accepted, carried, code, first},
    opened, reopened, world,
};
use crate::{
    domain::{
        codes::InstitutionCode,
        names::ProcessingSerial,
        record::Entry,
        result::ResultCode,
        retention::{LEGAL_BASIS, kept_long_enough},
    },
    store::{Keeper, State, StateCopy},
    world::{ClockMode, World, WorldFault},
};

/// Seven years and a day after the worlds of these tests begin.
const LATER: &str = "2033-05-12T01:00:00Z";

/// Whether a file in `dir` holds these bytes anywhere.
fn holds(dir: &Path, part: impl AsRef<[u8]>) -> bool {
    let part = part.as_ref();
    fs::read_dir(dir).unwrap().any(|file| {
        let path = file.unwrap().path();
        if path.is_dir() {
            return holds(&path, part);
        }
        let bytes = fs::read(path).unwrap();
        bytes.windows(part.len()).any(|found| found == part)
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
        assert!(holds(&ledger, serial.to_string()) && holds(&ledger, &permit));
        world.dispose(keeper, None).await.unwrap();
        assert!(world.disposal(keeper).unwrap().trees.is_empty());
    }
    assert!(!holds(&ledger, serial.to_string()) && !holds(&ledger, &permit));
    assert!(world.state.provision(provider, serial).unwrap().is_none());
    assert!(world.compare(serial, provider).unwrap().is_none());
    let world = reopened(world, dir.path()).await;
    assert!(world.compare(serial, provider).unwrap().is_none());
}

/// What of an exchange could be in a file, beside the inquirer's own results, which have a period of their own.
fn traces(world: &World, serial: ProcessingSerial) -> [Vec<u8>; 3] {
    let record = world.core.record_of(serial).unwrap().unwrap().record;
    let permit = record.permit_id.unwrap();
    [
        serial.to_string().into_bytes(),
        permit.to_string().into_bytes(),
        permit.0.to_vec(),
    ]
}

async fn disposed_of_by_all(world: &World, provider: InstitutionCode) {
    for keeper in [
        Keeper::Institution(inquirer()),
        Keeper::Core,
        Keeper::Institution(provider),
    ] {
        world.dispose(keeper, None).await.unwrap();
    }
}

/// A world with one exchange of seven years ago, its provider, and the traces of that exchange.
async fn kept_long_enough_in(dir: &Path) -> (Arc<World>, InstitutionCode, [Vec<u8>; 3]) {
    let world = world(dir).await;
    let inquiry = accepted(&world, 0).await;
    carried(&world, &inquiry).await;
    let (serial, provider) = (first(&inquiry), inquiry.details[0].infos[0].provider);
    let traces = traces(&world, serial);
    // So that the rows are in the tree, and not only in the log.
    let world = reopened(world, dir).await;
    world.set_clock(ClockMode::Frozen(at(LATER))).unwrap();
    let server = world.server(inquirer()).unwrap();
    server.delete_old_results(world.now()).await.unwrap();
    (world, provider, traces)
}

/// As [`kept_long_enough_in`], and all three have disposed of it while the state could not be written anew.
async fn disposed_of(dir: &Path) -> (Arc<World>, [Vec<u8>; 3]) {
    let (world, provider, traces) = kept_long_enough_in(dir).await;
    let in_the_way = dir.join("world/state.rebuilding");
    fs::write(&in_the_way, "").unwrap();
    disposed_of_by_all(&world, provider).await;
    fs::remove_file(&in_the_way).unwrap();
    let state = dir.join("world/state");
    assert!(world.state.disposal_mark().unwrap().is_some() && holds(&state, &traces[0]));
    (world, traces)
}

fn copied(state: &Path, to: &Path) {
    let state = State::open(state, 1 << 20).unwrap();
    let (mut frozen, mut copy) = (state.freeze(), StateCopy::begin(to, 1 << 20).unwrap());
    while let Some(page) = frozen.next_page().unwrap() {
        copy.put(&page).unwrap();
    }
    copy.finish(frozen.totals()).unwrap();
}

/// The state is written anew, and no file of the world holds a trace.
fn no_trace(dir: &Path, world: &World, traces: &[Vec<u8>; 3]) {
    assert!(world.state.disposal_mark().unwrap().is_none());
    let kept = ["state.removed", "state.rebuilding"];
    assert!(
        kept.iter()
            .all(|name| !dir.join("world").join(name).exists())
    );
    for trace in traces {
        assert!(!holds(&dir.join("world"), trace));
    }
}

/// As [`no_trace`], and the world is whole: another exchange goes all the way to its provider.
async fn nothing_left(dir: &Path, world: &Arc<World>, traces: &[Vec<u8>; 3]) {
    no_trace(dir, world, traces);
    let next = accepted(world, 1).await;
    carried(world, &next).await;
    let code = code(world, &next);
    assert_eq!(
        code,
        ResultCode::NotRegistered,
        "the replicas are of years ago"
    );
}

#[tokio::test]
async fn after_the_disposal_no_file_of_the_open_world_holds_a_trace_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (world, provider, traces) = kept_long_enough_in(dir.path()).await;
    let state = dir.path().join("world/state");
    assert!(holds(&state, &traces[0]));
    // A second name of the old file, to see what becomes of its bytes.
    let old = dir.path().join("old");
    fs::hard_link(state.join("db"), &old).unwrap();
    disposed_of_by_all(&world, provider).await;
    let bytes = fs::read(old).unwrap();
    assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0));
    no_trace(dir.path(), &world, &traces);
    let world = reopened(world, dir.path()).await;
    nothing_left(dir.path(), &world, &traces).await;
}

#[tokio::test]
async fn a_state_that_could_not_be_written_anew_is_at_the_next_opening_at_which_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let (world, traces) = disposed_of(dir.path()).await;
    let in_the_way = dir.path().join("world/state.rebuilding");
    fs::write(&in_the_way, "").unwrap();
    let world = reopened(world, dir.path()).await;
    assert!(world.state.disposal_mark().unwrap().is_some());
    fs::remove_file(&in_the_way).unwrap();
    let world = reopened(world, dir.path()).await;
    nothing_left(dir.path(), &world, &traces).await;
}

#[tokio::test]
async fn a_crash_at_any_moment_of_the_writing_anew_leaves_one_whole_state() {
    let moments: [fn(&Path); 3] = [
        // The new one is half made.
        |world| {
            let half = world.join("state.rebuilding");
            drop(StateCopy::begin(&half, 1 << 20).unwrap());
        },
        // The old one is moved away, the new one has not its name yet.
        |world| {
            let (state, new) = (world.join("state"), world.join("state.rebuilding"));
            copied(&state, &new);
            fs::rename(&state, world.join("state.removed")).unwrap();
        },
        // The new one has its name, the old one is half destroyed.
        |world| {
            let (state, removed) = (world.join("state"), world.join("state.removed"));
            copied(&state, &removed);
            let new = world.join("new");
            fs::rename(&removed, &new).unwrap();
            fs::rename(&state, &removed).unwrap();
            fs::rename(&new, &state).unwrap();
            fs::remove_file(removed.join("manifest.json")).unwrap();
        },
    ];
    for moment in moments {
        let dir = tempfile::tempdir().unwrap();
        let (world, traces) = disposed_of(dir.path()).await;
        world.close().await.unwrap();
        drop(world);
        moment(&dir.path().join("world"));
        let world = opened(dir.path()).await.unwrap();
        nothing_left(dir.path(), &world, &traces).await;
    }
}

#[tokio::test]
async fn a_half_made_state_never_takes_the_place_of_one_that_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    world.close().await.unwrap();
    drop(world);
    let at = |name: &str| dir.path().join("world").join(name);
    drop(StateCopy::begin(&at("state.rebuilding"), 1 << 20).unwrap());
    fs::rename(at("state"), at("elsewhere")).unwrap();
    let opening = opened(dir.path()).await;
    assert!(matches!(opening, Err(WorldFault::Missing(_))));
    assert!(!at("state").exists());
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
