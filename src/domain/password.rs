//! Passwords of staff accounts: what a new one must be, and what an account knows of its own.
//!
//! Source: cities' rules on staff authentication (minimum length, expiry, none the same or similar); the numbers are
//! settings (docs/divergences.md).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::staff::Account;

/// What the institution asks of passwords and of those who give them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest characters.
    pub characters_min: usize,
    /// How long one may be used.
    pub lifetime: SignedDuration,
    /// How many former passwords may not be used again.
    pub remembered: usize,
    /// After how many wrong passwords in a row the account is locked.
    pub failures_max: u32,
}

/// The most characters of a password: a longer one only costs time.
const CHARACTERS_MAX: usize = 128;

/// Two passwords that differ in fewer places than this are similar.
const DIFFERENT_CHARACTERS_MIN: usize = 4;

/// What is wrong with a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFlaw {
    /// Too few characters.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// Too many characters.
    #[error("must have at most {CHARACTERS_MAX} characters")]
    TooLong,
    /// The account's name or the person's number is in it.
    #[error("must not hold the account's name or the staff number")]
    NamesTheAccount,
    /// All its characters are from one or two different ones.
    #[error("must have at least five different characters")]
    Monotonous,
    /// It is the present one, or like it.
    #[error("must not be like the present password")]
    LikeThePresent,
    /// It was used before.
    #[error("was used before")]
    UsedBefore,
}

impl PasswordFlaw {
    /// The same in Japanese.
    pub fn ja(self) -> String {
        match self {
            Self::TooShort(min) => format!("{min}文字以上にしてください"),
            Self::TooLong => format!("{CHARACTERS_MAX}文字以内にしてください"),
            Self::NamesTheAccount => "アカウント名や職員番号を含めることはできません".into(),
            Self::Monotonous => "5種類以上の文字を使ってください".into(),
            Self::LikeThePresent => "現在のパスワードと同じもの、似たものは使用できません".into(),
            Self::UsedBefore => "以前に使用したパスワードは使用できません".into(),
        }
    }
}

impl PasswordRules {
    /// What is wrong with `new` as the next password after `present`: all of it. Whether it was used before is known
    /// only to who can compare it with the hashes.
    pub fn flaws(&self, account: &Account, present: &str, new: &str) -> Vec<PasswordFlaw> {
        let mut flaws = Vec::new();
        let characters = new.chars().count();
        if characters < self.characters_min {
            flaws.push(PasswordFlaw::TooShort(self.characters_min));
        }
        if characters > CHARACTERS_MAX {
            // Nothing else is looked at: comparing takes the square of the length.
            return vec![PasswordFlaw::TooLong];
        }
        let folded = new.to_lowercase();
        let names = [account.name.as_str(), account.person.as_str()];
        if names
            .iter()
            .any(|name| folded.contains(&name.to_lowercase()))
        {
            flaws.push(PasswordFlaw::NamesTheAccount);
        }
        let different: std::collections::BTreeSet<char> = folded.chars().collect();
        if different.len() < 5 {
            flaws.push(PasswordFlaw::Monotonous);
        }
        if !present.is_empty()
            && distance(&present.to_lowercase(), &folded) < DIFFERENT_CHARACTERS_MIN
        {
            flaws.push(PasswordFlaw::LikeThePresent);
        }
        flaws
    }
}

/// How many characters must be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut above_left = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            let changed = above_left + usize::from(from != *to);
            left = changed.min(above + 1).min(left + 1);
            above_left = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// What an account knows of its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The hash in use, as a PHC string.
    pub hash: String,
    /// The hashes before it, the latest first.
    pub former: Vec<String>,
    /// Since when it is in use.
    pub since: Timestamp,
    /// It was given by somebody else, so the first thing its owner does is to change it.
    pub must_change: bool,
    /// How often in a row a wrong one was given.
    pub failures: u32,
    /// Until an administrator unlocks it, nobody gets in.
    pub locked: bool,
}

impl Credential {
    /// A first password, given by somebody else.
    pub fn given(hash: String, since: Timestamp) -> Self {
        Self {
            hash,
            former: Vec::new(),
            since,
            must_change: true,
            failures: 0,
            locked: false,
        }
    }

