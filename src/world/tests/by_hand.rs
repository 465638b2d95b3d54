//! A permit is accepted once, unaltered, in time, by its provider; everything else is refused and on record.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{DAY, at, reopened, world};
use crate::{
    crypto::signing::SigningKey,
    domain::{
        codes::InstitutionCode,
        permit::{PermitTerms, SignedPermit},
        result::ResultCode,
    },
    ledger::TreeId,
    world::{ClockMode, PermitByHand, PermitDraft, World, WorldFault},
};

const PROVIDER: &str = "0220113112101700";

pub(super) fn inquirer() -> InstitutionCode {
    "9900000000001300".parse().unwrap()
}

pub(super) fn draft(world: &World, person: u32) -> PermitDraft {
    let numbers = world.person_at_institutions(person);
    let at = numbers.iter().find(|at| at.institution == inquirer());
    PermitDraft {
        addressee: at.unwrap().addressee,
        affair: "JM01000000121000".parse().unwrap(),
        procedure: "JT01010000000214".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        specific_info: "TM00000000000002".parse().unwrap(),
    }
}

fn issued(world: &World) -> PermitByHand {
    world.issue_permit(inquirer(), &draft(world, 0)).unwrap()
}

/// The entries in the tree of the institution that a permit is put to.
fn entries(world: &World, presented: &PermitByHand) -> u64 {
    let tree = TreeId {
        owner: presented.provider.as_str().parse().unwrap(),
        fiscal_year: 2026,
    };
    world.records.ledger().size(tree)
}

async fn present(world: &Arc<World>, presented: PermitByHand) -> ResultCode {
    let before = entries(world, &presented);
    let code = world.present_permit(presented.clone()).await.unwrap();
    assert_eq!(entries(world, &presented), before + 1);
    code
}

fn accepted(code: ResultCode) -> bool {
    let refused = [
        ResultCode::PermitInvalid,
        ResultCode::PermitExpired,
        ResultCode::PermitUsed,
    ];
    !refused.contains(&code)
}

#[tokio::test]
async fn every_field_of_the_terms_is_bound() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let order = issued(&world);
    let terms: serde_json::Value = serde_json::from_slice(&order.permit.terms).unwrap();
    let mut pointers = Vec::new();
    for (field, value) in terms.as_object().unwrap() {
        match value.as_object() {
            None => pointers.push(format!("/{field}")),
            Some(inner) => pointers.extend(inner.keys().map(|key| format!("/{field}/{key}"))),
        }
    }
    assert!(pointers.len() > 15, "{pointers:?}");
    for pointer in pointers {
        let mut altered = terms.clone();
        let field = altered.pointer_mut(&pointer).unwrap();
        *field = match field.clone() {
            serde_json::Value::String(text) => {
                let last = if text.ends_with('1') { '2' } else { '1' };
                format!("{}{last}", &text[..text.len() - 1]).into()
            }
            serde_json::Value::Bool(flag) => (!flag).into(),
            serde_json::Value::Null => inquirer().to_string().into(),
            serde_json::Value::Array(_) => vec!["TK00000000000001"].into(),
            other => vec![other].into(),
        };
        assert_ne!(altered, terms, "{pointer}");
        let mut presented = order.clone();
        presented.permit.terms = serde_json::to_vec(&altered).unwrap();
        let code = present(&world, presented).await;
        assert_eq!(code, ResultCode::PermitInvalid, "{pointer}");
    }
    assert!(accepted(present(&world, order).await));
}

#[tokio::test]
async fn the_symbol_is_not_in_the_permit_and_the_serial_is_no_inquirys() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let order = issued(&world);
    let terms: PermitTerms = serde_json::from_slice(&order.permit.terms).unwrap();
    let symbol = world.handed_out.symbol(terms.permit_id).unwrap();
    let written = String::from_utf8(order.permit.terms.clone()).unwrap();
    assert!(!written.contains(&data_encoding::HEXLOWER.encode(&symbol.0)));
    assert!(terms.subject.serial.receipt.0 >= 9_000_000_000);
    let serial = terms.subject.serial.to_string();
    assert_eq!(serial.parse(), Ok(terms.subject.serial));
    let other: PermitTerms = serde_json::from_slice(&issued(&world).permit.terms).unwrap();
    assert_ne!(other.subject.serial, terms.subject.serial);
}

