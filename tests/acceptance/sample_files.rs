//! `chukan sample files`: what stands beside every file is what becomes of it in a world of the same seed and size.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use chukan::{
    domain::files::Encoding,
    grpc::proto::v1::{
        self, ReplicaFileForm, ReplicaFileText, ReplicaImportSettings,
        batch_service_client::BatchServiceClient, replica_service_client::ReplicaServiceClient,
    },
    sample::expected::{Expected, ExpectedFlaw, ExpectedOutcome},
};
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::{
    inquiry_files::{counts, header, pieces, settled, submit},
    net::{self, CITY, DESIGNATED, PEOPLE, SEED, WARD},
    replica_files::{import, settings},
};

/// A file, and what must become of it.
struct Sample {
    name: String,
    bytes: Vec<u8>,
    expected: Expected,
}

/// Makes the files of an institution.
fn make(institution: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_chukan"))
        .args(["sample", "files", "--institution", institution, "--out"])
        .arg(dir.path())
        .args(["--seed", &SEED.to_string(), "--people", &PEOPLE.to_string()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    dir
}

/// The files below a directory, in the order of their names; each has its expectation beside it.
fn files(dir: &Path) -> Vec<Sample> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".expected.json"))
        .collect();
    names.sort();
    let sample = |name: String| {
        let expected = fs::read(dir.join(format!("{name}.expected.json"))).unwrap();
        Sample {
            bytes: fs::read(dir.join(&name)).unwrap(),
            expected: serde_json::from_slice(&expected).unwrap(),
            name,
        }
    };
    names.into_iter().map(sample).collect()
}

async fn check(client: &mut BatchServiceClient<Channel>, sample: &Sample) -> Vec<ExpectedFlaw> {
    let parts = pieces(header(&sample.name), &sample.bytes);
    let parts = parts.into_iter().map(|request| v1::CheckBatchRequest {
        part: request.part.map(|part| match part {
            v1::submit_batch_request::Part::Header(header) => {
                v1::check_batch_request::Part::Header(header)
            }
            v1::submit_batch_request::Part::Chunk(chunk) => {
                v1::check_batch_request::Part::Chunk(chunk)
            }
        }),
    });
    let parts: Vec<_> = parts.collect();
    let checked = client.check_batch(tokio_stream::iter(parts)).await;
    let mut checked = checked.unwrap().into_inner();
    let mut found = Vec::new();
    while let Some(response) = checked.message().await.unwrap() {
        let flaw = response.flaw.unwrap();
        found.push(ExpectedFlaw {
            line: u64::try_from(flaw.line).unwrap(),
            what: flaw.column_name,
        });
    }
    found.dedup();
    found
}

#[tokio::test]
async fn inquiry_files_bring_what_stands_beside_them() {
    for institution in [DESIGNATED, CITY] {
        let net = net::start();
        let made = make(institution);
        let mut client = BatchServiceClient::new(net.channel(institution).await);
        let mut shown = BTreeMap::<String, u32>::new();
        let mut wrong = Vec::new();
        let mut samples = files(&made.path().join("inquiry"));
        // What is wrong with a file does not depend on who sends it: once is enough.
        samples.retain(|sample| institution == DESIGNATED || !sample.name.starts_with("flawed"));
        for sample in samples {
            match &sample.expected.outcome {
                ExpectedOutcome::Results(results) => {
                    submit(&mut client, header(&sample.name), &sample.bytes)
                        .await
                        .unwrap();
                    let ended = settled(&mut client, &sample.name).await;
                    let found = counts(&ended).into_iter();
                    let found: BTreeMap<_, _> = found
                        .map(|(code, rows)| (code, u32::try_from(rows).unwrap()))
                        .collect();
                    if found != *results {
                        wrong.push(format!("{}: {found:?} {:?}", sample.name, sample.expected));
                    }
                    for (code, rows) in found {
                        *shown.entry(code).or_default() += rows;
                    }
                }
                ExpectedOutcome::Flaws(flaws) => {
                    let found = check(&mut client, &sample).await;
                    let taken = submit(&mut client, header(&sample.name), &sample.bytes).await;
                    if found != *flaws || taken.is_ok() {
                        wrong.push(format!("{}: {found:?} {:?}", sample.name, sample.expected));
                    }
                }
                ExpectedOutcome::Replicas(_) => panic!("{} is no inquiry file", sample.name),
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        // The five kinds of no data; the former home cannot ask about itself.
        for code in ["01", "13", "31", "32", "33", "34", "35", "41"] {
            let reachable = institution == DESIGNATED || code != "34";
            assert_eq!(shown.contains_key(code), reachable, "{code} {shown:?}");
        }
    }
}

#[tokio::test]
async fn replica_files_bring_what_stands_beside_them() {
    for institution in [WARD, net::ACCOUNTS] {
        let net = net::start();
        let made = make(institution);
        let mut client = ReplicaServiceClient::new(net.channel(institution).await);
        let (mut wrong, mut taken, mut codes) = (Vec::new(), 0, BTreeMap::<String, u32>::new());
        for sample in files(&made.path().join("replica")) {
            let dat = Path::new(&sample.name).extension().unwrap() == "DAT";
            let form = if dat {
                ReplicaFileForm::Dat
            } else {
                ReplicaFileForm::Csv
            };
            let encoding = match sample.expected.encoding {
                Encoding::Utf8 => "utf-8",
                Encoding::ShiftJis => "shift_jis",
            };
            let settings = ReplicaImportSettings {
                form: form.into(),
                text: Some(ReplicaFileText {
                    encoding: encoding.into(),
                    character_table: String::new(),
                }),
                // Two encodings of a file without Japanese are the same bytes.
                again: true,
                ..settings()
            };
            let (flaws, report) = import(&mut client, settings, &sample.bytes).await.unwrap();
            let mut found: Vec<_> = flaws
                .into_iter()
                .map(|flaw| ExpectedFlaw {
                    line: flaw.line,
                    what: flaw.code,
                })
                .collect();
            found.dedup();
            let right = match &sample.expected.outcome {
                ExpectedOutcome::Replicas(count) => {
                    taken += 1;
                    let done = report.import.unwrap_or_default();
                    found.is_empty() && done.registered + done.replaced == *count
                }
                ExpectedOutcome::Flaws(flaws) => {
                    for flaw in flaws {
                        *codes.entry(flaw.what.clone()).or_default() += 1;
                    }
                    // What is left of a replica of which a line cannot be read or placed is flawed too.
                    let follows = ["BESIDE_UNREADABLE", "NO_PARENT", "FORM"];
                    let (first, rest) = found.split_first().unwrap();
                    let rest_follows = rest
                        .iter()
                        .all(|flaw| follows.contains(&flaw.what.as_str()));
                    *flaws == [first.clone()] && rest_follows && !report.taken
                }
                ExpectedOutcome::Results(_) => false,
            };
            if !right {
                wrong.push(format!("{}: {found:?} {:?}", sample.name, sample.expected));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(taken >= 4, "{taken}");
        assert!(codes.len() >= 19, "{codes:?}");
    }
}
