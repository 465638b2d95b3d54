use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::staff::{Account, Affairs, DisplayName, Role};

fn account(name: &str, person: &str) -> Account {
    Account {
        institution: "0220113112101700".parse().unwrap(),
        name: name.parse().unwrap(),
        person: person.parse().unwrap(),
        display_name: name.parse::<DisplayName>().unwrap(),
        roles: BTreeSet::from([Role::Clerk, Role::Approver]),
        affairs: Affairs::All,
        expires_on: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn content(of: u8) -> ContentDigest {
    ContentDigest([of; 32])
}

fn proposed(by: &Account, of: u8) -> Proposed {
    let authority = by.authority(Act::ProposeCorrection).unwrap();
    Proposed {
        by: authority.actor(),
        at: at(1),
        change: Change::Delete,
        reason: "誤登録のため".parse().unwrap(),
        content: content(of),
    }
}

fn waiting(by: &Account, of: u8) -> CorrectionState {
    CorrectionState::Proposed {
        proposed: Box::new(proposed(by, of)),
    }
}

fn approve(
    state: &CorrectionState,
    by: &Account,
    (eyes, of): (FourEyes, u8),
) -> Result<CorrectionEvent, Refusal> {
    let authority = by.authority(Act::ApproveCorrection).unwrap();
    state.consent(&authority, eyes, at(2))?.approve(content(of))
}

fn reason<T: fmt::Debug>(refused: Result<T, Refusal>) -> &'static str {
    refused.unwrap_err().reason()
}

#[test]
fn an_authority_for_another_act_is_none() {
    let clerk = account("clerk", "P1");
    let read = clerk.authority(Act::ReadReplica).unwrap();
    let state = waiting(&clerk, 1);
    let eyes = FourEyes::RecordOnly;
    assert_eq!(reason(state.consent(&read, eyes, at(2))), "NOT_AUTHORISED");
    assert_eq!(
        reason(state.send_back(&read, None, at(2))),
        "NOT_AUTHORISED"
    );
    assert_eq!(reason(state.withdraw(&read, at(2))), "NOT_AUTHORISED");
    let again = state.propose(&read, proposed(&clerk, 1));
    assert_eq!(reason(again), "NOT_AUTHORISED");
}

#[test]
fn who_proposed_may_approve_only_where_the_record_is_enough() {
    let clerk = account("clerk", "P1");
    let state = waiting(&clerk, 1);
    for same in [&clerk, &account("second", "P1"), &account("clerk", "P2")] {
        let refused = approve(&state, same, (FourEyes::TwoAccounts, 1));
        assert_eq!(reason(refused), "FOUR_EYES");
        assert!(approve(&state, same, (FourEyes::RecordOnly, 1)).is_ok());
    }
    let other = account("chief", "P3");
    assert!(approve(&state, &other, (FourEyes::TwoAccounts, 1)).is_ok());
}

#[test]
fn an_approval_is_void_when_the_replica_changed() {
    let state = waiting(&account("clerk", "P1"), 1);
    let approved = approve(&state, &account("chief", "P2"), (FourEyes::TwoAccounts, 2));
    assert_eq!(reason(approved), "REPLICA_CHANGED");
}

/// What somebody tries, as random numbers choose it.
#[derive(Debug, Clone, Copy)]
enum Try {
    Propose(u8),
    Approve(u8),
    SendBack(u8),
    Withdraw(u8),
    Change,
    Make,
    Undo,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        3 => (0..4_u8).prop_map(Try::Propose),
        4 => (0..4_u8).prop_map(Try::Approve),
        2 => (0..4_u8).prop_map(Try::SendBack),
        1 => (0..4_u8).prop_map(Try::Withdraw),
        1 => Just(Try::Change),
        2 => Just(Try::Make),
        1 => Just(Try::Undo),
    ];
    proptest::collection::vec(one, 0..24)
}

/// Four accounts of three people.
fn actor(who: u8) -> Account {
    let person = ["P0", "P1", "P2", "P0"][usize::from(who)];
    account(&format!("a{who}"), person)
}

fn attempt(state: &CorrectionState, seen: u8, tried: Try) -> Option<CorrectionEvent> {
    let event = match tried {
        Try::Propose(who) => {
            let by = actor(who);
            let authority = by.authority(Act::ProposeCorrection).unwrap();
            state.propose(&authority, proposed(&by, seen))
        }
        Try::Approve(who) => approve(state, &actor(who), (FourEyes::TwoAccounts, seen)),
        Try::SendBack(who) => {
            let by = actor(who);
            let authority = by.authority(Act::SendBackCorrection).unwrap();
            state.send_back(&authority, None, at(2))
        }
        Try::Withdraw(who) => {
            let by = actor(who);
            let authority = by.authority(Act::ProposeCorrection).unwrap();
            state.withdraw(&authority, at(2))
        }
        Try::Change => return None,
        Try::Make => Ok(CorrectionEvent::Made),
        Try::Undo => Ok(CorrectionEvent::Undone),
    };
    event.ok()
}

proptest! {
    #[test]
    fn whatever_is_tried_a_replica_changes_once_and_by_two_people_who_saw_the_same(tries in tries()) {
        let (mut state, mut seen) = (waiting(&actor(0), 0), 0_u8);
        let mut made = 0;
        for tried in tries {
            if matches!(tried, Try::Change) {
                seen += 1;
            }
            let Some(event) = attempt(&state, seen, tried) else { continue };
            let approves = matches!(event, CorrectionEvent::Approved { .. });
            let Ok(next) = state.clone().apply(event) else { continue };
            if approves {
                prop_assert_eq!(state.proposed().unwrap().content, content(seen));
            }
            if let CorrectionState::Made { proposed_by, approved_by, .. } = &next {
                prop_assert_ne!(&proposed_by.person, &approved_by.person);
                prop_assert_ne!(&proposed_by.account, &approved_by.account);
                let approved = matches!(state, CorrectionState::Approved { .. });
                prop_assert!(approved);
                made += 1;
            }
            state = next;
        }
        prop_assert!(made <= 1);
        prop_assert_eq!(made == 1, matches!(state, CorrectionState::Made { .. }));
    }
}
