//! A private file that has its name only when it is whole and durable; until then it ends in `.part`, and is removed when it is
//! given up.

use std::{
    fs::{self, File},
    io::{BufWriter, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use super::{StoreFault, fault::During};

const PART: &str = "part";

const BUFFER_BYTES: usize = 256 * 1024;

/// A file that is being written. It is removed when it is dropped before it was kept.
#[derive(Debug)]
pub(super) struct PartFile {
    path: PathBuf,
    file: BufWriter<File>,
    kept: bool,
}

/// Makes the directory when there is none, and removes what was being written in it when the process ended.
pub(super) fn open_directory(dir: &Path) -> Result<(), StoreFault> {
    fs::create_dir_all(dir).during("make", dir)?;
    let is_part = |name: &str| Path::new(name).extension().is_some_and(|end| end == PART);
    remove_those(dir, is_part)
}

/// Removes the files of a directory whose names are not wanted.
pub(super) fn remove_those(dir: &Path, unwanted: impl Fn(&str) -> bool) -> Result<(), StoreFault> {
    for entry in fs::read_dir(dir).during("read", dir)? {
        let entry = entry.during("read", dir)?;
        if entry.file_name().to_str().is_some_and(&unwanted) {
            fs::remove_file(entry.path()).during("remove", &entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file; one that is not there is no fault.
pub(super) fn remove(path: &Path) -> Result<(), StoreFault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.during("remove", path),
    }
}

impl PartFile {
    /// A new file, named by something that no other has.
    pub(super) fn begin(dir: &Path, name: &str) -> Result<Self, StoreFault> {
        let path = dir.join(name).with_extension(PART);
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).during("make", &path)?;
        Ok(Self {
            path,
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            kept: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreFault> {
        self.file.write_all(bytes).during("write", &self.path)
    }

    /// Makes it durable as `path`, in the same directory.
    pub(super) fn keep(mut self, path: &Path) -> Result<(), StoreFault> {
        self.file.flush().during("write", &self.path)?;
        let file = self.file.get_ref();
        file.sync_all().during("sync", &self.path)?;
        fs::rename(&self.path, path).during("rename", &self.path)?;
        self.kept = true;
        let dir = path.parent().unwrap_or(Path::new("."));
        let opened = File::open(dir).during("open", dir)?;
        opened.sync_all().during("sync", dir)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "a file that was given up stays");
        }
    }
}
