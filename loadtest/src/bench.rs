//! `loadtest bench`: every budget beside what is measured in this run, with its spread.

use std::{path::PathBuf, time::Instant};

use clap::Args;

use crate::{
    Fault, Plan, batch,
    drive::drive,
    exchange, ghz, opening, replicas,
    target::{Target, verify_ledger},
};

/// The budgets of the project, measured on this machine: no figure of another one says anything about it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Bench {
    /// Two rounds of one second each, small files, few people and records: shows that it runs, not how fast
    #[arg(long)]
    quick: bool,
    /// People of the large world, whose throughput is set beside that of 1,000
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    people: u32,
    /// Records in the ledger that is opened after a kill
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(3..=100_000_000))]
    records: u64,
    /// The program `ghz`, where it is not on the PATH
    #[arg(long, value_name = "PROGRAM", default_value = "ghz")]
    ghz: PathBuf,
}

/// The people of the small world.
const FEW: u32 = 1_000;

/// How much is measured.
struct Extent {
    rounds: u32,
    seconds: u64,
    people: u32,
    records: u64,
    rows: u32,
}

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Budget {
    AtLeast(f64),
    AtMost(f64),
}

impl Budget {
    /// By the median, since single rounds scatter.
    fn is_met(self, median: f64) -> bool {
        match self {
            Self::AtLeast(least) => median >= least,
            Self::AtMost(most) => median <= most,
        }
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

impl Bench {
    pub(crate) async fn run(self) -> Result<(), Fault> {
        let extent = if self.quick {
            Extent {
                rounds: 2,
                seconds: 1,
                people: 2 * FEW,
                records: 3_000,
                rows: 2_000,
            }
        } else {
            Extent {
                rounds: 5,
                seconds: 5,
                people: self.people,
                records: self.records,
                rows: 100_000,
            }
        };
        let cores = std::thread::available_parallelism()?;
        println!(
            "# Budgets\n\n{cores} cores that generator and servers share, {} rounds of {} s in turn with the yardstick (echo of 1 KiB over mutual TLS).",
            extent.rounds, extent.seconds
        );
        if cfg!(debug_assertions) {
            println!("**A debug build: these figures say nothing.**");
        }
        println!("\n| | budget | minimum | median | maximum | met |\n|---|---|---:|---:|---:|---|");
        let half = |name| (name, Budget::AtLeast(0.5));
        print(
            half("complete exchanges, ratio to the echo"),
            exchanges(&extent).await?,
        );
        let rows = (
            "rows of inquiry files, ratio to the echo",
            Budget::AtLeast(1.5),
        );
        print(rows, inquiry_rows(&extent).await?);
        let rows = (
            "rows of replica files, ratio to the echo",
            Budget::AtLeast(2.0),
        );
        print(rows, replica_rows(&extent).await?);
        let (ratios, mib) = many(&extent).await?;
        let name = format!(
            "exchanges among {} people, ratio to those among {FEW}",
            extent.people
        );
        print((&name, Budget::AtLeast(0.9)), ratios);
        print(("memory of that server, MiB", Budget::AtMost(1_024.0)), mib);
        let (ready, mib) = opened(&extent).await?;
        let name = format!("opening {} records after a kill, s", extent.records);
        print((&name, Budget::AtMost(2.0)), ready);
        print(("memory of that server, MiB", Budget::AtMost(1_024.0)), mib);
        let (ready, mib) = idle(&extent).await?;
        print(("ready with nothing to do, s", Budget::AtMost(0.3)), ready);
        print(
            ("memory with nothing to do, MiB", Budget::AtMost(60.0)),
            mib,
        );
        let plan = ghz::Plan {
            ghz: self.ghz,
            seconds: extent.seconds,
            rounds: extent.rounds,
            connections: 8,
            in_flight: 64,
        };
        let name = "calls of the generator, ratio to those of ghz";
        if ghz::is_there(&plan.ghz).await {
            let pairs = ghz::pairs(&plan).await?;
            let ratios = pairs.iter().map(|pair| pair.ratio()).collect();
            print((name, Budget::AtLeast(3.0)), ratios);
        } else {
            println!(
                "\nNot measured: {name}, because there is no program {:?} (--ghz).",
                plan.ghz
            );
        }
        Ok(())
    }
}

fn print((name, budget): (&str, Budget), mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let last = values.len().saturating_sub(1);
    let median = at(last / 2);
    let met = if budget.is_met(median) {
        "yes"
    } else {
        "**no**"
    };
    println!(
        "| {name} | {budget} | {:.3} | {median:.3} | {:.3} | {met} |",
        at(0),
        at(last)
    );
}

fn plan(extent: &Extent, people: u32) -> Plan {
    Plan {
        seconds: extent.seconds,
        rounds: extent.rounds,
        connections: 8,
        in_flight: 64,
        people,
    }
}

async fn exchanges(extent: &Extent) -> Result<Vec<f64>, Fault> {
    let (rounds, _, _) = exchange::rounds(&plan(extent, 2 * FEW)).await?;
    Ok(rounds.iter().map(|round| round.ratio()).collect())
}

async fn inquiry_rows(extent: &Extent) -> Result<Vec<f64>, Fault> {
    let plan = batch::Plan {
        seconds: extent.seconds,
        rounds: extent.rounds,
        files: 4,
        connections: 8,
        in_flight: 64,
        people: 5 * extent.rows.min(FEW),
    };
    let (rounds, _) = batch::rounds(&plan).await?;
    Ok(rounds.iter().map(|round| round.ratio()).collect())
}

async fn replica_rows(extent: &Extent) -> Result<Vec<f64>, Fault> {
    let plan = replicas::Plan {
        rows: extent.rows,
        rounds: extent.rounds,
        seconds: extent.seconds,
    };
    let (rounds, _, _) = replicas::rounds(&plan).await?;
    Ok(rounds.iter().map(|round| round.ratio()).collect())
}

/// Exchanges on a small and a large world in turn: ratios, and the large server's MiB.
async fn many(extent: &Extent) -> Result<(Vec<f64>, Vec<f64>), Fault> {
    let dirs = [tempfile::tempdir()?, tempfile::tempdir()?];
    let [few, many] = dirs.each_ref().map(tempfile::TempDir::path);
    let few = (Target::chukan(few, FEW).await?, few);
    eprintln!("making a world of {} people …", extent.people);
    let many = (Target::chukan(many, extent.people).await?, many);
    let plan = plan(extent, extent.people);
    let rate = async |target: &Target| {
        let (connections, _) = exchange::connections(target, plan.connections).await?;
        let measured = drive(&connections, plan.in_flight, plan.measurement()).await?;
        Ok::<_, Fault>(measured.rate())
    };
    let (mut ratios, mut mib) = (Vec::new(), Vec::new());
    for _ in 0..extent.rounds {
        let among_few = rate(&few.0).await?;
        ratios.push(rate(&many.0).await? / among_few);
        mib.push(many.0.resident_mib());
    }
    for (target, data) in [few, many] {
        target.stop().await?;
        verify_ledger(data).await?;
    }
    Ok((ratios, mib))
}

async fn opened(extent: &Extent) -> Result<(Vec<f64>, Vec<f64>), Fault> {
    let plan = opening::Plan {
        records: extent.records,
        rounds: extent.rounds,
        people: FEW,
        data: None,
    };
    let (openings, _, _) = opening::openings(&plan).await?;
    let ready = openings.iter().map(|opened| opened.ready_s).collect();
    Ok((
        ready,
        openings.iter().map(|opened| opened.resident_mib).collect(),
    ))
}

/// The world of the demo, made before: seconds until the server is ready, and its MiB then.
async fn idle(extent: &Extent) -> Result<(Vec<f64>, Vec<f64>), Fault> {
    let dir = tempfile::tempdir()?;
    Target::chukan(dir.path(), 200).await?.stop().await?;
    let (mut ready, mut mib) = (Vec::new(), Vec::new());
    for _ in 0..extent.rounds {
        let began = Instant::now();
        let target = Target::chukan(dir.path(), 200).await?;
        ready.push(began.elapsed().as_secs_f64());
        mib.push(target.resident_mib());
        target.stop().await?;
    }
    Ok((ready, mib))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_met_on_its_own_side() {
        assert!(Budget::AtLeast(0.5).is_met(0.5) && !Budget::AtLeast(0.5).is_met(0.49));
        assert!(Budget::AtMost(2.0).is_met(2.0) && !Budget::AtMost(2.0).is_met(2.01));
        // Where nothing was measured nothing is met.
        assert!(!Budget::AtMost(2.0).is_met(f64::NAN) && !Budget::AtLeast(0.5).is_met(f64::NAN));
    }
}
