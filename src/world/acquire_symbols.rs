//! 符号の一括取得: acquires the symbols of all people of an institution who have none, many at a time.

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;

use super::{World, WorldFault};
use crate::domain::codes::{AddresseeNumber, InstitutionCode};

/// How many acquisitions are begun at one time: enough to share each write to the disk.
const AT_ONCE: usize = 128;

/// How many people lie between two reports.
const REPORT_EVERY: u64 = 100;

/// How far a mass acquisition is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acquired {
    /// People looked at.
    pub done: u64,
    /// People in all.
    pub of: u64,
    /// Requests that went to the resident network.
    pub requested: u64,
}

impl World {
    /// Acquires the symbols of all current people of the institution's addressee system who have none, and tells how
    /// far it is. It goes on when nobody listens any more; done again after a crash, it passes over who is linked or
    /// on the way.
    ///
    /// # Errors
    /// When the resident network is closed or down; when the state cannot be read.
    pub fn acquire_symbols(
        self: &Arc<Self>,
        institution: InstitutionCode,
    ) -> Result<ReceiverStream<Result<Acquired, WorldFault>>, WorldFault> {
        self.juki.is_open(self.now())?;
        let people = self.addressees(institution)?.current()?;
        let (tell, told) = mpsc::channel(16);
        let world = Arc::clone(self);
        self.tasks.spawn(async move {
            let last = world.acquire_all(institution, people, &tell).await;
            if tell.send(last).await.is_err() {
                tracing::debug!("whoever began a mass acquisition has gone");
            }
        });
        Ok(ReceiverStream::new(told))
    }

    async fn acquire_all(
        self: &Arc<Self>,
        institution: InstitutionCode,
        people: Vec<AddresseeNumber>,
        tell: &mpsc::Sender<Result<Acquired, WorldFault>>,
    ) -> Result<Acquired, WorldFault> {
        let of = u64::try_from(people.len()).unwrap_or(u64::MAX);
        let mut acquired = Acquired {
            of,
            ..Acquired::default()
        };
        let mut people = people.into_iter();
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < AT_ONCE && !self.closing.is_cancelled() {
                let Some(person) = people.next() else { break };
                let world = Arc::clone(self);
                under_way.spawn(async move { world.acquire_symbol_of(institution, person).await });
            }
            let Some(ended) = under_way.join_next().await else {
                return Ok(acquired);
            };
            acquired.done += 1;
            acquired.requested += u64::from(ended.map_err(|_| WorldFault::Stopped)??);
            if acquired.done.is_multiple_of(REPORT_EVERY) {
                // A listener that is slow or gone misses a report and nothing else.
                let missed = tell.try_send(Ok(acquired)).is_err();
                tracing::trace!(missed, "a mass acquisition goes on");
            }
        }
    }
}
