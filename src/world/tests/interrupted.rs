//! What a crash leaves half-written is mended when the world is opened again.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{DAY, at, by_hand::inquirer, reopened, world};
use crate::{
    domain::{
        condition::Condition,
        exchange::{Outcome, ProvisionReply, Side},
        inquiry::Inquiry,
        names::{PermitId, ProcessingSerial},
        permit::PermitTerms,
        provision::ProvisionState,
        record::{Entry, ProvisionRecord},
        result::ResultCode,
    },
    institution::{AskedDraft, Decided, DetailDraft, InquiryDraft, Prepared},
    network::Issued,
    store::{Keeper, Page},
    world::{ClockMode, World, WorldName, Worlds},
};

/// An inquiry about the sample person of this index that is not carried on.
pub(super) async fn accepted(world: &Arc<World>, person: u32) -> Inquiry {
    let asked = super::by_hand::draft(world, person);
    let draft = InquiryDraft {
        requested_at: at(DAY),
        unit: "FUKUSHI".parse().unwrap(),
        user: "tester".parse().unwrap(),
        affair: asked.affair,
        procedure: asked.procedure,
        delegator: None,
        sealing_key: None,
        details: vec![DetailDraft {
            record_id: format!("i-{person}").parse().unwrap(),
            addressee: asked.addressee,
            nondisclosure: false,
            infos: vec![AskedDraft {
                provider: asked.provider,
                provider_delegator: None,
                specific_info: asked.specific_info,
                items: Vec::new(),
                condition: Condition::None,
            }],
        }],
    };
    let server = world.server(inquirer()).unwrap();
    server.submit_inquiry(draft, world.now()).await.unwrap()
}

pub(super) fn first(inquiry: &Inquiry) -> ProcessingSerial {
    inquiry.exchanges().next().unwrap().0
}

pub(super) fn code(world: &World, inquiry: &Inquiry) -> ResultCode {
    let server = world.server(inquirer()).unwrap();
    let view = server.fetch_result(inquiry.receipt).unwrap();
    view.exchanges[0].code
}

pub(super) async fn carried(world: &Arc<World>, inquiry: &Inquiry) {
    let carried = Arc::clone(world).carry_inquiry(Arc::new(inquiry.clone()));
    carried.await;
    let all = super::super::EXCHANGES_AT_ONCE;
    world.places.all_free(all).await;
}

#[tokio::test]
async fn an_inquiry_whose_last_exchange_had_ended_is_ended_and_deleted_in_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let inquiry = accepted(&world, 0).await;
    let cancelled = crate::domain::exchange::Relayed {
        reply: crate::domain::exchange::ProvisionReply::Ended(
            crate::institution::cancelled(),
            None,
        ),
        permit: None,
    };
    let (serial, detail, asked) = inquiry.exchanges().next().unwrap();
    let subject = inquiry.subject(serial, detail, asked);
    let server = world.server(inquirer()).unwrap();
    let symbol = server.symbol_of(serial).unwrap();
    let now = world.now();
    server
        .receive_answer(&subject, symbol, cancelled, now)
        .await
        .unwrap();

    let world = reopened(world, dir.path()).await;
    assert!(world.state.open_inquiries(inquirer()).unwrap().is_empty());
    let later = at(DAY) + SignedDuration::from_hours(24 * 31);
    world.set_clock(ClockMode::Frozen(later)).unwrap();
    assert_eq!(world.delete_old_results().await.unwrap(), 1);
}

#[tokio::test]
async fn a_cancellation_that_only_the_provider_has_recorded_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let inquiry = accepted(&world, 7).await;
    carried(&world, &inquiry).await;
    assert_eq!(code(&world, &inquiry), ResultCode::WaitingForStaff);
    let provider = inquiry.details[0].infos[0].provider;
    let serial = first(&inquiry);
    let server = world.server(provider).unwrap();
    server.cancel_provision(serial, world.now()).await.unwrap();
    let compared = world.compare(serial, provider).unwrap().unwrap();
    assert!(compared.inquirer.is_none() && compared.core.is_none());
    let missing = compared.disagreements.iter().map(|found| found.field);
    assert_eq!(missing.collect::<Vec<_>>(), ["record", "record"]);
    let another = "0220114112201700".parse().unwrap();
    assert!(world.compare(serial, another).unwrap().is_none());

    let world = reopened(world, dir.path()).await;
    assert_eq!(code(&world, &inquiry), ResultCode::Cancelled);
    let compared = world.compare(serial, provider).unwrap().unwrap();
    assert!(compared.core.is_some() && compared.provider.is_some());
    assert_eq!(compared.disagreements, []);
    assert!(world.state.open_inquiries(inquirer()).unwrap().is_empty());
}

