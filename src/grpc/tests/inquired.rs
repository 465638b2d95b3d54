//! What is left of an inquiry: its journal, and its results until they are deleted.

use std::sync::Arc;

use super::{CITY, OTHER, at, freeze, number_at, operator, people, reason, surface};
use crate::{
    domain::{condition::Condition, names::ReceiptNumber, refusal::Refusal},
    grpc::{
        Surface,
        exchange::Exchanges,
        proto::sim::v1::{self as sim, exchange_service_server::ExchangeService as _},
    },
    institution::{ActFault, AskedDraft, DetailDraft, InquiryDraft, InquiryProgress},
    world::World,
};

/// An inquiry of the other city about the first person, when it has ended.
async fn inquiry(surface: &Surface) -> (Arc<World>, ReceiptNumber) {
    let person = people(surface).await.swap_remove(0);
    let world = surface.worlds().find("default").unwrap();
    let inquirer = OTHER.parse().unwrap();
    let draft = InquiryDraft {
        requested_at: world.now(),
        unit: "ZEIMU".parse().unwrap(),
        user: "user".parse().unwrap(),
        affair: "JM01000000121000".parse().unwrap(),
        procedure: "JT01010000000214".parse().unwrap(),
        delegator: None,
        sealing_key: None,
        details: vec![DetailDraft {
            record_id: "first".parse().unwrap(),
            addressee: number_at(&person, OTHER).parse().unwrap(),
            nondisclosure: false,
            infos: vec![AskedDraft {
                provider: CITY.parse().unwrap(),
                provider_delegator: None,
                specific_info: "TM00000000000002".parse().unwrap(),
                items: Vec::new(),
                condition: Condition::None,
            }],
        }],
    };
    let receipt = world.submit_inquiry(inquirer, draft).await.unwrap().receipt;
    let server = world.server(inquirer).unwrap();
    while let Some(mut changes) = server.changes(receipt) {
        let seen = server.fetch_result(receipt).unwrap();
        if seen.progress() == InquiryProgress::Ended {
            break;
        }
        drop(changes.changed().await);
    }
    (world, receipt)
}

#[tokio::test]
async fn the_journal_is_for_those_who_took_part() {
    let dir = tempfile::tempdir().unwrap();
    let surface = surface(&dir).await;
    let (world, receipt) = inquiry(&surface).await;
    let processing_serial = format!("{OTHER}-{receipt}-00001-01");
    while world.journal(processing_serial.parse().unwrap()).is_err() {
        tokio::task::yield_now().await;
    }
    let exchanges = Exchanges(surface);
    let asked = |processing_serial: &str| sim::GetJournalRequest {
        processing_serial: processing_serial.to_owned(),
    };
    for caller in [
        at(OTHER, asked(&processing_serial)),
        at(CITY, asked(&processing_serial)),
        operator(asked(&processing_serial)),
    ] {
        let steps = exchanges.get_journal(caller).await.unwrap().into_inner();
        assert!(steps.steps.iter().any(|step| step.act == "issue_permit"));
    }
    let stranger = at("9900000000001400", asked(&processing_serial));
    let refused = exchanges.get_journal(stranger).await.unwrap_err();
    assert_eq!(reason(refused), "CALLER_NOT_ENTITLED");
    let none = format!("{OTHER}-R0000000009-00001-01");
    let refused = exchanges.get_journal(at(OTHER, asked(&none))).await;
    assert_eq!(reason(refused.unwrap_err()), "NOT_FOUND");
}

#[tokio::test]
async fn setting_the_clock_deletes_old_results_and_renews_no_list() {
    let dir = tempfile::tempdir().unwrap();
    let surface = surface(&dir).await;
    let (world, receipt) = inquiry(&surface).await;
    let server = world.server(OTHER.parse().unwrap()).unwrap();
    let copied_at = server.list_copy().unwrap().copied_at;
    freeze(&surface, "2026-06-10T00:59:59Z").await;
    assert!(server.fetch_result(receipt).is_ok());
    freeze(&surface, "2026-06-10T01:00:01Z").await;
    let deleted = server.fetch_result(receipt).unwrap_err();
    assert!(matches!(
        deleted,
        ActFault::Refused(Refusal::ResultsDeleted)
    ));
    assert_eq!(server.list_copy().unwrap().copied_at, copied_at);
}
