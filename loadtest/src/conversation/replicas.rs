//! A file of replicas: imported, and read back afterwards.

use std::fmt::Write as _;

use chukan::grpc::proto::v1::{
    DataSetRecord, ImportReplicasRequest, ListReplicasRequest, ReplicaFileExtent, ReplicaFileForm,
    ReplicaImportSettings, import_replicas_request::Part, import_replicas_response::Event,
    item::Content, replica_service_client::ReplicaServiceClient,
};
use tonic::transport::Channel;

use super::failed;
use crate::{Fault, account::End, exchange::SPECIFIC_INFO, replicas::names, target::Target};

/// Lines of one piece that is sent.
const LINES_OF_A_PIECE: usize = 500;

/// Replicas of one file that are read back.
const READ_BACK: u32 = 20;

/// The record key of every replica that is registered.
const RECORD_KEY: &str = "load";

/// The first of the addressee numbers that replicas are registered for: nobody has them, so that no answer changes meanwhile.
const FIRST_NUMBER: u64 = 500_000_000_000_000;

/// The columns of the files, and how many rows each has.
#[derive(Clone)]
pub(crate) struct Columns {
    names: std::sync::Arc<str>,
    rows: u32,
}

impl Columns {
    /// Asks the server which columns its layout has.
    pub(crate) async fn of(target: &Target, rows: u32) -> Result<Self, Fault> {
        let names = names(target).await?.into();
        Ok(Self { names, rows })
    }

    fn addressee_number(&self, file: u64, row: u32) -> u64 {
        FIRST_NUMBER + file * u64::from(self.rows) + u64::from(row)
    }

    fn line(&self, file: u64, row: u32) -> String {
        let number = self.addressee_number(file, row);
        format!(
            "1,{SPECIFIC_INFO},2026.06,{number},{RECORD_KEY},2026,,20260601,,KAZEI,{}",
            items(file, row).join(",")
        )
    }
}

/// The items of a row: made up, and different for each row.
fn items(file: u64, row: u32) -> Vec<String> {
    let address = format!(
        "虹色町{}丁目{}番{}号",
        row % 9 + 1,
        row % 97 + 1,
        file % 997 + 1
    );
    let income = 1_000_000 + u64::from(row) * 97 + file;
    let text = format!(
        "2026,1,{address},{income},{income},292000,3000,194700,1000,#NOT_APPLICABLE,1,1000,2,,,,,,"
    );
    text.split(',').map(str::to_owned).collect()
}

/// Sends a file and waits until it is taken over.
pub(super) async fn hold(
    mut client: ReplicaServiceClient<Channel>,
    number: u64,
    columns: &Columns,
) -> Result<(), End> {
    let settings = ReplicaImportSettings {
        form: ReplicaFileForm::Csv.into(),
        extent: ReplicaFileExtent::Differential.into(),
        ..Default::default()
    };
    let columns = columns.clone();
    let rows: Vec<u32> = (0..columns.rows).collect();
    let first = Part::Piece(format!("{}\r\n", columns.names).into_bytes());
    let pieces: Vec<Vec<u32>> = rows.chunks(LINES_OF_A_PIECE).map(<[u32]>::to_vec).collect();
    let of_rows = columns.rows;
    // A piece is written when it is sent, so that a big file does not stand in the memory.
    let pieces = pieces.into_iter().map(move |rows| {
        let mut piece = String::new();
        for row in rows {
            // Writing to a string does not fail.
            let _infallible = write!(piece, "{}\r\n", columns.line(number, row));
        }
        Part::Piece(piece.into_bytes())
    });
    let parts = [Part::Settings(settings), first].into_iter().chain(pieces);
    let parts = parts.map(|part| ImportReplicasRequest { part: Some(part) });
    let events = client.import_replicas(tokio_stream::iter(parts)).await;
    let mut events = events
        .map_err(|status| failed("import", &status))?
        .into_inner();
    let mut taken = None;
    while let Some(response) = events
        .message()
        .await
        .map_err(|status| failed("import", &status))?
    {
        match response.event {
            Some(Event::Flaw(flaw)) => return Err(End::Failed(format!("flaw {}", flaw.code))),
            Some(Event::Report(report)) => taken = report.import,
            Some(Event::Progress(_)) | None => {}
        }
    }
    match taken {
        Some(import) if import.registered == u64::from(of_rows) => Ok(()),
        Some(_) => Err(End::Failed("not every replica was registered".into())),
        None => Err(End::Failed("the file was not taken over".into())),
    }
}

/// Reads some replicas of a file back; how many, and how many of them are not what was sent.
pub(super) async fn compare(
    target: &Target,
    columns: &Columns,
    file: u64,
) -> Result<(u64, u64), Fault> {
    let mut client = ReplicaServiceClient::new(target.connect().await?);
    let every = (columns.rows / READ_BACK).max(1);
    let (mut compared, mut differ) = (0, 0);
    for row in (0..columns.rows).step_by(usize::try_from(every)?) {
        let request = ListReplicasRequest {
            addressee_number: columns.addressee_number(file, row).to_string(),
            specific_info: SPECIFIC_INFO.into(),
            ..Default::default()
        };
        let listed = client.list_replicas(request).await?.into_inner().replicas;
        let wanted = items(file, row).into_iter();
        let wanted: Vec<_> = wanted
            .filter(|of| !of.is_empty() && !of.starts_with('#'))
            .collect();
        let is_it = match listed.as_slice() {
            [replica] => values(&replica.content) == wanted,
            [] | [_, ..] => false,
        };
        compared += 1;
        differ += u64::from(!is_it);
    }
    Ok((compared, differ))
}

/// The values of records, in their order.
fn values(records: &[DataSetRecord]) -> Vec<String> {
    let items = records.iter().flat_map(|record| &record.items);
    let values = items.filter_map(|item| match &item.content {
        Some(Content::Value(value)) => Some(value.clone()),
        Some(Content::Missing(_)) | None => None,
    });
    values.collect()
}
