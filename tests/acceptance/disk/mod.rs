//! A disk that fails when it is told to, below the data directory of a server: `shim.c`, loaded before libc. Linux only.

mod power;

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use tempfile::TempDir;

use crate::net::{self, Net};

/// What the disk does with the call that it was told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails, once, with EIO.
    Fail = 1,
    /// From this call on there is no room, until [`Disk::make_room`].
    Full = 2,
    /// A write writes the first half only and says so.
    Short = 3,
    /// A write writes the first half, and the process is killed.
    Torn = 4,
    /// The process is killed before the call.
    Cut = 5,
    /// A sync fails, once, with EIO.
    FailSync = 6,
}

/// A data directory on a disk that fails when it is told to.
pub(crate) struct Disk {
    dir: TempDir,
    control: File,
}

/// Places of the numbers in the control file, in bytes.
const COUNTDOWN: u64 = 0;
const KIND: u64 = 8;
const FIRED: u64 = 24;
const FULL: u64 = 32;
const FREE: u64 = 40;
const AHEAD: u64 = 48;

impl Disk {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        fs::create_dir(dir.path().join("journal")).unwrap();
        let control = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(dir.path().join("control"))
            .unwrap();
        control.set_len(56).unwrap();
        Self { dir, control }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data").canonicalize().unwrap()
    }

    /// The command that serves the directory from this disk; what it says goes to a file.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Command {
        let mut command = net::serve(&self.data(), arguments);
        let said = self.dir.path().join("said");
        let said = File::options()
            .append(true)
            .create(true)
            .open(said)
            .unwrap();
        command
            .env("LD_PRELOAD", shim())
            .env("FAULTY_BELOW", self.data())
            .env("FAULTY_CONTROL", self.dir.path().join("control"))
            .env("FAULTY_JOURNAL", self.journal())
            .stderr(Stdio::from(said));
        command
    }

    /// Starts a server on this disk.
    pub(crate) fn start(&self, arguments: &[&str]) -> Net {
        net::running(&mut self.serve(arguments), &self.data())
    }

    /// Lets `fault` come with the `calls`-th call from now on that it can come with.
    pub(crate) fn arm(&self, fault: Fault, calls: u64) {
        self.set(FIRED, 0);
        self.set(KIND, fault as u64);
        self.set(COUNTDOWN, calls);
    }

    /// Lets the disk say that so many bytes are free; 0 is the truth.
    pub(crate) fn say_free(&self, bytes: u64) {
        self.set(FREE, bytes);
    }

    /// Sets the computer's clock, as the server sees it, ahead of the true one.
    pub(crate) fn set_ahead(&self, seconds: u64) {
        self.set(AHEAD, seconds);
    }

    /// No fault comes from now on, and there is room.
    pub(crate) fn make_room(&self) {
        self.set(COUNTDOWN, 0);
        self.set(FULL, 0);
    }

    /// Whether the fault has come.
    pub(crate) fn has_failed(&self) -> bool {
        let mut number = [0; 8];
        self.control.read_exact_at(&mut number, FIRED).unwrap();
        number != [0; 8]
    }

    /// Waits until the fault has come.
    pub(crate) async fn failed(&self) {
        let failed = async {
            while !self.has_failed() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), failed).await;
        waited.expect("the fault never came");
    }

    /// What a loss of power leaves: everything that was not synced is gone. The process has ended.
    pub(crate) fn lose_power(&self) {
        power::lose(&self.data(), &self.journal());
        self.keep_all();
    }

    /// What a killed process leaves: everything that was written.
    pub(crate) fn keep_all(&self) {
        fs::remove_dir_all(self.journal()).unwrap();
        fs::create_dir(self.journal()).unwrap();
    }

    /// What the server has said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("said")).unwrap_or_default()
    }

    fn journal(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    fn set(&self, place: u64, number: u64) {
        self.control
            .write_all_at(&number.to_ne_bytes(), place)
            .unwrap();
    }
}

/// The shim, made once from its source with the C compiler that the build needs too.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(made).unwrap();
        let made = made.join(format!("faulty-disk-{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args([
                "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread",
            ])
            .arg("-o")
            .arg(&made)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/acceptance/disk/shim.c"))
            .output()
            .expect("a C compiler, as the build needs");
        assert!(compiled.status.success(), "{compiled:?}");
        made
    })
}
