//! A result that is too big for a message lies ready over HTTPS: for its owner, by ranges, with a digest, until its time.

use std::pin::Pin;

use chukan::{
    domain::batch_file::RowCondition,
    grpc::proto::v1::{
        self, Download, inquiry_service_client::InquiryServiceClient, specific_info_result::Answer,
    },
};
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body as _;
use tempfile::TempDir;
use tonic::{body::Body, client::GrpcService, transport::Channel};

use crate::{
    frozen,
    inquiry_files::{client, fetch, file, header, many, of, row, settled, submit},
    net::{self, CITY, KEY_CITY, Net, WARD, tax_inquiry},
};

/// Everything is too big for a message.
pub(crate) const ALL: [&str; 2] = ["--set", "inquiry.message_bytes_max=1"];

const NAME: &str = "kyufu_20261122093000_0001.DAT";

/// What a request is answered.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    fn reason(&self) -> String {
        let told: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert!(
            told["messageJa"].as_str().unwrap().ends_with('。'),
            "{told}"
        );
        told["reason"].as_str().unwrap().to_owned()
    }
}

/// Sends a request with the certificate of `who`.
async fn send(net: &Net, who: &str, request: Request<Body>) -> Answered {
    send_over(net.channel(who).await, request).await
}

async fn send_over(mut channel: Channel, request: Request<Body>) -> Answered {
    std::future::poll_fn(|context| GrpcService::poll_ready(&mut channel, context))
        .await
        .unwrap();
    let answer = GrpcService::call(&mut channel, request).await.unwrap();
    let (parts, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        if let Ok(data) = frame.unwrap().into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Answered {
        status: parts.status,
        headers: parts.headers,
        body: bytes,
    }
}

async fn get(net: &Net, who: &str, url: &str, headers: &[(&str, &str)]) -> Answered {
    let mut request = Request::builder().uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(net, who, request.body(Body::empty()).unwrap()).await
}

/// What a URL answers over a channel: the status and the bytes.
pub(crate) async fn fetched_over(channel: Channel, url: &str) -> (StatusCode, Vec<u8>) {
    let request = Request::builder().uri(url).body(Body::empty()).unwrap();
    let answered = send_over(channel, request).await;
    (answered.status, answered.body)
}

/// The path of a URL at a server that may have another port by now.
fn at(net: &Net, url: &str) -> String {
    let path = url.split_once("/downloads/").unwrap().1;
    format!("https://{}/downloads/{path}", net.address())
}

/// What is fetched of a batch: a download, and nothing else.
async fn download(net: &Net, name: &str) -> Download {
    let mut stream = client(net)
        .await
        .fetch_batch_result(of(name))
        .await
        .unwrap()
        .into_inner();
    let message = stream.message().await.unwrap().unwrap();
    assert!(message.chunk.is_empty());
    assert!(stream.message().await.unwrap().is_none());
    message.download.unwrap()
}

/// The whole result of a batch, as a download.
pub(crate) async fn fetched(net: &Net, name: &str) -> Vec<u8> {
    let found = download(net, name).await;
    get(net, CITY, &found.url, &[]).await.body
}

/// Sends a file of some rows and waits for its end.
async fn batch(net: &Net, name: &str, rows: u32) {
    let mut batches = client(net).await;
    submit(&mut batches, header(name), &file(many(rows)))
        .await
        .unwrap();
    settled(&mut batches, name).await;
}

#[tokio::test]
async fn a_batch_result_is_fetched_whole_by_ranges_and_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let net = net::start_in(dir.path(), &ALL);
    batch(&net, NAME, 6).await;
    let found = download(&net, NAME).await;
    assert_eq!(found.file_name, "kyufu_20261122093000_0001_RESULT.DAT");
    assert!(found.url.starts_with(&format!(
        "https://{}/downloads/default/{CITY}/",
        net.address()
    )));
    let whole = get(&net, CITY, &found.url, &[]).await;
    assert_eq!(whole.status, StatusCode::OK);
    assert_eq!(found.bytes, i64::try_from(whole.body.len()).unwrap());
    assert_eq!(
        chukan::crypto::digest::sha256(&[&whole.body]).as_slice(),
        found.sha256
    );
    let tag = format!("\"{}\"", HEXLOWER.encode(&found.sha256));
    assert_eq!(whole.header("etag"), tag);
    assert_eq!(
        whole.header("repr-digest"),
        format!("sha-256=:{}:", BASE64.encode(&found.sha256))
    );
    assert_eq!(whole.header("cache-control"), "no-store");
    let text = String::from_utf8(whole.body.clone()).unwrap();
    assert_eq!(text.lines().count(), 6, "{text}");

    let head = Request::builder().method(Method::HEAD).uri(&found.url);
    let head = send(&net, CITY, head.body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), whole.body.len().to_string());

    let first = get(&net, CITY, &found.url, &[("range", "bytes=0-999")]).await;
    assert_eq!(
        (first.status, first.body.len()),
        (StatusCode::PARTIAL_CONTENT, 1_000)
    );
    assert_eq!(
        first.header("content-range"),
        format!("bytes 0-999/{}", found.bytes)
    );
    net.kill();
    let net = net::start_in(dir.path(), &ALL);
    let rest = [("range", "bytes=1000-"), ("if-range", tag.as_str())];
    let rest = get(&net, CITY, &at(&net, &found.url), &rest).await;
    assert_eq!(rest.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!([first.body, rest.body].concat(), whole.body);
    // Of another content a range is of no use: all of it comes.
    let other = [("range", "bytes=1000-"), ("if-range", "\"other\"")];
    let other = get(&net, CITY, &at(&net, &found.url), &other).await;
    assert_eq!((other.status, other.body), (StatusCode::OK, whole.body));
    // The same content of the same result lies ready under the same name.
    let again = download(&net, NAME).await;
    assert_eq!(
        (at(&net, &found.url), found.sha256),
        (again.url, again.sha256)
    );
    assert_eq!(
        std::fs::read_dir(dir.path().join("worlds/default/downloads"))
            .unwrap()
            .count(),
        1
    );
}

