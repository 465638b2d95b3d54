//! A replica in an older version of its layout is answered as it is, or in the version in effect where the layout file says how.

use std::fs;

use chukan::{
    grpc::proto::v1::{self, item::Content, specific_info_result::Answer},
    sample::definitions::write_embedded,
};
use tempfile::TempDir;

use crate::net::{self, CITY, tax_inquiry};

const NEWEST: &str = "layouts/TM00000000000002-2026.toml";

/// 森林環境税額, which only the newest version has.
const NEW_ITEM: &str = "TK90000000002012";

const RULE: &str = r#"
[[conversions]]
from = "2025.06"
missing = { TK90000000002012 = "NOT_HELD", TK90000000002013 = "NOT_HELD" }
"#;

/// The records of a sample person, asked for in a world whose newest layout has this behind it.
async fn records(rule: &str) -> (Vec<v1::AnswerRecord>, Vec<v1::Withheld>) {
    let data = TempDir::new().unwrap();
    let definitions = data.path().join("definitions");
    write_embedded(&definitions).unwrap();
    let layout = fs::read_to_string(definitions.join(NEWEST)).unwrap();
    fs::write(definitions.join(NEWEST), layout + rule).unwrap();
    let net = net::start_in(data.path(), &[]);
    let inquiry = net::ask(&mut net.inquiries(CITY).await, tax_inquiry("o-1", 0)).await;
    match inquiry.details[0].specific_infos[0].answer.clone() {
        Some(Answer::Plain(answer)) => (answer.records, answer.withheld),
        other => panic!("no plain answer: {other:?}"),
    }
}

fn versions(records: &[v1::AnswerRecord]) -> Vec<&str> {
    let versions = records.iter().map(|record| record.layout_version.as_str());
    versions.collect()
}

fn item(record: &v1::AnswerRecord, code: &str) -> Option<Content> {
    let mut items = record.content.iter().flat_map(|set| &set.items);
    items.find(|item| item.item_code == code)?.content.clone()
}

#[tokio::test]
async fn without_a_rule_each_record_is_answered_in_its_own_version() {
    let (records, withheld) = records("").await;
    assert_eq!(versions(&records), ["2025.06", "2026.06"]);
    assert_eq!(item(&records[0], NEW_ITEM), None);
    assert!(withheld.is_empty());
}

#[tokio::test]
async fn with_a_rule_an_older_record_is_answered_in_the_version_in_effect() {
    let (records, withheld) = records(RULE).await;
    assert_eq!(versions(&records), ["2026.06", "2026.06"]);
    let missing = Content::Missing(v1::MissingReason::NotHeld.into());
    assert_eq!(item(&records[0], NEW_ITEM), Some(missing));
    assert!(matches!(
        item(&records[1], NEW_ITEM),
        Some(Content::Value(_))
    ));
    assert!(matches!(
        item(&records[0], "TK90000000002004"),
        Some(Content::Value(_))
    ));
    assert_eq!(withheld.len(), 2, "the inquirer is told what is missing");
}
