//! An inquiry file: sent, watched until its last row has ended, its file of results fetched and compared afterwards.

mod compare;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chukan::{
    domain::batch_file::{InquiryRow, RowCondition},
    grpc::proto::v1::{
        BatchHeader, FetchBatchResultRequest, ResultCode, ResultRows, SubmitBatchRequest,
        WatchBatchRequest, batch_service_client::BatchServiceClient, submit_batch_request::Part,
    },
};
use jiff::Timestamp;
use tonic::transport::Channel;

pub(super) use self::compare::compare;
use super::failed;
use crate::{
    Fault,
    account::End,
    exchange::{REQUESTED_AT_S, SPECIFIC_INFO, Subject},
    target::INQUIRER,
};

/// How many bytes of a file are sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Files in a numbering of four digits; the second in the name counts on after them.
const FILES_OF_A_SECOND: u64 = 9_999;

/// A file of results, and whom its rows are about.
pub(crate) struct Results {
    people: Vec<Arc<Subject>>,
    text: String,
}

/// How a file ended.
pub(super) struct Ended {
    pub(super) end: End,
    /// How many rows ended with which status code.
    pub(super) rows: BTreeMap<String, u64>,
    /// The file of results, if it is to be kept.
    pub(super) results: Option<Results>,
}

/// Sends a file with a row about each person, waits until all have ended, and fetches the results.
pub(super) async fn hold(
    channel: Channel,
    number: u64,
    people: &[Arc<Subject>],
    keep: bool,
) -> Result<Ended, End> {
    let mut client = BatchServiceClient::new(channel.clone());
    let file_name = name(number).map_err(|_| End::Failed("no name for the file".into()))?;
    let about = people.to_vec();
    let rows = move || about.iter().map(|subject| row(subject)).collect();
    let rows: Result<Vec<_>, Fault> = aside(rows).await?;
    let rows = rows.map_err(|_| End::Failed("a row cannot be written".into()))?;
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
    let text = fetch(&mut client, channel, &file_name).await?;
    let (text, answered) = aside(move || {
        let answered = answers(&text, &rows);
        (text, answered)
    })
    .await?;
    let end = end(&settled);
    let codes = settled.into_iter().map(|of| {
        let code = of.result.map(|result| result.status_code);
        (code.unwrap_or_default(), u64::from(of.rows.unsigned_abs()))
    });
    let rows: BTreeMap<_, _> = codes.collect();
    if !answered || u64::try_from(people.len()) != Ok(rows.values().sum()) {
        return Err(End::Failed("a row has no result".into()));
    }
    let results = keep.then(|| Results {
        people: people.to_vec(),
        text,
    });
    Ok(Ended { end, rows, results })
}

/// How a file has ended when its rows stand so. A row that was lawfully refused has ended.
fn end(rows: &[ResultRows]) -> End {
    let some = |code| {
        let codes = rows.iter().filter_map(|of| of.result.as_ref());
        codes
            .map(chukan::grpc::proto::v1::Result::code)
            .any(|of| of == code)
    };
    if some(ResultCode::CommunicationError) {
        End::Failed("communication error".into())
    } else if some(ResultCode::WaitingForStaff) {
        End::Waiting
    } else {
        End::Answered("every row".into())
    }
}

/// Does what takes long where it does not delay the beginning of other conversations.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, End> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| End::Failed("the generator broke".into()))
}

/// Whether every row has a result. It has a line for each record of a data set, the request's columns in front; they are
/// as wide in every row.
fn answers(text: &str, rows: &[String]) -> bool {
    let front = |row: &String| row.trim_end_matches("\r\n").len();
    let width = rows.first().map_or(0, front);
    let fronts: BTreeSet<_> = text.lines().filter_map(|line| line.get(..width)).collect();
    rows.iter()
        .all(|row| row.get(..width).is_some_and(|row| fronts.contains(row)))
}

/// Waits until no row moves by itself any more.
async fn settle(
    client: &mut BatchServiceClient<Channel>,
    file_name: &str,
) -> Result<Vec<ResultRows>, End> {
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
    Ok(last.map(|batch| batch.results).unwrap_or_default())
}

async fn fetch(
    client: &mut BatchServiceClient<Channel>,
    channel: Channel,
    file_name: &str,
) -> Result<String, End> {
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
        bytes.extend(part.chunk);
        if let Some(download) = part.download {
            bytes = super::download::fetch(channel.clone(), &download).await?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(codes: &[ResultCode]) -> Vec<ResultRows> {
        let row = |code: &ResultCode| ResultRows {
            result: Some(chukan::grpc::proto::v1::Result {
                code: (*code).into(),
                ..Default::default()
            }),
            rows: 1,
        };
        codes.iter().map(row).collect()
    }

    #[test]
    fn a_file_has_not_ended_well_when_a_row_waits_or_its_end_is_not_known() {
        use ResultCode::{CommunicationError, EndedNormally, NotRegistered, WaitingForStaff};
        let answered = End::Answered("every row".into());
        assert_eq!(end(&rows(&[EndedNormally, NotRegistered])), answered);
        assert_eq!(end(&rows(&[EndedNormally, WaitingForStaff])), End::Waiting);
        let failed = end(&rows(&[WaitingForStaff, CommunicationError]));
        assert_eq!(failed, End::Failed("communication error".into()));
    }

    #[test]
    fn a_row_without_a_line_in_the_results_is_missed() {
        let rows = ["a,1\r\n".to_owned(), "b,2\r\n".to_owned()];
        assert!(answers("b,2,09\r\na,1,09,x\r\na,1,09,y\r\n", &rows));
        assert!(!answers("a,1,09\r\na,1,09\r\n", &rows));
        assert!(!answers("", &rows));
    }

    #[test]
    fn every_file_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            (0..30_000).map(|number| name(number).unwrap()).collect();
        assert_eq!(names.len(), 30_000);
        assert!(names.contains("load_20260401000001_0001.DAT"));
    }
}
