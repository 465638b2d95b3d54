//! The door for results that are too big for a message: GET and HEAD over the listener of gRPC, whole or by ranges. Calls pass
//! it by, and learn under which authority they have reached the server.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};

use super::{
    connection::Line,
    rpc::{CallLayer, Room},
    stall::Taking,
};
use crate::{
    domain::download::wanted_range,
    grpc::{Caller, DOWNLOADS_PATH, Fetch, ReachedAt, Surface, status_of},
    store::DownloadReader,
};

/// How many bytes are read and sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// How many pieces wait for a slow reader.
const PIECES_WAITING: usize = 4;

/// SHA-256 of the whole file. Source: RFC 9530 §3.
const REPR_DIGEST: &str = "repr-digest";

#[derive(Clone)]
pub(super) struct DownloadLayer {
    /// Whose limits hold here as well.
    pub(super) calls: CallLayer,
    /// Nothing where no results are handed out.
    pub(super) surface: Option<Surface>,
}

impl<S> Layer<S> for DownloadLayer {
    type Service = Downloads<S>;

    fn layer(&self, inner: S) -> Downloads<S> {
        Downloads {
            inner,
            layer: self.clone(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Downloads<S> {
    inner: S,
    layer: DownloadLayer,
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Downloads<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answering<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answering<S::Error> {
        match &self.layer.surface {
            Some(surface) if request.uri().path().starts_with(DOWNLOADS_PATH) => {
                let calls = &self.layer.calls;
                let line = request.extensions_mut().remove::<Line>();
                let hang_up = line.map(|Line { caller, hang_up }| {
                    request.extensions_mut().insert(caller);
                    hang_up
                });
                let taking = Taking::new(calls.stalled_max, hang_up);
                let room = calls.admit(&request).map_err(|(status, _)| status);
                let room = room.map(|room| (room, taking));
                let answered = answer(surface.clone(), request, room);
                Box::pin(async move { Ok(answered.await) })
            }
            Some(_) | None => {
                if let Some(authority) = authority(&request) {
                    request.extensions_mut().insert(ReachedAt(authority));
                }
                Box::pin(self.inner.call(request))
            }
        }
    }
}

fn authority(request: &Request<Body>) -> Option<String> {
    let of_uri = request.uri().authority().map(ToString::to_string);
    let host = request.headers().get(header::HOST);
    of_uri.or_else(|| Some(host?.to_str().ok()?.to_owned()))
}

async fn answer(
    surface: Surface,
    request: Request<Body>,
    room: Result<(Room, Taking), Status>,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let with_body = match parts.method {
        Method::GET => true,
        Method::HEAD => false,
        _ => {
            let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, Body::empty());
            let headers = refused.headers_mut();
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
    };
    let caller = parts.extensions.get::<Caller>();
    let fetched = async {
        let room = room?;
        let caller = caller.ok_or_else(|| Status::unauthenticated("a certificate is needed"))?;
        let fetch = surface.fetch(caller, parts.uri.path()).await?;
        Ok::<_, Status>((room, fetch))
    };
    match fetched.await {
        Ok((room, fetch)) => hand_out(fetch, &parts.headers, with_body.then_some(room)).await,
        Err(status) => refusal(&status),
    }
}

/// Hands out what the headers ask for; only the head of it where there is no room for a body.
async fn hand_out(fetch: Fetch, asked: &HeaderMap, room: Option<(Room, Taking)>) -> Response<Body> {
    let (bytes, sha256) = (fetch.download.bytes, fetch.download.sha256.clone());
    let tag = format!("\"{sha256}\"");
    let range = match asked_range(asked, &tag).map(|range| wanted_range(range, bytes)) {
        None | Some(Ok(None)) => None,
        Some(Ok(Some(range))) => Some(range),
        Some(Err(refused)) => {
            let mut refused = refusal(&status_of(&refused.into()));
            set(
                refused.headers_mut(),
                header::CONTENT_RANGE,
                &format!("bytes */{bytes}"),
            );
            return refused;
        }
    };
    let of = &fetch.download.of;
    let name = format!("attachment; filename=\"{}\"", of.file_name());
    let media_type = HeaderValue::from_static(of.media_type());
    let part = range.clone().unwrap_or(0..bytes);
    let length = part.end - part.start;
    let body = match room {
        None => Body::empty(),
        Some(room) => {
            let opening = tokio::task::spawn_blocking({
                let part = part.clone();
                move || fetch.read(&part)
            });
            let stopped = |_| Status::internal("the download could not be read");
            match opening.await.map_err(stopped).flatten() {
                Ok(reader) => Body::new(FileBody::begin(reader, length, room)),
                Err(status) => return refusal(&status),
            }
        }
    };
    let status = match &range {
        Some(_) => StatusCode::PARTIAL_CONTENT,
        None => StatusCode::OK,
    };
    let mut answer = response(status, body);
    let headers = answer.headers_mut();
    set(headers, header::CONTENT_LENGTH, &length.to_string());
    set(headers, header::ETAG, &tag);
    set(headers, header::CONTENT_DISPOSITION, &name);
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let digest = HEXLOWER.decode(sha256.as_bytes()).unwrap_or_default();
    let digest = format!("sha-256=:{}:", BASE64.encode(&digest));
    set(
        headers,
        header::HeaderName::from_static(REPR_DIGEST),
        &digest,
    );
    if range.is_some() {
        let range = format!("bytes {}-{}/{bytes}", part.start, part.end - 1);
        set(headers, header::CONTENT_RANGE, &range);
    }
    answer
}

/// The `Range` header; nothing where it holds only for another file than this one. Source: RFC 9110 §13.1.5.
fn asked_range<'a>(headers: &'a HeaderMap, tag: &str) -> Option<&'a str> {
    let same = headers.get(header::IF_RANGE);
    if same.is_some_and(|same| same.as_bytes() != tag.as_bytes()) {
        return None;
    }
    // What is not text is no range of bytes.
    Some(headers.get(header::RANGE)?.to_str().unwrap_or("bytes=?"))
}

fn response(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// A refusal as JSON: reason, and what is wrong in both languages.
fn refusal(status: &Status) -> Response<Body> {
    let info = status.get_details_error_info();
    let reason = info.map(|info| info.reason).unwrap_or_default();
    let ja = status.get_details_localized_message();
    let code = match (status.code(), reason.as_str()) {
        (_, "DOWNLOAD_EXPIRED") => StatusCode::GONE,
        (Code::NotFound, _) => StatusCode::NOT_FOUND,
        (Code::PermissionDenied, _) => StatusCode::FORBIDDEN,
        (Code::Unauthenticated, _) => StatusCode::UNAUTHORIZED,
        (Code::OutOfRange, _) => StatusCode::RANGE_NOT_SATISFIABLE,
        (Code::ResourceExhausted, _) => StatusCode::TOO_MANY_REQUESTS,
        (Code::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
        (_, _) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let told = serde_json::json!({
        "reason": reason,
        "message": status.message(),
        "messageJa": ja.map(|ja| ja.message).unwrap_or_default(),
    });
    let mut refused = response(code, Body::new(told.to_string()));
    let json = HeaderValue::from_static("application/json");
    refused.headers_mut().insert(header::CONTENT_TYPE, json);
    refused
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // All values set here are digits, hexadecimal digits and names of ours.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A part of a file on its way to the client; it holds a call's room until it has ended.
struct FileBody {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    left: u64,
    taking: Taking,
    _room: Room,
}

impl FileBody {
    fn begin(mut reader: DownloadReader, length: u64, (room, taking): (Room, Taking)) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_WAITING);
        tokio::task::spawn_blocking(move || {
            loop {
                let piece = match reader.next_piece(PIECE_BYTES) {
                    Ok(None) => return,
                    Ok(Some(piece)) => Ok(piece),
                    Err(fault) => {
                        tracing::error!(%fault, "a download broke off");
                        Err(io::Error::other("the download cannot be read"))
                    }
                };
                let ended = piece.is_err();
                // The reader has gone when this cannot be sent.
                if sender.blocking_send(piece).is_err() || ended {
                    return;
                }
            }
        });
        Self {
            pieces,
            left: length,
            taking,
            _room: room,
        }
    }
}

impl HttpBody for FileBody {
    type Data = <Body as HttpBody>::Data;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Self::Data>>>> {
        self.taking.asked();
        self.pieces.poll_recv(context).map(|next| {
            let piece = next?;
            self.taking.given();
            Some(piece.map(|piece| {
                let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                self.left = self.left.saturating_sub(length);
                Frame::data(piece.into())
            }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
