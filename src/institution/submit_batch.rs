//! バッチ照会依頼: takes an inquiry file, whole or by row, and makes it durable with all its inquiries at once. SKI.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use data_encoding::HEXLOWER;
use jiff::Timestamp;

use super::{ActFault, AskedDraft, DetailDraft, InquiryDraft, IntermediateServer};
use crate::{
    crypto::digest::sha256,
    domain::{
        batch::{BatchPart, BatchState, InquiryBatch, PART_DETAILS_MAX, Taking},
        batch_file::{
            BatchFileName, Column, InquiryFile, InquiryRow, RowFlaw, RowFlawKind, RowNumbers,
            without_authority,
        },
        files::{CharacterTable, Encoding, TextForm},
        inquiry::Inquiry,
        names::ReceiptNumber,
        refusal::{FieldFlaw, Refusal},
        words::SystemName,
    },
    store::{StoreFault, TakenFile},
};

/// A file as it came.
#[derive(Debug, Clone)]
pub struct BatchDraft {
    /// Its name.
    pub name: BatchFileName,
    /// The encoding.
    pub encoding: Encoding,
    /// The character table, in its text form.
    pub table: String,
    /// What becomes of a file with a flaw.
    pub taking: Taking,
    /// The business system whose 宛名番号 the file speaks; nothing where it speaks 団体内統合宛名番号.
    pub system: Option<SystemName>,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What was taken, and what is wrong with the rows that were not.
#[derive(Debug)]
pub struct TakenBatch {
    /// The batch.
    pub batch: InquiryBatch,
    /// The flaws of the rows that were left out.
    pub flaws: Vec<RowFlaw>,
}

impl BatchDraft {
    /// How the text of the file is to be read.
    ///
    /// # Errors
    /// When the character table is not one.
    pub fn text_form(&self) -> Result<TextForm, Refusal> {
        let table = CharacterTable::read(&self.table).map_err(|bad| {
            Refusal::Malformed(vec![FieldFlaw::new(
                "character_table",
                bad.to_string(),
                bad.ja(),
            )])
        })?;
        Ok(TextForm {
            encoding: self.encoding,
            table,
        })
    }
}

impl IntermediateServer {
    /// Everything that is wrong with a file whose rows speak `numbers`, and the rows that are sound.
    ///
    /// # Errors
    /// When the character table is not one, or the state cannot be read.
    pub fn check_batch(
        &self,
        draft: &BatchDraft,
        numbers: &RowNumbers,
        now: Timestamp,
    ) -> Result<InquiryFile, ActFault> {
        let mut file = InquiryFile::read(&draft.bytes, &draft.text_form()?, numbers);
        let mut sound = Vec::with_capacity(file.rows.len());
        for (line, row) in std::mem::take(&mut file.rows) {
            let flaws = self.check_row(&draft.name, (line, &row), now)?;
            if flaws.is_empty() {
                sound.push((line, row));
            }
            file.flaws.extend(flaws);
        }
        file.rows = sound;
        file.flaws.sort_by_key(|flaw| (flaw.line, flaw.position));
        Ok(file)
    }

    /// Takes a file: it is durable with all its inquiries, and its name and content are used up.
    ///
    /// # Errors
    /// Refusals in this order: a file of this name or content was taken; a row names another inquirer; flaws, unless rows with flaws are left out and
    /// some are sound; no key to seal to.
    pub async fn submit_batch(
        &self,
        draft: BatchDraft,
        numbers: &RowNumbers,
        now: Timestamp,
    ) -> Result<TakenBatch, ActFault> {
        let mut batch = InquiryBatch {
            institution: self.profile.code,
            name: draft.name.clone(),
            digest: HEXLOWER.encode(&sha256(&[&draft.bytes])),
            encoding: draft.encoding,
            table: draft.table.clone(),
            taking: draft.taking,
            accepted_at: now,
            rows: 0,
            refused: Vec::new(),
            system: draft.system.clone(),
            state: BatchState::Running,
        };
        let state = &self.around.state;
        let named = state.batch(self.profile.code, &batch.name)?.is_some();
        if named || state.batch_with_content(&batch)?.is_some() {
            return Err(Refusal::BatchExists.into());
        }
        let file = self.check_batch(&draft, numbers, now)?;
        let mismatch = |flaw: &RowFlaw| {
            flaw.column == Some(Column::Inquirer) && matches!(flaw.kind, RowFlawKind::Refused(_))
        };
        if file.flaws.iter().any(mismatch) {
            return Err(Refusal::InstitutionMismatch.into());
        }
        let takes_none = file.rows.is_empty() || file.is_unusable();
        if !file.flaws.is_empty() && (draft.taking == Taking::Whole || takes_none) {
            let flaws = file.flaws.iter().map(RowFlaw::as_field);
            return Err(Refusal::BatchFlawed(flaws.collect()).into());
        }
        batch.rows = u32::try_from(file.rows.len()).unwrap_or(u32::MAX);
        let refused: BTreeSet<u32> = file
            .flaws
            .iter()
            .map(|flaw| line_number(flaw.line))
            .collect();
        batch.refused = refused.into_iter().collect();
        let (parts, inquiries) = self.parts(&draft.name, file.rows, now)?;
        // Before the batch can be seen: whoever sees it may cancel it.
        for inquiry in &inquiries {
            self.progress.track(inquiry);
        }
        let receipts: Vec<_> = parts.iter().map(|part| part.receipt).collect();
        let taken = TakenFile {
            batch: batch.clone(),
            parts,
            inquiries,
            bytes: draft.bytes,
        };
        let Err(fault) = state.take_file(taken).await else {
            return Ok(TakenBatch {
                batch,
                flaws: file.flaws,
            });
        };
        for receipt in receipts {
            self.progress.close(receipt);
        }
        match fault {
            StoreFault::Conflict {
                precondition: 0 | 1,
            } => Err(Refusal::BatchExists.into()),
            fault => Err(fault.into()),
        }
    }

