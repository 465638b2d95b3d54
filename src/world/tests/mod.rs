//! Worlds in a temporary directory, whole and in one process.

mod acquiring;
mod acquisition;
mod by_hand;
mod correcting;
mod deciding;
mod deleting;
mod disposal;
mod identity;
mod interrupted;
mod lists;
mod lives;
mod seeds;

use std::{path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{ClockMode, Settings, WatchRules, World, WorldFault, WorldPlan};
use crate::{
    institution::{Periods, StaffRules},
    sample::definitions::write_embedded,
};

const DAY: &str = "2026-05-11T01:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn settings(dir: &Path) -> Settings {
    let definitions = dir.join("definitions");
    write_embedded(&definitions).unwrap();
    Settings {
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
    }
}

fn plan(name: &str, seed: u64) -> WorldPlan {
    WorldPlan {
        name: name.parse().unwrap(),
        seed,
        people: 14,
        clock: ClockMode::Frozen(at(DAY)),
    }
}

pub(super) async fn world(dir: &Path) -> Arc<World> {
    World::create(&dir.join("world"), plan("w", 1), &settings(dir), &|_| {})
        .await
        .unwrap()
}

async fn opened(dir: &Path) -> Result<Arc<World>, WorldFault> {
    let name = "w".parse().unwrap();
    World::open(&dir.join("world"), name, &settings(dir), &|_| {}).await
}

async fn reopened(world: Arc<World>, dir: &Path) -> Arc<World> {
    world.close().await.unwrap();
    drop(world);
    opened(dir).await.unwrap()
}
