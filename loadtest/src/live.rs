//! What is seen while a run goes on: one line that is painted again each second, or a plain line now and then.

use std::io::{IsTerminal as _, Write as _, stderr};

use crate::metrics::Look;

/// Seconds between plain lines.
const PLAIN_EVERY_S: f64 = 10.0;

/// Cells of the bar.
const BAR: u32 = 20;

/// The view of one run, on standard error.
#[derive(Debug)]
pub(crate) struct Live {
    length_s: f64,
    is_terminal: bool,
    /// When the last plain line was written.
    written_s: f64,
}

impl Live {
    /// Of a run whose conversations begin during `length_s` seconds.
    pub(crate) fn of(length_s: f64) -> Self {
        Self {
            length_s,
            is_terminal: stderr().is_terminal(),
            written_s: 0.0,
        }
    }

    /// Shows the latest look.
    pub(crate) fn show(&mut self, before: Option<&Look>, now: &Look) {
        let Some(before) = before else { return };
        let text = line(self.length_s, before, now);
        if self.is_terminal {
            // Without a terminal any more there is nobody to tell.
            let _gone = write!(stderr(), "\r\x1b[2K{text}");
        } else if now.at_s - self.written_s >= PLAIN_EVERY_S {
            self.written_s = now.at_s;
            eprintln!("{text}");
        }
    }

    /// Leaves the last line as it is.
    pub(crate) fn end(&self) {
        if self.is_terminal {
            eprintln!();
        }
    }
}

fn line(length_s: f64, before: &Look, now: &Look) -> String {
    let passed_s = (now.at_s - before.at_s).max(0.001);
    let done = (now.at_s / length_s).clamp(0.0, 1.0);
    let bar: String = (0..BAR)
        .map(|cell| {
            if f64::from(cell) < done * f64::from(BAR) {
                '#'
            } else {
                '.'
            }
        })
        .collect();
    let busy = |before: Option<f64>, now: Option<f64>| match before.zip(now) {
        Some((before, now)) => format!("{:.1}", (now - before) / passed_s),
        None => "-".to_owned(),
    };
    let syncs = now.ledger.syncs.since(before.ledger.syncs);
    let group = now.ledger.groups.since(before.ledger.groups).mean();
    format!(
        "[{bar}] {:.0}/{length_s:.0} 秒 | 完了 {:.0} 件/秒 | 処理中 {:.0} 順番待ち {:.0} | 記録: 同期 {:.0} 回/秒, {:.1} 件ずつ | CPU サーバー {} 負荷側 {} | {:.0} MiB",
        now.at_s,
        (now.ended - before.ended) / passed_s,
        now.exchanges,
        now.exchanges_waiting + now.submissions_waiting,
        syncs.count / passed_s,
        group.unwrap_or_default(),
        busy(before.server_cpu_s, now.server_cpu_s),
        busy(before.generator_cpu_s, now.generator_cpu_s),
        now.resident_mib
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_what_came_between_two_looks() {
        let before = Look {
            at_s: 4.0,
            ended: 100.0,
            ..Look::default()
        };
        let now = Look {
            at_s: 6.0,
            ended: 300.0,
            exchanges: 7.0,
            server_cpu_s: None,
            ..Look::default()
        };
        let line = line(12.0, &before, &now);
        assert!(line.starts_with("[##########..........] 6/12"), "{line}");
        assert!(line.contains("完了 100 件/秒 | 処理中 7 "), "{line}");
        assert!(line.contains("サーバー - "), "{line}");
    }
}
