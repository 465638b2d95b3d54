//! Deciding what is held: two people, one outcome, and an answer only of what was checked.

use chukan::grpc::proto::v1::{
    self, CancelInquiryRequest, GetInquiryRequest, GetProvisionQueueRequest, GetProvisionRequest,
    ProvisionProposal, ProvisionState, RevealProvisionRequest, SendBackProvisionRequest,
    WatchProvisionQueueRequest, inquiry_service_client::InquiryServiceClient,
    provision_service_client::ProvisionServiceClient, replica_service_client::ReplicaServiceClient,
};
use tonic::Code;

use crate::{
    frozen::{self, set_hour},
    held_request::{
        CLERK, Held, agreed, done, hire, not_appropriate, operations, reason, refusal, session,
        stopped, version, within,
    },
    net::{self, CITY, Net, WARD, codes, serial_of, tax_inquiry},
};

#[tokio::test]
async fn two_people_release_what_one_of_them_checked() {
    let net = net::start();
    let mut held = Held::new(&net, "d-1").await;
    let masked = held.open(&held.clerk.clone()).await;
    assert!(!masked.values_shown && masked.person_flagged);
    assert!(
        masked.legal_basis.starts_with("番号法"),
        "{}",
        masked.legal_basis
    );
    assert_eq!(masked.permission_row, masked.permission_row_today);
    let values = format!("{:?}", masked.content);
    let request = RevealProvisionRequest {
        processing_serial: held.serial.clone(),
    };
    let shown = held
        .provider
        .reveal_provision(within(&held.clerk, request))
        .await
        .unwrap();
    let shown = shown.into_inner().detail.unwrap();
    assert!(values.contains("＊＊＊") && shown.values_shown);
    assert_eq!(shown.content_digest, masked.content_digest);

    let seen = held.checked().await;
    assert_eq!(held.code().await, "13", "the inquirer sees nothing of it");
    let approved = held.approve(&held.superior.clone(), &seen).await.unwrap();
    assert_eq!(approved.state(), ProvisionState::Ended);
    let inquiry = held.inquiry().await;
    assert_eq!(codes(&inquiry), ["01"]);
    let Some(v1::specific_info_result::Answer::Plain(answer)) =
        &inquiry.details[0].specific_infos[0].answer
    else {
        panic!("no answer: {inquiry:?}");
    };
    let Some(v1::provision_detail::Content::Answer(promised)) = &shown.content else {
        panic!("no content: {shown:?}");
    };
    assert_eq!(answer, promised, "what was shown is what was sent");
    agreed(&net, &held.serial, "01").await;
    for (what, times) in [
        ("内容確認画面の参照", 3),
        ("提供内容の表示", 1),
        ("確認（提供を提案）", 1),
        ("承認（提供）", 1),
    ] {
        assert_eq!(done(&net, &held.serial, what).await, times, "{what}");
    }
    let again = held.approve(&held.superior.clone(), &seen).await;
    assert_eq!(reason(again), refusal(Code::Aborted, "PROVISION_MOVED"));
    drop(held);
    stopped(net).await;
}

#[tokio::test]
async fn one_person_cannot_do_both_whatever_the_account() {
    let net = net::start();
    let mut held = Held::new(&net, "d-2").await;
    let (one, other) = (
        hire(&net, "one", "S001").await,
        hire(&net, "other", "S001").await,
    );
    let seen = held.open(&one).await;
    let early = held.approve(&held.superior.clone(), &seen).await;
    assert_eq!(
        reason(early),
        refusal(Code::FailedPrecondition, "PROVISION_NOT_CHECKED")
    );
    let proposal = (ProvisionProposal::Provide, None);
    held.check((&one, &seen), proposal).await.unwrap();
    let seen = held.open(&one).await;
    for who in [&one, &other] {
        let four_eyes = refusal(Code::PermissionDenied, "FOUR_EYES");
        assert_eq!(reason(held.approve(who, &seen).await), four_eyes);
        assert_eq!(reason(held.refuse(who, &seen).await), four_eyes);
    }
    let clerk = held.approve(&held.clerk.clone(), &seen).await;
    assert_eq!(
        reason(clerk),
        refusal(Code::PermissionDenied, "NOT_AUTHORISED")
    );
    assert_eq!(held.code().await, "13");
    let refused = operations(&net, &held.serial).await;
    let refused: Vec<_> = refused.iter().map(|(_, _, why)| why.as_str()).collect();
    let four_eyes = ["FOUR_EYES"; 4];
    assert_eq!(refused[0], "NOT_AUTHORISED");
    assert_eq!(refused[1..5], four_eyes);
    drop(held);
    stopped(net).await;
}

