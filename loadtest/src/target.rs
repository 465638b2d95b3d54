//! The servers that are measured: child processes on the loopback.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use chukan::server::connect::{ClientPem, connect};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};
use tonic::transport::Channel;

use crate::{
    Fault,
    metrics::{Shown, resident_mib},
};

/// The inquirer of every run: あさひ野市.
pub(crate) const INQUIRER: &str = "9900000000001100";

/// The seed of every world.
pub(crate) const SEED: u64 = 20_261_122;

/// A running server.
pub(crate) struct Target {
    child: Child,
    address: String,
    metrics: Option<String>,
    pki: PathBuf,
    _out: BufReader<ChildStdout>,
}

impl Target {
    /// Starts `chukan serve` on `data`.
    pub(crate) async fn chukan(data: &Path, people: u32) -> Result<Self, Fault> {
        let mut command = Command::new(beside("chukan")?);
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--set",
                "log.filter=warn",
                "--set",
                "metrics.listen=127.0.0.1:0",
            ])
            .args(["--seed", &SEED.to_string()])
            .args(["--people", &people.to_string(), "--data"])
            .arg(data);
        Self::start(command, data.join("pki")).await
    }

    /// Starts the echo with the certificates in `pki`.
    pub(crate) async fn echo(pki: &Path) -> Result<Self, Fault> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["echo-server", "--pki"]).arg(pki);
        Self::start(command, pki.to_owned()).await
    }

    async fn start(mut command: Command, pki: PathBuf) -> Result<Self, Fault> {
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|fault| format!("{:?}: {fault}", command.as_std().get_program()))?;
        let out = child.stdout.take().ok_or("the server has no output")?;
        let mut out = BufReader::new(out);
        let mut line = String::new();
        out.read_line(&mut line).await?;
        let ready: serde_json::Value = serde_json::from_str(&line)
            .map_err(|_| "the server did not become ready; its log says why")?;
        let named = |name: &str| Some(ready.get(name)?.as_str()?.to_owned());
        Ok(Self {
            address: named("grpc").ok_or("the ready line names no address")?,
            metrics: named("metrics"),
            child,
            pki,
            _out: out,
        })
    }

    /// Where it listens, `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A connection of its own, as the inquirer.
    pub(crate) async fn connect(&self) -> Result<Channel, Fault> {
        self.connect_as(INQUIRER).await
    }

    /// A connection of its own, as this institution.
    pub(crate) async fn connect_as(&self, institution: &str) -> Result<Channel, Fault> {
        let read = |name: String| fs::read(self.pki.join(name));
        let pem = ClientPem {
            authority: &read("ca.pem".into())?,
            certificate: &read(format!("clients/{institution}.pem"))?,
            key: &read(format!("clients/{institution}.key.pem"))?,
        };
        Ok(connect(&format!("https://{}", self.address), pem).await?)
    }

    /// Seconds of processor time that the server has used.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        cpu_seconds(&self.child.id()?.to_string())
    }

    /// The memory that is resident at this moment, in MiB; 0 where the system does not say.
    pub(crate) fn resident_mib(&self) -> f64 {
        self.child
            .id()
            .map_or(0.0, |pid| resident_mib(&pid.to_string()))
    }

    /// Where it shows its metrics.
    pub(crate) fn shown(&self) -> Result<Shown, Fault> {
        let address = self.metrics.clone().ok_or("the server shows no metrics")?;
        let pid = self.child.id().ok_or("the server has stopped already")?;
        Ok(Shown {
            address,
            process: pid.to_string(),
        })
    }

    /// Kills the server.
    pub(crate) async fn kill(mut self) -> Result<(), Fault> {
        Ok(self.child.kill().await?)
    }

    /// Asks the server to stop, and waits.
    pub(crate) async fn stop(mut self) -> Result<(), Fault> {
        let pid = self.child.id().ok_or("the server has stopped already")?;
        let asked = Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status();
        asked.await?;
        let ended = self.child.wait().await?;
        if ended.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {ended}").into())
        }
    }
}

/// Verifies the ledger of a stopped server with the public command.
pub(crate) async fn verify_ledger(data: &Path) -> Result<String, Fault> {
    let ledger = data.join("worlds").join("default").join("ledger");
    let verified = Command::new(beside("chukan")?)
        .args(["ledger", "verify"])
        .arg(ledger)
        .output()
        .await?;
    if !verified.status.success() {
        return Err(String::from_utf8_lossy(&verified.stderr)
            .into_owned()
            .into());
    }
    let text = String::from_utf8_lossy(&verified.stdout);
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

/// Seconds of processor time that a process has used; `self` is this one. Nothing where the system does not say.
pub(crate) fn cpu_seconds(process: &str) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th fields after it.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// Linux's USER_HZ.
const TICKS_PER_SECOND: f64 = 100.0;

fn beside(name: &str) -> Result<PathBuf, Fault> {
    let program = env::current_exe()?.with_file_name(name);
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!(
            "{} is not there: build it with `cargo build --release`",
            program.display()
        )
        .into())
    }
}
