//! The one thread that writes: takes whatever commits wait, writes them at once, syncs once, then answers.

use std::{
    collections::HashMap,
    fs::File,
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    entry::{Entry, Position, SALT_BYTES, TreeId, leaf_hash},
    fault::LedgerFault,
    forest::Shared,
    frame::{self, Chain},
    gather::Gather,
    index::Index,
    pace::Waits,
    segment::{self, Ends, HEADER_BYTES, Header, Leaf, SegmentBytes},
};
use crate::crypto::{digest::random_bytes, signing::KeyFault};

/// Commits that may wait for the writer; more wait for room.
pub(super) const WAITING_MAX: usize = 1024;

/// Commits taken at once.
const BATCH_MAX: usize = 512;

/// A group is written once it has this many bytes.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Random bytes drawn at once: enough for 256 salts.
const SALT_DRAW_BYTES: usize = 256 * SALT_BYTES;

type Answer = oneshot::Sender<Result<Vec<Position>, LedgerFault>>;

/// A commit on its way to the writer.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) entries: Vec<Entry>,
    pub(super) answer: Answer,
    pub(super) waits: Waits,
}

/// What the writer is asked for.
#[derive(Debug)]
pub(super) enum Job {
    /// Writes entries.
    Commit(Commit),
    /// Goes on in the next segment, so that nobody writes into the ones before. Told when done.
    Seal(oneshot::Sender<()>),
}

/// Frames staged for the next write.
#[derive(Debug, Default)]
struct Group {
    buffer: Vec<u8>,
    /// Where the last frame begins in the buffer.
    last_frame: u64,
    leaves: Vec<Leaf>,
    answers: Vec<(Answer, Vec<Position>, Waits)>,
}

#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    segment_bytes: SegmentBytes,
    file: File,
    header: Header,
    /// The leaves of the segment.
    leaves: Vec<Leaf>,
    /// Where the last frame that is on disk begins in the file.
    last_frame: u64,
    /// Where the next group begins in the file.
    offset: u64,
    file_bytes: u64,
    chain: Chain,
    sequence: u64,
    tree_sizes: HashMap<TreeId, u64>,
    salts: Vec<[u8; SALT_BYTES]>,
    group: Group,
    next_file: Option<JoinHandle<io::Result<File>>>,
    /// Writes the index of the segment before.
    indexing: Option<JoinHandle<()>>,
}

impl Writer {
    /// Goes on behind what was read back, or begins the first segment.
    pub(super) fn resume(
        shared: Arc<Shared>,
        (last, leaves): (Option<Ends>, Vec<Leaf>),
        segment_bytes: SegmentBytes,
    ) -> Result<Self, LedgerFault> {
        let last = match last {
            Some(last) => last,
            None => first_segment(&shared, segment_bytes)?,
        };
        let path = segment::path(&shared.dir, last.header.number);
        let open = || {
            let file = File::options().read(true).write(true).open(&path)?;
            // What was read back may still be in the page cache only; it is served as durable from here on.
            file.sync_all()?;
            Ok(file)
        };
        let file = open().map_err(LedgerFault::file(&path))?;
        let (sequence, tree_sizes) = {
            let forest = shared.forest();
            (forest.sequence, forest.sizes().collect())
        };
        Ok(Self {
            shared,
            segment_bytes,
            file,
            header: last.header,
            leaves,
            last_frame: last.last_frame,
            offset: last.end,
            file_bytes: last.file_bytes,
            chain: Chain::from_hash(last.chain),
            sequence,
            tree_sizes,
            salts: Vec::new(),
            group: Group::default(),
            next_file: None,
            indexing: None,
        })
    }

    /// Writes to `file` from now on.
    #[cfg(test)]
    pub(super) fn lose_file(&mut self, file: File) {
        self.file = file;
    }

