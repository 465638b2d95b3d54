//! 情報提供等記録: three records that agree, search, 不開示, and proofs that an outsider can check.

use std::fs;

use chukan::{
    grpc::proto::v1::{
        self, compare_provision_records_request::Scope, ledger_service_client::LedgerServiceClient,
        provision_record_service_client::ProvisionRecordServiceClient,
    },
    ledger::{Checkpoint, PublicKeys, leaf_hash, merkle},
};
use tonic::{Code, transport::Channel};

use crate::{
    net::{self, CITY, DESIGNATED, KEY_CITY, WARD, ask, serial_of, tax_inquiry},
    told::told,
};

async fn compare(
    client: &mut ProvisionRecordServiceClient<Channel>,
    serial: &str,
) -> v1::RecordComparison {
    let scope = Some(Scope::ProcessingSerial(serial.to_owned()));
    let compared = client
        .compare_provision_records(v1::CompareProvisionRecordsRequest {
            scope,
            ..Default::default()
        })
        .await
        .unwrap();
    compared.into_inner().comparisons.remove(0)
}

#[tokio::test]
async fn the_three_records_of_every_outcome_agree() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    for (index, reached) in [(0, 3), (1, 3), (2, 3), (3, 3), (6, 3), (5, 2)] {
        let inquiry = ask(&mut inquiries, tax_inquiry(&format!("r-{index}"), index)).await;
        let comparison = compare(&mut records, &serial_of(&inquiry)).await;
        assert!(comparison.agree, "{:?}", comparison.disagreements);
        let sides = [&comparison.inquirer, &comparison.core, &comparison.provider];
        assert_eq!(sides.iter().filter(|side| side.is_some()).count(), reached);
    }
    let mut not_permitted = tax_inquiry("r-np", 0);
    not_permitted.procedure = "JT90000000000001".into();
    let inquiry = ask(&mut inquiries, not_permitted).await;
    let comparison = compare(&mut records, &serial_of(&inquiry)).await;
    assert!(comparison.agree && comparison.core.is_none() && comparison.provider.is_none());
}

