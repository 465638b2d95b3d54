//! An auditor finds what is worth a look among the operations, by the clock of the world, and says that they have looked.

use chukan::{
    grpc::proto::v1::{
        AnalyzeOperationsRequest, AnalyzeOperationsResponse, FindingKind, RevealProvisionRequest,
        ReviewFindingRequest, SignInRequest, inquiry_service_client::InquiryServiceClient,
        provision_service_client::ProvisionServiceClient, staff_service_client::StaffServiceClient,
    },
    sample::staff::TRAINING_PASSWORD,
};
use tonic::{Code, Status};

use crate::{
    console::Browser,
    frozen::{self, InWorld, set_hour},
    held_request::{reason, refusal, stopped, within},
    net::{self, CITY, Net, WARD, serial_of, tax_inquiry},
    told::told,
};

async fn staff(net: &Net) -> StaffServiceClient<InWorld> {
    StaffServiceClient::new(frozen::channel(net, WARD).await)
}

async fn sign_in(net: &Net, account: &str, password: &str) -> Result<String, Status> {
    let request = SignInRequest {
        account: account.into(),
        password: password.into(),
    };
    let signed_in = staff(net).await.sign_in(request).await?;
    Ok(signed_in.into_inner().session)
}

async fn analyze(net: &Net, session: &str) -> AnalyzeOperationsResponse {
    let request = within(session, AnalyzeOperationsRequest { days: 0 });
    let found = staff(net).await.analyze_operations(request).await;
    found.unwrap().into_inner()
}

fn review(session: &str, name: &str, note: &str) -> tonic::Request<ReviewFindingRequest> {
    let request = ReviewFindingRequest {
        name: name.into(),
        note: note.into(),
        days: 0,
    };
    within(session, request)
}

/// A world in which, from the holiday 2026-11-23 on, something of each kind but the unused account has happened.
async fn eventful() -> Net {
    let net = net::start_with(&[
        "--set",
        "staff.volume_max=1",
        "--set",
        "staff.unused_days=5",
        "--set",
        "metrics.listen=127.0.0.1:0",
    ]);
    frozen::create(&net).await;
    let mut inquirer = InquiryServiceClient::new(frozen::channel(&net, CITY).await);
    let asked = frozen::ask(&mut inquirer, tax_inquiry("a-1", 7)).await;
    sign_in(&net, "operator", TRAINING_PASSWORD).await.unwrap();
    set_hour(&net, 24).await;
    let clerk = sign_in(&net, "clerk1", TRAINING_PASSWORD).await.unwrap();
    let mut provider = ProvisionServiceClient::new(frozen::channel(&net, WARD).await);
    for _ in 0..2 {
        let request = RevealProvisionRequest {
            processing_serial: serial_of(&asked),
        };
        let request = within(&clerk, request);
        provider.reveal_provision(request).await.unwrap();
    }
    for _ in 0..3 {
        assert!(sign_in(&net, "clerk2", "wrong").await.is_err());
    }
    set_hour(&net, 36).await;
    sign_in(&net, "instructor", TRAINING_PASSWORD)
        .await
        .unwrap();
    net
}

