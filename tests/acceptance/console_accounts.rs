//! An administrator changes the roles and affairs of an account at the terminal.

use crate::{
    console::Browser,
    held_request::stopped,
    net::{self, WARD},
};

#[tokio::test]
async fn a_change_of_roles_at_the_terminal_ends_the_session_and_holds_from_the_next_sign_in() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    assert_eq!(clerk.get("/queue").await.status, 200);
    assert_eq!(clerk.get("/accounts/edit?account=clerk2").await.status, 403);
    let mut admin = Browser::signed_in(&net, WARD, "admin1").await;
    let list = admin.get("/accounts").await;
    assert!(list.page.contains("/accounts/edit?account=clerk1"));
    let page = admin.get("/accounts/edit?account=clerk1").await;
    assert!(
        page.page.contains("value=\"clerk\" checked"),
        "{}",
        page.page
    );
    let guard = page.guard();
    let form = |account: &'static str, affairs: &'static str, role: &'static str| {
        [
            ("guard", guard.clone()),
            ("account", account.to_owned()),
            ("person", "T001".to_owned()),
            ("display_name", "研修 一子".to_owned()),
            ("role", "auditor".to_owned()),
            ("role", role.to_owned()),
            ("affairs", affairs.to_owned()),
            ("expires_on", "2099-03-31".to_owned()),
        ]
    };
    for (account, affairs, role, status, said) in [
        ("clerk1", "JM0100000012100", "instructor", 422, "事務"),
        ("clerk1", "", "emperor", 422, "定義されていない役割です"),
        ("admin1", "", "instructor", 403, "自分のアカウント"),
        ("nobody", "", "instructor", 422, "アカウント"),
    ] {
        let fields = form(account, affairs, role);
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let answer = admin.post("/accounts/edit", &fields).await;
        assert_eq!(answer.status, status, "{account} {role}: {}", answer.page);
        assert!(answer.page.contains(said), "{}", answer.page);
    }
    assert_eq!(
        clerk.get("/queue").await.status,
        200,
        "nothing has changed yet"
    );
    let fields = form("clerk1", "JM01000000121000 JM90000000000001", "instructor");
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let answer = admin.post("/accounts/edit", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.page);
    let list = admin.get("/accounts?changed=1").await;
    assert!(list.page.contains("変更しました"));
    assert!(list.page.contains("監査者、研修講師"), "{}", list.page);
    assert!(list.page.contains("JM01000000121000、JM90000000000001"));
    assert!(list.page.contains("2099-03-31"));
    assert_eq!(
        clerk.get("/queue").await.status,
        303,
        "the session has ended"
    );
    let mut auditor = Browser::signed_in(&net, WARD, "clerk1").await;
    assert_eq!(auditor.get("/operations").await.status, 200);
    stopped(net).await;
}
