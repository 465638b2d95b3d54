//! Two people decide a held request at the terminal.

use chukan::grpc::proto::v1;

use crate::{
    console::{Answer, Browser},
    net::{self, CITY, Net, WARD, ask, codes, tax_inquiry},
};

/// The value of a hidden field of the page.
fn field(answer: &Answer, name: &str) -> String {
    let (_, rest) = answer
        .page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no field {name}: {}", answer.page));
    rest.split('"').next().unwrap().to_owned()
}

/// The address of the only request in the queue.
async fn only(browser: &mut Browser<'_>) -> String {
    let queue = browser.get("/queue").await;
    assert_eq!(queue.status, 200, "{}", queue.page);
    let mut found = queue.page.split("href=\"/provisions/").skip(1);
    let serial = found.next().expect("a request waits").split('"').next();
    assert!(found.next().is_none());
    format!("/provisions/{}", serial.unwrap())
}

async fn check(clerk: &mut Browser<'_>, path: &str, proposal: &str, note: &str) -> Answer {
    let page = clerk.get(path).await;
    let (guard, version) = (field(&page, "guard"), field(&page, "version"));
    let content = field(&page, "content");
    let form = [
        ("guard", guard.as_str()),
        ("version", &version),
        ("content", &content),
        ("proposal", proposal),
        ("reason", "basis_unclear"),
        ("note", note),
    ];
    clerk.post(&format!("{path}/check"), &form).await
}

async fn approve(approver: &mut Browser<'_>, path: &str) -> Answer {
    let page = approver.get(path).await;
    let (guard, version) = (field(&page, "guard"), field(&page, "version"));
    let form = [("guard", guard.as_str()), ("version", &version)];
    approver.post(&format!("{path}/approve"), &form).await
}

async fn result(net: &Net, receipt_number: &str) -> v1::Inquiry {
    let request = v1::GetInquiryRequest {
        receipt_number: receipt_number.to_owned(),
        ..Default::default()
    };
    let found = net.inquiries(CITY).await.get_inquiry(request).await;
    found.unwrap().into_inner().inquiry.unwrap()
}

#[tokio::test]
async fn a_clerk_checks_and_a_superior_approves() {
    let net = net::start();
    let asked = ask(&mut net.inquiries(CITY).await, tax_inquiry("t-1", 7)).await;
    assert_eq!(codes(&asked), ["13"]);
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let mut approver = Browser::signed_in(&net, WARD, "approver").await;
    let path = only(&mut clerk).await;
    let opened = clerk.get(&path).await;
    assert!(
        opened.page.contains("＊＊＊") && opened.page.contains("支援措置"),
        "{}",
        opened.page
    );
    let guard = field(&opened, "guard");
    let revealed = clerk
        .post(&format!("{path}/reveal"), &[("guard", &guard)])
        .await;
    assert!(!revealed.page.contains("＊＊＊"));
    assert!(
        !approver.get(&path).await.page.contains("/approve"),
        "nobody has checked it"
    );
    let checked = check(&mut clerk, &path, "provide", "").await;
    assert_eq!(checked.status, 303, "{}", checked.page);
    assert!(
        !clerk.get(&path).await.page.contains("/approve"),
        "a clerk does not approve"
    );
    assert_eq!(codes(&result(&net, &asked.receipt_number).await), ["13"]);
    let approved = approve(&mut approver, &path).await;
    assert_eq!(approved.status, 303, "{}", approved.page);
    assert_eq!(codes(&result(&net, &asked.receipt_number).await), ["01"]);
    let again = approver.get(&path).await;
    assert_ne!(again.status, 200, "going back after the decision");
    assert!(again.page.contains("処理できません"));
}

#[tokio::test]
async fn a_refusal_needs_two_people_and_a_stale_page_decides_nothing() {
    let net = net::start();
    let asked = ask(&mut net.inquiries(CITY).await, tax_inquiry("t-2", 7)).await;
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let mut other = Browser::signed_in(&net, WARD, "clerk2").await;
    let mut approver = Browser::signed_in(&net, WARD, "approver").await;
    let path = only(&mut clerk).await;
    let stale = other.get(&path).await;
    let long = "あ".repeat(10_000);
    for bad in ["<script>\u{7}", long.as_str()] {
        let refused = check(&mut clerk, &path, "refuse", bad).await;
        assert_eq!(refused.status, 422, "{}", refused.page);
        assert!(!refused.page.contains("<script>"));
    }
    let checked = check(&mut clerk, &path, "refuse", "根拠を確認できません").await;
    assert_eq!(checked.status, 303, "{}", checked.page);
    let (guard, version) = (field(&stale, "guard"), field(&stale, "version"));
    let content = field(&stale, "content");
    let form = [
        ("guard", guard.as_str()),
        ("version", &version),
        ("content", &content),
        ("proposal", "provide"),
        ("reason", ""),
        ("note", ""),
    ];
    let late = other.post(&format!("{path}/check"), &form).await;
    assert_ne!(late.status, 303);
    let page = approver.get(&path).await;
    let (guard, version) = (field(&page, "guard"), field(&page, "version"));
    let back = [
        ("guard", guard.as_str()),
        ("version", &version),
        ("note", "再確認してください"),
    ];
    let sent = approver.post(&format!("{path}/send-back"), &back).await;
    assert_eq!(sent.status, 303, "{}", sent.page);
    let twice = approver.post(&format!("{path}/send-back"), &back).await;
    assert_ne!(twice.status, 303, "a double submit");
    let seen = clerk.get(&path).await;
    assert!(seen.page.contains("再確認してください"), "{}", seen.page);
    check(&mut clerk, &path, "refuse", "").await;
    let approved = approve(&mut approver, &path).await;
    assert_eq!(approved.status, 303, "{}", approved.page);
    let ended = result(&net, &asked.receipt_number).await;
    assert_eq!(codes(&ended), ["40"]);
    let refusal = ended.details[0].specific_infos[0].refusal.as_ref().unwrap();
    assert_eq!(refusal.reason(), v1::RefusalReason::BasisUnclear);
}

#[tokio::test]
async fn who_may_not_open_a_request_sees_no_more_than_the_queue() {
    let net = net::start();
    ask(&mut net.inquiries(CITY).await, tax_inquiry("t-3", 7)).await;
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let path = only(&mut clerk).await;
    for account in ["operator", "auditor"] {
        let mut browser = Browser::signed_in(&net, WARD, account).await;
        let queue = browser.get("/queue").await;
        assert_eq!(queue.status, 200, "{account}");
        assert!(!queue.page.contains("/provisions/"), "{account}");
        assert_eq!(browser.get(&path).await.status, 403, "{account}");
    }
    let mut admin = Browser::signed_in(&net, WARD, "admin1").await;
    assert_eq!(admin.get("/queue").await.status, 403);
}
