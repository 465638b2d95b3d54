//! Replica files in the watched folder: taken over whole, or refused with every flaw beside; one after the other.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{runtime::Handle, sync::watch};

use super::{Folder, Sender, incoming, make, watched::Watched};
use crate::{
    config::FolderConfig,
    crypto::files::replace_private,
    domain::{
        batch::Taking,
        files::TextForm,
        refusal::Refusal,
        replica_file::{Extent, FileFlaw, FileForm, FilePlan},
        replica_import::ReplicaImport,
    },
    institution::{CheckedFile, ImportPlan},
    world::{World, WorldFault},
};

/// The endings of a replica file's name.
const ENDINGS: [&str; 2] = [".csv", ".DAT"];

/// What stands before the ending of a file that is all there is.
const FULL: &str = ".full";

/// How much of a file is read at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// The most flaws that are written beside a file.
const FLAWS_MAX: u64 = 100_000;

/// Where a sender's replica files lie.
pub(super) struct Places {
    incoming: PathBuf,
    taken: PathBuf,
    refused: PathBuf,
}

impl Places {
    fn of(folder: &Path, sender: &Sender) -> Self {
        let own = sender.directory(folder).join("replica");
        Self {
            incoming: own.join("in"),
            taken: own.join("taken"),
            refused: own.join("refused"),
        }
    }

    fn all(&self) -> [&Path; 3] {
        [&self.incoming, &self.taken, &self.refused]
    }
}

impl Folder {
    /// Takes the replica files that have not changed since the last look.
    pub(super) fn take_replicas(
        &mut self,
        handle: &Handle,
        (world, sender): (&Arc<World>, &Sender),
    ) {
        let places = Places::of(&self.path, sender);
        if let Err((place, fault)) = make(&places.all()) {
            return self.tell(&place, &fault.to_string());
        }
        for file in self.ready(&places.all(), &ENDINGS) {
            let done = self.take_over(handle, (world, sender), (&places, &file));
            if let Err(fault) = done {
                self.tell(&file, &fault.to_string());
            }
        }
    }

    fn take_over(
        &mut self,
        handle: &Handle,
        (world, sender): (&Arc<World>, &Sender),
        (places, file): (&Places, &Path),
    ) -> Result<(), WorldFault> {
        let name = file.file_name().unwrap_or_default();
        let (taken, refused) = (places.taken.join(name), places.refused.join(name));
        let errors = beside(&refused, ".errors.csv");
        let read = read((world, sender), (file, &errors), &self.config)?;
        let Some((opened, checked)) = read else {
            return Ok(());
        };
        if !checked.is_acceptable() {
            self.put((&opened, file), &refused);
            return Ok(());
        }
        let (flaws, left_out) = (checked.flaws(), checked.flawed());
        let (tell, _) = watch::channel(None);
        match handle.block_on(world.take_over(sender.institution, checked, tell)) {
            Ok(import) => {
                let report = report(&import, flaws, left_out);
                self.write(&beside(&taken, ".report.csv"), &report);
                self.put((&opened, file), &taken);
                Ok(())
            }
            Err(fault) => match incoming::refusal(fault)? {
                Refusal::Overloaded | Refusal::RecordsUnavailable | Refusal::Unready(_) => Ok(()),
                // It was taken over and not put away when the process ended, or is a copy: it is not registered again.
                refusal @ Refusal::FileTaken(_) if !taken.exists() => {
                    self.write(&beside(&taken, ".report.csv"), &refused_whole(&refusal));
                    self.put((&opened, file), &taken);
                    Ok(())
                }
                refusal => {
                    self.write(&errors, &refused_whole(&refusal));
                    self.put((&opened, file), &refused);
                    Ok(())
                }
            },
        }
    }

    fn write(&mut self, file: &Path, text: &str) {
        if let Err(fault) = replace_private(file, text.as_bytes()) {
            self.tell(file, &fault.to_string());
        }
    }
}

