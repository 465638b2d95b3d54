//! Worlds: complete, separate, chosen by metadata, with a clock and a seed of their own; and the symbols in them.

use std::process::Command;

use chukan::grpc::proto::{
    sim::v1::{
        self as sim, population_service_client::PopulationServiceClient,
        world_service_client::WorldServiceClient,
    },
    v1::{
        self, inquiry_service_client::InquiryServiceClient,
        symbol_service_client::SymbolServiceClient,
    },
};
use tonic::{Code, Request, transport::Channel};
use tonic_types::StatusExt;

use crate::net::{self, CITY, Net, PEOPLE, SEED, codes, detail, tax_inquiry};

/// 2026-11-22T00:00:00Z.
const NOON_IN_NOVEMBER: i64 = 1_795_305_600;

fn frozen(seconds: i64) -> Option<sim::Clock> {
    let at = prost_types::Timestamp { seconds, nanos: 0 };
    let mode = Some(sim::clock::Mode::Frozen(at));
    Some(sim::Clock { mode })
}

async fn worlds(net: &Net) -> WorldServiceClient<Channel> {
    WorldServiceClient::new(net.channel("operator").await)
}

async fn create(net: &Net, name: &str, seed: u64) {
    let request = sim::CreateWorldRequest {
        world_id: name.into(),
        seed,
        people: PEOPLE,
        clock: frozen(NOON_IN_NOVEMBER),
    };
    worlds(net).await.create_world(request).await.unwrap();
}

async fn set_clock(net: &Net, name: &str, seconds: i64) {
    let request = sim::SetClockRequest {
        world_id: name.into(),
        clock: frozen(seconds),
    };
    worlds(net).await.set_clock(request).await.unwrap();
}

fn within<T>(world: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let name = world.parse().unwrap();
    request.metadata_mut().insert("x-chukan-world", name);
    request
}

fn inquiry(record_id: &str, index: u32) -> v1::SubmitInquiryRequest {
    let mut request = tax_inquiry(record_id, index);
    request.requested_at = Some(prost_types::Timestamp {
        seconds: NOON_IN_NOVEMBER,
        nanos: 0,
    });
    request
}

async fn ask(net: &Net, world: &str, request: v1::SubmitInquiryRequest) -> v1::Inquiry {
    let mut client = InquiryServiceClient::new(net.channel(CITY).await);
    let accepted = client.submit_inquiry(within(world, request)).await.unwrap();
    let wait = v1::WaitInquiryRequest {
        receipt_number: accepted.into_inner().receipt_number,
        timeout: None,
    };
    let waited = client.wait_inquiry(within(world, wait)).await.unwrap();
    waited.into_inner().inquiry.unwrap()
}

fn reason(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    details.error_info().unwrap().reason.clone()
}

