//! The source files of the repository, and their code without comments.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A Rust file.
pub(crate) struct File {
    /// Its path below the repository's root, with `/` between the parts.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl File {
    /// The room under `src` that the file belongs to; none for `lib.rs` and `main.rs`.
    pub(crate) fn room(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src/")?;
        let (room, _) = below.split_once('/')?;
        Some(room)
    }

    /// The text without comments.
    pub(crate) fn code(&self) -> String {
        let lines = self.text.lines().map(|line| {
            if line.trim_start().starts_with("//") {
                return "";
            }
            line.split(" // ").next().unwrap_or_default()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The code above the file's tests.
    pub(crate) fn code_without_tests(&self) -> String {
        if self.is_test() {
            return String::new();
        }
        let code = self.code();
        let end = code.find("#[cfg(test)]\nmod tests {");
        code[..end.unwrap_or(code.len())].to_owned()
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A text file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file below these directories.
pub(crate) fn files(directories: &[&str]) -> Vec<File> {
    let mut open: Vec<PathBuf> = directories.iter().map(|dir| root().join(dir)).collect();
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(root()).unwrap();
            files.push(File {
                path: below.to_str().unwrap().replace('\\', "/"),
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
    assert!(!files.is_empty(), "no file below {directories:?}");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
