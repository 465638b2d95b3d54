//! Records are kept for seven years of the world's time, then destroyed on a superior's word; not a day earlier, and no trace
//! stays in the ledger.

use std::process::Command;

use chukan::grpc::proto::{
    sim::v1::{
        Clock, DisposeCoreRecordsRequest, SetClockRequest, clock::Mode,
        network_service_client::NetworkServiceClient, world_service_client::WorldServiceClient,
    },
    v1::{
        self, ChangePasswordRequest, DisposeRecordsRequest, GetDisposalRequest,
        provision_record_service_client::ProvisionRecordServiceClient,
        staff_service_client::StaffServiceClient,
    },
};
use chukan::sample::staff::TRAINING_PASSWORD;
use tempfile::TempDir;
use tonic::{Code, transport::Channel};

use crate::{
    backup::key_in,
    canary::holds_bytes,
    held_request::{CLERK, SUPERIOR, reason, refusal, session, within},
    net::{self, CITY, Net, WARD, ask, codes, now, serial_of, tax_inquiry},
};

const DAY_S: i64 = 24 * 3_600;

async fn set_clock(net: &Net, days: i64) {
    let mut worlds = WorldServiceClient::new(net.channel("operator").await);
    let mut at = now();
    at.seconds += days * DAY_S;
    at.nanos = 0;
    let request = SetClockRequest {
        world_id: "default".into(),
        clock: Some(Clock {
            mode: Some(Mode::Frozen(at)),
        }),
    };
    worlds.set_clock(request).await.unwrap();
}

/// The session of a member of みなも区's staff whose password is years old.
async fn renewed(net: &Net, account: &str) -> String {
    let session = session(net, account).await;
    let mut client = StaffServiceClient::new(net.channel(WARD).await);
    let request = ChangePasswordRequest {
        present_password: TRAINING_PASSWORD.into(),
        new_password: format!("Nananengo-8214-{}", account.len()),
    };
    let changed = client.change_password(within(&session, request)).await;
    changed.unwrap();
    session
}

async fn records(net: &Net, who: &str) -> ProvisionRecordServiceClient<Channel> {
    ProvisionRecordServiceClient::new(net.channel(who).await)
}

async fn due(client: &mut ProvisionRecordServiceClient<Channel>) -> i64 {
    let told = client.get_disposal(GetDisposalRequest {}).await.unwrap();
    let disposal = told.into_inner().disposal.unwrap();
    assert!(disposal.legal_basis.contains("番号法第23条"));
    disposal.trees.iter().map(|tree| tree.entries).sum()
}

