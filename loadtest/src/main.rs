//! The load generator of Chukan: complete exchanges per second beside the bare echo that the machine is capable of.

mod account;
mod address;
mod approvers;
mod baseline;
mod batch;
mod bench;
mod call;
mod capacity;
mod chart;
mod closed;
mod conversation;
mod described;
mod drive;
mod echo;
mod exchange;
mod fairness;
mod findings;
mod gate;
mod ghz;
mod html;
mod inquiry;
mod kinds_report;
mod limit;
mod live;
mod method;
mod metrics;
mod mix;
mod open;
mod opening;
mod people;
mod plan;
mod profile;
mod raw;
mod replicas;
mod report;
mod run;
mod schedule;
mod soak;
mod symbols;
mod target;
mod whom;

use std::{error::Error, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};

/// Any fault of a run; it is printed and ends the run.
type Fault = Box<dyn Error + Send + Sync>;

/// Load generator of Chukan. It starts its own targets on this machine; only `call` talks to a server that is there, and to
/// another machine's only when told that it is yours.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Whole conversations of many kinds in an open or closed model, with gates and reports
    #[command(args_override_self = true)]
    Run(Box<run::Run>),
    /// The named loads that `run --profile` knows, in Japanese and English
    Profiles,
    /// The highest rate at which the gates hold: raised until one breaks, then closed in on
    #[command(args_override_self = true)]
    Capacity(Box<capacity::Capacity>),
    /// One unary method of any gRPC server, by its descriptor, in an open or closed model
    Call(Box<call::Call>),
    /// The generator's calls per second beside those of ghz, on the yardstick
    BesideGhz(ghz::Plan),
    /// Every budget beside what is measured in this run, with its spread
    Bench(bench::Bench),
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

impl Cli {
    /// Reads arguments, those of a named profile before the others.
    fn read(given: &[String]) -> Result<Self, clap::Error> {
        let cli = Self::try_parse_from(given)?;
        let profile = match &cli.command {
            Command::Run(run) => run.profile,
            Command::Capacity(capacity) => capacity.run.profile,
            _ => None,
        };
        match profile {
            Some(profile) => Self::try_parse_from(profile.arguments(given)),
            None => Ok(cli),
        }
    }
}

impl Plan {
    fn measurement(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> ExitCode {
    let given = std::env::args_os().map(std::ffi::OsString::into_string);
    let Ok(given) = given.collect::<Result<Vec<_>, _>>() else {
        eprintln!("loadtest: an argument is no UTF-8");
        return ExitCode::FAILURE;
    };
    let cli = Cli::read(&given).unwrap_or_else(|refused| refused.exit());
    let done = match cli.command {
        Command::Profiles => {
            print!("{}", profile::list());
            Ok(())
        }
        Command::EchoServer(server) => on_runtime(server.run()),
        Command::Fairness(plan) => on_runtime(fairness::run(plan)),
        Command::Opening(plan) => on_runtime(opening::run(plan)),
        Command::FillRecords(filling) => on_runtime(filling.run()),
        Command::Batch(plan) => on_runtime(batch::run(plan)),
        Command::Run(run) => on_runtime(run.run()),
        Command::Bench(bench) => on_runtime(bench.run()),
        Command::BesideGhz(plan) => on_runtime(ghz::run(plan)),
        Command::Call(call) => on_runtime(call.run()),
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