#[tokio::test]
async fn every_byte_of_terms_and_signature_is_bound() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let order = issued(&world);
    let before = entries(&world, &order);
    let (terms, signature) = (order.permit.terms.len(), order.permit.signature.len());
    assert_eq!(signature, 64);
    let mut flips = tokio::task::JoinSet::new();
    for flipped in 0..terms + signature {
        let (world, mut presented) = (Arc::clone(&world), order.clone());
        match flipped.checked_sub(terms) {
            None => presented.permit.terms[flipped] ^= 1 << (flipped % 8),
            Some(place) => presented.permit.signature[place] ^= 1 << (place % 8),
        }
        flips.spawn(async move { world.present_permit(presented).await.unwrap() });
    }
    for code in flips.join_all().await {
        assert_eq!(code, ResultCode::PermitInvalid);
    }
    let written = entries(&world, &order) - before;
    assert_eq!(usize::try_from(written).unwrap(), terms + signature);
    assert!(accepted(present(&world, order).await));
}

#[tokio::test]
async fn a_permit_does_not_pass_with_another_signer_key_or_provider() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let order = issued(&world);
    let mut forged = order.clone();
    let message = SignedPermit::signed_bytes(&forged.permit.terms);
    let own_key = SigningKey::generate().unwrap();
    forged.permit.signature = own_key.sign(&message).to_vec();
    assert_eq!(present(&world, forged).await, ResultCode::PermitInvalid);
    let mut cut = order.clone();
    cut.permit.signature.clear();
    assert_eq!(present(&world, cut).await, ResultCode::PermitInvalid);
    let mut other_key = order.clone();
    other_key.sealing_key[0] ^= 1;
    assert_eq!(present(&world, other_key).await, ResultCode::PermitInvalid);
    for institution in world.knowing() {
        if institution.as_str() != PROVIDER {
            let mut elsewhere = order.clone();
            elsewhere.provider = institution;
            assert_eq!(present(&world, elsewhere).await, ResultCode::PermitInvalid);
        }
    }
    assert!(accepted(present(&world, order).await));
}

#[tokio::test]
async fn a_permit_is_only_accepted_in_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let (late, order) = (issued(&world), issued(&world));
    let expires_at = at(DAY) + SignedDuration::from_secs(300);
    world.set_clock(ClockMode::Frozen(expires_at)).unwrap();
    let expired = present(&world, late.clone()).await;
    assert_eq!(expired, ResultCode::PermitExpired);
    let early = at(DAY) - SignedDuration::from_millis(1);
    world.set_clock(ClockMode::Frozen(early)).unwrap();
    let early = present(&world, order.clone()).await;
    assert_eq!(early, ResultCode::PermitInvalid);
    let last = expires_at - SignedDuration::from_millis(1);
    world.set_clock(ClockMode::Frozen(last)).unwrap();
    assert!(accepted(present(&world, order).await));
    // Its exchange has ended, whatever becomes of the clock.
    assert_eq!(present(&world, late).await, ResultCode::PermitUsed);
}

#[tokio::test]
async fn a_permit_is_accepted_once_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let order = issued(&world);
    let unused = issued(&world);
    assert_eq!(
        present(&world, order.clone()).await,
        ResultCode::EndedNormally
    );
    assert_eq!(present(&world, order.clone()).await, ResultCode::PermitUsed);
    let world = reopened(world, dir.path()).await;
    assert_eq!(present(&world, order).await, ResultCode::PermitUsed);
    // Its symbol was only in memory.
    assert_eq!(present(&world, unused).await, ResultCode::PermitInvalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_presentations_at_once_one_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    for _ in 0..8 {
        let order = issued(&world);
        let before = entries(&world, &order);
        let mut presenting = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (world, order) = (Arc::clone(&world), order.clone());
            presenting.spawn(async move { world.present_permit(order).await.unwrap() });
        }
        let codes = presenting.join_all().await;
        let used = codes.iter().filter(|code| **code == ResultCode::PermitUsed);
        assert_eq!(used.count(), 15, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| accepted(**code)).count(), 1);
        assert_eq!(entries(&world, &order), before + 16);
    }
}

#[tokio::test]
async fn no_permit_is_issued_without_symbol_provider_or_permission() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let reason = |draft: &PermitDraft| match world.issue_permit(inquirer(), draft) {
        Err(
            WorldFault::Refused(refusal)
            | WorldFault::Act(crate::institution::ActFault::Refused(refusal)),
        ) => refusal.reason(),
        other => panic!("{other:?}"),
    };
    let good = draft(&world, 0);
    let unlinked = PermitDraft {
        addressee: "000000000000000".parse().unwrap(),
        ..good.clone()
    };
    assert_eq!(reason(&unlinked), "SYMBOL_NOT_LINKED");
    let own = PermitDraft {
        provider: "9900000000001301".parse().unwrap(),
        ..good.clone()
    };
    assert_eq!(reason(&own), "MALFORMED_REQUEST");
    let affair = "JM90000000000009".parse().unwrap();
    assert_eq!(reason(&PermitDraft { affair, ..good }), "PERMIT_NOT_ISSUED");
}
