//! What surrounds each call: limits, a deadline, a net below panics, a trace, and its count.

use std::{
    convert::Infallible,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::{
    connection::Line,
    metrics::Metrics,
    stall::Taking,
    trace_context::{Span, TRACEPARENT},
};
use crate::{
    crypto::identity::Identity,
    domain::{refusal::Refusal, unready::Unready},
    grpc::{Caller, status_of},
    world::{BUSY_PAUSE, Share, Shares},
};

/// What a header costs besides its name and value. Source: RFC 9113 §6.5.2.
const HEADER_OVERHEAD_BYTES: usize = 32;

/// Health and reflection. Their streams have no end of their own and would hold up the server's.
const GRPC_OWN: &str = "/grpc.";

#[derive(Debug, Clone)]
pub(super) struct CallLayer {
    pub(super) metrics: Arc<Metrics>,
    pub(super) calls: Arc<Semaphore>,
    /// Of each institution.
    pub(super) shares: Arc<Shares>,
    pub(super) request_max: Duration,
    /// How long a caller may take nothing of an answer.
    pub(super) stalled_max: Duration,
    pub(super) header_bytes_max: usize,
    pub(super) stopping: CancellationToken,
}

impl Layer<Routes> for CallLayer {
    type Service = Calls;

    fn layer(&self, routes: Routes) -> Calls {
        Calls {
            routes,
            layer: self.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Calls {
    routes: Routes,
    layer: CallLayer,
}

/// The right to run one call.
pub(super) struct Room {
    _share: Share,
    _permit: OwnedSemaphorePermit,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Service<Request<Body>> for Calls {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Answering {
        let line = request.extensions_mut().remove::<Line>();
        let mut call = Call::start(&self.layer, request.uri().path());
        if let Some(Line { caller, hang_up }) = line {
            request.extensions_mut().insert(caller);
            call.taking = Taking::new(self.layer.stalled_max, Some(hang_up));
        }
        match self.layer.admit(&request) {
            Ok(room) => call.room = Some(room),
            Err((refused, pause)) => {
                return Box::pin(async move {
                    sleep(pause).await;
                    Ok(call.answer(refused.into_http()))
                });
            }
        }
        let limit = self.layer.time_limit(request.headers());
        // Begun here, so that it ends before tonic's own, which would answer CANCELLED.
        let late = sleep(limit);
        let own = Span::within(request.headers());
        let span = tracing::info_span!(
            "call",
            method = call.path(),
            trace_id = own.as_ref().map(Span::trace_id),
            span_id = own.as_ref().map(Span::id)
        );
        let mut routes = self.routes.clone();
        let work = Caught(Box::pin(
            async move { routes.call(request).await }.instrument(span),
        ));
        Box::pin(async move {
            let answer = tokio::select! {
                biased;
                answer = work => answer,
                () = late => Err(Status::deadline_exceeded("the call was not answered in time")),
            };
            let mut answer = answer.unwrap_or_else(Status::into_http);
            if let Some(header) = own.and_then(|own| own.header()) {
                answer.headers_mut().insert(TRACEPARENT, header);
            }
            Ok(call.answer(answer))
        })
    }
}

impl CallLayer {
    /// The right to run, or the status that refuses it and the pause before it.
    pub(super) fn admit(&self, request: &Request<Body>) -> Result<Room, (Status, Duration)> {
        if header_bytes(request.headers()) > self.header_bytes_max {
            let status = Status::resource_exhausted(format!(
                "the headers are longer than {} bytes",
                self.header_bytes_max
            ));
            return Err((status, Duration::ZERO));
        }
        let caller = request.extensions().get::<Caller>();
        let share = caller.map(|caller| match caller.identity.as_ref() {
            Identity::Institution { code, .. } => self.shares.take(code),
            Identity::Operator => self.shares.take("operator"),
            Identity::Portal => self.shares.take("portal"),
        });
        let busy = Refusal::Unready(Unready::InstitutionBusy);
        let share = share.flatten();
        let share = share.ok_or_else(|| (status_of(&busy), BUSY_PAUSE))?;
        let permit = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| {
            let status = Status::resource_exhausted("as many calls are running as may be");
            (status, Duration::ZERO)
        })?;
        Ok(Room {
            _share: share,
            _permit: permit,
        })
    }

    fn time_limit(&self, headers: &HeaderMap) -> Duration {
        let asked = headers.get("grpc-timeout").and_then(|v| v.to_str().ok());
        let asked = asked.and_then(grpc_timeout);
        asked.map_or(self.request_max, |asked| asked.min(self.request_max))
    }
}

/// Source: "Timeout" in the gRPC over HTTP/2 protocol: at most eight digits and a unit.
fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    let each = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD_BYTES);
    each.sum()
}

/// The work of a handler. Its panic is answered INTERNAL and says nothing of what was worked on.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Caught<F> {
    type Output = Result<Response<Body>, Status>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic the future is dropped and never polled again, so nobody sees what it left broken.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(response))) => Poll::Ready(Ok(response)),
            Ok(Poll::Ready(Err(never))) => match never {},
            Err(_) => Poll::Ready(Err(Status::internal("the server made a mistake"))),
        }
    }
}