#[tokio::test]
async fn one_person_may_do_both_where_the_record_is_enough() {
    let net = net::start_with(&["--set", "hold.four_eyes=record_only"]);
    let mut held = Held::new(&net, "d-3").await;
    let both = hire(&net, "both", "S002").await;
    (held.clerk, held.superior) = (both.clone(), both.clone());
    let seen = held.checked().await;
    held.approve(&both, &seen).await.unwrap();
    assert_eq!(held.code().await, "01");
    drop(held);
    stopped(net).await;
}

#[tokio::test]
async fn nobody_decides_without_a_session() {
    let net = net::start();
    let mut held = Held::new(&net, "d-12").await;
    let seen = held.checked().await;
    let nobody = held.approve("none", &seen).await;
    assert_eq!(reason(nobody), refusal(Code::Unauthenticated, "NO_SESSION"));
    let request = GetProvisionQueueRequest::default();
    let unseen = held.provider.get_provision_queue(request).await;
    assert_eq!(reason(unseen), refusal(Code::Unauthenticated, "NO_SESSION"));
    let operator = session(&net, "operator").await;
    let request = within(&operator, GetProvisionQueueRequest::default());
    let queue = held.provider.get_provision_queue(request).await.unwrap();
    let queue = queue.into_inner().queue.unwrap();
    let row = queue.provisions[0].provision.as_ref().unwrap();
    assert_eq!(row.addressee_number, "", "the operator sees no person");
    drop(held);
    stopped(net).await;
}

#[tokio::test]
async fn of_two_decisions_at_once_one_counts_and_the_other_is_told() {
    let net = net::start();
    let mut held = Held::new(&net, "d-4").await;
    let seen = held.checked().await;
    let mut other = Held {
        serial: held.serial.clone(),
        clerk: held.clerk.clone(),
        superior: held.superior.clone(),
        receipt: held.receipt.clone(),
        provider: held.provider.clone(),
        inquirer: held.inquirer.clone(),
    };
    let third = hire(&net, "third", "S003").await;
    let superior = held.superior.clone();
    let (approved, refused) =
        tokio::join!(held.approve(&superior, &seen), other.refuse(&third, &seen));
    let code = held.code().await;
    let (lost, won) = match (approved, refused) {
        (Ok(_), lost) => (lost, "01"),
        (lost, Ok(_)) => (lost, "40"),
        (a, b) => panic!("nobody decided: {a:?} {b:?}"),
    };
    assert_eq!(code, won);
    assert_eq!(reason(lost), refusal(Code::Aborted, "PROVISION_MOVED"));
    agreed(&net, &held.serial, won).await;
    let serial = &held.serial;
    let decisions = done(&net, serial, "承認（提供）").await + done(&net, serial, "拒否").await;
    assert_eq!(decisions, 1);
    drop((held, other));
    stopped(net).await;
}

