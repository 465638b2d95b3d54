//! Writing the state anew while it is in use: its rows are copied beside it, what is written meanwhile follows, the copy takes its
//! name, and readers and the writer go on there. For when the files must not keep what has been removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::fault::{During, StoreFault};
use super::manifest::{Mark, Totals, sync_dir};
use super::open::{DirLock, Opened, open};
use super::redo::{self, push_frame};
use super::state::State;
use super::tree::{Tree, await_lock};

/// How long to wait before looking again whether anybody still reads the old tree.
const READERS_PAUSE: Duration = Duration::from_millis(20);

/// The most that bounds the cache of a copy that is being made, in bytes.
const COPY_CACHE_BYTES_MAX: u64 = 16 << 20;

/// A state that is to take the place of another.
pub(super) struct Successor {
    /// Where it lies, whole, with the rows of a moment.
    pub(super) new: PathBuf,
    /// The totals of the moment. What was written after it is in the log.
    pub(super) since: Totals,
    /// The name that it is to have.
    pub(super) place: PathBuf,
    /// Where the files go that have the name now.
    pub(super) removed: PathBuf,
    pub(super) cache_bytes: u64,
    pub(super) reply: mpsc::Sender<Result<Predecessor, StoreFault>>,
}

/// What a successor leaves over.
pub(super) struct Predecessor {
    /// The old tree. Who reads it finds what there was.
    pub(super) tree: Arc<Tree>,
    /// The lock of the new directory.
    pub(super) lock: DirLock,
}

impl Successor {
    /// Brings what has been written since into its log; gives the totals after that.
    pub(super) fn carry(&self) -> Result<Totals, StoreFault> {
        let [mut log, _] = redo::open(&self.new)?;
        let (mut frames, mut reached) = (Vec::new(), self.since);
        for batch in redo::read_after(&self.place, self.since)? {
            let changes = batch.changes.iter();
            let changes = changes.map(|(key, row)| (key.as_slice(), row.as_deref()));
            push_frame(&mut frames, batch.totals, changes);
            reached = batch.totals;
        }
        log.append(&frames)?;
        log.sync()?;
        let (mut mark, _) = Mark::load(&self.new)?;
        mark.advance(reached)?;
        mark.sync()?;
        Ok(reached)
    }

    /// Takes the name from the old files. From here on the successor is the state, also after a crash.
    pub(super) fn move_away(&self) -> Result<(), StoreFault> {
        fs::rename(&self.place, &self.removed).during("move", &self.place)
    }

    /// Gives it the name and opens it there.
    pub(super) fn open(&self, reached: Totals) -> Result<Opened, StoreFault> {
        fs::rename(&self.new, &self.place).during("move", &self.new)?;
        if let Some(parent) = self.place.parent() {
            sync_dir(parent)?;
        }
        let opened = open(&self.place, self.cache_bytes, 0)?;
        if opened.totals != reached {
            let what = "what was written last is not in the state that was written anew";
            return Err(StoreFault::damaged(&self.place, what));
        }
        Ok(opened)
    }
}

impl State {
    /// Writes the state anew into `new`, which must not be there, while it is read and written, and goes on in the new files under
    /// the old name. The old ones are in `removed` afterwards, and nobody has them open. Blocks, as long as it takes to write all
    /// rows and until nobody takes out a frozen state of before; others wait only while the names change. Returns how many rows
    /// there were.
    ///
    /// # Errors
    /// When a row is damaged or the new state cannot be written: then the old one is as it was. When only the change of names
    /// fails, the state takes no more writes until it is opened anew.
    pub fn renew(&self, new: &Path, removed: &Path) -> Result<u64, StoreFault> {
        let cache_bytes = self.engine.cache_bytes();
        let mut frozen = self.freeze();
        let (rows, _) =
            frozen.copy_without(new, cache_bytes.min(COPY_CACHE_BYTES_MAX), |_| false)?;
        let (reply, answer) = mpsc::channel();
        self.engine.shared().succeed(Successor {
            new: new.to_path_buf(),
            since: frozen.totals().totals(),
            place: self.engine.dir().to_path_buf(),
            removed: removed.to_path_buf(),
            cache_bytes,
            reply,
        })?;
        let Predecessor { mut tree, lock } = answer.recv().map_err(|_| StoreFault::Closed)??;
        self.engine.hold(lock);
        drop(frozen);
        while let Err(shared) = Arc::try_unwrap(tree).map(drop) {
            tree = shared;
            std::thread::sleep(READERS_PAUSE);
        }
        await_lock(removed, &removed.join("db"))?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Engine, Key};
    use super::*;

