//! The diagram of a proposed change of a replica against the machine.

use std::collections::BTreeSet;

use chukan::domain::{
    correction::{Change, CorrectionEvent, CorrectionState, Proposed, Returned},
    deciding::ContentDigest,
    staff::Actor,
};

use crate::state_machines::{NOW, drawn, transition};

fn actor() -> Actor {
    Actor {
        account: "someone".parse().unwrap(),
        person: "S001".parse().unwrap(),
    }
}

fn proposed() -> Box<Proposed> {
    Box::new(Proposed {
        by: actor(),
        at: NOW,
        change: Change::Delete,
        reason: "誤登録".parse().unwrap(),
        content: ContentDigest([0; 32]),
    })
}

fn returned() -> Returned {
    Returned {
        at: NOW,
        by: None,
        note: None,
    }
}

#[test]
fn the_correction_goes_as_it_is_drawn() {
    let (at, by, proposed) = (NOW, actor(), proposed());
    let states = [
        CorrectionState::Proposed {
            proposed: proposed.clone(),
        },
        CorrectionState::SentBack {
            proposed: proposed.clone(),
            returned: returned(),
        },
        CorrectionState::Approved {
            proposed: proposed.clone(),
            by: by.clone(),
            at,
        },
        CorrectionState::Made {
            proposed_by: by.clone(),
            approved_by: by.clone(),
            at,
        },
        CorrectionState::Withdrawn { by: by.clone(), at },
    ];
    let state_name = |state: &CorrectionState| match state {
        CorrectionState::Proposed { .. } => "Proposed",
        CorrectionState::SentBack { .. } => "SentBack",
        CorrectionState::Approved { .. } => "Approved",
        CorrectionState::Made { .. } => "Made",
        CorrectionState::Withdrawn { .. } => "Withdrawn",
    };
    let events = [
        CorrectionEvent::Proposed(proposed),
        CorrectionEvent::SentBack(returned()),
        CorrectionEvent::Approved { by: by.clone(), at },
        CorrectionEvent::Undone,
        CorrectionEvent::Made,
        CorrectionEvent::Withdrawn { by, at },
    ];
    let event_name = |event: &CorrectionEvent| match event {
        CorrectionEvent::Proposed(_) => "Proposed",
        CorrectionEvent::SentBack(_) => "SentBack",
        CorrectionEvent::Approved { .. } => "Approved",
        CorrectionEvent::Undone => "Undone",
        CorrectionEvent::Made => "Made",
        CorrectionEvent::Withdrawn { .. } => "Withdrawn",
    };
    let mut allowed = BTreeSet::new();
    for state in &states {
        for event in &events {
            if let Ok(next) = state.clone().apply(event.clone()) {
                let (from, to) = (state_name(state), state_name(&next));
                allowed.insert(transition(from, event_name(event), to));
            }
        }
    }
    assert_eq!(allowed, drawn("The correction"));
}
