//! Callers who begin streams and do not read them: what stands behind a stream is bounded, others are served, and who takes nothing
//! at all is hung up on.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use chukan::config::ServerConfig;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame};
use tonic::{Status, body::Body, codegen::Bytes, server::NamedService, service::Routes};
use tonic_health::pb::health_check_response::ServingStatus;
use tower::Service;

use crate::{
    health_as,
    raw::{DATA, HEADERS, Raw, WINDOW_UPDATE, frame},
    support::{Pki, Running},
};

const PIECE_BYTES: usize = 16 << 10;

/// The window of a connection that nobody has widened. Source: RFC 9113 §6.9.2.
const WINDOW_BYTES: usize = 65_535;

/// A service whose answers have no end.
#[derive(Clone, Default)]
struct Endless {
    pieces: Arc<AtomicUsize>,
}

impl NamedService for Endless {
    const NAME: &'static str = "test.Endless";
}

impl Service<Request<Body>> for Endless {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::ready(Ok(Response::new(Body::new(self.clone()))))
    }
}

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.pieces.fetch_add(1, Ordering::Relaxed);
        let piece = Bytes::from(vec![b'x'; PIECE_BYTES]);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

/// Begins so many streams: POST, https, the path in full, authority "a". Source: RFC 7541, appendix A and §6.2.2.
fn begin(streams: u32) -> Vec<u8> {
    let path = b"/test.Endless/Call";
    let length = u8::try_from(path.len()).unwrap();
    let method = [0x83, 0x87, 0x04, length];
    let headers = [&method, path.as_slice(), &[0x41, 1, b'a']].concat();
    let begun = (0..streams).flat_map(|n| frame(HEADERS, 4 | 1, 2 * n + 1, &headers));
    begun.collect()
}

/// A server, its service, and a connection with so many streams.
async fn begun(pki: &Pki, stalled_ms_max: u64, streams: u32) -> (Running, Endless, Raw) {
    let (endless, config) = (
        Endless::default(),
        ServerConfig {
            stalled_ms_max,
            ..ServerConfig::default()
        },
    );
    let routes = Routes::new(endless.clone());
    let server = Running::start(pki, config, routes).await;
    let mut raw = Raw::connect(&pki.operator(), server.address).await;
    raw.send(&begin(streams)).await;
    (server, endless, raw)
}

#[tokio::test]
async fn streams_that_nobody_reads_hold_one_piece_each_and_others_are_served() {
    const STREAMS: u32 = 200;
    let pki = Pki::new();
    let (server, endless, mut raw) = begun(&pki, 600_000, STREAMS).await;
    let mut read = 0;
    while read < WINDOW_BYTES {
        read += raw.read_until(DATA).await.unwrap().len();
    }
    for _ in 0..20 {
        let health = health_as(&pki.operator(), &server).await.unwrap();
        assert_eq!(health, ServingStatus::Serving);
    }
    let pieces = endless.pieces.load(Ordering::Relaxed);
    let most = STREAMS as usize + WINDOW_BYTES.div_ceil(PIECE_BYTES);
    assert!(pieces <= most, "{pieces} pieces for {STREAMS} streams");
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_hung_up_on_and_the_calls_are_free_again() {
    let pki = Pki::new();
    let (server, _, mut raw) = begun(&pki, 50, 20).await;
    // The connection is read to its end, and no window is ever widened.
    while raw.read().await.is_some() {}
    server.shows("chukan_connections 0").await;
    let health = health_as(&pki.operator(), &server).await.unwrap();
    assert_eq!(health, ServingStatus::Serving);
}

#[tokio::test]
async fn who_reads_slowly_but_reads_keeps_the_stream() {
    let pki = Pki::new();
    let (_server, _, mut raw) = begun(&pki, 100, 1).await;
    let began = std::time::Instant::now();
    let mut read = 0;
    while began.elapsed().as_millis() < 500 {
        let bytes = raw
            .read_until(DATA)
            .await
            .expect("the stream goes on")
            .len();
        read += bytes;
        let more = u32::try_from(bytes).unwrap().to_be_bytes();
        raw.send(&frame(WINDOW_UPDATE, 0, 0, &more)).await;
        raw.send(&frame(WINDOW_UPDATE, 0, 1, &more)).await;
    }
    assert!(read > WINDOW_BYTES, "only {read} bytes");
}
