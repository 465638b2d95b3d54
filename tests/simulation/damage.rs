//! Random damage to a world's directory: each is refused with the place and a remedy, or harmless; a world never opens with
//! something else in it, and never panics.
//!
//! `CHUKAN_DAMAGE_CASES` says how many (120; 10,000 in the long form), `CHUKAN_DAMAGE_SEED` which; the seed is printed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chukan::{
    domain::{jst::fiscal_year, record},
    ledger::Entry,
    store::Page,
    world::World,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::{
    life::{ASKERS, Life, PEOPLE, PROVIDER, settings},
    number,
    step::Step,
};

/// What was done to which file.
type Done = (&'static str, PathBuf);

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.file_name().unwrap() != "lock" {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// Where files hold something: most of a preallocated segment and of `db` is zeros.
fn a_place(bytes: &[u8], random: &mut StdRng) -> usize {
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    random.random_range(0..=written)
}

fn spoil(dir: &Path, random: &mut StdRng) -> Done {
    let files = files(dir);
    if random.random_ratio(1, 40) {
        let folders = ["ledger", "ledger/segments", "ledger/checkpoints", "state"];
        let folder = dir.join(folders[random.random_range(0..folders.len())]);
        fs::remove_dir_all(&folder).unwrap();
        return ("deleted", folder);
    }
    let file = files[random.random_range(0..files.len())].clone();
    let mut bytes = fs::read(&file).unwrap();
    if bytes.is_empty() {
        fs::remove_file(&file).unwrap();
        return ("deleted", file);
    }
    let place = a_place(&bytes, random);
    let done = match random.random_range(0..12) {
        0..5 => {
            bytes[place] ^= 1 << random.random_range(0..8);
            "bit flipped"
        }
        5 | 6 => {
            bytes.truncate(place);
            "cut"
        }
        7 | 8 => {
            let page = place / 512 * 512;
            let end = bytes.len().min(page + 512);
            bytes[page..end].fill(0);
            "zeroed"
        }
        9 => {
            let from = a_place(&bytes, random);
            let end = bytes
                .len()
                .min(place + 64)
                .min(place + (bytes.len() - from));
            bytes.copy_within(from..from + (end - place), place);
            "misdirected"
        }
        10 => {
            fs::remove_file(&file).unwrap();
            return ("deleted", file);
        }
        _ => {
            let other = &files[random.random_range(0..files.len())];
            bytes = fs::read(other).unwrap();
            let own = fs::read(&file).unwrap();
            fs::write(other, own).unwrap();
            "swapped"
        }
    };
    fs::write(&file, bytes).unwrap();
    (done, file)
}

/// Everything of the world that a user can see; `Err` when it says that something cannot be read.
fn seen(world: &World, life: &Life) -> Result<Vec<String>, String> {
    let said = |fault: &dyn std::error::Error| fault.to_string();
    let mut seen = vec![format!(
        "{} {} {:?}",
        world.seed(),
        world.people(),
        world.now()
    )];
    let ledger = world.records().ledger();
    let entries = ledger.replay(0, |stored| {
        seen.push(format!("{stored:?} {:?}", stored.body))
    });
    entries.map_err(|fault| said(&fault))?;
    for code in [PROVIDER, ASKERS[0], ASKERS[1]] {
        let server = world.server(code.parse().unwrap()).unwrap();
        seen.push(format!("{:?}", server.own_sealing_key()));
        let flags = server.no_auto_reply(Page::first(100));
        seen.push(format!("{:?}", flags.map_err(|fault| said(&fault))?.rows));
        let held = server.provisions(Page::first(100));
        seen.push(format!("{:?}", held.map_err(|fault| said(&fault))?.rows));
        for person in 0..PEOPLE {
            let addressee = life.numbers[&(code, person)];
            let replicas = server.replicas(addressee, None, Page::first(100));
            seen.extend(
                replicas
                    .map_err(|fault| said(&fault))?
                    .rows
                    .iter()
                    .map(|replica| serde_json::to_string(replica).unwrap()),
            );
        }
    }
    for asked in &life.asked {
        let server = world.server(asked.by).unwrap();
        let view = server.fetch_result(asked.receipt);
        seen.push(format!("{:?}", view.map_err(|fault| said(&fault))?));
    }
    Ok(seen)
}

async fn lived() -> Life {
    let mut life = Life::begin().await;
    let flag = Step::SetFlag {
        person: Some(3),
        pair: Some(0),
    };
    life.take(flag).await;
    for people in [vec![0, 1], vec![2, 3]] {
        life.ask(0, &people, &[0], (false, true)).await;
    }
    end_a_segment(life.world()).await;
    life
}

/// Fills the ledger's first segment, so that opening goes by its index.
async fn end_a_segment(world: &World) {
    let (ledger, now) = (world.records().ledger(), world.now());
    let tree = format!("{PROVIDER}/{}", fiscal_year(now));
    let entry = Entry {
        tree: tree.parse().unwrap(),
        at_ms: now.as_millisecond(),
        body: serde_json::to_vec(&record::Entry::ReplicasRegistered { count: 1 }).unwrap(),
    };
    for _ in 0..16 {
        ledger.commit(vec![entry.clone(); 500]).await.unwrap();
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum End {
    Refused,
    SaidWhenRead,
    Harmless,
}

async fn opened(world_dir: &Path, life: &Life, whole: &[String]) -> Result<End, String> {
    let settings = settings(life.dir());
    let name = "w".parse().unwrap();
    let world = match World::open(world_dir, name, &settings, &|_| {}).await {
        Ok(world) => world,
        Err(fault) => {
            let told = fault.to_string();
            // A flipped digit of the format's number looks like another version.
            let remedies = ["restore", "use the version that wrote it"];
            let helps = remedies.map(|remedy| told.to_lowercase().contains(remedy));
            let helps = helps.contains(&true);
            let is_answer = helps && !told.contains("panicked at");
            return is_answer.then_some(End::Refused).ok_or(told);
        }
    };
    let end = match seen(&world, life) {
        Err(_) => Ok(End::SaidWhenRead),
        Ok(now) if now == whole => Ok(End::Harmless),
        Ok(now) => {
            let pairs = now.iter().zip(whole);
            let other = pairs.into_iter().find(|(now, whole)| now != whole);
            let lengths = (now.len(), whole.len());
            Err(format!(
                "opened with something else in it: {lengths:?} {other:?}"
            ))
        }
    };
    drop(world.close().await);
    end
}

#[test]
fn no_damage_to_a_world_goes_unnoticed_and_does_harm() {
    let cases = number("CHUKAN_DAMAGE_CASES").unwrap_or(120);
    let seed = number("CHUKAN_DAMAGE_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("CHUKAN_DAMAGE_SEED={seed} CHUKAN_DAMAGE_CASES={cases}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut life = runtime.block_on(lived());
    let whole = seen(life.world(), &life).unwrap();
    let place = runtime.block_on(life.put_away());
    let mut ends = std::collections::BTreeMap::new();
    let mut wrong = Vec::new();
    for case in 0..cases {
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(case));
        let copy = tempfile::tempdir().unwrap();
        copy_all(&place, copy.path());
        let (done, file) = spoil(copy.path(), &mut random);
        let file = file.strip_prefix(copy.path()).unwrap().to_owned();
        match runtime.block_on(opened(copy.path(), &life, &whole)) {
            Ok(end) => *ends.entry((done, end)).or_insert(0) += 1,
            Err(told) => wrong.push(format!(
                "CHUKAN_DAMAGE_SEED={} CHUKAN_DAMAGE_CASES=1: {} {done}: {told}",
                seed.wrapping_add(case),
                file.display()
            )),
        }
    }
    eprintln!("{ends:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the sweep has found, each once.
#[test]
fn what_once_opened_with_something_else_in_it_is_refused() {
    fn edit(file: PathBuf, from: &str, to: &str) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    }
    let spoilers: [fn(&Path); 6] = [
        |world| edit(world.join("world.json"), "2026-", "2022-"),
        |world| {
            let keys = fs::read_to_string(world.join("keys.json")).unwrap();
            let at = keys.find("\"sealing\": \"").unwrap() + 12;
            let digit = if keys[at..].starts_with('0') {
                "1"
            } else {
                "0"
            };
            let spoilt = format!("{}{digit}{}", &keys[..at], &keys[at + 1..]);
            fs::write(world.join("keys.json"), spoilt).unwrap();
        },
        |world| fs::remove_file(world.join("keys.json")).unwrap(),
        |world| fs::remove_file(world.join("world.json")).unwrap(),
        |world| fs::remove_dir_all(world.join("state")).unwrap(),
        |world| fs::remove_dir_all(world.join("ledger")).unwrap(),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut life = runtime.block_on(lived());
    let whole = seen(life.world(), &life).unwrap();
    let place = runtime.block_on(life.put_away());
    for (number, spoiler) in spoilers.into_iter().enumerate() {
        let copy = tempfile::tempdir().unwrap();
        copy_all(&place, copy.path());
        spoiler(copy.path());
        let before = files(copy.path());
        let end = runtime.block_on(opened(copy.path(), &life, &whole));
        assert_eq!(end, Ok(End::Refused), "{number}");
        assert_eq!(files(copy.path()), before, "{number}: nothing is made anew");
    }
}
