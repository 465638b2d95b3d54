use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    exchange::AnswerDigest,
    provision::{HoldReason, ProvisionEvent},
    staff::{Account, Affairs, Role},
};

/// An account of a person who may do everything.
fn account(name: &str, person: &str) -> Account {
    Account {
        institution: "0220113112101700".parse().unwrap(),
        name: name.parse().unwrap(),
        person: person.parse().unwrap(),
        display_name: "架空 太郎".parse().unwrap(),
        roles: Role::ALL.into_iter().collect(),
        affairs: Affairs::All,
        expires_on: None,
    }
}

fn clerk() -> Account {
    account("clerk", "P1")
}

fn superior() -> Account {
    account("superior", "P2")
}

fn check(
    state: &ProvisionState,
    by: &Account,
    proposal: Proposal,
    (seen, there): (ContentDigest, ContentDigest),
) -> Result<ProvisionEvent, Refusal> {
    let authority = by.authority(Act::CheckProvision)?;
    state.check(&authority, (proposal, seen), there, at(1))
}

fn consent(state: &ProvisionState, by: &Account, eyes: FourEyes) -> Result<Consent, Refusal> {
    state.consent(&by.authority(Act::ApproveProvision)?, eyes, at(2))
}

fn send_back(state: &ProvisionState, by: &Account) -> Result<ProvisionEvent, Refusal> {
    state.send_back(&by.authority(Act::SendBackProvision)?, None, at(2))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn content(name: u8) -> ContentDigest {
    ContentDigest([name; 32])
}

fn held() -> ProvisionState {
    ProvisionState::Held {
        hold: Hold::begun(at(0), HoldReason::Person),
    }
}

fn checked() -> ProvisionState {
    let same = (content(1), content(1));
    let event = check(&held(), &clerk(), Proposal::Provide, same);
    held().apply(event.unwrap()).unwrap()
}

fn grounds() -> Grounds {
    Grounds {
        reason: RefusalReason::NotAppropriate,
        note: None,
    }
}

fn sealed() -> (Outcome, Sent) {
    let outcome = Outcome {
        answer_digest: Some(AnswerDigest([1; 32])),
        provided_at: Some(at(2)),
        ..Outcome::without_answer(ResultCode::EndedNormally, Side::Provider)
    };
    let answer = SealedAnswer {
        encapsulated_key: vec![1],
        ciphertext: vec![2],
        info: Vec::new(),
        aad: Vec::new(),
        key_fingerprint: Vec::new(),
        export_context: Box::default(),
    };
    (outcome, Sent::Answer(answer))
}

fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
    result.unwrap_err().reason()
}

#[test]
fn nothing_is_decided_that_nobody_checked() {
    let early = consent(&held(), &superior(), FourEyes::TwoAccounts);
    assert_eq!(refused(early), "PROVISION_NOT_CHECKED");
    let early = send_back(&held(), &superior());
    assert_eq!(refused(early), "PROVISION_NOT_CHECKED");
}

#[test]
fn the_authority_for_one_act_is_none_for_another() {
    let by = superior();
    let authority = by.authority(Act::OpenProvision).unwrap();
    let eyes = FourEyes::TwoAccounts;
    let proposed = (Proposal::Provide, content(1));
    assert_eq!(
        refused(held().check(&authority, proposed, content(1), at(1))),
        "NOT_AUTHORISED"
    );
    assert_eq!(
        refused(checked().consent(&authority, eyes, at(2))),
        "NOT_AUTHORISED"
    );
    assert_eq!(
        refused(checked().send_back(&authority, None, at(2))),
        "NOT_AUTHORISED"
    );
}

#[test]
fn the_checker_may_not_approve_through_whatever_account() {
    let eyes = FourEyes::TwoAccounts;
    for by in [clerk(), account("second", "P1"), account("clerk", "P2")] {
        assert_eq!(refused(consent(&checked(), &by, eyes)), "FOUR_EYES");
    }
    assert!(consent(&checked(), &superior(), eyes).is_ok());
}

#[test]
fn the_checker_may_approve_where_the_record_is_enough() {
    assert!(consent(&checked(), &clerk(), FourEyes::RecordOnly).is_ok());
}

#[test]
fn a_check_of_what_is_not_there_any_more_is_refused() {
    let changed = (content(1), content(2));
    let blind = check(&held(), &clerk(), Proposal::Provide, changed);
    assert_eq!(refused(blind), "CONTENT_CHANGED");
}

#[test]
fn an_approval_is_void_when_the_content_changed() {
    let consent = consent(&checked(), &superior(), FourEyes::TwoAccounts);
    let provided = consent.unwrap().provide(&content(2), sealed());
    assert_eq!(refused(provided), "CONTENT_CHANGED");
}

#[test]
fn what_is_checked_is_not_checked_again_and_what_has_ended_not_at_all() {
    let eyes = FourEyes::TwoAccounts;
    let again = |state: &ProvisionState| {
        let same = (content(1), content(1));
        check(state, &superior(), Proposal::CorrectFirst, same)
    };
    assert_eq!(refused(again(&checked())), "PROVISION_CHECKED");
    let refusal = consent(&checked(), &superior(), eyes).unwrap();
    let decided = checked().apply(refusal.refuse(grounds())).unwrap();
    assert_eq!(refused(again(&decided)), "PROVISION_DECIDED");
    let late = consent(&decided, &superior(), eyes);
    assert_eq!(refused(late), "PROVISION_DECIDED");
}

