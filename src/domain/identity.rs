//! 本人確認情報: who a resident is, as the resident network keeps it, how a municipality's notification changes it, and who
//! may look it up for what.
//!
//! Source: 住民基本台帳法 §30-6, §30-9 to §30-15. 住民票コード and 個人番号 belong to it by law; here the resident network keeps
//! them to itself and tells the rest. Which changes there are, and their order, is ours.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    addressee::FourItems,
    codes::{AffairCode, InstitutionCode},
    malformed::{Flaw, Malformed},
    names::{RecordId, UnitCode, UserId},
    operation::OperationOutcome,
    words::SystemName,
};

/// 異動事由: why identity information is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeReason {
    /// It was there when the world began. Never notified.
    Registered,
    /// 出生.
    Birth,
    /// 国外からの転入, of one who has a number from before or not.
    FromAbroad,
    /// 転入.
    MovedIn,
    /// 転居.
    MovedWithin,
    /// 氏名の変更.
    NameChanged,
    /// 職権修正.
    Corrected,
    /// 国外への転出.
    MovedAbroad,
    /// 死亡.
    Died,
}

impl ChangeReason {
    /// The Japanese name.
    pub fn ja(self) -> &'static str {
        match self {
            Self::Registered => "当初登録",
            Self::Birth => "出生",
            Self::FromAbroad => "国外からの転入",
            Self::MovedIn => "転入",
            Self::MovedWithin => "転居",
            Self::NameChanged => "氏名の変更",
            Self::Corrected => "職権修正",
            Self::MovedAbroad => "国外への転出",
            Self::Died => "死亡",
        }
    }

    /// Whether the person is a resident no more.
    pub fn removes(self) -> bool {
        matches!(self, Self::MovedAbroad | Self::Died)
    }

    /// Whether a person without a 個人番号 may come by it.
    pub fn begins(self) -> bool {
        matches!(self, Self::Birth | Self::FromAbroad)
    }
}

/// Identity information of one person, since one change. Its `Debug` shows nothing of the person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityInformation {
    /// 基本4情報.
    pub items: FourItems,
    /// The municipality that the person lives in, or has left.
    pub municipality: InstitutionCode,
    /// 異動事由.
    pub reason: ChangeReason,
    /// 異動年月日.
    pub changed_on: Date,
}

impl fmt::Debug for IdentityInformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityInformation(hidden)")
    }
}

/// 通知: what a municipality tells of a resident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// 異動事由.
    pub reason: ChangeReason,
    /// 異動年月日.
    pub changed_on: Date,
    /// 基本4情報 from then on; nothing for one who is removed: they stay as they were.
    pub items: Option<FourItems>,
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notification({:?})", self.reason)
    }
}

impl Notification {
    /// Decides what is registered of a person who has no 個人番号 yet.
    ///
    /// # Errors
    /// When the person must have one.
    pub fn begin(&self, by: InstitutionCode) -> Result<IdentityInformation, IdentityRefusal> {
        let items = self.items.clone().filter(|_| self.reason.begins());
        Ok(IdentityInformation {
            items: items.ok_or(IdentityRefusal::PersonUnknown)?,
            municipality: by,
            reason: self.reason,
            changed_on: self.changed_on,
        })
    }

    /// Decides what `present` becomes.
    ///
    /// # Errors
    /// When the person is not, or is already, a resident of the municipality `by`; the change is older than the last one;
    /// or other items differ than those that the reason is about.
    pub fn change(
        &self,
        present: &IdentityInformation,
        by: InstitutionCode,
    ) -> Result<IdentityInformation, IdentityRefusal> {
        self.fits_the_place(present, by)?;
        if self.changed_on < present.changed_on {
            return Err(IdentityRefusal::OlderThanTheLast);
        }
        let items = self.items.as_ref().unwrap_or(&present.items);
        if !self.fits_the_items(&present.items, items) {
            return Err(IdentityRefusal::OtherItemsDiffer);
        }
        Ok(IdentityInformation {
            items: items.clone(),
            municipality: by,
            reason: self.reason,
            changed_on: self.changed_on,
        })
    }

    fn fits_the_place(
        &self,
        present: &IdentityInformation,
        by: InstitutionCode,
    ) -> Result<(), IdentityRefusal> {
        let gone = present.reason.removes();
        let back = gone && present.reason == ChangeReason::MovedAbroad;
        match self.reason {
            ChangeReason::FromAbroad if back => Ok(()),
            ChangeReason::Registered | ChangeReason::Birth | ChangeReason::FromAbroad if !gone => {
                Err(IdentityRefusal::ResidentAlready)
            }
            _ if gone => Err(IdentityRefusal::NoResident),
            ChangeReason::MovedIn if present.municipality == by => {
                Err(IdentityRefusal::ResidentAlready)
            }
            ChangeReason::MovedIn => Ok(()),
            _ if present.municipality != by => Err(IdentityRefusal::AnotherMunicipality),
            _ => Ok(()),
        }
    }

