//! Replicas: the copies of a business system's data that an institution holds for provision.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    codes::{AddresseeNumber, ItemCode, SpecificInfoCode},
    condition::FiscalYear,
    malformed::{Flaw, Malformed},
    words::{DataSetCode, LayoutVersion, RecordKey},
};

/// 副本: one record of a person's specific information, checked against its layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replica {
    /// Whose it is, inside the institution.
    pub addressee: AddresseeNumber,
    /// Which specific information it is.
    pub specific_info: SpecificInfoCode,
    /// Its name among the person's replicas of this specific information.
    pub record_key: RecordKey,
    /// The layout it was checked against.
    pub layout_version: LayoutVersion,
    /// The fiscal year it belongs to, for an inquiry's condition.
    pub fiscal_year: Option<FiscalYear>,
    /// The day it belongs to, for an inquiry's condition.
    pub date: Option<Date>,
    /// When it may be provided.
    pub publication: Publication,
    /// The values.
    pub content: Vec<DataSetRecord>,
    /// When it was registered last.
    pub registered_at: Timestamp,
    /// How often it has been registered, from 1.
    pub revision: u64,
}

/// Names a replica inside its institution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicaName {
    /// The person.
    pub addressee: AddresseeNumber,
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
    /// The record key.
    pub record_key: RecordKey,
}

impl ReplicaName {
    /// The name of `replica`.
    pub fn of(replica: &Replica) -> Self {
        Self {
            addressee: replica.addressee,
            specific_info: replica.specific_info,
            record_key: replica.record_key.clone(),
        }
    }
}

/// 公開期間: the days (JST) on which a replica may be provided, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// The first day.
    pub from: Date,
    /// The last day; open when absent.
    pub to: Option<Date>,
}

impl Publication {
    /// Whether the day lies in it.
    pub fn contains(&self, day: Date) -> bool {
        self.from <= day && self.to.is_none_or(|last| day <= last)
    }
}

/// One record of a data set, with those below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSetRecord {
    /// Which data set.
    pub code: DataSetCode,
    /// Its own items.
    pub items: Vec<Item>,
    /// The records below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<DataSetRecord>,
}

/// What stands in the place of a masked value.
pub const MASK: &str = "＊＊＊";

impl DataSetRecord {
    /// Masks every value in it and below it. Reasons for missing values stay.
    pub fn mask(&mut self) {
        for item in &mut self.items {
            if let ItemValue::Present(value) = &mut item.value {
                MASK.clone_into(value);
            }
        }
        for child in &mut self.children {
            child.mask();
        }
    }
}

/// One item and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Which item.
    pub code: ItemCode,
    /// The value, or the reason why there is none.
    pub value: ItemValue,
}

/// A value, or the reason why there is none. Its `Debug` never shows the value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemValue {
    /// The value in the form its layout asks for.
    Present(String),
    /// There is no value.
    Missing(MissingReason),
}

impl fmt::Debug for ItemValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(_) => f.write_str("Present(hidden)"),
            Self::Missing(reason) => write!(f, "Missing({reason:?})"),
        }
    }
}

macro_rules! missing_reasons {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $ja:literal, $en:literal;)+) => {
        /// 値がない理由: why an item has no value (ours).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum MissingReason {
            $($(#[$doc])* #[serde(rename = $code)] $name,)+
        }

        impl MissingReason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its stable public name.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// What a Japanese reader is told.
            pub fn ja(self) -> &'static str {
                match self { $(Self::$name => $ja),+ }
            }

            /// What an English reader is told.
            pub fn en(self) -> &'static str {
                match self { $(Self::$name => $en),+ }
            }
        }
    };
}

missing_reasons! {
    /// The person has not declared it (未申告).
    NotDeclared, "NOT_DECLARED", "未申告", "not declared by the person";
    /// It does not apply to the person (該当なし).
    NotApplicable, "NOT_APPLICABLE", "該当なし", "does not apply to the person";
    /// The institution does not hold it (未保有).
    NotHeld, "NOT_HELD", "未保有", "not held by the institution";
    /// It is not decided yet (未決定).
    NotDecided, "NOT_DECIDED", "未決定", "not decided yet";
    /// It is being corrected (訂正中).
    UnderCorrection, "UNDER_CORRECTION", "訂正中", "under correction";
    /// Its period of keeping has passed (保存期間経過).
    PastRetention, "PAST_RETENTION", "保存期間経過", "past its period of keeping";
}

impl FromStr for MissingReason {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let known = Self::ALL.iter().find(|reason| reason.code() == text);
        known.copied().ok_or(Malformed {
            noun: "MissingReason",
            noun_ja: "値がない理由",
            flaw: Flaw::Unknown(
                "NOT_DECLARED, NOT_APPLICABLE, NOT_HELD, NOT_DECIDED, UNDER_CORRECTION, PAST_RETENTION",
            ),
        })
    }
}

/// A replica as a business system sends it, before the form check.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplicaDraft {
    /// Whose it is.
    pub addressee: AddresseeNumber,
    /// Which specific information it is.
    pub specific_info: SpecificInfoCode,
    /// The layout it says it follows.
    pub layout_version: LayoutVersion,
    /// Its name, unchecked.
    pub record_key: String,
    /// The fiscal year, unchecked.
    pub fiscal_year: Option<i16>,
    /// The day it belongs to, unchecked.
    pub date: Option<Date>,
    /// When it may be provided, unchecked.
    pub publication: Publication,
    /// The values, unchecked.
    pub content: Vec<DataSetDraft>,
}

/// Shows neither values nor codes, which may be anything yet.
impl fmt::Debug for ReplicaDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicaDraft")
            .field("addressee", &self.addressee)
            .field("specific_info", &self.specific_info)
            .field("layout_version", &self.layout_version)
            .finish_non_exhaustive()
    }
}

/// A record of a data set, before the form check.
#[derive(Clone, PartialEq, Eq)]
pub struct DataSetDraft {
    /// The data set's code, unchecked.
    pub code: String,
    /// Its items.
    pub items: Vec<ItemDraft>,
    /// The records below it.
    pub children: Vec<DataSetDraft>,
}

/// An item, before the form check.
#[derive(Clone, PartialEq, Eq)]
pub struct ItemDraft {
    /// The item's code, unchecked.
    pub code: String,
    /// The value or the reason; absent when the sender gave neither.
    pub value: Option<ItemValue>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn both_ends_of_a_publication_are_in_it() {
        let publication = Publication {
            from: date(2026, 6, 1),
            to: Some(date(2026, 6, 30)),
        };
        assert!(!publication.contains(date(2026, 5, 31)));
        assert!(publication.contains(date(2026, 6, 1)));
        assert!(publication.contains(date(2026, 6, 30)));
        assert!(!publication.contains(date(2026, 7, 1)));
        let open = Publication {
            to: None,
            ..publication
        };
        assert!(open.contains(date(2099, 1, 1)));
    }

    #[test]
    fn debug_of_a_value_hides_it() {
        let item = Item {
            code: "TK90000000000001".parse().unwrap(),
            value: ItemValue::Present("見本太郎".into()),
        };
        assert!(!format!("{item:?}").contains("見本"));
    }

    #[test]
    fn a_reason_is_read_by_its_public_name_and_by_no_other() {
        for reason in MissingReason::ALL {
            assert_eq!(reason.code().parse(), Ok(*reason));
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.code()));
            let refusal = "".parse::<MissingReason>().unwrap_err().to_string();
            assert!(refusal.contains(reason.code()));
        }
    }
}
