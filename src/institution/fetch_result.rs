//! 情報照会結果取得: the inquiry as it stands, its answers opened where this server holds the key. SKI.

use jiff::Timestamp;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::{ActFault, IntermediateServer};
use crate::{
    crypto::sealing::Sealed,
    domain::{
        exchange::{Provided, SealedAnswer, Side},
        inquiry::{Asked, ExchangeState, Inquiry},
        names::{ProcessingSerial, ReceiptNumber},
        refusal::{Refusal, Thing},
        result::ResultCode,
        words::Note,
    },
    store::{Page, PageOf},
};

/// An inquiry as it stands.
#[derive(Debug)]
pub struct InquiryView {
    /// The inquiry.
    pub inquiry: Inquiry,
    /// Its exchanges, in the order of the request.
    pub exchanges: Vec<ExchangeView>,
    /// When the results will be deleted; nothing while an exchange is open.
    pub expires_at: Option<Timestamp>,
}

/// One exchange as it stands.
#[derive(Debug)]
pub struct ExchangeView {
    /// 処理通番.
    pub serial: ProcessingSerial,
    /// How it stands or ended.
    pub code: ResultCode,
    /// The state, with who decided and the sealed answer.
    pub state: ExchangeState,
    /// What the provider's staff has to say about its refusal.
    pub note: Option<Note>,
}

/// How far an inquiry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InquiryProgress {
    /// An exchange is under way.
    InProgress,
    /// No exchange moves by itself any more, and one waits for the provider's staff.
    WaitingForStaff,
    /// Every exchange has ended.
    Ended,
}

impl ExchangeView {
    /// Leaves out the answer, which is handed out by itself.
    pub fn leave_answer_out(&mut self) {
        if let ExchangeState::Ended { answer, .. } = &mut self.state {
            *answer = None;
        }
    }

    /// The text of the result. Two of them are known to users with the particulars in them; `called` is the person as the
    /// reader calls them.
    pub fn message(&self, called: &str, asked: &Asked) -> String {
        let at_inquirer = match &self.state {
            ExchangeState::Ended { outcome, .. } => outcome.decided_by == Side::Inquirer,
            ExchangeState::Accepted | ExchangeState::Waiting { .. } => false,
        };
        match self.code {
            ResultCode::SymbolMissing if at_inquirer => {
                format!("指定された{called}は符号が未取得です。")
            }
            ResultCode::NotPermitted => format!(
                "指定された特定個人情報名「{}」の照会は許可されていません。",
                asked.specific_info
            ),
            other => other.message_ja().to_owned(),
        }
    }
}

impl InquiryView {
    /// How far the inquiry has come.
    pub fn progress(&self) -> InquiryProgress {
        let moving = |exchange: &&ExchangeView| !exchange.code.is_final();
        let mut moving = self.exchanges.iter().filter(moving).peekable();
        if moving.peek().is_none() {
            InquiryProgress::Ended
        } else if moving.all(|exchange| exchange.code == ResultCode::WaitingForStaff) {
            InquiryProgress::WaitingForStaff
        } else {
            InquiryProgress::InProgress
        }
    }
}

impl IntermediateServer {
    /// The inquiry with this receipt number, as it stands.
    ///
    /// # Errors
    /// When there is none, or its results were deleted.
    pub fn fetch_result(&self, receipt: ReceiptNumber) -> Result<InquiryView, ActFault> {
        let state = &self.around.state;
        let Some(inquiry) = state.inquiry(self.profile.code, receipt)? else {
            let given = state.last_receipt(self.profile.code)?;
            let deleted = receipt.0 > 0 && receipt <= given;
            return Err(if deleted {
                Refusal::ResultsDeleted.into()
            } else {
                Refusal::NotFound(Thing::Inquiry).into()
            });
        };
        self.view(inquiry)
    }

    /// The institution's inquiries as they stand, newest first; of one progress only, if it is given. A page can be short
    /// and still have a next one.
    ///
    /// # Errors
    /// When the state cannot be read, or the page token is of another list.
    pub fn inquiries(
        &self,
        page: &Page,
        wanted: Option<InquiryProgress>,
    ) -> Result<PageOf<InquiryView>, ActFault> {
        let state = &self.around.state;
        state.inquiries(self.profile.code, page, |inquiry| {
            let view = self.view(inquiry)?;
            Ok(wanted
                .is_none_or(|wanted| view.progress() == wanted)
                .then_some(view))
        })
    }

    /// Tells of every change of an open inquiry; nothing when it has ended.
    pub fn changes(&self, receipt: ReceiptNumber) -> Option<watch::Receiver<()>> {
        self.progress.subscribe(receipt)
    }

    /// Opens a sealed answer; nothing when this server does not hold the key.
    pub fn open_answer(&self, answer: &SealedAnswer) -> Option<Provided> {
        serde_json::from_slice(&self.open_plaintext(answer)?).ok()
    }

    pub(super) fn open_plaintext(&self, answer: &SealedAnswer) -> Option<Zeroizing<Vec<u8>>> {
        if answer.key_fingerprint != self.sealing.public().fingerprint().0 {
            return None;
        }
        let sealed = Sealed {
            encapsulated_key: answer.encapsulated_key.as_slice().try_into().ok()?,
            ciphertext: answer.ciphertext.clone(),
            export_context: answer.export_context.to_vec(),
        };
        let opened = self
            .opening
            .open(&self.sealing, &answer.info, &answer.aad, &sealed);
        opened.ok()
    }

    /// Keeps what a provider's staff has to say about its refusal; before the exchange ends.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn keep_refusal_note(
        &self,
        serial: ProcessingSerial,
        note: &Note,
    ) -> Result<(), ActFault> {
        Ok(self.around.state.keep_refusal_note(serial, note).await?)
    }

    pub(super) fn view(&self, inquiry: Inquiry) -> Result<InquiryView, ActFault> {
        let mut exchanges = Vec::new();
        let mut last_end = None;
        for (serial, ..) in inquiry.exchanges() {
            let found = self.around.state.exchange(serial)?;
            let state = found.map_or(ExchangeState::Accepted, |(_, state)| state);
            let code = match &state {
                ExchangeState::Accepted => self.progress.code(serial),
                ExchangeState::Waiting { .. } => ResultCode::WaitingForStaff,
                ExchangeState::Ended { at, outcome, .. } => {
                    last_end = last_end.max(Some(*at));
                    outcome.code
                }
            };
            let refused = code == ResultCode::RefusedByProvider;
            let note = refused.then(|| self.around.state.refusal_note(serial));
            let note = note.transpose()?.flatten();
            exchanges.push(ExchangeView {
                note,
                serial,
                code,
                state,
            });
        }
        let mut view = InquiryView {
            inquiry,
            exchanges,
            expires_at: None,
        };
        if view.progress() == InquiryProgress::Ended {
            let retention = self.around.periods.result_retention;
            view.expires_at = last_end.and_then(|at| at.checked_add(retention).ok());
        }
        Ok(view)
    }
}
