//! The watched folder: inquiry files are taken from the `in` of each institution, and of each of its business systems that speaks
//! local numbers; their results appear in the `out` beside it. Replica files are taken from the `replica/in` of the same.

mod incoming;
mod replicas;
mod watched;

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use data_encoding::HEXLOWER;

use crate::{
    config::FolderConfig,
    crypto::{digest::sha256, files::replace_private},
    domain::{
        batch_file::{BatchFileName, RowFlaw, report},
        codes::InstitutionCode,
        institution::Institution,
        refusal::{FieldFlaw, Refusal},
        words::SystemName,
    },
    institution::{ActFault, BatchDraft, ResultRequest},
    world::{DEFAULT_WORLD, World, Worlds},
};

use watched::Mark;
pub use watched::Watched;

/// The ending of an inquiry file's name.
const ENDING: &str = ".DAT";

/// Looks after a folder.
pub struct Folder {
    config: FolderConfig,
    path: PathBuf,
    worlds: Arc<Worlds>,
    /// What each file looked like the last time: one that still changes is left alone.
    seen: HashMap<PathBuf, Mark>,
    /// What was logged already.
    told: HashSet<String>,
}

/// Who sends files: an institution in 団体内統合宛名番号, or one of its business systems in its own 宛名番号.
struct Sender {
    institution: InstitutionCode,
    system: Option<SystemName>,
}

impl Sender {
    /// The senders of an institution.
    fn all(profile: &Institution) -> Vec<Self> {
        let systems = profile.systems.keys();
        let local = systems.filter(|system| profile.speaks_local(system));
        let named = std::iter::once(None).chain(local.cloned().map(Some));
        let institution = profile.code;
        named
            .map(|system| Self {
                institution,
                system,
            })
            .collect()
    }

    /// Where its directories lie: of the institution's name, with its business system behind.
    fn directory(&self, folder: &Path) -> PathBuf {
        match &self.system {
            None => folder.join(self.institution.as_str()),
            Some(system) => folder.join(format!("{}-{system}", self.institution)),
        }
    }
}

/// The directories of one sender.
struct Places {
    incoming: PathBuf,
    taken: PathBuf,
    refused: PathBuf,
    out: PathBuf,
}

impl Folder {
    /// The folder that the configuration names; nothing when it names none.
    pub fn new(config: &FolderConfig, worlds: Arc<Worlds>) -> Option<Self> {
        Some(Self {
            path: config.path.clone()?,
            config: config.clone(),
            worlds,
            seen: HashMap::new(),
            told: HashSet::new(),
        })
    }

