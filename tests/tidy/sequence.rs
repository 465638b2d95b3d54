//! The sequence diagram of docs/symbol-acquisition.md against the code: who takes part, and each step by its name; and the
//! machine of many acquisitions at once.

use std::collections::BTreeSet;

use chukan::domain::{
    mass_acquisition::{MassAcquisition, MassState},
    symbol_request::Station,
};

use crate::{
    source::{files, read},
    state_machines::{NOW, drawn, transition},
};

/// A step of the diagram: from, to, and what it is called.
struct Step {
    from: String,
    to: String,
    name: String,
}

fn diagram() -> String {
    let page = read("docs/symbol-acquisition.md");
    let (_, diagram) = page.split_once("sequenceDiagram\n").unwrap();
    diagram.split_once("```").unwrap().0.to_owned()
}

/// The names of those who take part, in order, with their letters.
fn participants() -> Vec<(String, String)> {
    let diagram = diagram();
    let named = diagram.lines().filter_map(|line| {
        let (letter, name) = line
            .trim()
            .strip_prefix("participant ")?
            .split_once(" as ")?;
        Some((letter.to_owned(), name.to_owned()))
    });
    named.collect()
}

fn steps() -> Vec<Step> {
    let diagram = diagram();
    let steps = diagram.lines().filter_map(|line| {
        let (from, rest) = line.trim().split_once("->>")?;
        let (to, said) = rest.split_once(": ")?;
        Some(Step {
            from: from.trim_end_matches('-').to_owned(),
            to: to.to_owned(),
            name: said.split('（').next().unwrap_or_default().to_owned(),
        })
    });
    steps.collect()
}

/// Whether a file below one of `roots` has `text` outside its tests.
fn coded(roots: &[&str], text: &str) -> bool {
    files(roots)
        .iter()
        .any(|file| file.code_without_tests().contains(text))
}

#[test]
fn the_servers_of_the_diagram_are_the_stations_in_order() {
    let stations = Station::ALL.map(|station| station.ja().to_owned());
    let names: Vec<_> = participants().into_iter().map(|(_, name)| name).collect();
    assert!(names.ends_with(&stations), "{names:?}");
}

#[test]
fn the_steps_between_the_servers_are_the_events_that_lead_there() {
    let letters: Vec<_> = participants().into_iter().collect();
    let station = |letter: &str| {
        let (_, name) = letters.iter().find(|(known, _)| known == letter)?;
        Station::ALL
            .into_iter()
            .find(|station| station.ja() == name)
    };
    let between: Vec<_> = steps()
        .into_iter()
        .filter_map(|step| Some((station(&step.from)?, station(&step.to)?, step.name)))
        .collect();
    let told: Vec<_> = between
        .iter()
        .map(|(from, to, name)| (*from, *to, name.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                Station::CommunicationServer,
                Station::PrefecturalServer,
                "Forwarded"
            ),
            (
                Station::PrefecturalServer,
                Station::NationalServer,
                "Forwarded"
            ),
            (Station::NationalServer, Station::CoreSystem, "Converted"),
        ]
    );
    // The machine allows these events there: tests/tidy/state_machines.rs.
    for event in ["Forwarded", "Converted"] {
        let made = format!("SymbolRequestEvent::{event}");
        assert!(coded(&["src/network/juki"], &made), "{made}");
    }
}

#[test]
fn each_call_of_the_diagram_is_a_function_where_the_table_says() {
    for step in steps() {
        let name = &step.name;
        let function = name.is_ascii().then(|| {
            let words = name.chars().flat_map(|letter| {
                let upper = letter.is_ascii_uppercase();
                upper
                    .then_some('_')
                    .into_iter()
                    .chain([letter.to_ascii_lowercase()])
            });
            words.collect::<String>().trim_matches('_').to_owned()
        });
        // What is Japanese is an answer, what a server does by itself an event.
        let Some(function) = function else { continue };
        if ["forwarded", "converted"].contains(&function.as_str()) {
            continue;
        }
        let room = match step.to.as_str() {
            "A" => "src/grpc",
            "M" if function == "get_acquisition" => "src/grpc",
            "M" => "src/institution",
            "C" => "src/network",
            to => panic!("{to}: no room takes {function}"),
        };
        assert!(
            coded(&[room], &format!("fn {function}(")),
            "no {function} in {room}"
        );
    }
}

#[test]
fn every_file_of_the_table_is_there() {
    let page = read("docs/symbol-acquisition.md");
    let (_, table) = page.split_once("| step | code |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let named: Vec<_> = table
        .split('`')
        .filter(|word| word.starts_with("src/"))
        .collect();
    assert!(named.len() >= 8, "{named:?}");
    for file in named {
        assert!(!read(file).is_empty(), "{file}");
    }
}

#[test]
fn the_mass_acquisition_goes_as_it_is_drawn() {
    let states = [
        MassState::Running,
        MassState::Ended { at: NOW },
        MassState::Cancelled { at: NOW },
    ];
    let name = |mass: &MassAcquisition| match mass.state {
        MassState::Running => "Running",
        MassState::Ended { .. } => "Ended",
        MassState::Cancelled { .. } => "Cancelled",
    };
    let mut allowed = BTreeSet::new();
    for state in states {
        let mass = MassAcquisition {
            state,
            ..MassAcquisition::begin(2, NOW)
        };
        let acts = [
            ("advance", mass.advance((1, 1), NOW)),
            ("advance to the last", mass.advance((2, 1), NOW)),
            ("cancel", mass.cancel(NOW)),
        ];
        for (act, next) in acts {
            if let Ok(next) = next {
                allowed.insert(transition(name(&mass), act, name(&next)));
            }
        }
    }
    assert_eq!(allowed, drawn("The mass acquisition"));
}
