//! An inquiry file: sent, watched until its last row has ended, its file of results fetched and compared afterwards.

use std::{collections::BTreeMap, sync::Arc};

use chukan::{
    domain::batch_file::{InquiryRow, RowCondition},
    grpc::proto::v1::{
        BatchHeader, DataSetLayout, DataSetRecord, FetchBatchResultRequest, ListLayoutsRequest,
        ListReplicasRequest, Replica, SubmitBatchRequest, WatchBatchRequest,
        batch_service_client::BatchServiceClient, item::Content,
        replica_service_client::ReplicaServiceClient, submit_batch_request::Part,
    },
};
use jiff::Timestamp;
use tonic::transport::Channel;

use super::failed;
use crate::{
    Fault,
    account::End,
    exchange::{REQUESTED_AT_S, SPECIFIC_INFO, Subject},
    target::{INQUIRER, Target},
};

/// How many bytes of a file are sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Rows of one file that are compared.
const COMPARED: usize = 50;

/// Files in a numbering of four digits; the second in the name counts on after them.
const FILES_OF_A_SECOND: u64 = 9_999;

/// Columns of a result line before the items: 18 of the request, five of the exchange, six of the record.
const RECORD_KEY: usize = 23;
const DATA_SET: usize = 27;
const ITEMS: usize = 29;

/// A file of results, and whom its rows are about.
pub(crate) struct Results {
    people: Vec<Arc<Subject>>,
    text: String,
}

/// Sends a file with a row about each person, waits until all have ended, and fetches the results; how many rows ended with
/// which status code, and the file if it is to be kept.
pub(super) async fn hold(
    mut client: BatchServiceClient<Channel>,
    number: u64,
    people: &[Arc<Subject>],
    keep: bool,
) -> Result<(BTreeMap<String, u64>, Option<Results>), End> {
    let wrong = |_| End::Failed("a row cannot be written".into());
    let file_name = name(number).map_err(|_| End::Failed("no name for the file".into()))?;
    let rows: Vec<_> = people
        .iter()
        .map(|subject| row(subject))
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    let header = Part::Header(BatchHeader {
        file_name: file_name.clone(),
        ..BatchHeader::default()
    });
    let bytes = rows.concat().into_bytes();
    let chunks: Vec<_> = bytes
        .chunks(PIECE_BYTES)
        .map(|chunk| Part::Chunk(chunk.to_vec()))
        .collect();
    let parts = std::iter::once(header).chain(chunks);
    let parts = parts.map(|part| SubmitBatchRequest { part: Some(part) });
    let submitted = client.submit_batch(tokio_stream::iter(parts)).await;
    let submitted = submitted
        .map_err(|status| failed("submit", &status))?
        .into_inner();
    if submitted.flaw_count > 0 {
        return Err(End::Failed("the file has flaws".into()));
    }
    let settled = settle(&mut client, &file_name).await?;
    let text = fetch(&mut client, &file_name).await?;
    // A row has a line for each record of a data set, the same columns in front.
    let answered = rows
        .iter()
        .all(|row| text.contains(row.trim_end_matches("\r\n")));
    let told: u64 = settled.values().sum();
    if !answered || u64::try_from(people.len()) != Ok(told) {
        return Err(End::Failed("a row has no result".into()));
    }
    let results = keep.then(|| Results {
        people: people.to_vec(),
        text,
    });
    Ok((settled, results))
}

/// Waits until no row moves by itself any more.
async fn settle(
    client: &mut BatchServiceClient<Channel>,
    file_name: &str,
) -> Result<BTreeMap<String, u64>, End> {
    let request = WatchBatchRequest {
        file_name: file_name.to_owned(),
    };
    let watched = client.watch_batch(request).await;
    let mut watched = watched
        .map_err(|status| failed("watch", &status))?
        .into_inner();
    let mut last = None;
    while let Some(told) = watched
        .message()
        .await
        .map_err(|status| failed("watch", &status))?
    {
        last = told.batch;
    }
    let results = last
        .map(|batch| batch.results)
        .unwrap_or_default()
        .into_iter();
    let counts = results.map(|of| {
        let code = of
            .result
            .map(|result| result.status_code)
            .unwrap_or_default();
        (code, u64::from(of.rows.unsigned_abs()))
    });
    Ok(counts.collect())
}

async fn fetch(client: &mut BatchServiceClient<Channel>, file_name: &str) -> Result<String, End> {
    let request = FetchBatchResultRequest {
        file_name: file_name.to_owned(),
        ..Default::default()
    };
    let fetched = client.fetch_batch_result(request).await;
    let mut fetched = fetched
        .map_err(|status| failed("fetch", &status))?
        .into_inner();
    let mut bytes = Vec::new();
    while let Some(part) = fetched
        .message()
        .await
        .map_err(|status| failed("fetch", &status))?
    {
        if part.download.is_some() {
            return Err(End::Failed(
                "the results are too big for a message: fewer --batch-rows".into(),
            ));
        }
        bytes.extend(part.chunk);
    }
    String::from_utf8(bytes).map_err(|_| End::Failed("the results are no UTF-8".into()))
}

fn name(number: u64) -> Result<String, Fault> {
    let second = i64::try_from(number / FILES_OF_A_SECOND)?;
    let at = Timestamp::from_second(REQUESTED_AT_S + second)?;
    let at = at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9)));
    Ok(format!(
        "load_{}_{:04}.DAT",
        at.strftime("%Y%m%d%H%M%S"),
        number % FILES_OF_A_SECOND + 1
    ))
}

fn row(subject: &Subject) -> Result<String, Fault> {
    let row = InquiryRow {
        number_system: "01".parse()?,
        local_number: None,
        addressee: subject.addressee_number.parse()?,
        requested_at: Timestamp::from_second(REQUESTED_AT_S)?,
        unit: "FUKUSHI".parse()?,
        user: "load".parse()?,
        inquirer: INQUIRER.parse()?,
        nondisclosure: false,
        affair: "JM01000000121000".parse()?,
        procedure: "JT01010000000214".parse()?,
        delegator: None,
        provider_delegator: None,
        provider: subject.home.parse()?,
        specific_info: SPECIFIC_INFO.parse()?,
        condition: RowCondition::None,
    };
    Ok(format!("{}\r\n", row.write()))
}

/// Compares some rows with what the providers' replicas say; how many, and how many of them differ.
pub(super) async fn compare(target: &Target, results: &Results) -> Result<(u64, u64), Fault> {
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
        let pairs = layout.items.iter().zip((ITEMS..).step_by(2));
        let same = pairs.map(|(item, at)| {
            let stated = record.items.iter().find(|of| of.item_code == item.code);
            match (stated.and_then(|of| of.content.as_ref()), cell(at)) {
                (Some(Content::Value(value)), "0") => value == cell(at + 1),
                (Some(Content::Missing(_)), reason) => !["0", "9", ""].contains(&reason),
                (None, "9") => true,
                (Some(Content::Value(_)) | None, _) => false,
            }
        });
        same.fold(true, |all, same| all && same)
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

    #[test]
    fn every_file_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            (0..30_000).map(|number| name(number).unwrap()).collect();
        assert_eq!(names.len(), 30_000);
        assert!(names.contains("load_20260401000001_0001.DAT"));
    }
}
