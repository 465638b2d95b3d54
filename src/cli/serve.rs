//! `chukan serve`: opens the worlds in the data directory and serves until it is told to stop.

use std::io::Write;

use clap::Args;

use super::{
    fault::CliFault,
    options::{ConfigOptions, PlanOptions},
    start::{Started, on_runtime},
};
use crate::server::telemetry;

/// サーバーを起動する。準備ができると標準出力に1行のJSONを書きます
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    options: ConfigOptions,
    #[command(flatten)]
    plan: PlanOptions,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let loaded = self.options.load()?;
        telemetry::start(&loaded.config.log)?;
        on_runtime(async move {
            let started = Started::prepare(loaded, &self.plan).await?;
            announce(&started)?;
            started.serve(std::future::pending()).await
        })
    }
}

/// One line of JSON that a script can wait for.
fn announce(started: &Started) -> Result<(), CliFault> {
    let ready = serde_json::json!({
        "ready": true,
        "grpc": started.address()?,
        "console": started.console_address()?,
        "metrics": started.metrics_address()?,
        "authority": started.pki.authority_certificate(),
        "clients": started.config.data.join("pki").join("clients"),
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{ready}")?;
    out.flush()?;
    Ok(())
}