    fn check_row(
        &self,
        name: &BatchFileName,
        (line, row): (u64, &InquiryRow),
        now: Timestamp,
    ) -> Result<Vec<RowFlaw>, ActFault> {
        let flaw = |column: Column, flaw: FieldFlaw| {
            let value = row.write();
            let value = value.split(',').nth(column.number() - 1);
            RowFlaw::of(
                line,
                column,
                value.unwrap_or_default(),
                RowFlawKind::Refused(flaw),
            )
        };
        let mut flaws = Vec::new();
        if row.inquirer != self.profile.code {
            let refusal = Refusal::InstitutionMismatch;
            let said = FieldFlaw::new("inquirer", refusal.to_string(), refusal.ja());
            flaws.push(flaw(Column::Inquirer, said));
        }
        if let Err(refusal) = self.profile.authorise(&row.unit, &row.user, row.affair) {
            let (column, said) = without_authority(&refusal);
            flaws.push(flaw(column, said));
        }
        match name.record_id(line) {
            Ok(id)
                if self
                    .around
                    .state
                    .record_id_is_used(self.profile.code, &id)? =>
            {
                let kind =
                    RowFlawKind::Refused(super::submit_inquiry::used_before("record_id".into()));
                flaws.push(RowFlaw::of_line(line, 1, kind));
            }
            Ok(_) => {}
            Err(malformed) => flaws.push(RowFlaw::of_line(line, 1, malformed.into())),
        }
        let Some(draft) = draft_of(name, &[(line, row)]) else {
            return Ok(flaws);
        };
        match self.check_form(&draft, now) {
            Ok(()) => {}
            Err(Refusal::Malformed(said)) => flaws.extend(said.into_iter().map(|said| {
                let column = match said.field.rsplit('.').next() {
                    // A row has both in the one column.
                    Some("fiscal_year" | "from") => Some(Column::From),
                    Some(last) => Column::ALL.into_iter().find(|column| column.name() == last),
                    None => None,
                };
                match column {
                    Some(column) => flaw(column, said),
                    None => RowFlaw::of_line(line, 1, RowFlawKind::Refused(said)),
                }
            })),
            Err(refusal) => return Err(refusal.into()),
        }
        Ok(flaws)
    }

    /// The inquiries that the rows become, in the order of their first rows.
    fn parts(
        &self,
        name: &BatchFileName,
        rows: Vec<(u64, InquiryRow)>,
        now: Timestamp,
    ) -> Result<(Vec<BatchPart>, Vec<Inquiry>), ActFault> {
        let groups = group(&rows);
        let count = u64::try_from(groups.len()).unwrap_or(u64::MAX);
        let first = self.receipts.fetch_add(count, Ordering::Relaxed) + 1;
        let sealing_key = self.key_to_seal_to(None, now)?;
        let (mut parts, mut inquiries) = (Vec::new(), Vec::new());
        for (receipt, rows) in (first..).map(ReceiptNumber).zip(groups) {
            let Some(draft) = draft_of(name, &rows) else {
                continue;
            };
            let lines = rows.iter().map(|(line, _)| line_number(*line));
            parts.push(BatchPart {
                receipt,
                lines: lines.collect(),
            });
            let mut inquiry = self.resolve(draft, sealing_key, now);
            inquiry.receipt = receipt;
            inquiries.push(inquiry);
        }
        Ok((parts, inquiries))
    }
}

/// A line of a file that has at most 10,000.
fn line_number(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// Rows with the same time, unit, user, affair, procedure and delegator, in groups of at most [`PART_DETAILS_MAX`].
fn group(rows: &[(u64, InquiryRow)]) -> Vec<Vec<(u64, &InquiryRow)>> {
    let mut groups: Vec<Vec<(u64, &InquiryRow)>> = Vec::new();
    let mut open = std::collections::HashMap::new();
    for (line, row) in rows {
        let head = (
            row.requested_at,
            &row.unit,
            &row.user,
            row.affair,
            row.procedure,
            row.delegator,
        );
        let place = open.get(&head).copied();
        let group = place
            .and_then(|at: usize| groups.get_mut(at))
            .filter(|group| group.len() < PART_DETAILS_MAX);
        match group {
            Some(group) => group.push((*line, row)),
            None => {
                open.insert(head, groups.len());
                groups.push(vec![(*line, row)]);
            }
        }
    }
    groups
}

/// The inquiry of rows that have their head in common; nothing of no rows.
fn draft_of(name: &BatchFileName, rows: &[(u64, &InquiryRow)]) -> Option<InquiryDraft> {
    let (_, head) = rows.first()?;
    let detail = |(line, row): &(u64, &InquiryRow)| {
        Some(DetailDraft {
            record_id: name.record_id(*line).ok()?,
            addressee: row.addressee,
            nondisclosure: row.nondisclosure,
            infos: vec![AskedDraft {
                provider: row.provider,
                provider_delegator: row.provider_delegator,
                specific_info: row.specific_info,
                items: Vec::new(),
                condition: row.condition.resolve(row.requested_at),
            }],
        })
    };
    Some(InquiryDraft {
        requested_at: head.requested_at,
        unit: head.unit.clone(),
        user: head.user.clone(),
        affair: head.affair,
        procedure: head.procedure,
        delegator: head.delegator,
        sealing_key: None,
        details: rows.iter().map(detail).collect::<Option<_>>()?,
    })
}
