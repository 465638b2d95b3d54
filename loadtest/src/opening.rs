//! How long a server takes to open a world with many records after it was killed, and how much memory it then has.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use chukan::{
    crypto::kept_context::Rotation,
    domain::{
        deciding::HoldRules,
        download::DownloadRules,
        exchange::Side,
        names::PermitId,
        record::{Entry, ProvisionRecord},
    },
    institution::{Periods, StaffRules},
    store::Keeper,
    world::{Settings, WatchRules, World},
};
use clap::Args;
use jiff::SignedDuration;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    task::JoinSet,
};

use crate::{
    Fault, exchange,
    target::{SEED, Target, verify_ledger},
};

/// How a run goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Records of exchanges in the ledger; three for each exchange
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(3..=100_000_000))]
    pub(crate) records: u64,
    /// Kills and openings
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// People of the world
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    pub(crate) people: u32,
    /// Where the world is made, which must not exist yet and is left; a folder that is removed afterwards when nothing is said
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
}

/// Exchanges that are recorded at one time.
const RECORDED_AT_ONCE: u64 = 512;

/// One opening after a kill.
pub(crate) struct Opened {
    pub(crate) ready_s: f64,
    pub(crate) resident_mib: f64,
}

/// Makes the world, fills it, kills and opens it in turn, and reports.
pub(crate) async fn run(plan: Plan) -> Result<(), Fault> {
    let (openings, empty_mib, ledger) = openings(&plan).await?;
    println!("# Opening after a kill\n");
    println!(
        "{} records, {} people; {empty_mib:.0} MiB resident before there were records.\n",
        plan.records, plan.people
    );
    println!("| opening | ready after s | MiB resident |\n|---:|---:|---:|");
    for (number, opened) in (1..).zip(&openings) {
        let Opened {
            ready_s,
            resident_mib,
        } = opened;
        println!("| {number} | {ready_s:.3} | {resident_mib:.0} |");
    }
    println!("\nledger: {ledger}");
    Ok(())
}

/// Makes the world, fills it, kills and opens it in turn; its MiB before there were records, and what the verification of the
/// ledger said.
pub(crate) async fn openings(plan: &Plan) -> Result<(Vec<Opened>, f64, String), Fault> {
    let removed = tempfile::tempdir()?;
    let data = plan.data.clone();
    let data = data.unwrap_or_else(|| removed.path().join("data"));
    eprintln!("making a world of {} people …", plan.people);
    let target = Target::chukan(&data, plan.people).await?;
    exchange::some(&target).await?;
    let empty_mib = target.resident_mib();
    target.stop().await?;
    eprintln!("recording …");
    let began = Instant::now();
    let mut filling = Command::new(std::env::current_exe()?)
        .args(["fill-records", "--records", &plan.records.to_string()])
        .arg("--data")
        .arg(&data)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let out = filling.stdout.take().ok_or("the filling has no output")?;
    let filled = BufReader::new(out).lines().next_line().await?;
    filled.ok_or("the filling ended before it was done")?;
    filling.kill().await?;
    eprintln!(
        "{} records in {:.0} s, killed",
        plan.records,
        began.elapsed().as_secs_f64()
    );
    let mut openings = Vec::new();
    for _ in 0..plan.rounds {
        let began = Instant::now();
        let target = Target::chukan(&data, plan.people).await?;
        openings.push(Opened {
            ready_s: began.elapsed().as_secs_f64(),
            resident_mib: target.resident_mib(),
        });
        exchange::some(&target).await?;
        target.kill().await?;
    }
    Ok((openings, empty_mib, verify_ledger(&data).await?))
}

/// Records exchanges into a world that nobody has open, until it is killed.
#[derive(Debug, Clone, Args)]
pub(crate) struct FillRecords {
    #[arg(long)]
    records: u64,
    #[arg(long)]
    data: PathBuf,
}

impl FillRecords {
    pub(crate) async fn run(self) -> Result<(), Fault> {
        let dir = self.data.join("worlds").join("default");
        let settings = settings(self.data.join("definitions"));
        let world = World::open(&dir, "default".parse()?, &settings, &|_| {}).await?;
        let sides = an_exchange(&world)?;
        let told = self.records.div_ceil(3);
        let done = Arc::new(AtomicU64::new(0));
        let mut recording = JoinSet::new();
        for place in 0..RECORDED_AT_ONCE {
            let (world, sides, done) = (Arc::clone(&world), sides.clone(), Arc::clone(&done));
            recording.spawn(async move {
                let mut random = StdRng::seed_from_u64(SEED + place);
                for number in 0_u64.. {
                    // Behind every receipt number that the exchanges before have.
                    let receipt = 1_000_000 + number * RECORDED_AT_ONCE + place;
                    let receipt = format!("R{receipt:010}").parse()?;
                    let permit: PermitId = format!("{:032x}", random.random::<u128>()).parse()?;
                    for mut record in sides.clone() {
                        record.subject.serial.receipt = receipt;
                        record.permit_id = Some(permit);
                        let keeper = match record.side {
                            Side::Inquirer => Keeper::Institution(record.subject.inquirer),
                            Side::Core => Keeper::Core,
                            Side::Provider => Keeper::Institution(record.subject.provider),
                        };
                        let serial = record.subject.serial;
                        let records = world.records();
                        let entry = Entry::Provision(record);
                        let recorded = records.write(keeper, &entry, world.now()).await?;
                        records.note(keeper, serial, &recorded.place).await?;
                    }
                    if done.fetch_add(1, Ordering::Relaxed) + 1 == told {
                        println!("filled");
                    }
                }
                Ok::<_, Fault>(())
            });
        }
        match recording.join_next().await {
            Some(ended) => ended?,
            None => Ok(()),
        }
    }
}

/// What the three parties have recorded of one exchange that ended well.
fn an_exchange(world: &World) -> Result<Vec<ProvisionRecord>, Fault> {
    let mut found: Vec<ProvisionRecord> = Vec::new();
    world.records().ledger().replay(0, |stored| {
        if let Ok(Entry::Provision(record)) = serde_json::from_slice(&stored.body) {
            let first = found.first();
            let joins = first.is_none_or(|first| first.subject.serial == record.subject.serial);
            if joins && record.permit_id.is_some() {
                found.push(record);
            }
        }
    })?;
    if found.len() == 3 {
        Ok(found)
    } else {
        Err(format!("{} sides have recorded the exchange", found.len()).into())
    }
}

/// As `chukan serve` has them when nothing is set.
fn settings(definitions: PathBuf) -> Settings {
    Settings {
        definitions,
        cache_bytes: 64 << 20,
        periods: Periods {
            result_retention: SignedDuration::from_hours(24 * 30),
            list_age_max: SignedDuration::from_hours(24 * 7),
            acquisition_serial: SignedDuration::from_hours(24),
        },
        permit_period: SignedDuration::from_secs(300),
        hold: HoldRules::default(),
        rotation: Rotation::default(),
        staff: StaffRules::default(),
        downloads: DownloadRules::default(),
        watch: WatchRules::default(),
        inquiries_each_max: 5_000,
        training_accounts: false,
    }
}
