//! The one thread that makes batches durable: takes all that wait, writes them to the log at once, syncs once, answers.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::batch::Batch;
use super::fault::{During, StoreFault};
use super::fold::fold;
use super::layers::{Layer, Layers, Recent};
use super::manifest::{Mark, Totals};
use super::redo::{REDO_BYTES, RedoFile, RedoFiles, layer_of, push_frame, run};
use super::renewal::{Predecessor, Successor};
use super::staged::{Unstaged, stage};
use crate::ledger::{Gather, Pace, Waits};

/// While the layer before is being folded a file may grow to this length, in bytes; then writing waits.
const BEHIND_BYTES_MAX: u64 = REDO_BYTES + REDO_BYTES / 2;

/// Room for frames that is kept from one group to the next, in bytes.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// The fault that ended writing, once there is one.
pub(super) type Stopped = OnceLock<Arc<StoreFault>>;

/// What came of a batch.
pub(super) type Outcome = Result<(), StoreFault>;

/// What those who write and the writer share.
pub(super) struct Shared {
    pub(super) layers: Layers,
    pub(super) stopped: Stopped,
    pub(super) pace: Arc<Pace>,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

/// What has been decided and is not durable.
struct Waiting {
    totals: Totals,
    frames: Vec<u8>,
    answers: Vec<Answer>,
    is_open: bool,
    writer_sleeps: bool,
    /// How many frozen states rest on the tree: until they are gone nothing newer is folded into it.
    frozen: usize,
    successor: Option<Successor>,
}

struct Answer {
    outcome: Outcome,
    reply: oneshot::Sender<Outcome>,
    waits: Waits,
    _place: OwnedSemaphorePermit,
}

impl Shared {
    pub(super) fn new(layers: Layers, totals: Totals) -> Self {
        Self {
            layers,
            stopped: Stopped::default(),
            pace: Arc::default(),
            waiting: Mutex::new(Waiting {
                totals,
                frames: Vec::new(),
                answers: Vec::new(),
                is_open: true,
                writer_sleeps: false,
                frozen: 0,
                successor: None,
            }),
            wake: Condvar::new(),
        }
    }

    /// Decides a batch and shows it to readers; the answer comes when it is durable. A conflict too: it may rest on a
    /// batch that is not durable yet.
    pub(super) fn hand_over(
        &self,
        batch: &Batch,
        (place, waits): (OwnedSemaphorePermit, Waits),
    ) -> Result<oneshot::Receiver<Outcome>, StoreFault> {
        let mut waiting = self.waiting();
        if !waiting.is_open || self.stopped.get().is_some() {
            return Err(self.refusal());
        }
        let outcome = match stage(&self.layers, waiting.totals, batch) {
            Ok((changes, totals)) => {
                let rows = changes.iter();
                let rows = rows.map(|(key, held)| (key.as_slice(), held.row.as_deref()));
                push_frame(&mut waiting.frames, totals, rows);
                self.layers.add(changes);
                waiting.totals = totals;
                Ok(())
            }
            Err(Unstaged::Refused(conflict @ StoreFault::Conflict { .. })) => Err(conflict),
            Err(Unstaged::Refused(refusal)) => return Err(refusal),
            Err(Unstaged::Broken(cause)) => {
                self.stop(cause);
                return Err(self.refusal());
            }
        };
        let (reply, answer) = oneshot::channel();
        waiting.answers.push(Answer {
            outcome,
            reply,
            waits,
            _place: place,
        });
        if std::mem::take(&mut waiting.writer_sleeps) {
            self.wake.notify_one();
        }
        Ok(answer)
    }

    /// Takes no more batches; the writer ends when those handed over are durable.
    pub(super) fn close(&self) {
        self.waiting().is_open = false;
        self.wake.notify_one();
    }

    /// What there is above the tree, and the totals of it. Nothing newer reaches the tree before `thaw`.
    pub(super) fn freeze(&self) -> (Recent, Totals) {
        let mut waiting = self.waiting();
        waiting.frozen += 1;
        (self.layers.copy_recent(), waiting.totals)
    }

