//! 照会許可照合リスト: which inquirer may ask which provider for what, in which procedure, on which law, since when.
//!
//! Source: 番号法 §19(viii), §21(2).

use std::{collections::HashMap, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    codes::{AffairCode, InstitutionCode, ProcedureCode, SpecificInfoCode},
    institution::{Institution, InstitutionClass},
    jst::jst_date,
    malformed::Malformed,
};

/// How many rows an explanation shows at most.
const NEAREST_MAX: usize = 3;

/// Whom a row speaks of: one institution, or every one of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    /// One institution.
    Institution(InstitutionCode),
    /// Every institution of a class.
    Class(InstitutionClass),
}

impl Party {
    fn is(self, institution: &Institution) -> bool {
        match self {
            Self::Institution(code) => code == institution.code,
            Self::Class(class) => class == institution.class,
        }
    }
}

impl FromStr for Party {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            text.parse().map(Self::Institution)
        } else {
            text.parse().map(Self::Class)
        }
    }
}

text_form!(Party);

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Institution(code) => code.fmt(f),
            Self::Class(class) => class.fmt(f),
        }
    }
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionRow {
    /// Its id, unique in the list.
    pub id: String,
    /// 照会者.
    pub inquirer: Party,
    /// 事務.
    pub affair: AffairCode,
    /// 事務手続.
    pub procedure: ProcedureCode,
    /// 提供者.
    pub provider: Party,
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
    /// The first day, in Japan.
    pub valid_from: Date,
    /// The last day, included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Date>,
    /// The provision of law.
    pub legal_basis: String,
}

/// What is asked of the list.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// 照会者.
    pub inquirer: &'a Institution,
    /// 事務.
    pub affair: AffairCode,
    /// 事務手続.
    pub procedure: ProcedureCode,
    /// 提供者.
    pub provider: &'a Institution,
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
    /// When.
    pub at: Timestamp,
}

/// The list's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A row allows it.
    Allowed(Permission),
    /// No row allows it. These come nearest, nearest first.
    Refused(Vec<NearMiss>),
}

/// That a row of the list allows an exchange. Only [`PermissionList::decide`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    list_version: u32,
    row_id: String,
    legal_basis: String,
}

impl Permission {
    /// The row, as the records name it: `<version>/<row>`.
    pub fn row(&self) -> String {
        format!("{}/{}", self.list_version, self.row_id)
    }

    /// The row's id.
    pub fn row_id(&self) -> &str {
        &self.row_id
    }

    /// The provision of law.
    pub fn legal_basis(&self) -> &str {
        &self.legal_basis
    }
}

/// A row that does not allow what is asked, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The row's id.
    pub row_id: String,
    /// In what it differs from the question; never empty.
    pub differs: Vec<Difference>,
}

/// A column in which a row differs from the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Another inquirer.
    Inquirer,
    /// Another affair.
    Affair,
    /// Another procedure.
    Procedure,
    /// Another provider.
    Provider,
    /// Another specific information.
    SpecificInfo,
    /// Its first day has not come.
    NotYetValid,
    /// Its last day has passed.
    NoLongerValid,
}

impl Difference {
    /// The column's name, as the files and the API write it.
    pub fn column(self) -> &'static str {
        match self {
            Self::Inquirer => "inquirer",
            Self::Affair => "affair",
            Self::Procedure => "procedure",
            Self::Provider => "provider",
            Self::SpecificInfo => "specific_info",
            Self::NotYetValid => "valid_from",
            Self::NoLongerValid => "valid_to",
        }
    }
}

/// 照会許可照合リスト, one version of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "PlainList", into = "PlainList")]
pub struct PermissionList {
    plain: PlainList,
    by_subject: HashMap<SubjectCodes, Vec<usize>>,
}

type SubjectCodes = (AffairCode, ProcedureCode, SpecificInfoCode);

/// The list as files and stores hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainList {
    /// Its version; a later one is larger.
    pub version: u32,
    /// When the core system published it.
    pub published_at: Timestamp,
    /// The rows.
    pub rows: Vec<PermissionRow>,
}

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListFlaw {
    /// Two rows have the same id.
    #[error("row {0} stands twice in the list")]
    DuplicateId(String),
    /// A row's last day lies before its first.
    #[error("row {0} ends before it begins")]
    Inverted(String),
}

impl TryFrom<PlainList> for PermissionList {
    type Error = ListFlaw;

    fn try_from(plain: PlainList) -> Result<Self, ListFlaw> {
        let mut ids = std::collections::HashSet::new();
        let mut by_subject: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, row) in plain.rows.iter().enumerate() {
            if !ids.insert(&row.id) {
                return Err(ListFlaw::DuplicateId(row.id.clone()));
            }
            if row.valid_to.is_some_and(|to| to < row.valid_from) {
                return Err(ListFlaw::Inverted(row.id.clone()));
            }
            let codes = (row.affair, row.procedure, row.specific_info);
            by_subject.entry(codes).or_default().push(at);
        }
        Ok(Self { plain, by_subject })
    }
}

