//! What the record of operations says of an act is what became of it; where nothing can be recorded nothing is decided.

use std::process::Command;

use chukan::grpc::proto::v1::{
    Account, ChangePasswordRequest, CreateAccountRequest, ListOperationsRequest, StaffRole,
    UnlockAccountRequest, UpdateAccountRequest, staff_service_client::StaffServiceClient,
};
use tonic::Code;

use crate::{
    console::Browser,
    held_request::{Held, agreed, done, reason, refusal, session, stopped, within},
    net::{self, Net, WARD},
};

/// Account, operation, object and reason of what is on record, the newest first.
async fn recorded(net: &Net, account: &str) -> Vec<[String; 3]> {
    let auditor = session(net, "auditor").await;
    let mut staff = StaffServiceClient::new(net.channel(WARD).await);
    let request = within(&auditor, ListOperationsRequest::default());
    let listed = staff.list_operations(request).await.unwrap().into_inner();
    let theirs = listed.operations.into_iter();
    let theirs = theirs.filter(|operation| operation.account == account);
    theirs
        .map(|found| [found.operation, found.on, found.refused_for])
        .collect()
}

#[tokio::test]
async fn each_act_of_an_administrator_leaves_one_record_that_tells_its_outcome() {
    let net = net::start();
    let admin = session(&net, "admin1").await;
    let mut staff = StaffServiceClient::new(net.channel(WARD).await);
    let account = Account {
        name: "yamada".into(),
        staff_number: "S100".into(),
        display_name: "架空 山田".into(),
        roles: vec![StaffRole::Clerk.into()],
        ..Default::default()
    };
    let create = |new_password: &str| {
        let request = CreateAccountRequest {
            account: Some(account.clone()),
            new_password: new_password.into(),
        };
        within(&admin, request)
    };
    assert!(staff.create_account(create("short")).await.is_err());
    staff.create_account(create("first-given-1")).await.unwrap();
    assert!(staff.create_account(create("first-given-1")).await.is_err());
    let update = |name: &str| {
        let account = Account {
            name: name.into(),
            ..account.clone()
        };
        let account = Some(account);
        within(&admin, UpdateAccountRequest { account })
    };
    staff.update_account(update("yamada")).await.unwrap();
    assert!(staff.update_account(update("nobody")).await.is_err());
    assert!(staff.update_account(update("admin1")).await.is_err());
    let account = "yamada".to_owned();
    let unlock = within(&admin, UnlockAccountRequest { account });
    staff.unlock_account(unlock).await.unwrap();
    let change = ChangePasswordRequest {
        present_password: chukan::sample::staff::TRAINING_PASSWORD.into(),
        new_password: "short".into(),
    };
    assert!(staff.change_password(within(&admin, change)).await.is_err());

    let manages = "職員・権限の管理";
    let expected = [
        ["パスワード変更", "", "MALFORMED_REQUEST"],
        [manages, "yamada", ""],
        [manages, "admin1", "OWN_ACCOUNT"],
        [manages, "nobody", "NOT_FOUND"],
        [manages, "yamada", ""],
        [manages, "yamada", "ACCOUNT_EXISTS"],
        [manages, "yamada", ""],
        [manages, "yamada", "MALFORMED_REQUEST"],
        ["ログイン", "", ""],
    ];
    assert_eq!(recorded(&net, "admin1").await, expected);
}

/// A server whose files can be kept from growing: the signal that would end it then is ignored.
fn start_on_a_disk_that_can_fill() -> Net {
    let dir = tempfile::TempDir::new().unwrap();
    let serve = net::serve(dir.path(), &[]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(serve.get_program())
        .args(serve.get_args())
        .stdout(std::process::Stdio::piped());
    net::running(&mut command, dir.path()).keeping(dir)
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_decided_and_the_terminal_says_so() {
    let net = start_on_a_disk_that_can_fill();
    let mut held = Held::new(&net, "o-1").await;
    held.checked().await;
    let mut approver = Browser::signed_in(&net, WARD, "approver").await;
    let path = format!("/provisions/{}", held.serial);
    let page = approver.get(&path).await;
    let guard = page.guard();
    let (_, version) = page.page.split_once("name=\"version\" value=\"").unwrap();
    let version = version.split('"').next().unwrap();
    let full = Command::new("prlimit")
        .args(["--pid", &net.process().to_string(), "--fsize=0"])
        .status();
    assert!(full.unwrap().success());
    let form = [("guard", guard.as_str()), ("version", version)];
    let answer = approver.post(&format!("{path}/approve"), &form).await;
    assert_eq!(answer.status, 503, "{}", answer.page);
    assert!(
        answer.page.contains("記録を書き込めないため"),
        "{}",
        answer.page
    );
    let waiting = held.code().await;
    assert_eq!(waiting, "13", "the inquirer still waits");

    let data = net.data().to_owned();
    let dir = net.kill();
    let net = net::start_in(&data, &[]);
    held.again(&net).await;
    assert_eq!(held.code().await, "13");
    assert_eq!(done(&net, &held.serial, "承認（提供）").await, 0);
    held.again(&net).await;
    let seen = held.open(&held.superior.clone()).await;
    held.approve(&held.superior.clone(), &seen).await.unwrap();
    agreed(&net, &held.serial, "01").await;
    let again = held.approve(&held.superior.clone(), &seen).await;
    assert_eq!(reason(again), refusal(Code::Aborted, "PROVISION_MOVED"));
    drop(held);
    stopped(net).await;
    drop(dir);
}