#[tokio::test]
async fn two_worlds_never_see_each_other() {
    let net = net::start();
    create(&net, "one", SEED).await;
    create(&net, "two", SEED).await;
    let first = ask(&net, "one", inquiry("same-id", 0)).await;
    let second = ask(&net, "two", inquiry("same-id", 0)).await;
    assert_eq!(first.receipt_number, second.receipt_number);
    let mut client = InquiryServiceClient::new(net.channel(CITY).await);
    let listed = client.list_inquiries(v1::ListInquiriesRequest::default());
    assert!(
        listed.await.unwrap().into_inner().inquiries.is_empty(),
        "the default world"
    );
    let nowhere = client.list_inquiries(within("three", v1::ListInquiriesRequest::default()));
    assert_eq!(nowhere.await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_people_and_another_seed_others() {
    let net = net::start();
    create(&net, "one", SEED).await;
    create(&net, "two", SEED).await;
    create(&net, "other", SEED + 1).await;
    let mut people = PopulationServiceClient::new(net.channel("operator").await);
    let mut list = async |world: &str| {
        let request = within(world, sim::ListPeopleRequest::default());
        people
            .list_people(request)
            .await
            .unwrap()
            .into_inner()
            .people
    };
    let one = list("one").await;
    assert_eq!(one, list("two").await);
    assert_ne!(one, list("other").await);
}

#[tokio::test]
async fn a_reset_world_has_forgotten_and_a_deleted_one_is_gone() {
    let net = net::start();
    create(&net, "one", SEED).await;
    ask(&net, "one", inquiry("again", 0)).await;
    let mut worlds = worlds(&net).await;
    let world_id = || "one".to_owned();
    worlds
        .reset_world(sim::ResetWorldRequest {
            world_id: world_id(),
        })
        .await
        .unwrap();
    let anew = ask(&net, "one", inquiry("again", 0)).await;
    assert_eq!(anew.receipt_number, "R0000000001");
    worlds
        .delete_world(sim::DeleteWorldRequest {
            world_id: world_id(),
        })
        .await
        .unwrap();
    let gone = worlds.get_world(sim::GetWorldRequest {
        world_id: world_id(),
    });
    assert_eq!(gone.await.unwrap_err().code(), Code::NotFound);
    let stays = worlds.delete_world(sim::DeleteWorldRequest {
        world_id: "default".into(),
    });
    assert_eq!(reason(&stays.await.unwrap_err()), "WORLD_STAYS");
}

#[tokio::test]
async fn controls_are_the_operators_and_exchanges_the_institutions() {
    let net = net::start();
    let mut controls = WorldServiceClient::new(net.channel(CITY).await);
    let refused = controls.list_worlds(sim::ListWorldsRequest {}).await;
    assert_eq!(reason(&refused.unwrap_err()), "CALLER_NOT_ENTITLED");
    let mut inquiries = net.inquiries("operator").await;
    let refused = inquiries.list_inquiries(v1::ListInquiriesRequest::default());
    assert_eq!(reason(&refused.await.unwrap_err()), "CALLER_NOT_ENTITLED");
}

#[tokio::test]
async fn results_are_deleted_by_the_worlds_clock_and_their_record_ids_stay_used() {
    let net = net::start();
    create(&net, "later", SEED).await;
    let ended = ask(&net, "later", inquiry("kept", 0)).await;
    set_clock(&net, "later", NOON_IN_NOVEMBER + 8 * 86_400).await;
    let mut client = InquiryServiceClient::new(net.channel(CITY).await);
    let get = v1::GetInquiryRequest {
        receipt_number: ended.receipt_number,
        ..Default::default()
    };
    let deleted = client.get_inquiry(within("later", get)).await.unwrap_err();
    assert_eq!(reason(&deleted), "RESULTS_DELETED");
    let again = client
        .submit_inquiry(within("later", inquiry("kept", 0)))
        .await;
    assert_eq!(again.unwrap_err().code(), Code::AlreadyExists);
}

#[tokio::test]
async fn a_stale_copy_of_the_permission_list_refuses_until_it_is_refreshed() {
    use v1::permission_list_service_client::PermissionListServiceClient;

    let net = net::start();
    create(&net, "stale", SEED).await;
    set_clock(&net, "stale", NOON_IN_NOVEMBER + 8 * 86_400).await;
    let refused = ask(&net, "stale", inquiry("stale-1", 0)).await;
    assert_eq!(codes(&refused), ["21"]);
    for who in [CITY, net::WARD] {
        let mut lists = PermissionListServiceClient::new(net.channel(who).await);
        let refresh = v1::RefreshPermissionListRequest {};
        lists
            .refresh_permission_list(within("stale", refresh))
            .await
            .unwrap();
    }
    let allowed = ask(&net, "stale", inquiry("stale-2", 0)).await;
    assert_eq!(codes(&allowed), ["01"]);
}

#[tokio::test]
async fn a_symbol_is_acquired_once_and_the_inquiry_before_it_says_so() {
    let net = net::start();
    let mut people = PopulationServiceClient::new(net.channel(CITY).await);
    let listed = people
        .list_people(sim::ListPeopleRequest::default())
        .await
        .unwrap();
    let individual_number = listed.into_inner().people[10].individual_number.clone();
    let addressee_number = net::person(10, CITY);
    let mut symbols = SymbolServiceClient::new(net.channel(CITY).await);
    let acquire = || v1::RequestAcquisitionRequest {
        addressee_number: addressee_number.clone(),
    };
    let linked = symbols.request_acquisition(acquire()).await.unwrap_err();
    assert_eq!(reason(&linked), "SYMBOL_ALREADY_LINKED");
    let mut unlink = v1::UnlinkSymbolRequest {
        addressee_number: addressee_number.clone(),
        ..Default::default()
    };
    unlink.set_reason(v1::UnlinkReason::MovedOut);
    symbols.unlink_symbol(unlink).await.unwrap();

    let mut inquiries = net.inquiries(CITY).await;
    let before = net::ask(&mut inquiries, tax_inquiry("sy-1", 10)).await;
    let result = before.details[0].specific_infos[0].result.as_ref().unwrap();
    let text = format!("指定された団体内統合宛名番号「{addressee_number}」は符号が未取得です。");
    assert_eq!(
        (result.status_code.as_str(), result.message.as_str()),
        ("35", text.as_str())
    );

    let issued = symbols
        .request_acquisition(acquire())
        .await
        .unwrap()
        .into_inner();
    let bring = || sim::RequestSymbolRequest {
        acquisition_serial: issued.acquisition_serial.clone(),
        individual_number: individual_number.clone(),
    };
    people.request_symbol(bring()).await.unwrap();
    let used = people.request_symbol(bring()).await.unwrap_err();
    assert_eq!(reason(&used), "ACQUISITION_SERIAL_UNKNOWN");
    let after = net::ask(&mut inquiries, tax_inquiry("sy-2", 10)).await;
    assert_eq!(codes(&after), ["01"]);
}

#[tokio::test]
async fn a_ward_of_a_designated_city_is_asked_at_its_city() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    let mut request = tax_inquiry("dw-1", 0);
    request.details = vec![detail(
        "dw-1",
        &net::person(0, CITY),
        net::DESIGNATED_WARD,
        net::TAX,
    )];
    let inquiry = net::ask(&mut inquiries, request).await;
    assert_eq!(
        inquiry.details[0].specific_infos[0].provider,
        net::DESIGNATED
    );
}

#[tokio::test]
async fn worlds_and_their_clocks_are_at_hand_on_the_command_line() {
    let net = net::start();
    let world = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
        command.args(["world", "--server", net.address(), "--data"]);
        let output = command.arg(net.data()).args(arguments).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).unwrap())
    };
    let (code, made) = world(&["create", "course", "--seed", "5", "--people", "10"]);
    assert_eq!(code, Some(0), "{made}");
    assert!(made.contains("course  種 5  住民 10人"), "{made}");
    let clock = ["clock", "--world", "course"];
    let freeze = [&clock[..], &["--freeze", "2026-12-01T09:00:00+09:00"]].concat();
    assert_eq!(world(&freeze).1, "2026-12-01 09:00:00（停止）\n");
    let advance = [&clock[..], &["--advance", "7y"]].concat();
    assert_eq!(world(&advance).1, "2033-12-01 09:00:00（停止）\n");
    assert_eq!(world(&clock).1, "2033-12-01 09:00:00（停止）\n");
    let system = [&clock[..], &["--system"]].concat();
    assert!(world(&system).1.contains("（コンピューターの時計）"));
    let ahead = world(&[&clock[..], &["--advance", "20m"]].concat()).1;
    assert!(ahead.contains("コンピューターの時計との差"), "{ahead}");
    assert!(!world(&["list"]).1.contains("2033"));
    assert_eq!(world(&["reset", "course"]).0, Some(2), "without --yes");
    let (code, reset) = world(&["reset", "course", "--yes"]);
    assert_eq!(code, Some(0), "{reset}");
    assert_eq!(world(&["delete", "course", "--yes"]).0, Some(0));
    let (code, told) = world(&["delete", "default", "--yes"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("「default」は削除できません"), "{told}");
    assert!(!world(&["list"]).1.contains("course"));
}
