//! `chukan batch fetch` and `chukan download` over a bad line: they go on where it broke off, and keep only what is whole.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    downloads::ALL,
    inquiry_files::{client, file, header, many, of, settled, submit},
    net::{self, CITY, Net},
    web::http_1_1,
};

const NAME: &str = "kyufu_20261122093000_0001.DAT";
const RESULT: &str = "kyufu_20261122093000_0001_RESULT.DAT";

/// How many bytes the bad line lets through of each of its first connections that carry more than that.
const CUT_AFTER_BYTES: usize = 60_000;

/// How often the bad line breaks.
const CUTS: u32 = 3;

/// A line to the server that breaks in the middle, some times.
async fn bad_line(net: &Net) -> (SocketAddr, Arc<AtomicU32>) {
    let (listener, server) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        net.address().to_owned(),
    );
    let (address, cuts) = (listener.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&cuts);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (server, cuts) = (server.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                let there = TcpStream::connect(server).await.unwrap();
                let (mut from_client, mut to_client) = socket.into_split();
                let (mut from_server, mut to_server) = there.into_split();
                tokio::spawn(async move {
                    drop(tokio::io::copy(&mut from_client, &mut to_server).await);
                });
                let (mut bytes, mut carried) = ([0; 4_096], 0);
                while let Ok(read) = from_server.read(&mut bytes).await {
                    carried += read;
                    if carried > CUT_AFTER_BYTES && cuts.load(Ordering::SeqCst) < CUTS {
                        cuts.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    if read == 0 || to_client.write_all(&bytes[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, cuts)
}

fn fetch(net: &Net, dir: &Path, server: &str) -> Output {
    let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
    chukan
        .current_dir(dir)
        .args([
            "batch",
            "fetch",
            "--institution",
            CITY,
            "--server",
            server,
            "--data",
        ])
        .arg(net.data())
        .arg(NAME);
    chukan.output().unwrap()
}

async fn batch(net: &Net, rows: u32) {
    let mut batches = client(net).await;
    let bytes = file(many(rows));
    submit(&mut batches, header(NAME), &bytes).await.unwrap();
    settled(&mut batches, NAME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_goes_on_where_the_line_broke_off() {
    let (net, dir) = (net::start_with(&ALL), TempDir::new().unwrap());
    batch(&net, 1_200).await;
    let (line, cuts) = bad_line(&net).await;
    let fetched = fetch(&net, dir.path(), &line.to_string());
    assert!(fetched.status.success(), "{fetched:?}");
    assert_eq!(cuts.load(Ordering::SeqCst), CUTS);
    let text = std::fs::read_to_string(dir.path().join(RESULT)).unwrap();
    assert!(text.lines().count() >= 1_200);
    let straight = TempDir::new().unwrap();
    let fetched = fetch(&net, straight.path(), net.address());
    assert!(fetched.status.success(), "{fetched:?}");
    let whole = std::fs::read_to_string(straight.path().join(RESULT)).unwrap();
    assert_eq!(text, whole);
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "nothing else is left"
    );

    // A part that an earlier command left is used; one that is not of this file is found out and thrown away.
    let other = TempDir::new().unwrap();
    let digest =
        data_encoding::HEXLOWER.encode(&chukan::crypto::digest::sha256(&[text.as_bytes()]));
    let part = other
        .path()
        .join(format!("{RESULT}.{}.part", &digest[..16]));
    std::fs::write(&part, &text.as_bytes()[..100_000]).unwrap();
    let resumed = fetch(&net, other.path(), net.address());
    let told = String::from_utf8(resumed.stdout).unwrap();
    assert!(told.contains("100000バイト目の次から"), "{told}");
    let resumed = std::fs::read_to_string(other.path().join(RESULT)).unwrap();
    assert_eq!(resumed, text);
    std::fs::remove_file(other.path().join(RESULT)).unwrap();
    std::fs::write(&part, vec![b'x'; 100_000]).unwrap();
    let spoilt = fetch(&net, other.path(), net.address());
    assert_eq!(spoilt.status.code(), Some(1));
    assert!(
        String::from_utf8(spoilt.stderr)
            .unwrap()
            .contains("要約値が一致しない")
    );
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_client_of_http_1_1_fetches_it_as_well() {
    let net = net::start_with(&ALL);
    batch(&net, 1).await;
    let mut stream = client(&net)
        .await
        .fetch_batch_result(of(NAME))
        .await
        .unwrap()
        .into_inner();
    let found = stream.message().await.unwrap().unwrap().download.unwrap();
    let mut stream = http_1_1(&net).await;
    let (_, path) = found.url.split_once(net.address()).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 206"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n01,12345  "), "{answer}");
}
