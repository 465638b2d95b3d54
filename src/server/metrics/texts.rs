//! What is counted: the names that Prometheus sees, and what they mean.

use metrics::{KeyName, Recorder as _, Unit};
use metrics_exporter_prometheus::PrometheusRecorder;

pub(super) const CALLS: &str = "chukan_rpc_calls_total";
pub(super) const SECONDS: &str = "chukan_rpc_seconds";
pub(super) const IN_FLIGHT: &str = "chukan_rpc_in_flight";
pub(super) const CONNECTIONS: &str = "chukan_connections";
pub(super) const REFUSED: &str = "chukan_connections_refused_total";
pub(super) const EXCHANGES: &str = "chukan_exchanges_total";
pub(super) const VOLUME_WARNINGS: &str = "chukan_staff_volume_warnings_total";
pub(super) const DOWNLOADS_READY: &str = "chukan_downloads_ready_total";
pub(super) const DOWNLOADS_FETCHED: &str = "chukan_downloads_fetched_total";
pub(super) const DOWNLOAD_BYTES: &str = "chukan_download_bytes_total";
pub(super) const DOWNLOADS_EXPIRED: &str = "chukan_downloads_expired_total";
pub(super) const LEDGER_ENTRIES: &str = "chukan_ledger_entries";
pub(super) const BACKUP_OVERDUE: &str = "chukan_backup_overdue";
pub(super) const RECORDS_WRITABLE: &str = "chukan_records_writable";
pub(super) const CONDITION: &str = "chukan_condition";
pub(super) const EXCHANGES_UNDER_WAY: &str = "chukan_exchanges_under_way";
pub(super) const EXCHANGES_WAITING: &str = "chukan_exchanges_waiting";
pub(super) const SUBMISSIONS_UNDER_WAY: &str = "chukan_submissions_under_way";
pub(super) const SUBMISSIONS_WAITING: &str = "chukan_submissions_waiting";
pub(super) const LEDGER_WAITING: &str = "chukan_ledger_commits_waiting";
pub(super) const STATE_WAITING: &str = "chukan_state_batches_waiting";
pub(super) const DISK_FREE: &str = "chukan_disk_free_bytes";

/// Says what each of them means.
pub(super) fn describe(recorder: &PrometheusRecorder) {
    let counters = [
        (CALLS, "Calls that ended, by method and gRPC code"),
        (REFUSED, "Connections refused, by reason"),
        (
            EXCHANGES,
            "Exchanges that ended or were held, by world and status code",
        ),
        (
            VOLUME_WARNINGS,
            "Accounts of the staff that went beyond the reveals and exports of a day, by world",
        ),
        (
            DOWNLOADS_READY,
            "Big results that were laid ready to be fetched, by world",
        ),
        (
            DOWNLOADS_FETCHED,
            "Times that a big result or a part of it was handed out, by world",
        ),
        (
            DOWNLOADS_EXPIRED,
            "Big results that were removed because their time had passed, by world",
        ),
    ];
    for (name, text) in counters {
        recorder.describe_counter(KeyName::from(name), Some(Unit::Count), text.into());
    }
    let gauges = [
        (IN_FLIGHT, "Calls that run now, by method"),
        (CONNECTIONS, "Connections that are open now"),
        (
            CONDITION,
            "1 while the condition lasts, else 0, by world and condition",
        ),
        (LEDGER_ENTRIES, "Entries in the ledger, by world"),
        (
            BACKUP_OVERDUE,
            "1 while the daily backup is late or failed, by world",
        ),
        (
            RECORDS_WRITABLE,
            "1 while records can be written, else 0, by world",
        ),
        (
            EXCHANGES_UNDER_WAY,
            "Exchanges that are under way, by world",
        ),
        (
            EXCHANGES_WAITING,
            "Exchanges that wait for their turn, by world",
        ),
        (
            SUBMISSIONS_UNDER_WAY,
            "Inquiries that are being accepted, by world",
        ),
        (
            SUBMISSIONS_WAITING,
            "Inquiries that wait for being accepted, by world",
        ),
        (
            LEDGER_WAITING,
            "Commits that the ledger has not answered, by world",
        ),
        (
            STATE_WAITING,
            "Batches that the state has not answered, by world",
        ),
    ];
    for (name, text) in gauges {
        recorder.describe_gauge(KeyName::from(name), Some(Unit::Count), text.into());
    }
    let text = "Bytes of big results that were handed out, by world";
    recorder.describe_counter(
        KeyName::from(DOWNLOAD_BYTES),
        Some(Unit::Bytes),
        text.into(),
    );
    let text = "Free bytes on the disk of the world";
    recorder.describe_gauge(KeyName::from(DISK_FREE), Some(Unit::Bytes), text.into());
    let text = "Seconds from the call to the end of its answer, by method";
    recorder.describe_histogram(KeyName::from(SECONDS), Some(Unit::Seconds), text.into());
}
