//! The account of each kind of conversation by itself, and what the synthetic staff did.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use crate::{
    account::{milliseconds, precise},
    approvers::{Decisions, Post, Queued},
    findings::{Findings, PERCENTILES},
    mix::Kind,
    run::Run,
};

/// The most lines of the queue's length that the text shows; the JSON has every second.
const LINES: usize = 12;

/// A line for each kind; what became of rows and held requests.
pub(crate) fn markdown(found: &Findings, run: &Run) -> String {
    let mut text = String::from(
        "\n| kind | sent | answered | refused | waiting | failed | p50 ms | p90 | p99 | max | compared | differ |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (kind, account) in &found.account.kinds {
        let (compared, differ) = found.compared.of.get(kind).copied().unwrap_or_default();
        let at = |at: f64| milliseconds(account.latency.value_at_quantile(at / 100.0));
        // Writing to a string does not fail.
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {compared} | {differ} |",
            kind.name(),
            account.sent,
            account.answered(),
            account.refused(),
            account.waiting,
            account.failed(),
            at(50.0),
            at(90.0),
            at(99.0),
            at(100.0),
        );
    }
    if !found.compared.rows.is_empty() {
        let rows = found.compared.rows.iter();
        let rows: Vec<_> = rows
            .map(|(code, rows)| format!("{code} × {rows}"))
            .collect();
        text += &format!("\nRows of inquiry files by result: {}.\n", rows.join(", "));
    }
    if let Some(decisions) = &found.decisions {
        text += &staff(found, decisions, run);
    }
    text
}

fn staff(found: &Findings, decisions: &Decisions, run: &Run) -> String {
    let mut text = format!(
        "\nHeld requests: each clerk and each superior thinks {} about each, in real time.\n\n\
         | post | people | steps | refused by the server | busy | people needed at least |\n|---|---:|---:|---:|---:|---:|\n",
        run.staffed.think_time
    );
    let held = found
        .account
        .kinds
        .get(&Kind::Held)
        .map_or(0, |held| held.sent);
    // Little's law: so many come in a second, and each keeps somebody for the time to think.
    let needed = precise(held) / seconds(run) * run.staffed.think_time.mean().as_secs_f64();
    for (post, work) in &decisions.posts {
        let could = f64::from(work.people) * decisions.took.as_secs_f64();
        let busy = 100.0 * work.busy.as_secs_f64() / could.max(f64::MIN_POSITIVE);
        // Writing to a string does not fail.
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} | {busy:.0} % | {:.0} |",
            named(*post),
            work.people,
            work.steps,
            work.refused,
            needed.ceil()
        );
    }
    let mut after = found.compared.decided.clone();
    after.sort();
    let at = |at: usize| {
        let place = after.len().saturating_sub(1) * at / 100;
        after.get(place).map_or(0.0, Duration::as_secs_f64)
    };
    text += &format!(
        "\nFrom held to decided: {} of {held} decided, p50 {:.1} s, p90 {:.1} s, max {:.1} s.\n\n\
         | second | unchecked | waits for a superior |\n|---:|---:|---:|\n",
        after.len(),
        at(50),
        at(90),
        at(100)
    );
    for (second, Queued { unchecked, checked }) in thinned(&decisions.queue) {
        text += &format!("| {second} | {unchecked} | {checked} |\n");
    }
    if let Some(fault) = &decisions.fault {
        text += &format!("\nThe first thing that went wrong for the staff: {fault}\n");
    }
    text
}

fn seconds(run: &Run) -> f64 {
    Duration::from_secs(run.seconds).as_secs_f64()
}

fn named(post: Post) -> &'static str {
    match post {
        Post::Clerk => "clerk (事務担当者)",
        Post::Approver => "superior (所属長)",
    }
}

