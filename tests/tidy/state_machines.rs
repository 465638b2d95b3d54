//! The diagrams of docs/state-machines.md against the machines: every state meets every event.

use std::collections::BTreeSet;

use chukan::domain::{
    acquisition::{
        Acquisition, AcquisitionFailure, AcquisitionRefusal, SerialDigest, UnlinkReason,
    },
    batch::{BatchEvent, BatchState},
    deciding::{Check, ContentDigest, Decision, Proposal, SendBackCause, Sent, SentBack},
    exchange::{Outcome, Side},
    inquiry::{ExchangeEvent, ExchangeState},
    provision::{Hold, HoldReason, ProvisionEvent, ProvisionState},
    result::ResultCode,
    staff::Actor,
    symbol_request::{SealedNumber, SymbolRequest, SymbolRequestEvent},
};
use jiff::{SignedDuration, Timestamp};

use crate::source::read;

/// From, event, to.
pub(crate) type Transition = (String, String, String);

pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn outcome() -> Outcome {
    Outcome::without_answer(ResultCode::Cancelled, Side::Inquirer)
}

pub(crate) fn transition(from: &str, event: &str, to: &str) -> Transition {
    (from.to_owned(), event.to_owned(), to.to_owned())
}

/// The transitions of the diagram below `heading`. What begins a machine has no event and is left out.
pub(crate) fn drawn(heading: &str) -> BTreeSet<Transition> {
    let page = read("docs/state-machines.md");
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("no section {heading}"));
    let (_, diagram) = section.split_once("stateDiagram-v2\n").unwrap();
    let (diagram, _) = diagram.split_once("```").unwrap();
    let arrows = diagram.lines().filter_map(|line| {
        let (from, rest) = line.trim().split_once(" --> ")?;
        let (to, event) = rest.split_once(": ")?;
        Some(transition(from, event, to))
    });
    let found: BTreeSet<_> = arrows.collect();
    assert!(!found.is_empty(), "the diagram {heading} has no arrow");
    found
}

#[test]
fn the_exchange_goes_as_it_is_drawn() {
    let states = || {
        [
            ExchangeState::Accepted,
            ExchangeState::Waiting { since: NOW },
            ExchangeState::Ended {
                at: NOW,
                outcome: outcome(),
                answer: None,
            },
        ]
    };
    let name = |state: &ExchangeState| match state {
        ExchangeState::Accepted => "Accepted",
        ExchangeState::Waiting { .. } => "Waiting",
        ExchangeState::Ended { .. } => "Ended",
    };
    let events = [
        ("Held", ExchangeEvent::Held { at: NOW }),
        (
            "Ended",
            ExchangeEvent::Ended {
                at: NOW,
                outcome: outcome(),
                answer: None,
            },
        ),
    ];
    let mut allowed = BTreeSet::new();
    for state in states() {
        for (event_name, event) in &events {
            let from = name(&state);
            if let Ok(next) = state.clone().apply(event.clone()) {
                allowed.insert(transition(from, event_name, name(&next)));
            }
        }
    }
    assert_eq!(allowed, drawn("The exchange"));
}

#[test]
fn an_exchange_is_cancelled_by_an_event_that_it_accepts_until_it_has_ended() {
    let waiting = ExchangeState::Waiting { since: NOW };
    for state in [ExchangeState::Accepted, waiting] {
        let event = state.cancel(NOW).unwrap();
        let ended = state.apply(event).unwrap();
        assert_eq!(ended.code(), ResultCode::Cancelled);
        assert!(ended.cancel(NOW).is_err());
    }
}

#[test]
fn the_provision_goes_as_it_is_drawn() {
    let name = |state: &ProvisionState| match state {
        ProvisionState::Received => "Received",
        ProvisionState::Answered { .. } => "Answered",
        ProvisionState::Held { .. } => "Held",
        ProvisionState::Checked { .. } => "Checked",
        ProvisionState::SentBack { .. } => "SentBack",
        ProvisionState::Decided { .. } => "Decided",
        ProvisionState::Ended { .. } => "Ended",
    };
    let mut allowed = BTreeSet::new();
    for state in provision_states() {
        for event in provision_events() {
            let (from, event_name) = (name(&state), event_name(&event));
            if let Ok(next) = state.clone().apply(event) {
                allowed.insert(transition(from, event_name, name(&next)));
            }
        }
    }
    assert_eq!(allowed, drawn("The provision"));
}

