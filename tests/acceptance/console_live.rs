//! The queue at the terminal keeps itself current: a script of our own asks for its rows, and that is all a script may do.

use chukan::grpc::proto::sim::v1::{
    Clock, SetClockRequest, clock::Mode, world_service_client::WorldServiceClient,
};

use crate::{
    console::Browser,
    held_request::{operations, stopped},
    net::{self, CITY, Net, WARD, ask, codes, serial_of, tax_inquiry},
};

async fn set_minutes_ahead(net: &Net, minutes: i64) {
    let mut at = net::now();
    at.seconds += minutes * 60;
    let mut worlds = WorldServiceClient::new(net.channel("operator").await);
    let mode = Some(Mode::Frozen(at));
    let request = SetClockRequest {
        world_id: "default".into(),
        clock: Some(Clock { mode }),
    };
    worlds.set_clock(request).await.unwrap();
}

#[tokio::test]
async fn the_rows_of_the_queue_come_anew_without_an_operation() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let page = clerk.get("/queue").await;
    assert!(page.page.contains("対応が必要な提供依頼はありません"));
    let asked = ask(&mut net.inquiries(CITY).await, tax_inquiry("l-1", 7)).await;
    assert_eq!(codes(&asked), ["13"]);
    let serial = serial_of(&asked);
    let rows = clerk.get("/queue/rows").await;
    assert_eq!(rows.status, 200);
    assert!(
        rows.page.contains(&format!("/provisions/{serial}")),
        "{}",
        rows.page
    );
    assert!(rows.page.contains("確認待ち 1件") && !rows.page.contains("<html"));
    let mut operator = Browser::signed_in(&net, WARD, "operator").await;
    let rows = operator.get("/queue/rows").await;
    assert!(rows.page.contains("確認待ち 1件") && !rows.page.contains("/provisions/"));
    let mut admin = Browser::signed_in(&net, WARD, "admin1").await;
    assert_eq!(admin.get("/queue/rows").await.status, 403);
    assert_eq!(Browser::new(&net).get("/queue/rows").await.status, 401);
    assert_eq!(
        operations(&net, "")
            .await
            .iter()
            .filter(|(.., what, _)| what == "要対応一覧の参照")
            .count(),
        1
    );
    stopped(net).await;
}

#[tokio::test]
async fn a_queue_that_keeps_itself_current_does_not_keep_the_session_alive() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    set_minutes_ahead(&net, 10).await;
    assert_eq!(clerk.get("/queue/rows").await.status, 200);
    set_minutes_ahead(&net, 16).await;
    assert_eq!(clerk.get("/queue/rows").await.status, 401);
    assert_eq!(clerk.get("/queue").await.status, 303);
    stopped(net).await;
}

#[tokio::test]
async fn only_the_page_of_the_queue_has_a_script_and_none_is_inline() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let queue = clerk.get("/queue").await;
    assert!(queue.head.contains("script-src 'self'"), "{}", queue.head);
    assert!(!queue.head.contains("unsafe"));
    let scripts: Vec<_> = queue.page.split("<script").skip(1).collect();
    assert_eq!(scripts.len(), 1);
    assert!(scripts[0].starts_with(" src=\"/assets/queue.js\" defer></script>"));
    assert!(!queue.page.contains(" onclick") && !queue.page.contains("style="));
    let script = clerk.get("/assets/queue.js").await;
    assert!(script.head.contains("content-type: text/javascript"));
    assert!(script.page.lines().count() <= 40);
    for path in ["/", "/password", "/provisions/x"] {
        let other = clerk.get(path).await;
        assert!(!other.head.contains("script-src"), "{path}");
        assert!(!other.page.contains("<script"), "{path}");
    }
    stopped(net).await;
}
