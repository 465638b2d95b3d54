use super::*;

fn account(roles: &[Role]) -> Account {
    Account {
        institution: "0220113112101700".parse().unwrap(),
        name: "a".parse().unwrap(),
        person: "1".parse().unwrap(),
        display_name: "架空 太郎".parse().unwrap(),
        roles: roles.iter().copied().collect(),
        affairs: Affairs::Only(BTreeSet::from(["JM01000000121000".parse().unwrap()])),
        expires_on: None,
    }
}

#[test]
fn an_account_may_do_what_a_role_of_it_may_and_nothing_else() {
    for act in Act::ALL {
        assert_eq!(account(&[]).authority(act).unwrap_err(), NotAuthorised);
        for role in Role::ALL {
            let account = account(&[role]);
            let allowed = account.authority(act).map(|authority| authority.role());
            assert_eq!(allowed.ok(), act.roles().contains(&role).then_some(role));
        }
    }
}

#[test]
fn nobody_sees_contents_and_manages_accounts() {
    for role in Role::ALL {
        let reveals = [Act::RevealContent, Act::RevealResult];
        let sees = reveals.iter().any(|act| act.roles().contains(&role));
        assert!(!(sees && Act::ManageAccounts.roles().contains(&role)));
    }
    for blind in [Role::PlatformOperator, Role::Administrator, Role::Auditor] {
        assert!(!Act::OpenProvision.roles().contains(&blind));
        assert!(!Act::RevealContent.roles().contains(&blind));
        assert!(!Act::ReadInquiry.roles().contains(&blind));
        assert!(!Act::RevealResult.roles().contains(&blind));
    }
}

#[test]
fn an_authority_is_for_the_affairs_of_the_account() {
    let clerk = account(&[Role::Clerk]);
    let authority = clerk.authority(Act::CheckProvision).unwrap();
    assert!(
        authority
            .for_affair("JM01000000121000".parse().unwrap())
            .is_ok()
    );
    assert!(
        authority
            .for_affair("JM90000000000001".parse().unwrap())
            .is_err()
    );
}