fn check() -> Box<Check> {
    Box::new(Check {
        by: actor("clerk"),
        at: NOW,
        proposal: Proposal::Provide,
        content: ContentDigest([0; 32]),
    })
}

fn actor(name: &str) -> Actor {
    Actor {
        account: name.parse().unwrap(),
        person: name.parse().unwrap(),
    }
}

fn back() -> SentBack {
    SentBack {
        at: NOW,
        cause: SendBackCause::ContentChanged,
    }
}

fn decision() -> Box<Decision> {
    Box::new(Decision {
        by: actor("superior"),
        at: NOW,
        outcome: outcome(),
        sent: Sent::NoData,
    })
}

fn provision_states() -> [ProvisionState; 7] {
    let hold = Hold::begun(NOW, HoldReason::Person);
    [
        ProvisionState::Received,
        ProvisionState::Answered {
            at: NOW,
            outcome: outcome(),
            answer: None,
        },
        ProvisionState::Held { hold },
        ProvisionState::Checked {
            hold,
            check: check(),
        },
        ProvisionState::SentBack { hold, back: back() },
        ProvisionState::Decided {
            hold,
            check: check(),
            decision: decision(),
        },
        ProvisionState::Ended {
            at: NOW,
            outcome: outcome(),
        },
    ]
}

fn provision_events() -> [ProvisionEvent; 10] {
    let (at, why, outcome) = (NOW, HoldReason::Person, outcome());
    [
        ProvisionEvent::Held { at, why },
        ProvisionEvent::Answered {
            at,
            outcome: outcome.clone(),
            answer: None,
        },
        ProvisionEvent::Checked(check()),
        ProvisionEvent::SentBack(back()),
        ProvisionEvent::Decided(decision()),
        ProvisionEvent::Undone,
        ProvisionEvent::Delivered,
        ProvisionEvent::Escalated { at },
        ProvisionEvent::Cancelled {
            at,
            outcome: outcome.clone(),
        },
        ProvisionEvent::Expired { at, outcome },
    ]
}

fn event_name(event: &ProvisionEvent) -> &'static str {
    match event {
        ProvisionEvent::Held { .. } => "Held",
        ProvisionEvent::Answered { .. } => "Answered",
        ProvisionEvent::Checked(_) => "Checked",
        ProvisionEvent::SentBack(_) => "SentBack",
        ProvisionEvent::Decided(_) => "Decided",
        ProvisionEvent::Undone => "Undone",
        ProvisionEvent::Delivered => "Delivered",
        ProvisionEvent::Escalated { .. } => "Escalated",
        ProvisionEvent::Cancelled { .. } => "Cancelled",
        ProvisionEvent::Expired { .. } => "Expired",
    }
}

/// What can be done to an acquisition: a name, and the act at a time.
type Act = fn(Option<&Acquisition>, Timestamp) -> Result<Acquisition, AcquisitionRefusal>;

const SERIAL: SerialDigest = SerialDigest([1; 32]);

const ACTS: [(&str, Act); 8] = [
    ("issue", |present, now| {
        Acquisition::issue(present, SerialDigest([2; 32]), now, Timestamp::MAX)
    }),
    ("renew", |present, now| {
        known(present)?.renew(SerialDigest([2; 32]), now, Timestamp::MAX)
    }),
    ("link", |present, now| known(present)?.link(SERIAL, now)),
    ("link with another serial", |present, now| {
        known(present)?.link(SerialDigest([3; 32]), now)
    }),
    ("fail", |present, now| {
        known(present)?.fail(SERIAL, AcquisitionFailure::PersonUnknown, now)
    }),
    ("lapse", |present, now| {
        let later = now + SignedDuration::from_secs(1);
        let lapsed = known(present)?.lapse(later);
        lapsed.ok_or(AcquisitionRefusal::NotLinked)
    }),
    ("unlink", |present, now| {
        known(present)?.unlink(UnlinkReason::Died, now)
    }),
    ("withdraw", |present, now| {
        known(present)?.withdraw(UnlinkReason::Died, now)
    }),
];

fn known(present: Option<&Acquisition>) -> Result<&Acquisition, AcquisitionRefusal> {
    present.ok_or(AcquisitionRefusal::NotLinked)
}

