//! `loadtest run`: whole conversations in an open model against a server of its own, with gates and reports.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use chukan::grpc::proto::v1::{
    CompareProvisionRecordsRequest, TimeRange, compare_provision_records_request::Scope,
    provision_record_service_client::ProvisionRecordServiceClient,
};
use clap::Args;

use crate::{
    Fault,
    account::Account,
    approvers::Staff,
    baseline, closed,
    conversation::{Columns, Talk, compare, prepare},
    findings::{Findings, Processors, describe},
    gate::Gate,
    html,
    open::{Bounds, drive},
    people::Crowd,
    plan::Plan,
    profile::Profile,
    schedule::{Arrivals, Schedule, Shape},
    target::{Target, cpu_seconds, verify_ledger},
    whom::{Staffed, Whom},
};

/// The most conversations of a run.
const CALLS_MAX: usize = 1_000_000;

/// The most records of one page.
const PAGE: i32 = 1_000;

/// An open run: conversations begin when the schedule says, whatever became of those before.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Run {
    /// A named load; `loadtest profiles` lists them. Flags that are given override its own
    #[arg(long, value_enum)]
    pub(crate) profile: Option<Profile>,
    /// Conversations per second, at the highest
    #[arg(long, default_value_t = 50.0, value_parser = rate)]
    pub(crate) rate: f64,
    /// How the rate changes over the run
    #[arg(long, value_enum, default_value_t = Shape::Constant)]
    pub(crate) shape: Shape,
    /// How conversations follow one another
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    pub(crate) arrivals: Arrivals,
    /// Seconds during which conversations begin
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,
    /// Milliseconds after which a conversation counts as failed, from its sending
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub(crate) timeout_ms: u64,
    /// Connections to the server
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) connections: u32,
    /// Conversations under way at one time; those beyond wait in the generator, which counts as latency
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) under_way: u32,
    /// People of the world that is asked about
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    pub(crate) people: u32,
    #[command(flatten)]
    pub(crate) whom: Whom,
    #[command(flatten)]
    pub(crate) staffed: Staffed,
    /// A closed model instead: so many conversations at any one time, each place begins the next when the one before has
    /// ended; rate, shape and arrivals are of no account then
    #[arg(long, value_name = "PLACES", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) closed: Option<u32>,
    /// The most conversations of a closed run
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) at_most: u32,
    /// Decides arrivals and people: the same seed, the same run
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// One answer in so many of each kind is compared with what the server holds, the first always
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) check_every: u64,
    /// A gate such as `p99<200ms`, `max<2s`, `errors<0.1%` or `rate>100`; it can be given several times
    #[arg(long = "assert", value_name = "GATE")]
    pub(crate) gates: Vec<Gate>,
    /// The JSON of an earlier run of the same plan on the same machine; being worse than it is a gate
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Percent by which latency and rate may be worse than the baseline's
    #[arg(long, value_name = "PERCENT", default_value_t = 20.0, requires = "baseline", value_parser = worse)]
    pub(crate) worse_by: f64,
    /// Where to write the page with the charts
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Where to write the findings as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Where to write the findings as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Where to write the gates' results as JUnit
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

const HELP: &str = "\
Latency is counted from the moment at which a conversation was meant to begin, so that a server that stands still
shows in the percentiles; service time, from the sending, stands beside it.

A run fails (exit code 1) when a gate does not hold, when the account does not balance (sent = answered + refused +
waiting + failed), when a compared answer is not the provider's, when the three records of an exchange differ, when the
ledger does not verify, or when the generator itself was late with more than 1 % of the conversations.

Examples:
  loadtest run --rate 200 --seconds 30 --assert 'p99<200ms' --assert 'errors<0.1%'
  loadtest run --rate 200 --repeat-people --json before.json
  loadtest run --rate 200 --repeat-people --baseline before.json --worse-by 10
  loadtest run --profile counter --seconds 20
  loadtest run --mix inquiry=80,batch=5,replicas=5,symbols=5,held=5 --approvers 3 --think-time 2s±1s
  loadtest run --closed 64 --repeat-people
  loadtest run --shape spike --rate 1000 --people 20000 --html report.html";

impl Run {
    pub(crate) async fn run(mut self) -> Result<(), Fault> {
        if let Some(file) = &self.baseline {
            let gates = baseline::read(file, &describe(&self), self.worse_by)?;
            self.gates.extend(gates);
        }
        let starts: Vec<_> = match self.closed {
            Some(_) => Vec::new(),
            None => self.schedule().starts().take(CALLS_MAX + 1).collect(),
        };
        if starts.len() > CALLS_MAX {
            return Err(format!("more than {CALLS_MAX} conversations are meant").into());
        }
        let dir = tempfile::tempdir()?;
        eprintln!("making a world of {} people …", self.people);
        let target = Target::chukan(dir.path(), self.people).await?;
        let found = self.measure(&target, &starts).await;
        target.stop().await?;
        let mut found = found?;
        found.ledger = verify_ledger(dir.path()).await?;
        println!("{}", found.markdown(&self));
        self.write(&found)?;
        found.verdict(&self.gates)
    }

    pub(crate) fn schedule(&self) -> Schedule {
        Schedule {
            shape: self.shape,
            arrivals: self.arrivals,
            rate: self.rate,
            length: Duration::from_secs(self.seconds),
            seed: self.seed,
        }
    }

