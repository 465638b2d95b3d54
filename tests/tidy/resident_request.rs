//! The diagram of the request for identity information in docs/state-machines.md against its machine.

use std::collections::BTreeSet;

use chukan::domain::{
    identity::IdentityRefusal,
    resident_request::{ResidentRequestEnd, ResidentRequestEvent, ResidentRequestState},
    symbol_request::{SealedNumber, Station},
};

use crate::state_machines::{NOW, drawn, transition};

#[test]
fn the_request_for_identity_information_goes_as_it_is_drawn() {
    let content = SealedNumber(vec![1]);
    let at_server = |station| ResidentRequestState::OnTheWay {
        station,
        content: content.clone(),
        since: NOW,
    };
    let ends = [
        ResidentRequestEnd::Done {
            answer: content.clone(),
        },
        ResidentRequestEnd::AnswerDeleted,
        ResidentRequestEnd::Refused {
            why: IdentityRefusal::PersonUnknown,
        },
    ];
    let ended = |end| ResidentRequestState::Ended { at: NOW, end };
    let name = |state: &ResidentRequestState| match state {
        ResidentRequestState::OnTheWay { station, .. } => format!("At{station:?}"),
        ResidentRequestState::Ended { end, .. } => end_name(end).to_owned(),
    };
    let servers = &Station::ALL[..3];
    let mut states: Vec<_> = servers.iter().map(|station| at_server(*station)).collect();
    states.extend(ends.clone().map(ended));
    let [done, _, refused] = ends;
    let events = [
        ("Forwarded", ResidentRequestEvent::Forwarded { at: NOW }),
        ("Done", ResidentRequestEvent::Ended { at: NOW, end: done }),
        (
            "Refused",
            ResidentRequestEvent::Ended {
                at: NOW,
                end: refused,
            },
        ),
        ("AnswerDeleted", ResidentRequestEvent::AnswerDeleted),
    ];
    let mut allowed = BTreeSet::new();
    for state in states {
        for (event_name, event) in &events {
            let from = name(&state);
            if let Ok(next) = state.clone().apply(event.clone()) {
                allowed.insert(transition(&from, event_name, &name(&next)));
            }
        }
    }
    assert_eq!(allowed, drawn("The request for identity information"));
}

fn end_name(end: &ResidentRequestEnd) -> &'static str {
    match end {
        ResidentRequestEnd::Done { .. } => "Done",
        ResidentRequestEnd::AnswerDeleted => "AnswerDeleted",
        ResidentRequestEnd::Refused { .. } => "Refused",
    }
}
