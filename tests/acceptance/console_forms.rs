//! Every field of every form of the terminal takes every text that breaks such pages. The forms are found on the pages, so that
//! a new one is tried as well; those of 副本 are tried in `console_replicas`.

use std::collections::BTreeSet;

use crate::{
    console::{Answer, Browser, Form},
    console_records::{escaped, hostile},
    console_replicas::set,
    held_request::Held,
    net::{self, CITY, Net, WARD},
};

/// Who looks at which page.
const PAGES: [(&str, &str, &str); 12] = [
    (WARD, "instructor", "/password"),
    (WARD, "clerk1", "/queue"),
    (WARD, "clerk1", "/symbols"),
    (WARD, "clerk1", "/replicas"),
    (WARD, "admin1", "/accounts"),
    (WARD, "admin1", "/accounts/edit?account=clerk2"),
    (WARD, "auditor", "/operations"),
    (WARD, "auditor", "/analysis"),
    (WARD, "approver", "/statistics"),
    (WARD, "approver", "/records"),
    (CITY, "clerk1", "/inquiries"),
    (
        CITY,
        "clerk1",
        "/inquiries/new?procedure=JM01000000121000/JT01010000000214",
    ),
];

fn harmless(answer: &Answer, what: &str) {
    let page = &answer.page;
    assert!(
        [200, 303, 400, 401, 403, 422].contains(&answer.status),
        "{what}: {} {page}",
        answer.status
    );
    assert!(!page.contains("<script>alert"), "{what}: {page}");
    assert!(!page.contains("\"><b>x"), "{what}: {page}");
    assert!(!page.contains("'onfocus='alert"), "{what}: {page}");
    assert!(!page.contains("1234-5678-9018"), "{what}: {page}");
    assert!(!answer.head.contains("x=y"), "{what}: {}", answer.head);
}

/// Sends a form with each hostile text in each of its fields.
async fn fuzz(browser: &mut Browser<'_>, form: &Form, tried: &mut BTreeSet<String>) {
    for field in form.names.iter().filter(|field| *field != "guard") {
        let what = format!("{} {field}", form.action);
        for bad in hostile() {
            let mut fields = form.fields.clone();
            set(&mut fields, field, &bad);
            let answer = if form.asks {
                let fields = fields.iter().map(|(name, value)| {
                    let short: String = value.chars().take(500).collect();
                    format!("{name}={}", escaped(&short))
                });
                let asked: Vec<_> = fields.collect();
                browser
                    .get(&format!("{}?{}", form.action, asked.join("&")))
                    .await
            } else {
                browser.submit(&form.action, &fields).await
            };
            harmless(&answer, &what);
            if answer.status == 303 {
                let then = browser.get(&answer.location()).await;
                harmless(&then, &what);
            }
        }
        tried.insert(what);
    }
}

async fn fuzz_pages(net: &Net, pages: &[(&str, &str, String)]) -> BTreeSet<String> {
    let mut tried = BTreeSet::new();
    for (institution, account, path) in pages {
        let mut browser = Browser::signed_in(net, institution, account).await;
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.page);
        for form in page.forms() {
            if form.action == "/logout" {
                continue;
            }
            fuzz(&mut browser, &form, &mut tried).await;
        }
        let after = browser.get("/").await;
        // A password that is wrong too often locks the account.
        let expected = if path == "/password" { 303 } else { 200 };
        assert_eq!(after.status, expected, "{path}");
    }
    tried
}

#[tokio::test]
async fn every_field_of_every_form_takes_anything() {
    let net = net::start();
    let mut held = Held::new(&net, "forms-1").await;
    let provision = format!("/provisions/{}", held.serial);
    let mut pages: Vec<_> = PAGES
        .iter()
        .map(|(institution, account, path)| (*institution, *account, (*path).to_owned()))
        .collect();
    pages.push((WARD, "clerk1", provision.clone()));
    let mut tried = fuzz_pages(&net, &pages).await;
    held.again(&net).await;
    held.checked().await;
    tried.extend(fuzz_pages(&net, &[(WARD, "approver", provision.clone())]).await);
    for must in [
        "/password new",
        "/accounts display_name",
        "/accounts/edit display_name",
        "/inquiries/new addressee",
        "/symbols addressee",
    ] {
        assert!(tried.contains(must), "{must} was not tried: {tried:?}");
    }
    for step in ["check", "approve", "send-back"] {
        let action = format!("{provision}/{step}");
        let found = tried.iter().any(|tried| tried.starts_with(&action));
        assert!(found, "{action} was not tried: {tried:?}");
    }
    let mut door = Browser::new(&net);
    let page = door.get("/login").await;
    for form in page.forms() {
        fuzz(&mut door, &form, &mut tried).await;
    }
    assert!(tried.contains("/login account"), "{tried:?}");
}