/// A call under way; counted when its status is known, before the caller can see it.
struct Call {
    metrics: Arc<Metrics>,
    path: String,
    started: Instant,
    counted: bool,
    room: Option<Room>,
    taking: Taking,
    /// When the answer ends without being asked to.
    stopped: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Call {
    fn start(layer: &CallLayer, path: &str) -> Self {
        let method = layer.metrics.method(path);
        let endless = method.path().starts_with(GRPC_OWN);
        method.in_flight.increment(1);
        Self {
            path: method.path().to_owned(),
            metrics: Arc::clone(&layer.metrics),
            started: Instant::now(),
            counted: false,
            room: None,
            taking: Taking::new(layer.stalled_max, None),
            stopped: endless.then(|| Box::pin(layer.stopping.clone().cancelled_owned())),
        }
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn answer(mut self, response: Response<Body>) -> Response<Body> {
        self.note(response.headers());
        response.map(|inner| {
            Body::new(Answer {
                inner,
                call: self,
                stopped: false,
            })
        })
    }

    fn note(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get(Status::GRPC_STATUS) {
            self.end(Code::from_bytes(code.as_bytes()));
        }
    }

    fn is_stopped(&mut self, context: &mut Context<'_>) -> bool {
        let stopped = self.stopped.as_mut();
        stopped.is_some_and(|stopped| stopped.as_mut().poll(context).is_ready())
    }

    fn stopped_trailers(&mut self) -> Result<HeaderMap, Status> {
        self.end(Code::Unavailable);
        let mut trailers = HeaderMap::new();
        Status::unavailable("the server stops").add_header(&mut trailers)?;
        Ok(trailers)
    }

    fn end(&mut self, code: Code) {
        if self.counted {
            return;
        }
        self.counted = true;
        self.room = None;
        let method = self.metrics.method(&self.path);
        method.in_flight.decrement(1);
        method.seconds.record(self.started.elapsed().as_secs_f64());
        self.metrics.count(method, code);
        tracing::debug!(method = self.path, ?code, "call ended");
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Without a status before now the answer did not reach its end: the caller has gone.
        self.end(Code::Cancelled);
    }
}

/// The body of an answer, whose trailers hold the status.
struct Answer {
    inner: Body,
    call: Call,
    stopped: bool,
}

impl HttpBody for Answer {
    type Data = <Body as HttpBody>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        if self.stopped {
            return Poll::Ready(None);
        }
        self.call.taking.asked();
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        if frame.is_pending() && self.call.is_stopped(context) {
            self.stopped = true;
            return Poll::Ready(Some(self.call.stopped_trailers().map(Frame::trailers)));
        }
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.call.note(trailers);
        } else if let Poll::Ready(Some(Ok(_))) = &frame {
            self.call.taking.given();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.stopped || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_timeout_is_none() {
        for text in ["", "S", "1", "1s", "123456789S", "-1S", "1 S", "1é"] {
            // "S" has no digits; the protocol asks for at least one.
            assert_eq!(grpc_timeout(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_timeout_is_read_with_its_unit() {
        for (text, expected) in [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("4S", Duration::from_secs(4)),
            ("5m", Duration::from_millis(5)),
            ("6u", Duration::from_micros(6)),
            ("99999999n", Duration::from_nanos(99_999_999)),
        ] {
            assert_eq!(grpc_timeout(text), Some(expected), "{text}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_answered_internal_without_its_message() {
        let work = async {
            if header_bytes(&HeaderMap::new()) == 0 {
                panic!("123456789018");
            }
            Ok(Response::new(Body::empty()))
        };
        let status = Caught(Box::pin(work)).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert!(!format!("{status:?}").contains("123456789018"));
    }
}
