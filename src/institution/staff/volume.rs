//! How much each account reveals on a day: the warning comes at once. The analysis counts again, from the records.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::{Timestamp, civil::Date};

use super::AtWork;
use crate::{
    domain::{jst::jst_date, names::AccountName},
    institution::IntermediateServer,
};

/// What was counted since the server began.
#[derive(Default)]
pub(in crate::institution) struct Volumes {
    days: Mutex<HashMap<AccountName, (Date, u32)>>,
    warnings: AtomicU64,
}

impl Volumes {
    /// One more on this day; returns how many.
    fn count(&self, account: &AccountName, day: Date) -> u32 {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let (on, count) = days.entry(account.clone()).or_insert((day, 0));
        if *on != day {
            (*on, *count) = (day, 0);
        }
        *count = count.saturating_add(1);
        *count
    }
}

impl IntermediateServer {
    /// Counts what an account has revealed; returns the most that is nothing special where this is beyond it.
    pub(in crate::institution) fn count_volume(
        &self,
        staff: &AtWork,
        at: Timestamp,
    ) -> Option<u32> {
        let most = self.around.staff.analysis.volume_max;
        let count = self.volumes.count(&staff.account.name, jst_date(at));
        if count == most.saturating_add(1) {
            self.volumes.warnings.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                institution = %self.profile.code,
                most,
                "an account of the staff has revealed more than usual today: see the analysis of operations"
            );
        }
        (count > most).then_some(most)
    }

    /// How often an account went beyond the usual volume of a day, since the server began.
    pub fn volume_warnings(&self) -> u64 {
        self.volumes.warnings.load(Ordering::Relaxed)
    }
}
