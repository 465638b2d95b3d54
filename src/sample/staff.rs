//! The accounts for training that every institution of a new world has. Their password is known to everybody.

use std::collections::BTreeSet;

use crate::domain::{
    codes::InstitutionCode,
    staff::{Account, Affairs, Role},
};

/// The one password of all training accounts. It protects nothing: the people and data of a new world are synthetic.
pub const TRAINING_PASSWORD: &str = "kunren-Chukan-2026";

/// Name, 職員番号, display name and role of each account. The names of the people are made up.
pub const TRAINING_ACCOUNTS: [(&str, &str, &str, Role); 8] = [
    ("clerk1", "T001", "研修 一子", Role::Clerk),
    ("clerk2", "T002", "研修 二郎", Role::Clerk),
    ("approver", "T003", "承認 三代", Role::Approver),
    ("auditor", "T004", "監査 四郎", Role::Auditor),
    ("admin1", "T005", "管理 五月", Role::Administrator),
    ("admin2", "T006", "管理 六助", Role::Administrator),
    ("operator", "T007", "基盤 七海", Role::PlatformOperator),
    ("instructor", "T008", "講師 八重", Role::Instructor),
];

/// The training accounts of an institution.
pub fn training_accounts(institution: InstitutionCode) -> Vec<Account> {
    let accounts = TRAINING_ACCOUNTS.iter();
    accounts
        .filter_map(|(name, person, display_name, role)| {
            Some(Account {
                institution,
                name: name.parse().ok()?,
                person: person.parse().ok()?,
                display_name: display_name.parse().ok()?,
                roles: BTreeSet::from([*role]),
                affairs: Affairs::All,
                expires_on: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_an_account() {
        let accounts = training_accounts("0220113112101700".parse().unwrap());
        assert_eq!(accounts.len(), TRAINING_ACCOUNTS.len());
        for role in Role::ALL {
            assert!(accounts.iter().any(|account| account.roles.contains(&role)));
        }
    }
}