    fn key(number: u64) -> Key {
        Key::new("row").number(number)
    }

    async fn set(state: &State, number: u64, value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(key(number), value);
        state.engine.write(batch).await.unwrap();
    }

    async fn remove(state: &State, number: u64) {
        let mut batch = Batch::new();
        batch.remove(key(number));
        state.engine.write(batch).await.unwrap();
    }

    fn read(state: &State, number: u64) -> Option<Vec<u8>> {
        state.engine.read(&key(number)).unwrap()
    }

    async fn renew(state: &State, dir: &Path) -> u64 {
        let (state, dir) = (state.clone(), dir.to_path_buf());
        let renewed =
            tokio::task::spawn_blocking(move || state.renew(&dir.join("new"), &dir.join("old")));
        renewed.await.unwrap().unwrap()
    }

    /// Whether a file of the state holds these bytes anywhere.
    fn holds(dir: &Path, part: &[u8]) -> bool {
        fs::read_dir(dir).unwrap().any(|file| {
            let path = file.unwrap().path();
            path.is_file() && {
                let bytes = fs::read(path).unwrap();
                bytes.windows(part.len()).any(|found| found == part)
            }
        })
    }

    #[tokio::test]
    async fn what_was_removed_is_in_no_file_and_what_was_not_is_there_also_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("state");
        let state = State::open(&place, 1 << 20).unwrap();
        for number in 0..300 {
            set(&state, number, &[number as u8; 300]).await;
        }
        set(&state, 7, &[9; 20_000]).await;
        set(&state, 300, b"a secret of the one who left").await;
        // So that it is in the tree and in a file of the log.
        state.close().unwrap();
        let state = State::open(&place, 1 << 20).unwrap();
        remove(&state, 300).await;
        remove(&state, 1).await;
        assert!(holds(&place, b"a secret"));
        renew(&state, dir.path()).await;
        assert!(!holds(&place, b"a secret") && holds(&dir.path().join("old"), b"a secret"));
        remove(&state, 2).await;
        set(&state, 3, b"written since").await;
        let expected = |number: u64| match number {
            1 | 2 | 300 => None,
            3 => Some(b"written since".to_vec()),
            7 => Some(vec![9; 20_000]),
            _ => Some(vec![number as u8; 300]),
        };
        for number in 0..301 {
            assert!(read(&state, number) == expected(number), "row {number}");
        }
        state.close().unwrap();
        let reopened = Engine::open_verified(&place, 1 << 20).unwrap();
        for number in 0..301 {
            let row = reopened.read(&key(number)).unwrap();
            assert!(row == expected(number), "row {number} after opening");
        }
    }

    #[tokio::test]
    async fn a_row_that_came_before_the_copy_and_went_after_it_stays_away() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("state");
        let state = State::open(&place, 1 << 20).unwrap();
        set(&state, 1, b"comes").await;
        renew(&state, dir.path()).await;
        fs::remove_dir_all(dir.path().join("old")).unwrap();
        remove(&state, 1).await;
        assert_eq!(read(&state, 1), None);
        renew(&state, dir.path()).await;
        assert_eq!(read(&state, 1), None);
        state.close().unwrap();
        let reopened = Engine::open_verified(&place, 1 << 20).unwrap();
        assert_eq!(reopened.read(&key(1)).unwrap(), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn writing_and_taking_out_go_on_meanwhile_and_nothing_acknowledged_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("state");
        let state = State::open(&place, 1 << 20).unwrap();
        for number in 0..2_000 {
            set(&state, number, &[1; 200]).await;
        }
        let frozen = state.freeze();
        let ends = tokio_util::sync::CancellationToken::new();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (state, ends) = (state.clone(), ends.clone());
                tokio::spawn(async move {
                    let mut rounds = 0;
                    while !ends.is_cancelled() {
                        for number in (writer..2_000).step_by(4) {
                            match (number + rounds) % 3 {
                                0 => remove(&state, number).await,
                                _ => set(&state, number, &rounds.to_be_bytes()).await,
                            }
                            let row = read(&state, number);
                            assert_eq!(row.is_none(), (number + rounds) % 3 == 0);
                        }
                        rounds += 1;
                    }
                    (writer, rounds)
                })
            })
            .collect();
        let (renewing, root) = (state.clone(), dir.path().to_path_buf());
        let renewals = tokio::spawn(async move {
            for _time in 0..3 {
                renew(&renewing, &root).await;
                fs::remove_dir_all(root.join("old")).unwrap();
            }
        });
        tokio::time::sleep(READERS_PAUSE * 5).await;
        assert!(
            !renewals.is_finished(),
            "a frozen state still has the old files"
        );
        drop(frozen);
        renewals.await.unwrap();
        ends.cancel();
        let mut rounds = [0; 4];
        for ended in writers {
            let (writer, made) = ended.await.unwrap();
            rounds[writer as usize] = made;
        }
        let expected = |number: u64| {
            let last = rounds[(number % 4) as usize] - 1;
            (!(number + last).is_multiple_of(3)).then(|| last.to_be_bytes().to_vec())
        };
        assert!((0..2_000).all(|number| read(&state, number) == expected(number)));
        state.close().unwrap();
        let reopened = Engine::open_verified(&place, 1 << 20).unwrap();
        for number in 0..2_000 {
            assert_eq!(reopened.read(&key(number)).unwrap(), expected(number));
        }
    }

    #[tokio::test]
    async fn what_a_crash_leaves_between_both_names_holds_what_was_written_last() {
        let dir = tempfile::tempdir().unwrap();
        let [place, new, removed] = ["state", "new", "old"].map(|name| dir.path().join(name));
        let state = State::open(&place, 1 << 20).unwrap();
        set(&state, 1, b"before").await;
        set(&state, 2, b"before").await;
        let mut frozen = state.freeze();
        frozen.copy_without(&new, 1 << 20, |_| false).unwrap();
        set(&state, 1, b"since").await;
        remove(&state, 2).await;
        set(&state, 3, &[3; 20_000]).await;
        let since = frozen.totals().totals();
        let (place, cache_bytes) = (place.clone(), 1 << 20);
        let (reply, _) = mpsc::channel();
        let successor = Successor {
            new: new.clone(),
            since,
            place,
            removed,
            cache_bytes,
            reply,
        };
        let reached = successor.carry().unwrap();
        assert_eq!(reached.writes, since.writes + 3);
        successor.move_away().unwrap();
        let found = Engine::open_verified(&new, 1 << 20).unwrap();
        let values = [1, 2, 3].map(|number| found.read(&key(number)).unwrap());
        assert_eq!(
            values,
            [Some(b"since".to_vec()), None, Some(vec![3; 20_000])]
        );
    }

    #[tokio::test]
    async fn where_the_new_one_cannot_be_made_the_old_one_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&dir.path().join("state"), 1 << 20).unwrap();
        set(&state, 1, b"before").await;
        let (new, removed) = (dir.path().join("new"), dir.path().join("old"));
        fs::create_dir(&new).unwrap();
        assert!(matches!(
            state.renew(&new, &removed),
            Err(StoreFault::Io { .. })
        ));
        fs::remove_dir(&new).unwrap();
        fs::create_dir_all(removed.join("in the way")).unwrap();
        assert!(matches!(
            state.renew(&new, &removed),
            Err(StoreFault::Io { .. })
        ));
        set(&state, 2, b"after").await;
        state.close().unwrap();
        let state = State::open(&dir.path().join("state"), 1 << 20).unwrap();
        assert_eq!(read(&state, 1).as_deref(), Some(&b"before"[..]));
        assert_eq!(read(&state, 2).as_deref(), Some(&b"after"[..]));
    }
}
