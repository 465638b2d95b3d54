use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SIZE: u32 = 5_000;

fn institutions() -> Vec<InstitutionCode> {
    ["9900000000000001", "9900000000000002", "9900000000000003"]
        .map(|code| code.parse().unwrap())
        .to_vec()
}

fn portrait(population: &Population, index: u32) -> Vec<String> {
    let person = population.person(index).unwrap();
    vec![
        person.name(),
        person.kana(),
        person.birth_date.to_string(),
        person.address.clone(),
        person.individual_number.expose().to_owned(),
        person.resident_code.expose().to_owned(),
    ]
}

#[test]
fn the_same_seed_makes_the_same_people_and_another_seed_others() {
    let (first, again, other) = (
        Population::new(1, SIZE),
        Population::new(1, SIZE * 2),
        Population::new(2, SIZE),
    );
    for index in 0..200 {
        assert_eq!(portrait(&first, index), portrait(&again, index));
        assert_ne!(portrait(&first, index)[4..], portrait(&other, index)[4..]);
    }
}

#[test]
fn no_two_people_share_a_number() {
    let population = Population::new(3, SIZE);
    let people = || (0..SIZE).map(|index| population.person(index).unwrap());
    let unique = |numbers: Vec<String>| numbers.iter().collect::<BTreeSet<_>>().len();
    let individual: Vec<_> = people()
        .map(|p| p.individual_number.expose().to_owned())
        .collect();
    assert!(individual.iter().all(|number| number.starts_with("99")));
    assert_eq!(unique(individual), SIZE as usize);
    let resident = people()
        .map(|p| p.resident_code.expose().to_owned())
        .collect();
    assert_eq!(unique(resident), SIZE as usize);
    assert!(population.person(SIZE).is_none());
}

#[test]
fn the_numbers_of_two_institutions_have_nothing_in_common() {
    let population = Population::new(3, SIZE);
    let numbers = |institution| {
        (0..SIZE)
            .map(|index| population.addressee_number(index, institution).unwrap())
            .collect::<BTreeSet<_>>()
    };
    let all = institutions();
    let (one, other) = (numbers(all[0]), numbers(all[1]));
    assert_eq!(one.len(), SIZE as usize);
    assert_eq!(one.intersection(&other).count(), 0);
}

#[test]
fn people_live_everywhere_and_the_first_ones_in_the_first_municipality() {
    let population = Population::new(4, SIZE);
    let all = institutions();
    let homes = |range: std::ops::Range<u32>| {
        range
            .map(|index| population.home(index, &all).unwrap())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(homes(0..Situation::FIRST_PERSONS).len(), 1);
    assert_eq!(homes(0..SIZE).len(), all.len());
    assert_eq!(population.home(0, &[]), None);
    let moved: Vec<_> = (0..SIZE)
        .filter(|index| population.former_home(*index, &all).is_some())
        .collect();
    assert_eq!(moved.len(), 1);
    assert_ne!(
        population.home(moved[0], &all),
        population.former_home(moved[0], &all)
    );
}

#[test]
fn debug_of_a_person_shows_the_index_only() {
    let person = Population::new(5, 10).person(3).unwrap();
    assert_eq!(format!("{person:?}"), "SamplePerson(3)");
}

proptest! {
    #[test]
    fn a_person_is_found_by_each_number(seed: u64, size in 1u32..=1_000_000_000, index: u32) {
        let population = Population::new(seed, size);
        let index = index % size;
        let individual = population.individual_number(index).unwrap();
        prop_assert_eq!(population.find_by_individual_number(&individual), Some(index));
        let institution = institutions()[0];
        let number = population.addressee_number(index, institution).unwrap();
        prop_assert_eq!(population.find_by_addressee(institution, number), Some(index));
    }

    #[test]
    fn a_number_of_nobody_finds_nobody(seed: u64, index in 10u32..1_000_000_000) {
        let all = Population::new(seed, u32::MAX);
        let few = Population::new(seed, 10);
        let individual = all.individual_number(index).unwrap();
        prop_assert_eq!(few.find_by_individual_number(&individual), None);
        let institution = institutions()[0];
        let number = all.addressee_number(index, institution).unwrap();
        prop_assert_eq!(few.find_by_addressee(institution, number), None);
        prop_assert_eq!(few.find_by_individual_number(&"123456789018".parse().unwrap()), None);
    }
}
