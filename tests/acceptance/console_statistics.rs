//! 統計 and 設定 at the terminal.

use crate::{
    console::Browser,
    net::{self, CITY, TAX, WARD, ask, tax_inquiry},
};

#[tokio::test]
async fn a_superior_sees_the_counts_as_chart_and_table_and_takes_them_away() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    for index in 0..3 {
        ask(&mut inquiries, tax_inquiry(&format!("t-{index}"), index)).await;
    }
    let mut approver = Browser::signed_in(&net, CITY, "approver").await;
    let seen = approver.get("/statistics?by=specific_info").await;
    assert_eq!(seen.status, 200, "{}", seen.page);
    let row = format!("<th scope=\"row\">{TAX}</th><td>3</td>");
    assert!(seen.page.contains(&row), "{}", seen.page);
    assert!(seen.page.contains("<svg") && seen.page.contains("width=\"680\""));
    let inquirers = approver.get("/statistics?by=inquirer").await.page;
    assert!(inquirers.contains(&format!("（{CITY}）</th><td>3</td>")));
    let none = approver.get("/statistics?to=2000-01-01").await;
    assert!(none.page.contains("この期間の記録はありません。"));
    let file = approver.get("/statistics.csv").await;
    assert!(file.head.contains("attachment") && file.head.contains("text/csv"));
    let lines: Vec<_> = file.page.lines().collect();
    assert_eq!(
        lines[0],
        "日,側,照会者,提供者,事務手続,特定個人情報名,結果,件数"
    );
    assert!(
        lines[1..].iter().all(|line| line.contains(TAX)),
        "{lines:?}"
    );
    let counted = lines[1..].iter().map(|line| line.rsplit(',').next());
    let counted: u64 = counted
        .map(|count| count.unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(counted, 3);

    let mut auditor = Browser::signed_in(&net, CITY, "auditor").await;
    let log = auditor.get("/operations").await.page;
    assert!(
        log.contains("統計の参照") && log.contains("統計の出力"),
        "{log}"
    );
    let mut elsewhere = Browser::signed_in(&net, WARD, "auditor").await;
    let page = elsewhere.get("/statistics?by=side").await.page;
    assert!(
        page.contains("提供側") && !page.contains("照会側"),
        "{page}"
    );
}

#[tokio::test]
async fn a_flawed_period_is_told_at_its_field_and_harms_no_page() {
    let net = net::start();
    let mut auditor = Browser::signed_in(&net, CITY, "auditor").await;
    let long = "%E3%81%82".repeat(1_000);
    for bad in [
        "2026-13-01",
        "%22%3E%3Cscript%3E",
        "%00%0D%0A",
        "%F0%A0%AE%B7",
        &long,
    ] {
        let answer = auditor.get(&format!("/statistics?from={bad}")).await;
        assert_eq!(answer.status, 422, "{bad}: {}", answer.page);
        assert!(
            answer.page.contains("id=\"from-flaw\"") && !answer.page.contains("id=\"to-flaw\"")
        );
        assert!(!answer.page.contains("<script>"));
        let file = auditor.get(&format!("/statistics.csv?from={bad}")).await;
        assert_eq!(file.status, 422);
    }
    let turned = auditor
        .get("/statistics?from=2026-04-02&to=2026-04-01")
        .await;
    assert!(turned.page.contains("id=\"to-flaw\""), "{}", turned.page);
    assert!(
        turned.page.contains("value=\"2026-04-02\""),
        "the values are kept"
    );
}

#[tokio::test]
async fn only_the_roles_of_the_table_see_counts_and_settings() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    for path in [
        "/statistics",
        "/statistics?from=x",
        "/statistics.csv",
        "/settings",
    ] {
        assert_eq!(clerk.get(path).await.status, 403, "{path}");
    }
    let home = clerk.get("/").await.page;
    assert!(!home.contains("/statistics") && !home.contains("/settings"));
    let mut admin = Browser::signed_in(&net, CITY, "admin1").await;
    assert_eq!(admin.get("/statistics").await.status, 403);
}

#[tokio::test]
async fn an_administrator_sees_every_setting_its_meaning_and_who_set_it() {
    let net = net::start_with(&["--set", "hold.wait_days=12"]);
    let mut admin = Browser::signed_in(&net, CITY, "admin1").await;
    let seen = admin.get("/settings").await;
    assert_eq!(seen.status, 200, "{}", seen.page);
    let rows: Vec<_> = seen.page.split("<tr><th scope=\"row\"").skip(1).collect();
    for section in ["hold.", "staff.", "inquiry."] {
        assert!(rows.iter().any(|row| row.contains(section)), "{section}");
    }
    assert!(
        rows.iter().all(|row| !row.contains("<td></td>")),
        "{rows:?}"
    );
    let set: Vec<_> = rows.iter().filter(|row| !row.contains("既定値")).collect();
    assert_eq!(set.len(), 1);
    assert!(set[0].contains("hold.wait_days") && set[0].contains(">12<"));
    assert!(set[0].contains("起動時の指定"));
    assert!(seen.page.contains("two_accounts"));
    let mut auditor = Browser::signed_in(&net, CITY, "auditor").await;
    assert!(auditor.get("/operations").await.page.contains("設定の参照"));
}
