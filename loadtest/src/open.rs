//! Drives conversations in an open model: each begins when the schedule says, whatever became of those before.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    Fault,
    account::{Account, End, Sample},
    mix::Kind,
};

/// A kind of conversation, with the connection it uses.
pub(crate) trait Conversation: Clone + Send + 'static {
    /// What is known of the conversation with this number before it begins.
    fn terms(&self, number: u64) -> Terms;

    /// Holds the conversation with this number to its end.
    fn hold(self, number: u64) -> impl Future<Output = End> + Send;
}

/// What is known of a conversation before it begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    pub(crate) kind: Kind,
    /// The exchanges that it makes.
    pub(crate) exchanges: u64,
    /// How much longer than others it may take.
    pub(crate) patience: Duration,
}

/// What bounds a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The longest service time of one conversation.
    pub(crate) timeout: Duration,
    /// Conversations under way; those beyond wait in the generator, and their latency counts from the intended start.
    pub(crate) under_way: usize,
}

/// Holds a conversation for each start, spread over the connections.
pub(crate) async fn drive<C: Conversation>(
    connections: &[C],
    starts: impl Iterator<Item = Duration>,
    bounds: Bounds,
) -> Result<Account, Fault> {
    let places = Arc::new(Semaphore::new(bounds.under_way));
    let mut account = Account::open()?;
    let mut under_way = JoinSet::new();
    let began = Instant::now();
    for ((number, intended), connection) in (0..).zip(starts).zip(connections.iter().cycle()) {
        let due = began + intended;
        while let Some(ended) = before(due, &mut under_way).await {
            account.enter(ended?)?;
        }
        let terms = connection.terms(number);
        account.send(terms.kind, intended)?;
        let (connection, places) = (connection.clone(), Arc::clone(&places));
        under_way.spawn(async move {
            let slip = due.elapsed();
            let Ok(_place) = places.acquire().await else {
                return lost(terms, intended, slip);
            };
            let sent = Instant::now();
            let limit = bounds.timeout + terms.patience;
            let held = timeout(limit, connection.hold(number)).await;
            Sample {
                kind: terms.kind,
                exchanges: terms.exchanges,
                intended,
                slip,
                latency: due.elapsed(),
                service: sent.elapsed(),
                end: held.unwrap_or_else(|_| End::Failed("timeout".into())),
            }
        });
    }
    while let Some(ended) = under_way.join_next().await {
        account.enter(ended?)?;
    }
    account.close(began.elapsed());
    Ok(account)
}

/// The next conversation that ends before `due`; nothing when it is time.
async fn before(
    due: Instant,
    under_way: &mut JoinSet<Sample>,
) -> Option<Result<Sample, tokio::task::JoinError>> {
    tokio::select! {
        biased;
        () = sleep_until(due) => None,
        Some(ended) = under_way.join_next() => Some(ended),
    }
}

fn lost(terms: Terms, intended: Duration, slip: Duration) -> Sample {
    Sample {
        kind: terms.kind,
        exchanges: terms.exchanges,
        intended,
        slip,
        latency: slip,
        service: Duration::ZERO,
        end: End::Failed("never sent".into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::{
        gate::Figures,
        schedule::{Arrivals, Schedule, Shape},
    };

    const STALL: std::ops::Range<Duration> = Duration::from_secs(4)..Duration::from_secs(6);

    /// A server that takes a millisecond, one conversation at a time, and is frozen for two seconds of virtual time.
    #[derive(Clone)]
    struct Frozen {
        began: Instant,
        turn: Arc<Semaphore>,
    }

    impl Conversation for Frozen {
        fn terms(&self, _number: u64) -> Terms {
            Terms::default()
        }

        async fn hold(self, _number: u64) -> End {
            let _turn = self.turn.acquire().await.unwrap();
            if STALL.contains(&self.began.elapsed()) {
                sleep(STALL.end - self.began.elapsed()).await;
            }
            sleep(Duration::from_millis(1)).await;
            End::Answered("01".into())
        }
    }

    async fn ten_seconds(under_way: usize, timeout_s: u64) -> Account {
        let schedule = Schedule {
            shape: Shape::Constant,
            arrivals: Arrivals::Even,
            rate: 100.0,
            length: Duration::from_secs(10),
            seed: 0,
        };
        let frozen = Frozen {
            began: Instant::now(),
            turn: Arc::new(Semaphore::new(1)),
        };
        let bounds = Bounds {
            timeout: Duration::from_secs(timeout_s),
            under_way,
        };
        drive(&[frozen], schedule.starts(), bounds).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_shows_in_the_percentiles_even_when_calls_queue_in_the_generator() {
        let account = ten_seconds(1, 60).await;
        let service_p90 = account.service.value_at_quantile(0.9);
        assert!(
            service_p90 < 10_000,
            "the service time hides the stall: {service_p90} us"
        );
        assert!(
            account.latency_ms(90.0) > 500.0,
            "{} ms",
            account.latency_ms(90.0)
        );
        assert!(account.latency_ms(100.0) > 1_900.0);
        assert_eq!(account.flaws(), Vec::<String>::new());
        assert_eq!(account.answered(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_too_long_fails_as_a_timeout_and_the_account_balances() {
        let account = ten_seconds(4_096, 1).await;
        assert_eq!(account.flaws(), Vec::<String>::new());
        let timeouts = account.failed.get("timeout").copied().unwrap();
        assert!((50..=300).contains(&timeouts), "{timeouts}");
        assert_eq!(account.answered() + timeouts, account.sent);
    }
}