    /// What is offered, for a person.
    pub(crate) fn offered(&self) -> String {
        let Self {
            rate,
            seconds,
            shape,
            arrivals,
            ..
        } = self;
        match self.closed {
            Some(places) => format!("Closed model, {places} places for {seconds} s"),
            None => format!("{shape:?}, at most {rate}/s for {seconds} s, {arrivals:?} arrivals"),
        }
    }

    async fn measure(&self, target: &Target, starts: &[Duration]) -> Result<Findings, Fault> {
        let plan = Arc::new(self.plan(target, starts.len()).await?);
        let columns = Columns::of(target, self.whom.replica_rows).await?;
        prepare(target, &plan).await?;
        let (kept, keep) = mpsc::channel();
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            let channel = target.connect().await?;
            let patience = self.staffed.patience();
            connections.push(Talk::new(
                channel,
                &plan,
                columns.clone(),
                patience,
                kept.clone(),
            ));
        }
        drop(kept);
        let staff = match plan
            .held_at
            .as_deref()
            .zip(self.staffed.staffing(self.seed))
        {
            Some((provider, staffing)) => Some(Staff::begin(target, provider, staffing).await?),
            None => None,
        };
        let (records_before, _) = count_records(target).await?;
        eprintln!(
            "{} conversations at most in {} s …",
            plan.steps.len(),
            self.seconds
        );
        let processors = || (target.cpu_seconds(), cpu_seconds("self"));
        let before = processors();
        let account = self.drive(&connections, starts, plan.steps.len()).await?;
        let processors = Processors::between(before, processors(), account.took);
        let decisions = match staff {
            Some(staff) => Some(staff.go_home().await),
            None => None,
        };
        drop(connections);
        let compared = compare(target, &columns, keep.iter()).await?;
        let (records, disagree) = count_records(target).await?;
        let used_up = account.sent == u64::try_from(plan.steps.len())?;
        Ok(Findings {
            processors,
            compared,
            decisions,
            ran_out: plan.ran_out.clone().filter(|_| used_up),
            records: records.saturating_sub(records_before),
            disagree,
            ledger: String::new(),
            account,
        })
    }

    /// Draws the conversations. An open run refuses to begin with too few people; a closed one ends when they are used up.
    async fn plan(&self, target: &Target, starts: usize) -> Result<Plan, Fault> {
        let crowd = Crowd::of(target, self.whom.provider.as_deref()).await?;
        let draw = self.whom.draw(self.check_every, self.seed)?;
        if self.closed.is_some() {
            return Plan::draw(&draw, &crowd, usize::try_from(self.at_most)?);
        }
        let plan = Plan::draw(&draw, &crowd, starts)?;
        match plan.ran_out {
            Some(why) => Err(why.into()),
            None => Ok(plan),
        }
    }

    async fn drive(
        &self,
        connections: &[Talk],
        starts: &[Duration],
        planned: usize,
    ) -> Result<Account, Fault> {
        let timeout = Duration::from_millis(self.timeout_ms);
        if let Some(places) = self.closed {
            let bounds = closed::Bounds {
                timeout,
                places,
                length: Duration::from_secs(self.seconds),
                conversations: u64::try_from(planned)?,
            };
            return closed::drive(connections, bounds).await;
        }
        let bounds = Bounds {
            timeout,
            under_way: usize::try_from(self.under_way)?,
        };
        drive(connections, starts.iter().copied(), bounds).await
    }

    fn write(&self, found: &Findings) -> Result<(), Fault> {
        let write = |path: &Option<PathBuf>, text: &dyn Fn() -> String| match path {
            Some(path) => save(path, &text()),
            None => Ok(()),
        };
        write(&self.html, &|| html::page(self, found))?;
        write(&self.markdown, &|| found.markdown(self))?;
        write(&self.json, &|| format!("{:#}\n", found.json(self)))?;
        write(&self.junit, &|| found.junit(&self.gates))
    }
}

fn save(path: &Path, text: &str) -> Result<(), Fault> {
    fs::write(path, text).map_err(|fault| format!("{}: {fault}", path.display()).into())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 100_000.0 => Ok(rate),
        Ok(_) | Err(_) => Err("a rate is more than 0 and at most 100,000 per second".into()),
    }
}

fn worse(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=1_000.0).contains(&percent) => Ok(percent),
        Ok(_) | Err(_) => Err("from 0 to 1,000 percent".into()),
    }
}

/// The exchanges that the inquirer has records of, and how many of them the three sides record differently.
async fn count_records(target: &Target) -> Result<(u64, u64), Fault> {
    let mut client = ProvisionRecordServiceClient::new(target.connect().await?);
    let mut request = CompareProvisionRecordsRequest {
        scope: Some(Scope::Range(TimeRange::default())),
        page_size: PAGE,
        page_token: String::new(),
    };
    let (mut records, mut disagree) = (0, 0);
    loop {
        let page = client
            .compare_provision_records(request.clone())
            .await?
            .into_inner();
        for comparison in page.comparisons {
            records += 1;
            disagree += u64::from(!comparison.agree);
        }
        if page.next_page_token.is_empty() {
            return Ok((records, disagree));
        }
        request.page_token = page.next_page_token;
    }
}
