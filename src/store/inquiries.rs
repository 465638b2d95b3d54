//! Inquiries, the state of their exchanges, and which of them are still open.

use jiff::Timestamp;

use super::{
    Batch, Key, Page, PageOf, RecordPlace, State, StoreFault, Version, records::record_of,
};
use crate::domain::{
    codes::InstitutionCode,
    inquiry::{ExchangeState, Inquiry},
    names::{ProcessingSerial, ReceiptNumber, RecordId},
    words::Note,
};

/// When which inquiry ended.
type Ended = (Timestamp, InstitutionCode, ReceiptNumber);

fn inquiries(institution: InstitutionCode) -> Key {
    Key::new("inquiry").text(institution.as_str())
}

/// Newest first, so that a scan in key order lists them so.
fn inquiry(institution: InstitutionCode, receipt: ReceiptNumber) -> Key {
    inquiries(institution).number(u64::MAX - receipt.0)
}

fn open_inquiry(institution: InstitutionCode, receipt: ReceiptNumber) -> Key {
    Key::new("open")
        .text(institution.as_str())
        .number(receipt.0)
}

fn ended_inquiries(institution: InstitutionCode) -> Key {
    Key::new("ended").text(institution.as_str())
}

fn ended_inquiry((at, institution, receipt): Ended) -> Key {
    ended_inquiries(institution)
        .instant_ms(at.as_millisecond())
        .number(receipt.0)
}

fn record_id(institution: InstitutionCode, id: &RecordId) -> Key {
    Key::new("record-id")
        .text(institution.as_str())
        .text(id.as_str())
}

fn exchanges(institution: InstitutionCode, receipt: ReceiptNumber) -> Key {
    Key::new("exchange")
        .text(institution.as_str())
        .number(receipt.0)
}

fn exchange(serial: ProcessingSerial) -> Key {
    exchanges(serial.inquirer, serial.receipt)
        .number(serial.detail.into())
        .number(serial.info.into())
}

fn refusal_note(serial: ProcessingSerial) -> Key {
    Key::new("refusal-note").text(&serial.to_string())
}

fn last_receipt(institution: InstitutionCode) -> Key {
    Key::new("last-receipt").text(institution.as_str())
}

/// Adds the acceptance of an inquiry to a batch: its preconditions are the receipt number's and then the record ids'.
pub(super) fn stage_inquiry(batch: &mut Batch, accepted: &Inquiry) -> Result<(), StoreFault> {
    let (institution, receipt) = (accepted.inquirer, accepted.receipt);
    batch.expect_absent(inquiry(institution, receipt));
    for detail in &accepted.details {
        batch.expect_absent(record_id(institution, &detail.record_id));
        batch.put_value(record_id(institution, &detail.record_id), &receipt)?;
    }
    batch.put_value(inquiry(institution, receipt), accepted)?;
    batch.put_value(open_inquiry(institution, receipt), &receipt)?;
    batch.put_value(last_receipt(institution), &receipt)?;
    Ok(())
}

fn note_end(batch: &mut Batch, ended: Ended) -> Result<(), StoreFault> {
    let (_, institution, receipt) = ended;
    batch.remove(open_inquiry(institution, receipt));
    batch.put_value(ended_inquiry(ended), &ended)?;
    Ok(())
}

