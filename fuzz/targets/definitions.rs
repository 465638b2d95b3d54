//! A definition file of a user: institutions, permission list or layout, beside the others as they come with the program.
#![no_main]

use std::fs;

use chukan::sample::definitions::{Definitions, write_embedded};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static DIR: TempDir = {
        // In memory where there is such a place: the files are written for every input.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        write_embedded(dir.path()).unwrap();
        dir
    };
}

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    let name = match which % 3 {
        0 => "institutions.toml",
        1 => "permission-list.toml",
        _ => "layouts/zz.toml",
    };
    DIR.with(|dir| {
        let file = dir.path().join(name);
        let kept = fs::read(&file).ok();
        fs::write(&file, bytes).unwrap();
        if let Err(flaws) = Definitions::read(dir.path()) {
            assert!(!flaws.is_empty());
            for flaw in flaws {
                assert!(!flaw.to_string().is_empty() && flaw.line > 0 && flaw.column > 0);
            }
        }
        match kept {
            Some(kept) => fs::write(&file, kept).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
    });
});
