//! One admitted connection: who is at its other end, and the means to close it from here.

use std::{
    collections::HashMap,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use metrics::Gauge;
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::grpc::Caller;

/// A TLS connection with a known caller.
pub(super) struct Connection {
    pub(super) stream: TlsStream<TcpStream>,
    pub(super) caller: Caller,
    pub(super) place: Place,
}

/// What every call on a connection knows of it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) caller: Caller,
    pub(super) hang_up: HangUp,
}

impl Connected for Connection {
    type ConnectInfo = Line;

    fn connect_info(&self) -> Line {
        Line {
            caller: self.caller.clone(),
            hang_up: HangUp {
                number: self.place.number,
                open: Arc::clone(&self.place.open),
            },
        }
    }
}

/// The means to close one connection.
#[derive(Debug, Clone)]
pub(super) struct HangUp {
    number: u64,
    open: Arc<OpenConnections>,
}

impl HangUp {
    /// Closes the connection, when it is still open.
    pub(super) fn because(&self, reason: &'static str) {
        if self.open.places().taken.remove(&self.number).is_some() {
            tracing::warn!(reason, "a connection is closed");
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.place.closed(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The connections that are open, at most so many at once.
#[derive(Debug)]
pub(super) struct OpenConnections {
    seats: Arc<Semaphore>,
    places: Mutex<Places>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Places {
    next: u64,
    taken: HashMap<u64, Taken>,
}

/// Dropping it closes the connection.
#[derive(Debug)]
struct Taken {
    chain: Vec<CertificateDer<'static>>,
    _close: oneshot::Sender<()>,
}

impl OpenConnections {
    pub(super) fn new(connections_max: usize, gauge: Gauge) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(connections_max)),
            places: Mutex::default(),
            gauge,
        }
    }

    /// The right to one connection, or `None` when all are taken.
    pub(super) fn seat(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.seats).try_acquire_owned().ok()
    }

    pub(super) fn place(
        self: &Arc<Self>,
        seat: OwnedSemaphorePermit,
        chain: Vec<CertificateDer<'static>>,
    ) -> Place {
        let (_close, closed) = oneshot::channel();
        self.gauge.increment(1);
        let mut places = self.places();
        let number = places.next;
        places.next += 1;
        places.taken.insert(number, Taken { chain, _close });
        Place {
            number,
            closed,
            open: Arc::clone(self),
            _seat: seat,
        }
    }

    /// Closes the connections whose certificates `admits` refuses, and says how many.
    pub(super) fn keep(&self, admits: impl Fn(&[CertificateDer<'_>]) -> bool) -> usize {
        let mut places = self.places();
        let before = places.taken.len();
        places.taken.retain(|_, taken| admits(&taken.chain));
        before - places.taken.len()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's entry among the open ones; it leaves with the connection.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    closed: oneshot::Receiver<()>,
    open: Arc<OpenConnections>,
    _seat: OwnedSemaphorePermit,
}

impl Place {
    fn closed(&mut self, context: &mut Context<'_>) -> bool {
        self.closed.is_terminated() || Pin::new(&mut self.closed).poll(context).is_ready()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.places().taken.remove(&self.number);
        self.open.gauge.decrement(1);
    }
}