    /// Lets go of what `freeze` held.
    pub(super) fn thaw(&self) {
        self.waiting().frozen -= 1;
    }

    /// Has the writer go on in another state. Only while a frozen state rests on the tree.
    pub(super) fn succeed(&self, successor: Successor) -> Result<(), StoreFault> {
        let mut waiting = self.waiting();
        if !waiting.is_open || self.stopped.get().is_some() {
            return Err(self.refusal());
        }
        waiting.successor = Some(successor);
        self.wake.notify_one();
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        self.stopped.get().is_none() && self.waiting().is_open
    }

    pub(super) fn stop(&self, cause: StoreFault) {
        self.stopped.get_or_init(|| {
            tracing::error!(%cause, "the state store accepts no more writes");
            Arc::new(cause)
        });
    }

    pub(super) fn refusal(&self) -> StoreFault {
        match self.stopped.get() {
            Some(cause) => StoreFault::ReadOnly {
                cause: cause.clone(),
            },
            None => StoreFault::Closed,
        }
    }

    // Nobody leaves it half-changed: a batch counts from the moment its totals are set.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    store_id: [u8; 16],
    mark: Mark,
    redo: RedoFile,
    other: Other,
    /// The room of the group before, for the frames of the next.
    spare: Vec<u8>,
}

/// The same room without frames, unless one large group needed so much of it.
fn emptied(mut frames: Vec<u8>) -> Vec<u8> {
    frames.clear();
    frames.shrink_to(SPARE_BYTES_MAX);
    frames
}

/// The file that is not being written to.
enum Other {
    Empty(RedoFile),
    Folding(JoinHandle<Result<RedoFile, StoreFault>>),
    /// It could not be folded.
    Lost,
}

/// What the writer takes at once.
struct Group {
    frames: Vec<u8>,
    answers: Vec<Answer>,
    totals: Totals,
    /// The layer to fold when it is the last group of its file.
    last: Option<Arc<Layer>>,
    /// The state in which the next group is written.
    successor: Option<Successor>,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        store_id: [u8; 16],
        mark: Mark,
        [redo, other]: RedoFiles,
    ) -> Self {
        Self {
            shared,
            store_id,
            mark,
            redo,
            other: Other::Empty(other),
            spare: Vec::new(),
        }
    }

    /// Runs until the store is closed, then brings everything into the tree.
    pub(super) fn run(mut self) -> Result<(), StoreFault> {
        let mut gather = Gather::default();
        while let Some(group) = self.take() {
            let taken = group.answers.len();
            let written = self.write(&group);
            if let Err(cause) = written {
                self.shared.stop(cause);
            }
            for answer in group.answers {
                let outcome = match self.shared.stopped.get() {
                    Some(_) => Err(self.shared.refusal()),
                    None => answer.outcome,
                };
                drop(answer.waits);
                if answer.reply.send(outcome).is_err() {
                    tracing::debug!("the caller of a state write has gone");
                }
            }
            self.spare = emptied(group.frames);
            if let Some(layer) = group.last
                && let Err(cause) = self.turn(layer, group.totals)
            {
                self.shared.stop(cause);
            }
            if let Some(successor) = group.successor {
                let taken_over = self.take_over(&successor);
                if successor.reply.send(taken_over).is_err() {
                    tracing::debug!("who wrote the state anew has gone");
                }
            }
            gather.wait(taken);
        }
        self.end()
    }

