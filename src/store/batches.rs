//! Batches: the files that were taken, the inquiries they became, and which of them are still open.

use jiff::Timestamp;

use super::{Batch, Key, Page, PageOf, State, StoreFault, Version, inquiries::stage_inquiry};
use crate::domain::{
    batch::{BatchPart, BatchState, InquiryBatch},
    batch_file::BatchFileName,
    codes::InstitutionCode,
    inquiry::Inquiry,
    words::SystemName,
};

/// A file that is to be taken: everything that is kept of it.
#[derive(Debug)]
pub struct TakenFile {
    /// The batch.
    pub batch: InquiryBatch,
    /// Which line is in which inquiry.
    pub parts: Vec<BatchPart>,
    /// The inquiries.
    pub inquiries: Vec<Inquiry>,
    /// The file itself.
    pub bytes: Vec<u8>,
}

fn row(tag: &str, institution: InstitutionCode, name: &BatchFileName) -> Key {
    Key::new(tag).text(institution.as_str()).text(name.stem())
}

fn batch_row(institution: InstitutionCode, name: &BatchFileName) -> Key {
    row("batch", institution, name)
}

fn parts_row(institution: InstitutionCode, name: &BatchFileName) -> Key {
    row("batch-parts", institution, name)
}

fn file_row(institution: InstitutionCode, name: &BatchFileName) -> Key {
    row("batch-file", institution, name)
}

fn open_row(institution: InstitutionCode, name: &BatchFileName) -> Key {
    row("batch-open", institution, name)
}

fn digest_row(batch: &InquiryBatch) -> Key {
    Key::new("batch-digest")
        .text(batch.institution.as_str())
        .text(&batch.digest)
}

fn history(institution: InstitutionCode) -> Key {
    Key::new("batch-history").text(institution.as_str())
}

/// Newest first, so that a scan in key order lists them so.
fn history_row(batch: &InquiryBatch) -> Key {
    history(batch.institution)
        .instant_ms(i64::MAX - batch.accepted_at.as_millisecond())
        .text(batch.name.stem())
}

impl State {
    /// Keeps a file, its batch and all its inquiries, or nothing of it.
    ///
    /// # Errors
    /// `Conflict` with precondition 0 when a batch has this name, 1 when one has this content; with another when a
    /// record id was used before.
    pub async fn take_file(&self, file: TakenFile) -> Result<(), StoreFault> {
        let (institution, name) = (file.batch.institution, &file.batch.name);
        let mut batch = Batch::new();
        batch.expect_absent(batch_row(institution, name));
        batch.expect_absent(digest_row(&file.batch));
        batch.put_value(batch_row(institution, name), &file.batch)?;
        batch.put_value(digest_row(&file.batch), name)?;
        batch.put_value(history_row(&file.batch), name)?;
        batch.put_value(open_row(institution, name), name)?;
        batch.put_value(parts_row(institution, name), &file.parts)?;
        batch.put(file_row(institution, name), file.bytes);
        for inquiry in &file.inquiries {
            stage_inquiry(&mut batch, inquiry)?;
        }
        self.engine.write(batch).await
    }

    /// A batch, and which write said so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn batch(
        &self,
        institution: InstitutionCode,
        name: &BatchFileName,
    ) -> Result<Option<(Version, InquiryBatch)>, StoreFault> {
        self.read_versioned(&batch_row(institution, name))
    }

    /// The name of the batch whose file has this digest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn batch_with_content(
        &self,
        like: &InquiryBatch,
    ) -> Result<Option<BatchFileName>, StoreFault> {
        self.engine.read_value(&digest_row(like))
    }

    /// The inquiries of a batch; none once its results were deleted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn batch_parts(
        &self,
        institution: InstitutionCode,
        name: &BatchFileName,
    ) -> Result<Vec<BatchPart>, StoreFault> {
        let parts = self.engine.read_value(&parts_row(institution, name))?;
        Ok(parts.unwrap_or_default())
    }

    /// The file of a batch; nothing once its results were deleted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn batch_file(
        &self,
        institution: InstitutionCode,
        name: &BatchFileName,
    ) -> Result<Option<Vec<u8>>, StoreFault> {
        self.engine.read(&file_row(institution, name))
    }

    /// The institution's batches, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn batches(
        &self,
        institution: InstitutionCode,
        system: Option<&SystemName>,
        page: &Page,
    ) -> Result<PageOf<InquiryBatch>, StoreFault> {
        self.page_of_those(&history(institution), page, |name: BatchFileName| {
            let found = self.batch(institution, &name)?.map(|(_, batch)| batch);
            Ok::<_, StoreFault>(found.filter(|batch| batch.system.as_ref() == system))
        })
    }

    /// The batches of which a row has not ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_batches(
        &self,
        institution: InstitutionCode,
    ) -> Result<Vec<BatchFileName>, StoreFault> {
        self.all(&Key::new("batch-open").text(institution.as_str()))
    }

    /// Keeps a batch in its new state, in place of what `seen` showed.
    ///
    /// # Errors
    /// `Conflict` when it has moved on since.
    pub async fn move_batch(&self, seen: Version, next: &InquiryBatch) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.expect(batch_row(next.institution, &next.name), seen);
        batch.put_value(batch_row(next.institution, &next.name), next)?;
        match next.state {
            BatchState::Running | BatchState::Cancelling { .. } => {}
            BatchState::Ended { .. } => {
                batch.remove(open_row(next.institution, &next.name));
            }
        }
        self.engine.write(batch).await
    }

    /// The batches that ended before `before` and still have their file.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn old_batch_files(
        &self,
        institution: InstitutionCode,
        before: Timestamp,
    ) -> Result<Vec<BatchFileName>, StoreFault> {
        let names: Vec<BatchFileName> = self.all(&history(institution))?;
        let mut kept = Vec::new();
        for name in names {
            let Some((_, old)) = self.batch(institution, &name)? else {
                continue;
            };
            let due = matches!(old.state, BatchState::Ended { at, .. } if at < before);
            if due && self.batch_file(institution, &name)?.is_some() {
                kept.push(name);
            }
        }
        Ok(kept)
    }

    /// Deletes the files of batches; the batches stay in the history.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn delete_batch_files(
        &self,
        institution: InstitutionCode,
        names: &[BatchFileName],
    ) -> Result<(), StoreFault> {
        for name in names {
            let mut batch = Batch::new();
            batch.remove(file_row(institution, name));
            batch.remove(parts_row(institution, name));
            self.engine.write(batch).await?;
        }
        Ok(())
    }
}
