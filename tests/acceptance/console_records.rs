//! 情報提供等記録 at the terminal: search, three-sided comparison, 不開示.

use chukan::grpc::proto::v1::{
    self, provision_record_service_client::ProvisionRecordServiceClient,
};

use crate::{
    console::Browser,
    net::{
        self, ACCOUNTS, CITY, DESIGNATED, Net, TAX, TAX_AFFAIR, WARD, ask, serial_of, tax_inquiry,
    },
};

/// Texts that break a page that does not expect them.
pub(crate) fn hostile() -> Vec<String> {
    let mut texts: Vec<_> = [
        "<script>alert(1)</script>",
        "\"><b>x",
        "'onfocus='alert(1)",
        "\u{0}\r\nset-cookie: x=y",
        "𠮷\u{20b9f}",
        "1234-5678-9018",
        "../../etc/passwd",
        "%00",
    ]
    .map(str::to_owned)
    .into();
    texts.push("あ".repeat(10_000));
    texts
}

/// A value in an address.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn serials(net: &Net, people: &[u32]) -> Vec<String> {
    let mut inquiries = net.inquiries(CITY).await;
    let mut serials = Vec::new();
    for index in people {
        let inquiry = ask(&mut inquiries, tax_inquiry(&format!("c-{index}"), *index)).await;
        serials.push(serial_of(&inquiry));
    }
    serials
}

#[tokio::test]
async fn a_search_finds_what_fits_every_filter_and_goes_on_page_by_page() {
    let net = net::start();
    let people: Vec<_> = (0..3).collect();
    let found = serials(&net, &people).await;
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let all = clerk.get("/records").await;
    assert_eq!(all.status, 200, "{}", all.page);
    for serial in &found {
        let link = format!("href=\"/records/{serial}\"");
        assert!(all.page.contains(&link), "{}", all.page);
    }
    let fits = format!("counterpart={WARD}&side=inquirer&affair={TAX_AFFAIR}&specific_info={TAX}");
    let some = clerk.get(&format!("/records?{fits}")).await;
    assert!(some.page.contains(&found[2]), "{}", some.page);
    for misses in [
        format!("counterpart={ACCOUNTS}"),
        "side=provider".to_owned(),
        "procedure=JT90000000000001".to_owned(),
        "specific_info=TM00000000000089".to_owned(),
        "result=53".to_owned(),
        "to=2000-01-01".to_owned(),
    ] {
        let none = clerk.get(&format!("/records?{misses}")).await;
        assert!(none.page.contains("該当する記録はありません"), "{misses}");
        assert!(!none.page.contains(&found[0]), "{misses}");
    }
    let mut elsewhere = Browser::signed_in(&net, DESIGNATED, "clerk1").await;
    let page = elsewhere.get("/records").await.page;
    assert!(!page.contains(&found[0]), "{page}");
    let path = format!("/records/{}", found[0]);
    assert_eq!(elsewhere.get(&path).await.status, 422);

    let mut inquiries = net.inquiries(CITY).await;
    let mut many = tax_inquiry("m-0", 0);
    let detail = many.details.remove(0);
    many.details = (0..60)
        .map(|index| v1::InquiryDetailRequest {
            record_id: format!("m-{index}"),
            ..detail.clone()
        })
        .collect();
    ask(&mut inquiries, many).await;
    let first = clerk
        .get(&format!("/records?side=inquirer&specific_info={TAX}"))
        .await
        .page;
    let (_, rest) = first
        .split_once("href=\"/records?after=")
        .expect("a next page");
    let next = rest.split('"').next().unwrap().replace("&#38;", "&");
    assert!(next.contains("side=inquirer"), "the filters go on: {next}");
    let second = clerk.get(&format!("/records?after={next}")).await;
    assert_eq!(second.status, 200, "{}", second.page);
    let rows = |page: &str| page.matches("scope=\"row\"").count();
    assert_eq!((rows(&first), rows(&second.page)), (50, 13));
    assert!(!second.page.contains("rel=\"next\""));
}

#[tokio::test]
async fn three_records_stand_side_by_side() {
    let net = net::start();
    let serial = serials(&net, &[0]).await.remove(0);
    for (institution, account) in [(CITY, "clerk1"), (WARD, "auditor")] {
        let mut browser = Browser::signed_in(&net, institution, account).await;
        let seen = browser.get(&format!("/records/{serial}")).await;
        assert_eq!(seen.status, 200, "{}", seen.page);
        assert!(seen.page.contains("✔ 一致しています"), "{}", seen.page);
        assert_eq!(seen.page.matches("✔ 01 正常終了").count(), 3);
        assert!(!seen.page.contains("✖ 相違"));
    }
    let mut auditor = Browser::signed_in(&net, CITY, "auditor").await;
    let log = auditor.get("/operations").await.page;
    assert!(
        log.contains("情報提供等記録の参照") && log.contains(&serial),
        "{log}"
    );
    let mut admin = Browser::signed_in(&net, CITY, "admin1").await;
    assert_eq!(admin.get("/records").await.status, 403);
    assert_eq!(admin.get(&format!("/records/{serial}")).await.status, 403);
    let log = auditor.get("/operations").await.page;
    assert!(log.contains("拒否（NOT_AUTHORISED）"), "{log}");
}

