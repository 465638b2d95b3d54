//! Staff sign in, do what their role allows, and leave a record of it.

use chukan::{
    grpc::{
        caller::SESSION_KEY,
        proto::v1::{
            self, Account, ChangePasswordRequest, CreateAccountRequest, ListAccountsRequest,
            ListOperationsRequest, SignInRequest, SignInResponse, SignOutRequest, StaffRole,
            UnlockAccountRequest, UpdateAccountRequest, staff_service_client::StaffServiceClient,
        },
    },
    sample::staff::TRAINING_PASSWORD,
};
use tonic::{Code, Request, Status, transport::Channel};

use crate::{
    net::{self, CITY, Net, WARD},
    told::told,
};

type Client = StaffServiceClient<Channel>;

async fn client(net: &Net) -> Client {
    StaffServiceClient::new(net.channel(CITY).await)
}

async fn sign_in(
    client: &mut Client,
    account: &str,
    password: &str,
) -> Result<SignInResponse, Status> {
    let request = SignInRequest {
        account: account.into(),
        password: password.into(),
    };
    Ok(client.sign_in(request).await?.into_inner())
}

/// The session of a training account.
async fn session(client: &mut Client, account: &str) -> String {
    sign_in(client, account, TRAINING_PASSWORD)
        .await
        .unwrap()
        .session
}

fn within<T>(session: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert(SESSION_KEY, session.parse().unwrap());
    request
}

fn reason(status: &Status) -> String {
    told(status).reason
}

fn new_account() -> Account {
    Account {
        name: "yamada".into(),
        staff_number: "S100".into(),
        display_name: "架空 山田".into(),
        roles: vec![StaffRole::Clerk.into()],
        affairs: vec!["JM01000000121000".into()],
        ..Default::default()
    }
}

#[tokio::test]
async fn nobody_learns_why_a_sign_in_was_refused() {
    let net = net::start_with(&["--set", "staff.failures_max=2"]);
    let mut client = client(&net).await;
    let mut said = Vec::new();
    for (account, password) in [
        ("nobody", TRAINING_PASSWORD),
        ("clerk1", "wrong-password"),
        ("clerk1", "wrong-password"),
        ("clerk1", TRAINING_PASSWORD),
    ] {
        let status = sign_in(&mut client, account, password).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
        said.push((status.message().to_owned(), reason(&status)));
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].1, "SIGN_IN_REFUSED");
    assert!(
        sign_in(&mut client, "clerk2", TRAINING_PASSWORD)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn guesses_made_at_once_lock_the_account_as_well() {
    let net = net::start_with(&["--set", "staff.failures_max=3"]);
    let first = client(&net).await;
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let mut client = first.clone();
        guesses.spawn(async move { sign_in(&mut client, "clerk1", "wrong-password").await });
    }
    while let Some(guess) = guesses.join_next().await {
        assert!(guess.unwrap().is_err());
    }
    let mut client = first;
    let right = sign_in(&mut client, "clerk1", TRAINING_PASSWORD).await;
    assert_eq!(reason(&right.unwrap_err()), "SIGN_IN_REFUSED");
}

#[tokio::test]
async fn an_account_has_one_session_and_another_institution_has_none() {
    let net = net::start();
    let mut client = client(&net).await;
    let first = session(&mut client, "admin1").await;
    let list = |session: &str| within(session, ListAccountsRequest {});
    assert!(client.list_accounts(list(&first)).await.is_ok());
    let mut elsewhere = StaffServiceClient::new(net.channel(WARD).await);
    let status = elsewhere.list_accounts(list(&first)).await.unwrap_err();
    assert_eq!(reason(&status), "NO_SESSION");
    let second = session(&mut client, "admin1").await;
    let status = client.list_accounts(list(&first)).await.unwrap_err();
    assert_eq!(reason(&status), "NO_SESSION");
    client
        .sign_out(within(&second, SignOutRequest {}))
        .await
        .unwrap();
    let status = client.list_accounts(list(&second)).await.unwrap_err();
    assert_eq!(reason(&status), "NO_SESSION");
    let status = client
        .list_accounts(ListAccountsRequest {})
        .await
        .unwrap_err();
    assert_eq!(reason(&status), "NO_SESSION");
}

#[tokio::test]
async fn only_an_administrator_manages_accounts_and_never_their_own() {
    let net = net::start();
    let mut client = client(&net).await;
    for account in ["clerk1", "approver", "auditor", "operator", "instructor"] {
        let session = session(&mut client, account).await;
        let status = client
            .list_accounts(within(&session, ListAccountsRequest {}))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{account}");
    }
    let admin = session(&mut client, "admin1").await;
    let own = Account {
        name: "admin1".into(),
        ..new_account()
    };
    let account = Some(own);
    let status = client
        .update_account(within(&admin, UpdateAccountRequest { account }))
        .await
        .unwrap_err();
    assert_eq!(reason(&status), "OWN_ACCOUNT");
}

