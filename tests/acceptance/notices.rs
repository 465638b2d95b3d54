//! お知らせ: what an institution sends to a person is seen by that person alone, survives a crash, and can be taken back.

use std::process::Command;

use chukan::grpc::proto::v1::{
    ListNoSelfProvisionRequest, ListOwnNoticesRequest, ListSentNoticesRequest,
    MarkNoticeReadRequest, NoSelfProvision, NoticeState, OwnNotice, SendNoticeRequest, SentNotice,
    SetNoSelfProvisionRequest, WithdrawNoticeRequest, portal_service_client::PortalServiceClient,
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    attachment::{LOCAL_SYSTEM, channel, local, number_all, shows_no_addressee_number},
    canary::holds_bytes,
    net::{self, CITY, Net, TAX, WARD, ask, person, tax_inquiry},
    portal::{portal, token},
    told::told,
};

const BODY: &str = "児童手当の現況届を提出してください。\n期限は月末です。";

async fn institution(net: &Net, who: &str) -> PortalServiceClient<Channel> {
    PortalServiceClient::new(net.channel(who).await)
}

fn notice(addressee_number: String, title: &str) -> SendNoticeRequest {
    SendNoticeRequest {
        addressee_number,
        title: title.into(),
        body: BODY.into(),
        from: None,
        until: None,
    }
}

async fn send(net: &Net, who: &str, request: SendNoticeRequest) -> Result<SentNotice, Status> {
    let sent = institution(net, who).await.send_notice(request).await?;
    Ok(sent.into_inner().notice.unwrap())
}

