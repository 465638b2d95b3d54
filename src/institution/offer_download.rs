//! Hands a result that is too big for a message out as a download, and opens it for the one who fetches it. SKI.

use std::ops::Range;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::{
    ActFault, InquiryView, IntermediateServer, ResultRequest, write_batch_result::sealed_json,
};
use crate::{
    crypto::digest::{random_bytes, sha256},
    domain::{
        batch::BatchState,
        download::{Download, DownloadId, DownloadOf, DownloadRefusal},
        exchange::SealedAnswer,
        inquiry::ExchangeState,
        refusal::{Refusal, Thing},
    },
    store::{DownloadReader, DownloadWriter},
};

/// How long a download whose time has passed is still known as such (ours).
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What sealing adds to the length of an answer, in bytes: the tag of AES-256-GCM.
const TAG_BYTES: usize = 16;

/// The file of results of a batch.
pub enum BatchResult {
    /// Small enough for messages: its pieces.
    Pieces(Vec<Vec<u8>>),
    /// Too big for that, written to a file. It lies ready until this moment at the latest.
    File(Box<DownloadWriter>, Option<Timestamp>),
}

impl IntermediateServer {
    /// The file of results of a batch as it stands, whole.
    ///
    /// # Errors
    /// As [`Self::write_batch_result`]; when a file cannot be written.
    pub fn batch_result(&self, request: &ResultRequest) -> Result<BatchResult, ActFault> {
        let longest = self.around.downloads.message_bytes_max;
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        let mut file: Option<DownloadWriter> = None;
        let mut stopped = None;
        self.write_batch_result(request, |piece| {
            bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if bytes <= longest {
                pieces.push(piece);
                return true;
            }
            let taken = match file.take() {
                Some(file) => Ok(file),
                None => self.new_file(&std::mem::take(&mut pieces)),
            };
            let added = taken.and_then(|mut file| {
                file.add(&piece)?;
                Ok(file)
            });
            match added {
                Ok(written) => file = Some(written),
                Err(fault) => stopped = Some(fault),
            }
            stopped.is_none()
        })?;
        if let Some(fault) = stopped {
            return Err(fault);
        }
        let Some(file) = file else {
            return Ok(BatchResult::Pieces(pieces));
        };
        let (_, batch) = self.known_batch(&request.name)?;
        let retention = self.around.periods.result_retention;
        let deleted_at = match batch.state {
            BatchState::Ended { at, .. } => at.checked_add(retention).ok(),
            BatchState::Running | BatchState::Cancelling { .. } => None,
        };
        Ok(BatchResult::File(Box::new(file), deleted_at))
    }

    /// Hands out the answers of an inquiry that are too big for a message, each with the place of its exchange in the view.
    ///
    /// # Errors
    /// When a file or the state cannot be written.
    pub async fn offer_answers(
        &self,
        view: &InquiryView,
        now: Timestamp,
    ) -> Result<Vec<(usize, Download)>, ActFault> {
        let longest = self.around.downloads.message_bytes_max;
        let mut offered = Vec::new();
        for (place, exchange) in view.exchanges.iter().enumerate() {
            let ExchangeState::Ended {
                answer: Some(answer),
                ..
            } = &exchange.state
            else {
                continue;
            };
            let bytes = answer.ciphertext.len().saturating_sub(TAG_BYTES);
            if u64::try_from(bytes).unwrap_or(u64::MAX) > longest {
                let file = self.new_file(&[self.answer_json(answer).as_slice()])?;
                let of = DownloadOf::Answer(exchange.serial);
                let download = self.offer(of, file, now, view.expires_at).await?;
                offered.push((place, download));
            }
        }
        Ok(offered)
    }