/// Reads a file and writes its flaws to `errors`; nothing when it was replaced meanwhile: the next look sees the new one.
fn read(
    (world, sender): (&Arc<World>, &Sender),
    (file, errors): (&Path, &Path),
    config: &FolderConfig,
) -> Result<Option<(Watched, CheckedFile)>, WorldFault> {
    let mut opened = Watched::open(file).map_err(WorldFault::file(file))?;
    let (institution, system) = (sender.institution, sender.system.clone());
    let mut importing = world.begin_import(institution, system, plan(file, config))?;
    let mut told = Told::new(errors);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = opened.read(&mut piece).map_err(WorldFault::file(file))?;
        if length == 0 {
            break;
        }
        let flaws = importing.push(piece.get(..length).unwrap_or_default())?;
        told.tell(&flaws).map_err(WorldFault::file(errors))?;
    }
    if !opened.is_unchanged().map_err(WorldFault::file(file))? {
        told.forget().map_err(WorldFault::file(errors))?;
        return Ok(None);
    }
    let (flaws, checked) = importing.finish()?;
    told.tell(&flaws).map_err(WorldFault::file(errors))?;
    told.end().map_err(WorldFault::file(errors))?;
    Ok(Some((opened, checked)))
}

fn plan(file: &Path, config: &FolderConfig) -> ImportPlan {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
    let extent = match stem.ends_with(FULL) {
        true => Extent::Full,
        false => Extent::Differential,
    };
    ImportPlan {
        file: FilePlan {
            form: FileForm::of_name(&name),
            text: TextForm {
                encoding: config.encoding,
                ..TextForm::default()
            },
            extent,
        },
        by_row: extent == Extent::Differential && config.taking == Taking::ByRow,
        again: false,
        bytes: None,
    }
}

/// The flaws of a file, written as they are found.
struct Told<'a> {
    path: &'a Path,
    file: Option<BufWriter<File>>,
    flaws: u64,
}

impl<'a> Told<'a> {
    fn new(path: &'a Path) -> Self {
        Self {
            path,
            file: None,
            flaws: 0,
        }
    }

    fn tell(&mut self, flaws: &[FileFlaw]) -> io::Result<()> {
        for flaw in flaws {
            self.flaws += 1;
            if self.flaws > FLAWS_MAX {
                return Ok(());
            }
            let file = match &mut self.file {
                Some(file) => file,
                None => {
                    let mut file = BufWriter::new(File::create(self.path)?);
                    write!(file, "行,列,項目,値の形,誤り,内容,対処\r\n")?;
                    self.file.insert(file)
                }
            };
            let shape = flaw.shape.as_ref().map(ToString::to_string);
            let texts = [
                flaw.item.clone(),
                shape.unwrap_or_default(),
                flaw.code().to_owned(),
                flaw.why.ja(),
                flaw.why.remedy_ja().to_owned(),
            ];
            let texts = texts.map(|text| text.replace('"', "\"\""));
            let place = flaw.place;
            write!(
                file,
                "{},{},\"{}\"\r\n",
                place.line,
                place.column,
                texts.join("\",\"")
            )?;
        }
        Ok(())
    }

    fn end(self) -> io::Result<()> {
        match self.file {
            Some(mut file) => file.flush(),
            None => Ok(()),
        }
    }

    fn forget(self) -> io::Result<()> {
        match self.file {
            Some(_) => fs::remove_file(self.path),
            None => Ok(()),
        }
    }
}

fn report(import: &ReplicaImport, flaws: u64, left_out: u64) -> String {
    format!(
        "取込番号,行,新規,更新,削除,誤り,除いた副本\r\n{},{},{},{},{},{flaws},{left_out}\r\n",
        import.number, import.rows, import.registered, import.replaced, import.deleted
    )
}

fn refused_whole(refusal: &Refusal) -> String {
    format!("誤り,内容\r\n{},\"{}\"\r\n", refusal.reason(), refusal.ja())
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}
