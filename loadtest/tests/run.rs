//! `loadtest run` against a real server, as a person starts it. It needs the `chukan` program beside its own, which
//! `cargo test --workspace` builds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

/// Runs the generator; what it printed, and its JSON where it came so far.
fn run(arguments: &[&str]) -> (Output, Option<Value>) {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("found.json");
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "--connections", "2", "--check-every", "1", "--json"])
        .arg(&json)
        .args(arguments)
        .output()
        .unwrap();
    let found = fs::read_to_string(&json).ok();
    (
        output,
        found.map(|found| serde_json::from_str(&found).unwrap()),
    )
}

/// What a run found that came to its end. That a busy machine starts conversations late is nobody's fault here.
fn found(arguments: &[&str]) -> Value {
    let (output, found) = run(arguments);
    let found = found.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let flaws = found["flaws"].as_array().unwrap();
    let late = |flaw: &Value| {
        flaw.as_str()
            .unwrap()
            .starts_with("the generator was the limit")
    };
    assert!(flaws.iter().all(late), "{flaws:?}");
    found
}

/// How many conversations of a kind were sent, answered (under any code), and wait.
fn account(found: &Value, kind: &str) -> [u64; 3] {
    let account = &found["kinds"][kind]["account"];
    let answered = account["answered"].as_object().unwrap().values();
    let answered = answered.map(|count| count.as_u64().unwrap()).sum();
    [
        account["sent"].as_u64().unwrap(),
        answered,
        account["waiting"].as_u64().unwrap(),
    ]
}

#[test]
fn every_kind_is_answered_compared_and_counted_and_the_staff_decides_what_is_held() {
    let found = found(&[
        "--people",
        "300",
        "--rate",
        "20",
        "--seconds",
        "2",
        "--timeout-ms",
        "60000",
        "--mix",
        "inquiry=3,batch=1,replicas=1,symbols=1,held=2",
        "--batch-rows",
        "5",
        "--replica-rows",
        "30",
        "--approvers",
        "2",
        "--clerks",
        "3",
        "--think-time",
        "100ms±50ms",
    ]);
    let mut exchanges = 0;
    for kind in ["inquiry", "batch", "replicas", "symbols", "held"] {
        let [sent, answered, waiting] = account(&found, kind);
        assert!(
            sent > 0 && answered == sent && waiting == 0,
            "{kind}: {found:#}"
        );
        let answers = &found["kinds"][kind]["answers"];
        assert!(
            answers["compared"].as_u64().unwrap() >= sent,
            "{kind}: {answers}"
        );
        assert_eq!(answers["differ"], 0, "{kind}");
        exchanges += sent
            * match kind {
                "inquiry" | "held" => 1,
                "batch" => 5,
                _ => 0,
            };
    }
    assert_eq!(found["records"]["exchanges"], exchanges);
    let held = account(&found, "held")[0];
    let staff = &found["staff"];
    let posts = staff["posts"].as_array().unwrap();
    assert_eq!(posts.len(), 2);
    for (post, people) in posts.iter().zip([3, 2]) {
        assert_eq!(
            (&post["people"], &post["steps"]),
            (&people.into(), &held.into()),
            "{post}"
        );
    }
    let decided = staff["held_to_decided_s"].as_array().unwrap();
    assert_eq!(u64::try_from(decided.len()).unwrap(), held);
    let queue = staff["queue"]["rows"].as_array().unwrap();
    assert!(
        queue.iter().any(|row| row[1].as_u64() > Some(0)),
        "the queue was never seen"
    );
}

#[test]
fn what_nobody_decides_in_time_waits_and_the_account_balances() {
    let plan = [
        "--people",
        "100",
        "--rate",
        "5",
        "--seconds",
        "1",
        "--mix",
        "held",
    ];
    let slow = [
        "--approvers",
        "1",
        "--think-time",
        "60s",
        "--patience-s",
        "1",
    ];
    for staff in [&[][..], &slow] {
        let found = found(&[&plan[..], staff].concat());
        let [sent, answered, waiting] = account(&found, "held");
        assert!(sent > 0 && answered == 0 && waiting == sent, "{found:#}");
        assert_eq!(found["staff"].is_null(), staff.is_empty());
    }
}

#[test]
fn an_open_run_refuses_to_begin_when_people_would_run_out() {
    let (output, found) = run(&["--people", "50", "--rate", "500", "--seconds", "2"]);
    assert!(!output.status.success() && found.is_none());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("people ran out at inquiry") && told.contains("--repeat-people"),
        "{told}"
    );
}

#[test]
fn a_closed_run_says_that_people_ran_out() {
    let found = found(&["--closed", "2", "--people", "50", "--seconds", "60"]);
    assert!(
        found["ran_out"]
            .as_str()
            .unwrap()
            .contains("people ran out"),
        "{found:#}"
    );
    let [sent, answered, _] = account(&found, "inquiry");
    assert!(sent > 10 && answered == sent);
}
