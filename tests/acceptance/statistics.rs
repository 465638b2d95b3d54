//! An institution counts its own exchanges, by what an auditor asks for, and sees nobody in the counts.

use std::{collections::BTreeSet, process::Command};

use chukan::{
    domain::batch_file::{InquiryRow, RowCondition},
    grpc::proto::v1::{
        self, compare_provision_records_request::Scope,
        provision_record_service_client::ProvisionRecordServiceClient,
        system_service_client::SystemServiceClient,
    },
};
use tonic::Code;

use crate::{
    inquiry_files::{client, file, header, row, settled, submit},
    net::{self, ACCOUNTS, CITY, Net, TAX, WARD},
    told::told,
};

const NAME: &str = "kyufu_20261122093000_0001.DAT";

pub(crate) async fn statistics(net: &Net, who: &str) -> Vec<v1::StatisticsRow> {
    let mut systems = SystemServiceClient::new(net.channel(who).await);
    let request = v1::GetStatisticsRequest::default();
    let mut told = systems.get_statistics(request).await.unwrap().into_inner();
    let mut rows = Vec::new();
    while let Some(response) = told.message().await.unwrap() {
        rows.extend(response.rows);
    }
    rows
}

/// The exchanges that an institution has a record of; the three sides agree on each.
pub(crate) async fn agreed(net: &Net, who: &str) -> BTreeSet<String> {
    let mut client = ProvisionRecordServiceClient::new(net.channel(who).await);
    let mut found = BTreeSet::new();
    let mut request = v1::CompareProvisionRecordsRequest {
        scope: Some(Scope::Range(v1::TimeRange::default())),
        page_size: 100,
        page_token: String::new(),
    };
    loop {
        let page = client.compare_provision_records(request.clone()).await;
        let page = page.unwrap().into_inner();
        for comparison in page.comparisons {
            assert!(comparison.agree, "{comparison:?}");
            found.insert(comparison.processing_serial);
        }
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

async fn run_a_file(net: &Net) -> Vec<InquiryRow> {
    let mut batches = client(net).await;
    let mut rows: Vec<_> = [0, 1, 2, 3, 10]
        .map(|index| row(index, RowCondition::None))
        .into();
    let year = RowCondition::FiscalYear(2025.try_into().unwrap());
    rows.push(row(0, year));
    submit(&mut batches, header(NAME), &file(rows.clone()))
        .await
        .unwrap();
    settled(&mut batches, NAME).await;
    rows
}

#[tokio::test]
async fn days_that_are_none_or_stand_the_wrong_way_round_are_refused() {
    let net = net::start();
    let mut systems = SystemServiceClient::new(net.channel(CITY).await);
    for (from, to, field) in [
        ("2026-13-01", "", "from"),
        ("2026-04-02", "2026-04-01", "to"),
    ] {
        let request = v1::GetStatisticsRequest {
            from: from.into(),
            to: to.into(),
        };
        let refused = systems.get_statistics(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(told(&refused).paths(), [field]);
    }
}

#[tokio::test]
async fn both_sides_count_the_same_exchanges_and_a_stranger_none() {
    let net = net::start();
    let asked = run_a_file(&net).await;
    let (city, ward) = (statistics(&net, CITY).await, statistics(&net, WARD).await);
    for (rows, side) in [
        (&city, v1::RecordSide::Inquirer),
        (&ward, v1::RecordSide::Provider),
    ] {
        assert!(
            rows.iter()
                .all(|row| row.side() == side && row.specific_info == TAX)
        );
        let counted: i64 = rows.iter().map(|row| row.exchanges).sum();
        assert_eq!(counted, 6);
        let of = |code: &str| {
            let found = rows
                .iter()
                .find(|row| row.result.as_ref().unwrap().status_code == code);
            found.map(|row| row.exchanges)
        };
        assert_eq!(
            (of("01"), of("31"), of("32"), of("33")),
            (Some(3), Some(1), Some(1), Some(1))
        );
    }
    assert!(statistics(&net, ACCOUNTS).await.is_empty());
    let told = format!("{city:?}{ward:?}");
    assert!(
        asked
            .iter()
            .all(|row| !told.contains(row.addressee.as_str()))
    );
}

#[tokio::test]
async fn an_auditor_sees_a_table_csv_and_a_chart() {
    let net = net::start();
    run_a_file(&net).await;
    let report = |more: &[&str]| {
        let shown = Command::new(env!("CARGO_BIN_EXE_chukan"))
            .args([
                "report",
                "--institution",
                CITY,
                "--server",
                net.address(),
                "--data",
            ])
            .arg(net.data())
            .args(more)
            .output()
            .unwrap();
        assert!(shown.status.success(), "{shown:?}");
        String::from_utf8(shown.stdout).unwrap()
    };
    assert!(report(&[]).ends_with("合計  6\n"));
    let csv = report(&["--by", "result", "--format", "csv"]);
    assert!(csv.starts_with("結果,件数\r\n01 正常終了,3\r\n"), "{csv}");
    let chart = report(&["--by", "provider", "--format", "chart"]);
    assert_eq!(chart, format!("{WARD}  {} 6\n", "█".repeat(40)));
    assert!(report(&["--to", "2000-01-01", "--format", "chart"]).is_empty());
}