#[test]
fn a_request_expires_or_escalates_when_it_is_late_and_not_before() {
    let rules = |overdue| HoldRules {
        overdue,
        wait_max: SignedDuration::from_secs(10),
        ..HoldRules::default()
    };
    for overdue in [Overdue::Nothing, Overdue::Refuse, Overdue::Escalate] {
        assert_eq!(checked().overdue(rules(overdue), at(9)), None);
    }
    assert_eq!(checked().overdue(rules(Overdue::Nothing), at(11)), None);
    let expired = checked().overdue(rules(Overdue::Refuse), at(10)).unwrap();
    let ended = checked().apply(expired).unwrap();
    assert_eq!(ended.code(), ResultCode::Expired);
    let escalated = checked().overdue(rules(Overdue::Escalate), at(10)).unwrap();
    let marked = checked().apply(escalated).unwrap();
    assert_eq!(marked.waiting().unwrap().escalated_at, Some(at(10)));
    assert_eq!(marked.overdue(rules(Overdue::Escalate), at(11)), None);
}

/// What somebody tries, as random numbers choose it.
#[derive(Debug, Clone, Copy)]
enum Try {
    Check(u8, u8),
    Approve(u8),
    Refuse(u8),
    SendBack(u8),
    Change,
    Cancel,
    Expire,
    Undo,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        4 => (0..4_u8, 0..3_u8).prop_map(|(who, what)| Try::Check(who, what)),
        4 => (0..4_u8).prop_map(Try::Approve),
        2 => (0..4_u8).prop_map(Try::Refuse),
        2 => (0..4_u8).prop_map(Try::SendBack),
        1 => Just(Try::Change),
        1 => Just(Try::Cancel),
        1 => Just(Try::Expire),
        1 => Just(Try::Undo),
    ];
    proptest::collection::vec(one, 0..24)
}

/// Four accounts of three people.
fn actor(who: u8) -> Account {
    let person = ["P0", "P1", "P2", "P0"][usize::from(who)];
    account(&format!("a{who}"), person)
}

/// One try, in the way of the acts: the state moves by an event or not at all.
fn attempt(state: &ProvisionState, content: &ContentDigest, tried: Try) -> Option<ProvisionEvent> {
    let eyes = FourEyes::TwoAccounts;
    let outcome = || Outcome::without_answer(ResultCode::Cancelled, Side::Inquirer);
    let event = match tried {
        Try::Check(who, what) => {
            let proposal = match what {
                0 => Proposal::Provide,
                1 => Proposal::Refuse(grounds()),
                _ => Proposal::CorrectFirst,
            };
            check(state, &actor(who), proposal, (*content, *content))
        }
        Try::Approve(who) => consent(state, &actor(who), eyes).and_then(|consent| {
            match consent.check().proposal.clone() {
                Proposal::Provide => consent.provide(content, sealed()),
                Proposal::Refuse(grounds) => Ok(consent.refuse(grounds)),
                Proposal::CorrectFirst => Ok(consent.correct_first()),
            }
        }),
        Try::Refuse(who) => {
            let consent = consent(state, &actor(who), eyes);
            consent.map(|consent| consent.refuse(grounds()))
        }
        Try::SendBack(who) => send_back(state, &actor(who)),
        Try::Change => return None,
        Try::Cancel => Ok(ProvisionEvent::Cancelled {
            at: at(2),
            outcome: outcome(),
        }),
        Try::Expire => Ok(ProvisionEvent::Expired {
            at: at(2),
            outcome: expired(),
        }),
        Try::Undo => Ok(ProvisionEvent::Undone),
    };
    event.ok()
}

proptest! {
    #[test]
    fn whatever_is_tried_an_answer_needs_two_people_who_saw_the_same(tries in tries()) {
        let (mut state, mut seen, mut ends) = (held(), 0_u8, 0);
        for tried in tries {
            if matches!(tried, Try::Change) {
                seen += 1;
            }
            let there = content(seen);
            let Some(event) = attempt(&state, &there, tried) else { continue };
            let ended_before = state.code().is_final();
            let Ok(next) = state.clone().apply(event) else { continue };
            if let ProvisionState::Decided { check, decision, .. } = &next {
                prop_assert_ne!(&check.by.person, &decision.by.person);
                prop_assert_ne!(&check.by.account, &decision.by.account);
                if let Sent::Answer(_) = &decision.sent {
                    prop_assert_eq!(&check.content, &there);
                    prop_assert_eq!(&check.proposal, &Proposal::Provide);
                }
            }
            let undone = ended_before && !next.code().is_final();
            prop_assert!(!undone || matches!(tried, Try::Undo));
            prop_assert!(!(ended_before && next.code().is_final()), "it ended twice");
            ends += i32::from(next.code().is_final()) - i32::from(undone);
            state = next;
        }
        prop_assert_eq!(ends, i32::from(state.code().is_final()));
    }
}
