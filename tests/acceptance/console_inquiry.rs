//! 情報照会 at the terminal: entered, sent once, seen masked, revealed, cancelled.

use std::time::Duration;

use crate::{
    console::{Answer, Browser},
    net::{self, CITY, KEY_CITY, Net, TAX, TAX_AFFAIR, TAX_PROCEDURE, WARD, person},
};

const NEW: &str = "/inquiries/new?procedure=JM01000000121000/JT01010000000214";

/// The form of an inquiry as the browser shows it, to be filled.
struct Blank {
    guard: String,
    record_id: String,
}

impl Blank {
    async fn open(browser: &mut Browser<'_>) -> Self {
        let shown = browser.get(NEW).await;
        assert_eq!(shown.status, 200, "{}", shown.page);
        Self {
            guard: shown.guard(),
            record_id: shown.value("record_id"),
        }
    }

    /// About one person's 地方税関係情報 at みなも区, with other values where they are given.
    fn filled(&self, person_index: u32, other: &[(&'static str, &str)]) -> Vec<(String, String)> {
        let procedure = format!("{TAX_AFFAIR}/{TAX_PROCEDURE}");
        let addressee = person(person_index, CITY);
        let usual = [
            ("guard", self.guard.as_str()),
            ("record_id", self.record_id.as_str()),
            ("procedure", &procedure),
            ("addressee", &addressee),
            ("provider", WARD),
            ("unit", "FUKUSHI"),
            ("condition", ""),
            ("info", TAX),
        ];
        let kept = usual
            .iter()
            .filter(|(name, _)| other.iter().all(|(own, _)| own != name));
        let all = kept.chain(other);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }
}

async fn send(browser: &mut Browser<'_>, form: &[(String, String)]) -> Answer {
    let form: Vec<_> = form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser.post("/inquiries/new", &form).await
}

/// The page once it says this.
async fn once(browser: &mut Browser<'_>, path: &str, text: &str) -> String {
    let shown = async {
        loop {
            let page = browser.get(path).await.page;
            if page.contains(text) {
                return page;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), shown).await;
    waited.unwrap_or_else(|_| panic!("{path} never showed {text}"))
}

async fn log(net: &Net) -> String {
    let mut auditor = Browser::signed_in(net, CITY, "auditor").await;
    auditor.get("/operations").await.page
}

#[tokio::test]
async fn a_clerk_asks_and_sees_the_values_only_after_revealing_them() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let first = clerk.get("/inquiries/new").await;
    assert!(first.page.contains(TAX_PROCEDURE), "{}", first.page);
    let blank = Blank::open(&mut clerk).await;
    let form = blank.filled(0, &[("condition", "fiscal_year"), ("fiscal_year", "2025")]);
    let sent = send(&mut clerk, &form).await;
    let path = sent.location();
    let page = once(&mut clerk, &path, "✔ 01 正常終了").await;
    assert!(page.contains("値は伏せています") && page.contains("照会を受け付けました"));
    assert!(
        page.contains("clerk1") && page.contains("条件: 2025年度"),
        "{page}"
    );
    let path = path.split('?').next().unwrap();
    let revealing = format!("{path}/reveal");
    let shown = clerk.post(&revealing, &[("guard", &blank.guard)]).await;
    assert_eq!(shown.status, 200, "{}", shown.page);
    assert!(shown.page.contains("値を表示しています"), "{}", shown.page);
    let values = |page: &str| page.matches("</td></tr>").count();
    assert_eq!(values(&page), values(&shown.page));
    assert_ne!(cells(&page), cells(&shown.page), "masked, then not");
    let forged = clerk.post(&revealing, &[("guard", "0000")]).await;
    assert!(!forged.page.contains("値を表示しています"));

    let list = clerk.get("/inquiries?state=ended").await.page;
    let receipt = path.rsplit('/').next().unwrap();
    assert!(list.contains(&format!("href=\"{path}\"")), "{list}");
    assert!(
        !clerk
            .get("/inquiries?state=waiting")
            .await
            .page
            .contains(receipt)
    );

    let mut instructor = Browser::signed_in(&net, CITY, "instructor").await;
    let seen = instructor.get(path).await.page;
    assert!(seen.contains("値は伏せています") && !seen.contains("値を表示する"));
    assert_eq!(instructor.get("/inquiries/new").await.status, 403);
    let guard = seen_guard(&mut instructor).await;
    assert_eq!(
        instructor
            .post(&revealing, &[("guard", &guard)])
            .await
            .status,
        403
    );
    let mut elsewhere = Browser::signed_in(&net, WARD, "clerk1").await;
    assert_eq!(elsewhere.get(path).await.status, 422);
    let log = log(&net).await;
    for act in [
        "情報照会の依頼",
        "情報照会結果の参照",
        "情報照会結果の表示",
        "情報照会一覧の参照",
    ] {
        assert!(log.contains(act), "{act}: {log}");
    }
    assert!(
        log.contains(&blank.record_id) && log.contains(receipt),
        "{log}"
    );
}

async fn seen_guard(browser: &mut Browser<'_>) -> String {
    browser.get("/").await.guard()
}

/// The last cell of each row of an answer.
fn cells(page: &str) -> Vec<String> {
    let rows = page.split("</td></tr>");
    let last = rows.filter_map(|row| Some(row.rsplit_once("<td>")?.1.to_owned()));
    last.collect()
}

#[tokio::test]
async fn a_form_is_an_inquiry_once_however_often_it_is_sent() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let blank = Blank::open(&mut clerk).await;
    let form = blank.filled(0, &[]);
    let first = send(&mut clerk, &form).await.location();
    let first = first.split('?').next().unwrap();
    let changed = blank.filled(1, &[]);
    for again in [&form, &changed] {
        let path = send(&mut clerk, again).await.location();
        assert_eq!(path, format!("{first}?done=before"));
    }
    let page = clerk.get(&format!("{first}?done=before")).await.page;
    assert!(page.contains("既に受け付けています") && page.contains(&person(0, CITY)));
    let list = clerk.get("/inquiries").await.page;
    assert_eq!(list.matches("scope=\"row\"").count(), 1, "{list}");

    let blank_two = Blank::open(&mut clerk).await;
    assert_ne!(blank_two.record_id, blank.record_id);
    let mut other = Browser::signed_in(&net, CITY, "clerk2").await;
    let guard = Blank::open(&mut other).await.guard;
    let stolen = blank.filled(0, &[("guard", &guard)]);
    let refused = send(&mut other, &stolen).await;
    assert_eq!(
        refused.status, 422,
        "another account's form: {}",
        refused.page
    );
    let stale = blank_two.filled(0, &[("guard", "0000")]);
    assert_ne!(
        send(&mut clerk, &stale).await.status,
        303,
        "of another session"
    );

    let same = blank_two.filled(0, &[]);
    let mut second = Browser::signed_in(&net, CITY, "clerk1").await;
    let guard = seen_guard(&mut second).await;
    let same: Vec<_> = same
        .into_iter()
        .map(|(name, value)| {
            if name == "guard" {
                (name, guard.clone())
            } else {
                (name, value)
            }
        })
        .collect();
    let mut twin = second.twin();
    let (one, two) = tokio::join!(send(&mut second, &same), send(&mut twin, &same));
    let paths = [one.location(), two.location()];
    let ends = paths.map(|path| path.split('?').next().unwrap().to_owned());
    assert_eq!(ends[0], ends[1], "sent twice at the same moment");
}

#[tokio::test]
async fn a_flaw_stands_at_its_field_and_what_was_entered_stays() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let blank = Blank::open(&mut clerk).await;
    let long = "あ".repeat(10_000);
    let bad = [
        "<script>alert(1)</script>",
        "\"><b>x",
        "𠮷\u{0}\r\nx",
        &long,
        "1234-5678-9018",
    ];
    for field in ["addressee", "provider", "unit", "condition", "info", "item"] {
        for text in bad {
            let answer = send(&mut clerk, &blank.filled(0, &[(field, text)])).await;
            assert_eq!(answer.status, 422, "{field} {text}: {}", answer.page);
            let at = if field == "item" { "info" } else { field };
            assert!(
                answer.page.contains(&format!("id=\"{at}-flaw\"")),
                "{field} {text}"
            );
            assert!(!answer.page.contains("<script>") && !answer.page.contains("<b>"));
            assert_eq!(answer.value("record_id"), blank.record_id);
            if field != "addressee" {
                assert!(
                    answer.page.contains(&person(0, CITY)),
                    "what was entered stays"
                );
            }
        }
    }
    for (kind, field, text) in [
        ("fiscal_year", "fiscal_year", "1999"),
        ("fiscal_year", "fiscal_year", "<b>"),
        ("fiscal_year", "fiscal_year", "2090"),
        ("period", "from", "2090-04-01"),
        ("period", "from", "2026-02-30"),
        ("period", "to", "2025-01-01"),
        ("period", "to", "\u{0}"),
    ] {
        let mut other = vec![("condition", kind), (field, text)];
        if field == "to" {
            other.push(("from", "2026-04-01"));
        }
        let answer = send(&mut clerk, &blank.filled(0, &other)).await;
        assert_eq!(answer.status, 422, "{field} {text}: {}", answer.page);
        assert!(
            answer.page.contains(&format!("id=\"{field}-flaw\"")),
            "{field} {text}"
        );
    }
    let nothing = send(&mut clerk, &blank.filled(0, &[("info", "")])).await;
    assert!(nothing.page.contains("id=\"info-flaw\""));
    let own = send(&mut clerk, &blank.filled(0, &[("provider", CITY)])).await;
    assert!(
        own.page.contains("照会者自身を提供者に指定"),
        "{}",
        own.page
    );
    for record_id in ["<b>", "", &long] {
        let answer = send(&mut clerk, &blank.filled(0, &[("record_id", record_id)])).await;
        assert_eq!(answer.status, 422);
        assert!(answer.page.contains("画面が古い"), "{}", answer.page);
    }
    let odd = send(&mut clerk, &blank.filled(0, &[("procedure", "\"><b>")])).await;
    assert_eq!(odd.status, 422);
    assert!(odd.page.contains("id=\"procedure-flaw\"") && !odd.page.contains("<b>"));
    let none = clerk.get("/inquiries").await.page;
    assert!(
        none.contains("該当する照会はありません"),
        "nothing was sent: {none}"
    );
    for bad in ["state=x", "after=%00", "after=abc"] {
        let answer = clerk.get(&format!("/inquiries?{bad}")).await;
        assert_eq!(answer.status, 422, "{bad}: {}", answer.page);
    }
    for receipt in ["R0000000001", "x", "%3Cb%3E"] {
        assert_eq!(
            clerk.get(&format!("/inquiries/{receipt}")).await.status,
            422
        );
    }
}

