//! Registration of replicas by file: rows per second beside the mutual-TLS echo of the same run, and the server's memory.

use std::{fmt::Write as _, time::Instant};

use chukan::grpc::proto::v1::{
    ImportReplicasRequest, ReplicaFileExtent, ReplicaFileForm, ReplicaImportSettings,
    import_replicas_request::Part, import_replicas_response::Event,
    replica_service_client::ReplicaServiceClient,
};
use clap::Args;
use tokio::sync::mpsc;

use crate::{
    Fault,
    drive::drive,
    echo::EchoCall,
    target::{Target, verify_ledger},
};

/// Lines of one piece that is sent.
const LINES_OF_A_PIECE: u32 = 500;

/// How a run goes: each round measures the echo, then one file.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Replicas of the file, one line each
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    pub(crate) rows: u32,
    /// Rounds: the first registers new replicas, the others take their places
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Seconds of each measurement of the echo
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
}

/// Connections and calls under way of the echo, as in `exchange`.
const CONNECTIONS: u32 = 8;
const IN_FLIGHT: u32 = 64;

/// What one round found.
pub(crate) struct Round {
    echo_rate: f64,
    /// Rows per second until they were taken over.
    whole_rate: f64,
    /// Rows per second until they were checked.
    checked_rate: f64,
    resident_mib: f64,
}

impl Round {
    /// Rows to echoes.
    pub(crate) fn ratio(&self) -> f64 {
        self.whole_rate / self.echo_rate
    }
}

/// Measures, and reports.
pub(crate) async fn run(plan: Plan) -> Result<(), Fault> {
    let (rounds, idle, ledger) = rounds(&plan).await?;
    println!("# Replica rows beside the mutual-TLS echo of 1 KiB\n");
    println!(
        "| round | echo/s | check and take over, rows/s | ratio | check alone, rows/s | server MiB (idle {idle:.0}) |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for (number, round) in (1..).zip(&rounds) {
        println!(
            "| {number} | {:.0} | {:.0} | {:.3} | {:.0} | {:.0} |",
            round.echo_rate,
            round.whole_rate,
            round.ratio(),
            round.checked_rate,
            round.resident_mib
        );
    }
    println!("\nledger: {ledger}");
    Ok(())
}

/// Measures echo and file in turn; the idle server's MiB, and what the verification of the ledger said.
pub(crate) async fn rounds(plan: &Plan) -> Result<(Vec<Round>, f64, String), Fault> {
    let dir = tempfile::tempdir()?;
    let chukan = Target::chukan(dir.path(), 50).await?;
    let echo = Target::echo(&dir.path().join("pki")).await?;
    let mut echoes = Vec::new();
    for _ in 0..CONNECTIONS {
        echoes.push(EchoCall::new(echo.connect().await?));
    }
    let names = names(&chukan).await?;
    let idle = chukan.resident_mib();
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds {
        let measurement = std::time::Duration::from_secs(plan.seconds);
        let yardstick = drive(&echoes, IN_FLIGHT, measurement).await?.rate();
        let (checked, whole) = import(&chukan, names.clone(), plan.rows, round).await?;
        let rows = f64::from(plan.rows);
        let round = Round {
            echo_rate: yardstick,
            whole_rate: rows / whole,
            checked_rate: rows / checked,
            resident_mib: chukan.resident_mib(),
        };
        eprintln!("a file of {rows} rows: ratio {:.3}", round.ratio());
        rounds.push(round);
    }
    echo.stop().await?;
    chukan.stop().await?;
    Ok((rounds, idle, verify_ledger(dir.path()).await?))
}

/// The first line of a file: the columns that the layout has.
pub(crate) async fn names(target: &Target) -> Result<String, Fault> {
    let mut client = ReplicaServiceClient::new(target.connect().await?);
    let wanted = chukan::grpc::proto::v1::ExportReplicasRequest {
        specific_info: "TM00000000000002".into(),
        layout_version: "2026.06".into(),
        form: ReplicaFileForm::Csv.into(),
        text: None,
    };
    let mut parts = client.export_replicas(wanted).await?.into_inner();
    let first = parts.message().await?.and_then(|response| response.part);
    match first {
        Some(chukan::grpc::proto::v1::export_replicas_response::Part::Piece(piece)) => {
            let text = String::from_utf8(piece)?;
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
        _ => Err("the export is empty".into()),
    }
}

/// Imports one file: seconds until it was checked, and until it was taken over.
async fn import(
    target: &Target,
    names: String,
    rows: u32,
    round: u32,
) -> Result<(f64, f64), Fault> {
    let mut client = ReplicaServiceClient::new(target.connect().await?);
    let (parts, sent) = mpsc::channel(8);
    tokio::task::spawn_blocking(move || send(&names, rows, round, &parts));
    let stream = tokio_stream::wrappers::ReceiverStream::new(sent);
    let began = Instant::now();
    let mut events = client.import_replicas(stream).await?.into_inner();
    let mut checked = None;
    while let Some(response) = events.message().await? {
        match response.event {
            Some(Event::Progress(progress)) if progress.changes > 0 => {
                checked.get_or_insert(began.elapsed());
            }
            Some(Event::Progress(_)) | None => {}
            Some(Event::Flaw(flaw)) => {
                return Err(format!("line {}: {}", flaw.line, flaw.code).into());
            }
            Some(Event::Report(report)) => {
                let import = report.import.ok_or("the file was not taken over")?;
                if import.registered + import.replaced != u64::from(rows) {
                    return Err("not every replica was registered".into());
                }
            }
        }
    }
    let whole = began.elapsed().as_secs_f64();
    Ok((checked.map_or(whole, |at| at.as_secs_f64()), whole))
}

fn send(names: &str, rows: u32, round: u32, parts: &mpsc::Sender<ImportReplicasRequest>) {
    let settings = ReplicaImportSettings {
        form: ReplicaFileForm::Csv.into(),
        extent: ReplicaFileExtent::Differential.into(),
        ..Default::default()
    };
    let send = |part| {
        let request = ImportReplicasRequest { part: Some(part) };
        parts.blocking_send(request).is_ok()
    };
    if !send(Part::Settings(settings)) {
        return;
    }
    let mut piece = format!("{names}\r\n");
    for row in 0..rows {
        // Writing to a string does not fail.
        let _infallible = write!(
            piece,
            "1,TM00000000000002,2026.06,{:015},load,2026,,20260601,,KAZEI,2026,1,虹色町{}丁目{}番{}号,5867900,5867900,292000,3000,194700,1000,#NOT_APPLICABLE,1,1000,2,,,,,,\r\n",
            500_000_000_000_000_u64 + u64::from(row),
            row % 9 + 1,
            row % 97 + 1,
            round,
        );
        if (row + 1) % LINES_OF_A_PIECE == 0 || row + 1 == rows {
            let bytes = std::mem::take(&mut piece).into_bytes();
            if !send(Part::Piece(bytes)) {
                return;
            }
        }
    }
}
