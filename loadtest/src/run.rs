//! `loadtest run`: whole conversations in an open model against a server of its own, with gates and reports.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use chukan::grpc::proto::v1::{
    CompareProvisionRecordsRequest, TimeRange, compare_provision_records_request::Scope,
    inquiry_service_client::InquiryServiceClient,
    provision_record_service_client::ProvisionRecordServiceClient,
};
use clap::{Args, ValueEnum};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    Fault,
    account::Account,
    baseline,
    exchange::{Subject, people},
    findings::{Findings, Processors, describe},
    gate::Gate,
    html,
    inquiry::{Inquiring, Plan, compare},
    limit::Looks,
    live::Live,
    open::{Bounds, drive},
    schedule::{Arrivals, Schedule, Shape},
    target::{Target, cpu_seconds, verify_ledger},
};

/// The most conversations of a run.
const CALLS_MAX: usize = 1_000_000;

/// The most records of one page.
const PAGE: i32 = 1_000;

/// An open run: conversations begin when the schedule says, whatever became of those before.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Run {
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
    /// Whom the conversations are about
    #[arg(long, value_enum, default_value_t = Pick::EachOnce)]
    pub(crate) pick: Pick,
    /// Decides arrivals and people: the same seed, the same run
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// One answer in so many is compared with the provider's replica
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) check_every: u64,
    /// A gate such as `p99<200ms`, `max<2s`, `errors<0.1%` or `rate>100`; it can be given several times
    #[arg(long = "assert", value_name = "GATE")]
    pub(crate) gates: Vec<Gate>,
    /// MiB per hour by which the server's memory may grow; of a run too short to tell, the gate does not hold
    #[arg(long, value_name = "MIB_PER_HOUR", value_parser = slope)]
    pub(crate) max_slope: Option<f64>,
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
  loadtest run --rate 200 --pick uniform --json before.json
  loadtest run --rate 200 --pick uniform --baseline before.json --worse-by 10
  loadtest run --rate 50 --seconds 3600 --pick uniform --max-slope 5
  loadtest run --shape spike --rate 1000 --people 20000 --html report.html";

/// Whom the conversations of a run are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pick {
    /// Everybody once at most; refused when there are too few people
    EachOnce,
    /// Anybody, all equally often
    Uniform,
    /// Few very often and most seldom: the person of rank n in proportion to 1/n
    Zipf,
}

impl Run {
    pub(crate) async fn run(mut self) -> Result<(), Fault> {
        if let Some(file) = &self.baseline {
            let gates = baseline::read(file, &describe(&self), self.worse_by)?;
            self.gates.extend(gates);
        }
        let found = self.find().await?;
        println!("{}", found.markdown(&self));
        self.write(&found)?;
        found.verdict(&self.gates)
    }

    /// Runs against a server and a world of its own.
    pub(crate) async fn find(&self) -> Result<Findings, Fault> {
        let starts: Vec<_> = self.schedule().starts().take(CALLS_MAX + 1).collect();
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
        Ok(found)
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

    async fn measure(&self, target: &Target, starts: &[Duration]) -> Result<Findings, Fault> {
        let subjects = people(target)
            .await?
            .into_iter()
            .map(Arc::new)
            .collect::<Vec<_>>();
        let (kept, keep) = mpsc::channel();
        let conversation = Inquiring {
            client: InquiryServiceClient::new(target.connect().await?),
            plan: Arc::new(Plan {
                subjects: choose(self.pick, &subjects, starts.len(), self.seed)?,
                keep_every: self.check_every,
            }),
            kept,
        };
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(Inquiring {
                client: InquiryServiceClient::new(target.connect().await?),
                ..conversation.clone()
            });
        }
        drop(conversation);
        let (records_before, _) = count_records(target).await?;
        eprintln!("{} conversations in {} s …", starts.len(), self.seconds);
        let processors = || (target.cpu_seconds(), cpu_seconds("self"));
        let following = target
            .shown()?
            .follow(Live::of(self.schedule().length.as_secs_f64()));
        let before = processors();
        let account = self.drive(&connections, starts).await?;
        let processors = Processors::between(before, processors(), account.took);
        let looks = Looks(following.stop().await?);
        drop(connections);
        let kept: Vec<_> = keep.iter().collect();
        let differ = compare(target, &kept).await?;
        let (records, disagree) = count_records(target).await?;
        Ok(Findings {
            account,
            processors,
            compared: u64::try_from(kept.len())?,
            differ,
            records: records.saturating_sub(records_before),
            disagree,
            ledger: String::new(),
            looks,
            max_slope: self.max_slope,
        })
    }