    fn fits_the_items(&self, before: &FourItems, after: &FourItems) -> bool {
        let same_birth = before.birth_date == after.birth_date && before.sex == after.sex;
        let (same_name, same_address) =
            (before.name == after.name, before.address == after.address);
        match self.reason {
            ChangeReason::MovedWithin => same_birth && same_name && !same_address,
            ChangeReason::MovedIn => same_birth && same_name,
            ChangeReason::NameChanged => same_birth && same_address && !same_name,
            ChangeReason::FromAbroad => same_birth,
            ChangeReason::Registered
            | ChangeReason::Birth
            | ChangeReason::Corrected
            | ChangeReason::MovedAbroad
            | ChangeReason::Died => true,
        }
    }
}

/// Why the national server does not do what a request asks for. The name is part of the stored form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityRefusal {
    /// The 個人番号 is nobody's, or none was given where there must be one.
    PersonUnknown,
    /// The person has another 個人番号 now.
    NumberChanged,
    /// The person lives in another municipality.
    AnotherMunicipality,
    /// The person is a resident already.
    ResidentAlready,
    /// The person has died or moved abroad.
    NoResident,
    /// The change is older than the last one that is registered.
    OlderThanTheLast,
    /// Other items differ than those that the reason is about, or those do not.
    OtherItemsDiffer,
    /// The world has no synthetic 個人番号 left.
    NoNumberLeft,
}

impl IdentityRefusal {
    /// Every refusal.
    pub const ALL: [Self; 8] = [
        Self::PersonUnknown,
        Self::NumberChanged,
        Self::AnotherMunicipality,
        Self::ResidentAlready,
        Self::NoResident,
        Self::OlderThanTheLast,
        Self::OtherItemsDiffer,
        Self::NoNumberLeft,
    ];

    /// The stable public name.
    pub fn reason(self) -> &'static str {
        match self {
            Self::PersonUnknown => "PERSON_UNKNOWN",
            Self::NumberChanged => "NUMBER_CHANGED",
            Self::AnotherMunicipality => "ANOTHER_MUNICIPALITY",
            Self::ResidentAlready => "RESIDENT_ALREADY",
            Self::NoResident => "NO_RESIDENT",
            Self::OlderThanTheLast => "OLDER_THAN_THE_LAST",
            Self::OtherItemsDiffer => "OTHER_ITEMS_DIFFER",
            Self::NoNumberLeft => "NO_NUMBER_LEFT",
        }
    }

    /// The Japanese message for a person.
    pub fn ja(self) -> &'static str {
        match self {
            Self::PersonUnknown => "該当する住民がいません。",
            Self::NumberChanged => "個人番号が変更されています。新しい個人番号で依頼してください。",
            Self::AnotherMunicipality => "対象者は他の市町村の住民です。",
            Self::ResidentAlready => "対象者は既に住民として登録されています。",
            Self::NoResident => "対象者は死亡または国外転出により消除されています。",
            Self::OlderThanTheLast => "異動年月日が、登録済みの異動より前です。",
            Self::OtherItemsDiffer => {
                "異動事由と基本4情報の変更が合いません。変更する項目だけを変えてください。"
            }
            Self::NoNumberLeft => "この世界には、割り当てられる個人番号が残っていません。",
        }
    }
}

/// 利用目的: what identity information is looked up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum IdentityPurpose {
    /// Whether an applicant is who they say.
    ApplicantCheck,
    /// Where a person lives.
    AddressCheck,
    /// Whether a person lives.
    SurvivalCheck,
}

impl IdentityPurpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [
        Self::ApplicantCheck,
        Self::AddressCheck,
        Self::SurvivalCheck,
    ];

    /// The Japanese name, as the definition files write it.
    pub fn ja(self) -> &'static str {
        match self {
            Self::ApplicantCheck => "申請者の確認",
            Self::AddressCheck => "住所の確認",
            Self::SurvivalCheck => "生存の確認",
        }
    }
}

impl FromStr for IdentityPurpose {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let known = Self::ALL.into_iter().find(|known| known.ja() == text);
        known.ok_or(Malformed {
            noun: "IdentityPurpose",
            noun_ja: "利用目的",
            flaw: Flaw::Unknown("申請者の確認, 住所の確認, 生存の確認"),
        })
    }
}

impl fmt::Display for IdentityPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ja())
    }
}

text_form!(IdentityPurpose);

/// What is done with identity information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityAct {
    /// 通知: a municipality tells of a resident.
    Notify,
    /// 照会: the information as it is.
    LookUp,
    /// 履歴照会: the information with all that went before.
    LookUpHistory,
}

/// Who asks, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityUser {
    /// 部署コード.
    pub unit: UnitCode,
    /// 利用者ID.
    pub user: UserId,
    /// The business system of the certificate.
    pub system: Option<SystemName>,
    /// 事務コード.
    pub affair: AffairCode,
    /// 利用目的, of a look-up.
    pub purpose: Option<IdentityPurpose>,
}

/// 利用記録: one use of identity information, as the ledger of the institution keeps it. Never the information itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityUse {
    /// The caller's id of the request.
    pub record_id: RecordId,
    /// What was done.
    pub act: IdentityAct,
    /// By whom, and what for.
    pub by: IdentityUser,
    /// The person, named by a keyed digest that only the resident network can make; nothing where nobody was found.
    pub person_digest: Option<String>,
    /// How it ended.
    pub outcome: OperationOutcome,
}

/// A use where it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedIdentityUse {
    /// When it was recorded.
    pub at: Timestamp,
    /// The use.
    pub used: IdentityUse,
}

#[cfg(test)]
mod tests;
