//! Callers that take nothing of an answer: they are noticed, and their connection is closed.
//!
//! An answer is asked for its next piece only when there is room for it at the caller's end. Who gives no room keeps a call, and
//! what stands behind it, for as long as the connection lasts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::AbortHandle, time::sleep};

use super::connection::HangUp;

/// Watches that one answer is taken.
pub(super) struct Taking {
    stalled_max: Duration,
    hang_up: Option<HangUp>,
    /// Odd while a piece is asked for, even while a piece that was given has to be taken.
    turn: Arc<AtomicU64>,
    watch: Option<AbortHandle>,
}

impl Taking {
    /// Of an answer on the connection that can be hung up.
    pub(super) fn new(stalled_max: Duration, hang_up: Option<HangUp>) -> Self {
        Self {
            stalled_max,
            hang_up,
            turn: Arc::default(),
            watch: None,
        }
    }

    /// The next piece is asked for.
    pub(super) fn asked(&self) {
        self.turn.fetch_or(1, Ordering::Relaxed);
    }

    /// A piece was given, and there may be more.
    pub(super) fn given(&mut self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
        if self.watch.is_none()
            && let Some(hang_up) = self.hang_up.take()
        {
            let watched = watch(Arc::clone(&self.turn), self.stalled_max, hang_up);
            self.watch = Some(tokio::spawn(watched).abort_handle());
        }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

/// Hangs up when a piece is not taken from one look to the next.
async fn watch(turn: Arc<AtomicU64>, stalled_max: Duration, hang_up: HangUp) {
    let mut seen = None;
    loop {
        sleep(stalled_max).await;
        let now = turn.load(Ordering::Relaxed);
        if now.is_multiple_of(2) && seen == Some(now) {
            return hang_up.because("nothing of an answer was taken");
        }
        seen = Some(now);
    }
}