#[tokio::test]
async fn a_refusal_reaches_the_inquirer_with_its_reason_and_its_text() {
    let net = net::start();
    let mut held = Held::new(&net, "d-5").await;
    let seen = held.open(&held.clerk.clone()).await;
    let proposal = (ProvisionProposal::Refuse, Some(not_appropriate()));
    held.check((&held.clerk.clone(), &seen), proposal)
        .await
        .unwrap();
    let seen = held.open(&held.superior.clone()).await;
    assert_eq!(
        seen.check.as_ref().unwrap().proposal(),
        ProvisionProposal::Refuse
    );
    held.approve(&held.superior.clone(), &seen).await.unwrap();
    let inquiry = held.inquiry().await;
    let info = &inquiry.details[0].specific_infos[0];
    assert_eq!(info.result.as_ref().unwrap().status_code, "40");
    assert_eq!(info.refusal, Some(not_appropriate()));
    assert_eq!(info.answer, None);
    agreed(&net, &held.serial, "40").await;
    let ledger = std::fs::read_dir(net.ledger().join("segments")).unwrap();
    for file in ledger {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("担当課へ"));
    }
    drop(held);
    stopped(net).await;
}

#[tokio::test]
async fn what_is_sent_back_is_checked_anew() {
    let net = net::start();
    let mut held = Held::new(&net, "d-6").await;
    let seen = held.checked().await;
    let request = SendBackProvisionRequest {
        processing_serial: held.serial.clone(),
        version: version(&seen),
        note: "根拠を確認すること".into(),
    };
    let back = held
        .provider
        .send_back_provision(within(&held.superior, request))
        .await
        .unwrap();
    let back = back.into_inner().provision.unwrap();
    assert_eq!(back.state(), ProvisionState::SentBack);
    let seen = held.open(&held.clerk.clone()).await;
    let sent_back = seen.sent_back.clone().unwrap();
    assert_eq!(sent_back.note, "根拠を確認すること");
    assert_eq!(sent_back.cause(), v1::SendBackCause::Superior);
    let early = held.approve(&held.superior.clone(), &seen).await;
    assert_eq!(
        reason(early),
        refusal(Code::FailedPrecondition, "PROVISION_NOT_CHECKED")
    );
    let seen = held.checked().await;
    held.approve(&held.superior.clone(), &seen).await.unwrap();
    assert_eq!(held.code().await, "01");
    drop(held);
    stopped(net).await;
}