    fn take(&mut self) -> Option<Group> {
        self.settle();
        let shared = Arc::clone(&self.shared);
        let mut waiting = shared.waiting();
        while waiting.answers.is_empty() && waiting.successor.is_none() {
            if !waiting.is_open {
                return None;
            }
            waiting.writer_sleeps = true;
            waiting = shared
                .wake
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let spare = std::mem::take(&mut self.spare);
        let frames = std::mem::replace(&mut waiting.frames, spare);
        let is_full = self.redo.written_bytes() + frames.len() as u64 >= REDO_BYTES;
        Some(Group {
            frames,
            answers: std::mem::take(&mut waiting.answers),
            totals: waiting.totals,
            successor: waiting.successor.take(),
            // Under the lock, so that the layer holds what the file holds and nothing else.
            last: (is_full && waiting.frozen == 0 && matches!(self.other, Other::Empty(_)))
                .then(|| shared.layers.set_apart()),
        })
    }

    /// Takes the other file back when the layer before is in the tree; waits for that when too much stands in the log.
    fn settle(&mut self) {
        let is_due = match &self.other {
            Other::Folding(folding) => {
                folding.is_finished() || self.redo.written_bytes() >= BEHIND_BYTES_MAX
            }
            Other::Empty(_) | Other::Lost => false,
        };
        if is_due {
            match self.other_file() {
                Ok(file) => self.other = Other::Empty(file),
                Err(cause) => self.shared.stop(cause),
            }
        }
    }

    fn write(&mut self, group: &Group) -> Result<(), StoreFault> {
        if self.shared.stopped.get().is_some() || group.frames.is_empty() {
            return Ok(());
        }
        #[cfg(test)]
        self.shared
            .layers
            .tree()
            .probe
            .step("append", self.redo.path())?;
        self.redo.append(&group.frames)?;
        #[cfg(test)]
        self.shared
            .layers
            .tree()
            .probe
            .step("sync", self.redo.path())?;
        let pace = &self.shared.pace;
        pace.time_sync(group.answers.len(), || self.redo.sync())?;
        self.mark.advance(group.totals)
    }

    /// Goes on in the other file, and brings what is in this one into the tree meanwhile.
    fn turn(&mut self, layer: Arc<Layer>, totals: Totals) -> Result<(), StoreFault> {
        if self.shared.stopped.get().is_some() {
            return Ok(());
        }
        let empty = self.other_file()?;
        let full = std::mem::replace(&mut self.redo, empty);
        let (shared, store_id) = (Arc::clone(&self.shared), self.store_id);
        let path = full.path().to_path_buf();
        let folding = std::thread::Builder::new()
            .name("state-fold".to_owned())
            .spawn(move || {
                fold(&shared.layers.tree(), &layer, (store_id, totals))?;
                shared.layers.folded();
                Ok(full.rewind())
            })
            .during("start the folding of", &path)?;
        self.other = Other::Folding(folding);
        Ok(())
    }

    /// Goes on in a state that lies beside this one and takes its name. What is durable so far is in its log first.
    fn take_over(&mut self, successor: &Successor) -> Result<Predecessor, StoreFault> {
        if self.shared.stopped.get().is_some() {
            return Err(self.shared.refusal());
        }
        self.other = Other::Empty(self.other_file()?);
        let reached = successor.carry()?;
        successor.move_away()?;
        let opened = successor.open(reached).map_err(|cause| {
            self.shared.stop(cause);
            self.shared.refusal()
        })?;
        let [redo, other] = opened.redo;
        (self.redo, self.other) = (redo, Other::Empty(other));
        (self.store_id, self.mark) = (opened.store_id, opened.mark);
        let waiting = self.shared.waiting();
        let fresh = layer_of(run(&waiting.frames));
        let tree = self.shared.layers.replace_tree(opened.tree, fresh);
        Ok(Predecessor {
            tree,
            lock: opened.lock,
        })
    }

    fn other_file(&mut self) -> Result<RedoFile, StoreFault> {
        match std::mem::replace(&mut self.other, Other::Lost) {
            Other::Empty(file) => Ok(file),
            Other::Folding(folding) => folding.join().unwrap_or_else(|_panic| Err(self.lost())),
            Other::Lost => Err(self.lost()),
        }
    }

    fn lost(&self) -> StoreFault {
        StoreFault::FoldEnded {
            dir: self.shared.layers.path(),
        }
    }

    fn end(mut self) -> Result<(), StoreFault> {
        if let Err(cause) = self.other_file() {
            self.shared.stop(cause);
        }
        if self.shared.stopped.get().is_some() {
            return Err(self.shared.refusal());
        }
        let totals = self.shared.waiting().totals;
        let layer = self.shared.layers.set_apart();
        fold(&self.shared.layers.tree(), &layer, (self.store_id, totals))?;
        self.shared.layers.folded();
        self.mark.sync()
    }
}
