//! Files that appear complete or not at all, and that only their owner may read when they hold a key.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Its owner only (mode 0600).
    Owner,
    /// Whoever may enter the directory.
    Anyone,
}

/// Makes `path` with `bytes`; fails with `AlreadyExists` rather than overwrite.
pub(super) fn create(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let new = written_beside(path, bytes, access)?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    linked?;
    sync_parent(path)
}

/// Makes `path` with `bytes` for its owner only; fails with `AlreadyExists` rather than overwrite.
pub(crate) fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create(path, bytes, Access::Owner)
}

/// Puts `bytes` in the place of the file at `path`.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, Access::Anyone)
}

/// Puts `bytes` in the place of the file at `path`, for its owner only.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, Access::Owner)
}

fn replace_with(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let new = written_beside(path, bytes, access)?;
    fs::rename(&new, path)?;
    sync_parent(path)
}

/// Zeros, as many as are written at a time.
pub(crate) static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Writes `bytes` zeros to the beginning of a file.
pub(crate) fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    let mut left = bytes;
    while left > 0 {
        let step = left.min(ZEROS.len() as u64);
        file.write_all(ZEROS.get(..step as usize).unwrap_or(&ZEROS))?;
        left -= step;
    }
    Ok(())
}

/// Removes a directory; what its files held is not to be found on the disk either, as far as the file system writes in place.
pub(crate) fn destroy_dir(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            destroy_dir(&path)?;
        } else {
            let file = File::options().write(true).open(&path)?;
            write_zeros(&file, file.metadata()?.len())?;
            file.sync_all()?;
            fs::remove_file(&path)?;
        }
    }
    fs::remove_dir(dir)
}

/// Makes a directory that only its owner may enter (mode 0700), and what is missing above it.
pub(super) fn make_private_dir(path: &Path) -> io::Result<()> {
    if let Some(parent) = named_parent(path) {
        fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a rename or a new name in the directory of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(named_parent(path).unwrap_or(Path::new(".")))?.sync_all()
}

fn named_parent(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
}

fn written_beside(path: &Path, bytes: &[u8], access: Access) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // What a crash left behind may have another mode.
    match fs::remove_file(&new) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        match access {
            Access::Owner => 0o600,
            Access::Anyone => 0o644,
        },
    );
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(new)
}
