//! 職員・権限の管理.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use zeroize::Zeroizing;

use super::{AtWork, password::unfit, slowly, unknown_account};
use crate::{
    crypto::password::hash,
    domain::{
        names::{AccountName, StaffNumber},
        password::Credential,
        staff::{Account, Act, Affairs, DisplayName, Role, StaffRefusal},
    },
    institution::{ActFault, IntermediateServer},
    store::{KeptAccount, Version},
};

/// An account as an administrator describes it.
#[derive(Debug, Clone)]
pub struct AccountDraft {
    /// The name given at sign-in.
    pub name: AccountName,
    /// The person behind it.
    pub person: StaffNumber,
    /// What others see.
    pub display_name: DisplayName,
    /// What it may be used for.
    pub roles: BTreeSet<Role>,
    /// For which affairs.
    pub affairs: Affairs,
    /// The last day it can be used.
    pub expires_on: Option<Date>,
}

/// An account as an administrator sees it.
#[derive(Debug, Clone)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// Whether it is locked.
    pub locked: bool,
    /// Whether its password must be changed.
    pub password_due: bool,
}

impl IntermediateServer {
    /// Every account of the institution.
    ///
    /// # Errors
    /// When the member of staff may not see them.
    pub async fn accounts(
        &self,
        staff: &AtWork,
        now: Timestamp,
    ) -> Result<Vec<AccountView>, ActFault> {
        self.begin_act(staff, Act::ManageAccounts, None, now)
            .await?;
        let kept = self.around.state.accounts(self.profile.code)?;
        Ok(kept
            .into_iter()
            .map(|kept| self.view_of(kept, now))
            .collect())
    }

    /// Creates an account with a first password, which its owner must change.
    ///
    /// # Errors
    /// When the member of staff may not, the name is taken, or the password is not as it must be.
    pub async fn create_account(
        &self,
        staff: &AtWork,
        draft: AccountDraft,
        password: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<AccountView, ActFault> {
        let _alone = self.sessions.one_attempt_at_a_time().await;
        let name = draft.name.clone();
        let made = self.new_account(staff, draft, password, now).await;
        let kept = self.settle(staff, &name, made, now).await?;
        let state = &self.around.state;
        state.add_accounts(std::slice::from_ref(&kept)).await?;
        Ok(self.view_of(kept, now))
    }

    /// Changes roles, affairs, display name and last day of an account, and ends its sessions.
    ///
    /// # Errors
    /// When the member of staff may not, there is no such account, it is their own, or it is another person's.
    pub async fn update_account(
        &self,
        staff: &AtWork,
        draft: AccountDraft,
        now: Timestamp,
    ) -> Result<AccountView, ActFault> {
        let _alone = self.sessions.one_attempt_at_a_time().await;
        let found = self.other_account(staff, &draft.name);
        let (version, kept) = self.settle(staff, &draft.name, found, now).await?;
        let account = Account {
            // An account keeps its person: what it did stays theirs.
            person: kept.account.person.clone(),
            ..self.account_of(draft)
        };
        self.replace_account(version, KeptAccount { account, ..kept }, now)
            .await
    }

    /// Unlocks an account.
    ///
    /// # Errors
    /// When the member of staff may not, there is no such account, or it is their own.
    pub async fn unlock_account(
        &self,
        staff: &AtWork,
        name: &AccountName,
        now: Timestamp,
    ) -> Result<AccountView, ActFault> {
        let _alone = self.sessions.one_attempt_at_a_time().await;
        let found = self.other_account(staff, name);
        let (version, mut kept) = self.settle(staff, name, found, now).await?;
        kept.credential.locked = false;
        kept.credential.failures = 0;
        self.replace_account(version, kept, now).await
    }

    /// Puts on record how an administrator's act ended. No other change of an account comes between this and the change, for
    /// all of them wait for one attempt at a time.
    async fn settle<T>(
        &self,
        staff: &AtWork,
        on: &AccountName,
        prepared: Result<T, ActFault>,
        now: Timestamp,
    ) -> Result<T, ActFault> {
        let what = (Act::ManageAccounts, Some(on.to_string()));
        self.settle_act(staff, what, prepared, now).await
    }

    async fn new_account(
        &self,
        staff: &AtWork,
        draft: AccountDraft,
        password: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<KeptAccount, ActFault> {
        staff.authority(Act::ManageAccounts)?;
        let account = self.account_of(draft);
        let known = self
            .around
            .state
            .account(account.institution, &account.name)?;
        if known.is_some() {
            return Err(StaffRefusal::AccountExists.into());
        }
        let flaws = self.around.staff.password.flaws(&account, "", &password);
        if !flaws.is_empty() {
            return Err(unfit(&flaws).into());
        }
        let turn = self.around.hashing.acquire().await;
        let hash = slowly(move || hash(&password)).await?;
        drop(turn);
        Ok(KeptAccount {
            account,
            credential: Credential::given(hash, now),
        })
    }

    fn other_account(
        &self,
        staff: &AtWork,
        name: &AccountName,
    ) -> Result<(Version, KeptAccount), ActFault> {
        staff.authority(Act::ManageAccounts)?;
        let found = self.around.state.account(self.profile.code, name)?;
        let (version, kept) = found.ok_or_else(unknown_account)?;
        if kept.account.person == staff.account.person {
            return Err(StaffRefusal::OwnAccount.into());
        }
        Ok((version, kept))
    }

    async fn replace_account(
        &self,
        seen: Version,
        kept: KeptAccount,
        now: Timestamp,
    ) -> Result<AccountView, ActFault> {
        self.around.state.replace_account(seen, &kept).await?;
        self.sessions.end_others(&kept.account.name, None);
        Ok(self.view_of(kept, now))
    }

    fn account_of(&self, draft: AccountDraft) -> Account {
        Account {
            institution: self.profile.code,
            name: draft.name,
            person: draft.person,
            display_name: draft.display_name,
            roles: draft.roles,
            affairs: draft.affairs,
            expires_on: draft.expires_on,
        }
    }

    fn view_of(&self, kept: KeptAccount, now: Timestamp) -> AccountView {
        AccountView {
            locked: kept.credential.locked,
            password_due: kept.credential.is_due(&self.around.staff.password, now),
            account: kept.account,
        }
    }
}