#[tokio::test]
async fn a_superior_sets_the_mark_and_a_stale_page_changes_nothing() {
    let net = net::start();
    let serial = serials(&net, &[0]).await.remove(0);
    let path = format!("/records/{serial}/nondisclosure");
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    assert_eq!(clerk.get(&path).await.status, 403);
    let guard = clerk.get("/").await.guard();
    let form = [("guard", guard.as_str()), ("mark", "set")];
    assert_eq!(clerk.post(&path, &form).await.status, 403);

    let mut superior = Browser::signed_in(&net, CITY, "approver").await;
    let confirm = superior.get(&path).await;
    assert!(confirm.page.contains("不開示の設定"), "{}", confirm.page);
    let guard = confirm.guard();
    let set = [("guard", guard.as_str()), ("mark", "set")];
    let forged = [("guard", "0000"), ("mark", "set")];
    assert_ne!(superior.post(&path, &forged).await.status, 303);
    assert!(!marked(&net, &serial).await);
    let done = superior.post(&path, &set).await;
    assert_eq!(done.status, 303, "{}", done.page);
    assert!(marked(&net, &serial).await);
    let seen = superior
        .get(&format!("/records/{serial}?done=set"))
        .await
        .page;
    assert!(
        seen.contains("■ 不開示") && seen.contains("不開示を解除する"),
        "{seen}"
    );

    let again = superior.post(&path, &set).await;
    assert_eq!(again.status, 422, "the same form once more");
    assert!(
        again.page.contains("不開示の設定が変更されています"),
        "{}",
        again.page
    );
    for bad in hostile() {
        let odd = superior
            .post(&path, &[("guard", &guard), ("mark", &bad)])
            .await;
        assert_eq!(odd.status, 422);
        assert!(!odd.page.contains("<script>"));
    }
    let clear = [("guard", guard.as_str()), ("mark", "clear")];
    assert_eq!(superior.post(&path, &clear).await.status, 303);
    assert!(!marked(&net, &serial).await);

    let mut auditor = Browser::signed_in(&net, CITY, "auditor").await;
    let log = auditor.get("/operations").await.page;
    assert!(log.contains("拒否（MARK_MOVED）"), "{log}");
    assert!(log.matches("不開示の設定・解除").count() >= 4, "{log}");
}

async fn marked(net: &Net, serial: &str) -> bool {
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let request = v1::GetProvisionRecordRequest {
        processing_serial: serial.to_owned(),
    };
    let found = records.get_provision_record(request).await.unwrap();
    found.into_inner().record.unwrap().nondisclosure
}

#[tokio::test]
async fn a_flaw_of_the_search_stands_at_its_field_and_harms_no_page() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let fields = [
        "from",
        "to",
        "affair",
        "procedure",
        "specific_info",
        "counterpart",
        "side",
        "result",
    ];
    for field in fields {
        for bad in hostile().into_iter().chain(["９９９".to_owned()]) {
            let short: String = bad.chars().take(2_000).collect();
            let path = format!("/records?{field}={}", escaped(&short));
            let answer = clerk.get(&path).await;
            assert_eq!(answer.status, 422, "{field}: {}", answer.page);
            let flaw = format!("id=\"{field}-flaw\"");
            assert!(answer.page.contains(&flaw), "{field}: {}", answer.page);
            assert_eq!(answer.page.matches("aria-invalid").count(), 1, "{field}");
            assert!(!answer.page.contains("<script>") && !answer.page.contains("<b>"));
            assert!(!answer.head.contains("x=y"));
        }
    }
    let turned = clerk.get("/records?from=2026-04-02&to=2026-04-01").await;
    assert!(turned.page.contains("id=\"to-flaw\""), "{}", turned.page);
    for bad in hostile() {
        let short: String = bad.chars().take(2_000).collect();
        let answer = clerk
            .get(&format!("/records?after={}", escaped(&short)))
            .await;
        assert_eq!(answer.status, 422);
        let answer = clerk.get(&format!("/records/{}", escaped(&short))).await;
        assert!(matches!(answer.status, 400 | 422), "{}", answer.status);
        assert!(!answer.page.contains("<script>"));
    }
}
