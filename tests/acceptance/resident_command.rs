//! `chukan residents`: what a person at the terminal does with identity information.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::net::{self, CITY, Net, TAX_AFFAIR, WARD};

/// What `chukan residents` prints with `input`, and whether it succeeded.
fn run(net: &Net, command: &str, who: &str, arguments: &[&str], input: &str) -> (bool, String) {
    let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
    chukan
        .args(["residents", command, "--institution", who])
        .args(["--server", net.address(), "--data"])
        .arg(net.data())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = chukan.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

const BY: [&str; 4] = ["--unit", "ZEIMU", "--user", "zeimu-01"];

#[test]
fn a_birth_is_notified_and_looked_up_with_the_number_from_the_input() {
    let net = net::start();
    let register = ["--affair", "JM90000000000009"];
    let child = [
        "--name",
        "架空　みどり",
        "--address",
        "見本町1番",
        "--birth-date",
        "2026-01-02",
        "--sex",
        "female",
    ];
    let birth = ["--record-id", "n-1", "--reason", "birth", "--no-number"];
    let on = ["--changed-on", "2026-01-02"];
    let arguments = [&BY[..], &register, &birth, &on, &child].concat();
    let (done, told) = run(&net, "notify", WARD, &arguments, "");
    assert!(done && told.contains("n-1  終了"), "{told}");
    let (_, number) = told.split_once("個人番号（架空） ").unwrap();
    let asks = |purpose, id| {
        let rest = [
            "--affair",
            TAX_AFFAIR,
            "--purpose",
            purpose,
            "--record-id",
            id,
        ];
        [&BY[..], &rest].concat()
    };
    let (done, told) = run(&net, "look-up", CITY, &asks("address", "l-1"), number);
    let line = format!("2026-01-02 出生  架空　みどり  2026-01-02  女  {WARD} 見本町1番");
    assert!(done && told.contains(&line), "{told}");
    assert!(!told.contains(number.trim()), "{told}");
    let (done, told) = run(&net, "look-up", CITY, &asks("survival", "l-2"), number);
    assert!(!done && told.contains("この事務と利用目的では"), "{told}");
    let person = [&asks("address", "l-3")[..], &["--person", "3"]].concat();
    let (done, told) = run(&net, "history", CITY, &person, "");
    assert!(done && told.contains("当初登録"), "{told}");
    let (done, told) = run(&net, "status", CITY, &["l-3"], "");
    assert!(done && told.contains("l-3  終了"), "{told}");
}