    pub(super) fn spawn(self, commits: mpsc::Receiver<Job>) -> io::Result<JoinHandle<()>> {
        thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || self.run(commits))
    }

    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Vec::with_capacity(BATCH_MAX);
        let mut gather = Gather::default();
        loop {
            let taken = jobs.blocking_recv_many(&mut waiting, BATCH_MAX);
            if taken == 0 {
                break;
            }
            for job in waiting.drain(..) {
                match job {
                    Job::Commit(commit) => self.take(commit),
                    Job::Seal(sealed) => {
                        self.write_group();
                        if self.offset > HEADER_BYTES as u64 {
                            self.begin_segment(0);
                        }
                        if sealed.send(()).is_err() {
                            tracing::debug!("who wanted the segment sealed has gone");
                        }
                    }
                }
            }
            self.write_group();
            gather.wait(taken);
        }
        // Whoever opens the directory next must not meet our half-made file growing.
        if let Some(unused) = self.next_file.take()
            && unused.join().is_err()
        {
            tracing::error!("preparing a ledger segment panicked");
        }
        self.finish_indexing();
    }

    fn take(&mut self, commit: Commit) {
        let bytes = frame::frame_bytes(&commit.entries);
        if self.group.buffer.len() >= GROUP_BYTES {
            self.write_group();
        }
        if self.offset + (self.group.buffer.len() + bytes) as u64 > self.file_bytes {
            self.write_group();
            self.begin_segment(bytes as u64);
        }
        let staged = if self.shared.is_writable() {
            self.stage(&commit.entries).map_err(LedgerFault::Salt)
        } else {
            Err(LedgerFault::ReadOnly)
        };
        match staged {
            Ok(positions) => {
                let answer = (commit.answer, positions, commit.waits);
                self.group.answers.push(answer);
            }
            Err(fault) => answer(commit.answer, Err(fault)),
        }
    }

    fn stage(&mut self, entries: &[Entry]) -> Result<Vec<Position>, KeyFault> {
        self.draw_salts(entries.len())?;
        let mut positions = Vec::with_capacity(entries.len());
        let unused = self.salts.len() - entries.len();
        let start = frame::begin(&mut self.group.buffer, self.offset, self.sequence);
        for (entry, salt) in entries.iter().zip(self.salts.drain(unused..)) {
            let size = self.tree_sizes.entry(entry.tree).or_default();
            let at = Position {
                tree: entry.tree,
                index: *size,
                sequence: self.sequence,
            };
            *size += 1;
            self.sequence += 1;
            let hash = leaf_hash(&salt, entry.at_ms, &entry.body);
            let offset = self.offset + self.group.buffer.len() as u64;
            self.chain.push(entry.tree, &hash);
            self.group.leaves.push(Leaf { at, hash, offset });
            frame::push(&mut self.group.buffer, entry, &at, &salt, &hash);
            positions.push(at);
        }
        frame::finish(&mut self.group.buffer, start);
        self.group.last_frame = start as u64;
        self.chain.end_frame();
        Ok(positions)
    }

    fn draw_salts(&mut self, count: usize) -> Result<(), KeyFault> {
        while self.salts.len() < count {
            let drawn = random_bytes::<SALT_DRAW_BYTES>()?;
            let (salts, _) = drawn.as_chunks::<SALT_BYTES>();
            self.salts.extend_from_slice(salts);
        }
        Ok(())
    }

    fn write_group(&mut self) {
        if self.group.answers.is_empty() {
            return;
        }
        let written =
            segment::write_at(&self.file, &self.group.buffer, self.offset).and_then(|()| {
                let entries = self.group.leaves.len();
                self.shared
                    .pace
                    .time_sync(entries, || self.file.sync_data())
            });
        if let Err(fault) = written {
            return self.give_up(fault);
        }
        self.publish();
        self.last_frame = self.offset + self.group.last_frame;
        self.offset += self.group.buffer.len() as u64;
        self.group.buffer.clear();
        self.leaves.append(&mut self.group.leaves);
        for (waiting, positions, waits) in self.group.answers.drain(..) {
            drop(waits);
            answer(waiting, Ok(positions));
        }
        self.prepare_next();
    }

    fn publish(&mut self) {
        let mut forest = self.shared.forest_mut();
        for leaf in &self.group.leaves {
            // The writer itself numbered the leaves; were it wrong, the trees would no longer be those on disk.
            if forest.push(leaf, self.header.number).is_err() {
                tracing::error!(tree = %leaf.at.tree, "a leaf does not continue its tree");
                self.shared.stop_writing();
                return;
            }
        }
    }

    /// A failed write or sync is never tried again: what is on disk is unknown until the ledger has been opened anew.
    fn give_up(&mut self, fault: io::Error) {
        self.shared.stop_writing();
        let file = segment::path(&self.shared.dir, self.header.number);
        tracing::error!(file = %file.display(), %fault, "a ledger write failed; the ledger is read-only until it is opened again");
        let source = Arc::new(fault);
        for (waiting, ..) in self.group.answers.drain(..) {
            let fault = LedgerFault::File {
                file: file.clone(),
                source: Arc::clone(&source),
            };
            answer(waiting, Err(fault));
        }
    }

    /// Lets the next segment be made in the background once this one is half full.
    fn prepare_next(&mut self) {
        if self.next_file.is_some() || self.offset < self.file_bytes / 2 {
            return;
        }
        let (shared, number) = (Arc::clone(&self.shared), self.header.number + 1);
        let bytes = self.segment_bytes.of(number);
        let spawned = thread::Builder::new()
            .name("ledger-segment".to_owned())
            .spawn(move || segment::preallocate(&shared.dir, number, bytes));
        // Without a thread the segment is made when it is needed.
        self.next_file = spawned.ok();
    }

    fn begin_segment(&mut self, frame_bytes: u64) {
        if !self.shared.is_writable() {
            return;
        }
        let number = self.header.number + 1;
        let bytes = self
            .segment_bytes
            .of(number)
            .max(HEADER_BYTES as u64 + frame_bytes);
        let header = Header {
            number,
            first_sequence: self.sequence,
            link: self.chain.hash,
        };
        let made = self
            .prepared(number, bytes)
            .and_then(|file| segment::begin(&self.shared.dir, &file, header).map(|()| file));
        match made {
            Ok(file) => {
                self.index_segment();
                self.file = file;
                self.header = header;
                self.last_frame = HEADER_BYTES as u64;
                self.offset = HEADER_BYTES as u64;
                self.file_bytes = bytes;
                self.shared.forest_mut().segment_starts.push(self.sequence);
            }
            Err(fault) => self.give_up(fault),
        }
    }

    /// Lets the index of the segment that has just ended be written in the background. Nothing waits for it: without it the
    /// leaves stay in memory, and the next opening makes it.
    fn index_segment(&mut self) {
        self.finish_indexing();
        let ends = Ends {
            header: self.header,
            last_frame: self.last_frame,
            end: self.offset,
            file_bytes: self.file_bytes,
            chain: self.chain.hash,
        };
        let (shared, leaves) = (Arc::clone(&self.shared), std::mem::take(&mut self.leaves));
        let spawned = thread::Builder::new()
            .name("ledger-index".to_owned())
            .spawn(move || {
                let made = Index::put(&shared.dir, ends, &leaves, |tree, of| {
                    shared.forest().blocks(tree, of)
                });
                made.iter()
                    .for_each(|index| shared.forest_mut().release(index));
            });
        self.indexing = spawned.ok();
    }

    fn finish_indexing(&mut self) {
        if let Some(indexing) = self.indexing.take()
            && indexing.join().is_err()
        {
            tracing::error!("indexing a ledger segment panicked");
        }
    }

    fn prepared(&mut self, number: u64, bytes: u64) -> io::Result<File> {
        // A file that could not be prepared is made anew from nothing, so this retries no sync.
        if let Some(Ok(Ok(file))) = self.next_file.take().map(JoinHandle::join)
            && file.metadata()?.len() == bytes
        {
            return Ok(file);
        }
        segment::preallocate(&self.shared.dir, number, bytes)
    }
}

fn first_segment(shared: &Shared, segment_bytes: SegmentBytes) -> Result<Ends, LedgerFault> {
    let header = Header {
        number: 1,
        first_sequence: 0,
        link: [0; 32],
    };
    let file_bytes = segment_bytes.of(header.number);
    segment::preallocate(&shared.dir, header.number, file_bytes)
        .and_then(|file| segment::begin(&shared.dir, &file, header))
        .map_err(LedgerFault::file(segment::path(&shared.dir, header.number)))?;
    shared.forest_mut().segment_starts.push(0);
    Ok(Ends {
        header,
        last_frame: HEADER_BYTES as u64,
        end: HEADER_BYTES as u64,
        file_bytes,
        chain: header.link,
    })
}

fn answer(waiting: Answer, result: Result<Vec<Position>, LedgerFault>) {
    // Nobody listens when the caller has gone; its record stays written.
    drop(waiting.send(result));
}
