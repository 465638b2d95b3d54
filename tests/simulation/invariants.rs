//! What holds after every step.

use std::collections::{BTreeMap, BTreeSet};

use chukan::{
    crypto::digest::sha256,
    domain::{
        exchange::{AnswerDigest, Side},
        inquiry::ExchangeState,
        names::ProcessingSerial,
        permission_list::{Decision, Question},
        provision::NoAutoReply,
        record::{Entry, ProvisionRecord},
        replica::{DataSetRecord, ItemValue},
        result::ResultCode,
    },
    institution::ExchangeView,
    store::Page,
    world::World,
};
use jiff::Timestamp;

use crate::life::{LIST_AGE_MAX, Life, PEOPLE, PROVIDER};

/// A record with its place in the order of the whole ledger.
struct Placed {
    order: usize,
    at: Timestamp,
    record: ProvisionRecord,
}

pub(crate) fn hold(life: &mut Life) {
    // Exchanges may be under way: what is seen first must be on record by then.
    let views = views(life);
    let records = records(life);
    permits_release_once(&records);
    every_release_was_permitted(life, &records);
    no_flag_is_passed_over(life);
    every_end_is_on_record(life, &records, views);
    life.checked = records.last().map_or(0, |placed| placed.order + 1);
}

fn views(life: &Life) -> Vec<ExchangeView> {
    let inquiries = life.asked.iter().map(|asked| {
        let server = life.world().server(asked.by).unwrap();
        server.fetch_result(asked.receipt).unwrap().exchanges
    });
    inquiries.flatten().collect()
}

/// The records of the ledger, which holds nothing of a person.
fn records(life: &Life) -> Vec<Placed> {
    let mut bodies = Vec::new();
    let ledger = life.world().records().ledger();
    let end = ledger.replay(0, |stored| bodies.push((stored.at_ms, stored.body)));
    assert_eq!(end.unwrap(), u64::try_from(bodies.len()).unwrap());
    let mut records = Vec::new();
    for (order, (at_ms, body)) in bodies.into_iter().enumerate() {
        let text = String::from_utf8(body).unwrap();
        let new = order >= life.checked;
        for secret in life.secrets.iter().filter(|_| new) {
            assert!(!text.contains(secret.as_str()), "an entry shows a person");
        }
        if let Entry::Provision(record) = serde_json::from_str(&text).unwrap() {
            let at = Timestamp::from_millisecond(at_ms).unwrap();
            records.push(Placed { order, at, record });
        }
    }
    records
}

/// Numbers, names and item values that would be noticed.
pub(crate) fn secrets(world: &World) -> BTreeSet<String> {
    let provider = world.server(PROVIDER.parse().unwrap()).unwrap();
    let mut secrets = BTreeSet::new();
    for index in 0..PEOPLE {
        let person = world.person(index).unwrap();
        secrets.insert(person.name());
        secrets.insert(person.individual_number.expose().to_owned());
        for known in world.person_at_institutions(index) {
            secrets.insert(known.addressee.as_str().to_owned());
            if known.institution == provider.code() {
                let replicas = provider.replicas(known.addressee, None, Page::first(1_000));
                for replica in replicas.unwrap().rows {
                    replica
                        .content
                        .iter()
                        .for_each(|set| values(set, &mut secrets));
                }
            }
        }
    }
    secrets
}

/// Values that cannot stand in an entry by chance.
fn values(set: &DataSetRecord, found: &mut BTreeSet<String>) {
    for item in &set.items {
        match &item.value {
            ItemValue::Present(text) if !text.is_ascii() => drop(found.insert(text.clone())),
            ItemValue::Present(_) | ItemValue::Missing(_) => {}
        }
    }
    set.children.iter().for_each(|child| values(child, found));
}

fn is_release(record: &ProvisionRecord) -> bool {
    record.outcome.answer_digest.is_some()
}

fn permits_release_once(records: &[Placed]) {
    let mut released = BTreeSet::new();
    for placed in records.iter().filter(|p| p.record.side == Side::Provider) {
        let permit = placed
            .record
            .permit_id
            .expect("a provider's record names its permit");
        assert!(released.insert(permit.0), "a permit decided twice");
    }
}