    /// Looks at the folder again and again until `stopping` is cancelled.
    pub async fn watch(mut self, stopping: CancellationToken) {
        let interval = Duration::from_millis(self.config.interval_ms);
        loop {
            let handle = Handle::current();
            let looked = tokio::task::spawn_blocking(move || {
                self.look(&handle);
                self
            });
            let Ok(folder) = looked.await else {
                tracing::error!("the watch of the folder stopped");
                return;
            };
            self = folder;
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    fn look(&mut self, handle: &Handle) {
        let Ok(world) = self.worlds.find(DEFAULT_WORLD) else {
            return;
        };
        let senders: Vec<_> = world.directory().iter().flat_map(Sender::all).collect();
        for sender in senders {
            let places = Places::of(&self.path, &sender);
            match places.make() {
                Ok(()) => {
                    for file in self.ready(&places.all(), &[ENDING]) {
                        self.take(handle, (&world, &sender), (&places, &file));
                    }
                    self.write_results((&world, &sender), &places);
                }
                Err((place, fault)) => self.tell(&place, &fault.to_string()),
            }
            self.take_replicas(handle, (&world, &sender));
        }
    }

    /// The files of the first place that have not changed since the last look; none while one of the places cannot be written:
    /// a file that is taken must be put away, with what is to be said of it.
    fn ready(&mut self, places: &[&Path], endings: &[&str]) -> Vec<PathBuf> {
        let mut ready = Vec::new();
        let Some(incoming) = places.first() else {
            return ready;
        };
        match incoming::files(incoming, endings) {
            Ok(files) => {
                for (file, mark) in files {
                    if self.seen.insert(file.clone(), mark) == Some(mark) {
                        ready.push(file);
                    }
                }
            }
            Err(fault) => self.tell(incoming, &fault.to_string()),
        }
        if !ready.is_empty() {
            for place in places {
                if let Err(fault) = watched::writable(place) {
                    self.tell(place, &fault.to_string());
                    return Vec::new();
                }
            }
        }
        ready
    }

    fn take(
        &mut self,
        handle: &Handle,
        (world, sender): (&Arc<World>, &Sender),
        (places, file): (&Places, &Path),
    ) {
        let institution = sender.institution;
        let (opened, draft) = match incoming::read(file, &self.config) {
            Ok(Some((opened, draft))) => {
                let system = sender.system.clone();
                (opened, BatchDraft { system, ..draft })
            }
            // It was replaced while it was read: the next look sees the new one.
            Ok(None) => return,
            Err(incoming::Unread::Name(malformed)) => {
                let refusal =
                    Refusal::Malformed(vec![FieldFlaw::malformed("file_name", &malformed)]);
                let opened = Watched::open(file);
                return match opened {
                    Ok(opened) => self.refuse(places, (&opened, file), &refusal, Vec::new()),
                    Err(fault) => self.tell(file, &fault.to_string()),
                };
            }
            Err(incoming::Unread::Io(fault)) => return self.tell(file, &fault.to_string()),
        };
        let taken = places.taken.join(draft.name.to_string());
        match handle.block_on(world.submit_batch(institution, draft.clone())) {
            Ok(batch) => {
                if !batch.flaws.is_empty() {
                    self.report(places, file, &batch.flaws);
                }
                self.put_taken((&opened, file), (&taken, &draft.bytes));
            }
            Err(fault) => match incoming::refusal(fault) {
                // It was taken just before the process ended: only its place is missing.
                Ok(Refusal::BatchExists) if !taken.exists() && is_taken(world, sender, &draft) => {
                    self.put_taken((&opened, file), (&taken, &draft.bytes));
                }
                Ok(Refusal::Overloaded | Refusal::RecordsUnavailable) => {}
                Ok(refusal) => {
                    let flaws = flaws(world, institution, &draft, &refusal);
                    self.refuse(places, (&opened, file), &refusal, flaws);
                }
                Err(fault) => self.tell(file, &fault.to_string()),
            },
        }
    }

    /// Puts a file among the refused ones, with a report beside it.
    fn refuse(
        &mut self,
        places: &Places,
        (opened, file): (&Watched, &Path),
        refusal: &Refusal,
        flaws: Vec<RowFlaw>,
    ) {
        let flaws = if flaws.is_empty() {
            let said = FieldFlaw::new("file", refusal.to_string(), refusal.ja());
            vec![RowFlaw::of_line(
                1,
                1,
                crate::domain::batch_file::RowFlawKind::Refused(said),
            )]
        } else {
            flaws
        };
        self.report(places, file, &flaws);
        if let Some(name) = file.file_name() {
            self.put((opened, file), &places.refused.join(name));
        }
    }

    /// The results are written for what lies among the taken files: where another has taken its place, what was read is put there.
    fn put_taken(&mut self, from: (&Watched, &Path), (to, bytes): (&Path, &[u8])) {
        if !self.put(from, to)
            && let Err(fault) = replace_private(to, bytes)
        {
            self.tell(to, &fault.to_string());
        }
    }

    fn report(&mut self, places: &Places, file: &Path, flaws: &[RowFlaw]) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let beside = places.refused.join(format!("{name}.errors.csv"));
        let text = report(flaws.iter().map(Into::into));
        if let Err(fault) = replace_private(&beside, text.as_bytes()) {
            self.tell(&beside, &fault.to_string());
        }
    }

    /// Puts a file away; false when it is not the one that was read any more, or stays.
    fn put(&mut self, (opened, from): (&Watched, &Path), to: &Path) -> bool {
        self.seen.remove(from);
        match opened.put(to) {
            Ok(is_there) => is_there,
            Err(fault) => {
                self.tell(from, &fault.to_string());
                false
            }
        }
    }

    /// Writes the results of the batches that have ended and whose file came through the folder.
    fn write_results(&mut self, (world, sender): (&World, &Sender), places: &Places) {
        let taken = match incoming::files(&places.taken, &[ENDING]) {
            Ok(taken) => taken,
            Err(fault) => return self.tell(&places.taken, &fault.to_string()),
        };
        for (file, _) in taken {
            let Some(name) = incoming::name_of(&file).ok() else {
                continue;
            };
            let (out, errors) = (
                places.out.join(name.of_results()),
                places.out.join(format!("{}.errors.csv", name.of_results())),
            );
            if out.exists() || errors.exists() {
                continue;
            }
            match result(world, sender, name) {
                Ok(None) => {}
                Ok(Some(bytes)) => {
                    if let Err(fault) = replace_private(&out, &bytes) {
                        self.tell(&out, &fault.to_string());
                    }
                }
                Err(ActFault::Refused(refusal)) => {
                    let text = incoming::report_of(&refusal);
                    if let Err(fault) = replace_private(&errors, text.as_bytes()) {
                        self.tell(&errors, &fault.to_string());
                    }
                }
                Err(fault) => self.tell(&file, &fault.to_string()),
            }
        }
    }

    /// Logs a fault once: it stays until somebody mends it.
    fn tell(&mut self, file: &Path, fault: &str) {
        if self.told.insert(format!("{} {fault}", file.display())) {
            tracing::error!(file = %file.display(), fault, "the folder cannot be served");
        }
    }
}

impl Places {
    fn of(folder: &Path, sender: &Sender) -> Self {
        let own = sender.directory(folder);
        Self {
            incoming: own.join("in"),
            taken: own.join("taken"),
            refused: own.join("refused"),
            out: own.join("out"),
        }
    }

