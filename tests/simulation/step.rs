//! What can happen in a life.

use proptest::prelude::*;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Somebody asks about some people. Whether anything was settled before the next step depends on `wait`.
    Ask {
        by: usize,
        people: Vec<u32>,
        pairs: Vec<usize>,
        old_record_id: bool,
        wait: bool,
    },
    /// One of the inquiries is cancelled.
    Cancel { which: usize },
    /// A flag is set on a person, a specific information or both.
    SetFlag {
        person: Option<u32>,
        pair: Option<usize>,
    },
    /// One of the flags that are set is taken away.
    ClearFlag { which: usize },
    /// Time passes.
    Advance { seconds: i64 },
    /// Every institution copies the permission list.
    CopyList,
    /// The world is closed and opened.
    Reopen,
    /// A symbol is unlinked at the asker or at the provider.
    Unlink { person: u32, at_provider: bool },
    /// A symbol is asked for and linked.
    Link { person: u32, at_provider: bool },
    /// A permit is issued by hand.
    IssuePermit { by: usize, person: u32 },
    /// One of the permits is put to the provider.
    PresentPermit { which: usize },
}

/// Times around the ends of permits (300 s), copies of the list (7 days), publication and rows of the list (years).
const LEAPS: [i64; 7] = [
    1,
    299,
    300,
    7 * 86_400 - 1,
    7 * 86_400 + 1,
    400 * 86_400,
    2_000 * 86_400,
];

pub(crate) fn any() -> impl Strategy<Value = Step> {
    let person = || 0..12u32;
    let which = || 0..100usize;
    prop_oneof![
        8 => ask(),
        2 => which().prop_map(|which| Step::Cancel { which }),
        2 => (proptest::option::of(person()), proptest::option::of(0..3usize))
            .prop_map(|(person, pair)| Step::SetFlag { person, pair }),
        2 => which().prop_map(|which| Step::ClearFlag { which }),
        2 => proptest::sample::select(&LEAPS[..]).prop_map(|seconds| Step::Advance { seconds }),
        2 => Just(Step::CopyList),
        1 => Just(Step::Reopen),
        1 => (person(), any_bool()).prop_map(|(person, at_provider)| Step::Unlink { person, at_provider }),
        1 => (person(), any_bool()).prop_map(|(person, at_provider)| Step::Link { person, at_provider }),
        2 => (0..2usize, person()).prop_map(|(by, person)| Step::IssuePermit { by, person }),
        3 => which().prop_map(|which| Step::PresentPermit { which }),
    ]
}

fn any_bool() -> impl Strategy<Value = bool> {
    proptest::bool::ANY
}

fn ask() -> impl Strategy<Value = Step> {
    (
        0..2usize,
        proptest::collection::vec(0..12u32, 1..4),
        proptest::collection::vec(0..3usize, 1..3),
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.7),
    )
        .prop_map(|(by, people, pairs, old_record_id, wait)| Step::Ask {
            by,
            people,
            pairs,
            old_record_id,
            wait,
        })
}
