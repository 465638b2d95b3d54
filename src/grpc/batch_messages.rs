//! The messages of inquiries by file.

use tonic::Status;

use super::{
    fields::{Fields, timestamp},
    messages::result,
    proto::v1::{self, submit_batch_request::Part},
    status::status_of,
};
use crate::{
    domain::{
        batch::{BatchState, Taking},
        batch_file::{BatchFileName, Column, FILE_BYTES_MAX, RowFlaw},
        files::Encoding,
        refusal::{FieldFlaw, Refusal},
    },
    institution::{BatchDraft, BatchView},
};

/// The most flaws that come with the answer to a file that was taken by row.
const FLAWS_MAX: usize = 1_000;

/// The pieces of a file that have come so far.
#[derive(Default)]
pub(super) struct Pieces {
    header: Option<v1::BatchHeader>,
    bytes: Vec<u8>,
}

impl Pieces {
    /// Takes the next piece.
    pub(super) fn take(&mut self, message: v1::SubmitBatchRequest) -> Result<(), Status> {
        match (message.part, self.header.is_some()) {
            (Some(Part::Header(header)), false) => self.header = Some(header),
            (Some(Part::Chunk(chunk)), true) => {
                if self.bytes.len() + chunk.len() > FILE_BYTES_MAX {
                    let (en, ja) = (
                        format!("the file has more than {FILE_BYTES_MAX} bytes"),
                        format!("ファイルが{FILE_BYTES_MAX}バイトを超えています"),
                    );
                    return Err(malformed("chunk", en, ja));
                }
                self.bytes.extend_from_slice(&chunk);
            }
            (None, _) | (Some(Part::Header(_)), true) | (Some(Part::Chunk(_)), false) => {
                return Err(malformed(
                    "part",
                    "the header comes first and once, then the bytes",
                    "最初にヘッダーを1回、その後にファイルの内容を送ってください",
                ));
            }
        }
        Ok(())
    }

    /// The file, when its end has come.
    pub(super) fn finish(self) -> Result<BatchDraft, Status> {
        let Some(header) = self.header else {
            return Err(malformed("header", "is required", "必須項目です"));
        };
        let mut fields = Fields::default();
        let name = fields.required("header.file_name", &header.file_name);
        let encoding = domain_encoding(&mut fields, header.encoding);
        fields.known::<v1::BatchTaking>("header.taking", header.taking);
        let taking = match header.taking() {
            v1::BatchTaking::Unspecified | v1::BatchTaking::Whole => Taking::Whole,
            v1::BatchTaking::ByRow => Taking::ByRow,
        };
        let draft = || {
            Some(BatchDraft {
                name: name?,
                encoding: encoding?,
                table: header.character_table,
                taking,
                system: None,
                bytes: self.bytes,
            })
        };
        fields.finish(draft())
    }
}

impl From<v1::CheckBatchRequest> for v1::SubmitBatchRequest {
    fn from(request: v1::CheckBatchRequest) -> Self {
        let part = request.part.map(|part| match part {
            v1::check_batch_request::Part::Header(header) => Part::Header(header),
            v1::check_batch_request::Part::Chunk(chunk) => Part::Chunk(chunk),
        });
        Self { part }
    }
}

fn malformed(field: &str, en: impl Into<String>, ja: impl Into<String>) -> Status {
    status_of(&Refusal::Malformed(vec![FieldFlaw::new(field, en, ja)]))
}

/// The name of a file, as a call names it.
pub(super) fn file_name(text: &str) -> Result<BatchFileName, Status> {
    let mut fields = Fields::default();
    let name = fields.required("file_name", text);
    fields.finish(name)
}

/// The encoding that a number of the enumeration means.
pub(super) fn domain_encoding(fields: &mut Fields, encoding: i32) -> Option<Encoding> {
    fields.known::<v1::TextEncoding>("encoding", encoding);
    match v1::TextEncoding::try_from(encoding).ok()? {
        v1::TextEncoding::Unspecified | v1::TextEncoding::Utf8 => Some(Encoding::Utf8),
        v1::TextEncoding::ShiftJis => Some(Encoding::ShiftJis),
    }
}

/// The answer to a file that was taken.
pub(super) fn taken(view: BatchView, flaws: &[RowFlaw]) -> v1::SubmitBatchResponse {
    v1::SubmitBatchResponse {
        batch: Some(batch(view, None)),
        flaws: flaws.iter().take(FLAWS_MAX).map(flaw).collect(),
        flaw_count: count(flaws.len()),
    }
}

/// A batch as it stands; `fault` is what keeps the world from writing, if anything does.
pub(super) fn batch(view: BatchView, fault: Option<&Refusal>) -> v1::Batch {
    let fault = fault.filter(|_| !view.has_ended());
    let BatchView { batch, tally } = view;
    let (state, ended_at) = match &batch.state {
        BatchState::Running => (v1::BatchState::Running, None),
        BatchState::Cancelling { .. } => (v1::BatchState::Cancelling, None),
        BatchState::Ended { at, .. } => (v1::BatchState::Ended, Some(timestamp(*at))),
    };
    let ended = tally.iter().filter(|(code, _)| code.is_final());
    let ended: u32 = ended.map(|(_, rows)| rows).sum();
    let encoding = match batch.encoding {
        Encoding::Utf8 => v1::TextEncoding::Utf8,
        Encoding::ShiftJis => v1::TextEncoding::ShiftJis,
    };
    let results = tally.into_iter().map(|(code, rows)| v1::ResultRows {
        result: Some(result(code)),
        rows: rows.cast_signed(),
    });
    v1::Batch {
        file_name: batch.name.to_string(),
        state: state.into(),
        accepted_at: Some(timestamp(batch.accepted_at)),
        ended_at,
        rows: batch.rows.cast_signed(),
        rows_left_out: count(batch.refused.len()),
        rows_ended: ended.cast_signed(),
        results: results.collect(),
        encoding: encoding.into(),
        stopped_by: fault.map_or("", Refusal::reason).to_owned(),
        stopped_by_ja: fault.map(Refusal::ja).unwrap_or_default(),
    }
}

pub(super) fn flaw(found: &RowFlaw) -> v1::BatchFlaw {
    let said = found.as_field();
    v1::BatchFlaw {
        line: i32::try_from(found.line).unwrap_or(i32::MAX),
        position: count(found.position),
        column: found.column.map_or(0, |column| count(column.number())),
        column_name: found.column.map_or("", Column::name).to_owned(),
        shape: found.shape.clone(),
        description: said.description,
        description_ja: said.description_ja,
    }
}

fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
