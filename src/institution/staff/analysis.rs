//! 操作記録の分析: what an auditor should look at, and that they have.

use jiff::{SignedDuration, Timestamp};

use super::AtWork;
use crate::{
    domain::{
        analysis::{Finding, findings, knows_holidays},
        operation::{OperationKind, OperationOutcome},
        refusal::{Refusal, Thing},
        staff::Act,
        words::Note,
    },
    institution::{ActFault, IntermediateServer},
};

/// The most entries of the records that one analysis reads.
const ENTRIES_MAX: u64 = 100_000;

/// What an analysis has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// The findings, those of the latest days first.
    pub findings: Vec<Finding>,
    /// Whether all records of the time were read; where not, the older ones are missing.
    pub complete: bool,
    /// Whether the national holidays of this year are known.
    pub holidays_known: bool,
}

impl IntermediateServer {
    /// Analyses the operations of the last `days` days.
    ///
    /// # Errors
    /// When the member of staff may not; when it cannot be recorded, or the records cannot be read.
    pub async fn analyze_operations(
        &self,
        staff: &AtWork,
        days: u32,
        now: Timestamp,
    ) -> Result<Analysis, ActFault> {
        self.begin_act(staff, Act::AnalyzeOperations, None, now)
            .await?;
        self.analysis(days, now)
    }

    /// Puts on record that an auditor has looked at a finding.
    ///
    /// # Errors
    /// When the member of staff may not; when there is no such finding in the last `days` days, or it cannot be recorded.
    pub async fn review_finding(
        &self,
        staff: &AtWork,
        (name, note): (&str, Option<Note>),
        (days, now): (u32, Timestamp),
    ) -> Result<Analysis, ActFault> {
        let what = OperationKind::Act(Act::ReviewFinding);
        let reviewed = self.reviewable(staff, name, (days, now));
        // What is none of our names is not put on record: it may be anything.
        let on = reviewed.is_ok().then(|| name.to_owned());
        let mut operation = staff.operation(what, on);
        match &reviewed {
            Ok(()) => operation.note = note,
            Err(ActFault::Refused(refusal)) => {
                operation.outcome = OperationOutcome::refused(refusal);
            }
            Err(_) => return reviewed.and_then(|()| self.analysis(days, now)),
        }
        self.record_operation(operation, now).await?;
        reviewed?;
        self.analysis(days, now)
    }

    fn reviewable(
        &self,
        staff: &AtWork,
        name: &str,
        (days, now): (u32, Timestamp),
    ) -> Result<(), ActFault> {
        staff.authority(Act::ReviewFinding)?;
        let known = self.analysis(days, now)?.findings;
        let found = known.iter().any(|finding| finding.to_string() == name);
        let unknown = Refusal::NotFound(Thing::Finding);
        found.then_some(()).ok_or_else(|| unknown.into())
    }

    fn analysis(&self, days: u32, now: Timestamp) -> Result<Analysis, ActFault> {
        let rules = &self.around.staff.analysis;
        let length = SignedDuration::from_hours(i64::from(days.max(rules.unused_days)) * 24);
        let from = now.checked_sub(length).unwrap_or(Timestamp::MIN);
        let records = &self.around.records;
        let (operations, complete) = records.operations_since(self.keeper(), from, ENTRIES_MAX)?;
        let accounts = self.around.state.accounts(self.profile.code)?;
        let accounts: Vec<_> = accounts
            .into_iter()
            .map(|kept| (kept.account, kept.credential.since))
            .collect();
        Ok(Analysis {
            findings: findings(rules, (&operations, &accounts), (now, days)),
            complete,
            holidays_known: knows_holidays(now),
        })
    }
}
