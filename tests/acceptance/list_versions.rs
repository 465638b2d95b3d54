//! Versions of 照会許可照合リスト: the core system publishes a new one at its start, each institution copies it when it is due or told
//! to, and each party decides by what it has.

use std::{fs, process::Stdio};

use chukan::grpc::proto::v1::{
    self, permission_list_service_client::PermissionListServiceClient,
    provision_record_service_client::ProvisionRecordServiceClient,
};
use tempfile::TempDir;

use crate::net::{self, CITY, Net, TAX, WARD, ask, codes, serial_of, tax_inquiry};

const LIST: &str = "definitions/permission-list.toml";

/// A server that is started again with another list.
struct Lists {
    dir: TempDir,
}

impl Lists {
    fn begin() -> (Self, Net) {
        let dir = TempDir::new().unwrap();
        let net = net::start_in(dir.path(), &[]);
        (Self { dir }, net)
    }

    async fn with(&self, net: Net, change: impl FnOnce(String) -> String) -> Net {
        tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
        let file = self.dir.path().join(LIST);
        let list = fs::read_to_string(&file).unwrap();
        fs::write(&file, change(list)).unwrap();
        net::start_in(self.dir.path(), &[])
    }
}

async fn refresh(net: &Net, who: &str) {
    let mut lists = PermissionListServiceClient::new(net.channel(who).await);
    let request = v1::RefreshPermissionListRequest {};
    lists.refresh_permission_list(request).await.unwrap();
}

/// The code of the exchange and how many parties have a record of it: who decided is the last of them.
async fn decided(net: &Net, request: v1::SubmitInquiryRequest) -> (String, usize) {
    let inquiry = ask(&mut net.inquiries(CITY).await, request).await;
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let scope = v1::compare_provision_records_request::Scope::ProcessingSerial(serial_of(&inquiry));
    let request = v1::CompareProvisionRecordsRequest {
        scope: Some(scope),
        ..Default::default()
    };
    let compared = records.compare_provision_records(request).await.unwrap();
    let compared = compared.into_inner().comparisons.remove(0);
    assert!(compared.agree, "{:?}", compared.disagreements);
    let sides = [compared.inquirer, compared.core, compared.provider];
    (
        codes(&inquiry).remove(0),
        sides.into_iter().flatten().count(),
    )
}

#[tokio::test]
async fn a_row_that_ended_is_refused_by_the_core_system_and_after_the_copy_by_the_inquirer() {
    let (lists, net) = Lists::begin();
    assert_eq!(decided(&net, tax_inquiry("v-1", 0)).await, ("01".into(), 3));
    let net = lists
        .with(net, |list| {
            let ended = "valid_from = \"2020-04-01\"\nvalid_to = \"2026-03-31\"\n";
            let list = list.replacen("version = 1", "version = 2", 1);
            list.replacen("valid_from = \"2020-04-01\"\n", ended, 1)
        })
        .await;
    assert_eq!(decided(&net, tax_inquiry("v-2", 0)).await, ("20".into(), 2));
    refresh(&net, CITY).await;
    assert_eq!(decided(&net, tax_inquiry("v-3", 0)).await, ("20".into(), 1));
}

#[tokio::test]
async fn a_row_that_came_is_refused_by_the_provider_until_it_has_the_copy() {
    let (lists, net) = Lists::begin();
    let new = |record_id| {
        let mut request = tax_inquiry(record_id, 0);
        request.affair = "JM90000000000099".into();
        request.procedure = "JT90000000000099".into();
        request
    };
    assert_eq!(decided(&net, new("n-1")).await, ("20".into(), 1));
    let net = lists
        .with(net, |list| {
            let row = format!(
                "\n[[rows]]\nid = \"R-0099\"\ninquirer = \"{CITY}\"\naffair = \"JM90000000000099\"\nprocedure = \"JT90000000000099\"\n\
                 provider = \"{WARD}\"\nspecific_info = \"{TAX}\"\nvalid_from = \"2020-04-01\"\nlegal_basis = \"架空\"\n"
            );
            list.replacen("version = 1", "version = 2", 1) + &row
        })
        .await;
    assert_eq!(decided(&net, new("n-2")).await, ("20".into(), 1));
    refresh(&net, CITY).await;
    assert_eq!(
        decided(&net, new("n-3")).await,
        ("20".into(), 3),
        "the provider decides by its own copy, and all three record it"
    );
    refresh(&net, WARD).await;
    assert_eq!(decided(&net, new("n-4")).await, ("01".into(), 3));
}

/// Else a record would name a version whose rows nobody can tell any more.
#[tokio::test]
async fn a_changed_list_needs_a_higher_version() {
    let (lists, net) = Lists::begin();
    let net = lists
        .with(net, |list| list.replacen("version = 1", "version = 2", 1))
        .await;
    // No institution has copied it yet: the core system itself has decided by it.
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
    let file = lists.dir.path().join(LIST);
    let list = fs::read_to_string(&file).unwrap();
    let place = list.lines().position(|line| line.starts_with("version"));
    for (changed, said) in [
        (
            list.replacen("2020-04-01", "2020-04-02", 1),
            "第2版は別の内容で公開済みです",
        ),
        (
            list.replacen("version = 2", "version = 1", 1),
            "第2版を公開済みです",
        ),
    ] {
        fs::write(&file, changed).unwrap();
        let refused = net::serve(lists.dir.path(), &[])
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(4));
        let text = String::from_utf8(refused.stderr).unwrap();
        let place = format!(
            "permission-list.toml {}行1文字目: {said}",
            place.unwrap() + 1
        );
        assert!(text.contains(&place), "{text}");
    }
    fs::write(
        &file,
        list.replacen("2020-04-01", "2020-04-02", 1)
            .replacen("version = 2", "version = 3", 1),
    )
    .unwrap();
    drop(net::start_in(lists.dir.path(), &[]));
}
