//! What the operating system asks for: SIGINT and SIGTERM to stop, SIGHUP to read the TLS files again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::tls::Tls;

/// The signals a server listens to. From [`Signals::listen`] on, they no longer end the process by themselves.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals over.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Completes when the process is to stop; until then each SIGHUP reloads `tls`.
    pub async fn until_stop(mut self, tls: &Tls) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                asked = self.hangup.recv() => {
                    if asked.is_none() {
                        return;
                    }
                    reload(tls);
                }
            }
        }
    }
}

/// Reloads; a failure leaves the settings as they are and is logged.
pub(super) fn reload(tls: &Tls) {
    match tls.reload() {
        Ok(()) => tracing::info!("TLS files read again"),
        Err(fault) => {
            tracing::error!(%fault, "TLS files not taken over; the earlier ones stay in force")
        }
    }
}