    /// Hands a written file out from now on.
    ///
    /// # Errors
    /// When the file or the state cannot be written.
    pub async fn offer(
        &self,
        of: DownloadOf,
        file: DownloadWriter,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Download, ActFault> {
        let period = self.around.downloads.period;
        let expires_at = now.checked_add(period).unwrap_or(Timestamp::MAX);
        let download = Download {
            id: id_of(&of, &file)?,
            bytes: file.bytes(),
            sha256: file.sha256(),
            expires_at: until.map_or(expires_at, |until| until.min(expires_at)),
            of,
        };
        let files = &self.around.download_files;
        files.keep(file, self.profile.code, &download.id)?;
        let state = &self.around.state;
        state.keep_download(self.profile.code, &download).await?;
        Ok(download)
    }

    /// A download that is still handed out.
    ///
    /// # Errors
    /// When there is none of this name, or its time has passed.
    pub fn download(&self, id: &DownloadId, now: Timestamp) -> Result<Download, ActFault> {
        let found = self.around.state.download(self.profile.code, id)?;
        let found = found.ok_or(Refusal::NotFound(Thing::Download))?;
        Ok(found.open(now).map_err(Refusal::from)?)
    }

    /// Reads a part of a download.
    ///
    /// # Errors
    /// When its file is not there any more, or cannot be read.
    pub fn read_download(
        &self,
        download: &Download,
        range: &Range<u64>,
    ) -> Result<DownloadReader, ActFault> {
        let files = &self.around.download_files;
        let opened = files.read(self.profile.code, download, range)?;
        Ok(opened.ok_or(Refusal::from(DownloadRefusal::Expired))?)
    }

    /// How many downloads whose time has passed still have their file.
    pub(super) fn old_downloads(&self, now: Timestamp) -> Result<u64, ActFault> {
        let own = self.profile.code;
        let mut known = self.around.state.downloads(own)?;
        let files = &self.around.download_files;
        known.retain(|old| old.clone().open(now).is_err() && files.has(own, &old.id));
        Ok(u64::try_from(known.len()).unwrap_or(u64::MAX))
    }

    /// Removes the files of the downloads whose time has passed.
    ///
    /// # Errors
    /// When a file or the state cannot be read or written.
    pub(super) async fn remove_old_downloads(&self, now: Timestamp) -> Result<(), ActFault> {
        let own = self.profile.code;
        let (files, state) = (&self.around.download_files, &self.around.state);
        let known = state.downloads(own)?;
        if known.is_empty() {
            return Ok(());
        }
        for download in &known {
            if download.clone().open(now).is_err() {
                files.remove(own, &download.id)?;
            }
        }
        if let Ok(before) = now.checked_sub(REMEMBERED) {
            state.forget_downloads(own, before).await?;
        }
        Ok(())
    }

    fn new_file(&self, pieces: &[impl AsRef<[u8]>]) -> Result<DownloadWriter, ActFault> {
        let name = HEXLOWER.encode(&random_bytes::<16>()?);
        let mut file = self.around.download_files.begin(&name)?;
        for piece in pieces {
            file.add(piece.as_ref())?;
        }
        Ok(file)
    }

    /// The plain answer as it was sealed, or the sealed one in the form that `chukan open` reads.
    fn answer_json(&self, answer: &SealedAnswer) -> Zeroizing<Vec<u8>> {
        let plain = self.open_plaintext(answer);
        plain.unwrap_or_else(|| Zeroizing::new(sealed_json(answer).into_bytes()))
    }
}

fn id_of(of: &DownloadOf, file: &DownloadWriter) -> Result<DownloadId, Refusal> {
    let (of, sha256_of_file) = (of.to_string(), file.sha256());
    let digest = sha256(&[
        b"chukan download v1",
        of.as_bytes(),
        sha256_of_file.as_bytes(),
    ]);
    let text = HEXLOWER
        .encode(&digest)
        .chars()
        .take(32)
        .collect::<String>();
    // Its digits are always those of an id.
    text.parse().map_err(|_| Refusal::NotFound(Thing::Download))
}
