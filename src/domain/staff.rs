//! 職員: the accounts of an institution's staff, their roles, and which role may do what.
//!
//! Roles and accounts are ours; what they enforce comes from cities' rules (docs/divergences.md).

mod display_name;

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    codes::{AffairCode, InstitutionCode},
    names::{AccountName, StaffNumber},
};

pub use display_name::DisplayName;

/// What an account may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 機関管理者: accounts and settings, never contents.
    Administrator,
    /// 事務担当者: checks held requests.
    Clerk,
    /// 所属長: approves what a clerk has checked.
    Approver,
    /// 監査者: reads the operation log.
    Auditor,
    /// 基盤運用者: volumes and states, never contents.
    PlatformOperator,
    /// 研修講師: follows what trainees do.
    Instructor,
}

/// What staff can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// See how many requests wait, and since when.
    SeeQueue,
    /// Open a held request.
    OpenProvision,
    /// Reveal what would be sent.
    RevealContent,
    /// 確認: check a held request and propose its end.
    CheckProvision,
    /// 承認: approve what was proposed.
    ApproveProvision,
    /// 差し戻し: send a checked request back to the clerks.
    SendBackProvision,
    /// Create, change and unlock accounts.
    ManageAccounts,
    /// Read the operation log.
    ReadOperations,
    /// 廃棄: have the records disposed of whose period has ended.
    DisposeRecords,
    /// See what the analysis of the operation log has found.
    AnalyzeOperations,
    /// Say that a finding was looked at.
    ReviewFinding,
    /// See how many exchanges there were, and how they ended.
    ReadStatistics,
    /// Take the counts away as a file.
    ExportStatistics,
    /// See the settings in force.
    ReadSettings,
    /// Search 情報提供等記録.
    SearchRecords,
    /// See one exchange's 情報提供等記録, as the three parties keep it.
    ReadRecord,
    /// 不開示: set or clear the mark of a record.
    MarkNondisclosure,
    /// 情報照会: see the institution's inquiries and how they stand.
    ListInquiries,
    /// Send an inquiry.
    SubmitInquiry,
    /// See how one inquiry stands, its answers masked.
    ReadInquiry,
    /// Reveal the answers to an inquiry.
    RevealResult,
    /// 取消: cancel an inquiry.
    CancelInquiry,
    /// 符号状態: see how a person's acquisition stands, and how many stand so.
    ReadSymbolState,
    /// See who used identity information, and what for.
    ReadIdentityUses,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Administrator,
        Self::Clerk,
        Self::Approver,
        Self::Auditor,
        Self::PlatformOperator,
        Self::Instructor,
    ];

    /// The name as it is written in forms.
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Clerk => "clerk",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::PlatformOperator => "platform_operator",
            Self::Instructor => "instructor",
        }
    }

    /// The Japanese name.
    pub fn ja(self) -> &'static str {
        match self {
            Self::Administrator => "機関管理者",
            Self::Clerk => "事務担当者",
            Self::Approver => "所属長",
            Self::Auditor => "監査者",
            Self::PlatformOperator => "基盤運用者",
            Self::Instructor => "研修講師",
        }
    }
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 24] = [
        Self::SeeQueue,
        Self::OpenProvision,
        Self::RevealContent,
        Self::CheckProvision,
        Self::ApproveProvision,
        Self::SendBackProvision,
        Self::ManageAccounts,
        Self::ReadOperations,
        Self::DisposeRecords,
        Self::AnalyzeOperations,
        Self::ReviewFinding,
        Self::ReadStatistics,
        Self::ExportStatistics,
        Self::ReadSettings,
        Self::SearchRecords,
        Self::ReadRecord,
        Self::MarkNondisclosure,
        Self::ListInquiries,
        Self::SubmitInquiry,
        Self::ReadInquiry,
        Self::RevealResult,
        Self::CancelInquiry,
        Self::ReadSymbolState,
        Self::ReadIdentityUses,
    ];

    /// The table: who may do this. Nobody else may.
    pub fn roles(self) -> &'static [Role] {
        use Role::{Administrator, Approver, Auditor, Clerk, Instructor, PlatformOperator};
        match self {
            Self::SeeQueue => &[Clerk, Approver, Auditor, PlatformOperator, Instructor],
            Self::OpenProvision => &[Clerk, Approver, Instructor],
            Self::RevealContent => &[Clerk, Approver],
            Self::CheckProvision => &[Clerk],
            Self::ApproveProvision | Self::SendBackProvision => &[Approver],
            Self::ManageAccounts => &[Administrator],
            Self::ReadOperations => &[Auditor, Instructor],
            Self::DisposeRecords => &[Approver],
            Self::AnalyzeOperations | Self::ReviewFinding | Self::ReadIdentityUses => &[Auditor],
            Self::ReadStatistics => &[Approver, Auditor, PlatformOperator, Instructor],
            Self::ExportStatistics => &[Approver, Auditor],
            Self::ReadSettings => &[Administrator],
            Self::SearchRecords | Self::ReadRecord => &[Clerk, Approver, Auditor, Instructor],
            Self::MarkNondisclosure => &[Approver],
            Self::ListInquiries | Self::ReadInquiry | Self::ReadSymbolState => {
                &[Clerk, Approver, Instructor]
            }
            Self::SubmitInquiry | Self::CancelInquiry => &[Clerk],
            Self::RevealResult => &[Clerk, Approver],
        }
    }

    /// The Japanese name, as the operation log shows it.
    pub fn ja(self) -> &'static str {
        match self {
            Self::SeeQueue => "要対応一覧の参照",
            Self::OpenProvision => "内容確認画面の参照",
            Self::RevealContent => "提供内容の表示",
            Self::CheckProvision => "確認",
            Self::ApproveProvision => "承認",
            Self::SendBackProvision => "差し戻し",
            Self::ManageAccounts => "職員・権限の管理",
            Self::ReadOperations => "操作記録の参照",
            Self::DisposeRecords => "記録の廃棄",
            Self::AnalyzeOperations => "操作記録の分析",
            Self::ReviewFinding => "分析結果の確認",
            Self::ReadStatistics => "統計の参照",
            Self::ExportStatistics => "統計の出力",
            Self::ReadSettings => "設定の参照",
            Self::SearchRecords => "情報提供等記録の検索",
            Self::ReadRecord => "情報提供等記録の参照",
            Self::MarkNondisclosure => "不開示の設定・解除",
            Self::ListInquiries => "情報照会一覧の参照",
            Self::SubmitInquiry => "情報照会の依頼",
            Self::ReadInquiry => "情報照会結果の参照",
            Self::RevealResult => "情報照会結果の表示",
            Self::CancelInquiry => "情報照会の取消",
            Self::ReadSymbolState => "符号状態の参照",
            Self::ReadIdentityUses => "本人確認情報の利用記録の参照",
        }
    }
}

