//! Operation: configuration, exit codes, metrics, logs, certificates, the demonstration.

use std::{
    fs,
    process::{Command, Output},
};

use chukan::grpc::proto::v1;
use tempfile::TempDir;

use crate::{
    net::{self, CITY, ask, tax_inquiry},
    portal,
};

fn chukan(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chukan"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused_with_file_and_line() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("chukan.toml");
    fs::write(&file, "[server]\nlisten = \"127.0.0.1:0\"\nlisen = 1\n").unwrap();
    let file = file.to_str().unwrap();
    let checked = chukan(&["config", "check", "--config", file]);
    assert_eq!(checked.status.code(), Some(4));
    let said = text(&checked.stderr);
    assert!(
        said.contains("chukan.toml:3") && said.contains("lisen"),
        "{said}"
    );
}

#[test]
fn the_effective_configuration_says_who_set_each_value() {
    let shown = chukan(&[
        "config",
        "show",
        "--effective",
        "--set",
        "inquiry.permit_seconds=60",
    ]);
    assert!(shown.status.success());
    let shown = text(&shown.stdout);
    let line = |key: &str| {
        shown
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .to_owned()
    };
    assert!(line("permit_seconds = 60").contains("flag"), "{shown}");
    assert!(line("result_retention_days").contains("default"), "{shown}");
}

#[test]
fn help_and_completions_are_there() {
    let help = chukan(&["--help"]);
    assert!(help.status.success());
    assert!(text(&help.stdout).contains("終了コード"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = chukan(&["completions", shell]);
        assert!(text(&completions.stdout).contains("chukan"), "{shell}");
    }
    assert_eq!(chukan(&["no-such-command"]).status.code(), Some(2));
}

#[test]
fn what_the_system_says_is_told_in_japanese_and_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let refused = chukan(&[
        "serve", "--listen", &address, "--people", "50", "--data", data,
    ]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    let expected = format!(
        "サーバーを起動できません: {address} で待ち受けられません: このアドレスは使われています"
    );
    assert!(said.contains(&expected), "{said}");
    assert!(!said.contains("原因"), "{said}");
    let file = dir.path().join("a-file");
    fs::write(&file, "").unwrap();
    let refused = chukan(&["serve", "--data", file.to_str().unwrap()]);
    assert!(
        text(&refused.stderr).contains("フォルダではありません"),
        "{refused:?}"
    );
}

#[test]
fn a_broken_definition_file_is_named_with_line_and_reason() {
    let net = net::start();
    let (_, dir) = net.stop();
    let dir = dir.unwrap();
    let file = dir.path().join("definitions/permission-list.toml");
    let whole = fs::read_to_string(&file).unwrap();
    let place = whole.find("JM01000000121000").unwrap();
    let line = whole[..place].matches('\n').count() + 1;
    let broken = whole.replacen("JM01000000121000", "JM0100000012100", 1);
    fs::write(&file, broken).unwrap();
    let served = net::serve(dir.path(), &[]).output().unwrap();
    assert_eq!(served.status.code(), Some(4));
    let refused = chukan(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data",
        dir.path().to_str().unwrap(),
    ]);
    let said = text(&refused.stderr);
    let place = format!("permission-list.toml {line}行");
    assert!(said.contains(&place) && said.contains("文字目: "), "{said}");
}

#[test]
fn a_data_directory_in_use_is_refused() {
    let net = net::start();
    let second = net::serve(net.data(), &[]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
}

#[tokio::test]
async fn metrics_count_the_exchanges_by_result() {
    let net = net::start_with(&["--set", "metrics.listen=127.0.0.1:0"]);
    ask(&mut net.inquiries(CITY).await, tax_inquiry("m-1", 0)).await;
    let wanted = r#"chukan_exchanges_total{world="default",result="01"} 1"#;
    net.metrics_show(wanted).await;
}

#[test]
fn a_server_that_has_just_said_that_it_is_ready_can_be_asked_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..8 {
        let (ended, _) = net::start_in(dir.path(), &[]).stop();
        assert!(ended.success(), "{ended}");
    }
}