#[tokio::test]
async fn each_kind_of_finding_is_found_reviewed_and_kept() {
    let net = eventful().await;
    net.metrics_show("chukan_staff_volume_warnings_total{world=\"frozen\"} 1")
        .await;
    set_hour(&net, 48).await;
    let clerk = sign_in(&net, "clerk1", TRAINING_PASSWORD).await.unwrap();
    let request = within(&clerk, AnalyzeOperationsRequest { days: 0 });
    let refused = staff(&net).await.analyze_operations(request).await;
    let unauthorised = refusal(Code::PermissionDenied, "NOT_AUTHORISED");
    assert_eq!(reason(refused), unauthorised);
    let auditor = sign_in(&net, "auditor", TRAINING_PASSWORD).await.unwrap();
    let found = analyze(&net, &auditor).await;
    assert!(found.complete && found.holidays_known);
    let rows = found.findings.iter();
    let rows: Vec<_> = rows
        .map(|found| (found.kind(), found.name.as_str(), found.count))
        .collect();
    let expected = [
        (FindingKind::Volume, "volume.2026-11-24.clerk1", 2),
        (FindingKind::Failures, "failures.2026-11-24.clerk2", 3),
        (
            FindingKind::OutsideHours,
            "outside_hours.2026-11-24.instructor",
            1,
        ),
        (FindingKind::DayOff, "day_off.2026-11-23.operator", 1),
    ];
    assert_eq!(rows, expected);

    let mut client = staff(&net).await;
    let name = "volume.2026-11-24.clerk1";
    let by_clerk = client.review_finding(review(&clerk, name, "")).await;
    assert_eq!(reason(by_clerk), unauthorised);
    let unknown = client
        .review_finding(review(&auditor, "volume.x", ""))
        .await;
    assert_eq!(reason(unknown), refusal(Code::NotFound, "NOT_FOUND"));
    let number = client
        .review_finding(review(&auditor, name, "番号は123456789018です"))
        .await;
    assert_eq!(told(&number.unwrap_err()).paths(), ["note"]);
    assert!(
        analyze(&net, &auditor)
            .await
            .findings
            .iter()
            .all(|found| found.review.is_none())
    );
    let reviewed = client
        .review_finding(review(&auditor, name, "窓口の繁忙による。問題なし。"))
        .await;
    let reviewed = reviewed
        .unwrap()
        .into_inner()
        .finding
        .unwrap()
        .review
        .unwrap();
    assert_eq!(reviewed.account, "auditor");
    assert_eq!(reviewed.note, "窓口の繁忙による。問題なし。");
    assert_eq!(reviewed.at, Some(frozen::hour(48)));
    drop(client);

    let data = net.data().to_owned();
    let dir = net.kill();
    let net = net::start_in(
        &data,
        &[
            "--set",
            "staff.volume_max=1",
            "--set",
            "staff.unused_days=5",
        ],
    );
    let auditor = sign_in(&net, "auditor", TRAINING_PASSWORD).await.unwrap();
    let kept = analyze(&net, &auditor).await.findings.remove(0);
    assert_eq!(kept.review, Some(reviewed), "it is in the ledger");
    set_hour(&net, 6 * 24).await;
    let auditor = sign_in(&net, "auditor", TRAINING_PASSWORD).await.unwrap();
    let found = analyze(&net, &auditor).await.findings;
    let unused = found
        .iter()
        .filter(|found| found.kind() == FindingKind::Unused);
    let unused: Vec<_> = unused.map(|found| found.account.as_str()).collect();
    assert_eq!(
        unused,
        ["admin1", "admin2", "approver", "clerk2", "operator"]
    );
    stopped(net).await;
    drop(dir);
}

#[tokio::test]
async fn an_auditor_reviews_a_finding_at_the_terminal() {
    let net = net::start_with(&["--set", "staff.failures_found=1"]);
    let mut stranger = Browser::new(&net);
    let form = [
        ("institution", WARD),
        ("account", "clerk1"),
        ("password", "wrong"),
    ];
    assert_eq!(stranger.post("/login", &form).await.status, 401);
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    assert_eq!(clerk.get("/analysis").await.status, 403);
    let mut auditor = Browser::signed_in(&net, WARD, "auditor").await;
    let page = auditor.get("/analysis").await;
    assert!(page.page.contains("ログインの失敗"), "{}", page.page);
    let (_, name) = page.page.split_once("value=\"failures.").unwrap();
    let name = format!("failures.{}", name.split('"').next().unwrap());
    let (guard, long) = (page.guard(), "あ".repeat(401));
    let send = |name: &'static str, note: String| (name, note);
    for (name, note) in [send("volume.x", String::new()), send("", long)] {
        let name = if name.is_empty() { &guard } else { name };
        let form = [("guard", guard.as_str()), ("name", name), ("note", &note)];
        assert_eq!(auditor.post("/analysis/review", &form).await.status, 422);
    }
    let form = [
        ("guard", guard.as_str()),
        ("name", &name),
        ("note", "<b>本人の打ち間違い</b>"),
    ];
    assert_eq!(auditor.post("/analysis/review", &form).await.status, 303);
    let page = auditor.get("/analysis").await;
    assert!(
        page.page.contains("&#60;b&#62;本人の打ち間違い"),
        "{}",
        page.page
    );
    assert!(
        !page.page.contains(&format!("value=\"{name}\"")),
        "no form for it any more"
    );
    stopped(net).await;
}

#[tokio::test]
async fn who_reveals_more_than_usual_is_told_at_once() {
    let net = net::start_with(&["--set", "staff.volume_max=1"]);
    let asked = net::ask(&mut net.inquiries(CITY).await, tax_inquiry("a-2", 7)).await;
    let path = format!("/provisions/{}", serial_of(&asked));
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let guard = clerk.get(&path).await.guard();
    let warning = "値の表示が1件を超えました";
    for beyond in [false, true] {
        let form = [("guard", guard.as_str())];
        let page = clerk.post(&format!("{path}/reveal"), &form).await;
        assert_eq!(page.page.contains(warning), beyond, "{}", page.page);
    }
    assert!(!clerk.get(&path).await.page.contains(warning));
    stopped(net).await;
}
