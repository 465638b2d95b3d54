//! `chukan batch`: what a person at the terminal does with inquiry files.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use chukan::domain::batch_file::RowCondition;
use tempfile::TempDir;

use crate::{
    inquiry_files::{file, row},
    net::{self, CITY, Net, TAX_AFFAIR},
};

const NAME: &str = "kyufu_20261122093000_0001.DAT";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// `chukan batch` against a running server.
fn batch(net: &Net, dir: &Path, arguments: &[&str]) -> Output {
    let (command, rest) = arguments.split_first().unwrap();
    let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
    chukan
        .current_dir(dir)
        .args(["batch", command, "--institution", CITY])
        .args(["--server", net.address(), "--data"])
        .arg(net.data())
        .args(rest);
    chukan.output().unwrap()
}

#[test]
fn a_file_is_sent_watched_and_fetched_at_the_terminal() {
    let (net, dir) = (net::start(), TempDir::new().unwrap());
    let rows = (0..4).map(|index| row(index, RowCondition::None));
    fs::write(dir.path().join(NAME), file(rows)).unwrap();
    let sent = batch(&net, dir.path(), &["submit", "--wait", NAME]);
    assert!(sent.status.success(), "{sent:?}");
    let told = text(&sent.stdout);
    assert!(
        told.contains("4行中4行が終了") && told.contains("未申告"),
        "{told}"
    );
    let fetched = batch(&net, dir.path(), &["fetch", NAME]);
    assert!(fetched.status.success(), "{fetched:?}");
    let result = fs::read(dir.path().join("kyufu_20261122093000_0001_RESULT.DAT")).unwrap();
    assert!(text(&result).contains("正常終了"));
    let again = batch(&net, dir.path(), &["fetch", NAME]);
    assert_eq!(again.status.code(), Some(1));
    let sent_again = batch(&net, dir.path(), &["submit", NAME]);
    assert_eq!(sent_again.status.code(), Some(1));
    assert!(
        text(&sent_again.stderr).contains("受付済み"),
        "{sent_again:?}"
    );
    let listed = batch(&net, dir.path(), &["status"]);
    assert!(text(&listed.stdout).contains(NAME) && text(&listed.stdout).contains("終了"));
    let cancelled = batch(&net, dir.path(), &["cancel", NAME]);
    assert_eq!(cancelled.status.code(), Some(1));
}

#[test]
fn a_file_with_flaws_ends_with_its_own_exit_code_and_a_report() {
    let (net, dir) = (net::start(), TempDir::new().unwrap());
    let sound = text(&file([row(0, RowCondition::None)]));
    let flawed = sound.replace(TAX_AFFAIR, "XX01000000121000") + "x\r\n";
    fs::write(dir.path().join(NAME), flawed).unwrap();
    let refused = batch(
        &net,
        dir.path(),
        &["submit", "--report", "report.csv", NAME],
    );
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    let told = text(&refused.stdout);
    assert!(told.contains("1行目 項目9 事務コード"), "{told}");
    let report = fs::read_to_string(dir.path().join("report.csv")).unwrap();
    assert_eq!(report.lines().count(), 3);
    assert!(
        report.contains("1,115,9,affair,AA99999999999999"),
        "{report}"
    );
    let checked = batch(&net, dir.path(), &["check", NAME]);
    assert_eq!(checked.status.code(), Some(5));
    assert!(text(&batch(&net, dir.path(), &["status"]).stdout).contains("ありません"));
}

#[test]
fn of_several_files_the_sound_ones_are_taken_and_each_flaw_names_its_file() {
    let (net, dir) = (net::start(), TempDir::new().unwrap());
    let names = [1, 2, 3].map(|at| NAME.replace("0001", &format!("000{at}")));
    for (at, name) in (0..).zip(&names) {
        let sound = text(&file([row(at, RowCondition::None)]));
        let written = match at {
            1 => sound,
            _ => sound.replace(TAX_AFFAIR, "XX01000000121000"),
        };
        fs::write(dir.path().join(name), written).unwrap();
    }
    let [first, sound, last] = &names;
    let arguments = [
        "submit",
        "--wait",
        "--report",
        "report.csv",
        first,
        sound,
        last,
    ];
    let sent = batch(&net, dir.path(), &arguments);
    assert_eq!(sent.status.code(), Some(5), "{sent:?}");
    let told = text(&sent.stdout);
    for flawed in [first, last] {
        assert!(
            told.contains(&format!("{flawed} 1行目 項目9 事務コード")),
            "{told}"
        );
    }
    assert!(told.contains("1行中1行が終了"), "{told}");
    let refused = text(&sent.stderr);
    assert!(refused.contains("終わらなかったものが2件"), "{refused}");
    let report = fs::read_to_string(dir.path().join("report.csv")).unwrap();
    let lines: Vec<_> = report.lines().collect();
    assert!(lines[0].starts_with("ファイル,行,"), "{report}");
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].starts_with(&format!("{first},1,115,9,affair,")),
        "{report}"
    );
    assert!(
        lines[2].starts_with(&format!("{last},1,115,9,affair,")),
        "{report}"
    );

    // None is flawed: one is there already, one cannot be read.
    let arguments = ["submit", sound, "nowhere_20261122093000_0001.DAT"];
    let sent = batch(&net, dir.path(), &arguments);
    assert_eq!(sent.status.code(), Some(1), "{sent:?}");
    let refused = text(&sent.stderr);
    assert!(
        refused.contains("受付済み") && refused.contains("nowhere"),
        "{refused}"
    );
}
