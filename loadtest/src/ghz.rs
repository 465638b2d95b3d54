//! The generator beside `ghz`, the common load generator for gRPC: the same echo, the same closed model, in turn.

use std::{path::PathBuf, process::Stdio, time::Duration};

use clap::Args;
use data_encoding::BASE64;
use tokio::process::Command;
use tonic::metadata::MetadataMap;

use crate::{
    Fault, closed,
    echo::PAYLOAD_BYTES,
    gate::Figures as _,
    method::Method,
    raw::RawCall,
    target::{INQUIRER, Target},
};

/// The yardstick's method.
const METHOD: &str = "chukan.loadtest.v1.EchoService/Echo";

/// Its descriptors.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/echo.binpb"));

/// The share of calls that may fail, in percent, before a figure says nothing.
const ERRORS_PERCENT_MAX: f64 = 1.0;

/// How the two are compared.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// The program `ghz`
    #[arg(long, value_name = "PROGRAM", default_value = "ghz")]
    pub(crate) ghz: PathBuf,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Measurements of each, in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Connections of each
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) connections: u32,
    /// Calls of each under way at one time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) in_flight: u32,
}

/// Calls per second of both, in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    ours: f64,
    ghz: f64,
}

impl Pair {
    pub(crate) fn ratio(self) -> f64 {
        self.ours / self.ghz
    }
}

/// Compares and prints.
pub(crate) async fn run(plan: Plan) -> Result<(), Fault> {
    let pairs = pairs(&plan).await?;
    println!("# The generator beside ghz\n\n| calls/s | ghz | ratio |\n|---:|---:|---:|");
    for pair in &pairs {
        println!(
            "| {:.0} | {:.0} | {:.2} |",
            pair.ours,
            pair.ghz,
            pair.ratio()
        );
    }
    Ok(())
}

/// Whether there is such a program.
pub(crate) async fn is_there(ghz: &PathBuf) -> bool {
    let asked = Command::new(ghz).arg("--version").output().await;
    asked.is_ok_and(|told| told.status.success())
}

/// Measures both against one echo, in turn.
pub(crate) async fn pairs(plan: &Plan) -> Result<Vec<Pair>, Fault> {
    let dir = tempfile::tempdir()?;
    let descriptors = dir.path().join("echo.binpb");
    std::fs::write(&descriptors, DESCRIPTORS)?;
    // The certificates of a world that is not served.
    Target::chukan(dir.path(), 50).await?.stop().await?;
    let pki = dir.path().join("pki");
    let echo = Target::echo(&pki).await?;
    let payload = BASE64.encode(&[0x5a; PAYLOAD_BYTES]);
    let request = format!("{{\"payload\": \"{payload}\"}}");
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        connections.push(echo.connect().await?);
    }
    let method = Method::of_file(&descriptors, METHOD)?;
    let called = (method.clone(), method.request(&request)?);
    let calls = RawCall::on(connections, called, MetadataMap::new())?;
    let mut pairs = Vec::new();
    for _ in 0..plan.rounds {
        let bounds = closed::Bounds {
            timeout: Duration::from_secs(10),
            places: plan.in_flight,
            length: Duration::from_secs(plan.seconds),
            conversations: u64::MAX,
        };
        let account = closed::drive(&calls, bounds).await?;
        few_failed("the generator", account.errors_percent())?;
        let ours = account.rate();
        let mut ghz = Command::new(&plan.ghz);
        ghz.args(["--format", "json", "--duration-stop", "ignore"])
            .args(["--call", METHOD, "--data", &request])
            .args(["--duration", &format!("{}s", plan.seconds)])
            .args(["--concurrency", &plan.in_flight.to_string()])
            .args(["--connections", &plan.connections.to_string()])
            .arg("--protoset")
            .arg(&descriptors)
            .arg("--cacert")
            .arg(pki.join("ca.pem"))
            .arg("--cert")
            .arg(pki.join(format!("clients/{INQUIRER}.pem")))
            .arg("--key")
            .arg(pki.join(format!("clients/{INQUIRER}.key.pem")))
            .arg(echo.address())
            .stderr(Stdio::inherit());
        let told = ghz.output().await?;
        let ghz = read(&told.stdout)?;
        pairs.push(Pair { ours, ghz });
    }
    echo.stop().await?;
    Ok(pairs)
}

/// Calls per second, of what ghz prints as JSON.
fn read(told: &[u8]) -> Result<f64, Fault> {
    let told: serde_json::Value =
        serde_json::from_slice(told).map_err(|fault| format!("ghz printed no JSON: {fault}"))?;
    let number = |at: &str| told.pointer(at).and_then(serde_json::Value::as_f64);
    let (count, rps) = number("/count")
        .zip(number("/rps"))
        .ok_or("ghz names no rate")?;
    let answered = number("/statusCodeDistribution/OK").unwrap_or(0.0);
    few_failed("ghz", 100.0 * (1.0 - answered / count))?;
    Ok(rps)
}

fn few_failed(who: &str, errors_percent: f64) -> Result<(), Fault> {
    match errors_percent <= ERRORS_PERCENT_MAX {
        true => Ok(()),
        false => Err(format!("{errors_percent:.1} % of the calls of {who} failed").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_of_ghz_counts_only_when_its_calls_were_answered() {
        let told = |ok: u32| {
            let codes = format!(r#"{{"OK": {ok}, "Unavailable": {}}}"#, 1_000 - ok);
            format!(r#"{{"count": 1000, "rps": 12345.5, "statusCodeDistribution": {codes}}}"#)
        };
        assert_eq!(read(told(1_000).as_bytes()).unwrap().to_string(), "12345.5");
        assert!(read(told(995).as_bytes()).is_ok());
        assert!(
            read(told(900).as_bytes())
                .unwrap_err()
                .to_string()
                .contains("10.0 %")
        );
        for wrong in ["", "{}", r#"{"count": 0, "rps": 1.0}"#] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
