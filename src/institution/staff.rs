//! 職員: who is signed in at an intermediate server, and what is on record of what they do. SCM.

mod accounts;
mod analysis;
mod password;
mod sessions;
mod sign_in;
mod volume;

use jiff::{SignedDuration, Timestamp};

use super::{ActFault, IntermediateServer};
use crate::{
    crypto::password::HashFault,
    domain::{
        analysis::AnalysisRules,
        identity::PlacedIdentityUse,
        jst::jst_date,
        operation::{Operation, OperationKind, OperationOutcome, PlacedOperation},
        password::PasswordRules,
        record::Entry,
        refusal::{Refusal, Thing},
        staff::{Account, Act, Authority, StaffRefusal},
    },
    store::SearchPlace,
};

pub use accounts::{AccountDraft, AccountView};
pub use analysis::Analysis;
pub(super) use sessions::Sessions;
pub use sign_in::SignedIn;
pub(super) use volume::Volumes;

/// What the institution asks of its staff.
#[derive(Debug, Clone, Copy)]
pub struct StaffRules {
    /// Passwords and failures.
    pub password: PasswordRules,
    /// How long a session lives without a sign of life.
    pub idle_max: SignedDuration,
    /// How long a session lives at most.
    pub session_max: SignedDuration,
    /// What an auditor should look at.
    pub analysis: AnalysisRules,
}

impl Default for StaffRules {
    fn default() -> Self {
        Self {
            password: PasswordRules {
                characters_min: 10,
                lifetime: SignedDuration::from_hours(90 * 24),
                remembered: 5,
                failures_max: 5,
            },
            idle_max: SignedDuration::from_mins(15),
            session_max: SignedDuration::from_mins(480),
            analysis: AnalysisRules {
                opens: 7,
                closes: 20,
                failures_min: 3,
                unused_days: 90,
                volume_max: 50,
            },
        }
    }
}

/// A member of staff in a session: who they are and where they sit.
#[derive(Debug, Clone)]
pub struct AtWork {
    account: Account,
    origin: String,
    password_due: bool,
}

impl AtWork {
    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Whether the password must be changed before anything else is done.
    pub fn password_is_due(&self) -> bool {
        self.password_due
    }

    /// Whether this member of staff may do this.
    ///
    /// # Errors
    /// When the password is due, or no role allows it.
    pub fn authority(&self, act: Act) -> Result<Authority<'_>, Refusal> {
        if self.password_due {
            return Err(StaffRefusal::PasswordDue.into());
        }
        Ok(self.account.authority(act)?)
    }

    pub(crate) fn operation(&self, what: OperationKind, on: Option<String>) -> Operation {
        Operation {
            account: Some(self.account.name.clone()),
            person: Some(self.account.person.clone()),
            what,
            on,
            outcome: OperationOutcome::Done,
            origin: self.origin.clone(),
            note: None,
        }
    }
}

impl IntermediateServer {
    /// What is asked of the staff.
    pub fn staff_rules(&self) -> &StaffRules {
        &self.around.staff
    }

    /// Checks that a member of staff may do something, and puts it on record, also when they may not. What they do comes
    /// after this.
    ///
    /// # Errors
    /// When they may not, or it cannot be recorded: then nothing may be done or shown.
    pub async fn begin_act<'a>(
        &self,
        staff: &'a AtWork,
        act: Act,
        on: Option<String>,
        now: Timestamp,
    ) -> Result<Authority<'a>, ActFault> {
        let mut operation = staff.operation(OperationKind::Act(act), on);
        let authority = staff.authority(act);
        if let Err(refusal) = &authority {
            operation.outcome = OperationOutcome::refused(refusal);
        }
        self.record_operation(operation, now).await?;
        Ok(authority?)
    }

    /// Puts on record how an act ended. What can be refused is refused in `prepared`, and what is not is done after this.
    ///
    /// # Errors
    /// As `prepared`, and when it cannot be recorded: then nothing may be done or shown.
    pub async fn settle_act<T>(
        &self,
        staff: &AtWork,
        (act, on): (Act, Option<String>),
        prepared: Result<T, ActFault>,
        now: Timestamp,
    ) -> Result<T, ActFault> {
        let mut operation = staff.operation(OperationKind::Act(act), on);
        match &prepared {
            Ok(_) => {}
            Err(ActFault::Refused(refusal)) => {
                operation.outcome = OperationOutcome::refused(refusal);
            }
            Err(_) => return prepared,
        }
        self.record_operation(operation, now).await?;
        prepared
    }

    /// 操作記録, the newest first.
    ///
    /// # Errors
    /// When the member of staff may not read it, or it cannot be read.
    pub async fn operations(
        &self,
        staff: &AtWork,
        (before, limit): (Option<SearchPlace>, usize),
        now: Timestamp,
    ) -> Result<(Vec<PlacedOperation>, Option<SearchPlace>), ActFault> {
        self.begin_act(staff, Act::ReadOperations, None, now)
            .await?;
        let records = &self.around.records;
        Ok(records.operations(self.keeper(), before, limit, |_| true)?)
    }

    /// 本人確認情報の利用記録, the newest first.
    ///
    /// # Errors
    /// When the member of staff may not read it, or it cannot be read.
    pub async fn identity_uses(
        &self,
        staff: &AtWork,
        (before, limit): (Option<SearchPlace>, usize),
        now: Timestamp,
    ) -> Result<(Vec<PlacedIdentityUse>, Option<SearchPlace>), ActFault> {
        self.begin_act(staff, Act::ReadIdentityUses, None, now)
            .await?;
        let records = &self.around.records;
        Ok(records.identity_uses(self.keeper(), before, limit)?)
    }

    pub(super) async fn record_operation(
        &self,
        operation: Operation,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let entry = Entry::Operation(operation);
        let records = &self.around.records;
        records.write(self.keeper(), &entry, now).await?;
        Ok(())
    }
}

/// Whether the account's last day has passed.
fn has_expired(account: &Account, now: Timestamp) -> bool {
    account.expires_on.is_some_and(|last| last < jst_date(now))
}

/// Runs what takes long outside the async tasks.
async fn slowly<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HashFault> + Send + 'static,
) -> Result<T, ActFault> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| HashFault)??)
}

fn unknown_account() -> ActFault {
    Refusal::NotFound(Thing::Account).into()
}
