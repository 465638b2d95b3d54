//! What the server says of itself during a run: read once a second from its metrics and from the system.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{Fault, live::Live, target::cpu_seconds};

/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(1);

/// The most that is read of an answer, in bytes.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How often something happened, and what it came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Total {
    pub(crate) count: f64,
    pub(crate) sum: f64,
}

impl Total {
    /// What has been added since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            count: self.count - before.count,
            sum: self.sum - before.sum,
        }
    }

    /// The mean; nothing where nothing happened.
    pub(crate) fn mean(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}

/// The counters of one writer: the ledger's or the state's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Writer {
    /// Commits, and the seconds that they took together.
    pub(crate) commits: Total,
    /// Syncs, and what they made durable together.
    pub(crate) groups: Total,
    /// Syncs, and the seconds that they took together.
    pub(crate) syncs: Total,
    /// Commits that are not answered.
    pub(crate) waiting: f64,
}

/// One look at the server.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Look {
    /// Seconds since the run began.
    pub(crate) at_s: f64,
    pub(crate) ledger: Writer,
    pub(crate) state: Writer,
    pub(crate) exchanges: f64,
    pub(crate) exchanges_waiting: f64,
    pub(crate) submissions_waiting: f64,
    /// Exchanges that have ended since the server was started.
    pub(crate) ended: f64,
    pub(crate) resident_mib: f64,
    /// Seconds of processor time that server and generator have used; nothing where the system does not say.
    pub(crate) server_cpu_s: Option<f64>,
    pub(crate) generator_cpu_s: Option<f64>,
}

/// Where a server shows its metrics, and the process that it is.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) address: String,
    pub(crate) process: String,
}

impl Shown {
    async fn look(&self, at_s: f64) -> Result<Look, Fault> {
        let text = get(&self.address).await?;
        let cpu = cpu_seconds(&self.process);
        Ok(Look {
            at_s,
            resident_mib: resident_mib(&self.process),
            server_cpu_s: cpu,
            generator_cpu_s: cpu_seconds("self"),
            ..read(&text)?
        })
    }

    /// Looks once a second until it is told to stop, and once more then.
    pub(crate) fn follow(self, live: Live) -> Following {
        let (stop, mut stopped) = oneshot::channel::<()>();
        let looking = tokio::spawn(async move {
            let began = Instant::now();
            let mut turns = interval(EVERY);
            turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut live = live;
            let mut looks: Vec<Look> = Vec::new();
            loop {
                let goes_on = tokio::select! {
                    _ = turns.tick() => true,
                    _ = &mut stopped => false,
                };
                let look = self.look(began.elapsed().as_secs_f64()).await?;
                live.show(looks.last(), &look);
                looks.push(look);
                if !goes_on {
                    live.end();
                    return Ok(looks);
                }
            }
        });
        Following { stop, looking }
    }
}

/// Looks that are being taken.
pub(crate) struct Following {
    stop: oneshot::Sender<()>,
    looking: JoinHandle<Result<Vec<Look>, Fault>>,
}

impl Following {
    /// The looks, the last one taken now.
    pub(crate) async fn stop(self) -> Result<Vec<Look>, Fault> {
        // Who has stopped by itself has met a fault, which it returns.
        let _has_stopped = self.stop.send(());
        self.looking.await?
    }
}

async fn get(address: &str) -> Result<String, Fault> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    connection
        .take(TEXT_BYTES_MAX)
        .read_to_string(&mut text)
        .await?;
    Ok(text)
}

/// What the text of Prometheus says of the default world.
fn read(text: &str) -> Result<Look, Fault> {
    let value = |name: &str| -> Result<f64, Fault> {
        let line = format!("{name}{{world=\"default\"}} ");
        let value = text.lines().find_map(|shown| shown.strip_prefix(&line));
        let value = value.ok_or_else(|| format!("the server's metrics have no {name}"))?;
        Ok(value.trim().parse()?)
    };
    let total = |name: &str| -> Result<Total, Fault> {
        Ok(Total {
            count: value(&format!("{name}_count"))?,
            sum: value(&format!("{name}_sum"))?,
        })
    };
    let ended = text
        .lines()
        .filter(|line| line.starts_with("chukan_exchanges_total{world=\"default\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    Ok(Look {
        ledger: Writer {
            commits: total("chukan_ledger_commit_seconds")?,
            groups: total("chukan_ledger_group_entries")?,
            syncs: total("chukan_ledger_sync_seconds")?,
            waiting: value("chukan_ledger_commits_waiting")?,
        },
        state: Writer {
            commits: total("chukan_state_commit_seconds")?,
            groups: total("chukan_state_group_batches")?,
            syncs: total("chukan_state_sync_seconds")?,
            waiting: value("chukan_state_batches_waiting")?,
        },
        exchanges: value("chukan_exchanges_under_way")?,
        exchanges_waiting: value("chukan_exchanges_waiting")?,
        submissions_waiting: value("chukan_submissions_waiting")?,
        ended: ended.sum(),
        ..Look::default()
    })
}

/// The memory of a process that is resident at this moment, in MiB; 0 where the system does not say.
pub(crate) fn resident_mib(process: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok();
    let line = status
        .as_deref()
        .and_then(|status| status.lines().find_map(|line| line.strip_prefix("VmRSS:")));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_these_metrics_is_a_fault_and_not_a_zero() {
        let fault = read("chukan_connections 1\n").unwrap_err().to_string();
        assert!(
            fault.contains("chukan_ledger_commit_seconds_count"),
            "{fault}"
        );
    }

    #[test]
    fn nothing_has_no_mean() {
        assert_eq!(Total::default().mean(), None);
        let total = Total {
            count: 4.0,
            sum: 2.0,
        };
        assert_eq!(
            total
                .since(Total {
                    count: 2.0,
                    sum: 1.0
                })
                .mean(),
            Some(0.5)
        );
    }
}
