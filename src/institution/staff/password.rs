//! パスワード変更.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{AtWork, slowly, unknown_account};
use crate::{
    crypto::{
        digest::sha256,
        password::{hash, verify},
    },
    domain::{
        operation::{OperationKind, OperationOutcome},
        password::PasswordFlaw,
        refusal::{FieldFlaw, Refusal},
        staff::StaffRefusal,
    },
    institution::{ActFault, IntermediateServer},
    store::KeptAccount,
};

impl IntermediateServer {
    /// Changes the own password and ends the account's other sessions.
    ///
    /// # Errors
    /// When the present password is wrong (that counts as a failed sign-in), or the new one is not as it must be.
    pub async fn change_password(
        &self,
        (staff, token): (&AtWork, &str),
        present: Zeroizing<String>,
        new: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let _alone = self.sessions.one_attempt_at_a_time().await;
        let name = &staff.account.name;
        let found = self.around.state.account(self.profile.code, name)?;
        let right = self.is_password(found.as_ref(), present.clone()).await?;
        let (version, kept) = found.ok_or_else(unknown_account)?;
        let rules = self.around.staff.password;
        let mut operation = staff.operation(OperationKind::ChangePassword, None);
        if !right {
            let refusal = StaffRefusal::SignIn;
            operation.outcome = OperationOutcome::refused(&refusal.into());
            self.record_operation(operation, now).await?;
            self.keep_credential(version, kept, |credential| credential.failed(&rules))
                .await?;
            return Err(refusal.into());
        }
        let mut flaws = rules.flaws(&kept.account, &present, &new);
        let former = kept.credential.former.iter().cloned();
        let former: Vec<_> = former.take(rules.remembered).collect();
        let turn = self.around.hashing.acquire().await;
        let checked = slowly(move || {
            let used = former.iter().any(|former| verify(&new, former));
            Ok((used, hash(&new)?))
        });
        let (used, hash) = checked.await?;
        drop(turn);
        if used {
            flaws.push(PasswordFlaw::UsedBefore);
        }
        if !flaws.is_empty() {
            let refusal = unfit(&flaws);
            operation.outcome = OperationOutcome::refused(&refusal);
            self.record_operation(operation, now).await?;
            return Err(refusal.into());
        }
        self.record_operation(operation, now).await?;
        let next = KeptAccount {
            credential: kept.credential.changed(hash, &rules, now),
            account: kept.account,
        };
        self.around.state.replace_account(version, &next).await?;
        self.sessions
            .end_others(name, Some(&sha256(&[token.as_bytes()])));
        Ok(())
    }
}

/// Every flaw of a new password.
pub(super) fn unfit(flaws: &[PasswordFlaw]) -> Refusal {
    let flaws = flaws.iter();
    let flaws = flaws.map(|flaw| FieldFlaw::new("new_password", flaw.to_string(), flaw.ja()));
    Refusal::Malformed(flaws.collect())
}
