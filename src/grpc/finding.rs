//! The messages of the analysis of operations.

use super::{
    fields::{Fields, timestamp},
    proto::v1,
};
use crate::{
    domain::analysis::{Finding, FindingKind},
    institution::Analysis,
};

/// How many days an analysis reaches back when the caller does not say, and at most.
const DAYS: (i32, i32) = (30, 366);

/// The days of a request.
pub(super) fn days(fields: &mut Fields, days: i32) -> Option<u32> {
    let (usual, max) = DAYS;
    let days = if days == 0 { usual } else { days };
    let wanted = u32::try_from(days)
        .ok()
        .filter(|_| (1..=max).contains(&days));
    if wanted.is_none() {
        let (en, ja) = (format!("must be 0 to {max}"), format!("0から{max}まで"));
        fields.flaw("days", en, &ja);
    }
    wanted
}

/// What was found.
pub(super) fn encode(analysis: Analysis) -> v1::AnalyzeOperationsResponse {
    let findings = analysis.findings.into_iter();
    v1::AnalyzeOperationsResponse {
        findings: findings.map(encode_finding).collect(),
        complete: analysis.complete,
        holidays_known: analysis.holidays_known,
    }
}

fn encode_finding(finding: Finding) -> v1::Finding {
    let kind = match finding.kind {
        FindingKind::OutsideHours => v1::FindingKind::OutsideHours,
        FindingKind::DayOff => v1::FindingKind::DayOff,
        FindingKind::Failures => v1::FindingKind::Failures,
        FindingKind::Unused => v1::FindingKind::Unused,
        FindingKind::Volume => v1::FindingKind::Volume,
    };
    v1::Finding {
        name: finding.to_string(),
        kind: kind.into(),
        day: finding.day.to_string(),
        account: finding.account.map(String::from).unwrap_or_default(),
        count: finding.count,
        review: finding.review.map(|review| v1::FindingReview {
            account: review.by.into(),
            at: Some(timestamp(review.at)),
            note: review.note.map(String::from).unwrap_or_default(),
        }),
    }
}
