//! The load generator of Chukan: complete exchanges per second beside the bare echo that the machine is capable of.

mod account;
mod baseline;
mod batch;
mod capacity;
mod drive;
mod echo;
mod exchange;
mod fairness;
mod findings;
mod gate;
mod html;
mod inquiry;
mod limit;
mod live;
mod metrics;
mod open;
mod opening;
mod replicas;
mod report;
mod run;
mod schedule;
mod soak;
mod symbols;
mod target;

use std::{error::Error, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};

/// Any fault of a run; it is printed and ends the run.
type Fault = Box<dyn Error + Send + Sync>;

/// Load generator of Chukan. It starts its own targets on this machine and never talks to another.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Whole conversations in an open model, with gates and reports
    Run(run::Run),
    /// The highest rate at which the gates hold: raised until one breaks, then closed in on
    Capacity(capacity::Capacity),
    /// Complete exchanges (submit and wait) per second as a ratio to the mutual-TLS echo of 1 KiB
    Exchange(Plan),
    /// Rows of inquiry files per second as a ratio to the mutual-TLS echo of 1 KiB
    Batch(batch::Plan),
    /// Replicas registered by file, rows per second as a ratio to the echo
    Replicas(replicas::Plan),
    /// Mass acquisition, people per second as a ratio to the echo, and the cost of a look-up
    Symbols(symbols::Plan),
    /// Complete exchanges of one institution per second, alone and beside another one that floods
    Fairness(fairness::Plan),
    /// Opening a world with many records after a kill: seconds until it is ready, and its memory
    Opening(opening::Plan),
    /// Records exchanges without end; `opening` starts and kills it
    #[command(hide = true)]
    FillRecords(opening::FillRecords),
    /// The yardstick's server; `exchange` starts it
    #[command(hide = true)]
    EchoServer(echo::EchoServer),
}

/// How a run goes. Closed model: each place sends its next call when the one before has ended.
#[derive(Debug, Clone, Args)]
struct Plan {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Pairs of measurements: echo, exchange, echo, exchange …
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Connections, in both measurements
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// Calls under way at one time, over all connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    in_flight: u32,
    /// People of the world that is asked about
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    people: u32,
}

impl Plan {
    fn measurement(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::EchoServer(server) => on_runtime(server.run()),
        Command::Fairness(plan) => on_runtime(fairness::run(plan)),
        Command::Opening(plan) => on_runtime(opening::run(plan)),
        Command::FillRecords(filling) => on_runtime(filling.run()),
        Command::Batch(plan) => on_runtime(batch::run(plan)),
        Command::Run(run) => on_runtime(run.run()),
        Command::Capacity(capacity) => on_runtime(capacity.run()),
        Command::Replicas(plan) => on_runtime(replicas::run(plan)),
        Command::Symbols(plan) => on_runtime(symbols::run(plan)),
        Command::Exchange(plan) => on_runtime(exchange::run(plan)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("loadtest: {fault}");
            let mut cause = fault.source();
            while let Some(fault) = cause {
                eprintln!("  because: {fault}");
                cause = fault.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn on_runtime(work: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
