//! 操作記録の分析: what an auditor should look at among the operations of the staff. Pure: it rests on the records alone.
//!
//! What is looked for comes from cities' rules for their terminals; the numbers are ours.

mod days_off;

use std::{collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{
    deciding::StaffStep,
    jst::{jst_date, jst_time},
    names::AccountName,
    operation::{OperationKind, OperationOutcome, PlacedOperation},
    staff::{Account, Act},
    words::Note,
};

/// What is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalysisRules {
    /// The hour of the day, Japanese time, from which the terminal is used as a rule.
    pub opens: u8,
    /// The hour of the day until which it is; 24 is midnight.
    pub closes: u8,
    /// From how many failed sign-ins of an account on one day.
    pub failures_min: u32,
    /// After how many days without a sign-in.
    pub unused_days: u32,
    /// How many reveals and exports of an account on one day are nothing special.
    pub volume_max: u32,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// Sign-ins on a working day outside the hours.
    OutsideHours,
    /// Sign-ins on a day off.
    DayOff,
    /// Failed sign-ins.
    Failures,
    /// An account that nobody uses.
    Unused,
    /// Many contents revealed or exported.
    Volume,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::OutsideHours,
        Self::DayOff,
        Self::Failures,
        Self::Unused,
        Self::Volume,
    ];

    /// The name in the name of a finding.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutsideHours => "outside_hours",
            Self::DayOff => "day_off",
            Self::Failures => "failures",
            Self::Unused => "unused",
            Self::Volume => "volume",
        }
    }

    /// The Japanese name.
    pub fn ja(self) -> &'static str {
        match self {
            Self::OutsideHours => "時間外のログイン",
            Self::DayOff => "休日のログイン",
            Self::Failures => "ログインの失敗",
            Self::Unused => "使われていないアカウント",
            Self::Volume => "大量の表示・出力",
        }
    }
}

/// One thing that an auditor should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The day in Japan; of an unused account the day of its last sign-in, or since when its password has been in use.
    pub day: Date,
    /// The account; nothing where a name that no account has was tried.
    pub account: Option<AccountName>,
    /// How often, or of an unused account for how many days.
    pub count: u32,
    /// The last review, where there was one.
    pub review: Option<Review>,
}

/// That an auditor has looked at a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Who.
    pub by: AccountName,
    /// When.
    pub at: Timestamp,
    /// What they found.
    pub note: Option<Note>,
}

/// `<kind>.<day>.<account>`: the same finding has the same name in every analysis.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.", self.kind.name(), self.day)?;
        self.account
            .iter()
            .try_for_each(|name| f.write_str(name.as_str()))
    }
}

/// An account and since when its password has been in use.
pub type AccountSince = (Account, Timestamp);

/// The findings among these operations, those of the latest days first.
///
/// Sign-ins, failures and volumes are looked for in the last `days` days, unused accounts among all; so `operations` must
/// reach as far back as the longer of `days` and [`AnalysisRules::unused_days`].
pub fn findings(
    rules: &AnalysisRules,
    (operations, accounts): (&[PlacedOperation], &[AccountSince]),
    (now, days): (Timestamp, u32),
) -> Vec<Finding> {
    let mut counts: BTreeMap<(Date, FindingKind, Option<&AccountName>), u32> = BTreeMap::new();
    let oldest = days_before(now, days);
    for placed in operations.iter().filter(|placed| placed.at > oldest) {
        if let Some(kind) = kind_of(rules, placed) {
            let key = (jst_date(placed.at), kind, placed.operation.account.as_ref());
            *counts.entry(key).or_default() += 1;
        }
    }
    let enough = |kind, count| match kind {
        FindingKind::Failures => count >= rules.failures_min,
        FindingKind::Volume => count > rules.volume_max,
        FindingKind::OutsideHours | FindingKind::DayOff | FindingKind::Unused => true,
    };
    let counted = counts.into_iter().rev();
    let mut found: Vec<_> = counted
        .filter(|((_, kind, _), count)| enough(*kind, *count))
        .map(|((day, kind, account), count)| Finding {
            kind,
            day,
            account: account.cloned(),
            count,
            review: None,
        })
        .collect();
    found.extend(unused(rules, (operations, accounts), now));
    for finding in &mut found {
        finding.review = review_of(finding, operations);
    }
    found
}

/// Whether the national holidays of the year of `now` are known: otherwise sign-ins on them are not found.
pub fn knows_holidays(now: Timestamp) -> bool {
    days_off::knows_holidays_of(jst_date(now))
}

/// How many reveals and exports this operation is: one or none.
pub fn is_volume(operation: &OperationKind) -> bool {
    matches!(
        operation,
        OperationKind::Provision {
            step: StaffStep::Revealed,
            ..
        } | OperationKind::Act(Act::RevealResult | Act::RevealReplica)
    )
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    let length = SignedDuration::from_hours(i64::from(days) * 24);
    now.checked_sub(length).unwrap_or(Timestamp::MIN)
}

fn kind_of(rules: &AnalysisRules, placed: &PlacedOperation) -> Option<FindingKind> {
    let hour = jst_time(placed.at).hour().unsigned_abs();
    let done = placed.operation.outcome == OperationOutcome::Done;
    match (placed.operation.what, done) {
        (OperationKind::SignIn, false) => Some(FindingKind::Failures),
        (OperationKind::SignIn, true) if days_off::is_day_off(jst_date(placed.at)) => {
            Some(FindingKind::DayOff)
        }
        (OperationKind::SignIn, true) => {
            let usual = (rules.opens..rules.closes).contains(&hour);
            (!usual).then_some(FindingKind::OutsideHours)
        }
        (what, true) if is_volume(&what) => Some(FindingKind::Volume),
        _ => None,
    }
}

fn unused<'a>(
    rules: &AnalysisRules,
    (operations, accounts): (&'a [PlacedOperation], &'a [AccountSince]),
    now: Timestamp,
) -> impl Iterator<Item = Finding> + use<'a> {
    let oldest = days_before(now, rules.unused_days);
    accounts.iter().filter_map(move |(account, since)| {
        let signed_in = operations.iter().filter(|placed| {
            let operation = &placed.operation;
            operation.what == OperationKind::SignIn
                && operation.outcome == OperationOutcome::Done
                && operation.account.as_ref() == Some(&account.name)
        });
        let last = signed_in.map(|placed| placed.at).chain([*since]).max()?;
        let days = now.duration_since(last).as_hours() / 24;
        (last <= oldest).then(|| Finding {
            kind: FindingKind::Unused,
            day: jst_date(last),
            account: Some(account.name.clone()),
            count: u32::try_from(days).unwrap_or_default(),
            review: None,
        })
    })
}

fn review_of(finding: &Finding, operations: &[PlacedOperation]) -> Option<Review> {
    let name = finding.to_string();
    let mut reviews = operations.iter().filter(|placed| {
        let operation = &placed.operation;
        operation.what == OperationKind::Act(Act::ReviewFinding)
            && operation.outcome == OperationOutcome::Done
            && operation.on.as_ref() == Some(&name)
    });
    let last = reviews.by_ref().max_by_key(|placed| placed.at)?;
    Some(Review {
        by: last.operation.account.clone()?,
        at: last.at,
        note: last.operation.note.clone(),
    })
}

#[cfg(test)]
mod tests;
