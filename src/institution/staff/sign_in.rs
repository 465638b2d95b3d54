//! ログイン・ログアウト.

use std::sync::OnceLock;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{AtWork, has_expired, slowly};
use crate::{
    crypto::{
        digest::{random_bytes, sha256},
        password::{hash, verify},
    },
    domain::{
        names::AccountName,
        operation::{Operation, OperationKind, OperationOutcome},
        password::Credential,
        staff::StaffRefusal,
    },
    institution::{ActFault, IntermediateServer},
    store::{KeptAccount, StoreFault, Version},
};

/// What stands in for the hash of an account that does not exist, so that nobody learns from the time which do.
static NOBODY: OnceLock<String> = OnceLock::new();

/// A session that was opened.
#[derive(Debug)]
pub struct SignedIn {
    /// What its owner shows with every call; 43 characters of base64url. Nobody else has it.
    pub token: Zeroizing<String>,
    /// Whose it is.
    pub staff: AtWork,
}

impl IntermediateServer {
    /// Opens a session of the account and ends any other of it. The attempt is on record either way.
    ///
    /// # Errors
    /// When the name or the password is wrong, or the account is locked or has expired: which of these is not told.
    pub async fn sign_in(
        &self,
        name: &AccountName,
        password: Zeroizing<String>,
        origin: &str,
        now: Timestamp,
    ) -> Result<SignedIn, ActFault> {
        let _alone = self.sessions.one_attempt_at_a_time().await;
        let found = self.around.state.account(self.profile.code, name)?;
        let right = self.is_password(found.as_ref(), password).await?;
        let rules = &self.around.staff.password;
        let operation = |account: Option<&KeptAccount>, outcome| Operation {
            account: account.map(|kept| kept.account.name.clone()),
            person: account.map(|kept| kept.account.person.clone()),
            what: OperationKind::SignIn,
            on: None,
            outcome,
            origin: origin.to_owned(),
            note: None,
        };
        let usable = |kept: &KeptAccount| {
            right && !kept.credential.locked && !has_expired(&kept.account, now)
        };
        let Some((version, kept)) = found.as_ref().filter(|(_, kept)| usable(kept)) else {
            let known = found.as_ref().map(|(_, kept)| kept);
            let refused = OperationOutcome::refused(&StaffRefusal::SignIn.into());
            self.record_operation(operation(known, refused), now)
                .await?;
            if let Some((version, kept)) = found.filter(|_| !right) {
                self.keep_credential(version, kept, |credential| credential.failed(rules))
                    .await?;
            }
            return Err(StaffRefusal::SignIn.into());
        };
        self.record_operation(operation(Some(kept), OperationOutcome::Done), now)
            .await?;
        if kept.credential.failures > 0 {
            self.keep_credential(*version, kept.clone(), Credential::succeeded)
                .await?;
        }
        let token = Zeroizing::new(BASE64URL_NOPAD.encode(&random_bytes::<32>()?));
        let digest = sha256(&[token.as_bytes()]);
        self.sessions.open(digest, name.clone(), now);
        let staff = AtWork {
            account: kept.account.clone(),
            origin: origin.to_owned(),
            password_due: kept.credential.is_due(rules, now),
        };
        Ok(SignedIn { token, staff })
    }

    /// Who shows this token; this is a sign of life of the session.
    ///
    /// # Errors
    /// When no session has this token, or its account is locked or has expired.
    pub fn at_work(&self, token: &str, origin: &str, now: Timestamp) -> Result<AtWork, ActFault> {
        let digest = sha256(&[token.as_bytes()]);
        let name = self.sessions.whose(&digest, &self.around.staff, now);
        self.who_works(&digest, name, origin, now)
    }

    /// The same for what a stream or a page asks without anybody doing something: no sign of life.
    ///
    /// # Errors
    /// As [`Self::at_work`].
    pub fn still_at_work(
        &self,
        token: &str,
        origin: &str,
        now: Timestamp,
    ) -> Result<AtWork, ActFault> {
        let digest = sha256(&[token.as_bytes()]);
        let name = self.sessions.still_whose(&digest, &self.around.staff, now);
        self.who_works(&digest, name, origin, now)
    }

    fn who_works(
        &self,
        session: &[u8; 32],
        name: Option<AccountName>,
        origin: &str,
        now: Timestamp,
    ) -> Result<AtWork, ActFault> {
        let name = name.ok_or(StaffRefusal::NoSession)?;
        let found = self.around.state.account(self.profile.code, &name)?;
        let (_, kept) = found.ok_or(StaffRefusal::NoSession)?;
        if kept.credential.locked || has_expired(&kept.account, now) {
            self.sessions.end(session);
            return Err(StaffRefusal::NoSession.into());
        }
        let rules = &self.around.staff.password;
        Ok(AtWork {
            password_due: kept.credential.is_due(rules, now),
            account: kept.account,
            origin: origin.to_owned(),
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When it cannot be recorded; it is ended all the same.
    pub async fn sign_out(
        &self,
        staff: &AtWork,
        token: &str,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        self.sessions.end(&sha256(&[token.as_bytes()]));
        let operation = staff.operation(OperationKind::SignOut, None);
        self.record_operation(operation, now).await
    }

    /// Whether the account has this password. Takes as long when there is no account.
    pub(super) async fn is_password(
        &self,
        found: Option<&(Version, KeptAccount)>,
        password: Zeroizing<String>,
    ) -> Result<bool, ActFault> {
        let known = found.map(|(_, kept)| kept.credential.hash.clone());
        let turn = self.around.hashing.acquire().await;
        let right = slowly(move || {
            let nobody = match NOBODY.get() {
                Some(nobody) => nobody,
                None => {
                    let made = hash("nobody has this password")?;
                    NOBODY.get_or_init(|| made)
                }
            };
            let exists = known.is_some();
            let right = verify(&password, known.as_ref().unwrap_or(nobody));
            Ok(exists && right)
        });
        let right = right.await;
        drop(turn);
        right
    }

    /// Keeps what becomes of a credential, also when an administrator changes the account at the same moment.
    pub(super) async fn keep_credential(
        &self,
        mut seen: Version,
        mut kept: KeptAccount,
        change: impl Fn(Credential) -> Credential,
    ) -> Result<(), ActFault> {
        let (state, name) = (&self.around.state, kept.account.name.clone());
        loop {
            let next = KeptAccount {
                credential: change(kept.credential),
                account: kept.account,
            };
            match state.replace_account(seen, &next).await {
                Ok(()) => return Ok(()),
                Err(StoreFault::Conflict { .. }) => {}
                Err(fault) => return Err(fault.into()),
            }
            let Some(again) = state.account(self.profile.code, &name)? else {
                return Ok(());
            };
            (seen, kept) = again;
        }
    }
}
