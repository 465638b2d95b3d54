//! docs/roles.md against the code: every act with its roles, every page and every call of the staff with its act.

use std::collections::{BTreeMap, BTreeSet};

use chukan::domain::staff::{Act, Role};

use crate::source::{files, read};

/// The rows of the table below `heading`, without its head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = read("docs/roles.md");
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with(heading));
    let rows = section.unwrap_or_else(|| panic!("no section {heading}"));
    let rows = rows.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    })
    .collect()
}

#[test]
fn every_act_is_in_the_table_with_its_roles() {
    let coded = Act::ALL.map(|act| {
        let roles: Vec<_> = act.roles().iter().map(|role| Role::ja(*role)).collect();
        vec![format!("{act:?}"), act.ja().to_owned(), roles.join("、")]
    });
    assert_eq!(table("Acts and roles"), coded);
}

#[test]
fn every_page_and_every_call_of_the_staff_has_its_act() {
    let rows = table("Pages and calls");
    let written: BTreeMap<_, _> = rows.iter().map(|row| (&row[0], &row[1])).collect();
    assert_eq!(
        written.len(),
        rows.len(),
        "something stands in the table twice"
    );
    let named: BTreeSet<_> = written.keys().map(|name| (*name).clone()).collect();
    let mut there = pages();
    there.extend(calls());
    assert_eq!(named, there);
    let acts = Act::ALL.map(|act| format!("{act:?}"));
    for (name, act) in written {
        let known = acts.contains(act) || ["signed in", "everybody"].contains(&act.as_str());
        assert!(known, "{name}: {act}");
    }
}

fn pages() -> BTreeSet<String> {
    let router = read("src/console/mod.rs");
    let routes = router.split(".route(").skip(1);
    routes
        .filter_map(|route| Some(route.split('"').nth(1)?.to_owned()))
        .collect()
}

/// The calls that ask whose session it is.
fn calls() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files(&["src/grpc"]) {
        let code = file.code_without_tests();
        for body in code.split("async fn ").skip(1) {
            if body.contains("entered.staff(&request)") {
                let name = body.split(['(', '<']).next().unwrap_or_default();
                let words = name.split('_').map(|word| {
                    let (first, rest) = word.split_at(1);
                    first.to_uppercase() + rest
                });
                found.insert(words.collect());
            }
        }
    }
    found
}
