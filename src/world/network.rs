//! The national network's plan and notices, and the exchanges that wait for it.

use jiff::Timestamp;
use tokio::sync::watch;

use super::{ClockMode, World, WorldFault};
use crate::domain::{
    codes::InstitutionCode,
    network_plan::{NetworkPlan, OperationNotice, Wait},
    refusal::{FieldFlaw, Refusal, Thing},
    words::Note,
};

/// The most notices that are kept; posting another takes away the oldest.
const NOTICES_MAX: usize = 100;

/// Tells those who wait that the plan or the clock was set.
pub(super) type Changed = watch::Sender<()>;

impl World {
    /// How the national network behaves.
    pub fn network(&self) -> NetworkPlan {
        (*self.core.plan()).clone()
    }

    /// Sets how the national network behaves, and keeps it. What waits and need not any longer goes on.
    ///
    /// # Errors
    /// When the plan names an institution that the world has not; when the setting cannot be written.
    pub fn set_network(&self, plan: NetworkPlan) -> Result<(), WorldFault> {
        let unknown = |code: &&InstitutionCode| self.directory.find(**code).is_none();
        if let Some(code) = plan.providers.keys().find(unknown) {
            return Err(Refusal::InstitutionUnknown(*code).into());
        }
        self.describe(|description| description.network = plan.clone())?;
        self.core.set_plan(plan);
        self.network_changed.send_replace(());
        Ok(())
    }

    /// Waits until an exchange may go to the network; false when the world is closed before.
    pub(super) async fn may_go(&self, provider: InstitutionCode, accepted_at: Timestamp) -> bool {
        let mut changed = self.network_changed.subscribe();
        loop {
            let runs = !matches!(self.clock(), ClockMode::Frozen(_));
            let sleep = match self.core.plan().wait(provider, accepted_at, self.now()) {
                Wait::Over => return true,
                Wait::For(wait) if runs => wait.unsigned_abs(),
                Wait::For(_) | Wait::UntilChanged => std::time::Duration::MAX,
            };
            tokio::select! {
                () = self.closing.cancelled() => return false,
                told = changed.changed() => if told.is_err() { return false },
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// The notices of the network's operator, newest first.
    pub fn operation_notices(&self) -> Vec<OperationNotice> {
        let mut notices = self.described(|description| description.notices.clone());
        notices.reverse();
        notices
    }

    /// Posts a notice to every institution.
    ///
    /// # Errors
    /// When it ends before it begins, or cannot be written.
    pub fn post_operation_notice(
        &self,
        text: Note,
        (from, until): (Timestamp, Option<Timestamp>),
    ) -> Result<OperationNotice, WorldFault> {
        if until.is_some_and(|until| until <= from) {
            return Err(Refusal::Malformed(vec![FieldFlaw::new(
                "until",
                "is not later than `from`",
                "開始日時より後の日時を指定してください",
            )])
            .into());
        }
        let mut notice = OperationNotice {
            number: 0,
            posted_at: self.now(),
            from,
            until,
            text,
        };
        self.describe(|description| {
            description.notices_posted += 1;
            notice.number = description.notices_posted;
            if description.notices.len() >= NOTICES_MAX {
                description.notices.remove(0);
            }
            description.notices.push(notice.clone());
        })?;
        Ok(notice)
    }

    /// Takes a notice back.
    ///
    /// # Errors
    /// When there is none of this number.
    pub fn withdraw_operation_notice(&self, number: u64) -> Result<(), WorldFault> {
        let mut found = false;
        self.describe(|description| {
            let before = description.notices.len();
            description.notices.retain(|notice| notice.number != number);
            found = description.notices.len() < before;
        })?;
        if found {
            Ok(())
        } else {
            Err(Refusal::NotFound(Thing::OperationNotice).into())
        }
    }
}
