//! The harness: a `chukan serve` process on a free port with a data directory of its own, and clients with certificates.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use chukan::{
    grpc::proto::v1::{
        self, InquiryDetailRequest, SpecificInfoRequest, SubmitInquiryRequest,
        inquiry_service_client::InquiryServiceClient,
    },
    sample::population::Population,
    server::connect::{ClientPem, connect},
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::transport::Channel;

/// みなも区, a Tokyo ward: the first people of every population live here.
pub(crate) const WARD: &str = "0220113112101700";
/// あさひ野市: asks in most tests; its intermediate server holds the key.
pub(crate) const CITY: &str = "9900000000001100";
/// しおかぜ市: its business system holds the key.
pub(crate) const KEY_CITY: &str = "9900000000001200";
/// ひかり市, a designated city.
pub(crate) const DESIGNATED: &str = "9900000000001300";
/// A ward of ひかり市.
pub(crate) const DESIGNATED_WARD: &str = "9900000000001301";
/// みなと県.
pub(crate) const PREFECTURE: &str = "9900000000001400";
/// The holder of 公金受取口座.
pub(crate) const ACCOUNTS: &str = "1419900000002200";

/// 地方税関係情報 and the pair that may ask for it.
pub(crate) const TAX: &str = "TM00000000000002";
pub(crate) const TAX_AFFAIR: &str = "JM01000000121000";
pub(crate) const TAX_PROCEDURE: &str = "JT01010000000214";

/// The seed and size of the default world of every test.
pub(crate) const SEED: u64 = 7;
pub(crate) const PEOPLE: u32 = 24;

/// A running server.
pub(crate) struct Net {
    child: Child,
    address: String,
    console: String,
    metrics: Option<String>,
    data: PathBuf,
    _dir: Option<TempDir>,
}

/// Starts a server with a new world.
pub(crate) fn start() -> Net {
    start_with(&[])
}

/// Starts a server with a new world and more arguments.
pub(crate) fn start_with(arguments: &[&str]) -> Net {
    let dir = TempDir::new().unwrap();
    let mut net = start_in(dir.path(), arguments);
    net._dir = Some(dir);
    net
}

/// Starts a server on a data directory that may hold a world already.
pub(crate) fn start_in(data: &Path, arguments: &[&str]) -> Net {
    running(&mut serve(data, arguments), data)
}

/// The inquiry with this receipt number, from its first person on.
pub(crate) fn by_receipt(receipt_number: String) -> v1::GetInquiryRequest {
    v1::GetInquiryRequest {
        receipt_number,
        ..Default::default()
    }
}

/// Starts `command` and waits until it is ready.
pub(crate) fn running(command: &mut Command, data: &Path) -> Net {
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let out = child.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).expect("a ready line");
    Net {
        address: ready["grpc"].as_str().unwrap().to_owned(),
        console: ready["console"].as_str().unwrap_or_default().to_owned(),
        metrics: ready["metrics"].as_str().map(str::to_owned),
        child,
        data: data.to_owned(),
        _dir: None,
    }
}

/// The command that serves `data`.
pub(crate) fn serve(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(["--seed", &SEED.to_string(), "--people", &PEOPLE.to_string()])
        .args(["--set", "log.filter=warn"])
        .args(arguments)
        // They are the tests', and the server refuses variables that it does not know.
        .env_remove("CHUKAN_DISK_CALLS")
        .env_remove("CHUKAN_DISK_FROM")
        .env_remove("CHUKAN_IDLE_CONNECTIONS")
        .env_remove("CHUKAN_FLOOD_INQUIRIES")
        .env_remove("CHUKAN_STORM_CALLS")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

impl Net {
    /// The data directory.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The same with the directory that its data is in, to be removed with it.
    pub(crate) fn keeping(mut self, dir: TempDir) -> Self {
        self._dir = Some(dir);
        self
    }

    /// The process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Where gRPC is served, `127.0.0.1:<port>`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What `/metrics` answers.
    pub(crate) async fn metrics(&self) -> String {
        scrape(self.metrics.as_ref().unwrap()).await
    }

    /// What `/healthz` answers.
    pub(crate) async fn healthz(&self) -> String {
        get(self.metrics.as_ref().unwrap(), "/healthz").await
    }

    /// Resident memory of the process, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.unwrap().parse().unwrap()
    }

    /// Waits until the metrics show a line.
    pub(crate) async fn metrics_show(&self, line: &str) {
        let address = self.metrics.as_ref().unwrap();
        let shown = async {
            while !scrape(address).await.lines().any(|shown| shown == line) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), shown).await;
        waited.unwrap_or_else(|_| panic!("the metrics never showed {line}"));
    }

    /// The metrics as they are now.
    pub(crate) async fn metrics_now(&self) -> String {
        scrape(self.metrics.as_ref().unwrap()).await
    }

    /// The directory of the default world's ledger.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.data.join("worlds/default/ledger")
    }

    /// Where the staff's terminal is.
    pub(crate) fn console(&self) -> &str {
        &self.console
    }

    /// A file of the development PKI.
    pub(crate) fn pki(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.data.join("pki").join(name)).unwrap()
    }

    /// A channel with the certificate of an institution, or with `operator`'s.
    pub(crate) async fn channel(&self, who: &str) -> Channel {
        let pki = self.data.join("pki");
        let read = |name: String| fs::read(pki.join(name)).unwrap();
        let (certificate, key) = (
            read(format!("clients/{who}.pem")),
            read(format!("clients/{who}.key.pem")),
        );
        let authority = read("ca.pem".into());
        let pem = ClientPem {
            authority: &authority,
            certificate: &certificate,
            key: &key,
        };
        let endpoint = format!("https://{}", self.address);
        connect(&endpoint, pem).await.unwrap()
    }

    /// The inquiry service as an institution sees it.
    pub(crate) async fn inquiries(&self, who: &str) -> InquiryServiceClient<Channel> {
        InquiryServiceClient::new(self.channel(who).await)
    }

    /// Kills the process at once, as a crash does, and leaves its data.
    pub(crate) fn kill(mut self) -> Option<TempDir> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self._dir.take()
    }

    /// Asks the process to stop, waits, and says how it ended.
    pub(crate) fn stop(mut self) -> (std::process::ExitStatus, Option<TempDir>) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.unwrap().success());
        let status = self.child.wait().unwrap();
        (status, self._dir.take())
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // It may have stopped already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn scrape(address: &str) -> String {
    get(address, "/metrics").await
}