#[tokio::test]
async fn items_can_be_chosen_and_a_waiting_inquiry_can_be_cancelled() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let blank = Blank::open(&mut clerk).await;
    let item = clerk.get(NEW).await.value("item");
    let some = send(&mut clerk, &blank.filled(0, &[("item", &item)]))
        .await
        .location();
    let page = once(&mut clerk, &some, "値は伏せています").await;
    assert!(page.contains("1項目"), "{page}");

    let blank = Blank::open(&mut clerk).await;
    let held = send(&mut clerk, &blank.filled(9, &[("nondisclosure", "1")]))
        .await
        .location();
    let page = once(&mut clerk, &held, "◐ 情報提供機関の職員の確認待ち").await;
    assert!(page.contains("照会を取り消す"), "{page}");
    let path = held.split('?').next().unwrap();
    let cancelling = format!("{path}/cancel");
    let form = [("guard", blank.guard.as_str())];
    let mut approver = Browser::signed_in(&net, CITY, "approver").await;
    let guard = seen_guard(&mut approver).await;
    assert_eq!(
        approver
            .post(&cancelling, &[("guard", &guard)])
            .await
            .status,
        403
    );
    assert_eq!(clerk.post(&cancelling, &form).await.status, 303);
    let page = clerk.get(path).await.page;
    assert!(
        page.contains("✖ 53") && !page.contains("照会を取り消す"),
        "{page}"
    );
    let again = clerk.post(&cancelling, &form).await;
    assert_eq!(again.status, 422);
    assert!(
        again.page.contains("この照会は既に終了しています"),
        "{}",
        again.page
    );
    let log = log(&net).await;
    assert!(
        log.contains("情報照会の取消") && log.contains("拒否（INQUIRY_ENDED）"),
        "{log}"
    );
}