/// Whether a file of the ledger still tells something.
fn in_ledger(data: &std::path::Path, text: &str) -> bool {
    let segments = data.join("worlds/default/ledger/segments");
    std::fs::read_dir(segments).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        holds_bytes(&bytes, text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_seven_years_a_superior_has_the_records_destroyed_and_the_tree_still_verifies() {
    let dir = TempDir::new().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let inquiry = ask(&mut net.inquiries(CITY).await, tax_inquiry("x-1", 0)).await;
    assert_eq!(codes(&inquiry), ["01"]);
    let serial = serial_of(&inquiry);
    let mut ward = records(&net, WARD).await;
    let get = v1::GetProvisionRecordRequest {
        processing_serial: serial.clone(),
    };
    let record = ward.get_provision_record(get.clone()).await.unwrap();
    let permit = record.into_inner().record.unwrap().permit_id;
    assert!(in_ledger(dir.path(), &serial) && in_ledger(dir.path(), &permit));

    set_clock(&net, 7 * 365).await;
    let superior = renewed(&net, SUPERIOR).await;
    assert_eq!(due(&mut ward).await, 0);
    let early = ward
        .dispose_records(within(&superior, DisposeRecordsRequest {}))
        .await;
    let nothing = refusal(Code::FailedPrecondition, "NOTHING_TO_DISPOSE");
    assert_eq!(reason(early), nothing);
    assert!(ward.get_provision_record(get.clone()).await.is_ok());

    set_clock(&net, 7 * 366).await;
    let clerk = renewed(&net, CLERK).await;
    let superior = session_again(&net).await;
    assert!(due(&mut ward).await > 0);
    let refused = ward
        .dispose_records(within(&clerk, DisposeRecordsRequest {}))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let nobody = ward.dispose_records(DisposeRecordsRequest {}).await;
    assert_eq!(nobody.unwrap_err().code(), Code::Unauthenticated);
    assert!(ward.get_provision_record(get.clone()).await.is_ok());
    let disposed = ward
        .dispose_records(within(&superior, DisposeRecordsRequest {}))
        .await;
    let disposed = disposed.unwrap().into_inner().disposal.unwrap();
    assert!(disposed.trees[0].tree.starts_with(WARD));
    assert_eq!(due(&mut ward).await, 0);
    let gone = ward.get_provision_record(get.clone()).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    let mut city = records(&net, CITY).await;
    assert!(city.get_provision_record(get.clone()).await.is_ok());
    let compare = v1::CompareProvisionRecordsRequest {
        scope: Some(v1::compare_provision_records_request::Scope::ProcessingSerial(serial.clone())),
        ..Default::default()
    };
    let compared = city.compare_provision_records(compare).await.unwrap();
    let compared = compared.into_inner().comparisons.remove(0);
    assert!(
        compared.agree && compared.provider.is_none(),
        "{compared:?}"
    );

    let mut networks = NetworkServiceClient::new(net.channel("operator").await);
    let core = networks
        .dispose_core_records(DisposeCoreRecordsRequest {})
        .await;
    assert_eq!(core.unwrap().into_inner().disposal.unwrap().trees.len(), 1);
    assert!(
        in_ledger(dir.path(), &serial),
        "ひかり市 has its record still"
    );
    let stopping = tokio::task::spawn_blocking(move || net.stop().0);
    assert!(stopping.await.unwrap().success());
    let ledger = dir.path().join("worlds/default/ledger");
    let mut verify = Command::new(env!("CARGO_BIN_EXE_chukan"));
    let verified = verify.args(["ledger", "verify"]).arg(ledger).output();
    let verified = verified.unwrap();
    assert!(verified.status.success(), "{verified:?}");

    let net = net::start_in(dir.path(), &[]);
    let mut ward = records(&net, WARD).await;
    assert_eq!(due(&mut ward).await, 0);
    let gone = ward.get_provision_record(get).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

/// The session of the superior with the new password; the clock has ended the one before.
async fn session_again(net: &Net) -> String {
    let mut client = StaffServiceClient::new(net.channel(WARD).await);
    let own = format!("Nananengo-8214-{}", SUPERIOR.len());
    let request = v1::SignInRequest {
        account: SUPERIOR.into(),
        password: own,
    };
    client.sign_in(request).await.unwrap().into_inner().session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_tells_that_what_was_disposed_of_is_due_again() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let key = key_in(dir.path());
    let net = net::start_in(&at("data"), &[]);
    let inquiry = ask(&mut net.inquiries(CITY).await, tax_inquiry("x-1", 0)).await;
    let serial = serial_of(&inquiry);
    let backup = |act: &str, more: &[&std::ffi::OsStr]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
        let done = command.args(["backup", act]).args(more).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let (young, old, secret) = (at("young"), at("old"), at("key"));
    let create = |out: &std::path::Path| {
        let (server, data) = (net.address(), net.data());
        let of = ["--server", server, "--recipient", &key, "--data"].map(std::ffi::OsStr::new);
        let out = [data.as_os_str(), "--out".as_ref(), out.as_os_str()];
        backup("create", &[of.as_slice(), &out].concat())
    };
    let restore = |from: &std::path::Path, into: &std::path::Path| {
        let with = ["--key".as_ref(), secret.as_os_str(), "--into".as_ref()];
        backup(
            "restore",
            &[&[from.as_os_str()], with.as_slice(), &[into.as_os_str()]].concat(),
        )
    };
    create(&young);
    set_clock(&net, 7 * 366).await;
    create(&old);
    renewed(&net, SUPERIOR).await;
    let superior = session_again(&net).await;
    let mut ward = records(&net, WARD).await;
    let disposed = ward
        .dispose_records(within(&superior, DisposeRecordsRequest {}))
        .await;
    let disposed = disposed.unwrap().into_inner().disposal.unwrap();
    let due_again: i64 = disposed.trees.iter().map(|tree| tree.entries).sum();

    let told = restore(&young, &at("of-young"));
    assert!(
        !told.contains("保存期間"),
        "by its clock nothing is due: {told}"
    );
    let told = restore(&old, &at("of-old"));
    let tree = &disposed.trees[0].tree;
    let line = format!("保存期間を過ぎた記録  {tree}  {due_again}件");
    assert!(
        told.contains(&line) && told.contains("DisposeRecords"),
        "{told}"
    );
    net.kill();
    let net = net::start_in(&at("of-old"), &[]);
    let mut ward = records(&net, WARD).await;
    assert_eq!(due(&mut ward).await, due_again);
    let get = v1::GetProvisionRecordRequest {
        processing_serial: serial,
    };
    assert!(ward.get_provision_record(get.clone()).await.is_ok());
    renewed(&net, SUPERIOR).await;
    let superior = session_again(&net).await;
    let again = ward
        .dispose_records(within(&superior, DisposeRecordsRequest {}))
        .await;
    assert!(again.is_ok());
    assert_eq!(
        ward.get_provision_record(get).await.unwrap_err().code(),
        Code::NotFound
    );
}