#[tokio::test]
async fn a_held_request_that_is_sent_again_waits_once() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let inquiry = accepted(&world, 7).await;
    let (serial, detail, asked) = inquiry.exchanges().next().unwrap();
    let server = world.server(inquirer()).unwrap();
    let prepared = server.prepare_exchange(&inquiry, (serial, detail, asked), world.now());
    let crate::institution::Prepared::Send(request, _) = prepared.unwrap() else {
        panic!("the inquirer's own list permits it");
    };
    let issued = world.core.issue_permit(&request, world.now()).unwrap();
    let crate::network::Issued::Order { order, .. } = issued else {
        panic!("the core system permits it");
    };
    let first: PermitTerms = serde_json::from_slice(&order.permit.terms).unwrap();
    let provider = world.server(asked.provider).unwrap();
    provider.provide(&order, world.now()).await.unwrap();

    let later = at(DAY) + SignedDuration::from_secs(60);
    world.set_clock(ClockMode::Frozen(later)).unwrap();
    let world = reopened(world, dir.path()).await;
    let all = super::super::EXCHANGES_AT_ONCE;
    while code(&world, &inquiry) != ResultCode::WaitingForStaff {
        tokio::task::yield_now().await;
    }
    world.places.all_free(all).await;
    let provider = asked.provider;
    for rows in [
        world.state.waiting_provisions(provider, Page::first(10)),
        world.state.provisions(provider, Page::first(10)),
    ] {
        let rows = rows.unwrap().rows;
        assert_eq!(rows.len(), 1);
        assert_ne!(rows[0].permit_id, first.permit_id);
    }
}

#[tokio::test]
async fn a_world_whose_making_was_interrupted_at_once_does_not_keep_the_others_from_opening() {
    let dir = tempfile::tempdir().unwrap();
    let unmade = dir.path().join("worlds/unmade");
    std::fs::create_dir_all(&unmade).unwrap();
    std::fs::write(unmade.join("world.json.tmp"), "{").unwrap();
    let worlds = Worlds::new(dir.path().join("worlds"), super::settings(dir.path()));
    let plan = super::plan("default", 1);
    worlds.open_all(plan, &|_| {}).await.unwrap();
    let name: WorldName = "unmade".parse().unwrap();
    assert!(worlds.find(name.as_str()).is_err());
    worlds.create(super::plan("unmade", 2)).await.unwrap();
}

#[tokio::test]
async fn the_state_follows_the_ledger_while_the_world_runs_but_never_past_an_act_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let before = world.records.ledger().next_sequence();
    let entry = Entry::CallRefused {
        reason: "INSTITUTION_MISMATCH".to_owned(),
        named: None,
    };
    let keeper = Keeper::Institution(inquirer());
    let recorded = world
        .records
        .write(keeper, &entry, world.now())
        .await
        .unwrap();
    world.records.note_followed().await.unwrap();
    assert!(world.state.ledger_followed().unwrap() <= before);
    drop(recorded);
    world.records.note_followed().await.unwrap();
    assert_eq!(world.state.ledger_followed().unwrap(), before + 1);
}

/// How many records of the exchange the ledger holds at its inquirer, the core system and its provider.
fn records(world: &World, serial: ProcessingSerial) -> [usize; 3] {
    let mut found = [0; 3];
    let counted = world.records.ledger().replay(0, |stored| {
        let entry: Entry = serde_json::from_slice(&stored.body).unwrap();
        if let Entry::Provision(record) = entry
            && record.subject.serial == serial
        {
            found[record.side as usize] += 1;
        }
    });
    counted.unwrap();
    found
}

/// An exchange that came as far as the provider's reply, and what came of it.
async fn answered_by_the_provider(world: &Arc<World>) -> (Inquiry, (PermitId, String), Decided) {
    let inquiry = accepted(world, 0).await;
    let (serial, detail, asked) = inquiry.exchanges().next().unwrap();
    let server = world.server(inquirer()).unwrap();
    let prepared = server.prepare_exchange(&inquiry, (serial, detail, asked), world.now());
    let Prepared::Send(request, _) = prepared.unwrap() else {
        panic!("the inquirer's own list permits it");
    };
    let issued = world.core.issue_permit(&request, world.now()).unwrap();
    let Issued::Order {
        order,
        permit_id,
        permission_row,
        ..
    } = issued
    else {
        panic!("the core system permits it");
    };
    let provider = world.server(asked.provider).unwrap();
    let decided = provider.provide(&order, world.now()).await.unwrap();
    (inquiry, (permit_id, permission_row), decided)
}

