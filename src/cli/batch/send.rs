//! The calls of `chukan batch`, with a progress bar while a batch runs.

use std::{io::Read as _, path::Path};

use indicatif::{ProgressBar, ProgressStyle};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::{Service, TextOptions};
use crate::{
    cli::{
        fault::{CHANGED, CliFault},
        start::draw_target,
    },
    domain::refusal::Refusal,
    folder::Watched,
    grpc::proto::v1::{self, submit_batch_request::Part},
};

/// How many bytes are sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// How many batches are asked for at a time.
const PAGE_SIZE: i32 = 100;

/// A file, ready to be sent.
pub(super) struct FileToSend {
    pub(super) header: v1::BatchHeader,
    bytes: Vec<u8>,
}

impl FileToSend {
    pub(super) fn read(path: &Path, text: &TextOptions, by_row: bool) -> Result<Self, CliFault> {
        let mut file = Watched::open(path).map_err(CliFault::file(path))?;
        let mut bytes = Vec::new();
        let read = file.read_to_end(&mut bytes);
        read.map_err(CliFault::file(path))?;
        if !file.is_unchanged().map_err(CliFault::file(path))? {
            return Err(CliFault::Said(CHANGED));
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let taking = if by_row {
            v1::BatchTaking::ByRow
        } else {
            v1::BatchTaking::Whole
        };
        Ok(Self {
            header: v1::BatchHeader {
                file_name: name.unwrap_or_default().to_owned(),
                encoding: text.encoding().into(),
                taking: taking.into(),
                character_table: text.table()?,
            },
            bytes,
        })
    }

    fn parts(&self) -> Vec<Part> {
        let chunks = self.bytes.chunks(PIECE_BYTES);
        let chunks = chunks.map(|chunk| Part::Chunk(chunk.to_vec()));
        std::iter::once(Part::Header(self.header.clone()))
            .chain(chunks)
            .collect()
    }
}

/// A file of results, or where it lies ready.
pub(super) enum Fetched {
    Bytes(Vec<u8>),
    Download(v1::Download),
}

/// Whether a file was refused because of its flaws.
pub(super) fn is_flawed(refused: &Status) -> bool {
    let info = refused.get_details_error_info();
    info.is_some_and(|info| info.reason == Refusal::BatchFlawed(Vec::new()).reason())
}

impl Service<'_> {
    pub(super) async fn submit(
        &mut self,
        file: &FileToSend,
    ) -> Result<v1::SubmitBatchResponse, Status> {
        let parts = file.parts().into_iter();
        let parts = parts.map(|part| v1::SubmitBatchRequest { part: Some(part) });
        let stream = tokio_stream::iter(parts.collect::<Vec<_>>());
        let request = self.options.request(stream);
        let request = request.map_err(|fault| Status::invalid_argument(fault.to_string()))?;
        Ok(self.batches.submit_batch(request).await?.into_inner())
    }

    pub(super) async fn check(
        &mut self,
        file: &FileToSend,
    ) -> Result<Vec<v1::BatchFlaw>, CliFault> {
        let parts = file.parts().into_iter().map(|part| match part {
            Part::Header(header) => v1::check_batch_request::Part::Header(header),
            Part::Chunk(chunk) => v1::check_batch_request::Part::Chunk(chunk),
        });
        let parts = parts.map(|part| v1::CheckBatchRequest { part: Some(part) });
        let stream = tokio_stream::iter(parts.collect::<Vec<_>>());
        let request = self.options.request(stream)?;
        let mut told = self.batches.check_batch(request).await?.into_inner();
        let mut flaws = Vec::new();
        while let Some(response) = told.message().await? {
            flaws.extend(response.flaw);
        }
        Ok(flaws)
    }

    pub(super) async fn batch(&mut self, name: &str) -> Result<v1::Batch, CliFault> {
        let file_name = name.to_owned();
        let request = self.options.request(v1::GetBatchRequest { file_name })?;
        let found = self.batches.get_batch(request).await?.into_inner();
        found.batch.ok_or(CliFault::Said("応答が空です"))
    }

    pub(super) async fn list(&mut self) -> Result<Vec<v1::Batch>, CliFault> {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = self.options.request(v1::ListBatchesRequest {
                page_size: PAGE_SIZE,
                page_token,
            })?;
            let page = self.batches.list_batches(request).await?.into_inner();
            found.extend(page.batches);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Shows how far a batch is until no row moves by itself any more.
    pub(super) async fn wait(&mut self, name: &str) -> Result<v1::Batch, CliFault> {
        let file_name = name.to_owned();
        let request = self.options.request(v1::WatchBatchRequest { file_name })?;
        let mut watched = self.batches.watch_batch(request).await?.into_inner();
        let bar = ProgressBar::with_draw_target(None, draw_target());
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}行 {eta}") {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        let mut last = None;
        while let Some(response) = watched.message().await? {
            if let Some(batch) = response.batch {
                bar.set_length(batch.rows.unsigned_abs().into());
                bar.set_position(batch.rows_ended.unsigned_abs().into());
                last = Some(batch);
            }
        }
        bar.finish_and_clear();
        last.ok_or(CliFault::Said("応答が空です"))
    }

    pub(super) async fn fetch(
        &mut self,
        request: v1::FetchBatchResultRequest,
    ) -> Result<Fetched, CliFault> {
        let request = self.options.request(request)?;
        let mut pieces = self.batches.fetch_batch_result(request).await?.into_inner();
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.message().await? {
            if let Some(download) = piece.download {
                return Ok(Fetched::Download(download));
            }
            bytes.extend(piece.chunk);
        }
        Ok(Fetched::Bytes(bytes))
    }
}
