//! What the writers of ledger and state count shows in the metrics: commits, groups, syncs and queues.

use std::time::Duration;

use crate::net::{self, CITY, Net, TAX, WARD, ask, tax_inquiry};

/// Exchanges of one inquiry, all under way at once.
const EXCHANGES: u32 = 120;

/// The value of a line of the default world.
fn value(shown: &str, name: &str) -> f64 {
    let line = format!("{name}{{world=\"default\"}} ");
    let value = shown.lines().find_map(|shown| shown.strip_prefix(&line));
    value
        .unwrap_or_else(|| panic!("{line}is not in\n{shown}"))
        .parse()
        .unwrap()
}

/// The metrics once the ledger has made so many entries durable, and nothing waits.
async fn settled(net: &Net, entries: f64) -> String {
    let settled = async {
        loop {
            let shown = net.metrics_now().await;
            let waiting = [
                "chukan_ledger_commits_waiting",
                "chukan_exchanges_under_way",
            ];
            let waits = waiting.iter().any(|name| value(&shown, name) > 0.0);
            if !waits && value(&shown, "chukan_ledger_group_entries_sum") >= entries {
                return shown;
            }
            tokio::task::yield_now().await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(60), settled).await;
    settled.expect("the ledger does not come to rest")
}

#[tokio::test]
async fn concurrent_exchanges_share_their_syncs_and_the_metrics_show_it() {
    let net = net::start_with(&["--set", "metrics.listen=127.0.0.1:0"]);
    net.metrics_show("chukan_exchanges_waiting{world=\"default\"} 0")
        .await;
    let before = net.metrics_now().await;
    let mut many = tax_inquiry("pace-1", 0);
    many.details = (0..EXCHANGES)
        .map(|n| net::detail(&format!("pace-{n}"), &net::person(0, CITY), WARD, TAX))
        .collect();
    ask(&mut net.inquiries(CITY).await, many).await;
    let entries = value(&before, "chukan_ledger_group_entries_sum");
    let after = settled(&net, entries + f64::from(3 * EXCHANGES)).await;
    let grown = |name: &str| value(&after, name) - value(&before, name);
    let entries = grown("chukan_ledger_group_entries_sum");
    let syncs = grown("chukan_ledger_sync_seconds_count");
    assert!(syncs < entries, "{syncs} syncs for {entries} entries");
    assert!(syncs > 0.0 && grown("chukan_ledger_sync_seconds_sum") > 0.0);
    assert!(grown("chukan_ledger_commit_seconds_count") > syncs);
    assert!(grown("chukan_state_commit_seconds_count") > 0.0);
    assert!(grown("chukan_state_group_batches_sum") >= grown("chukan_state_sync_seconds_count"));
}