/// The length in every second; between two changes it stays as it was at the first.
fn every_second(queue: &BTreeMap<u64, Queued>) -> Vec<(u64, Queued)> {
    let last = queue.last_key_value().map_or(0, |(second, _)| *second);
    let mut now = Queued::default();
    let lengths = (0..=last).map(|second| {
        now = queue.get(&second).copied().unwrap_or(now);
        (second, now)
    });
    lengths.collect()
}

/// So few seconds of a queue that they can be read, the longest of each stretch.
fn thinned(queue: &BTreeMap<u64, Queued>) -> Vec<(u64, Queued)> {
    let all = every_second(queue);
    let stretch = all.len().div_ceil(LINES).max(1);
    let longest = |stretch: &[(u64, Queued)]| {
        let length = |of: &&(u64, Queued)| of.1.unchecked + of.1.checked;
        stretch.iter().max_by_key(length).copied()
    };
    all.chunks(stretch).filter_map(longest).collect()
}

/// Each kind with its account and latencies.
pub(crate) fn json(found: &Findings) -> Value {
    let kinds = found.account.kinds.iter().map(|(kind, account)| {
        let latency = |at: f64| milliseconds(account.latency.value_at_quantile(at / 100.0));
        let latency = PERCENTILES.map(|at| (format!("p{at}"), latency(at)));
        let service = |at: f64| milliseconds(account.service.value_at_quantile(at / 100.0));
        let service = PERCENTILES.map(|at| (format!("p{at}"), service(at)));
        let (compared, differ) = found.compared.of.get(kind).copied().unwrap_or_default();
        let of_kind = json!({
            "account": {
                "sent": account.sent, "answered": account.answered, "refused": account.refused,
                "waiting": account.waiting, "failed": account.failed,
            },
            "latency_ms": BTreeMap::from(latency), "service_ms": BTreeMap::from(service),
            "exchanges": account.exchanges, "answers": { "compared": compared, "differ": differ },
        });
        (kind.name(), of_kind)
    });
    json!(kinds.collect::<BTreeMap<_, _>>())
}

/// The staff's work, the queue second by second, and how long each decided request was held; null where nobody decides.
pub(crate) fn staff_json(found: &Findings) -> Value {
    let Some(decisions) = &found.decisions else {
        return Value::Null;
    };
    let posts = decisions.posts.iter().map(|(post, work)| {
        json!({
            "post": format!("{post:?}"), "people": work.people, "steps": work.steps,
            "refused": work.refused, "busy_s": work.busy.as_secs_f64(),
        })
    });
    let queue = every_second(&decisions.queue).into_iter();
    let queue = queue.map(|(second, of)| json!([second, of.unchecked, of.checked]));
    let decided = found.compared.decided.iter().map(Duration::as_secs_f64);
    json!({
        "posts": posts.collect::<Vec<_>>(), "took_s": decisions.took.as_secs_f64(),
        "queue": { "columns": ["second", "unchecked", "checked"], "rows": queue.collect::<Vec<_>>() },
        "held_to_decided_s": decided.collect::<Vec<_>>(), "fault": decisions.fault,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(unchecked: u64) -> Queued {
        Queued {
            unchecked,
            checked: 0,
        }
    }

    #[test]
    fn between_two_changes_the_queue_stays_as_long_as_it_was() {
        let queue = BTreeMap::from([(1, queued(5)), (3, queued(2))]);
        let lengths: Vec<_> = every_second(&queue)
            .iter()
            .map(|(_, of)| of.unchecked)
            .collect();
        assert_eq!(lengths, [0, 5, 5, 2]);
    }

    #[test]
    fn a_long_run_shows_few_lines_and_the_longest_queue_among_them() {
        let queue: BTreeMap<_, _> = (0..1_000).map(|at| (at, queued(at * (999 - at)))).collect();
        let lines = thinned(&queue);
        assert!(lines.len() <= LINES);
        let longest = queue.values().map(|of| of.unchecked).max();
        assert_eq!(lines.iter().map(|(_, of)| of.unchecked).max(), longest);
    }
}