/// For which affairs an account may act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Affairs {
    /// For all of the institution.
    All,
    /// Only for these.
    Only(BTreeSet<AffairCode>),
}

impl Affairs {
    fn include(&self, affair: AffairCode) -> bool {
        match self {
            Self::All => true,
            Self::Only(affairs) => affairs.contains(&affair),
        }
    }
}

/// 職員アカウント. Never shared: a person may have several, but an account has one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The institution.
    pub institution: InstitutionCode,
    /// The name that is given at sign-in.
    pub name: AccountName,
    /// 職員番号 of the person behind it: who checks and who approves are told apart by it.
    pub person: StaffNumber,
    /// What others see.
    pub display_name: DisplayName,
    /// What it may be used for.
    pub roles: BTreeSet<Role>,
    /// For which affairs.
    pub affairs: Affairs,
    /// The last day it can be used, where there is one.
    pub expires_on: Option<Date>,
}

impl Account {
    /// Whether the account may do this.
    ///
    /// # Errors
    /// When no role of it may.
    pub fn authority(&self, act: Act) -> Result<Authority<'_>, NotAuthorised> {
        let role = act.roles().iter().find(|role| self.roles.contains(role));
        match role {
            Some(role) => Ok(Authority {
                account: self,
                role: *role,
                act,
            }),
            None => Err(NotAuthorised),
        }
    }
}

/// Who acts, and that they may. Only [`Account::authority`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct Authority<'a> {
    account: &'a Account,
    role: Role,
    act: Act,
}

impl Authority<'_> {
    /// What it is for.
    pub fn act(&self) -> Act {
        self.act
    }

    /// Passes only where it is for this act.
    ///
    /// # Errors
    /// When it is for another.
    pub fn is_for(&self, act: Act) -> Result<(), NotAuthorised> {
        if self.act == act {
            Ok(())
        } else {
            Err(NotAuthorised)
        }
    }

    /// The role that allows it.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        Actor {
            account: self.account.name.clone(),
            person: self.account.person.clone(),
        }
    }

    /// The same, if the account may act for the affair.
    ///
    /// # Errors
    /// When it may not.
    pub fn for_affair(self, affair: AffairCode) -> Result<Self, NotAuthorised> {
        if self.account.affairs.include(affair) {
            Ok(self)
        } else {
            Err(NotAuthorised)
        }
    }
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account.
    pub account: AccountName,
    /// The person behind it.
    pub person: StaffNumber,
}

/// The account has no role that may do this, or not for this affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the account has no authority for this act or this affair")]
pub struct NotAuthorised;

/// Why an act of a member of staff is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StaffRefusal {
    /// The name or the password is wrong, or the account is locked or has expired. Which of these is told to nobody.
    #[error("the name or the password is wrong, or the account cannot be used")]
    SignIn,
    /// There is no session, or it has ended.
    #[error("there is no session, or it has ended: sign in")]
    NoSession,
    /// The password must be changed before anything else is done.
    #[error("the password must be changed first")]
    PasswordDue,
    /// The account has no role that may do this, or not for this affair.
    #[error("the account has no authority for this act or this affair")]
    NotAuthorised,
    /// Another administrator must do this.
    #[error("an administrator may not do this to their own account")]
    OwnAccount,
    /// There is an account of this name.
    #[error("there is an account of this name")]
    AccountExists,
}

impl StaffRefusal {
    /// The Japanese message for a person.
    pub fn ja(self) -> &'static str {
        match self {
            Self::SignIn => {
                "アカウント名またはパスワードが正しくないか、アカウントを使用できません。"
            }
            Self::NoSession => "ログインしていないか、ログインの有効時間が過ぎました。",
            Self::PasswordDue => "先にパスワードを変更してください。",
            Self::NotAuthorised => "この操作または事務の権限がありません。",
            Self::OwnAccount => "自分のアカウントには、この操作を行えません。",
            Self::AccountExists => "同じ名前のアカウントが既に存在します。",
        }
    }
}

#[cfg(test)]
mod tests;
