//! `loadtest call` against a real server, as a person starts it. It needs the `chukan` program beside its own, which
//! `cargo test --workspace` builds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const CITY: &str = "9900000000001100";

/// A server of the test's own.
struct Served {
    data: TempDir,
    child: Child,
    address: String,
}

impl Served {
    fn start() -> Self {
        let data = TempDir::new().unwrap();
        let chukan = Path::new(env!("CARGO_BIN_EXE_loadtest")).with_file_name("chukan");
        let mut child = Command::new(chukan)
            .args(["serve", "--listen", "127.0.0.1:0", "--people", "50"])
            .args(["--set", "log.filter=warn", "--data"])
            .arg(data.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self {
            data,
            child,
            address: ready["grpc"].as_str().unwrap().to_owned(),
        }
    }

    /// Calls it, where the arguments do not say otherwise.
    fn call(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.arg("call").args(arguments);
        command.args(["--connections", "2", "--seconds", "1"]);
        if !arguments.contains(&"--target") {
            command.args(["--target", &self.address]);
        }
        if !arguments.contains(&"--data") {
            command.arg("--data").arg(self.data.path());
        }
        command.output().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_method_is_called_by_the_servers_own_description_in_both_models() {
    let served = Served::start();
    let json = served.data.path().join("found.json");
    let json = json.to_str().unwrap();
    for model in [["--rate", "50"], ["--closed", "2"]] {
        let mut arguments = vec!["chukan.v1.InquiryService/ListInquiries"];
        arguments.extend(["--request", r#"{"pageSize": 10}"#, "--show", "--json", json]);
        arguments.extend(["--header", "x-chukan-world: default"]);
        arguments.extend(["--assert", "errors<0.1%"]);
        arguments.extend(model);
        let output = served.call(&arguments);
        let told = text(&output.stdout);
        assert!(told.contains("| latency |"), "{output:?}");
        assert!(told.starts_with('{'), "{told}");
        let found: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
        let sent = found["sent"].as_u64().unwrap();
        assert!(sent > 10 && found["answered"] == sent, "{found}");
        assert!(found["latency_ms"]["p99"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn each_call_has_its_number_and_a_gate_that_breaks_fails_the_run() {
    let served = Served::start();
    // Every number but the first names an inquiry that is not there, and so does that: nothing is sent.
    let get = ["chukan.v1.InquiryService/GetInquiry", "--request"];
    let refused = served.call(&[get[0], get[1], r#"{"receiptNumber": "{{number}}"}"#]);
    assert!(!refused.status.success());
    let told = text(&refused.stderr);
    assert!(told.contains("the first call failed with"), "{told}");
    // The page size is right for the first call and too large for the others.
    let list = ["chukan.v1.InquiryService/ListInquiries", "--request"];
    let broken = served.call(&[
        list[0],
        list[1],
        r#"{"pageSize": "{{number}}00000"}"#,
        "--rate",
        "50",
        "--assert",
        "errors<10%",
    ]);
    assert!(!broken.status.success(), "{broken:?}");
    let told = text(&broken.stdout);
    assert!(told.contains("InvalidArgument: "), "{told}");
    assert!(text(&broken.stderr).contains("errors<10% does not hold"));
}

#[test]
fn what_cannot_be_called_is_said_before_anything_is_sent() {
    let served = Served::start();
    for (arguments, expected) in [
        (&["chukan.v1.InquiryService/Nothing"][..], "it has"),
        (&["chukan.v1.Nothing/Get"], "does not describe"),
        (&["chukan.v1.InquiryService/WatchInquiry"], "streams"),
        (
            &[
                "chukan.v1.InquiryService/ListInquiries",
                "--request",
                "{\"x\": 1}",
            ],
            "ListInquiriesRequest",
        ),
        (
            &[
                "chukan.v1.InquiryService/ListInquiries",
                "--target",
                "192.0.2.1:1",
            ],
            "--i-own-this-target",
        ),
        (
            &[
                "chukan.v1.InquiryService/ListInquiries",
                "--client",
                CITY,
                "--data",
                "nowhere",
            ],
            "nowhere",
        ),
    ] {
        let refused = served.call(arguments);
        assert!(!refused.status.success(), "{arguments:?}");
        let told = text(&refused.stderr);
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
}

/// A program that prints what `ghz` prints when it has called as it was told to.
fn like_ghz(dir: &Path) -> PathBuf {
    let program = dir.join("ghz");
    let script = r#"#!/bin/sh
seen=" $* "
for wanted in "--call chukan.loadtest.v1.EchoService/Echo " "--concurrency 4 " "--connections 2 " "--duration 1s "; do
  case "$seen" in *" $wanted"*) ;; *) echo "not told: $wanted" >&2; exit 1;; esac
done
while [ $# -gt 1 ]; do
  case "$1" in --protoset|--cacert|--cert|--key) [ -s "$2" ] || exit 1;; esac
  shift
done
echo '{"count": 100, "rps": 100.0, "statusCodeDistribution": {"OK": 100}}'
"#;
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn the_generator_is_put_beside_ghz_where_there_is_one() {
    let dir = TempDir::new().unwrap();
    let program = like_ghz(dir.path());
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["beside-ghz", "--rounds", "1", "--seconds", "1"])
        .args(["--connections", "2", "--in-flight", "4", "--ghz"])
        .arg(&program)
        .output()
        .unwrap();
    let told = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let row = told.lines().last().unwrap();
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    let [ours, ghz, ratio] = [1, 2, 3].map(|at| cells[at].parse::<f64>().unwrap());
    assert!(ours > 0.0 && ghz == 100.0, "{told}");
    assert!((ratio - ours / ghz).abs() < 0.02, "{told}");
}
