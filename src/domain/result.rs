//! How an exchange stands or ended, and what a person reads about it. The table is printed in docs/errors.md.

use serde::{Deserialize, Serialize};

/// The state or the result of one exchange (one person, one specific information).
///
/// `01` is stated in public material; all other codes are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResultCode {
    /// Every requested item is in the answer.
    EndedNormally,
    /// Accepted by the inquirer's intermediate server.
    Accepted,
    /// The core system checks the permission list.
    Checking,
    /// With the provider's intermediate server.
    WithProvider,
    /// Held for the provider's staff.
    WaitingForStaff,
    /// No row of the permission list allows it.
    NotPermitted,
    /// The copy of the permission list is stale or unreadable.
    PermissionListUnusable,
    /// No data: no replica is registered.
    NotRegistered,
    /// No data: the person has not declared it.
    NotDeclared,
    /// No data: outside its publication period.
    OutsidePublication,
    /// No data: this institution does not hold it for this person.
    WrongInstitution,
    /// No data: the person has no symbol at the inquirer or at the provider.
    SymbolMissing,
    /// Refused by the provider, with a reason.
    RefusedByProvider,
    /// Some items or records were withheld or are missing.
    PartlyProvided,
    /// The provider could not be reached or did not answer.
    CommunicationError,
    /// The provider is outside its service hours.
    OutsideServiceHours,
    /// The waiting time has passed.
    Expired,
    /// Cancelled by the inquirer.
    Cancelled,
    /// The permit does not verify or does not fit the request.
    PermitInvalid,
    /// The permit has expired.
    PermitExpired,
    /// The permit was used before.
    PermitUsed,
}

impl ResultCode {
    /// Every code, in the order of the table.
    pub const ALL: [Self; 21] = [
        Self::EndedNormally,
        Self::Accepted,
        Self::Checking,
        Self::WithProvider,
        Self::WaitingForStaff,
        Self::NotPermitted,
        Self::PermissionListUnusable,
        Self::NotRegistered,
        Self::NotDeclared,
        Self::OutsidePublication,
        Self::WrongInstitution,
        Self::SymbolMissing,
        Self::RefusedByProvider,
        Self::PartlyProvided,
        Self::CommunicationError,
        Self::OutsideServiceHours,
        Self::Expired,
        Self::Cancelled,
        Self::PermitInvalid,
        Self::PermitExpired,
        Self::PermitUsed,
    ];

    /// The two-digit status code that files and terminals show.
    pub fn status_code(self) -> &'static str {
        match self {
            Self::EndedNormally => "01",
            Self::Accepted => "10",
            Self::Checking => "11",
            Self::WithProvider => "12",
            Self::WaitingForStaff => "13",
            Self::NotPermitted => "20",
            Self::PermissionListUnusable => "21",
            Self::NotRegistered => "31",
            Self::NotDeclared => "32",
            Self::OutsidePublication => "33",
            Self::WrongInstitution => "34",
            Self::SymbolMissing => "35",
            Self::RefusedByProvider => "40",
            Self::PartlyProvided => "41",
            Self::CommunicationError => "50",
            Self::OutsideServiceHours => "51",
            Self::Expired => "52",
            Self::Cancelled => "53",
            Self::PermitInvalid => "60",
            Self::PermitExpired => "61",
            Self::PermitUsed => "62",
        }
    }

    /// The Japanese message, without the particulars of one exchange.
    pub fn message_ja(self) -> &'static str {
        match self {
            Self::EndedNormally => "正常終了",
            Self::Accepted => "情報照会を受け付けました。",
            Self::Checking => "コアシステムで照会の可否を確認しています。",
            Self::WithProvider => "情報提供機関で処理しています。",
            Self::WaitingForStaff => "情報提供機関の職員による確認を待っています。",
            Self::NotPermitted => "指定された特定個人情報の照会は許可されていません。",
            Self::PermissionListUnusable => {
                "照会許可照合リストの写しが古いか読み取れないため、照会できません。"
            }
            Self::NotRegistered => "該当する副本が登録されていません。",
            Self::NotDeclared => "該当者は未申告です。",
            Self::OutsidePublication => "該当する副本は公開期間外です。",
            Self::WrongInstitution => "指定された機関は、該当者の特定個人情報を保有していません。",
            Self::SymbolMissing => "該当者の符号が未取得です。",
            Self::RefusedByProvider => "情報提供機関が提供を拒否しました。",
            Self::PartlyProvided => "一部の情報のみ提供されました。",
            Self::CommunicationError => "情報提供機関との通信に失敗しました。",
            Self::OutsideServiceHours => "情報提供機関は運用時間外です。",
            Self::Expired => "期限を過ぎたため終了しました。",
            Self::Cancelled => "照会は取り消されました。",
            Self::PermitInvalid => "情報提供許可証が正しくありません。",
            Self::PermitExpired => "情報提供許可証の有効期限が切れています。",
            Self::PermitUsed => "情報提供許可証は既に使用されています。",
        }
    }

    /// Whether the exchange has ended with this code.
    pub fn is_final(self) -> bool {
        match self {
            Self::Accepted | Self::Checking | Self::WithProvider | Self::WaitingForStaff => false,
            Self::EndedNormally
            | Self::NotPermitted
            | Self::PermissionListUnusable
            | Self::NotRegistered
            | Self::NotDeclared
            | Self::OutsidePublication
            | Self::WrongInstitution
            | Self::SymbolMissing
            | Self::RefusedByProvider
            | Self::PartlyProvided
            | Self::CommunicationError
            | Self::OutsideServiceHours
            | Self::Expired
            | Self::Cancelled
            | Self::PermitInvalid
            | Self::PermitExpired
            | Self::PermitUsed => true,
        }
    }

    /// Whether an answer comes with this code.
    pub fn has_answer(self) -> bool {
        self == Self::EndedNormally || self == Self::PartlyProvided
    }
}

