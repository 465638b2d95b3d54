use jiff::Timestamp;

use super::*;
use crate::{
    domain::{
        condition::Condition,
        form_check::check,
        replica::{ItemValue, Replica},
        selection::{Found, Selection, select},
    },
    sample::layouts,
};

const TODAY: Date = date(2026, 11, 22);

fn institution() -> InstitutionCode {
    "9900000000000001".parse().unwrap()
}

fn tm(text: &str) -> SpecificInfoCode {
    text.parse().unwrap()
}

fn registered(source: &ReplicaSource<'_>, index: u32, tm: SpecificInfoCode) -> Vec<Replica> {
    let person = source.population.person(index).unwrap();
    let drafts = source.drafts(&person, tm, institution());
    let check_one = |draft: ReplicaDraft| {
        let layout = source.layouts.find(tm, &draft.layout_version).unwrap();
        check(layout, draft).unwrap_or_else(|flaws| panic!("{index} {tm}: {flaws:?}"))
    };
    let checked = drafts.into_iter().map(check_one);
    checked
        .map(|c| c.register(Timestamp::UNIX_EPOCH, 1))
        .collect()
}

fn found(index: u32, tm: SpecificInfoCode) -> Found {
    let (population, layouts) = (Population::new(1, 100), layouts::embedded().unwrap());
    let source = ReplicaSource {
        population: &population,
        layouts: &layouts,
        today: TODAY,
    };
    let request = Selection {
        items: &[],
        condition: Condition::None,
        on: TODAY,
    };
    select(&registered(&source, index, tm), &request)
}

#[test]
fn every_replica_of_the_first_people_passes_the_form_check() {
    let layouts = layouts::embedded().unwrap();
    let population = Population::new(20_261_122, 2_000);
    for (today, people) in [
        (TODAY, 2_000),
        (date(2026, 5, 31), 100),
        (date(2024, 2, 29), 100),
        (date(2033, 12, 31), 100),
    ] {
        let source = ReplicaSource {
            population: &population,
            layouts: &layouts,
            today,
        };
        for index in 0..people {
            for tm in layouts.specific_infos() {
                let replicas = registered(&source, index, tm);
                let none = Situation::of(index) == Situation::NotRegistered;
                assert_eq!(replicas.is_empty(), none, "{index} {tm}");
            }
        }
    }
}

#[test]
fn the_sample_persons_reach_their_results_for_every_specific_information() {
    for tm in layouts::embedded().unwrap().specific_infos() {
        for (index, situation) in (0..).zip(Situation::ALL) {
            let found = found(index, tm);
            let as_meant = match situation {
                Situation::NotRegistered => found == Found::NotRegistered,
                Situation::NotDeclared => found == Found::NotDeclared,
                Situation::OutsidePublication => found == Found::OutsidePublication,
                Situation::PartlyProvided => {
                    matches!(&found, Found::Answer { partly, .. } if !partly.is_empty())
                }
                Situation::Ordinary
                | Situation::MovedOut
                | Situation::SymbolMissing
                | Situation::HeldByPerson
                | Situation::HeldByInfo
                | Situation::HeldByPersonInfo
                | Situation::NoSelfProvision
                | Situation::Protected => {
                    matches!(&found, Found::Answer { partly, .. } if partly.is_empty())
                }
            };
            assert!(as_meant, "{situation:?} {tm}: {found:?}");
        }
    }
}

#[test]
fn a_tax_replica_follows_the_layout_of_its_year() {
    let Found::Answer { answer, .. } = found(0, tm(YEARLY)) else {
        panic!("no answer");
    };
    let versions: Vec<_> = answer
        .records
        .iter()
        .map(|record| (record.record_key.as_str(), record.layout_version.as_str()))
        .collect();
    assert_eq!(versions, [("2025", "2025.06"), ("2026", "2026.06")]);
}

#[test]
fn the_same_seed_writes_the_same_and_another_seed_something_else() {
    let layouts = layouts::embedded().unwrap();
    let drafts = |seed| {
        let population = Population::new(seed, 20);
        let source = ReplicaSource {
            population: &population,
            layouts: &layouts,
            today: TODAY,
        };
        let person = population.person(15).unwrap();
        let infos = layouts.specific_infos();
        infos
            .flat_map(|tm| source.drafts(&person, tm, institution()))
            .collect::<Vec<_>>()
    };
    assert!(drafts(1) == drafts(1));
    assert!(
        drafts(1)
            .iter()
            .zip(drafts(2))
            .all(|(one, other)| *one != other)
    );
}

#[test]
fn the_person_is_in_the_household_as_in_the_population() {
    let (population, layouts) = (Population::new(1, 100), layouts::embedded().unwrap());
    let source = ReplicaSource {
        population: &population,
        layouts: &layouts,
        today: TODAY,
    };
    let person = population.person(20).unwrap();
    let drafts = source.drafts(&person, tm("TM90000000000001"), institution());
    let member = &drafts[0].content[0].children[0];
    let name = member.items[0].value.clone();
    assert!(name == Some(ItemValue::Present(person.name())));
    let birth = member.items[2].value.clone();
    let expected = person.birth_date.strftime("%Y%m%d").to_string();
    assert!(birth == Some(ItemValue::Present(expected)));
}