    fn all(&self) -> [&Path; 4] {
        [&self.incoming, &self.taken, &self.refused, &self.out]
    }

    fn make(&self) -> Result<(), (PathBuf, io::Error)> {
        make(&self.all())
    }
}

/// Makes the places that are missing.
fn make(places: &[&Path]) -> Result<(), (PathBuf, io::Error)> {
    for place in places {
        fs::create_dir_all(place).map_err(|fault| ((*place).to_owned(), fault))?;
    }
    Ok(())
}

/// All flaws of a file that was refused because of them; none when it was refused for something else.
fn flaws(
    world: &World,
    institution: InstitutionCode,
    draft: &BatchDraft,
    refusal: &Refusal,
) -> Vec<RowFlaw> {
    let flawed = matches!(
        refusal,
        Refusal::BatchFlawed(_) | Refusal::InstitutionMismatch
    );
    let checked = flawed.then(|| world.check_batch(institution, draft).ok());
    let checked = checked.flatten();
    checked.map(|file| file.flaws).unwrap_or_default()
}

/// Whether this very file was taken.
fn is_taken(world: &World, sender: &Sender, draft: &BatchDraft) -> bool {
    let digest = HEXLOWER.encode(&sha256(&[&draft.bytes]));
    let Ok(server) = world.server(sender.institution) else {
        return false;
    };
    let view = server.batch_of(sender.system.as_ref(), &draft.name);
    view.is_ok_and(|view| view.batch.digest == digest)
}

/// The file of results; nothing while the batch has not ended.
fn result(
    world: &World,
    sender: &Sender,
    name: BatchFileName,
) -> Result<Option<Vec<u8>>, ActFault> {
    let server = world.server(sender.institution)?;
    let batch = server.batch_of(sender.system.as_ref(), &name)?;
    if !batch.has_ended() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let request = ResultRequest { name, form: None };
    server.write_batch_result(&request, |piece| {
        bytes.extend(piece);
        true
    })?;
    Ok(Some(bytes))
}
