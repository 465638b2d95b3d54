//! The national network and its providers closed, out of reach, losing requests or slow, on demand: each shows as the
//! result that a vendor must handle, and what waits goes on by itself.

use chukan::grpc::proto::{
    sim::v1 as sim,
    sim::v1::{
        Network, Provider, SetNetworkRequest, network_service_client::NetworkServiceClient,
        provider::Trouble,
    },
    v1::{
        self, GetInquiryRequest, GetServiceHoursRequest, ListOperationNoticesRequest,
        inquiry_service_client::InquiryServiceClient, system_service_client::SystemServiceClient,
    },
};
use std::process::Command;

use tempfile::TempDir;
use tonic::Code;

use crate::{
    console::Browser,
    frozen::{self, InWorld, hour, set_hour},
    net::{self, CITY, Net, WARD, codes, tax_inquiry},
    told::told,
};

async fn set(net: &Net, network: Network) -> Result<Network, tonic::Status> {
    let mut networks = NetworkServiceClient::new(frozen::channel(net, "operator").await);
    let request = SetNetworkRequest {
        network: Some(network),
    };
    Ok(networks
        .set_network(request)
        .await?
        .into_inner()
        .network
        .unwrap())
}

/// みなも区 behaves so.
fn ward(provider: Provider) -> Network {
    Network {
        providers: vec![Provider {
            institution: WARD.into(),
            ..provider
        }],
        ..Network::default()
    }
}

/// 09:00 in Japan is hour 0 of the frozen world.
async fn frozen_world() -> Net {
    let net = net::start();
    frozen::create(&net).await;
    net
}

async fn inquiries(net: &Net) -> InquiryServiceClient<InWorld> {
    InquiryServiceClient::new(frozen::channel(net, CITY).await)
}

async fn submit(client: &mut InquiryServiceClient<InWorld>, record_id: &str) -> String {
    let mut request = tax_inquiry(record_id, 0);
    request.requested_at = Some(hour(0));
    let accepted = client.submit_inquiry(request).await.unwrap();
    accepted.into_inner().receipt_number
}

async fn code(client: &mut InquiryServiceClient<InWorld>, receipt: &str) -> String {
    let request = GetInquiryRequest {
        receipt_number: receipt.to_owned(),
        ..Default::default()
    };
    let got = client.get_inquiry(request).await.unwrap().into_inner();
    codes(&got.inquiry.unwrap()).remove(0)
}

async fn ended(client: &mut InquiryServiceClient<InWorld>, receipt: &str) -> String {
    let wait = v1::WaitInquiryRequest {
        receipt_number: receipt.to_owned(),
        timeout: None,
    };
    let waited = client.wait_inquiry(wait).await.unwrap().into_inner();
    codes(&waited.inquiry.unwrap()).remove(0)
}

