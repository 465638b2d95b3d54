//! `loadtest call`: one unary method of any gRPC server, by its descriptor, beside ghz, k6 and h2load on the same target.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use chukan::server::connect::{ClientPem, connect};
use clap::Args;
use serde_json::json;
use tonic::{
    metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap},
    transport::{Channel, Endpoint},
};

use crate::{
    Fault,
    account::Account,
    address, closed,
    gate::{Figures as _, Gate},
    method::Method,
    open,
    raw::RawCall,
    run::rate,
    schedule::{Arrivals, Schedule, Shape},
    target::{INQUIRER, cpu_seconds},
};

/// The most calls of a run.
const CALLS_MAX: u64 = 10_000_000;

/// The percentiles that are shown.
const SHOWN: [f64; 6] = [50.0, 90.0, 99.0, 99.9, 99.99, 100.0];

/// One method, in an open or closed model.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Call {
    /// The method, as `chukan.v1.SystemService/GetServiceHours`
    method: String,
    /// Where the server is, `HOST:PORT`
    #[arg(long, default_value = "127.0.0.1:50551")]
    target: String,
    /// The target may be on another machine: it is mine
    #[arg(long)]
    i_own_this_target: bool,
    /// The request as JSON; `{{number}}` in it stands for the number of the call
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        conflicts_with = "request_file"
    )]
    request: String,
    /// The same from a file
    #[arg(long, value_name = "FILE")]
    request_file: Option<PathBuf>,
    /// Metadata of each call, `name: value`; it can be given several times
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<(AsciiMetadataKey, AsciiMetadataValue)>,
    /// Descriptors of the method; without them the server is asked by reflection
    #[arg(long, value_name = "FILE")]
    descriptor_set: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
    /// Calls per second, at the highest
    #[arg(long, default_value_t = 50.0, value_parser = rate)]
    rate: f64,
    /// How the rate changes over the run
    #[arg(long, value_enum, default_value_t = Shape::Constant)]
    shape: Shape,
    /// How calls follow one another
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    arrivals: Arrivals,
    /// A closed model instead: so many calls at any one time, each place makes the next when the one before has ended
    #[arg(long, value_name = "PLACES", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    closed: Option<u32>,
    /// Seconds during which calls begin
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Milliseconds after which a call counts as failed, from its sending
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    timeout_ms: u64,
    /// Connections to the server
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// Calls under way at one time in the open model; those beyond wait in the generator, which counts as latency
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    under_way: u32,
    /// Decides the arrivals: the same seed, the same arrivals
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A gate such as `p99<200ms`, `max<2s`, `errors<0.1%` or `rate>100`; it can be given several times
    #[arg(long = "assert", value_name = "GATE")]
    gates: Vec<Gate>,
    /// Show the answer to the first call
    #[arg(long)]
    show: bool,
    /// Where to write what was found as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// With which certificate the server is called.
#[derive(Debug, Clone, Args)]
struct Identity {
    /// A data directory of Chukan: its certificates are used
    #[arg(long, value_name = "DIR", default_value = "chukan-data")]
    data: PathBuf,
    /// The client of that directory
    #[arg(long, value_name = "NAME", default_value = INQUIRER)]
    client: String,
    /// The certification authority of another server, as PEM
    #[arg(long, value_name = "FILE", requires_all = ["cert", "key"])]
    ca: Option<PathBuf>,
    /// The client's certificate for it, as PEM
    #[arg(long, value_name = "FILE", requires = "ca")]
    cert: Option<PathBuf>,
    /// The key of that certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "ca")]
    key: Option<PathBuf>,
    /// No TLS at all
    #[arg(long, conflicts_with = "ca")]
    plaintext: bool,
}

const HELP: &str = "\
One call is made before the run; when it fails nothing else is sent. A call fails whose status is not OK, or that
takes too long. Latency counts from the moment at which a call was meant to begin (open model).

Examples:
  loadtest call chukan.v1.SystemService/GetServiceHours --rate 1000 --assert 'p99<20ms'
  loadtest call chukan.v1.InquiryService/ListInquiries --request '{\"pageSize\": 10}' --closed 64
  loadtest call my.Service/Get --target 127.0.0.1:9090 --plaintext --descriptor-set my.binpb --show --seconds 1";

