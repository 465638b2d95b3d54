//! The watched folder: files are taken once, refused with a report beside, and their results appear whole.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chukan::domain::batch_file::RowCondition;
use tempfile::TempDir;

use crate::{
    inquiry_files::{file, row},
    net::{self, CITY, Net, TAX_AFFAIR},
};

const NAME: &str = "kyufu_20261122093000_0001.DAT";
const RESULT: &str = "out/kyufu_20261122093000_0001_RESULT.DAT";

pub(crate) fn serve(data: &Path, folder: &Path) -> Net {
    let path = format!("folder.path={}", folder.display());
    net::start_in(data, &["--set", &path, "--set", "folder.interval_ms=50"])
}

/// The directories of あさひ野市, made before the server comes up.
fn places(folder: &Path) -> PathBuf {
    let own = folder.join(CITY);
    fs::create_dir_all(own.join("in")).unwrap();
    own
}

/// Waits until a file is there, and reads it.
pub(crate) fn appears(file: &Path) -> String {
    let began = Instant::now();
    while !file.exists() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{} never came",
            file.display()
        );
        std::thread::yield_now();
    }
    fs::read_to_string(file).unwrap()
}

#[test]
fn a_file_that_appears_is_taken_and_its_results_appear() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let own = places(folder.path());
    let net = serve(data.path(), folder.path());
    let rows = (0..3).map(|index| row(index, RowCondition::None));
    fs::write(own.join("in").join(NAME), file(rows)).unwrap();
    let result = appears(&own.join(RESULT));
    assert!(
        result.contains("正常終了") && result.contains("未申告"),
        "{result}"
    );
    assert!(own.join("taken").join(NAME).exists());
    assert!(!own.join("in").join(NAME).exists());
    let mode = fs::metadata(own.join(RESULT)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::copy(own.join("taken").join(NAME), own.join("in").join(NAME)).unwrap();
    let report = appears(&own.join("refused").join(format!("{NAME}.errors.csv")));
    assert!(report.contains("受付済み"), "{report}");
    drop(net);
}

#[test]
fn a_file_with_flaws_is_put_aside_with_a_report_of_all_of_them() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let own = places(folder.path());
    let text = String::from_utf8(file([row(0, RowCondition::None)])).unwrap();
    let flawed = text.replace(TAX_AFFAIR, "XX01000000121000") + "x\r\n";
    fs::write(own.join("in").join(NAME), flawed).unwrap();
    fs::write(own.join("in/unnamed.DAT"), &text).unwrap();
    fs::write(own.join("in/notes.txt"), "x").unwrap();
    let net = serve(data.path(), folder.path());
    let report = appears(&own.join("refused").join(format!("{NAME}.errors.csv")));
    assert_eq!(report.lines().count(), 3, "{report}");
    appears(&own.join("refused/unnamed.DAT.errors.csv"));
    appears(&own.join("refused").join(NAME));
    assert!(own.join("in/notes.txt").exists());
    drop(net);
}

#[test]
fn a_file_that_was_taken_before_a_kill_is_not_taken_twice_and_its_results_appear() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let own = places(folder.path());
    let net = serve(data.path(), folder.path());
    fs::write(
        own.join("in").join(NAME),
        file([row(0, RowCondition::None)]),
    )
    .unwrap();
    appears(&own.join("taken").join(NAME));
    net.kill();
    // As if the kill had come before the file was put in its place.
    fs::rename(own.join("taken").join(NAME), own.join("in").join(NAME)).unwrap();
    drop(fs::remove_file(own.join(RESULT)));
    let net = serve(data.path(), folder.path());
    assert!(appears(&own.join(RESULT)).contains("正常終了"));
    assert!(own.join("taken").join(NAME).exists());
    assert!(!own.join("refused").join(NAME).exists());
    drop(net);
}

#[test]
fn a_file_in_the_place_of_a_folder_stops_that_institution_only_until_it_is_mended() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let own = places(folder.path());
    fs::write(own.join("taken"), "not a folder").unwrap();
    let other = folder.path().join(net::WARD).join("in");
    fs::create_dir_all(&other).unwrap();
    let net = serve(data.path(), folder.path());
    let text = file([row(0, RowCondition::None)]);
    fs::write(own.join("in").join(NAME), &text).unwrap();
    // Another institution is served meanwhile: the file is refused, because its rows are not the ward's.
    fs::write(other.join(NAME), &text).unwrap();
    appears(&folder.path().join(net::WARD).join("refused").join(NAME));
    assert!(own.join("in").join(NAME).exists());
    fs::remove_file(own.join("taken")).unwrap();
    assert!(appears(&own.join(RESULT)).contains("正常終了"));
    appears(&own.join("taken").join(NAME));
    drop(net);
}

/// A directory in which nobody may write, root included; it is writable again when this is dropped.
struct Locked {
    place: PathBuf,
    is_mounted: bool,
}

impl Locked {
    /// By a read-only file system where one may be mounted, else by its mode, which binds everybody but root.
    fn lock(place: &Path) -> Self {
        let mount = |arguments: &[&str]| {
            let mounted = std::process::Command::new("mount")
                .args(arguments)
                .arg(place)
                .output();
            mounted.is_ok_and(|mounted| mounted.status.success())
        };
        let itself = place.to_str().unwrap();
        let is_mounted = mount(&["--bind", itself]) && mount(&["-o", "remount,bind,ro"]);
        if !is_mounted {
            fs::set_permissions(place, fs::Permissions::from_mode(0o555)).unwrap();
        }
        let place = place.to_owned();
        let locked = Self { place, is_mounted };
        let written = fs::write(locked.place.join("x"), "x");
        assert!(
            written.is_err(),
            "run as root, this needs the right to mount"
        );
        locked
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if self.is_mounted {
            let umount = std::process::Command::new("umount")
                .arg(&self.place)
                .status();
            drop(umount);
        } else {
            drop(fs::set_permissions(
                &self.place,
                fs::Permissions::from_mode(0o755),
            ));
        }
    }
}

#[test]
fn nothing_is_taken_from_a_folder_without_rights_until_there_are_some() {
    for place in ["in", "refused"] {
        let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let own = places(folder.path());
        fs::create_dir_all(own.join("refused")).unwrap();
        fs::write(
            own.join("in").join(NAME),
            file([row(0, RowCondition::None)]),
        )
        .unwrap();
        let locked = Locked::lock(&own.join(place));
        let other = folder.path().join(net::WARD).join("in");
        fs::create_dir_all(&other).unwrap();
        let net = serve(data.path(), folder.path());
        // Whatever else lies there is taken, after more looks than a file needs.
        for name in ["a.DAT", "b.DAT", "c.DAT"] {
            fs::write(other.join(name), "x").unwrap();
            appears(&folder.path().join(net::WARD).join("refused").join(name));
        }
        assert!(own.join("in").join(NAME).exists(), "{place}");
        drop(locked);
        assert!(appears(&own.join(RESULT)).contains("正常終了"));
        assert_eq!(fs::read_dir(own.join("in")).unwrap().count(), 0);
        drop(net);
    }
}