async fn ended(world: &Arc<World>, inquiry: &Inquiry) {
    let server = world.server(inquirer()).unwrap();
    while let Some(mut changes) = server.changes(inquiry.receipt) {
        drop(changes.changed().await);
    }
}

#[tokio::test]
async fn what_a_provider_has_on_record_reaches_the_inquirer_after_a_crash_and_is_recorded_once() {
    for came_as_far_as in ["provider", "core", "inquirer"] {
        let dir = tempfile::tempdir().unwrap();
        let world = world(dir.path()).await;
        let (inquiry, permit, decided) = answered_by_the_provider(&world).await;
        let serial = first(&inquiry);
        let ProvisionReply::Ended(outcome, answer) = decided.reply else {
            panic!("it is answered");
        };
        let (detail, asked) = inquiry.exchange(serial).unwrap();
        let subject = inquiry.subject(serial, detail, asked);
        if came_as_far_as != "provider" {
            let (permit, now) = (Some(permit.clone()), world.now());
            let recorded = world.core.record_exchange(&subject, &outcome, permit, now);
            recorded.await.unwrap();
        }
        if came_as_far_as == "inquirer" {
            let record = Entry::Provision(ProvisionRecord {
                side: Side::Inquirer,
                subject,
                outcome,
                permit_id: Some(permit.0),
                permission_row: Some(permit.1),
                symbol_digest: None,
            });
            let keeper = Keeper::Institution(inquirer());
            let recorded = world.records.write(keeper, &record, world.now());
            let recorded = recorded.await.unwrap();
            let noted = world.records.note(keeper, serial, &recorded.place);
            noted.await.unwrap();
        }

        let world = reopened(world, dir.path()).await;
        assert_eq!(code(&world, &inquiry), ResultCode::EndedNormally);
        assert_eq!(records(&world, serial), [1, 1, 1], "{came_as_far_as}");
        let (_, state) = world.state.exchange(serial).unwrap().unwrap();
        assert_eq!(state.into_answer(), answer);
        let kept = world.state.provision(asked.provider, serial);
        let (_, provision) = kept.unwrap().unwrap();
        assert!(matches!(provision.state, ProvisionState::Ended { .. }));
        assert!(world.state.open_inquiries(inquirer()).unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_answer_that_a_crash_kept_from_its_record_is_forgotten_and_the_request_carried_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let (_, _, decided) = answered_by_the_provider(&world).await;
    let mut provision = *decided.answered.unwrap();
    let inquiry = accepted(&world, 1).await;
    let (serial, provider) = (first(&inquiry), provision.subject.provider);
    provision.subject.serial = serial;
    provision.permit_id = PermitId([9; 16]);
    let kept = world.state.keep_provision(&provision).await.unwrap();
    kept.durable().await.unwrap();

    let world = reopened(world, dir.path()).await;
    ended(&world, &inquiry).await;
    assert!(code(&world, &inquiry).is_final());
    assert_eq!(records(&world, serial), [1, 1, 1]);
    let (_, found) = world.state.provision(provider, serial).unwrap().unwrap();
    assert_ne!(found.permit_id, provision.permit_id);
    let all = world.state.provisions(provider, Page::first(10)).unwrap();
    let of_it = all.rows.iter().filter(|row| row.subject.serial == serial);
    assert_eq!(of_it.count(), 1);
}

#[tokio::test]
async fn an_end_that_is_on_record_at_the_inquirer_stands_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let inquiry = accepted(&world, 0).await;
    let (serial, detail, asked) = inquiry.exchanges().next().unwrap();
    let outcome = Outcome::without_answer(ResultCode::SymbolMissing, Side::Inquirer);
    let record = Entry::Provision(ProvisionRecord {
        side: Side::Inquirer,
        subject: inquiry.subject(serial, detail, asked),
        outcome,
        permit_id: None,
        permission_row: None,
        symbol_digest: None,
    });
    let keeper = Keeper::Institution(inquirer());
    let written = world.records.write(keeper, &record, world.now()).await;
    // Kept as by an act that a crash interrupts: the state has not followed the ledger past it.
    let under_way = written.unwrap();
    let world = reopened(world, dir.path()).await;
    drop(under_way);
    assert_eq!(code(&world, &inquiry), ResultCode::SymbolMissing);
    assert_eq!(records(&world, serial), [1, 0, 0]);
}