impl Call {
    pub(crate) async fn run(self) -> Result<(), Fault> {
        address::checked(&self.target, self.i_own_this_target).await?;
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(self.identity.connect(&self.target).await?);
        }
        let first = connections.first().ok_or("no connection")?.clone();
        let method = match &self.descriptor_set {
            Some(file) => Method::of_file(file, &self.method)?,
            None => Method::of_server(first, &self.method).await?,
        };
        let request = method.request(&self.json_request()?)?;
        let calls = RawCall::on(connections, (method.clone(), request), self.metadata())?;
        self.try_once(&method, &calls).await?;
        let before = cpu_seconds("self");
        let account = self.drive(&calls).await?;
        let used = cpu_seconds("self").zip(before);
        let cores = used.map(|(after, before)| (after - before) / account.took.as_secs_f64());
        print!("{}", self.told(&account, cores));
        if let Some(file) = &self.json {
            let found = format!("{:#}\n", self.found(&account, cores));
            fs::write(file, found).map_err(|fault| format!("{}: {fault}", file.display()))?;
        }
        self.verdict(&account)
    }

    fn json_request(&self) -> Result<String, Fault> {
        match &self.request_file {
            None => Ok(self.request.clone()),
            Some(file) => fs::read_to_string(file)
                .map_err(|fault| format!("{}: {fault}", file.display()).into()),
        }
    }

    fn metadata(&self) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for (name, value) in &self.headers {
            metadata.append(name.clone(), value.clone());
        }
        metadata
    }

    /// A call that must succeed before a load is put on the server.
    async fn try_once(&self, method: &Method, calls: &[RawCall]) -> Result<(), Fault> {
        let call = calls.first().ok_or("no connection")?.clone();
        let limit = Duration::from_millis(self.timeout_ms);
        let answer = tokio::time::timeout(limit, call.call(0)).await;
        let answer = answer.map_err(|_| "the first call was not answered in time")?;
        let answer = answer.map_err(|status| {
            let (code, message) = (status.code(), status.message());
            format!("the first call failed with {code:?}: {message}")
        })?;
        if self.show {
            println!("{}", method.shown(answer)?);
        }
        Ok(())
    }

    async fn drive(&self, calls: &[RawCall]) -> Result<Account, Fault> {
        let (timeout, length) = (
            Duration::from_millis(self.timeout_ms),
            Duration::from_secs(self.seconds),
        );
        if let Some(places) = self.closed {
            let conversations = CALLS_MAX;
            let bounds = closed::Bounds {
                timeout,
                places,
                length,
                conversations,
            };
            return closed::drive(calls, bounds).await;
        }
        let schedule = Schedule {
            shape: self.shape,
            arrivals: self.arrivals,
            rate: self.rate,
            length,
            seed: self.seed,
        };
        let bounds = open::Bounds {
            timeout,
            under_way: usize::try_from(self.under_way)?,
        };
        let most = usize::try_from(CALLS_MAX)?;
        open::drive(calls, schedule.starts().take(most), bounds).await
    }

    fn told(&self, account: &Account, cores: Option<f64>) -> String {
        let offered = match self.closed {
            Some(places) => format!("closed model, {places} places"),
            None => format!("open model, at most {}/s", self.rate),
        };
        let mut text = format!(
            "{} at {}: {offered}, {} connections, {} s\n{} sent = {} answered + {} failed; {:.0}/s\n",
            self.method,
            self.target,
            self.connections,
            self.seconds,
            account.sent,
            account.answered(),
            account.failed(),
            account.rate(),
        );
        for (code, count) in &account.failed {
            text += &format!("  {code}: {count}\n");
        }
        text += "\n| ms | p50 | p90 | p99 | p99.9 | p99.99 | max |\n|---|---:|---:|---:|---:|---:|---:|\n";
        let row = |name: &str, of: &dyn Fn(f64) -> f64| {
            let cells = SHOWN.map(|percentile| format!("{:.3}", of(percentile)));
            format!("| {name} | {} |\n", cells.join(" | "))
        };
        text += &row("latency", &|percentile| account.latency_ms(percentile));
        text += &row("service", &|percentile| service_ms(account, percentile));
        if let Some(cores) = cores {
            text += &format!("\nThe generator used {cores:.2} processors.\n");
        }
        text
    }

    fn found(&self, account: &Account, cores: Option<f64>) -> serde_json::Value {
        let ms = |of: &dyn Fn(f64) -> f64| {
            let cells = SHOWN.map(|percentile| (format!("p{percentile}"), json!(of(percentile))));
            serde_json::Map::from_iter(cells)
        };
        json!({
            "method": self.method,
            "target": self.target,
            "closed": self.closed,
            "rate": self.rate,
            "seconds": self.seconds,
            "connections": self.connections,
            "sent": account.sent,
            "answered": account.answered(),
            "failed": account.failed,
            "per_second": account.rate(),
            "latency_ms": ms(&|percentile| account.latency_ms(percentile)),
            "service_ms": ms(&|percentile| service_ms(account, percentile)),
            "generator_processors": cores,
            "flaws": account.flaws(),
        })
    }

    fn verdict(&self, account: &Account) -> Result<(), Fault> {
        let mut against = account.flaws();
        for gate in &self.gates {
            let (found, passes) = gate.judge(account);
            if !passes {
                against.push(format!("{gate} does not hold: {found:.3}"));
            }
        }
        match against.is_empty() {
            true => Ok(()),
            false => Err(against.join("; ").into()),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of a run are far below 2^52"
)]
fn service_ms(account: &Account, percentile: f64) -> f64 {
    account.service.value_at_quantile(percentile / 100.0) as f64 / 1_000.0
}

impl Identity {
    async fn connect(&self, target: &str) -> Result<Channel, Fault> {
        if self.plaintext {
            let endpoint = Endpoint::from_shared(format!("http://{target}"))?;
            return Ok(endpoint.connect().await?);
        }
        let pki = self.data.join("pki");
        let own = |named: &Option<PathBuf>, made: String| match named {
            Some(file) => file.clone(),
            None => pki.join(made),
        };
        let client = &self.client;
        let pem = ClientPem {
            authority: &read(&own(&self.ca, "ca.pem".into()))?,
            certificate: &read(&own(&self.cert, format!("clients/{client}.pem")))?,
            key: &read(&own(&self.key, format!("clients/{client}.key.pem")))?,
        };
        Ok(connect(&format!("https://{target}"), pem).await?)
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(file).map_err(|fault| format!("{}: {fault}", file.display()).into())
}

fn header(text: &str) -> Result<(AsciiMetadataKey, AsciiMetadataValue), String> {
    let wrong = || "a header is `name: value`, in ASCII".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim().to_ascii_lowercase().parse();
    let value = value.trim().parse();
    name.ok().zip(value.ok()).ok_or_else(wrong)
}