#[tokio::test]
async fn where_the_business_system_holds_the_key_the_terminal_says_so() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, KEY_CITY, "clerk1").await;
    let shown = clerk.get(NEW).await;
    assert!(
        shown.page.contains("業務システムが秘密鍵を持っています"),
        "{}",
        shown.page
    );
    let blank = Blank::open(&mut clerk).await;
    let form = blank.filled(0, &[("addressee", &person(0, KEY_CITY))]);
    let refused = send(&mut clerk, &form).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.page.contains("有効な暗号化鍵が登録されておらず"),
        "{}",
        refused.page
    );
}

#[tokio::test]
async fn a_user_without_authority_for_the_affair_is_refused_and_that_is_on_record() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, WARD, "clerk2").await;
    let blank = Blank::open(&mut clerk).await;
    let ask = |unit| {
        blank.filled(
            0,
            &[
                ("addressee", &person(0, WARD)),
                ("provider", CITY),
                ("unit", unit),
            ],
        )
    };
    let unit = send(&mut clerk, &ask("FUKUSHI")).await;
    assert!(unit.page.contains("id=\"unit-flaw\""), "{}", unit.page);
    let user = send(&mut clerk, &ask("ZEIMU")).await;
    assert_eq!(user.status, 422);
    assert!(
        user.page
            .contains("指定された利用者には、当該事務の権限がありません"),
        "{}",
        user.page
    );
    let mut auditor = Browser::signed_in(&net, WARD, "auditor").await;
    let log = auditor.get("/operations").await.page;
    assert!(log.contains("拒否（USER_NOT_AUTHORISED）"), "{log}");
}
