//! バッチ照会結果取得: writes the file of results, line by line in the order of the request. SKI.

use std::collections::BTreeMap;

use data_encoding::BASE64;

use super::{ActFault, BatchDraft, IntermediateServer};
use crate::domain::{
    batch::{BatchPart, InquiryBatch},
    batch_file::{
        BatchFileName, RowAnswer, RowFlaw, RowStanding, left_out_line, local_number, result_lines,
        without_addressee_number,
    },
    exchange::SealedAnswer,
    files::{LineEnds, LineReader, LineWriter, TextForm},
    inquiry::ExchangeState,
    names::ReceiptNumber,
    refusal::Refusal,
};

/// How many bytes of the file are handed on at a time, about.
const PIECE_BYTES: usize = 64 * 1024;

/// How the file of results is to be written.
#[derive(Debug, Clone)]
pub struct ResultRequest {
    /// The batch.
    pub name: BatchFileName,
    /// Another form than that of the inquiry file.
    pub form: Option<TextForm>,
}

impl IntermediateServer {
    /// Writes the results as they stand, in pieces. `take` says whether it wants more.
    ///
    /// # Errors
    /// When there is no such batch, its results were deleted, or the encoding does not have a character: then all of
    /// them are told, and the pieces before are of no use.
    pub fn write_batch_result(
        &self,
        request: &ResultRequest,
        mut take: impl FnMut(Vec<u8>) -> bool,
    ) -> Result<(), ActFault> {
        let (_, batch) = self.known_batch(&request.name)?;
        let file = self
            .around
            .state
            .batch_file(self.profile.code, &batch.name)?;
        let file = file.ok_or(Refusal::ResultsDeleted)?;
        let original = form_of(&batch)?;
        let mut writer = LineWriter::new(request.form.clone().unwrap_or(original.clone()));
        let mut reader = LineReader::new(original, LineEnds::CrLf);
        let mut lines = reader.push(&file);
        lines.extend(reader.finish());
        let mut results = PartResults::of(self.batch_parts(&batch.name)?);
        results.local = batch.system.is_some();
        let (mut piece, mut flaws) = (Vec::with_capacity(PIECE_BYTES), Vec::new());
        for line in lines {
            let number = u32::try_from(line.number).unwrap_or(u32::MAX);
            let text = line.text.ok();
            let text = match results.local {
                true => text.as_deref().map(without_addressee_number),
                false => text,
            };
            let written = match results.line(self, number, text.as_deref())? {
                Some(lines) => lines,
                None => vec![left_out_line(text.as_deref())],
            };
            for written in written {
                flaws.extend(
                    writer
                        .write(&written, &mut piece)
                        .err()
                        .into_iter()
                        .flatten(),
                );
            }
            if piece.len() >= PIECE_BYTES && flaws.is_empty() {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE_BYTES));
                if !take(full) {
                    return Ok(());
                }
            }
        }
        if !flaws.is_empty() {
            let flaws = flaws.into_iter();
            let flaws =
                flaws.map(|flaw| RowFlaw::of_line(flaw.line, flaw.column, flaw.kind.into()));
            let flaws = flaws.map(|flaw| flaw.as_field());
            return Err(Refusal::NotInEncoding(flaws.collect()).into());
        }
        take(piece);
        Ok(())
    }
}

fn form_of(batch: &InquiryBatch) -> Result<TextForm, Refusal> {
    let draft = BatchDraft {
        name: batch.name.clone(),
        encoding: batch.encoding,
        table: batch.table.clone(),
        taking: batch.taking,
        system: None,
        bytes: Vec::new(),
    };
    draft.text_form()
}

/// Finds the result of a line; holds one inquiry at a time, because neighbours in the file are in the same.
struct PartResults {
    places: BTreeMap<u32, (ReceiptNumber, usize)>,
    open: Option<super::InquiryView>,
    /// Whether the file speaks 宛名番号.
    local: bool,
}

impl PartResults {
    fn of(parts: Vec<BatchPart>) -> Self {
        let places = parts.into_iter().flat_map(|part| {
            let receipt = part.receipt;
            let lines = part.lines.into_iter().enumerate();
            lines.map(move |(detail, line)| (line, (receipt, detail)))
        });
        Self {
            places: places.collect(),
            open: None,
            local: false,
        }
    }

    fn line(
        &mut self,
        server: &IntermediateServer,
        line: u32,
        text: Option<&str>,
    ) -> Result<Option<Vec<String>>, ActFault> {
        let (Some(&(receipt, detail)), Some(text)) = (self.places.get(&line), text) else {
            return Ok(None);
        };
        let view = match self.open.take() {
            Some(view) if view.inquiry.receipt == receipt => view,
            _ => server.fetch_result(receipt)?,
        };
        let view = self.open.insert(view);
        let found = view
            .inquiry
            .details
            .get(detail)
            .zip(view.exchanges.get(detail));
        let Some((detail, exchange)) = found else {
            return Ok(None);
        };
        let Some(asked) = detail.infos.first() else {
            return Ok(None);
        };
        let called = match self.local {
            true => format!("宛名番号「{}」", local_number(text).unwrap_or_default()),
            false => format!("団体内統合宛名番号「{}」", detail.addressee.as_str()),
        };
        let standing = RowStanding {
            serial: exchange.serial,
            code: exchange.code,
            message: exchange.message(&called, asked),
        };
        let sealed = match &exchange.state {
            ExchangeState::Ended { answer, .. } => answer.as_ref(),
            ExchangeState::Accepted | ExchangeState::Waiting { .. } => None,
        };
        let answer = match sealed.map(|sealed| (sealed, server.open_answer(sealed))) {
            None => RowAnswer::None,
            Some((_, Some(provided))) => RowAnswer::Plain(asked.specific_info, provided),
            Some((sealed, None)) => RowAnswer::Sealed(sealed_json(sealed)),
        };
        Ok(Some(result_lines(
            text,
            &standing,
            &answer,
            server.layouts(),
        )))
    }
}

/// The JSON form of `chukan.v1.SealedAnswer`, which `chukan open` reads.
pub(super) fn sealed_json(answer: &SealedAnswer) -> String {
    let base64 = |bytes: &[u8]| BASE64.encode(bytes);
    serde_json::json!({
        "encapsulatedKey": base64(&answer.encapsulated_key),
        "ciphertext": base64(&answer.ciphertext),
        "info": base64(&answer.info),
        "aad": base64(&answer.aad),
        "keyFingerprint": base64(&answer.key_fingerprint),
        "exportContext": base64(&answer.export_context),
    })
    .to_string()
}
