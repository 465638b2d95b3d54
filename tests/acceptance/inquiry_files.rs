//! What the tests of inquiry files share: rows, files, and the calls that send, watch and fetch them.

use std::collections::BTreeMap;

use chukan::{
    domain::{
        batch_file::{InquiryRow, RowCondition},
        condition::Period,
    },
    grpc::proto::v1::{
        self, BatchHeader, SubmitBatchRequest, batch_service_client::BatchServiceClient,
        submit_batch_request::Part,
    },
};
use jiff::civil::date;
use tonic::{Status, transport::Channel};

use crate::net::{self, CITY, Net, TAX, TAX_AFFAIR, TAX_PROCEDURE, WARD, person};

/// A row about a sample person's 地方税関係情報 at みなも区.
pub(crate) fn row(index: u32, condition: RowCondition) -> InquiryRow {
    let at = net::now();
    let now = jiff::Timestamp::new(at.seconds, 0).unwrap();
    InquiryRow {
        number_system: "01".parse().unwrap(),
        local_number: Some("12345".parse().unwrap()),
        addressee: person(index, CITY).parse().unwrap(),
        requested_at: now,
        unit: "FUKUSHI".parse().unwrap(),
        user: "tester".parse().unwrap(),
        inquirer: CITY.parse().unwrap(),
        nondisclosure: false,
        affair: TAX_AFFAIR.parse().unwrap(),
        procedure: TAX_PROCEDURE.parse().unwrap(),
        delegator: None,
        provider_delegator: None,
        provider: WARD.parse().unwrap(),
        specific_info: TAX.parse().unwrap(),
        condition,
    }
}

/// A file with these rows.
pub(crate) fn file(rows: impl IntoIterator<Item = InquiryRow>) -> Vec<u8> {
    let rows = rows.into_iter().map(|row| format!("{}\r\n", row.write()));
    rows.collect::<String>().into_bytes()
}

/// Rows of which no two ask the same.
pub(crate) fn many(count: u32) -> Vec<InquiryRow> {
    // No two ask the same, and none for what is still to come.
    let rows = (0..count).map(|n| {
        let round = i16::try_from(n / 24).unwrap();
        let condition = if round <= 26 {
            RowCondition::FiscalYear((2000 + round).try_into().unwrap())
        } else {
            let (month, day) = (round / 26 % 12 + 1, round / 312 + 1);
            let [month, day] = [month, day].map(|number| i8::try_from(number).unwrap());
            let day = date(2000 + round % 26, month, day);
            RowCondition::Period(Period::new(day, day).unwrap())
        };
        row(n % 24, condition)
    });
    rows.collect()
}

pub(crate) fn header(name: &str) -> BatchHeader {
    BatchHeader {
        file_name: name.into(),
        ..BatchHeader::default()
    }
}

pub(crate) async fn client(net: &Net) -> BatchServiceClient<Channel> {
    BatchServiceClient::new(net.channel(CITY).await)
}

pub(crate) fn pieces(header: BatchHeader, bytes: &[u8]) -> Vec<SubmitBatchRequest> {
    let chunks = bytes.chunks(1_000).map(|chunk| Part::Chunk(chunk.to_vec()));
    let parts = std::iter::once(Part::Header(header)).chain(chunks);
    parts
        .map(|part| SubmitBatchRequest { part: Some(part) })
        .collect()
}

pub(crate) async fn submit(
    client: &mut BatchServiceClient<Channel>,
    header: BatchHeader,
    bytes: &[u8],
) -> Result<v1::SubmitBatchResponse, Status> {
    let stream = tokio_stream::iter(pieces(header, bytes));
    Ok(client.submit_batch(stream).await?.into_inner())
}

/// The batch when no row moves by itself any more.
pub(crate) async fn settled(client: &mut BatchServiceClient<Channel>, name: &str) -> v1::Batch {
    let request = v1::WatchBatchRequest {
        file_name: name.into(),
    };
    let mut stream = client.watch_batch(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(seen) = stream.message().await.unwrap() {
        last = seen.batch;
    }
    last.unwrap()
}

pub(crate) async fn fetch(
    client: &mut BatchServiceClient<Channel>,
    request: v1::FetchBatchResultRequest,
) -> Result<Vec<u8>, Status> {
    let mut stream = client.fetch_batch_result(request).await?.into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = stream.message().await? {
        bytes.extend(piece.chunk);
    }
    Ok(bytes)
}

pub(crate) fn of(name: &str) -> v1::FetchBatchResultRequest {
    v1::FetchBatchResultRequest {
        file_name: name.into(),
        ..Default::default()
    }
}

/// How many rows stand at which result.
pub(crate) fn counts(batch: &v1::Batch) -> BTreeMap<String, i32> {
    let results = batch.results.iter();
    results
        .map(|of| (of.result.as_ref().unwrap().status_code.clone(), of.rows))
        .collect()
}