impl State {
    /// Keeps an accepted inquiry and uses up its record ids.
    ///
    /// # Errors
    /// `Conflict` when a record id or the receipt number was used before; nothing is kept then.
    pub async fn accept_inquiry(&self, accepted: &Inquiry) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        stage_inquiry(&mut batch, accepted)?;
        self.engine.write(batch).await
    }

    /// Whether the institution has used this record id before.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn record_id_is_used(
        &self,
        institution: InstitutionCode,
        id: &RecordId,
    ) -> Result<bool, StoreFault> {
        Ok(self.engine.read(&record_id(institution, id))?.is_some())
    }

    /// The inquiry in which the institution has used this record id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn receipt_of(
        &self,
        institution: InstitutionCode,
        id: &RecordId,
    ) -> Result<Option<ReceiptNumber>, StoreFault> {
        self.engine.read_value(&record_id(institution, id))
    }

    /// The highest receipt number that the institution has given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_receipt(&self, institution: InstitutionCode) -> Result<ReceiptNumber, StoreFault> {
        let noted: Option<ReceiptNumber> = self.engine.read_value(&last_receipt(institution))?;
        // Two acceptances can be written in the other order than their numbers: the newest inquiry tells as well.
        let newest: Option<Inquiry> = self
            .page(&inquiries(institution), &Page::first(1))?
            .rows
            .pop();
        let newest = newest.map(|inquiry| inquiry.receipt);
        Ok(noted.max(newest).unwrap_or(ReceiptNumber(0)))
    }

    /// An inquiry as it was accepted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn inquiry(
        &self,
        institution: InstitutionCode,
        receipt: ReceiptNumber,
    ) -> Result<Option<Inquiry>, StoreFault> {
        self.engine.read_value(&inquiry(institution, receipt))
    }

    /// What `keep` makes of the institution's inquiries, newest first.
    ///
    /// # Errors
    /// When the store cannot be read, the page token is of another list, or `keep` fails.
    pub fn inquiries<T, E: From<StoreFault>>(
        &self,
        institution: InstitutionCode,
        page: &Page,
        keep: impl FnMut(Inquiry) -> Result<Option<T>, E>,
    ) -> Result<PageOf<T>, E> {
        self.page_of_those(&inquiries(institution), page, keep)
    }

    /// The inquiries of which an exchange has not ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_inquiries(&self, institution: InstitutionCode) -> Result<Vec<Inquiry>, StoreFault> {
        let prefix = Key::new("open").text(institution.as_str());
        let receipts: Vec<ReceiptNumber> = self.all(&prefix)?;
        let found = receipts
            .into_iter()
            .map(|receipt| self.inquiry(institution, receipt));
        Ok(found
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Where an exchange stands and which write said so; nothing while it is only accepted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn exchange(
        &self,
        serial: ProcessingSerial,
    ) -> Result<Option<(Version, ExchangeState)>, StoreFault> {
        self.read_versioned(&exchange(serial))
    }

    /// Keeps an exchange's new state in place of what `seen` showed; of its end also where the record stands and, where it is the
    /// last of the inquiry, when that was, as [`State::end_inquiry`] notes it.
    ///
    /// An end that follows the acceptance is durable before whatever is written after it; should a crash take it, it is
    /// made again from the record and the answer that the provider keeps. Else the state is durable when this returns.
    ///
    /// # Errors
    /// `Conflict` when the exchange has moved on since `seen`.
    pub async fn move_exchange(
        &self,
        serial: ProcessingSerial,
        seen: Option<Version>,
        next: &ExchangeState,
        end: Option<(&RecordPlace, Option<Timestamp>)>,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        match seen {
            Some(version) => batch.expect(exchange(serial), version),
            None => batch.expect_absent(exchange(serial)),
        };
        batch.put_value(exchange(serial), next)?;
        if let Some((place, last_at)) = end {
            batch.put_value(record_of(serial.inquirer.as_str(), serial), place)?;
            if let Some(at) = last_at {
                note_end(&mut batch, (at, serial.inquirer, serial.receipt))?;
            }
        }
        let handed_over = self.engine.hand_over(batch).await?;
        if seen.is_none() && end.is_some() {
            return Ok(());
        }
        handed_over.durable().await
    }

    /// Notes that the last exchange of an inquiry has ended. Should a crash take the note, the inquiry is found open
    /// with all its exchanges ended, and is noted again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn end_inquiry(
        &self,
        institution: InstitutionCode,
        receipt: ReceiptNumber,
        at: Timestamp,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        note_end(&mut batch, (at, institution, receipt))?;
        drop(self.engine.hand_over(batch).await?);
        Ok(())
    }

    /// How many inquiries ended before `before`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn count_ended_inquiries(
        &self,
        institution: InstitutionCode,
        before: Timestamp,
    ) -> Result<u64, StoreFault> {
        let ended: Vec<Ended> = self.all(&ended_inquiries(institution))?;
        let due = ended.iter().take_while(|(at, ..)| *at < before);
        Ok(u64::try_from(due.count()).unwrap_or(u64::MAX))
    }

    /// Deletes the inquiries that ended before `before`, with their results. Their record ids stay used.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn delete_ended_inquiries(
        &self,
        institution: InstitutionCode,
        before: Timestamp,
    ) -> Result<u64, StoreFault> {
        let mut deleted = 0;
        let ended: Vec<Ended> = self.all(&ended_inquiries(institution))?;
        for due in ended.into_iter().take_while(|(at, ..)| *at < before) {
            let (_, institution, receipt) = due;
            let mut batch = Batch::new();
            if let Some(old) = self.inquiry(institution, receipt)? {
                for (serial, ..) in old.exchanges() {
                    batch.remove(exchange(serial));
                    batch.remove(refusal_note(serial));
                }
            }
            batch.remove(inquiry(institution, receipt));
            batch.remove(ended_inquiry(due));
            self.engine.write(batch).await?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Keeps what a provider's staff has to say about its refusal, until the results are deleted.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_refusal_note(
        &self,
        serial: ProcessingSerial,
        note: &Note,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(refusal_note(serial), note)?;
        self.engine.write(batch).await
    }

    /// What the provider's staff had to say about its refusal.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn refusal_note(&self, serial: ProcessingSerial) -> Result<Option<Note>, StoreFault> {
        self.engine.read_value(&refusal_note(serial))
    }
}
