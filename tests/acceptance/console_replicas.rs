//! 副本 at the terminal: search, view, and a registration or correction by two people, field by field.

use crate::{
    console::{Answer, Browser},
    console_records::{escaped, hostile},
    net::{self, TAX, WARD, person},
};

/// 世帯・住民票関係情報: three data sets, one below the other.
const HOUSEHOLD: &str = "TM90000000000001";
const HEAD: &str = "v/SETAI.1/TK90000000901003";

pub(crate) fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    match fields.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => value.clone_into(old),
        None => fields.push((name.to_owned(), value.to_owned())),
    }
}

async fn search(browser: &mut Browser<'_>, person: &str, info: &str) -> Answer {
    let guard = browser.get("/").await.guard();
    let form = [("guard", &*guard), ("addressee", person), ("info", info)];
    browser.post("/replicas", &form).await
}

/// The form of the person's first replica of this kind.
async fn edit(browser: &mut Browser<'_>, info: &str) -> Answer {
    let found = search(browser, &person(0, WARD), info).await;
    assert_eq!(found.status, 200, "{}", found.page);
    let open = found.form("/replicas/view");
    let view = browser.submit("/replicas/view", &open).await;
    assert!(view.page.contains("値は伏せています"), "{}", view.page);
    let edit = view.form("/replicas/edit");
    let edit = browser.submit("/replicas/edit", &edit).await;
    assert_eq!(edit.status, 200, "{}", edit.page);
    edit
}

const PROPOSE: &str = "/corrections/propose";

fn proposal(form: &Answer) -> Vec<(String, String)> {
    let mut fields = form.form(PROPOSE);
    set(&mut fields, "reason", "届出と一致しないため");
    set(&mut fields, "do", "register");
    fields
}

/// Where the proposal of the form is.
async fn proposed(browser: &mut Browser<'_>, fields: &[(String, String)]) -> String {
    let answer = browser.submit(PROPOSE, fields).await;
    let location = answer.location();
    location.split('?').next().unwrap().to_owned()
}

async fn step(browser: &mut Browser<'_>, at: &str, step: &str) -> Answer {
    let page = browser.get(at).await;
    let action = format!("{at}/{step}");
    let fields = page.form(&action);
    browser.submit(&action, &fields).await
}

#[tokio::test]
async fn two_people_correct_a_replica_whose_records_lie_below_each_other() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let form = edit(&mut clerk, HOUSEHOLD).await;
    let mut more = form.form(PROPOSE);
    set(&mut more, "do", "more");
    let roomy = clerk.submit(PROPOSE, &more).await;
    assert_eq!(roomy.status, 200, "{}", roomy.page);
    let members = |page: &str| page.matches("（TK90000000901012）</label>").count();
    assert_eq!(members(&roomy.page), members(&form.page) + 1);

    let mut fields = proposal(&roomy);
    set(&mut fields, HEAD, "架空 𠮷子");
    let member = members(&form.page) + 1;
    let path = format!("/SETAI.1/SETAIIN.{member}");
    for (letter, item, value) in [
        ("v", "TK90000000901011", "架空 新子"),
        ("m", "TK90000000901012", "NOT_HELD"),
        ("v", "TK90000000901013", "20260401"),
        ("v", "TK90000000901014", "2"),
        ("v", "TK90000000901015", "04"),
    ] {
        set(&mut fields, &format!("{letter}{path}/{item}"), value);
    }
    let at = proposed(&mut clerk, &fields).await;
    let twice = clerk.submit(PROPOSE, &fields).await;
    assert_eq!(twice.location(), format!("{at}?done=before"));
    let seen = clerk.get(&at).await;
    assert!(seen.page.contains("… 承認待ち"), "{}", seen.page);
    assert!(!seen.page.contains("承認して副本に反映する"));
    assert!(!seen.page.contains("新子"), "masked: {}", seen.page);

    let mut superior = Browser::signed_in(&net, WARD, "approver").await;
    let shown = step(&mut superior, &at, "reveal").await;
    for text in ["架空 𠮷子", "架空 新子", "（なし）", "（値なし: 未保有）"] {
        assert!(shown.page.contains(text), "{text}: {}", shown.page);
    }
    let place = format!("世帯 1件目 › 世帯員 {member}件目");
    assert!(shown.page.contains(&place), "{}", shown.page);
    let done = step(&mut superior, &at, "approve").await;
    assert_eq!(done.location(), "/corrections?done=approved");
    let list = superior.get("/corrections?done=approved").await;
    assert!(list.page.contains("✔ 反映済"), "{}", list.page);

    let form = edit(&mut clerk, HOUSEHOLD).await;
    let now = form.form(PROPOSE);
    let value = |name: &str| now.iter().find(|(known, _)| known == name).unwrap();
    assert_eq!(value(HEAD).1, "架空 𠮷子");
    assert_eq!(value(&format!("m{path}/TK90000000901012")).1, "NOT_HELD");
    assert_eq!(value("revision").1, "2");
    let nothing = clerk.submit(PROPOSE, &proposal(&form)).await;
    assert_eq!(nothing.status, 422);
    let told = "変更する内容がありません";
    assert!(nothing.page.contains(told), "{}", nothing.page);

    let mut auditor = Browser::signed_in(&net, WARD, "auditor").await;
    let log = auditor.get("/operations").await.page;
    for what in [
        "副本の値の表示",
        "副本の登録・訂正の申請",
        "副本の登録・訂正の承認",
    ] {
        assert!(log.contains(what), "{what}: {log}");
    }
    assert!(!log.contains(&person(0, WARD)));
    assert_eq!(auditor.get("/replicas").await.status, 403);
    assert_eq!(auditor.get("/corrections").await.status, 403);
}

