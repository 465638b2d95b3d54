//! Makes the changes of an accepted file of replicas, to the last, also after a restart. DBM.

use std::ops::ControlFlow;

use super::{ActFault, IntermediateServer};
use crate::{
    domain::replica_import::ReplicaImport,
    store::{ChangeReader, PreparedChanges, StoreFault},
};

/// How many changes become durable at a time.
const CHANGES_AT_ONCE: usize = 500;

/// How often a write is tried when others change the same replicas at the same moment.
const ATTEMPTS: u32 = 5;

impl IntermediateServer {
    /// Carries imports to their end that a stop interrupted.
    ///
    /// # Errors
    /// When the changes cannot be read, or the state cannot be read or written.
    pub async fn resume_imports(&self) -> Result<(), ActFault> {
        let (dir, state, code) = (&self.around.changes, &self.around.state, self.profile.code);
        self.finish_imports().await?;
        // The stop may have come after the last change, or before a file that was kept was accepted.
        let last = state.last_import(code)?;
        dir.remove(code, last)?;
        dir.remove(code, last + 1)?;
        Ok(())
    }

    /// Makes the changes that are not made yet of every accepted import, in their order.
    pub(super) async fn finish_imports(&self) -> Result<(), ActFault> {
        let unfinished = self.around.state.unfinished_imports(self.profile.code)?;
        for import in unfinished {
            self.carry_import(import, |_| ControlFlow::Continue(()))
                .await?;
        }
        Ok(())
    }

    /// Makes the changes of an accepted import that are not made yet. Stops early when `told` says so.
    pub(super) async fn carry_import(
        &self,
        import: ReplicaImport,
        told: impl FnMut(&ReplicaImport) -> ControlFlow<()> + Send,
    ) -> Result<ReplicaImport, ActFault> {
        let (state, code) = (&self.around.state, self.profile.code);
        let carried = self.make_all_changes(import, told).await;
        match carried {
            Ok(import) if import.is_finished() => {
                state.end_takeover(code);
                self.around.changes.remove(code, import.number)?;
                Ok(import)
            }
            carried => {
                state.stop_takeover(code);
                Ok(carried?)
            }
        }
    }

    async fn make_all_changes(
        &self,
        mut import: ReplicaImport,
        mut told: impl FnMut(&ReplicaImport) -> ControlFlow<()> + Send,
    ) -> Result<ReplicaImport, StoreFault> {
        let mut attempts = ATTEMPTS;
        loop {
            let before = import.applied;
            match self.make_changes(&mut import, &mut told).await {
                Err(StoreFault::Conflict { .. }) if attempts > 0 => {
                    attempts = if import.applied > before {
                        ATTEMPTS
                    } else {
                        attempts - 1
                    };
                }
                made => {
                    made?;
                    return Ok(import);
                }
            }
        }
    }

    /// While some changes become durable, the next are prepared.
    async fn make_changes(
        &self,
        import: &mut ReplicaImport,
        told: &mut (impl FnMut(&ReplicaImport) -> ControlFlow<()> + Send),
    ) -> Result<(), StoreFault> {
        let (dir, state, code) = (&self.around.changes, &self.around.state, self.profile.code);
        let mut changes = dir.read(code, import.number)?;
        for _made in 0..import.applied {
            changes.next_change()?;
        }
        let mut coming = self.prepare(changes).await?;
        while let (Some(prepared), changes) = coming {
            let made = state.make_changes(code, import, prepared);
            // In this order: handing over takes this thread until it is done.
            let (next, made) = tokio::join!(self.prepare(changes), made);
            *import = made?;
            if told(import).is_break() {
                return Ok(());
            }
            coming = next?;
        }
        Ok(())
    }

    /// The next changes, prepared beside other work; nothing after the last.
    async fn prepare(
        &self,
        mut changes: ChangeReader,
    ) -> Result<(Option<PreparedChanges>, ChangeReader), StoreFault> {
        let (state, code) = (self.around.state.clone(), self.profile.code);
        let preparing = tokio::task::spawn_blocking(move || {
            let mut next = Vec::with_capacity(CHANGES_AT_ONCE);
            while next.len() < CHANGES_AT_ONCE {
                match changes.next_change()? {
                    Some(change) => next.push(change),
                    None => break,
                }
            }
            let prepared = if next.is_empty() {
                None
            } else {
                Some(state.prepare_changes(code, &next)?)
            };
            Ok((prepared, changes))
        });
        preparing.await.map_err(|_| StoreFault::Closed)?
    }
}
