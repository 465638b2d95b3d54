//! `chukan layout`: what a person at the terminal learns of the layout files, without a server.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use chukan::sample::definitions::write_embedded;
use tempfile::TempDir;

use crate::net::TAX;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn layout(arguments: &[&str]) -> Output {
    let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
    chukan.arg("layout").args(arguments).output().unwrap()
}

/// The layout files that come with the program, in a folder of their own.
fn written(dir: &Path) -> String {
    let definitions = dir.join("definitions");
    write_embedded(&definitions).unwrap();
    definitions.join("layouts").to_str().unwrap().to_owned()
}

#[test]
fn the_files_are_checked_and_a_flaw_has_its_line_and_character() {
    let dir = TempDir::new().unwrap();
    let layouts = written(dir.path());
    for arguments in [&["check"][..], &["check", "--dir", &layouts]] {
        let sound = layout(arguments);
        assert!(sound.status.success(), "{sound:?}");
        let told = text(&sound.stdout);
        assert!(
            told.contains(TAX) && told.ends_with("誤りはありません。\n"),
            "{told}"
        );
    }
    let file = Path::new(&layouts).join("TM00000000000089.toml");
    let sound = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        sound.replacen("length_max = 4,", "length_max = 0,", 1),
    )
    .unwrap();
    let flawed = layout(&["check", "--dir", &layouts]);
    assert_eq!(flawed.status.code(), Some(4));
    let told = text(&flawed.stderr);
    let line = sound
        .lines()
        .position(|line| line.contains("length_max = 4,"));
    let place = format!("TM00000000000089.toml {}行", line.unwrap() + 1);
    assert!(told.contains(&place), "{told}");
    // A gap between two versions is no flaw, and is told.
    fs::write(&file, sound).unwrap();
    let older = Path::new(&layouts).join("TM00000000000002-2025.toml");
    let ends = fs::read_to_string(&older).unwrap();
    fs::write(&older, ends.replace("2026-05-31", "2026-05-30")).unwrap();
    let gap = layout(&["check", "--dir", &layouts]);
    assert!(gap.status.success(), "{gap:?}");
    assert!(
        text(&gap.stdout).contains("有効な版がありません"),
        "{gap:?}"
    );
}

#[test]
fn two_versions_are_compared_item_by_item() {
    let done = layout(&["diff", TAX, "2025.06", "2026.06"]);
    assert!(done.status.success(), "{done:?}");
    let told = text(&done.stdout);
    for expected in [
        "～ KAZEI TK90000000002004 合計所得金額: 整数 11文字 必須 → 整数 13文字 必須",
        "＋ KAZEI TK90000000002012 森林環境税額",
        ".DAT の1行: 365文字 → 385文字",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    let same = layout(&["diff", TAX, "2026.06", "2026.06"]);
    assert!(text(&same.stdout).contains("違いはありません。"));
    let unknown = layout(&["diff", TAX, "2025.06", "2031.06"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        text(&unknown.stderr).contains("有効な版: 2025.06、2026.06"),
        "{unknown:?}"
    );
}

#[test]
fn columns_and_positions_are_shown_and_what_is_not_there_is_said() {
    let all = text(&layout(&["show"]).stdout);
    assert!(
        all.contains("公金受取口座情報") && all.contains(".DAT 385文字"),
        "{all}"
    );
    let one = text(&layout(&["show", TAX, "2026.06"]).stdout);
    assert!(
        one.contains("    10       126       5  データセット"),
        "{one}"
    );
    let unknown = layout(&["show", "TM99999999999999"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        text(&unknown.stderr).contains("のレイアウトはありません"),
        "{unknown:?}"
    );
    let malformed = layout(&["show", "TM9"]);
    assert_eq!(malformed.status.code(), Some(2), "{malformed:?}");
}

#[test]
fn a_fault_that_nobody_reads_keeps_its_exit_code() {
    let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
    chukan.args(["layout", "show", "TM99999999999999"]);
    let mut running = chukan.stderr(Stdio::piped()).spawn().unwrap();
    drop(running.stderr.take());
    assert_eq!(running.wait().unwrap().code(), Some(1));
}

#[test]
fn who_has_seen_enough_of_the_output_is_not_told_of_a_fault() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    for arguments in [
        &["layout", "show", TAX, "2026.06"][..],
        &["completions", "bash"],
        &["demo", "--once", "--data", data],
    ] {
        let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
        chukan
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = chukan.spawn().unwrap();
        drop(running.stdout.take());
        let ended = running.wait_with_output().unwrap();
        assert!(ended.status.success(), "{arguments:?} {ended:?}");
        assert_eq!(text(&ended.stderr), "", "{arguments:?}");
    }
}