#[tokio::test]
async fn a_proposal_comes_back_is_mended_and_ends_with_the_replica_gone() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let mut superior = Browser::signed_in(&net, WARD, "approver").await;
    let form = edit(&mut clerk, TAX).await;
    let mut fields = proposal(&form);
    set(&mut fields, "to", "2030-03-31");
    let at = proposed(&mut clerk, &fields).await;
    let page = superior.get(&at).await;
    let stale = page.form(&format!("{at}/approve"));
    assert!(page.page.contains("2030-03-31"), "a day is not masked");
    let mut back = page.form(&format!("{at}/send-back"));
    set(&mut back, "note", "期間を\r\n確かめてください。");
    let sent_back = superior.submit(&format!("{at}/send-back"), &back).await;
    assert_eq!(sent_back.location(), "/corrections?done=sent-back");
    let late = superior.submit(&format!("{at}/approve"), &stale).await;
    assert_eq!(late.status, 422);
    assert!(late.page.contains("開き直してください"), "{}", late.page);

    let seen = clerk.get(&at).await;
    assert!(
        seen.page.contains("期間を  確かめてください。"),
        "{}",
        seen.page
    );
    let again = step(&mut clerk, &at, "edit").await;
    assert_eq!(again.value("to"), "2030-03-31");
    let mut fields = proposal(&again);
    set(&mut fields, "do", "delete");
    assert_eq!(proposed(&mut clerk, &fields).await, at, "the same proposal");
    let done = step(&mut superior, &at, "approve").await;
    assert_eq!(done.location(), "/corrections?done=approved");
    let found = search(&mut clerk, &person(0, WARD), TAX).await;
    let key = form.form(PROPOSE);
    let (_, key) = key.iter().find(|(name, _)| name == "record_key").unwrap();
    assert!(!found.page.contains(&format!(">{key}<")), "{}", found.page);

    let new = [
        ("guard".to_owned(), clerk.get("/").await.guard()),
        ("person".to_owned(), person(0, WARD)),
        ("layout".to_owned(), format!("{HOUSEHOLD}/2024.04")),
        ("record_key".to_owned(), "HAND-2".to_owned()),
    ];
    let empty = clerk.submit("/replicas/edit", &new).await;
    assert_eq!(empty.status, 200, "{}", empty.page);
    let mut fields = proposal(&empty);
    set(&mut fields, "from", "2026-04-01");
    let flawed = clerk.submit(PROPOSE, &fields).await;
    assert_eq!(flawed.status, 422);
    assert!(flawed.page.contains("SETAI"), "{}", flawed.page);
    for (name, value) in [
        ("v/SETAI.1/TK90000000901001", "1"),
        ("v/SETAI.1/TK90000000901002", "架空町1"),
        (HEAD, "架空 一"),
        ("v/SETAI.1/TK90000000901004", "20260401"),
        ("v/SETAI.1/SETAIIN.1/TK90000000901011", "架空 一"),
        ("v/SETAI.1/SETAIIN.1/TK90000000901013", "19900101"),
        ("v/SETAI.1/SETAIIN.1/TK90000000901014", "1"),
        ("v/SETAI.1/SETAIIN.1/TK90000000901015", "01"),
    ] {
        set(&mut fields, name, value);
    }
    let at = proposed(&mut clerk, &fields).await;
    let done = step(&mut clerk, &at, "withdraw").await;
    assert_eq!(done.location(), "/corrections?done=withdrawn");
    set(&mut fields, "proposal_id", "T-2");
    let at = proposed(&mut clerk, &fields).await;
    step(&mut superior, &at, "approve").await.location();
    let found = search(&mut clerk, &person(0, WARD), "").await;
    assert!(found.page.contains(">HAND-2<"), "{}", found.page);
}