/// The state or the result of one detail (one person), made from those of its exchanges.
///
/// `09` is stated in public material; all other codes are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailStatus {
    /// At least one exchange is under way.
    InProgress,
    /// What has not ended waits for the staff of a provider.
    WaitingForStaff,
    /// Every exchange ended normally.
    EndedNormally,
    /// Some exchanges brought an answer, others did not.
    EndedPartly,
    /// No exchange brought an answer.
    EndedWithoutAnswer,
}

impl DetailStatus {
    /// The status of a detail whose exchanges stand as `codes`.
    pub fn of(codes: impl IntoIterator<Item = ResultCode>) -> Self {
        let (mut waiting, mut answered, mut normal, mut all) = (0, 0, 0, 0);
        for code in codes {
            if !code.is_final() && code != ResultCode::WaitingForStaff {
                return Self::InProgress;
            }
            all += 1;
            waiting += u32::from(code == ResultCode::WaitingForStaff);
            answered += u32::from(code.has_answer());
            normal += u32::from(code == ResultCode::EndedNormally);
        }
        if waiting > 0 {
            Self::WaitingForStaff
        } else if normal == all {
            Self::EndedNormally
        } else if answered > 0 {
            Self::EndedPartly
        } else {
            Self::EndedWithoutAnswer
        }
    }

    /// The two-digit status code.
    pub fn status_code(self) -> &'static str {
        match self {
            Self::InProgress => "02",
            Self::WaitingForStaff => "03",
            Self::EndedNormally => "09",
            Self::EndedPartly => "19",
            Self::EndedWithoutAnswer => "99",
        }
    }

    /// The Japanese message.
    pub fn message_ja(self) -> &'static str {
        match self {
            Self::InProgress => "処理中です。",
            Self::WaitingForStaff => "情報提供機関の職員による確認を待っています。",
            Self::EndedNormally => "正常終了",
            Self::EndedPartly => "一部の特定個人情報のみ取得しました。",
            Self::EndedWithoutAnswer => "特定個人情報を取得できませんでした。",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_results_share_a_status_code() {
        let codes: BTreeSet<_> = ResultCode::ALL.iter().map(|c| c.status_code()).collect();
        assert_eq!(codes.len(), ResultCode::ALL.len());
    }

    #[test]
    fn the_known_codes_and_text_are_those_of_the_public_material() {
        assert_eq!(ResultCode::EndedNormally.status_code(), "01");
        assert_eq!(ResultCode::EndedNormally.message_ja(), "正常終了");
        let detail = DetailStatus::of([ResultCode::EndedNormally, ResultCode::EndedNormally]);
        assert_eq!(detail.status_code(), "09");
    }

    #[test]
    fn a_detail_is_in_progress_while_any_exchange_moves() {
        use ResultCode::{EndedNormally, NotRegistered, WaitingForStaff, WithProvider};
        let of = |codes: &[ResultCode]| DetailStatus::of(codes.iter().copied());
        assert_eq!(of(&[EndedNormally, WithProvider]), DetailStatus::InProgress);
        assert_eq!(
            of(&[EndedNormally, WaitingForStaff]),
            DetailStatus::WaitingForStaff
        );
        assert_eq!(
            of(&[EndedNormally, NotRegistered]),
            DetailStatus::EndedPartly
        );
        assert_eq!(of(&[NotRegistered]), DetailStatus::EndedWithoutAnswer);
    }
}