/// Each release had a permit of that moment, and the row that it names allowed it then.
fn every_release_was_permitted(life: &Life, records: &[Placed]) {
    let world = life.world();
    for placed in records.iter().filter(|placed| is_release(&placed.record)) {
        let (subject, outcome) = (&placed.record.subject, &placed.record.outcome);
        assert!(placed.record.permit_id.is_some());
        let at = outcome.provided_at.expect("a release has its time");
        assert!(at <= placed.at, "a release was recorded before it was made");
        let copy = world.server(subject.provider).unwrap().list_copy().unwrap();
        if placed.order >= life.checked {
            let until = copy.usable_until(LIST_AGE_MAX);
            assert!(at <= until, "released by a stale copy of the list");
        }
        let decision = copy.list.decide(&Question {
            inquirer: world.directory().find(subject.inquirer).unwrap(),
            affair: subject.affair,
            procedure: subject.procedure,
            provider: world.directory().find(subject.provider).unwrap(),
            specific_info: subject.specific_info,
            at,
        });
        match decision {
            Decision::Allowed(permission) => {
                assert_eq!(placed.record.permission_row, Some(permission.row()));
            }
            Decision::Refused(_) => panic!("released without a row: {subject:?}"),
        }
    }
}

/// What a flag fits is not answered.
fn no_flag_is_passed_over(life: &Life) {
    for asked in &life.asked {
        let server = life.world().server(asked.by).unwrap();
        let view = server.fetch_result(asked.receipt).unwrap();
        for exchange in view
            .exchanges
            .iter()
            .filter(|exchange| has_answer(exchange))
        {
            let (_, about) = view.inquiry.exchange(exchange.serial).unwrap();
            let person = asked.people[usize::from(exchange.serial.detail)];
            let person = life.addressee(person, about.provider);
            let fitting = NoAutoReply::that_fit(person, about.specific_info);
            let passed_over = asked.flags.iter().find(|flag| fitting.contains(flag));
            assert_eq!(passed_over, None, "{}", exchange.serial);
        }
    }
}

fn has_answer(exchange: &ExchangeView) -> bool {
    matches!(
        &exchange.state,
        ExchangeState::Ended {
            answer: Some(_),
            ..
        }
    )
}

fn every_end_is_on_record(life: &mut Life, records: &[Placed], views: Vec<ExchangeView>) {
    let mut of_exchange: BTreeMap<ProcessingSerial, Vec<&Placed>> = BTreeMap::new();
    for placed in records {
        let serial = placed.record.subject.serial;
        of_exchange.entry(serial).or_default().push(placed);
    }
    for ExchangeView {
        serial,
        code,
        state,
        ..
    } in views
    {
        moves_lawfully(life.seen.insert(serial, code), code);
        let ExchangeState::Ended {
            outcome, answer, ..
        } = state
        else {
            continue;
        };
        let compared = life.world().compare(serial, serial.inquirer);
        let compared = compared
            .unwrap()
            .expect("an exchange that ended is on record");
        assert_eq!(compared.disagreements, [], "{serial}");
        assert!(compared.inquirer.is_some());
        assert_eq!(answer.is_some(), outcome.answer_digest.is_some());
        if let Some(answer) = answer {
            let digest = sha256(&[&answer.encapsulated_key, &answer.ciphertext]);
            assert_eq!(outcome.answer_digest, Some(AnswerDigest(digest)));
            in_order(&of_exchange[&serial], AnswerDigest(digest));
        }
    }
}

/// The provider's record of this answer comes first, then the core system's, then the inquirer's.
fn in_order(records: &[&Placed], digest: AnswerDigest) {
    let place = |side: Side| {
        let mut fitting = records.iter().filter(|placed| {
            placed.record.side == side && placed.record.outcome.answer_digest == Some(digest)
        });
        fitting
            .next()
            .expect("a side has no record of a release")
            .order
    };
    assert!(place(Side::Provider) < place(Side::Core));
    assert!(place(Side::Core) < place(Side::Inquirer));
}

/// What has ended stays as it is; what is held ends only by a human, and here none does but to cancel.
fn moves_lawfully(before: Option<ResultCode>, now: ResultCode) {
    match before {
        Some(ResultCode::WaitingForStaff) => assert!(
            matches!(now, ResultCode::WaitingForStaff | ResultCode::Cancelled),
            "a held request moved by itself to {now:?}"
        ),
        Some(before) if before.is_final() => assert_eq!(before, now),
        Some(_) | None => {}
    }
}
