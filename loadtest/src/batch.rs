//! Inquiry files: rows per second from the first byte sent to the last row ended, several files at once.

use std::{path::Path, time::Instant};

use chukan::{
    domain::codes::InstitutionCode,
    grpc::proto::v1::{
        Batch, BatchHeader, SubmitBatchRequest, WatchBatchRequest,
        batch_service_client::BatchServiceClient, submit_batch_request::Part,
    },
    sample::{
        definitions::Definitions,
        inquiry_files::{InquiryFileSource, SampleFile},
        population::Population,
    },
};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::{
    Fault,
    drive::drive,
    echo::EchoCall,
    target::{INQUIRER, SEED, Target, verify_ledger},
};

/// How many bytes of a file are sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// How a run goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Seconds of each echo measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Pairs of measurements: echo, files, echo, files …
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Files at once in each round
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) files: u32,
    /// Connections and calls under way of the echo, as `loadtest exchange` uses them
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) connections: u32,
    /// Calls of the echo under way at one time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) in_flight: u32,
    /// People of the world; a file has a row for each who does not live at the inquirer, up to 10,000
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    pub(crate) people: u32,
}

/// What one round found.
pub(crate) struct Round {
    echo_rate: f64,
    rows: u32,
    took_s: f64,
}

impl Round {
    fn rate(&self) -> f64 {
        f64::from(self.rows) / self.took_s
    }

    /// Rows to echoes.
    pub(crate) fn ratio(&self) -> f64 {
        self.rate() / self.echo_rate
    }
}

/// Measures echo and files in turn, and reports.
pub(crate) async fn run(plan: Plan) -> Result<(), Fault> {
    let (rounds, ledger) = rounds(&plan).await?;
    report(&plan, &rounds, &ledger);
    Ok(())
}

/// Measures echo and files in turn; what the verification of the ledger said.
pub(crate) async fn rounds(plan: &Plan) -> Result<(Vec<Round>, String), Fault> {
    let dir = tempfile::tempdir()?;
    eprintln!("making a world of {} people …", plan.people);
    let chukan = Target::chukan(dir.path(), plan.people).await?;
    let echo = Target::echo(&dir.path().join("pki")).await?;
    let mut echoes = Vec::new();
    for _ in 0..plan.connections {
        echoes.push(EchoCall::new(echo.connect().await?));
    }
    let measurement = std::time::Duration::from_secs(plan.seconds);
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds {
        let files = files(dir.path(), plan, number)?;
        let yardstick = drive(&echoes, plan.in_flight, measurement).await?;
        let (rows, took_s) = send_all(&chukan, files).await?;
        let round = Round {
            echo_rate: yardstick.rate(),
            rows,
            took_s,
        };
        eprintln!(
            "round {number} of {}: echo {:.0}/s, {rows} rows in {:.2} s, {:.0} rows/s, ratio {:.4}",
            plan.rounds,
            round.echo_rate,
            round.took_s,
            round.rate(),
            round.ratio()
        );
        rounds.push(round);
    }
    echo.stop().await?;
    chukan.stop().await?;
    Ok((rounds, verify_ledger(dir.path()).await?))
}

/// The files of a round: each asks about the same people at another second.
fn files(data: &Path, plan: &Plan, round: u32) -> Result<Vec<SampleFile>, Fault> {
    let known = Definitions::read(&data.join("definitions"));
    let known = known.map_err(|flaws| format!("{} flaws in the definitions", flaws.len()))?;
    let municipalities = known.directory.municipalities();
    let population = Population::new(SEED, plan.people);
    let inquirer: InstitutionCode = INQUIRER.parse()?;
    let inquirer = known
        .directory
        .find(inquirer)
        .ok_or("the inquirer is not defined")?;
    let mut files = Vec::new();
    for file in 0..plan.files {
        let second = SignedDuration::from_secs(i64::from(round * plan.files + file));
        let source = InquiryFileSource {
            population: &population,
            municipalities: &municipalities,
            inquirer,
            requested_at: Timestamp::from_second(REQUESTED_AT_S)? + second,
        };
        files.extend(source.files().next().transpose()?);
    }
    Ok(files)
}

/// 2026-04-01T00:00:00+09:00: the time that business systems put on a request is only recorded.
const REQUESTED_AT_S: i64 = 1_774_969_200;

/// Sends files at once, and waits until no row moves by itself any more; how many rows there were, and how many seconds it took.
async fn send_all(target: &Target, files: Vec<SampleFile>) -> Result<(u32, f64), Fault> {
    let mut clients = Vec::new();
    for _ in &files {
        clients.push(BatchServiceClient::new(target.connect().await?));
    }
    let began = Instant::now();
    let mut sending = JoinSet::new();
    for (client, file) in clients.into_iter().zip(files) {
        sending.spawn(send(client, file));
    }
    let mut rows = 0;
    while let Some(sent) = sending.join_next().await {
        rows += sent??;
    }
    Ok((rows, began.elapsed().as_secs_f64()))
}

async fn send(mut client: BatchServiceClient<Channel>, file: SampleFile) -> Result<u32, Fault> {
    let file_name = file.name.to_string();
    let header = Part::Header(BatchHeader {
        file_name: file_name.clone(),
        ..BatchHeader::default()
    });
    let chunks = file.bytes.chunks(PIECE_BYTES);
    let chunks = chunks.map(|chunk| Part::Chunk(chunk.to_vec()));
    let parts: Vec<_> = std::iter::once(header).chain(chunks).collect();
    let parts = parts.into_iter();
    let parts = parts.map(|part| SubmitBatchRequest { part: Some(part) });
    client
        .submit_batch(tokio_stream::iter(parts.collect::<Vec<_>>()))
        .await?;
    let mut watched = client
        .watch_batch(WatchBatchRequest { file_name })
        .await?
        .into_inner();
    let mut last = None;
    while let Some(response) = watched.message().await? {
        last = response.batch;
    }
    let batch = last.ok_or("the batch was not shown")?;
    let settled = batch.rows_ended + waiting(&batch);
    if settled != batch.rows || usize::try_from(batch.rows)? != file.rows {
        return Err(format!("{settled} of {} rows have settled", file.rows).into());
    }
    Ok(batch.rows.unsigned_abs())
}

/// The rows that wait for the staff of a provider.
fn waiting(batch: &Batch) -> i32 {
    let waits = batch.results.iter().filter(|of| {
        let code = of.result.as_ref().map(|result| result.status_code.as_str());
        code == Some("13")
    });
    waits.map(|of| of.rows).sum()
}

fn report(plan: &Plan, rounds: &[Round], ledger: &str) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("# Rows of inquiry files beside the mutual-TLS echo of 1 KiB\n");
    println!(
        "{cores} cores, {} files at once, {} rounds, {} people.\n",
        plan.files, plan.rounds, plan.people
    );
    println!("| | echo/s | rows/s | ratio |");
    println!("|---|---:|---:|---:|");
    let columns: [fn(&Round) -> f64; 3] = [|round| round.echo_rate, Round::rate, Round::ratio];
    let sorted = columns.map(|column| {
        let mut values: Vec<_> = rounds.iter().map(column).collect();
        values.sort_by(f64::total_cmp);
        values
    });
    let last = rounds.len().saturating_sub(1);
    for (name, place) in [("minimum", 0), ("median", last / 2), ("maximum", last)] {
        let [echo, rows, ratio] = sorted
            .each_ref()
            .map(|values| values.get(place).copied().unwrap_or_default());
        println!("| {name} | {echo:.0} | {rows:.0} | {ratio:.4} |");
    }
    println!("\nledger: {ledger}");
}