async fn get(address: &str, path: &str) -> String {
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What an institution calls a sample person of the default world.
pub(crate) fn person(index: u32, institution: &str) -> String {
    let population = Population::new(SEED, PEOPLE);
    let code = institution.parse().unwrap();
    let number = population.addressee_number(index, code).unwrap();
    number.as_str().to_owned()
}

/// Now, by the computer's clock, which is the default world's.
pub(crate) fn now() -> prost_types::Timestamp {
    std::time::SystemTime::UNIX_EPOCH
        .checked_add(elapsed())
        .map(prost_types::Timestamp::from)
        .unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
fn elapsed() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap()
}

/// An inquiry of あさひ野市 about one person's 地方税関係情報 at みなも区.
pub(crate) fn tax_inquiry(record_id: &str, person_index: u32) -> SubmitInquiryRequest {
    SubmitInquiryRequest {
        requested_at: Some(now()),
        unit_code: "FUKUSHI".into(),
        user_id: "tester".into(),
        affair: TAX_AFFAIR.into(),
        procedure: TAX_PROCEDURE.into(),
        details: vec![detail(record_id, &person(person_index, CITY), WARD, TAX)],
        ..Default::default()
    }
}

/// One person and one specific information of an inquiry.
pub(crate) fn detail(
    record_id: &str,
    addressee: &str,
    provider: &str,
    specific_info: &str,
) -> InquiryDetailRequest {
    InquiryDetailRequest {
        record_id: record_id.into(),
        addressee_number: addressee.into(),
        nondisclosure: false,
        specific_infos: vec![SpecificInfoRequest {
            provider: provider.into(),
            specific_info: specific_info.into(),
            ..Default::default()
        }],
    }
}

/// Submits an inquiry, waits until nothing moves by itself any more, and returns it.
pub(crate) async fn ask(
    client: &mut InquiryServiceClient<Channel>,
    request: SubmitInquiryRequest,
) -> v1::Inquiry {
    let accepted = client.submit_inquiry(request).await.unwrap().into_inner();
    let waited = client
        .wait_inquiry(v1::WaitInquiryRequest {
            receipt_number: accepted.receipt_number,
            timeout: None,
        })
        .await
        .unwrap();
    waited.into_inner().inquiry.unwrap()
}

/// 処理通番 of an inquiry's first exchange.
pub(crate) fn serial_of(inquiry: &v1::Inquiry) -> String {
    let first = &inquiry.details[0].specific_infos[0];
    first.processing_serial.clone()
}

/// The status code of every exchange of an inquiry, in order.
pub(crate) fn codes(inquiry: &v1::Inquiry) -> Vec<String> {
    let infos = inquiry.details.iter().flat_map(|d| &d.specific_infos);
    infos
        .map(|info| info.result.as_ref().unwrap().status_code.clone())
        .collect()
}

/// `chukan ledger verify` on a directory that no process has open.
pub(crate) fn ledger_verifies(data: &Path) {
    let ledger = data.join("worlds/default/ledger");
    let mut verify = Command::new(env!("CARGO_BIN_EXE_chukan"));
    let verified = verify.args(["ledger", "verify"]).arg(ledger).output();
    let verified = verified.unwrap();
    assert!(verified.status.success(), "{verified:?}");
}
