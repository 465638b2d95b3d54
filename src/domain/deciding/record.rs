//! What the record of operations holds of a step: which one, and the digest of the content that it rests on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::malformed::{Flaw, Malformed};

/// SHA-256 of exactly what would be provided, or of which kind of "no data" it would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentDigest(pub [u8; 32]);

impl FromStr for ContentDigest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut digest = [0; 32];
        let read = data_encoding::HEXLOWER.decode(text.as_bytes());
        match read {
            Ok(bytes) if bytes.len() == digest.len() => {
                digest.copy_from_slice(&bytes);
                Ok(Self(digest))
            }
            Ok(_) | Err(_) => Err(Malformed {
                noun: "ContentDigest",
                noun_ja: "内容の要約値",
                flaw: Flaw::Length {
                    expected: "64 (0-9 a-f)",
                    actual: text.chars().count(),
                },
            }),
        }
    }
}

text_form!(ContentDigest);

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// A step of the provider's staff with a held request, as the record of operations names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffStep {
    /// 閲覧: opened it; the values were masked.
    Opened,
    /// 表示: had the values shown.
    Revealed,
    /// 確認: checked it and proposed to provide.
    ProposedToProvide,
    /// 確認: checked it and proposed to refuse.
    ProposedToRefuse,
    /// 確認: checked it and proposed to correct the replica first.
    ProposedToCorrect,
    /// 承認: approved the provision.
    Approved,
    /// 拒否: refused the provision.
    Refused,
    /// 承認: agreed to correct the replica first.
    CorrectionAgreed,
    /// 差戻し: sent it back.
    SentBack,
    /// The approval was void: the content had changed since the check.
    ApprovalVoid,
}

impl StaffStep {
    /// The Japanese name, as the operation log shows it.
    pub fn ja(self) -> &'static str {
        match self {
            Self::Opened => "内容確認画面の参照",
            Self::Revealed => "提供内容の表示",
            Self::ProposedToProvide => "確認（提供を提案）",
            Self::ProposedToRefuse => "確認（拒否を提案）",
            Self::ProposedToCorrect => "確認（副本の訂正を提案）",
            Self::Approved => "承認（提供）",
            Self::Refused => "拒否",
            Self::CorrectionAgreed => "承認（副本の訂正）",
            Self::SentBack => "差し戻し",
            Self::ApprovalVoid => "承認の無効（内容の変更）",
        }
    }
}
