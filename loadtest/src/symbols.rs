//! Mass acquisition: people per second from the request to the last link; and what a look-up costs among few and among many.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use chukan::{
    grpc::proto::{
        sim::v1::{NumberPeopleRequest, population_service_client::PopulationServiceClient},
        v1::{
            AcquireSymbolsRequest, AcquisitionState, GetMassAcquisitionRequest,
            GetSymbolStatusRequest, addressee_service_client::AddresseeServiceClient,
            symbol_service_client::SymbolServiceClient,
        },
    },
    sample::{definitions::write_embedded, population::Population},
};
use clap::Args;
use tonic::transport::Channel;

use crate::{
    Fault,
    drive::{Call, drive},
    echo::EchoCall,
    target::{INQUIRER, SEED, Target, verify_ledger},
};

/// The other institution: みなも区.
const PROVIDER: &str = "0220113112101700";

/// The world that a look-up among many is compared with.
const FEW: u32 = 1_000;

/// How many people are entered by one call: few enough for its time limit.
const NUMBERED_AT_ONCE: u32 = 10_000;

/// How a run goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Seconds of each measurement of the echo and of the look-ups
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Echo and mass acquisition in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Look-ups among few and many in turn
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=100))]
    look_up_rounds: u32,
    /// People of the world, all of whom are acquired at one institution in each round
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    people: u32,
    /// Connections of the echo and of the look-ups
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// Calls of the echo and of the look-ups under way at one time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    in_flight: u32,
    /// Only the look-ups: nobody is acquired
    #[arg(long)]
    look_ups_only: bool,
    /// Folder in which the worlds are kept, and taken up by the next run; without it they are removed
    #[arg(long, value_name = "DIR")]
    worlds: Option<PathBuf>,
}

impl Plan {
    fn measurement(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.seconds)
    }
}

/// Asks whether a person has a symbol, each time another person.
#[derive(Clone)]
struct LookUp {
    client: SymbolServiceClient<Channel>,
    numbers: Arc<Vec<String>>,
    at: usize,
}

impl Call for LookUp {
    async fn call(&mut self) -> Result<&'static str, Fault> {
        // A step without a common divisor with the usual sizes: neighbours in time are none in the store.
        self.at = (self.at + 7_919) % self.numbers.len();
        let addressee_number = self.numbers.get(self.at).cloned().unwrap_or_default();
        let request = GetSymbolStatusRequest { addressee_number };
        let status = self.client.get_symbol_status(request).await?;
        Ok(if status.into_inner().linked {
            "linked"
        } else {
            "not linked"
        })
    }
}

/// Measures and reports.
pub(crate) async fn run(plan: Plan) -> Result<(), Fault> {
    let removed = tempfile::tempdir()?;
    let worlds = plan.worlds.as_deref().unwrap_or(removed.path());
    let [few_dir, dir] = [FEW, plan.people].map(|people| worlds.join(format!("world-{people}")));
    eprintln!("making worlds of {FEW} and {} people …", plan.people);
    let few = opened(&few_dir, FEW).await?;
    let many = opened(&dir, plan.people).await?;
    let filled_mib = many.resident_mib();
    let echo = Target::echo(&dir.join("pki")).await?;
    let mut echoes = Vec::new();
    for _ in 0..plan.connections {
        echoes.push(EchoCall::new(echo.connect().await?));
    }
    let mut costs = Vec::new();
    let (few_calls, many_calls) = (
        look_ups(&few, &plan, FEW).await?,
        look_ups(&many, &plan, plan.people).await?,
    );
    for round in 1..=plan.look_up_rounds {
        let cost_few = look_up(&few, &few_calls, &plan).await?;
        let cost_many = look_up(&many, &many_calls, &plan).await?;
        eprintln!(
            "round {round}: look-up {cost_few:.1} µs among {FEW}, {cost_many:.1} µs among {}",
            plan.people
        );
        costs.push([cost_few, cost_many, cost_many / cost_few]);
    }
    let looked_up_mib = many.resident_mib();
    if plan.look_ups_only {
        echo.stop().await?;
        few.stop().await?;
        many.stop().await?;
        println!(
            "{} people at two institutions: {filled_mib:.0} MiB resident when opened, {looked_up_mib:.0} MiB after the look-ups.",
            plan.people
        );
        tell_costs(&costs, plan.people);
        return Ok(());
    }
    let mut rates = Vec::new();
    for round in 1..=plan.rounds {
        number(&many, &plan).await?;
        let yardstick = drive(&echoes, plan.in_flight, plan.measurement()).await?;
        let rate = acquire(&many, plan.people).await?;
        let ratio = rate / yardstick.rate();
        eprintln!(
            "round {round}: echo {:.0}/s, {rate:.0} people/s, ratio {ratio:.4}, {:.0} MiB",
            yardstick.rate(),
            many.resident_mib()
        );
        rates.push([yardstick.rate(), rate, ratio, many.resident_mib()]);
    }
    echo.stop().await?;
    few.stop().await?;
    many.stop().await?;
    let ledger = verify_ledger(&dir).await?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("# Mass acquisition beside the mutual-TLS echo of 1 KiB\n");
    println!(
        "{cores} cores, {} people, {} rounds; {filled_mib:.0} MiB resident with the new world.\n",
        plan.people, plan.rounds
    );
    println!("| | echo/s | people/s | ratio | resident MiB |\n|---|---:|---:|---:|---:|");
    for (name, [echo, rate, ratio, mib]) in spread(&rates) {
        println!("| {name} | {echo:.0} | {rate:.0} | {ratio:.4} | {mib:.0} |");
    }
    tell_costs(&costs, plan.people);
    println!("\nledger: {ledger}");
    Ok(())
}