impl From<PermissionList> for PlainList {
    fn from(list: PermissionList) -> Self {
        list.plain
    }
}

impl PermissionList {
    /// Its version.
    pub fn version(&self) -> u32 {
        self.plain.version
    }

    /// When the core system published it.
    pub fn published_at(&self) -> Timestamp {
        self.plain.published_at
    }

    /// The rows, in the order of the file.
    pub fn rows(&self) -> &[PermissionRow] {
        &self.plain.rows
    }

    /// The row with this id.
    pub fn row(&self, id: &str) -> Option<&PermissionRow> {
        self.rows().iter().find(|row| row.id == id)
    }

    /// The rows by which an institution may ask for something now.
    pub fn rows_of(&self, inquirer: &Institution, at: Timestamp) -> Vec<&PermissionRow> {
        let today = jst_date(at);
        let rows = self.rows().iter().filter(|row| {
            row.inquirer.is(inquirer)
                && row.valid_from <= today
                && row.valid_to.is_none_or(|last| today <= last)
        });
        rows.collect()
    }

    /// Which row allows the exchange, or which rows come nearest.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        let codes = (question.affair, question.procedure, question.specific_info);
        let candidates = self.by_subject.get(&codes).into_iter().flatten();
        let allowing = candidates
            .filter_map(|at| self.rows().get(*at))
            .find(|row| row.differences(question).is_empty());
        match allowing {
            Some(row) => Decision::Allowed(Permission {
                list_version: self.version(),
                row_id: row.id.clone(),
                legal_basis: row.legal_basis.clone(),
            }),
            None => Decision::Refused(self.nearest(question)),
        }
    }

    fn nearest(&self, question: &Question<'_>) -> Vec<NearMiss> {
        let mut misses: Vec<_> = self
            .rows()
            .iter()
            .map(|row| NearMiss {
                row_id: row.id.clone(),
                differs: row.differences(question),
            })
            .collect();
        misses.sort_by_key(|miss| miss.differs.len());
        misses.truncate(NEAREST_MAX);
        misses
    }
}

impl PermissionRow {
    /// Whether the row allows this institution to be asked.
    pub fn allows_provider(&self, provider: &Institution) -> bool {
        self.provider.is(provider)
    }

    fn differences(&self, question: &Question<'_>) -> Vec<Difference> {
        let today = jst_date(question.at);
        [
            (!self.inquirer.is(question.inquirer), Difference::Inquirer),
            (self.affair != question.affair, Difference::Affair),
            (self.procedure != question.procedure, Difference::Procedure),
            (!self.provider.is(question.provider), Difference::Provider),
            (
                self.specific_info != question.specific_info,
                Difference::SpecificInfo,
            ),
            (today < self.valid_from, Difference::NotYetValid),
            (
                self.valid_to.is_some_and(|last| last < today),
                Difference::NoLongerValid,
            ),
        ]
        .into_iter()
        .filter_map(|(differs, difference)| differs.then_some(difference))
        .collect()
    }
}

/// The list as the core system publishes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedList {
    /// A [`PlainList`] as JSON.
    pub list: String,
    /// Ed25519 by the core system, 64 bytes, in hexadecimal.
    pub signature: String,
}

impl SignedList {
    /// The bytes that the signature is made over.
    pub fn signed_bytes(list: &str) -> Vec<u8> {
        [b"chukan permission list v1\0", list.as_bytes()].concat()
    }
}

/// A copy as an institution keeps it: what the core system has signed, so that it can be verified again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptList {
    /// What was copied.
    pub published: SignedList,
    /// When it was copied, by the world's clock.
    pub copied_at: Timestamp,
}

/// An institution's copy of the list, verified.
#[derive(Debug, Clone)]
pub struct ListCopy {
    /// The list.
    pub list: PermissionList,
    /// When it was copied, by the world's clock.
    pub copied_at: Timestamp,
}

/// The copy is too old, or was made in the future of the world's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the copy of the permission list is stale")]
pub struct StaleCopy;

impl ListCopy {
    /// Until when the copy is used.
    pub fn usable_until(&self, age_max: SignedDuration) -> Timestamp {
        self.copied_at
            .checked_add(age_max)
            .unwrap_or(Timestamp::MAX)
    }

    /// The list, while the copy may be used.
    ///
    /// # Errors
    /// When it is older than `age_max`, or the clock stands before its making.
    pub fn usable(
        &self,
        now: Timestamp,
        age_max: SignedDuration,
    ) -> Result<&PermissionList, StaleCopy> {
        if self.copied_at <= now && now < self.usable_until(age_max) {
            Ok(&self.list)
        } else {
            Err(StaleCopy)
        }
    }
}

#[cfg(test)]
mod tests;
