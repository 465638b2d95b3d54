//! 職員: the accounts of an institution's staff, their roles, and which role may do what.
//!
//! Roles and accounts are ours; what they enforce comes from cities' rules (docs/divergences.md).

mod act;
mod display_name;

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    codes::{AffairCode, InstitutionCode},
    names::{AccountName, StaffNumber},
};

pub use act::Act;
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

    /// The same, if the account may act for every affair: what it is about belongs to none.
    ///
    /// # Errors
    /// When it may act for some only.
    pub fn for_all_affairs(self) -> Result<Self, NotAuthorised> {
        match self.account.affairs {
            Affairs::All => Ok(self),
            Affairs::Only(_) => Err(NotAuthorised),
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
