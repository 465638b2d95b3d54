//! The same seed gives the same people and symbols.

use super::{plan, settings};
use crate::world::World;

#[tokio::test]
async fn one_seed_gives_one_world_and_another_seed_another() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let mut worlds = Vec::new();
    for (name, seed) in [("a", 7), ("b", 7), ("c", 8)] {
        let place = dir.path().join(name);
        let made = World::create(&place, plan(name, seed), &settings, &|_| {});
        worlds.push(made.await.unwrap());
    }
    let known = |world: &World| -> Vec<_> {
        let people = (0..world.people()).map(|index| {
            let person = world.person(index).unwrap().unwrap();
            let numbers = world.person_at_institutions(index).into_iter();
            let symbols = numbers.map(|at| {
                let (symbol, link) = world.core.symbol_of(&person.resident_code, at.institution);
                let linked = world.state.symbol((at.institution, at.addressee)).unwrap();
                (
                    at.institution,
                    at.addressee,
                    symbol.0,
                    link,
                    linked.map(|it| it.0),
                )
            });
            let symbols: Vec<_> = symbols.collect();
            let digits = person.individual_number.expose().to_owned();
            (person.name(), digits, world.home(index), symbols)
        });
        people.collect()
    };
    assert_eq!(known(&worlds[0]), known(&worlds[1]));
    for (one, other) in known(&worlds[0]).iter().zip(known(&worlds[2])) {
        assert_ne!(one.1, other.1);
        for (here, there) in one.3.iter().zip(&other.3) {
            assert_ne!(here.1, there.1);
            assert_ne!(here.2, there.2);
        }
    }
}

#[tokio::test]
async fn two_worlds_of_one_seed_convert_a_symbol_alike() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let mut converted = Vec::new();
    for (name, seed) in [("a", 7), ("b", 7), ("c", 8)] {
        let place = dir.path().join(name);
        let made = World::create(&place, plan(name, seed), &settings, &|_| {});
        let world = made.await.unwrap();
        let draft = super::by_hand::draft(&world, 0);
        let inquirer = super::by_hand::inquirer();
        let own = world.server(inquirer).unwrap();
        let own = own.linked_symbol(draft.addressee).unwrap();
        let converted_own = world.core.convert_symbol(&own, inquirer, draft.provider);
        converted.push(converted_own.unwrap().unwrap());
    }
    assert_eq!(converted[0], converted[1]);
    assert_ne!(converted[0], converted[2]);
}