#[tokio::test]
async fn a_new_account_changes_its_password_before_anything_else() {
    let net = net::start();
    let mut client = client(&net).await;
    let admin = session(&mut client, "admin1").await;
    let create = |account: Account, password: &str| CreateAccountRequest {
        account: Some(account),
        new_password: password.into(),
    };
    let short = create(new_account(), "short");
    let status = client
        .create_account(within(&admin, short))
        .await
        .unwrap_err();
    assert_eq!(told(&status).paths(), ["new_password"]);
    let first = create(new_account(), "first-given-1");
    client
        .create_account(within(&admin, first.clone()))
        .await
        .unwrap();
    let status = client
        .create_account(within(&admin, first))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);

    let opened = sign_in(&mut client, "yamada", "first-given-1")
        .await
        .unwrap();
    assert!(opened.account.unwrap().password_due);
    let own = opened.session;
    let status = client
        .list_operations(within(&own, ListOperationsRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(reason(&status), "PASSWORD_DUE");
    let change = |present: &str, new: &str| ChangePasswordRequest {
        present_password: present.into(),
        new_password: new.into(),
    };
    for (new, why) in [
        ("first-given-2", "similar"),
        ("s100-is-my-number", "names the person"),
    ] {
        let request = within(&own, change("first-given-1", new));
        let status = client.change_password(request).await.unwrap_err();
        assert_eq!(told(&status).paths(), ["new_password"], "{why}");
    }
    let request = within(&own, change("wrong", "correct horse"));
    let status = client.change_password(request).await.unwrap_err();
    assert_eq!(reason(&status), "SIGN_IN_REFUSED");
    let request = within(&own, change("first-given-1", "correct horse"));
    client.change_password(request).await.unwrap();
    let again = within(&own, change("correct horse", "first-given-1"));
    let status = client.change_password(again).await.unwrap_err();
    assert_eq!(told(&status).paths(), ["new_password"], "used before");
    assert!(
        sign_in(&mut client, "yamada", "first-given-1")
            .await
            .is_err()
    );
    let opened = sign_in(&mut client, "yamada", "correct horse")
        .await
        .unwrap();
    assert!(!opened.account.unwrap().password_due);
}

#[tokio::test]
async fn a_locked_account_is_unlocked_and_a_change_of_roles_ends_the_session() {
    let net = net::start_with(&["--set", "staff.failures_max=1"]);
    let mut client = client(&net).await;
    assert!(sign_in(&mut client, "clerk1", "wrong").await.is_err());
    assert!(
        sign_in(&mut client, "clerk1", TRAINING_PASSWORD)
            .await
            .is_err()
    );
    let admin = session(&mut client, "admin1").await;
    let account = "clerk1".to_owned();
    let unlock = within(&admin, UnlockAccountRequest { account });
    let unlocked = client.unlock_account(unlock).await.unwrap().into_inner();
    let account = unlocked.account.unwrap();
    assert!(!account.locked);
    let clerk = session(&mut client, "clerk1").await;
    let promoted = Account {
        roles: vec![StaffRole::Auditor.into()],
        ..account
    };
    let account = Some(promoted);
    client
        .update_account(within(&admin, UpdateAccountRequest { account }))
        .await
        .unwrap();
    let list = |session: &str| within(session, ListOperationsRequest::default());
    let status = client.list_operations(list(&clerk)).await.unwrap_err();
    assert_eq!(reason(&status), "NO_SESSION");
    let auditor = session(&mut client, "clerk1").await;
    assert!(client.list_operations(list(&auditor)).await.is_ok());
}

#[tokio::test]
async fn what_staff_do_is_on_record_and_survives_a_kill() {
    let net = net::start();
    let mut staff = client(&net).await;
    assert!(sign_in(&mut staff, "nobody", "x").await.is_err());
    let clerk = session(&mut staff, "clerk1").await;
    let refused = within(&clerk, ListAccountsRequest {});
    assert!(staff.list_accounts(refused).await.is_err());
    drop(staff);
    let dir = net.kill().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut staff = client(&net).await;
    let status = staff
        .list_operations(within(&clerk, ListOperationsRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(reason(&status), "NO_SESSION", "a restart ends sessions");
    let auditor = session(&mut staff, "auditor").await;
    let request = ListOperationsRequest {
        page_size: 2,
        page_token: String::new(),
    };
    let page = staff
        .list_operations(within(&auditor, request))
        .await
        .unwrap()
        .into_inner();
    let row = |operation: &v1::Operation| {
        let names = (operation.account.clone(), operation.operation.clone());
        (names.0, names.1, operation.refused_for.clone())
    };
    let expected = |account: &str, operation: &str, refused: &str| {
        (account.to_owned(), operation.to_owned(), refused.to_owned())
    };
    let newest: Vec<_> = page.operations.iter().map(row).collect();
    assert_eq!(
        newest,
        [
            expected("auditor", "操作記録の参照", ""),
            expected("auditor", "ログイン", "")
        ]
    );
    let request = ListOperationsRequest {
        page_size: 10,
        page_token: page.next_page_token,
    };
    let page = staff
        .list_operations(within(&auditor, request))
        .await
        .unwrap()
        .into_inner();
    let older: Vec<_> = page.operations.iter().map(row).collect();
    assert_eq!(
        older,
        [
            expected("clerk1", "職員・権限の管理", "NOT_AUTHORISED"),
            expected("clerk1", "ログイン", ""),
            expected("", "ログイン", "SIGN_IN_REFUSED"),
        ]
    );
    assert!(
        page.operations
            .iter()
            .all(|operation| operation.origin == "127.0.0.1")
    );
}