#[tokio::test]
async fn a_record_is_found_by_who_took_part_and_by_nobody_else() {
    let net = net::start();
    let inquiry = ask(&mut net.inquiries(CITY).await, tax_inquiry("s-1", 0)).await;
    let processing_serial = serial_of(&inquiry);
    let get = |who: &'static str| {
        let (net, processing_serial) = (&net, processing_serial.clone());
        async move {
            let mut records = ProvisionRecordServiceClient::new(net.channel(who).await);
            let request = v1::GetProvisionRecordRequest { processing_serial };
            records.get_provision_record(request).await
        }
    };
    assert!(get(CITY).await.is_ok());
    assert!(get(WARD).await.is_ok());
    assert_eq!(get(DESIGNATED).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_search_goes_through_its_filters_page_by_page() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    for (at, index) in [0, 1, 10, 0].into_iter().enumerate() {
        ask(&mut inquiries, tax_inquiry(&format!("p-{at}"), index)).await;
    }
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let (mut found, mut page_token) = (0, String::new());
    loop {
        let page = records
            .search_provision_records(v1::SearchProvisionRecordsRequest {
                result: v1::ResultCode::EndedNormally.into(),
                counterpart: WARD.into(),
                page_size: 2,
                page_token,
                ..Default::default()
            })
            .await
            .unwrap()
            .into_inner();
        found += page.records.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, 3);
    let elsewhere = records
        .search_provision_records(v1::SearchProvisionRecordsRequest {
            counterpart: KEY_CITY.into(),
            ..Default::default()
        })
        .await
        .unwrap();
    assert!(elsewhere.into_inner().records.is_empty());
    let inverted = records
        .search_provision_records(v1::SearchProvisionRecordsRequest {
            from: Some(net::now()),
            to: Some(prost_types::Timestamp::default()),
            ..Default::default()
        })
        .await;
    assert_eq!(inverted.unwrap_err().code(), Code::InvalidArgument);
    let unknown = records
        .search_provision_records(v1::SearchProvisionRecordsRequest {
            side: 99,
            ..Default::default()
        })
        .await;
    assert_eq!(unknown.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_comparison_names_the_bad_part_of_its_scope() {
    let net = net::start();
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let inverted = v1::TimeRange {
        from: Some(net::now()),
        to: Some(prost_types::Timestamp::default()),
    };
    let whole = v1::TimeRange::default();
    let serial = "not a serial".to_owned();
    let of_none = format!("{CITY}-R0000000099-00001-01");
    for (scope, page_token, field) in [
        (None, "", "scope"),
        (Some(Scope::Range(inverted)), "", "range.to"),
        (Some(Scope::Range(whole)), "zzz", "page_token"),
        (
            Some(Scope::ProcessingSerial(serial)),
            "",
            "processing_serial",
        ),
    ] {
        let request = v1::CompareProvisionRecordsRequest {
            scope,
            page_token: page_token.into(),
            ..Default::default()
        };
        let status = records
            .compare_provision_records(request)
            .await
            .unwrap_err();
        assert_eq!(told(&status).paths(), [field]);
    }
    let request = v1::CompareProvisionRecordsRequest {
        scope: Some(Scope::ProcessingSerial(of_none)),
        ..Default::default()
    };
    let status = records
        .compare_provision_records(request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn nondisclosure_is_marked_beside_the_record_and_survives_a_kill() {
    let net = net::start();
    let inquiry = ask(&mut net.inquiries(CITY).await, tax_inquiry("d-1", 0)).await;
    let processing_serial = serial_of(&inquiry);
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let request = v1::SetNondisclosureRequest {
        processing_serial: processing_serial.clone(),
        nondisclosure: true,
    };
    let marked = records.set_nondisclosure(request).await.unwrap();
    assert!(marked.into_inner().record.unwrap().nondisclosure);
    let dir = net.kill().unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let request = v1::GetProvisionRecordRequest { processing_serial };
    let found = records.get_provision_record(request).await.unwrap();
    assert!(found.into_inner().record.unwrap().nondisclosure);
}

#[tokio::test]
async fn a_record_is_proven_against_a_signed_checkpoint() {
    let net = net::start();
    let inquiry = ask(&mut net.inquiries(CITY).await, tax_inquiry("l-1", 0)).await;
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let place = compare(&mut records, &serial_of(&inquiry))
        .await
        .inquirer
        .unwrap()
        .position
        .unwrap();
    let mut ledger = LedgerServiceClient::new(net.channel(CITY).await);
    let request = v1::GetInclusionProofRequest {
        tree: place.tree.clone(),
        index: place.index,
    };
    let proof = ledger.get_inclusion_proof(request).await.unwrap();
    let proof = proof.into_inner();
    let head = Checkpoint::parse(&proof.checkpoint.unwrap().note).unwrap();
    let keys = PublicKeys::load(&net.ledger().join("keys.pub")).unwrap();
    head.verify(&keys.unwrap()).unwrap();
    assert_eq!(
        head.to_string().matches("\n— ").count(),
        2,
        "two signatures"
    );
    let record: serde_json::Value = serde_json::from_slice(&proof.body).unwrap();
    assert!(record.get("symbol").is_none(), "nobody reads a symbol");
    assert!(record["symbol_digest"].is_string());
    let salt = proof.salt.as_slice().try_into().unwrap();
    let leaf = leaf_hash(&salt, proof.recorded_at_ms, &proof.body);
    let path: Vec<_> = proof
        .path
        .iter()
        .map(|h| h.as_slice().try_into().unwrap())
        .collect();
    merkle::verify_inclusion(&leaf, place.index, head.size, &path, &head.root).unwrap();

    ask(&mut net.inquiries(CITY).await, tax_inquiry("l-2", 0)).await;
    let request = v1::GetConsistencyProofRequest {
        tree: place.tree,
        old_size: head.size,
    };
    let grown = ledger
        .get_consistency_proof(request)
        .await
        .unwrap()
        .into_inner();
    let later = Checkpoint::parse(&grown.checkpoint.unwrap().note).unwrap();
    let path: Vec<_> = grown
        .path
        .iter()
        .map(|h| h.as_slice().try_into().unwrap())
        .collect();
    merkle::verify_consistency(head.size, later.size, &head.root, &later.root, &path).unwrap();
}

#[tokio::test]
async fn nobody_reads_another_ones_leaves() {
    let net = net::start();
    let inquiry = ask(&mut net.inquiries(CITY).await, tax_inquiry("o-1", 0)).await;
    assert_eq!(inquiry.state(), v1::InquiryState::Ended);
    let mut ledger = LedgerServiceClient::new(net.channel(CITY).await);
    let trees = ledger.list_trees(v1::ListTreesRequest {}).await.unwrap();
    let own = trees.into_inner().trees.remove(0).name;
    let year = own.rsplit('/').next().unwrap();
    for owner in [WARD, "core"] {
        let tree = format!("{owner}/{year}");
        let request = v1::GetInclusionProofRequest { tree, index: 0 };
        let refused = ledger.get_inclusion_proof(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{owner}");
    }
    let tree = format!("core/{year}");
    let head = ledger
        .get_checkpoint(v1::GetCheckpointRequest { tree })
        .await;
    assert!(head.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stand_alone_verification_passes_and_notices_a_flipped_byte() {
    let net = net::start();
    ask(&mut net.inquiries(CITY).await, tax_inquiry("v-1", 0)).await;
    let verify = |ledger: &std::path::Path| {
        std::process::Command::new(env!("CARGO_BIN_EXE_chukan"))
            .args(["ledger", "verify"])
            .arg(ledger)
            .output()
            .unwrap()
    };
    assert!(verify(&net.ledger()).status.success(), "while it runs");
    let ledger = net.ledger();
    let (status, _dir) = net.stop();
    assert!(status.success());
    assert!(verify(&ledger).status.success(), "after it stopped");
    let segments = fs::read_dir(ledger.join("segments")).unwrap();
    let segment = segments.map(|entry| entry.unwrap().path()).min().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let place = bytes.windows(9).position(|w| w == b"provision").unwrap();
    bytes[place] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let damaged = verify(&ledger);
    assert_eq!(damaged.status.code(), Some(3));
    let said = String::from_utf8(damaged.stderr).unwrap();
    assert!(
        said.contains(segment.file_name().unwrap().to_str().unwrap()),
        "{said}"
    );
}
