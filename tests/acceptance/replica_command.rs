//! `chukan replica`: what a person at the terminal does with files of replicas.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::net::{self, Net, TAX, WARD};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// `chukan replica` against a running server.
fn replica(net: &Net, dir: &Path, arguments: &[&str]) -> Output {
    let (command, rest) = arguments.split_first().unwrap();
    let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
    chukan
        .current_dir(dir)
        .args(["replica", command, "--institution", WARD])
        .args(["--server", net.address(), "--data"])
        .arg(net.data())
        .args(rest);
    chukan.output().unwrap()
}

/// Exports to this file; the number of replicas in it.
fn export(net: &Net, dir: &Path, file: &str) -> usize {
    let done = replica(
        net,
        dir,
        &[
            "export",
            "--specific-info",
            TAX,
            "--version",
            "2026.06",
            file,
        ],
    );
    assert!(done.status.success(), "{done:?}");
    let written = fs::read_to_string(dir.join(file)).unwrap();
    let replicas = written.matches(",KAZEI,").count();
    let told = text(&done.stdout);
    assert!(
        told.contains(&format!("{file}: 副本{replicas}件")),
        "{told}"
    );
    replicas
}

#[test]
fn a_file_is_exported_changed_imported_and_listed() {
    let (net, dir) = (net::start(), TempDir::new().unwrap());
    let replicas = export(&net, dir.path(), "june.csv");
    let june = fs::read_to_string(dir.path().join("june.csv")).unwrap();
    let other = june.replace(",2026,2026,", ",next,2026,");
    fs::write(dir.path().join("other.csv"), &other).unwrap();
    let done = replica(&net, dir.path(), &["import", "other.csv"]);
    assert!(done.status.success(), "{done:?}");
    let told = text(&done.stdout);
    let expected = format!("新規{replicas}件、更新0件、削除0件");
    assert!(
        told.starts_with("取込番号1: ") && told.contains(&expected),
        "{told}"
    );
    assert_eq!(export(&net, dir.path(), "both.csv"), 2 * replicas);

    // The whole is what was there before: the others are deleted.
    let done = replica(&net, dir.path(), &["import", "--full", "june.csv"]);
    let told = text(&done.stdout);
    let expected = format!("新規0件、更新{replicas}件、削除{replicas}件");
    assert!(told.contains(&expected), "{told}");
    assert_eq!(export(&net, dir.path(), "after.csv"), replicas);
    let again = replica(&net, dir.path(), &["import", "--full", "june.csv"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("取込番号2"), "{again:?}");

    let listed = replica(&net, dir.path(), &["list"]);
    assert!(listed.status.success());
    let listed = text(&listed.stdout);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(
        lines[0].contains("全件  完了") && lines[1].contains("差分  完了"),
        "{listed}"
    );
}

#[test]
fn every_flaw_is_in_the_report_and_rows_without_one_are_taken_only_when_asked() {
    let (net, dir) = (net::start(), TempDir::new().unwrap());
    let replicas = export(&net, dir.path(), "sound.csv");
    let sound = fs::read_to_string(dir.path().join("sound.csv")).unwrap();
    let flawed = sound
        .replace(",2026,2026,", ",next,2026,")
        .replacen(",KAZEI,", ",NASHI,", 1);
    fs::write(dir.path().join("flawed.csv"), flawed).unwrap();
    let refused = replica(&net, dir.path(), &["import", "flawed.csv"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = text(&refused.stderr);
    assert!(told.contains("2行 10列 データセット"), "{told}");
    assert!(told.contains("何も登録していません"), "{told}");
    let report = fs::read_to_string(dir.path().join("flawed.csv.errors.csv")).unwrap();
    assert!(
        report.starts_with("行,列,項目,値の形,誤り,内容,対処\n2,10,"),
        "{report}"
    );
    assert!(report.contains("UNKNOWN_SET"), "{report}");
    assert_eq!(export(&net, dir.path(), "after.csv"), replicas);

    let by_row = [
        "import",
        "--by-row",
        "--report",
        "left-out.csv",
        "flawed.csv",
    ];
    let taken = replica(&net, dir.path(), &by_row);
    assert!(taken.status.success(), "{taken:?}");
    let told = text(&taken.stdout);
    let expected = format!("新規{}件", replicas - 1);
    assert!(
        told.contains(&expected) && told.contains("誤りのある副本1件"),
        "{told}"
    );
    assert!(dir.path().join("left-out.csv").exists());

    let missing = replica(&net, dir.path(), &["import", "nowhere.csv"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("nowhere.csv: ファイル又はフォルダがありません"));
    let unknown = replica(
        &net,
        dir.path(),
        &[
            "export",
            "--specific-info",
            TAX,
            "--version",
            "1999.01",
            "x.csv",
        ],
    );
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("2026.06"), "{unknown:?}");
    assert!(!dir.path().join("x.csv").exists());
}

#[test]
fn the_original_and_the_copy_are_told_apart_line_by_line() {
    let (net, dir) = (net::start(), TempDir::new().unwrap());
    let replicas = export(&net, dir.path(), "original.csv");
    let same = replica(&net, dir.path(), &["reconcile", "original.csv"]);
    assert!(same.status.success(), "{same:?}");
    let expected =
        format!("一致{replicas}件、副本にないもの0件、原本にないもの0件、内容が違うもの0件");
    assert!(text(&same.stdout).contains(&expected), "{same:?}");

    let original = fs::read_to_string(dir.path().join("original.csv")).unwrap();
    let lines: Vec<_> = original.split_inclusive("\r\n").collect();
    let heads = lines.iter().enumerate();
    let heads = heads.filter(|(_, line)| line.contains(",KAZEI,"));
    let heads: Vec<_> = heads.map(|(at, _)| at).collect();
    let (first, second, third) = (heads[0], heads[1], heads[2]);
    // The first is missing there, the second has another record key, the third another content.
    let mut changed = vec![lines[0].to_owned()];
    changed.extend(
        lines[second..third]
            .iter()
            .map(|line| line.replace(",2026,2026,", ",other,2026,")),
    );
    changed.push(lines[third].replace(",20260601,", ",20260602,"));
    changed.extend(lines[third + 1..].iter().map(|line| (*line).to_owned()));
    assert!(first < second && changed.len() < lines.len());
    fs::write(dir.path().join("changed.csv"), changed.concat()).unwrap();
    let arguments = ["reconcile", "--report", "differences.csv", "changed.csv"];
    let differ = replica(&net, dir.path(), &arguments);
    assert_eq!(differ.status.code(), Some(3), "{differ:?}");
    let expected = format!(
        "一致{}件、副本にないもの1件、原本にないもの2件、内容が違うもの1件",
        replicas - 3
    );
    assert!(text(&differ.stdout).contains(&expected), "{differ:?}");
    let report = fs::read_to_string(dir.path().join("differences.csv")).unwrap();
    let mut found: Vec<_> = report
        .lines()
        .skip(1)
        .filter_map(|line| line.rsplit(',').next())
        .collect();
    found.sort_unstable();
    let mut expected = ["内容が違う", "副本にない", "原本にない", "原本にない"];
    expected.sort_unstable();
    assert_eq!(found, expected);

    fs::write(dir.path().join("broken.csv"), b"\x82\n\xff,\n").unwrap();
    let broken = replica(&net, dir.path(), &["reconcile", "broken.csv"]);
    assert_eq!(broken.status.code(), Some(1), "{broken:?}");
    assert!(
        text(&broken.stderr).contains("行目を読み取れません"),
        "{broken:?}"
    );
    fs::write(dir.path().join("empty.csv"), "").unwrap();
    let empty = replica(&net, dir.path(), &["reconcile", "empty.csv"]);
    assert!(
        text(&empty.stderr).contains("副本の行がありません"),
        "{empty:?}"
    );
    net.kill();
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let net = net::start();
    let address = net.address().to_owned();
    let kept = net.kill().unwrap();
    let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
    chukan.args([
        "replica",
        "list",
        "--institution",
        WARD,
        "--server",
        &address,
    ]);
    let listed = chukan.arg("--data").arg(kept.path()).output().unwrap();
    assert_eq!(listed.status.code(), Some(1));
    assert!(
        text(&listed.stderr).contains("接続できません"),
        "{listed:?}"
    );
}
