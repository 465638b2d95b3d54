//! The sessions of an institution's staff, in memory: after a restart everybody signs in again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use super::StaffRules;
use crate::domain::names::AccountName;

/// SHA-256 of a session's token. The token itself is only with its owner.
pub(super) type TokenDigest = [u8; 32];

struct Session {
    account: AccountName,
    began: Timestamp,
    last_seen: Timestamp,
}

impl Session {
    fn lives(&self, rules: &StaffRules, now: Timestamp) -> bool {
        now.duration_since(self.last_seen) < rules.idle_max
            && now.duration_since(self.began) < rules.session_max
    }
}

/// The sessions that are open.
#[derive(Default)]
pub(in crate::institution) struct Sessions {
    open: Mutex<HashMap<TokenDigest, Session>>,
    attempt: tokio::sync::Mutex<()>,
}

impl Sessions {
    /// Held from reading an account until its failed sign-in is counted: of guesses made at once, each is counted before
    /// the next is judged.
    pub(super) async fn one_attempt_at_a_time(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.attempt.lock().await
    }

    /// Opens a session and ends every other of the account.
    pub(super) fn open(&self, token: TokenDigest, account: AccountName, now: Timestamp) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| session.account != account);
        let session = Session {
            account,
            began: now,
            last_seen: now,
        };
        open.insert(token, session);
    }

    /// Whose session it is, if it lives; this is a sign of life.
    pub(super) fn whose(
        &self,
        token: &TokenDigest,
        rules: &StaffRules,
        now: Timestamp,
    ) -> Option<AccountName> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| session.lives(rules, now));
        let session = open.get_mut(token)?;
        session.last_seen = session.last_seen.max(now);
        Some(session.account.clone())
    }

    /// Whose session it is, if it lives; this is no sign of life.
    pub(super) fn still_whose(
        &self,
        token: &TokenDigest,
        rules: &StaffRules,
        now: Timestamp,
    ) -> Option<AccountName> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(token)?;
        session.lives(rules, now).then(|| session.account.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, token: &TokenDigest) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(token);
    }

    /// Ends every session of the account but this one.
    pub(super) fn end_others(&self, account: &AccountName, but: Option<&TokenDigest>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|token, session| session.account != *account || Some(token) == but);
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::{analysis::AnalysisRules, password::PasswordRules};

    const RULES: StaffRules = StaffRules {
        password: PasswordRules {
            characters_min: 8,
            lifetime: SignedDuration::from_hours(1),
            remembered: 1,
            failures_max: 3,
        },
        idle_max: SignedDuration::from_mins(10),
        session_max: SignedDuration::from_mins(25),
        analysis: AnalysisRules {
            opens: 0,
            closes: 24,
            failures_min: 1,
            unused_days: 1,
            volume_max: 1,
        },
    };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn name(text: &str) -> AccountName {
        text.parse().unwrap()
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_has_lasted() {
        let sessions = Sessions::default();
        sessions.open([1; 32], name("a"), at(0));
        assert!(sessions.whose(&[2; 32], &RULES, at(0)).is_none());
        assert!(sessions.whose(&[1; 32], &RULES, at(9)).is_some());
        assert!(sessions.whose(&[1; 32], &RULES, at(18)).is_some());
        assert!(sessions.whose(&[1; 32], &RULES, at(25)).is_none(), "lasted");
        sessions.open([1; 32], name("a"), at(30));
        assert!(sessions.whose(&[1; 32], &RULES, at(40)).is_none(), "idle");
        assert!(
            sessions.whose(&[1; 32], &RULES, at(31)).is_none(),
            "stays ended"
        );
    }

    #[test]
    fn to_look_whether_a_session_lives_does_not_keep_it_alive() {
        let sessions = Sessions::default();
        sessions.open([1; 32], name("a"), at(0));
        let owner = |minutes| sessions.still_whose(&[1; 32], &RULES, at(minutes));
        assert_eq!(owner(9), Some(name("a")));
        assert_eq!(owner(10), None, "idle");
        assert!(sessions.whose(&[1; 32], &RULES, at(9)).is_some());
        assert_eq!(owner(18), Some(name("a")));
    }

    #[test]
    fn an_account_has_one_session() {
        let sessions = Sessions::default();
        sessions.open([1; 32], name("a"), at(0));
        sessions.open([2; 32], name("b"), at(0));
        sessions.open([3; 32], name("a"), at(1));
        assert!(sessions.whose(&[1; 32], &RULES, at(1)).is_none());
        assert_eq!(sessions.whose(&[3; 32], &RULES, at(1)), Some(name("a")));
        sessions.end_others(&name("a"), Some(&[3; 32]));
        assert!(sessions.whose(&[3; 32], &RULES, at(1)).is_some());
        sessions.end_others(&name("a"), None);
        assert!(sessions.whose(&[3; 32], &RULES, at(1)).is_none());
        assert!(sessions.whose(&[2; 32], &RULES, at(1)).is_some());
        sessions.end(&[2; 32]);
        assert!(sessions.whose(&[2; 32], &RULES, at(1)).is_none());
    }
}
