//! Lengths and words.

use std::fs;

use crate::source::{File, files, root};

const LINES_MAX: usize = 400;

/// Words that put off what a reader needs now.
const BANNED: [&str; 6] = [
    "todo!",
    "unimplemented!",
    "for now",
    "in production you would",
    "simplified for",
    "Other(String)",
];

const SOURCES: [&str; 3] = ["src", "tests", "loadtest"];

#[test]
fn no_file_has_more_lines_than_a_reader_keeps_in_mind() {
    let long = files(&SOURCES)
        .into_iter()
        .filter_map(|File { path, text }| {
            let lines = text.lines().count();
            (lines > LINES_MAX).then(|| format!("{path}: {lines} lines"))
        });
    let long: Vec<_> = long.collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn nothing_is_put_off() {
    let mut found = Vec::new();
    for File { path, text } in files(&["src"]) {
        for word in BANNED.iter().filter(|word| text.contains(**word)) {
            found.push(format!("{path}: {word}"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_source_file_says_in_its_first_line_what_it_is() {
    let silent = files(&["src"]).into_iter().filter(|file| {
        let has_parent = file.path.ends_with("/tests.rs");
        !has_parent && !file.text.starts_with("//! ")
    });
    let silent: Vec<_> = silent.map(|file| file.path).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn decisions_and_the_map_stay_short() {
    for entry in fs::read_dir(root().join("docs/adr")).unwrap() {
        let path = entry.unwrap().path();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 40, "{}: {lines} lines", path.display());
    }
    let map = crate::source::read("docs/architecture.md").lines().count();
    assert!(map <= 150, "docs/architecture.md: {map} lines");
}

#[test]
fn names_say_what_a_thing_is() {
    const EMPTY: [&str; 6] = ["Manager", "Helper", "Utils", "Impl", "Common", "Handler"];
    let mut found = Vec::new();
    for file in files(&["src"]) {
        let in_grpc = file.path.starts_with("src/grpc/");
        for line in file.code().lines() {
            let named = ["struct ", "enum ", "trait ", "type "]
                .iter()
                .find_map(|kind| {
                    let (_, name) = line.split_once(kind)?;
                    name.split(|c: char| !c.is_alphanumeric()).next()
                });
            let is_empty = named.is_some_and(|name| EMPTY.iter().any(|end| name.ends_with(end)));
            // The methods of a service have the names that the schema gives them.
            let is_getter = line.contains("fn get_") && !in_grpc;
            if is_empty || is_getter {
                found.push(format!("{}: {}", file.path, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
