//! The one thread that writes: takes whatever waits, applies it as one group, makes it durable, then answers.

use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use super::fault::StoreFault;
use super::manifest::{Mark, Totals, encode_meta};
use super::row::META_KEY;
use super::staged::{Staged, Unstaged};
use super::tree::Tree;

const GROUP_BATCHES_MAX: usize = 1024;
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A batch and where its answer goes.
pub(super) struct Request {
    pub(super) batch: Batch,
    pub(super) reply: oneshot::Sender<Result<(), StoreFault>>,
}

/// The fault that ended writing, once there is one.
pub(super) type Stopped = Arc<OnceLock<Arc<StoreFault>>>;

pub(super) struct Writer {
    pub(super) tree: Arc<Tree>,
    pub(super) store_id: [u8; 16],
    pub(super) totals: Totals,
    pub(super) mark: Mark,
    pub(super) stopped: Stopped,
}

impl Writer {
    /// Runs until the last sender is gone, then syncs everything once more.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) -> Result<(), StoreFault> {
        while let Some(first) = requests.blocking_recv() {
            let mut bytes = first.batch.bytes();
            let mut group = vec![first];
            while group.len() < GROUP_BATCHES_MAX && bytes < GROUP_BYTES_MAX {
                let Ok(next) = requests.try_recv() else { break };
                bytes += next.batch.bytes();
                group.push(next);
            }
            self.commit(group);
        }
        if let Some(cause) = self.stopped.get() {
            return Err(StoreFault::ReadOnly {
                cause: cause.clone(),
            });
        }
        self.tree.sync()?;
        self.mark.sync()
    }

    /// Refusals too are answered after the sync: they may rest on an earlier batch of the same group.
    fn commit(&mut self, group: Vec<Request>) {
        let batches = group.iter().map(|request| &request.batch);
        let outcomes = match self.stopped.get() {
            Some(_) => Vec::new(),
            None => self.write(batches).unwrap_or_else(|cause| {
                self.stop(cause);
                Vec::new()
            }),
        };
        let mut outcomes = outcomes.into_iter();
        for request in group {
            let outcome = outcomes.next().unwrap_or_else(|| Err(self.refusal()));
            if request.reply.send(outcome).is_err() {
                tracing::debug!("the caller of a state write has gone");
            }
        }
    }

    fn write<'b>(
        &mut self,
        batches: impl Iterator<Item = &'b Batch>,
    ) -> Result<Vec<Result<(), StoreFault>>, StoreFault> {
        let tree = self.tree.clone();
        let mut staged = Staged::new(&tree, self.totals);
        let mut outcomes = Vec::new();
        for batch in batches {
            outcomes.push(match staged.stage(batch) {
                Ok(()) => Ok(()),
                Err(Unstaged::Refused(refusal)) => Err(refusal),
                Err(Unstaged::Broken(cause)) => return Err(cause),
            });
        }
        let (mut changes, totals) = staged.into_changes();
        if totals == self.totals {
            return Ok(outcomes);
        }
        changes.push((META_KEY.to_vec(), Some(encode_meta(self.store_id, totals))));
        tree.apply(changes)?;
        tree.sync()?;
        self.totals = totals;
        if let Err(cause) = self.mark.advance(totals) {
            self.stop(cause);
        }
        Ok(outcomes)
    }

    fn stop(&self, cause: StoreFault) {
        tracing::error!(%cause, "the state store accepts no more writes");
        self.stopped.get_or_init(|| Arc::new(cause));
    }

    fn refusal(&self) -> StoreFault {
        match self.stopped.get() {
            Some(cause) => StoreFault::ReadOnly {
                cause: cause.clone(),
            },
            None => StoreFault::Closed,
        }
    }
}
