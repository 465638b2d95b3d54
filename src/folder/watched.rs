//! A file that is read so that nobody can change it meanwhile unnoticed, and put away only when it is still the one that was
//! read.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What a file looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    bytes: u64,
    modified: SystemTime,
    #[cfg(unix)]
    inode: u64,
}

impl Mark {
    pub(super) fn of(metadata: &fs::Metadata) -> io::Result<Self> {
        Ok(Self {
            bytes: metadata.len(),
            modified: metadata.modified()?,
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(metadata),
        })
    }
}

/// An open file, and what it looked like when it was opened.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    file: File,
    mark: Mark,
}

impl Watched {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mark = Mark::of(&file.metadata()?)?;
        let path = path.to_owned();
        Ok(Self { path, file, mark })
    }

    /// How long it was when it was opened.
    pub fn length_bytes(&self) -> u64 {
        self.mark.bytes
    }

    /// Whether it lies under its name as it was opened: what was read is one file whole. One that was removed has changed.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn is_unchanged(&self) -> io::Result<bool> {
        let now = Mark::of(&self.file.metadata()?)?;
        let there = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            there => Mark::of(&there?)?,
        };
        Ok(now == self.mark && there == self.mark)
    }

    /// Moves it to `to`. A file that has taken its place since stays: then this says false, and nothing is at `to`.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub(super) fn put(&self, to: &Path) -> io::Result<bool> {
        fs::rename(&self.path, to)?;
        if Mark::of(&fs::metadata(to)?)? == self.mark {
            return Ok(true);
        }
        match fs::hard_link(to, &self.path) {
            // An even newer one lies there already.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
        fs::remove_file(to)?;
        Ok(false)
    }
}

impl io::Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// Whether files can be made in a directory and moved out of it.
pub(super) fn writable(directory: &Path) -> io::Result<()> {
    let probe = directory.join(".chukan-probe");
    fs::write(&probe, [])?;
    fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// A file that was read in part, and its directory.
    fn half_read() -> (tempfile::TempDir, Watched) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.csv");
        fs::write(&path, "old old old").unwrap();
        // A change within the same tick of the clock would not show.
        let past = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(60);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(past)
            .unwrap();
        let mut watched = Watched::open(&path).unwrap();
        watched.read_exact(&mut [0; 4]).unwrap();
        assert!(watched.is_unchanged().unwrap());
        (dir, watched)
    }

    #[test]
    fn a_file_that_grows_is_written_anew_replaced_or_removed_has_changed() {
        let changes: [fn(&Path); 5] = [
            |path| {
                let mut file = File::options().append(true).open(path).unwrap();
                file.write_all(b"more").unwrap();
            },
            |path| fs::write(path, "new new new").unwrap(),
            |path| fs::write(path, "new").unwrap(),
            |path| {
                let beside = path.with_extension("coming");
                fs::write(&beside, "old old old").unwrap();
                fs::rename(beside, path).unwrap();
            },
            |path| fs::remove_file(path).unwrap(),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let (dir, watched) = half_read();
            change(&dir.path().join("in.csv"));
            assert!(!watched.is_unchanged().unwrap(), "change {at}");
        }
    }

    #[test]
    fn only_the_file_that_was_read_is_put_away() {
        let (dir, watched) = half_read();
        let (path, to) = (dir.path().join("in.csv"), dir.path().join("taken.csv"));
        let beside = dir.path().join("coming");
        fs::write(&beside, "new").unwrap();
        fs::rename(beside, &path).unwrap();
        assert!(!watched.put(&to).unwrap());
        assert!(!to.exists());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(Watched::open(&path).unwrap().put(&to).unwrap());
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
    }
}
