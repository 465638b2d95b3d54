//! Two institutions that put together everything they can read do not find out that they asked about the same person.

use std::collections::BTreeSet;

use chukan::grpc::proto::{
    sim::v1::{self as sim, exchange_service_client::ExchangeServiceClient},
    v1::{
        self, compare_provision_records_request::Scope, ledger_service_client::LedgerServiceClient,
        provision_record_service_client::ProvisionRecordServiceClient,
        symbol_service_client::SymbolServiceClient,
    },
};

use crate::net::{self, CITY, DESIGNATED, Net, ask, person, serial_of, tax_inquiry};

/// The shortest name that could stand for one person among many.
const TOKEN_BYTES_MIN: usize = 12;

/// Asks about a person, and everything that the asking institution can read of it afterwards.
async fn all_about(net: &Net, who: &str, index: u32, record_id: &str) -> BTreeSet<String> {
    let mut request = tax_inquiry(record_id, index);
    request.details[0].addressee_number = person(index, who);
    let inquiry = ask(&mut net.inquiries(who).await, request).await;
    let serial = serial_of(&inquiry);
    assert_eq!(net::codes(&inquiry), ["01"]);
    let channel = net.channel(who).await;
    let mut records = ProvisionRecordServiceClient::new(channel.clone());
    let record = records.get_provision_record(v1::GetProvisionRecordRequest {
        processing_serial: serial.clone(),
    });
    let record = record.await.unwrap().into_inner();
    let found = records.search_provision_records(v1::SearchProvisionRecordsRequest::default());
    let found = found.await.unwrap().into_inner();
    let compared = records.compare_provision_records(v1::CompareProvisionRecordsRequest {
        scope: Some(Scope::ProcessingSerial(serial.clone())),
        ..Default::default()
    });
    let compared = compared.await.unwrap().into_inner();
    let mut exchanges = ExchangeServiceClient::new(channel.clone());
    let journal = exchanges.get_journal(sim::GetJournalRequest {
        processing_serial: serial,
    });
    let journal = journal.await.unwrap().into_inner();
    let mut ledger = LedgerServiceClient::new(channel.clone());
    let trees = ledger.list_trees(v1::ListTreesRequest {}).await.unwrap();
    let trees = trees.into_inner();
    let mut proofs = String::new();
    for tree in &trees.trees {
        for index in 0..tree.size {
            let tree = tree.name.clone();
            let proof = ledger.get_inclusion_proof(v1::GetInclusionProofRequest { tree, index });
            proofs += &format!("{:?}", proof.await.unwrap().into_inner());
        }
    }
    let mut symbols = SymbolServiceClient::new(channel);
    let followed = symbols.get_acquisition(v1::GetAcquisitionRequest {
        addressee_number: person(index, who),
    });
    let followed = followed.await.unwrap().into_inner();
    let all = format!(
        "{inquiry:?}{record:?}{found:?}{compared:?}{journal:?}{trees:?}{proofs}{followed:?}"
    );
    tokens(&all)
}

/// The words and the rows of bytes in a text that are long enough to name somebody.
fn tokens(text: &str) -> BTreeSet<String> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    let words = text.split(|c| !in_word(c)).map(str::to_owned);
    let words = words.filter(|word| word.len() >= TOKEN_BYTES_MIN);
    let rows = text.split(['[', ']']).filter(|row| {
        let bytes = row.split(", ");
        let are_bytes = row.split(", ").all(|byte| byte.parse::<u8>().is_ok());
        are_bytes && bytes.count() >= TOKEN_BYTES_MIN
    });
    let rows = rows.map(str::to_owned);
    words.chain(rows).collect()
}

#[tokio::test]
async fn what_two_institutions_read_of_one_person_has_no_more_in_common_than_of_two() {
    let net = net::start();
    let one = all_about(&net, CITY, 0, "u-city-0").await;
    let same = all_about(&net, DESIGNATED, 0, "u-designated-0").await;
    let other = all_about(&net, CITY, 10, "u-city-1").await;
    // A word about anybody, as an institution's code, is also in what is read of somebody else.
    let in_common: Vec<_> = one.intersection(&same).collect();
    let telling: Vec<_> = in_common
        .iter()
        .filter(|word| !other.contains(**word))
        .collect();
    assert!(telling.is_empty(), "{telling:#?}");
    // The search itself works: what one institution reads twice of one person is found.
    let again = all_about(&net, CITY, 0, "u-city-2").await;
    let known = one.intersection(&again);
    assert!(known.filter(|word| !same.contains(*word)).count() > 0);
    assert!(one.contains(&person(0, CITY)) && !same.contains(&person(0, CITY)));
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