#[tokio::test]
async fn a_certificate_issued_later_works_until_it_is_revoked() {
    let net = net::start();
    let data = net.data().to_str().unwrap().to_owned();
    let issued = chukan(&[
        "certs",
        "issue",
        "--data",
        &data,
        "--institution",
        CITY,
        "--system",
        "kokuho",
    ]);
    assert!(issued.status.success(), "{}", text(&issued.stderr));
    let who = format!("{CITY}-kokuho");
    let mut client = net.inquiries(&who).await;
    let list = || v1::ListInquiriesRequest::default();
    client.list_inquiries(list()).await.unwrap();
    let certificate = net.data().join(format!("pki/clients/{who}.pem"));
    let revoked = chukan(&[
        "certs",
        "revoke",
        "--data",
        &data,
        certificate.to_str().unwrap(),
    ]);
    assert!(revoked.status.success(), "{}", text(&revoked.stderr));
    let refused = async {
        while client.list_inquiries(list()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), refused)
        .await
        .expect("the revoked certificate was let in for 20 seconds");
}

#[tokio::test]
async fn a_data_directory_without_a_certificate_of_the_portal_gets_one() {
    let net = net::start();
    let data = net.data().to_str().unwrap().to_owned();
    for ending in ["pem", "key.pem"] {
        fs::remove_file(net.data().join(format!("pki/clients/portal.{ending}"))).unwrap();
    }
    let issue = ["certs", "issue", "--data", &data];
    let issued = chukan(&[&issue[..], &["--portal"]].concat());
    assert!(issued.status.success(), "{}", text(&issued.stderr));
    assert!(text(&issued.stdout).contains("clients/portal.pem"));
    let token = portal::token(&net, 0).await;
    let of = portal::of(&token);
    assert!(portal::records(&net, of).await.is_empty());
    for wrong in [&["--portal", "--institution", CITY][..], &[]] {
        let refused = chukan(&[&issue[..], wrong].concat());
        assert_eq!(refused.status.code(), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_in_json_is_an_object_a_line() {
    let dir = TempDir::new().unwrap();
    let mut command = net::serve(
        dir.path(),
        &["--set", "log.format=json", "--set", "log.filter=info"],
    );
    let log = fs::File::create(dir.path().join("log")).unwrap();
    let net = net::running(command.stderr(log), dir.path());
    ask(&mut net.inquiries(CITY).await, tax_inquiry("j-1", 0)).await;
    assert!(net.stop().0.success());
    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(!log.is_empty());
    for line in log.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(object.is_object());
    }
}

#[test]
fn the_demonstration_runs_to_its_end() {
    let dir = TempDir::new().unwrap();
    let told = chukan(&[
        "demo",
        "--once",
        "--listen",
        "127.0.0.1:0",
        "--data",
        dir.path().to_str().unwrap(),
    ]);
    assert!(told.status.success(), "{}", text(&told.stderr));
    let told = text(&told.stdout);
    for wanted in [
        "都道府県サーバで処理しています。",
        "全国サーバで処理しています。",
        "コアシステムで処理しています。",
        "符号を取得しました。取得番号は破棄されました。",
        "正常終了",
        "三者の記録は一致しています",
        "grpcurl",
        "buf curl",
        "chukan portal",
    ] {
        assert!(told.contains(wanted), "{wanted}");
    }
    let shown: Vec<_> = told.lines().map(japanese).collect();
    for readme in [
        include_str!("../../README.md"),
        include_str!("../../README.ja.md"),
    ] {
        let output = readme.split_once("<!-- demo-output -->").unwrap().1;
        let output = output.split_once("<!-- /demo-output -->").unwrap().0;
        let lines = output
            .lines()
            .filter(|line| !line.contains('…') && !line.contains("```"));
        for line in lines {
            assert!(
                shown.contains(&japanese(line)),
                "the demonstration does not say: {line}"
            );
        }
    }
}

/// A line with its times, digests, numbers, paths and addresses blanked.
fn japanese(line: &str) -> String {
    let mut kept = String::new();
    for c in line.chars() {
        match c {
            _ if !c.is_ascii() => kept.push(c),
            _ if kept.ends_with('#') => {}
            _ => kept.push('#'),
        }
    }
    kept
}
