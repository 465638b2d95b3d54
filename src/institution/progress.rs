//! What is under way at this moment, and who wants to hear of changes. In memory only: the state holds the rest.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::domain::{
    inquiry::Inquiry,
    names::{ProcessingSerial, ReceiptNumber},
    result::ResultCode,
};

/// The open inquiries of an institution.
#[derive(Default)]
pub(super) struct Progress {
    open: Mutex<HashMap<ReceiptNumber, Open>>,
}

struct Open {
    /// Whether an exchange of it has begun, ended, or may have before the process began.
    touched: bool,
    not_ended: usize,
    begun: HashMap<(u16, u8), Stage>,
    changed: watch::Sender<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Cancelled,
    Checking,
    WithProvider,
}

fn place(serial: ProcessingSerial) -> (u16, u8) {
    (serial.detail, serial.info)
}

impl Progress {
    fn open(&self) -> MutexGuard<'_, HashMap<ReceiptNumber, Open>> {
        // Nothing panics while it holds the lock, and the map stays whole if it did.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to follow an inquiry of which nothing has begun.
    pub(super) fn track(&self, inquiry: &Inquiry) {
        self.follow(inquiry, false);
    }

    /// Begins to follow an inquiry of which something may have begun, when the process before ended.
    pub(super) fn track_again(&self, inquiry: &Inquiry) {
        self.follow(inquiry, true);
    }

    fn follow(&self, inquiry: &Inquiry, touched: bool) {
        let open = Open {
            touched,
            not_ended: inquiry.exchanges().count(),
            begun: HashMap::new(),
            changed: watch::Sender::new(()),
        };
        self.open().insert(inquiry.receipt, open);
    }

    /// Begins an exchange; false when it was cancelled before.
    pub(super) fn begin(&self, serial: ProcessingSerial) -> bool {
        let mut all = self.open();
        let Some(open) = all.get_mut(&serial.receipt) else {
            return true;
        };
        open.touched = true;
        let stage = open.begun.entry(place(serial)).or_insert(Stage::Checking);
        *stage != Stage::Cancelled
    }

    /// Takes an exchange that has not begun; false when it has.
    pub(super) fn cancel_before_begin(&self, serial: ProcessingSerial) -> bool {
        let mut all = self.open();
        let Some(open) = all.get_mut(&serial.receipt) else {
            return false;
        };
        open.touched = true;
        let stage = open.begun.entry(place(serial)).or_insert(Stage::Cancelled);
        *stage == Stage::Cancelled
    }

    /// Notes that the provider is being asked.
    pub(super) fn with_provider(&self, serial: ProcessingSerial) {
        if let Some(open) = self.open().get_mut(&serial.receipt) {
            open.begun.insert(place(serial), Stage::WithProvider);
            open.changed.send_replace(());
        }
    }

    /// Notes that an exchange is held.
    pub(super) fn held(&self, serial: ProcessingSerial) {
        if let Some(open) = self.open().get_mut(&serial.receipt) {
            open.touched = true;
            open.begun.remove(&place(serial));
            open.changed.send_replace(());
        }
    }

    /// Whether all exchanges of an inquiry but one have ended.
    pub(super) fn is_last(&self, receipt: ReceiptNumber) -> bool {
        self.open()
            .get(&receipt)
            .is_some_and(|open| open.not_ended == 1)
    }

    /// Notes that an exchange has ended; true when it was the inquiry's last.
    pub(super) fn ended(&self, serial: ProcessingSerial) -> bool {
        let mut all = self.open();
        let Some(open) = all.get_mut(&serial.receipt) else {
            return false;
        };
        open.touched = true;
        open.begun.remove(&place(serial));
        open.not_ended = open.not_ended.saturating_sub(1);
        open.changed.send_replace(());
        open.not_ended == 0
    }

    /// Stops following an inquiry; who waits for it is told.
    pub(super) fn close(&self, receipt: ReceiptNumber) {
        self.open().remove(&receipt);
    }

    /// How far an exchange is that the state only knows as accepted.
    pub(super) fn code(&self, serial: ProcessingSerial) -> ResultCode {
        let all = self.open();
        let begun = all
            .get(&serial.receipt)
            .and_then(|open| open.begun.get(&place(serial)));
        match begun {
            None | Some(Stage::Cancelled) => ResultCode::Accepted,
            Some(Stage::Checking) => ResultCode::Checking,
            Some(Stage::WithProvider) => ResultCode::WithProvider,
        }
    }

    /// Whether nothing of an open inquiry has begun.
    pub(super) fn is_untouched(&self, receipt: ReceiptNumber) -> bool {
        self.open().get(&receipt).is_some_and(|open| !open.touched)
    }

    /// Hears of every change of an open inquiry; nothing when it has ended.
    pub(super) fn subscribe(&self, receipt: ReceiptNumber) -> Option<watch::Receiver<()>> {
        self.open()
            .get(&receipt)
            .map(|open| open.changed.subscribe())
    }
}
