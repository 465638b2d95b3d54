//! What a world does by itself: renews copies of the permission list, deletes old results and ends held requests that
//! waited too long, though not while its clock is frozen; signs the trees; notes how far the state has followed the
//! ledger.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use jiff::SignedDuration;

use super::{ClockMode, World, WorldFault, condition::LOOKED_EVERY};
use crate::ledger::{Checkpoint, LedgerFault, TreeId};

/// How often the upkeep is done, by the computer's clock.
const EVERY: Duration = Duration::from_secs(30);

/// How often the state notes how far it has followed the ledger: what a restart after a kill reads again.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked how much of the ledger is not signed.
const UNSIGNED_LOOKED_EVERY: Duration = Duration::from_secs(1);

/// With so many unsigned entries the trees are signed before the next upkeep: a restart after a kill reads what is not signed.
const UNSIGNED_MAX: u64 = 50_000;

/// A copy of the permission list of this age is renewed (ours: the real interval is not public).
const LIST_RENEWAL_AGE: SignedDuration = SignedDuration::from_hours(24);

/// What is done again and again.
#[derive(Debug, Clone, Copy)]
enum Chore {
    Upkeep,
    NoteFollowed,
    Sign,
    Watch,
}

impl Chore {
    fn every(self) -> Duration {
        match self {
            Self::Upkeep => EVERY,
            Self::NoteFollowed => NOTED_EVERY,
            Self::Sign => UNSIGNED_LOOKED_EVERY,
            Self::Watch => LOOKED_EVERY,
        }
    }
}

impl World {
    /// Does the chores from now on until the world is closed.
    pub(super) fn begin_upkeep(self: &Arc<Self>) {
        for chore in [
            Chore::Upkeep,
            Chore::NoteFollowed,
            Chore::Sign,
            Chore::Watch,
        ] {
            let (world, closing) = (Arc::downgrade(self), self.closing.clone());
            self.tasks.spawn(async move {
                loop {
                    tokio::select! {
                        () = closing.cancelled() => return,
                        () = tokio::time::sleep(chore.every()) => {}
                    }
                    let Some(world) = world.upgrade() else {
                        return;
                    };
                    if let Err(fault) = world.do_chore(chore).await {
                        let error = &fault as &dyn std::error::Error;
                        tracing::error!(world = %world.name, ?chore, error, "the upkeep stopped");
                    }
                }
            });
        }
    }

    async fn do_chore(&self, chore: Chore) -> Result<(), WorldFault> {
        match chore {
            Chore::Upkeep => self.keep_up().await,
            Chore::NoteFollowed if self.records.is_writable() => {
                Ok(self.records.note_followed().await?)
            }
            Chore::Sign if self.records.is_writable() && self.is_to_be_signed() => {
                self.sign().await
            }
            Chore::NoteFollowed | Chore::Sign => Ok(()),
            Chore::Watch => {
                self.watch();
                Ok(())
            }
        }
    }

    /// One round of upkeep; while the clock is frozen only the signatures.
    pub(super) async fn keep_up(&self) -> Result<(), WorldFault> {
        let signed = self.sign().await;
        match self.clock() {
            ClockMode::Frozen(_) => {}
            ClockMode::System | ClockMode::OffsetMs(_) => {
                self.renew_lists(LIST_RENEWAL_AGE).await?;
                self.delete_old_results().await?;
                self.expire_provisions().await?;
            }
        }
        signed
    }

    /// Whether the trees are signed before the next upkeep: much is unsigned, or the last time it could not be done.
    fn is_to_be_signed(&self) -> bool {
        self.unsigned() >= UNSIGNED_MAX || self.watch.misses_witness()
    }

    /// Entries that were not signed since the world was opened, or by then.
    fn unsigned(&self) -> u64 {
        let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let signed: u64 = signed.values().sum();
        let entries = self.records.ledger().next_sequence();
        entries.saturating_sub(signed)
    }

    async fn sign(&self) -> Result<(), WorldFault> {
        let signed = self.sign_trees().await;
        self.watch.witnessed(signed.is_ok());
        signed
    }

    /// The head of a tree, signed and cosigned.
    ///
    /// # Errors
    /// When there is no such tree; when it cannot be signed, which is tried again until it can.
    pub async fn checkpoint(&self, tree: TreeId) -> Result<Checkpoint, LedgerFault> {
        let signed = self.records.ledger().checkpoint(tree).await;
        if signed
            .as_ref()
            .is_err_and(|fault| !matches!(fault, LedgerFault::NotThere { .. }))
        {
            self.watch.witnessed(false);
        }
        signed
    }

    /// Signs the head of every tree that has grown: from then on, nobody can cut the tree unnoticed.
    pub(super) async fn sign_trees(&self) -> Result<(), WorldFault> {
        let ledger = self.records.ledger();
        let grown: Vec<_> = {
            let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
            let trees = ledger.trees().into_iter();
            trees
                .filter(|(tree, size)| signed.get(tree) != Some(size))
                .collect()
        };
        for (tree, _) in grown {
            let head = self.checkpoint(tree).await?;
            let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
            signed.insert(tree, head.size);
        }
        Ok(())
    }

    /// Copies the permission list to every institution whose copy is missing, of the future, or at least this old.
    pub(super) async fn renew_lists(&self, age: SignedDuration) -> Result<(), WorldFault> {
        let published = self.core.publish_list()?;
        let now = self.now();
        for server in self.servers.values() {
            let young = server.list_copy().is_some_and(|copy| {
                copy.copied_at <= now && now.duration_since(copy.copied_at) < age
            });
            if !young {
                server.copy_list(published.clone(), now).await?;
            }
        }
        Ok(())
    }

    /// Deletes the results, and the answers of the resident network, whose retention has passed by the world's clock; returns
    /// how many inquiries that were.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn delete_old_results(&self) -> Result<u64, WorldFault> {
        let now = self.now();
        let mut deleted = 0;
        for server in self.servers.values() {
            deleted += server.delete_old_results(now).await?;
        }
        let juki = &self.juki;
        juki.delete_old_answers(now, self.result_retention).await?;
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::jst::fiscal_year, ledger::Entry, world::tests::world};

    #[tokio::test]
    async fn what_a_restart_would_read_whole_is_signed_before_the_next_upkeep() {
        let dir = tempfile::tempdir().unwrap();
        let world = world(dir.path()).await;
        world.sign().await.unwrap();
        assert_eq!(world.unsigned(), 0);
        let tree = format!("core/{}", fiscal_year(world.now()))
            .parse()
            .unwrap();
        let entry = Entry {
            tree,
            at_ms: 0,
            body: b"{}".to_vec(),
        };
        let ledger = world.records.ledger();
        let mut written = 0;
        while written < UNSIGNED_MAX {
            world.do_chore(Chore::Sign).await.unwrap();
            assert_eq!(world.unsigned(), written, "a few are not worth it");
            ledger.commit(vec![entry.clone(); 10_000]).await.unwrap();
            written += 10_000;
        }
        world.do_chore(Chore::Sign).await.unwrap();
        assert_eq!(world.unsigned(), 0);
    }
}
