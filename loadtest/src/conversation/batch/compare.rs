//! Rows of a file of results beside the providers' replicas, item by item.

use std::collections::BTreeMap;

use chukan::grpc::proto::v1::{
    DataSetLayout, DataSetRecord, ListLayoutsRequest, ListReplicasRequest, Replica, item::Content,
    replica_service_client::ReplicaServiceClient,
};

use super::Results;
use crate::{Fault, exchange::SPECIFIC_INFO, target::Target};

/// Rows of one file that are compared.
const COMPARED: usize = 50;

/// Columns of a result line before the items: 18 of the request, five of the exchange, six of the record.
const RECORD_KEY: usize = 23;
const DATA_SET: usize = 27;
const ITEMS: usize = 29;

/// Compares some rows with what the providers' replicas say; how many, and how many of them differ.
pub(crate) async fn compare(target: &Target, results: &Results) -> Result<(u64, u64), Fault> {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader
        .has_headers(false)
        .flexible(true)
        .from_reader(results.text.as_bytes());
    let mut lines: BTreeMap<String, Vec<csv::StringRecord>> = BTreeMap::new();
    for line in reader.records() {
        let line = line?;
        let person = line.get(2).unwrap_or_default().to_owned();
        lines.entry(person).or_default().push(line);
    }
    let every = (results.people.len() / COMPARED).max(1);
    let (mut compared, mut differ) = (0, 0);
    let mut clients = BTreeMap::new();
    for subject in results.people.iter().step_by(every) {
        if !clients.contains_key(&subject.home) {
            let mut client = ReplicaServiceClient::new(target.connect_as(&subject.home).await?);
            let request = ListLayoutsRequest {
                specific_info: SPECIFIC_INFO.into(),
            };
            let layouts = client.list_layouts(request).await?.into_inner().layouts;
            clients.insert(subject.home.clone(), (client, layouts));
        }
        let Some((client, layouts)) = clients.get_mut(&subject.home) else {
            continue;
        };
        let request = ListReplicasRequest {
            addressee_number: subject.number_at_home.clone(),
            specific_info: SPECIFIC_INFO.into(),
            ..Default::default()
        };
        let replicas = client.list_replicas(request).await?.into_inner().replicas;
        let lines = lines.get(&subject.addressee_number);
        let said = lines.is_some_and(|lines| {
            lines.iter().all(|line| {
                let version = line.get(RECORD_KEY + 1).unwrap_or_default();
                let layout = layouts.iter().find(|layout| layout.version == version);
                layout.is_some_and(|layout| says(&replicas, &layout.data_sets, line))
            })
        });
        compared += 1;
        differ += u64::from(!said);
    }
    Ok((compared, differ))
}

/// Whether a replica has the record that the line states, with exactly its values.
fn says(replicas: &[Replica], layouts: &[DataSetLayout], line: &csv::StringRecord) -> bool {
    let cell = |at: usize| line.get(at).unwrap_or_default();
    let named = |replica: &&Replica| {
        let key = replica.key.as_ref();
        key.is_some_and(|key| key.record_key == cell(RECORD_KEY))
            && replica.layout_version == cell(RECORD_KEY + 1)
    };
    let Some(replica) = replicas.iter().find(named) else {
        return false;
    };
    let found = find(
        &replica.content,
        layouts,
        cell(DATA_SET),
        cell(DATA_SET + 1),
    );
    found.is_some_and(|(record, layout)| {
        let mut pairs = layout.items.iter().zip((ITEMS..).step_by(2));
        pairs.all(|(item, at)| {
            let stated = record.items.iter().find(|of| of.item_code == item.code);
            match (stated.and_then(|of| of.content.as_ref()), cell(at)) {
                (Some(Content::Value(value)), "0") => value == cell(at + 1),
                (Some(Content::Missing(_)), reason) => !["0", "9", ""].contains(&reason),
                (None, "9") => true,
                (Some(Content::Value(_)) | None, _) => false,
            }
        })
    })
}

/// The record with this code at this place, such as `2.1`, and its layout.
fn find<'a>(
    records: &'a [DataSetRecord],
    layouts: &'a [DataSetLayout],
    code: &str,
    place: &str,
) -> Option<(&'a DataSetRecord, &'a DataSetLayout)> {
    let (first, below) = match place.split_once('.') {
        Some((first, below)) => (first, Some(below)),
        None => (place, None),
    };
    let nth = first.parse::<usize>().ok()?.checked_sub(1)?;
    layouts.iter().find_map(|layout| {
        let mut same = records
            .iter()
            .filter(|record| record.data_set_code == layout.code);
        let record = same.nth(nth)?;
        match below {
            Some(below) => find(&record.children, &layout.data_sets, code, below),
            None => (layout.code == code).then_some((record, layout)),
        }
    })
}

#[cfg(test)]
mod tests {
    use chukan::grpc::proto::v1::{Item, ItemLayout, ReplicaKey};

    use super::*;

    fn replica() -> Replica {
        let items = [
            ("1", Content::Value("500".into())),
            ("2", Content::Missing(1)),
        ];
        let item = |(code, content): (&str, Content)| Item {
            item_code: code.into(),
            content: Some(content),
        };
        Replica {
            key: Some(ReplicaKey {
                record_key: "key".into(),
                ..Default::default()
            }),
            layout_version: "2026.06".into(),
            content: vec![DataSetRecord {
                data_set_code: "KAZEI".into(),
                items: items.map(item).into(),
                children: Vec::new(),
            }],
            ..Default::default()
        }
    }

    fn line(rest: &str) -> csv::StringRecord {
        let text = format!("{}{rest}", ",".repeat(RECORD_KEY));
        csv::StringRecord::from(text.split(',').collect::<Vec<_>>())
    }

    fn said(rest: &str) -> bool {
        let item = |code: &str| ItemLayout {
            code: code.into(),
            ..Default::default()
        };
        let layouts = [DataSetLayout {
            code: "KAZEI".into(),
            items: ["1", "2", "3"].map(item).into(),
            ..Default::default()
        }];
        says(&[replica()], &layouts, &line(rest))
    }

    #[test]
    fn a_line_that_repeats_the_replica_is_the_providers() {
        assert!(said("key,2026.06,,,KAZEI,1,0,500,1,,9,"));
    }

    #[test]
    fn a_line_with_another_value_record_place_or_without_its_items_is_not() {
        for wrong in [
            "key,2026.06,,,KAZEI,1,0,501,1,,9,",
            "key,2026.06,,,KAZEI,1,0,500,0,7,9,",
            "key,2026.06,,,KAZEI,1,0,500,1,,0,1",
            "other,2026.06,,,KAZEI,1,0,500,1,,9,",
            "key,2025.06,,,KAZEI,1,0,500,1,,9,",
            "key,2026.06,,,KAZEI,2,0,500,1,,9,",
            "key,2026.06,,,OTHER,1,0,500,1,,9,",
            "key,2026.06,,,KAZEI,1",
            "",
        ] {
            assert!(!said(wrong), "{wrong}");
        }
    }
}
