//! What the server's metrics and the system say while a run goes on, once a second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    Fault,
    target::{Target, cpu_seconds, resident_mib},
};

const INTERVAL: Duration = Duration::from_secs(1);
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What one of the server's stores has done since the server was started.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Store {
    pub(crate) commits: f64,
    pub(crate) syncs: f64,
    pub(crate) seconds: f64,
}

/// How much work has a place, and how much waits for one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Queue {
    pub(crate) under_way: f64,
    pub(crate) waiting: f64,
}

/// One look at server and generator.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moment {
    /// Seconds since the watching began.
    pub(crate) at_s: f64,
    /// Processor time used, in seconds; nothing where the system does not say.
    pub(crate) server_cpu_s: Option<f64>,
    pub(crate) generator_cpu_s: Option<f64>,
    pub(crate) resident_mib: f64,
    pub(crate) ledger: Store,
    pub(crate) state: Store,
    pub(crate) exchanges: Queue,
    pub(crate) acceptances: Queue,
}

/// Looks at a server once a second until it is told to end.
pub(crate) struct Watching {
    looking: JoinHandle<Result<Vec<Moment>, String>>,
    enough: Arc<Notify>,
}

impl Watching {
    /// Takes the first look, and goes on beside the caller.
    pub(crate) async fn begin(target: &Target) -> Result<Self, Fault> {
        let looker = Looker {
            metrics: target.metrics().ok_or("the server shows no metrics")?,
            server: target.process().ok_or("the server has stopped")?,
            began: Instant::now(),
        };
        let enough = Arc::new(Notify::new());
        let told = Arc::clone(&enough);
        let first = looker.look().await?;
        let looking = tokio::spawn(async move {
            let mut moments = vec![first];
            loop {
                let ended = timeout(INTERVAL, told.notified()).await.is_ok();
                moments.push(looker.look().await?);
                if ended {
                    return Ok(moments);
                }
            }
        });
        Ok(Self { looking, enough })
    }

    /// Takes the last look.
    pub(crate) async fn end(self) -> Result<Vec<Moment>, Fault> {
        self.enough.notify_one();
        Ok(self.looking.await??)
    }
}

struct Looker {
    metrics: String,
    server: String,
    began: Instant,
}

impl Looker {
    async fn look(&self) -> Result<Moment, String> {
        let shown = timeout(ANSWER_MAX, shown(&self.metrics)).await;
        let shown = shown
            .map_err(|_| "the server's metrics take too long".to_owned())?
            .map_err(|fault| format!("the server's metrics: {fault}"))?;
        let store = |store| Store {
            commits: sum(&shown, "chukan_store_commits_total", store),
            syncs: sum(&shown, "chukan_store_syncs_total", store),
            seconds: sum(&shown, "chukan_store_sync_microseconds_total", store) / 1e6,
        };
        let queue = |work| Queue {
            under_way: sum(&shown, "chukan_under_way", work),
            waiting: sum(&shown, "chukan_waiting", work),
        };
        Ok(Moment {
            at_s: self.began.elapsed().as_secs_f64(),
            server_cpu_s: cpu_seconds(&self.server),
            generator_cpu_s: cpu_seconds("self"),
            resident_mib: resident_mib(&self.server),
            ledger: store("store=\"ledger\""),
            state: store("store=\"state\""),
            exchanges: queue("work=\"exchange\""),
            acceptances: queue("work=\"acceptance\""),
        })
    }
}

async fn shown(address: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(address).await?;
    // Version 1.0: the answer comes whole and ends with the connection.
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The sum over all worlds of the values of a metric that have this label.
fn sum(shown: &str, name: &str, label: &str) -> f64 {
    let rows = shown.lines().filter_map(|line| {
        let (labels, value) = line
            .strip_prefix(name)?
            .strip_prefix('{')?
            .rsplit_once("} ")?;
        labels
            .split(',')
            .any(|found| found == label)
            .then(|| value.parse::<f64>().ok())?
    });
    rows.fold(0.0, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_the_worlds_and_not_over_others_of_a_longer_name() {
        let shown = "# HELP chukan_waiting text\nchukan_waiting{world=\"a\",work=\"exchange\"} 3\n\
             chukan_waiting{world=\"b\",work=\"exchange\"} 4\nchukan_waiting{world=\"a\",work=\"acceptance\"} 5\n\
             chukan_waiting_long{world=\"a\",work=\"exchange\"} 100\n";
        let waiting = |work| sum(shown, "chukan_waiting", work);
        assert_eq!(waiting("work=\"exchange\"").to_bits(), 7.0_f64.to_bits());
        assert_eq!(waiting("work=\"acceptance\"").to_bits(), 5.0_f64.to_bits());
        assert_eq!(waiting("work=\"other\"").to_bits(), 0.0_f64.to_bits());
    }
}