#[tokio::test]
async fn every_field_of_the_form_takes_anything_and_harms_no_page() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let form = edit(&mut clerk, HOUSEHOLD).await;
    let sound = proposal(&form);
    let harmless = |answer: &Answer, field: &str| {
        assert!(
            matches!(answer.status, 303 | 422),
            "{field}: {}",
            answer.page
        );
        assert!(!answer.page.contains("<script>alert"), "{field}");
        assert!(!answer.page.contains("\"><b>"), "{field}");
        assert!(!answer.page.contains("5678-9018"), "{field}");
        assert!(!answer.head.contains("x=y"), "{field}");
    };
    let mut sent = 0;
    for (field, _) in &sound {
        if field == "guard" || field == "do" {
            continue;
        }
        for bad in hostile() {
            let mut fields = sound.clone();
            sent += 1;
            set(&mut fields, "proposal_id", &format!("T-{sent}"));
            set(&mut fields, field, &bad);
            let answer = clerk.submit(PROPOSE, &fields).await;
            harmless(&answer, field);
            if answer.status == 303 {
                assert!(field.starts_with('m') || field.starts_with('v') || field == "reason");
                let mut location = answer.location();
                location.truncate(location.find('?').unwrap());
                let page = step(&mut clerk, &location, "reveal").await;
                assert_eq!(page.status, 200);
                assert!(!page.page.contains("<script>alert"), "{field}");
                step(&mut clerk, &location, "withdraw").await.location();
            }
        }
    }
    for bad in hostile() {
        for field in ["addressee", "info"] {
            let (mut addressee, mut info) = (person(0, WARD), TAX.to_owned());
            *(if field == "info" {
                &mut info
            } else {
                &mut addressee
            }) = bad.clone();
            let answer = search(&mut clerk, &addressee, &info).await;
            harmless(&answer, field);
            assert!(answer.page.contains(&format!("id=\"{field}-flaw\"")));
        }
        for field in ["person", "layout", "record_key"] {
            let guard = clerk.get("/").await.guard();
            let mut fields = vec![
                ("guard".to_owned(), guard),
                ("person".to_owned(), person(0, WARD)),
                ("layout".to_owned(), format!("{HOUSEHOLD}/2024.04")),
                ("record_key".to_owned(), "K".to_owned()),
            ];
            set(&mut fields, field, &bad);
            let answer = clerk.submit("/replicas/edit", &fields).await;
            harmless(&answer, field);
            assert_eq!(answer.status, 422, "{field}: {bad}");
        }
        let short: String = bad.chars().take(100).collect();
        let path = format!("/corrections/{}", escaped(&short));
        let answer = clerk.get(&path).await;
        assert!(matches!(answer.status, 400 | 422), "{}", answer.status);
    }
    let guard = clerk.get("/").await.guard();
    let forged = [
        ("guard", guard.as_str()),
        ("version", "x"),
        ("note", "<script>alert(1)</script>"),
    ];
    for step in ["approve", "send-back", "withdraw", "reveal", "edit"] {
        let answer = clerk
            .post(&format!("/corrections/C9999999999/{step}"), &forged)
            .await;
        assert!(
            matches!(answer.status, 403 | 422),
            "{step}: {}",
            answer.page
        );
    }
}