    /// The credential after a wrong password.
    #[must_use]
    pub fn failed(mut self, rules: &PasswordRules) -> Self {
        self.failures = self.failures.saturating_add(1);
        self.locked = self.locked || self.failures >= rules.failures_max;
        self
    }

    /// The credential after the right password.
    #[must_use]
    pub fn succeeded(mut self) -> Self {
        self.failures = 0;
        self
    }

    /// The credential with the next password.
    #[must_use]
    pub fn changed(mut self, hash: String, rules: &PasswordRules, now: Timestamp) -> Self {
        let old = std::mem::replace(&mut self.hash, hash);
        self.former.insert(0, old);
        self.former.truncate(rules.remembered);
        Self {
            since: now,
            must_change: false,
            failures: 0,
            locked: false,
            ..self
        }
    }

    /// Whether the password must be changed before anything else is done.
    pub fn is_due(&self, rules: &PasswordRules, now: Timestamp) -> bool {
        self.must_change || now.duration_since(self.since) >= rules.lifetime
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::staff::Affairs;

    const RULES: PasswordRules = PasswordRules {
        characters_min: 10,
        lifetime: SignedDuration::from_hours(24 * 90),
        remembered: 3,
        failures_max: 3,
    };

    fn account() -> Account {
        Account {
            institution: "0220113112101700".parse().unwrap(),
            name: "suzuki".parse().unwrap(),
            person: "S1234".parse().unwrap(),
            display_name: "架空 花子".parse().unwrap(),
            roles: BTreeSet::new(),
            affairs: Affairs::All,
            expires_on: None,
        }
    }

    #[test]
    fn a_new_password_is_long_varied_unlike_the_present_and_names_nobody() {
        use PasswordFlaw::{LikeThePresent, Monotonous, NamesTheAccount, TooLong, TooShort};
        for (new, flaws) in [
            ("correct horse", vec![]),
            ("short1!x", vec![TooShort(10)]),
            ("aaaaabbbbbaa", vec![Monotonous]),
            ("my-Suzuki-2026", vec![NamesTheAccount]),
            ("xx-s1234-yyzz", vec![NamesTheAccount]),
            ("Winter-2026-Fuji", vec![LikeThePresent]),
            ("winter-2027-fuji!", vec![LikeThePresent]),
        ] {
            let found = RULES.flaws(&account(), "winter-2026-fuji", new);
            assert_eq!(found, flaws, "{new}");
        }
        let long = "abcdefgh".repeat(1_000);
        assert_eq!(RULES.flaws(&account(), "", &long), [TooLong]);
    }

    #[test]
    fn an_account_is_locked_after_so_many_failures_in_a_row() {
        let now = Timestamp::UNIX_EPOCH;
        let fresh = Credential::given(String::new(), now);
        let twice = fresh.clone().failed(&RULES).failed(&RULES);
        assert!(!twice.locked);
        assert!(twice.clone().failed(&RULES).locked);
        assert!(!twice.succeeded().failed(&RULES).locked);
    }

    #[test]
    fn a_given_password_and_an_old_one_must_be_changed_first() {
        let now = Timestamp::UNIX_EPOCH;
        let given = Credential::given("a".into(), now);
        assert!(given.is_due(&RULES, now));
        let own = given.changed("b".into(), &RULES, now);
        assert!(!own.is_due(&RULES, now));
        assert!(own.is_due(&RULES, now + RULES.lifetime));
        assert_eq!(own.former, ["a"]);
        let later = ["c", "d", "e", "f"].into_iter();
        let last = later.fold(own, |own, next| own.changed(next.into(), &RULES, now));
        assert_eq!(last.former, ["e", "d", "c"]);
    }

    proptest! {
        #[test]
        fn a_distance_is_nothing_for_the_same_and_the_same_both_ways(a in ".{0,12}", b in ".{0,12}") {
            prop_assert_eq!(distance(&a, &a), 0);
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            let most = a.chars().count().max(b.chars().count());
            prop_assert!(distance(&a, &b) <= most);
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}