/// All pages of a person's notices, one notice at a time.
async fn own(net: &Net, index: u32) -> Vec<OwnNotice> {
    let mut request = ListOwnNoticesRequest {
        portal_token: token(net, index).await,
        page_size: 1,
        page_token: String::new(),
    };
    let (mut portal, mut found) = (portal(net).await, Vec::new());
    loop {
        let page = portal.list_own_notices(request.clone()).await.unwrap();
        let page = page.into_inner();
        found.extend(page.notices);
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

async fn titles(net: &Net, index: u32) -> Vec<String> {
    let found = own(net, index).await.into_iter();
    found.map(|notice| notice.title).collect()
}

async fn mark_read(net: &Net, index: u32, number: u64) -> Result<OwnNotice, Status> {
    let request = MarkNoticeReadRequest {
        portal_token: token(net, index).await,
        institution: WARD.into(),
        number,
    };
    let marked = portal(net).await.mark_notice_read(request).await?;
    Ok(marked.into_inner().notice.unwrap())
}

async fn sent(net: &Net, who: &str) -> Vec<SentNotice> {
    let mut client = institution(net, who).await;
    let listed = client.list_sent_notices(ListSentNoticesRequest::default());
    listed.await.unwrap().into_inner().notices
}

#[tokio::test]
async fn a_notice_goes_to_one_person_and_survives_a_crash() {
    let net = net::start();
    let mut later = notice(person(0, WARD), "来年");
    later.from = Some(prost_types::Timestamp {
        seconds: net::now().seconds + 86_400,
        nanos: 0,
    });
    for request in [
        notice(person(0, WARD), "一通目"),
        notice(person(0, WARD), "二通目"),
        later,
        notice(person(6, WARD), "別の人へ"),
    ] {
        let sent = send(&net, WARD, request.clone()).await.unwrap();
        assert_eq!(sent.addressee_number, request.addressee_number);
        assert_eq!(sent.state(), NoticeState::Unread);
    }
    send(&net, CITY, notice(person(0, CITY), "別の市から"))
        .await
        .unwrap();
    let read = mark_read(&net, 0, 1).await.unwrap();
    assert_eq!((read.title.as_str(), read.body.as_str()), ("一通目", BODY));
    let data = net.data().to_owned();
    let dir = net.kill();

    let net = net::start_in(&data, &[]);
    assert_eq!(titles(&net, 0).await, ["二通目", "一通目", "別の市から"]);
    assert_eq!(titles(&net, 6).await, ["別の人へ"]);
    assert!(titles(&net, 1).await.is_empty());
    let again = mark_read(&net, 0, 1).await.unwrap();
    assert!(again.read_at.is_some() && again.read_at == read.read_at);
    let found = own(&net, 0).await;
    assert_eq!(found[0].institution_name, "みなも区");
    assert!(found[0].read_at.is_none());

    let listed = sent(&net, WARD).await;
    let states: Vec<_> = listed.iter().map(|n| (n.number, n.state())).collect();
    let (unread, read) = (NoticeState::Unread, NoticeState::Read);
    assert_eq!(states, [(4, unread), (3, unread), (2, unread), (1, read)]);
    for (index, number) in [(6, 1), (0, 3), (0, 99), (0, u64::MAX)] {
        let told = told(&mark_read(&net, index, number).await.unwrap_err());
        assert_eq!((told.code, &*told.reason), (Code::NotFound, "NOT_FOUND"));
    }

    let ledger = net.ledger();
    assert!(net.kill().is_none());
    net::ledger_verifies(&data);
    for entry in walk(&ledger) {
        let bytes = std::fs::read(&entry).unwrap();
        for kept_out in [BODY, "一通目", &*person(0, WARD)] {
            assert!(!holds_bytes(&bytes, kept_out.as_bytes()), "{entry:?}");
        }
    }
    drop(dir);
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_withdrawn_notice_is_seen_no_more() {
    let net = net::start();
    let notice = send(&net, WARD, notice(person(0, WARD), "誤り")).await;
    let number = notice.unwrap().number;
    assert_eq!(titles(&net, 0).await, ["誤り"]);
    let request = WithdrawNoticeRequest { number };
    let mut client = institution(&net, WARD).await;
    let first = client.withdraw_notice(request).await.unwrap().into_inner();
    let again = client.withdraw_notice(request).await.unwrap().into_inner();
    assert_eq!(first, again);
    assert_eq!(first.notice.unwrap().state(), NoticeState::Withdrawn);
    assert!(titles(&net, 0).await.is_empty());
    assert!(mark_read(&net, 0, number).await.is_err());
    let other = institution(&net, CITY).await.withdraw_notice(request).await;
    assert_eq!(told(&other.unwrap_err()).reason, "NOT_FOUND");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_by_its_fields() {
    let net = net::start();
    let past = Some(prost_types::Timestamp {
        seconds: 1,
        nanos: 0,
    });
    let wrong = SendNoticeRequest {
        addressee_number: "1".into(),
        title: "改\n行".into(),
        body: "個人番号は123456789018です".into(),
        from: None,
        until: past,
    };
    let refused = told(&send(&net, WARD, wrong).await.unwrap_err());
    assert_eq!(
        refused.paths(),
        ["addressee_number", "title", "body", "until"]
    );
    // The home of person 5 has no symbol of them.
    let status = send(&net, WARD, notice(person(5, WARD), "件名")).await;
    let refused = told(&status.unwrap_err());
    assert_eq!(refused.reason, "SYMBOL_NOT_LINKED");
    for who in ["portal", "operator"] {
        let status = send(&net, who, notice(person(0, WARD), "件名")).await;
        assert_eq!(told(&status.unwrap_err()).reason, "CALLER_NOT_ENTITLED");
    }
    assert!(sent(&net, WARD).await.is_empty());
}

#[tokio::test]
async fn a_system_with_local_numbers_sends_and_forbids_by_them() {
    let net = net::start();
    let own_system = channel(&net, LOCAL_SYSTEM).await;
    number_all(&net, &own_system).await;
    let mut client = PortalServiceClient::new(own_system);
    let request = notice(local(0), "宛名番号で");
    let sent = client.send_notice(request).await.unwrap().into_inner();
    shows_no_addressee_number(&sent);
    assert_eq!(sent.notice.unwrap().addressee_number, local(0));
    assert_eq!(titles(&net, 0).await, ["宛名番号で"]);
    let listed = client.list_sent_notices(ListSentNoticesRequest::default());
    let listed = listed.await.unwrap().into_inner();
    shows_no_addressee_number(&listed);
    assert_eq!(listed.notices[0].addressee_number, local(0));

    let flag = NoSelfProvision {
        addressee_number: local(0),
        specific_info: TAX.into(),
    };
    let request = SetNoSelfProvisionRequest {
        flag: Some(flag.clone()),
    };
    client.set_no_self_provision(request).await.unwrap();
    let flags = client.list_no_self_provision(ListNoSelfProvisionRequest::default());
    assert_eq!(flags.await.unwrap().into_inner().flags, [flag]);
    let unknown = client.send_notice(notice(person(0, CITY), "件名")).await;
    let refused = told(&unknown.unwrap_err());
    assert_eq!(refused.paths(), ["addressee_number"]);
}

#[tokio::test]
async fn the_command_shows_a_persons_portal() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    ask(&mut inquiries, tax_inquiry("cli-1", 0)).await;
    send(&net, WARD, notice(person(0, WARD), "件名"))
        .await
        .unwrap();
    let token = token(&net, 0).await;
    let run = |arguments: &[&str]| {
        let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
        chukan
            .args(["portal", "--server", net.address(), "--data"])
            .arg(net.data())
            .args(arguments);
        let ran = chukan.output().unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let shown = |arguments: &[&str], text: &str| {
        let (code, said) = run(&[&[token.as_str()], arguments].concat());
        assert!(code == 0 && said.contains(text), "{code} {said}");
    };
    shown(&["records"], "あさひ野市（9900000000001100）→ みなも区");
    shown(&["data", WARD, TAX], "01 正常終了");
    shown(&["notices"], "みなも区（0220113112101700）1番  未読  件名");
    shown(&["read", WARD, "1"], "1番  既読  件名");
    let (code, said) = run(&["PTnobody", "notices"]);
    assert!(code == 1 && said.contains("確認できません"), "{said}");
}