/// Registers the person's replica anew with another value.
async fn change_replica(net: &Net) {
    let mut replicas = ReplicaServiceClient::new(net.channel(WARD).await);
    let listed = replicas
        .list_replicas(v1::ListReplicasRequest {
            addressee_number: net::person(7, WARD),
            specific_info: net::TAX.into(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    let mut replica = listed.replicas[0].clone();
    let items = &mut replica.content[0].items;
    items.truncate(items.len() - 1);
    let request = v1::RegisterReplicasRequest {
        replicas: vec![replica],
    };
    replicas.register_replicas(request).await.unwrap();
}

#[tokio::test]
async fn an_approval_is_void_when_the_replica_changed_after_the_check() {
    let net = net::start();
    let mut held = Held::new(&net, "d-7").await;
    let stale = held.open(&held.clerk.clone()).await;
    let seen = held.checked().await;
    change_replica(&net).await;
    let changed = refusal(Code::FailedPrecondition, "CONTENT_CHANGED");
    assert_eq!(
        reason(held.approve(&held.superior.clone(), &seen).await),
        changed
    );
    assert_eq!(held.code().await, "13");
    let mut seen = held.open(&held.clerk.clone()).await;
    let sent_back = seen.sent_back.clone().unwrap();
    assert_eq!(sent_back.cause(), v1::SendBackCause::ContentChanged);
    let digest = std::mem::replace(&mut seen.content_digest, stale.content_digest);
    let (clerk, proposal) = (held.clerk.clone(), (ProvisionProposal::Provide, None));
    let blind = held.check((&clerk, &seen), proposal).await;
    assert_eq!(reason(blind), changed);
    seen.content_digest = digest;
    let proposal = (ProvisionProposal::Provide, None);
    held.check((&held.clerk.clone(), &seen), proposal)
        .await
        .unwrap();
    let seen = held.open(&held.superior.clone()).await;
    held.approve(&held.superior.clone(), &seen).await.unwrap();
    let code = held.code().await;
    agreed(&net, &held.serial, &code).await;
    drop(held);
    stopped(net).await;
}

#[tokio::test]
async fn the_inquirer_takes_a_checked_request_back() {
    let net = net::start();
    let mut held = Held::new(&net, "d-8").await;
    let seen = held.checked().await;
    let receipt_number = held.receipt.clone();
    let cancel = CancelInquiryRequest { receipt_number };
    held.inquirer.cancel_inquiry(cancel).await.unwrap();
    assert_eq!(held.code().await, "53");
    let late = held.approve(&held.superior.clone(), &seen).await;
    assert_eq!(reason(late), refusal(Code::Aborted, "PROVISION_MOVED"));
    agreed(&net, &held.serial, "53").await;
    drop(held);
    stopped(net).await;
}

#[tokio::test]
async fn a_check_survives_a_stop_and_a_crash() {
    let net = net::start();
    let mut held = Held::new(&net, "d-9").await;
    held.checked().await;
    let data = net.data().to_owned();
    let dir = net.kill();
    let net = net::start_in(&data, &[]);
    held.again(&net).await;
    let seen = held.open(&held.superior.clone()).await;
    assert_eq!(seen.check.clone().unwrap().by.unwrap().account, CLERK);
    held.approve(&held.superior.clone(), &seen).await.unwrap();
    assert_eq!(held.code().await, "01");
    agreed(&net, &held.serial, "01").await;
    drop(held);
    stopped(net).await;
    drop(dir);
}

#[tokio::test]
async fn a_new_request_appears_in_the_queue_by_itself() {
    let net = net::start();
    let mut provider = ProvisionServiceClient::new(net.channel(WARD).await);
    let clerk = session(&net, "clerk2").await;
    let watch = within(&clerk, WatchProvisionQueueRequest {});
    let watched = provider.watch_provision_queue(watch).await.unwrap();
    let mut watched = watched.into_inner();
    let first = watched.message().await.unwrap().unwrap().queue.unwrap();
    assert!(first.provisions.is_empty());
    let mut held = Held::new(&net, "d-10").await;
    let next = watched.message().await.unwrap().unwrap().queue.unwrap();
    let row = &next.provisions[0];
    assert_eq!(
        row.provision.as_ref().unwrap().processing_serial,
        held.serial
    );
    assert_eq!((next.held, next.checked), (1, 0));
    held.checked().await;
    let request = within(&clerk, GetProvisionQueueRequest::default());
    let queue = provider.get_provision_queue(request).await.unwrap();
    let queue = queue.into_inner().queue.unwrap();
    assert_eq!((queue.held, queue.checked), (0, 1));
    let opened: Vec<_> = queue.provisions[0].opened.iter().collect();
    assert_eq!(opened.len(), 2);
    drop((watched, provider, held));
    stopped(net).await;
}

#[tokio::test]
async fn a_request_that_waited_too_long_expires_by_the_clock_of_its_world() {
    let net = net::start_with(&["--set", "hold.wait_days=1", "--set", "hold.overdue=refuse"]);
    frozen::create(&net).await;
    let mut inquirer = InquiryServiceClient::new(frozen::channel(&net, CITY).await);
    let inquiry = frozen::ask(&mut inquirer, tax_inquiry("d-11", 7)).await;
    assert_eq!(codes(&inquiry), ["13"]);
    set_hour(&net, 23).await;
    let request = GetInquiryRequest {
        receipt_number: inquiry.receipt_number.clone(),
        ..Default::default()
    };
    let got = inquirer.get_inquiry(request.clone()).await.unwrap();
    assert_eq!(codes(&got.into_inner().inquiry.unwrap()), ["13"]);
    set_hour(&net, 24).await;
    let got = inquirer.get_inquiry(request).await.unwrap();
    assert_eq!(codes(&got.into_inner().inquiry.unwrap()), ["52"]);
    let mut provider = ProvisionServiceClient::new(frozen::channel(&net, WARD).await);
    let request = GetProvisionRequest {
        processing_serial: serial_of(&inquiry),
    };
    let got = provider.get_provision(request).await.unwrap().into_inner();
    assert_eq!(got.provision.unwrap().state(), ProvisionState::Ended);
    drop((inquirer, provider));
    stopped(net).await;
}
