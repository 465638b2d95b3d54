//! What is provided, value by value, with the names that the layouts give.

use super::{desk::Desk, frame::Message};
use crate::domain::{
    codes::SpecificInfoCode,
    layout::{DataSetLayout, Layout},
    replica::{DataSetRecord, ItemValue, Replica},
    selection::Answer,
};

/// One value.
pub(super) struct Shown {
    pub(super) record: String,
    pub(super) set: String,
    pub(super) name: String,
    pub(super) value: String,
}

/// Every value of an answer, in its order.
pub(super) fn shown(desk: &Desk, answer: &Answer) -> Vec<Shown> {
    let versions = versions(desk, answer.specific_info);
    let mut items = Vec::new();
    for record in &answer.records {
        let layout = versions
            .iter()
            .find(|layout| layout.version == record.layout_version);
        let sets = layout.map(|layout| layout.data_sets.as_slice());
        let key = record.record_key.to_string();
        flatten(&record.content, sets.unwrap_or_default(), &key, &mut items);
    }
    items
}

/// Every value of a replica, in its order.
pub(super) fn of_replica(desk: &Desk, replica: &Replica) -> Vec<Shown> {
    let mut versions = versions(desk, replica.specific_info).iter();
    let layout = versions.find(|layout| layout.version == replica.layout_version);
    let sets = layout.map(|layout| layout.data_sets.as_slice());
    let key = replica.record_key.to_string();
    let mut items = Vec::new();
    flatten(&replica.content, sets.unwrap_or_default(), &key, &mut items);
    items
}

/// A specific information by name and code.
pub(super) fn info(desk: &Desk, code: SpecificInfoCode) -> String {
    let name = versions(desk, code).last();
    let name = name.map(|layout| layout.name.as_str()).unwrap_or_default();
    format!("{name}（{code}）")
}

/// Said when an account has revealed more than usual.
pub(super) fn beyond_volume(most: u32) -> Message {
    Message {
        kind: "warning",
        text: format!("！ 本日の値の表示が{most}件を超えました。監査者が確認します。"),
        details: Vec::new(),
    }
}

fn versions(desk: &Desk, code: SpecificInfoCode) -> &[Layout] {
    let server = desk.server().ok();
    let versions = server.map(|server| server.layouts().versions(code));
    versions.unwrap_or_default()
}

fn flatten(records: &[DataSetRecord], sets: &[DataSetLayout], record: &str, into: &mut Vec<Shown>) {
    for data in records {
        let set = sets.iter().find(|set| set.code == data.code);
        let set_name = set.map_or_else(|| data.code.to_string(), |set| set.name.clone());
        for item in &data.items {
            let mut known = set.iter().flat_map(|set| &set.items);
            let known = known.find(|known| known.code == item.code);
            into.push(Shown {
                record: record.to_owned(),
                set: set_name.clone(),
                name: known.map_or_else(|| item.code.to_string(), |known| known.name.clone()),
                value: match &item.value {
                    ItemValue::Present(value) => value.clone(),
                    ItemValue::Missing(reason) => format!("（値なし: {}）", reason.ja()),
                },
            });
        }
        let below = set.map(|set| set.data_sets.as_slice());
        flatten(&data.children, below.unwrap_or_default(), record, into);
    }
}