async fn ask(net: &Net, record_id: &str) -> String {
    let mut client = inquiries(net).await;
    let receipt = submit(&mut client, record_id).await;
    ended(&mut client, &receipt).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_network_is_closed_inquiries_wait_and_go_on_when_it_opens() {
    let net = frozen_world().await;
    let hours = Network {
        open_from: "10:00".into(),
        open_until: "17:30".into(),
        ..Network::default()
    };
    assert_eq!(set(&net, hours.clone()).await.unwrap(), hours);
    let mut client = inquiries(&net).await;
    let (first, second) = (
        submit(&mut client, "n-1").await,
        submit(&mut client, "n-2").await,
    );
    assert_eq!(code(&mut client, &first).await, "10");

    let mut systems = SystemServiceClient::new(frozen::channel(&net, CITY).await);
    let told = systems.get_service_hours(GetServiceHoursRequest {}).await;
    let told = told.unwrap().into_inner();
    assert!(!told.network_open);
    assert_eq!(told.network.unwrap().from, "10:00");

    let cancel = v1::CancelInquiryRequest {
        receipt_number: second.clone(),
    };
    client.cancel_inquiry(cancel).await.unwrap();
    assert_eq!(code(&mut client, &second).await, "53");

    set_hour(&net, 1).await;
    assert_eq!(ended(&mut client, &first).await, "01");
    let told = systems.get_service_hours(GetServiceHoursRequest {}).await;
    assert!(told.unwrap().into_inner().network_open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_network_stays_stopped_and_its_inquiries_waiting_over_a_restart() {
    let dir = TempDir::new().unwrap();
    let net = net::start_in(dir.path(), &[]);
    frozen::create(&net).await;
    let stopped = Network {
        stopped: true,
        ..Network::default()
    };
    set(&net, stopped).await.unwrap();
    let receipt = submit(&mut inquiries(&net).await, "n-1").await;
    let stopping = tokio::task::spawn_blocking(move || net.stop().0);
    assert!(stopping.await.unwrap().success());

    let net = net::start_in(dir.path(), &[]);
    let mut client = inquiries(&net).await;
    assert_eq!(code(&mut client, &receipt).await, "10");
    set(&net, Network::default()).await.unwrap();
    assert_eq!(ended(&mut client, &receipt).await, "01");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_outside_its_hours_and_one_out_of_reach_end_the_exchange_on_record() {
    let net = frozen_world().await;
    let closed = ward(Provider {
        open_from: "22:00".into(),
        open_until: "09:00".into(),
        ..Provider::default()
    });
    set(&net, closed).await.unwrap();
    let mut systems = SystemServiceClient::new(frozen::channel(&net, CITY).await);
    let told = systems.get_service_hours(GetServiceHoursRequest {}).await;
    let told = told.unwrap().into_inner();
    assert!(told.network_open);
    assert_eq!(told.institutions[0].institution, WARD);
    assert_eq!(ask(&net, "n-1").await, "51");
    let gone = ward(Provider {
        trouble: Some(Trouble::Unreachable(true)),
        ..Provider::default()
    });
    set(&net, gone).await.unwrap();
    assert_eq!(ask(&net, "n-2").await, "50");
    let losing = ward(Provider {
        trouble: Some(Trouble::LosesEvery(2)),
        ..Provider::default()
    });
    set(&net, losing).await.unwrap();
    let mut found = Vec::new();
    for record_id in ["n-3", "n-4", "n-5", "n-6"] {
        found.push(ask(&net, record_id).await);
    }
    assert_eq!(found, ["01", "50", "01", "50"]);
    assert_eq!(agreed_in_the_world(&net).await, 6);
}

/// How many exchanges the inquirer has on record; the sides agree on each.
async fn agreed_in_the_world(net: &Net) -> usize {
    use v1::provision_record_service_client::ProvisionRecordServiceClient;
    let channel = frozen::channel(net, CITY).await;
    let mut records = ProvisionRecordServiceClient::new(channel);
    let request = v1::CompareProvisionRecordsRequest {
        scope: Some(v1::compare_provision_records_request::Scope::Range(
            v1::TimeRange::default(),
        )),
        ..Default::default()
    };
    let compared = records.compare_provision_records(request).await.unwrap();
    let compared = compared.into_inner().comparisons;
    assert!(compared.iter().all(|one| one.agree), "{compared:?}");
    compared.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_provider_answers_after_its_delay_by_the_worlds_clock() {
    let net = frozen_world().await;
    let slow = ward(Provider {
        delay: Some(prost_types::Duration {
            seconds: 5_400,
            nanos: 0,
        }),
        ..Provider::default()
    });
    set(&net, slow).await.unwrap();
    let mut client = inquiries(&net).await;
    let receipt = submit(&mut client, "n-1").await;
    set_hour(&net, 1).await;
    assert_eq!(code(&mut client, &receipt).await, "10");
    set_hour(&net, 2).await;
    assert_eq!(ended(&mut client, &receipt).await, "01");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_makes_no_sense_is_refused_with_its_field_and_changes_nothing() {
    let net = frozen_world().await;
    let provider = |provider| set(&net, ward(provider));
    let bad: [(Provider, &str); 5] = [
        (
            Provider {
                open_from: "9時".into(),
                open_until: "17:00".into(),
                ..Provider::default()
            },
            "providers[0].open_from",
        ),
        (
            Provider {
                open_from: "09:00".into(),
                ..Provider::default()
            },
            "providers[0].open_until",
        ),
        (
            Provider {
                trouble: Some(Trouble::Unreachable(false)),
                ..Provider::default()
            },
            "providers[0].unreachable",
        ),
        (
            Provider {
                trouble: Some(Trouble::LosesEvery(0)),
                ..Provider::default()
            },
            "providers[0].loses_every",
        ),
        (
            Provider {
                delay: Some(prost_types::Duration {
                    seconds: -1,
                    nanos: 0,
                }),
                ..Provider::default()
            },
            "providers[0].delay",
        ),
    ];
    for (plan, field) in bad {
        let refused = provider(plan).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(told(&refused).paths(), [field]);
    }
    let mut twice = ward(Provider::default());
    twice.providers.push(twice.providers[0].clone());
    let refused = set(&net, twice).await.unwrap_err();
    assert_eq!(told(&refused).paths(), ["providers[1].institution"]);
    let mut stranger = ward(Provider::default());
    stranger.providers[0].institution = "1234567890123456".into();
    let refused = set(&net, stranger).await.unwrap_err();
    assert_eq!(told(&refused).reason, "INSTITUTION_UNKNOWN");
    let mut networks = NetworkServiceClient::new(frozen::channel(&net, "operator").await);
    let got = networks.get_network(sim::GetNetworkRequest {}).await;
    assert_eq!(got.unwrap().into_inner().network, Some(Network::default()));
    let mut city = NetworkServiceClient::new(frozen::channel(&net, CITY).await);
    let refused = city.set_network(SetNetworkRequest::default()).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_reach_every_institution_until_they_are_past_or_withdrawn() {
    let net = frozen_world().await;
    let mut networks = NetworkServiceClient::new(frozen::channel(&net, "operator").await);
    let notice = |text: &str, from, until: Option<i64>| sim::PostOperationNoticeRequest {
        text: text.into(),
        from: Some(hour(from)),
        until: until.map(hour),
    };
    let mut numbers = Vec::new();
    for request in [
        notice("本日10時から11時まで計画停止します。", 1, Some(2)),
        notice(
            "年度更新のため、新しいレイアウトを使用してください。",
            0,
            None,
        ),
    ] {
        let posted = networks.post_operation_notice(request).await.unwrap();
        numbers.push(posted.into_inner().notice.unwrap().number);
    }
    for (request, field) in [
        (notice("", 0, None), "text"),
        (notice("a\u{0}b", 0, None), "text"),
        (notice(&"あ".repeat(401), 0, None), "text"),
        (notice("終わりが先", 2, Some(1)), "until"),
    ] {
        let refused = networks.post_operation_notice(request).await.unwrap_err();
        assert_eq!(told(&refused).paths(), [field]);
    }
    let mut systems = SystemServiceClient::new(frozen::channel(&net, WARD).await);
    let mut listed = async |past_too| {
        let request = ListOperationNoticesRequest { past_too };
        let listed = systems.list_operation_notices(request).await.unwrap();
        let notices = listed.into_inner().notices.into_iter();
        notices.map(|notice| notice.number).collect::<Vec<_>>()
    };
    assert_eq!(listed(false).await, [numbers[1], numbers[0]]);
    set_hour(&net, 2).await;
    assert_eq!(listed(false).await, [numbers[1]]);
    assert_eq!(listed(true).await, [numbers[1], numbers[0]]);
    let withdraw = sim::WithdrawOperationNoticeRequest { number: numbers[1] };
    networks.withdraw_operation_notice(withdraw).await.unwrap();
    assert_eq!(listed(true).await, [numbers[0]]);
    let refused = networks.withdraw_operation_notice(withdraw).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
}

/// What `chukan network` prints, and whether it succeeded.
fn command(net: &Net, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
    let (server, data) = (net.address(), net.data());
    command.args(["network", "--server", server, "--data"]);
    let output = command.arg(data).args(arguments).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_stops_starts_and_troubles_what_it_is_told_to() {
    let net = net::start();
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| command(&net, arguments));
    let (done, told) = run(&["stop"]);
    assert!(done && told.contains("停止中  運用時間 常時"), "{told}");
    let (done, told) = run(&["start"]);
    assert!(done && told.contains("稼働"), "{told}");
    let (_, told) = run(&["hours", "08:00", "19:00"]);
    assert!(told.contains("運用時間 08:00–19:00"), "{told}");
    let (_, told) = run(&["hours"]);
    assert!(told.contains("運用時間 常時"), "{told}");
    let (_, told) = run(&["provider", WARD, "--loses-every", "3", "--delay", "5"]);
    assert!(
        told.contains(&format!("{WARD}  運用時間 常時  3件に1件を失う  遅延 5秒")),
        "{told}"
    );
    let (_, told) = run(&["provider", WARD, "--unreachable"]);
    assert!(told.contains("通信不可  遅延 0秒"), "{told}");
    let mut client = net.inquiries(CITY).await;
    let inquiry = net::ask(&mut client, tax_inquiry("c-1", 0)).await;
    assert_eq!(codes(&inquiry), ["50"]);
    let (done, told) = run(&["notice", "本日18時に停止します。"]);
    assert!(done && told.contains("お知らせ1番"), "{told}");
    let (done, _) = run(&["withdraw", "1"]);
    let (again, told) = run(&["withdraw", "1"]);
    assert!(done && !again && !told.is_ascii(), "{told}");
    let (done, told) = run(&["hours", "9時", "17:00"]);
    assert!(!done && told.contains("HH:mm"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_shows_the_notices_that_are_not_past_and_runs_nothing_that_stands_in_them() {
    let net = net::start();
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| command(&net, arguments));
    let long_ago = [
        "--from",
        "2020-01-01T00:00:00Z",
        "--until",
        "2020-01-02T00:00:00Z",
    ];
    for arguments in [
        ["notice", "本日18時に停止します。<script>alert(1)</script>"].as_slice(),
        &[&["notice", "終わったお知らせ"], long_ago.as_slice()].concat(),
    ] {
        let (done, told) = run(arguments);
        assert!(done, "{told}");
    }
    let mut clerk = Browser::signed_in(&net, WARD, "clerk1").await;
    let page = clerk.get("/").await.page;
    assert!(page.contains("運用のお知らせ") && page.contains("本日18時に停止します。"));
    assert!(!page.contains("<script>") && !page.contains("終わったお知らせ"));
}