#[tokio::test]
async fn what_is_foreign_unknown_or_out_of_range_is_refused_with_its_reason() {
    let net = net::start_with(&ALL);
    batch(&net, NAME, 1).await;
    let found = download(&net, NAME).await;
    let leaves = |net: &Net| {
        let path = net.ledger();
        let bytes = std::fs::read_dir(path.join("segments"))
            .unwrap()
            .map(|file| {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                bytes
                    .windows(12)
                    .filter(|part| part == b"call_refused")
                    .count()
            });
        bytes.sum::<usize>()
    };
    let before = leaves(&net);
    for who in [WARD, "operator"] {
        let refused = get(&net, who, &found.url, &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let reason = refused.reason();
        let expected = if who == WARD {
            "INSTITUTION_MISMATCH"
        } else {
            "CALLER_NOT_ENTITLED"
        };
        assert_eq!(reason, expected);
    }
    assert_eq!(leaves(&net), before + 1, "the attempt is on record");
    let (base, id) = found.url.rsplit_once('/').unwrap();
    let unknown = [
        format!("{base}/{}", "0".repeat(32)),
        format!("{base}/..%2f..%2fkeys.json"),
        format!("{base}/{id}/more"),
        base.to_owned(),
        base.replace("/default/", "/nowhere/") + "/" + id,
        base.replace(&format!("/{CITY}"), "/") + "/" + id,
    ];
    for url in unknown {
        let refused = get(&net, CITY, &url, &[]).await;
        assert_eq!(
            (refused.status, refused.reason().as_str()),
            (StatusCode::NOT_FOUND, "NOT_FOUND"),
            "{url}"
        );
    }
    let end = format!("bytes={}-", found.bytes);
    for range in [end.as_str(), "bytes=5-2", "bytes=0-1,3-4", "bytes=x"] {
        let refused = get(&net, CITY, &found.url, &[("range", range)]).await;
        assert_eq!(refused.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(refused.reason(), "DOWNLOAD_RANGE");
        assert_eq!(
            refused.header("content-range"),
            format!("bytes */{}", found.bytes)
        );
    }
    let post = Request::builder().method(Method::POST).uri(&found.url);
    let post = send(&net, CITY, post.body(Body::empty()).unwrap()).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_download_ends_with_its_time_by_the_worlds_clock_and_its_file_is_gone() {
    let net = net::start_with(&[&ALL[..], &["--set", "metrics.listen=127.0.0.1:0"]].concat());
    frozen::create(&net).await;
    let mut inquiries = InquiryServiceClient::new(frozen::channel(&net, CITY).await);
    let inquiry = frozen::ask(&mut inquiries, tax_inquiry("d-1", 0)).await;
    let Some(Answer::Download(found)) = &inquiry.details[0].specific_infos[0].answer else {
        panic!("no download: {inquiry:?}");
    };
    assert_eq!(found.expires_at, Some(frozen::hour(24)));
    frozen::set_hour(&net, 23).await;
    let fetched = get(&net, CITY, &found.url, &[]).await;
    assert_eq!(fetched.status, StatusCode::OK);
    let shows = async |name: &str, total: i64| {
        let line = format!("chukan_download{name}_total{{world=\"frozen\"}} {total}");
        net.metrics_show(&line).await;
    };
    shows("s_ready", 1).await;
    shows("s_fetched", 1).await;
    shows("_bytes", found.bytes).await;
    shows("s_expired", 0).await;
    let files = net.data().join("worlds/frozen/downloads");
    let lying: Vec<_> = std::fs::read_dir(&files).unwrap().collect();
    let [lying] = &lying[..] else {
        panic!("{lying:?}")
    };
    let lying = std::fs::read(lying.as_ref().unwrap().path()).unwrap();
    let plain = &fetched.body[..16];
    assert!(
        !lying.windows(plain.len()).any(|part| part == plain),
        "not sealed"
    );
    frozen::set_hour(&net, 24).await;
    let refused = get(&net, CITY, &found.url, &[]).await;
    assert_eq!(
        (refused.status, refused.reason().as_str()),
        (StatusCode::GONE, "DOWNLOAD_EXPIRED")
    );
    assert_eq!(std::fs::read_dir(&files).unwrap().count(), 0);
    shows("s_expired", 1).await;
    // Acquired again it lies ready again, and no longer than the result is kept.
    frozen::set_hour(&net, 7 * 24 - 1).await;
    let get_again = v1::GetInquiryRequest {
        receipt_number: inquiry.receipt_number,
        ..Default::default()
    };
    let again = inquiries.get_inquiry(get_again).await.unwrap().into_inner();
    let again = again.inquiry.unwrap();
    let Some(Answer::Download(found)) = &again.details[0].specific_infos[0].answer else {
        panic!("no download: {again:?}");
    };
    assert_eq!(found.expires_at, again.expires_at);
    assert_eq!(
        get(&net, CITY, &found.url, &[]).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_big_answer_is_the_plaintext_or_the_sealed_answer() {
    let net = net::start_with(&ALL);
    let asked = net::ask(&mut net.inquiries(CITY).await, tax_inquiry("d-1", 0)).await;
    let Some(Answer::Download(found)) = &asked.details[0].specific_infos[0].answer else {
        panic!("no download: {asked:?}");
    };
    let plain = get(&net, CITY, &found.url, &[]).await;
    assert_eq!(plain.header("content-type"), "application/json");
    let plain: serde_json::Value = serde_json::from_slice(&plain.body).unwrap();
    assert_eq!(plain["answer"]["specific_info"], net::TAX);
    assert!(!plain["answer"]["records"].as_array().unwrap().is_empty());

    let keys = TempDir::new().unwrap();
    let key = keys.path().join("key");
    let mut made = std::process::Command::new(env!("CARGO_BIN_EXE_chukan"));
    let made = made
        .args(["key", "new", "--out"])
        .arg(&key)
        .output()
        .unwrap();
    let public = String::from_utf8(made.stdout).unwrap();
    let mut request = tax_inquiry("d-2", 0);
    request.details[0].addressee_number = net::person(0, KEY_CITY);
    request.sealing_public_key = BASE64.decode(public.trim().as_bytes()).unwrap();
    let asked = net::ask(&mut net.inquiries(KEY_CITY).await, request).await;
    let Some(Answer::Download(found)) = &asked.details[0].specific_infos[0].answer else {
        panic!("no download: {asked:?}");
    };
    let out = keys.path().join("sealed.json");
    let mut fetched = std::process::Command::new(env!("CARGO_BIN_EXE_chukan"));
    let fetched = fetched
        .args(["download", "--institution", KEY_CITY, "--data"])
        .arg(net.data())
        .arg("--out")
        .arg(&out)
        .arg(&found.url)
        .output()
        .unwrap();
    assert!(fetched.status.success(), "{fetched:?}");
    let mut opened = std::process::Command::new(env!("CARGO_BIN_EXE_chukan"));
    let opened = opened.arg("open").arg("--key").arg(&key).arg(&out).output();
    let opened = opened.unwrap();
    let opened: serde_json::Value = serde_json::from_slice(&opened.stdout).unwrap();
    // The record keys of one person's replicas do not depend on who asks.
    assert_eq!(opened["answer"]["records"], plain["answer"]["records"]);
}

#[tokio::test]
async fn a_small_result_still_comes_in_the_message() {
    let net = net::start();
    let mut batches = client(&net).await;
    submit(
        &mut batches,
        header(NAME),
        &file([row(0, RowCondition::None)]),
    )
    .await
    .unwrap();
    settled(&mut batches, NAME).await;
    assert!(!fetch(&mut batches, of(NAME)).await.unwrap().is_empty());
    assert_eq!(
        std::fs::read_dir(net.data().join("worlds/default/downloads"))
            .unwrap()
            .count(),
        0
    );
}
