//! Takes back what a loss of power takes: whatever the shim's journal does not show as synced.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

/// A line of the journal, as `shim.c` describes them.
enum Change {
    Write {
        inode: u64,
        offset: u64,
        bytes_before: u64,
        kept: (u64, u64),
    },
    Create {
        folder: u64,
        path: PathBuf,
    },
    Rename {
        folder: u64,
        from: PathBuf,
        to: PathBuf,
        replaced: Option<PathBuf>,
    },
}

pub(super) fn lose(data: &Path, journal: &Path) {
    let log = fs::read_to_string(journal.join("log")).unwrap_or_default();
    let (changes, synced) = read(&log, journal);
    let before = File::open(journal.join("pre")).unwrap();
    let mut files = BTreeMap::new();
    find_files(data, &mut files);
    // Their inodes were others' before: older writes were not to them.
    let mut born = BTreeSet::new();
    for (sequence, change) in changes.into_iter().rev() {
        let is_durable = |inode: &u64| synced.get(inode).is_some_and(|upto| *upto > sequence);
        match change {
            Change::Write { inode, .. } if is_durable(&inode) || born.contains(&inode) => {}
            Change::Write {
                inode,
                offset,
                bytes_before,
                kept: (length, place),
            } => {
                let Some(path) = files.get(&inode) else {
                    continue;
                };
                let mut bytes = vec![0; usize::try_from(length).unwrap()];
                before.read_exact_at(&mut bytes, place).unwrap();
                let file = File::options().write(true).open(path).unwrap();
                file.write_all_at(&bytes, offset).unwrap();
                file.set_len(bytes_before).unwrap();
            }
            Change::Create { folder, path } => {
                let inode = fs::metadata(&path).map(|found| found.ino());
                if is_durable(&folder) {
                    born.extend(inode);
                } else if let Ok(inode) = inode {
                    fs::remove_file(&path).unwrap();
                    files.remove(&inode);
                }
            }
            Change::Rename { folder, .. } if is_durable(&folder) => {}
            Change::Rename {
                from, to, replaced, ..
            } => {
                // Without the file the process was killed just before.
                if to.exists() && !from.exists() {
                    fs::rename(&to, &from).unwrap();
                    if let Some(replaced) = replaced {
                        fs::hard_link(replaced, &to).unwrap();
                    }
                    files.clear();
                    find_files(data, &mut files);
                }
            }
        }
    }
}

/// The changes with their sequences, and up to which sequence each inode was synced.
fn read(log: &str, journal: &Path) -> (Vec<(u64, Change)>, BTreeMap<u64, u64>) {
    let (mut changes, mut synced) = (Vec::new(), BTreeMap::new());
    for line in log.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |at: usize| fields[at].parse::<u64>().unwrap();
        let change = match fields[0] {
            "W" => Change::Write {
                inode: number(2),
                offset: number(3),
                bytes_before: number(4),
                kept: (number(5), number(6)),
            },
            "C" => Change::Create {
                folder: number(2),
                path: fields[3].into(),
            },
            "R" => Change::Rename {
                folder: number(2),
                from: fields[3].into(),
                to: fields[4].into(),
                replaced: (fields[5] != "-").then(|| journal.join(fields[5])),
            },
            "S" => {
                let upto = synced.entry(number(2)).or_default();
                *upto = number(1).max(*upto);
                continue;
            }
            other => panic!("the journal has a line {other}"),
        };
        changes.push((number(1), change));
    }
    (changes, synced)
}

fn find_files(folder: &Path, files: &mut BTreeMap<u64, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            find_files(&entry.path(), files);
        } else {
            files.insert(entry.metadata().unwrap().ino(), entry.path());
        }
    }
}
