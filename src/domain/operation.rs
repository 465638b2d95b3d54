//! 操作記録: what the staff did, as the ledger keeps it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    correction::CorrectionStep,
    deciding::{ContentDigest, StaffStep},
    names::{AccountName, StaffNumber},
    refusal::Refusal,
    staff::Act,
    words::Note,
};

/// 操作記録: what a person did, for the ledger. It holds codes, never contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The account that was named; at a failed sign-in it may be none of the institution's.
    pub account: Option<AccountName>,
    /// The person behind it, where the account is known.
    pub person: Option<StaffNumber>,
    /// What was done.
    pub what: OperationKind,
    /// What it was done to: a 処理通番, an account, a 申請番号 or a 特定個人情報名コード.
    pub on: Option<String>,
    /// How it ended.
    pub outcome: OperationOutcome,
    /// Where from: the address at the other end.
    pub origin: String,
    /// What an auditor has to say about a finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Signed in, or tried to.
    SignIn,
    /// Signed out.
    SignOut,
    /// Changed the own password, or tried to.
    ChangePassword,
    /// An act of the table.
    Act(Act),
    /// A step with a held request.
    Provision {
        /// Which.
        step: StaffStep,
        /// The content that it rests on.
        content: Option<ContentDigest>,
    },
    /// A step with a proposed change of a replica.
    Correction {
        /// Which.
        step: CorrectionStep,
        /// The replica and the change that it rests on.
        content: ContentDigest,
    },
}

impl OperationKind {
    /// The Japanese name.
    pub fn ja(self) -> &'static str {
        match self {
            Self::SignIn => "ログイン",
            Self::SignOut => "ログアウト",
            Self::ChangePassword => "パスワード変更",
            Self::Act(act) => act.ja(),
            Self::Provision { step, .. } => step.ja(),
            Self::Correction { step, .. } => step.ja(),
        }
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationOutcome {
    /// Done.
    Done,
    /// Refused, with the stable reason.
    Refused(String),
}

impl OperationOutcome {
    /// Refused for this reason.
    pub fn refused(refusal: &Refusal) -> Self {
        Self::Refused(refusal.reason().to_owned())
    }
}

/// An operation where it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedOperation {
    /// When it was recorded.
    pub at: Timestamp,
    /// What was done.
    pub operation: Operation,
}