#[test]
fn the_acquisition_goes_as_it_is_drawn() {
    let expires_at = Timestamp::from_second(10).unwrap();
    let states = [
        None,
        Some(Acquisition::SerialIssued {
            serial: SERIAL,
            at: NOW,
            expires_at,
        }),
        Some(Acquisition::Expired { at: NOW }),
        Some(Acquisition::Failed {
            at: NOW,
            why: AcquisitionFailure::NumberChanged,
        }),
        Some(Acquisition::Linked { at: NOW }),
        Some(Acquisition::Unlinked {
            at: NOW,
            reason: UnlinkReason::MovedOut,
        }),
    ];
    let name = |state: Option<&Acquisition>| match state {
        None => "Nothing",
        Some(Acquisition::SerialIssued { .. }) => "SerialIssued",
        Some(Acquisition::Expired { .. }) => "Expired",
        Some(Acquisition::Failed { .. }) => "Failed",
        Some(Acquisition::Linked { .. }) => "Linked",
        Some(Acquisition::Unlinked { .. }) => "Unlinked",
    };
    let mut allowed = BTreeSet::new();
    for state in &states {
        for (act_name, act) in ACTS {
            let from = name(state.as_ref());
            for (now, suffix) in [(NOW, ""), (expires_at, " after expiry")] {
                let Ok(next) = act(state.as_ref(), now) else {
                    continue;
                };
                let waits = from == "SerialIssued";
                let event = format!("{act_name}{}", if waits { suffix } else { "" });
                allowed.insert(transition(from, &event, name(Some(&next))));
            }
        }
    }
    assert_eq!(allowed, drawn("The acquisition"));
}

#[test]
fn the_symbol_request_goes_as_it_is_drawn() {
    let sealed = || SealedNumber(vec![1]);
    let (number, resident, since) = (sealed, sealed, NOW);
    let states = [
        SymbolRequest::AtCommunicationServer {
            number: number(),
            since,
        },
        SymbolRequest::AtPrefecturalServer {
            number: number(),
            since,
        },
        SymbolRequest::AtNationalServer {
            number: number(),
            since,
        },
        SymbolRequest::AtCoreSystem {
            resident: resident(),
            since,
        },
        SymbolRequest::Ended,
    ];
    let name = |state: &SymbolRequest| match state {
        SymbolRequest::AtCommunicationServer { .. } => "AtCommunicationServer",
        SymbolRequest::AtPrefecturalServer { .. } => "AtPrefecturalServer",
        SymbolRequest::AtNationalServer { .. } => "AtNationalServer",
        SymbolRequest::AtCoreSystem { .. } => "AtCoreSystem",
        SymbolRequest::Ended => "Ended",
    };
    let events = [
        ("Forwarded", SymbolRequestEvent::Forwarded { at: NOW }),
        (
            "Converted",
            SymbolRequestEvent::Converted {
                resident: resident(),
                at: NOW,
            },
        ),
        ("Returned", SymbolRequestEvent::Returned),
        ("Delivered", SymbolRequestEvent::Delivered),
    ];
    let mut allowed = BTreeSet::new();
    for state in states {
        for (event_name, event) in &events {
            let from = name(&state);
            if let Ok(next) = state.clone().apply(event.clone()) {
                allowed.insert(transition(from, event_name, name(&next)));
            }
        }
    }
    assert_eq!(allowed, drawn("The symbol request"));
}

#[test]
fn the_batch_goes_as_it_is_drawn() {
    let (at, since) = (NOW, NOW);
    let tally = std::collections::BTreeMap::new;
    let states = || {
        [
            BatchState::Running,
            BatchState::Cancelling { since },
            BatchState::Ended { at, tally: tally() },
        ]
    };
    let name = |state: &BatchState| match state {
        BatchState::Running => "Running",
        BatchState::Cancelling { .. } => "Cancelling",
        BatchState::Ended { .. } => "Ended",
    };
    let events = [
        ("CancelAsked", BatchEvent::CancelAsked { at }),
        ("Ended", BatchEvent::Ended { at, tally: tally() }),
    ];
    let mut allowed = BTreeSet::new();
    for state in states() {
        for (event_name, event) in &events {
            let from = name(&state);
            if let Ok(next) = state.clone().apply(event.clone()) {
                allowed.insert(transition(from, event_name, name(&next)));
            }
        }
    }
    assert_eq!(allowed, drawn("The batch"));
}
