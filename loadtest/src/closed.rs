//! Drives conversations in a closed model: each place begins its next one when the one before has ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    Fault,
    account::{Account, End, Sample},
    mix::Kind,
    open::Conversation,
};

/// What bounds a closed run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The longest service time of one conversation.
    pub(crate) timeout: Duration,
    /// Conversations under way at one time.
    pub(crate) places: u32,
    /// During which conversations begin.
    pub(crate) length: Duration,
    /// The most conversations.
    pub(crate) conversations: u64,
}

/// What a place tells: a conversation begins, or has ended.
enum Told {
    Begins(Kind, Duration),
    Ended(Sample),
}

/// Keeps every place busy. A conversation is meant to begin when its place is free, so that latency is service time: what a
/// server does while it stands still is not asked of it, and does not show.
pub(crate) async fn drive<C: Conversation>(
    connections: &[C],
    bounds: Bounds,
) -> Result<Account, Fault> {
    let mut account = Account::open()?;
    let began = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let (tell, mut told) = mpsc::channel(1_024);
    let mut places = JoinSet::new();
    for (_, connection) in (0..bounds.places).zip(connections.iter().cycle()) {
        let (connection, next, tell) = (connection.clone(), Arc::clone(&next), tell.clone());
        places.spawn(async move {
            while began.elapsed() < bounds.length {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= bounds.conversations {
                    return;
                }
                let terms = connection.terms(number);
                let intended = began.elapsed();
                if tell.send(Told::Begins(terms.kind, intended)).await.is_err() {
                    return;
                }
                let sent = Instant::now();
                let limit = bounds.timeout + terms.patience;
                let held = timeout(limit, connection.clone().hold(number)).await;
                let took = sent.elapsed();
                let ended = Told::Ended(Sample {
                    kind: terms.kind,
                    exchanges: terms.exchanges,
                    intended,
                    slip: Duration::ZERO,
                    latency: took,
                    service: took,
                    end: held.unwrap_or_else(|_| End::Failed("timeout".into())),
                });
                if tell.send(ended).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    while let Some(told) = told.recv().await {
        match told {
            Told::Begins(kind, at) => account.send(kind, at)?,
            Told::Ended(sample) => account.enter(sample)?,
        }
    }
    while let Some(place) = places.join_next().await {
        place?;
    }
    account.close(began.elapsed());
    Ok(account)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use tokio::time::sleep;

    use super::*;
    use crate::{gate::Figures as _, open::Terms};

    /// Counts how many conversations are under way; each takes 100 ms of virtual time.
    #[derive(Clone, Default)]
    struct Counted {
        now: Arc<AtomicU32>,
        most: Arc<AtomicU32>,
    }

    impl Conversation for Counted {
        fn terms(&self, number: u64) -> Terms {
            let kind = if number.is_multiple_of(2) {
                Kind::Inquiry
            } else {
                Kind::Batch
            };
            Terms {
                kind,
                exchanges: 1,
                patience: Duration::ZERO,
            }
        }

        async fn hold(self, _number: u64) -> End {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            sleep(Duration::from_millis(100)).await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            End::Answered("01".into())
        }
    }

    async fn run(conversations: u64) -> (Account, u32) {
        let counted = Counted::default();
        let bounds = Bounds {
            timeout: Duration::from_secs(1),
            places: 4,
            length: Duration::from_secs(10),
            conversations,
        };
        let account = drive(std::slice::from_ref(&counted), bounds).await.unwrap();
        (account, counted.most.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn every_place_is_busy_all_the_time_and_no_more() {
        let (account, most) = run(u64::MAX).await;
        assert_eq!(most, 4);
        assert!((396..=404).contains(&account.sent), "{}", account.sent);
        assert_eq!(account.flaws(), Vec::<String>::new());
        assert!((99.0..102.0).contains(&account.latency_ms(50.0)));
        assert_eq!(
            account.kinds.values().map(|kind| kind.sent).sum::<u64>(),
            account.sent
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_early_when_the_plan_does() {
        let (account, _) = run(10).await;
        assert_eq!((account.sent, account.answered()), (10, 10));
        assert!(account.took < Duration::from_secs(1));
    }
}