fn tell_costs(costs: &[[f64; 3]], people: u32) {
    println!(
        "\n| processor time of a look-up, µs | among {FEW} | among {people} | ratio |\n|---|---:|---:|---:|"
    );
    for (name, [few, many, ratio]) in spread(costs) {
        println!("| {name} | {few:.1} | {many:.1} | {ratio:.3} |");
    }
}

/// A world of two institutions, made and then opened anew: rows of a small one would else still be in the log's memory, which
/// no large one fits into.
async fn opened(data: &Path, people: u32) -> Result<Target, Fault> {
    if data.join("definitions").exists() {
        return Target::chukan(data, people).await;
    }
    const HEAD: &str = "\n[[institutions]]\n";
    let definitions = data.join("definitions");
    write_embedded(&definitions)?;
    let file = definitions.join("institutions.toml");
    let text = fs::read_to_string(&file)?;
    let kept = text
        .split("[[institutions]]")
        .enumerate()
        .filter(|(at, block)| {
            *at == 0
                || [INQUIRER, PROVIDER]
                    .iter()
                    .any(|code| block.contains(&format!("code = \"{code}\"")))
        });
    let kept: Vec<_> = kept.map(|(_, block)| block).collect();
    fs::write(&file, kept.join(HEAD))?;
    Target::chukan(data, people).await?.stop().await?;
    Target::chukan(data, people).await
}

/// Minimum, median and maximum of each column.
fn spread<const N: usize>(rounds: &[[f64; N]]) -> [(&'static str, [f64; N]); 3] {
    let last = rounds.len().saturating_sub(1);
    [("minimum", 0), ("median", last / 2), ("maximum", last)].map(|(name, place)| {
        let column = std::array::from_fn(|column| {
            let mut values: Vec<_> = rounds
                .iter()
                .filter_map(|round| round.get(column).copied())
                .collect();
            values.sort_by(f64::total_cmp);
            values.get(place).copied().unwrap_or_default()
        });
        (name, column)
    })
}

async fn look_ups(target: &Target, plan: &Plan, people: u32) -> Result<Vec<LookUp>, Fault> {
    let institution = INQUIRER.parse()?;
    let population = Population::new(SEED, people);
    let numbers = (0..people).filter_map(|index| population.addressee_number(index, institution));
    let numbers: Vec<_> = numbers.map(|number| number.as_str().to_owned()).collect();
    let numbers = Arc::new(numbers);
    let mut calls = Vec::new();
    for at in 0..plan.connections {
        calls.push(LookUp {
            client: SymbolServiceClient::new(target.connect().await?),
            numbers: Arc::clone(&numbers),
            at: usize::try_from(at)?,
        });
    }
    Ok(calls)
}

/// The server's processor time of one look-up, in microseconds.
async fn look_up(target: &Target, calls: &[LookUp], plan: &Plan) -> Result<f64, Fault> {
    let used = || {
        target
            .cpu_seconds()
            .ok_or("the system tells no processor time")
    };
    let before = used()?;
    let measured = drive(calls, plan.in_flight, plan.measurement()).await?;
    let done = measured.rate() * measured.took.as_secs_f64();
    Ok((used()? - before) * 1_000_000.0 / done)
}

/// Enters everybody into the addressee system, without a symbol.
async fn number(target: &Target, plan: &Plan) -> Result<(), Fault> {
    let mut population = PopulationServiceClient::new(target.connect().await?);
    for first in (0..plan.people).step_by(NUMBERED_AT_ONCE as usize) {
        population
            .number_people(NumberPeopleRequest {
                system: "jumin".to_owned(),
                first,
                count: NUMBERED_AT_ONCE.min(plan.people - first),
                unlink: true,
            })
            .await?;
    }
    Ok(())
}

/// Acquires everybody's symbol; people per second.
async fn acquire(target: &Target, people: u32) -> Result<f64, Fault> {
    let mut addressees = AddresseeServiceClient::new(target.connect().await?);
    let began = Instant::now();
    let request = AcquireSymbolsRequest::default();
    let mut told = addressees.acquire_symbols(request).await?.into_inner();
    while told.message().await?.is_some() {}
    let took = began.elapsed();
    let got = addressees
        .get_mass_acquisition(GetMassAcquisitionRequest {})
        .await?;
    let linked = got.into_inner().people;
    let linked = linked
        .iter()
        .filter(|of| of.state() == AcquisitionState::Linked)
        .map(|of| of.people)
        .sum::<u64>();
    if linked != u64::from(people) {
        return Err(format!("{linked} of {people} people have a symbol").into());
    }
    Ok(f64::from(people) / took.as_secs_f64())
}