    async fn drive(
        &self,
        connections: &[Inquiring],
        starts: &[Duration],
    ) -> Result<Account, Fault> {
        let bounds = Bounds {
            timeout: Duration::from_millis(self.timeout_ms),
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

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 100_000.0 => Ok(rate),
        Ok(_) | Err(_) => Err("a rate is more than 0 and at most 100,000 per second".into()),
    }
}

fn slope(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(slope) if slope.is_finite() && slope >= 0.0 => Ok(slope),
        Ok(_) | Err(_) => Err("MiB per hour, 0 or more".into()),
    }
}

fn worse(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=1_000.0).contains(&percent) => Ok(percent),
        Ok(_) | Err(_) => Err("from 0 to 1,000 percent".into()),
    }
}

/// Whom each conversation is about.
fn choose(
    pick: Pick,
    people: &[Arc<Subject>],
    calls: usize,
    seed: u64,
) -> Result<Vec<Arc<Subject>>, Fault> {
    let mut random = StdRng::seed_from_u64(seed);
    match pick {
        Pick::EachOnce if calls > people.len() => Err(format!(
            "{calls} conversations, but only {} people to ask about: raise --people or choose --pick uniform",
            people.len()
        )
        .into()),
        Pick::EachOnce => Ok(people.iter().take(calls).map(Arc::clone).collect()),
        Pick::Uniform => (0..calls)
            .map(|_| person(people, random.random_range(0..people.len().max(1))))
            .collect(),
        Pick::Zipf => {
            let mut reached = 0.0;
            let ranks = (1..=u32::try_from(people.len())?).map(|rank| {
                reached += 1.0 / f64::from(rank);
                reached
            });
            let ranks: Vec<_> = ranks.collect();
            (0..calls)
                .map(|_| {
                    let draw = random.random::<f64>() * reached;
                    person(people, ranks.partition_point(|reached| *reached <= draw))
                })
                .collect()
        }
    }
}

fn person(people: &[Arc<Subject>], at: usize) -> Result<Arc<Subject>, Fault> {
    people
        .get(at)
        .map(Arc::clone)
        .ok_or_else(|| "nobody to ask about".into())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn crowd(people: u32) -> Vec<Arc<Subject>> {
        (0..people)
            .map(|number| {
                Arc::new(Subject {
                    addressee_number: number.to_string(),
                    home: String::new(),
                    number_at_home: String::new(),
                })
            })
            .collect()
    }

    fn chosen(pick: Pick) -> BTreeMap<String, u32> {
        let mut often = BTreeMap::new();
        for subject in choose(pick, &crowd(100), 100, 7).unwrap() {
            *often.entry(subject.addressee_number.clone()).or_default() += 1;
        }
        often
    }

    #[test]
    fn nobody_is_asked_about_twice_unless_that_was_wanted() {
        assert!(choose(Pick::EachOnce, &crowd(99), 100, 7).is_err());
        assert_eq!(chosen(Pick::EachOnce).len(), 100);
    }

    #[test]
    fn zipf_asks_about_the_first_far_more_often_than_uniform_does() {
        let first = |pick| chosen(pick).get("0").copied().unwrap_or_default();
        assert!(first(Pick::Zipf) > 8, "{}", first(Pick::Zipf));
        assert!(first(Pick::Uniform) < 8, "{}", first(Pick::Uniform));
    }

    #[test]
    fn nobody_can_be_drawn_from_an_empty_world() {
        for pick in Pick::value_variants() {
            assert!(choose(*pick, &[], 1, 7).is_err(), "{pick:?}");
        }
    }
}
