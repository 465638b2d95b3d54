//! Who may call whom, and which room owns which outside crate. Source: docs/architecture.md.

use std::collections::BTreeSet;

use crate::source::files;

/// The rooms from the top of the house: each may use those in front of it.
const ROOMS: [&str; 15] = [
    "domain",
    "crypto",
    "ledger",
    "store",
    "institution",
    "network",
    "addressee",
    "sample",
    "world",
    "grpc",
    "console",
    "config",
    "folder",
    "server",
    "cli",
];

/// Rooms on the same floor: they meet in messages of `domain`, carried by `world`.
const STRANGERS: [(&str, &str); 2] = [("institution", "network"), ("network", "institution")];

/// Outside crates, and the rooms that may name them.
const OWNERS: [(&[&str], &[&str]); 13] = [
    (
        &["ring", "hpke", "argon2", "rcgen", "x509_parser"],
        &["crypto"],
    ),
    (&["sled", "rmp_serde"], &["store"]),
    (&["csv_core"], &["domain"]),
    (
        &[
            "tonic",
            "tonic_types",
            "tonic_prost",
            "prost",
            "prost_types",
        ],
        &["grpc", "server", "cli"],
    ),
    (
        &["tonic_health", "tonic_reflection", "tonic_web", "tower"],
        &["server"],
    ),
    (&["axum"], &["console", "server"]),
    (&["askama"], &["console"]),
    (&["metrics_exporter_prometheus"], &["server"]),
    (&["rustls", "tokio_rustls"], &["server"]),
    (&["tracing_subscriber"], &["server"]),
    (&["clap", "clap_complete", "indicatif"], &["cli"]),
    (&["fs2"], &["world"]),
    (&["mimalloc"], &[]),
];

/// Outside `domain/`, which gives them their form: who may hold a number, and who a 住民票コード. `network/` beside `juki` is the core
/// system, which derives symbols from a 住民票コード.
const HOLDERS: [(&str, &[&str]); 2] = [
    (
        "IndividualNumber",
        &[
            "src/addressee/",
            "src/grpc/addressee.rs",
            "src/grpc/population.rs",
            "src/network/juki",
            "src/sample/",
            "src/world/addressees.rs",
            "src/world/identity.rs",
            "src/world/residents.rs",
        ],
    ),
    (
        "ResidentCode",
        &["src/network/", "src/sample/", "src/world/residents.rs"],
    ),
];

#[test]
fn a_number_that_names_a_person_everywhere_is_held_only_where_it_must_be() {
    let (mut wrong, mut idle) = (Vec::new(), BTreeSet::new());
    for (name, holders) in HOLDERS {
        idle.extend(holders.iter().map(|holder| (name, *holder)));
        for file in files(&["src"]) {
            let code = file.code_without_tests();
            let mut words = code.split(|c: char| !is_word(c));
            if file.room() == Some("domain") || !words.any(|word| word == name) {
                continue;
            }
            match holders.iter().find(|at| file.path.starts_with(**at)) {
                Some(holder) => drop(idle.remove(&(name, holder))),
                None => wrong.push(format!("{} holds {name}", file.path)),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(idle.is_empty(), "named and not holding one: {idle:?}");
}

#[test]
fn a_room_uses_only_the_rooms_above_it() {
    let floor = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut wrong = Vec::new();
    for file in files(&["src"]) {
        let Some(room) = file.room() else { continue };
        let own =
            floor(room).unwrap_or_else(|| panic!("{}: the room {room} has no floor", file.path));
        for used in crate_paths(&file.code()) {
            let allowed = floor(&used).is_some_and(|above| above <= own)
                && !STRANGERS.contains(&(room, &used));
            if !allowed {
                wrong.push(format!("{}: {room} may not use {used}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_library_declares_exactly_the_rooms_in_their_order() {
    let library = crate::source::read("src/lib.rs");
    let declared = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "));
    let declared: Vec<_> = declared.map(|name| name.trim_end_matches(';')).collect();
    assert_eq!(declared, ROOMS);
}

#[test]
fn an_outside_crate_is_named_only_by_the_rooms_that_own_it() {
    let mut wrong = Vec::new();
    for file in files(&["src"]) {
        let Some(room) = file.room() else { continue };
        // rustls names its provider after the crate; that module is rustls's.
        let code = file
            .code_without_tests()
            .replace("ring::default_provider", "");
        for (crates, owners) in OWNERS {
            for name in crates.iter().filter(|name| names_crate(&code, name)) {
                if !owners.contains(&room) {
                    wrong.push(format!("{}: {room} may not name {name}", file.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_names_no_crate_that_reaches_outside() {
    for file in files(&["src/domain"]) {
        let code = file.code_without_tests();
        for name in ["tokio", "tracing", "rand"] {
            assert!(!names_crate(&code, name), "{}: {name}", file.path);
        }
        for word in ["async fn", "std::fs", "std::net", "std::io", "std::env"] {
            assert!(!code.contains(word), "{}: {word}", file.path);
        }
    }
}

/// The first parts of all paths that begin with `crate::`, those inside braces with them.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(is_word) {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(first_parts(list)),
            None => found.extend(word(rest)),
        }
    }
    found
}

/// The first part of each path of a list that ends with its closing brace.
fn first_parts(list: &str) -> Vec<String> {
    let (mut depth, mut at_start, mut parts) = (0, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if at_start && is_word(c) => {
                parts.extend(word(&list[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    parts
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| is_word(*c)).collect();
    (!word.is_empty()).then_some(word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    let starts = code.match_indices(&path).any(|(at, _)| {
        let before = &code[..at];
        !before.ends_with(is_word) && !before.ends_with("::")
    });
    starts || code.contains(&format!("use {name};"))
}

#[test]
fn paths_of_the_crate_are_found_in_lists_too() {
    let code = "use crate::{\n    domain::{codes::A, names},\n    store,\n};\nlet x = crate::ledger::B; $crate::sample::C";
    let found: Vec<_> = crate_paths(code).into_iter().collect();
    assert_eq!(found, ["domain", "ledger", "sample", "store"]);
    assert!(names_crate("let a = ring::hmac::sign();", "ring"));
    assert!(!names_crate("let a = string::x; super::ring::x", "ring"));
}
