//! 情報照会 by the staff at the terminal: the same acts as a business system's, with who may and what is on record. SKI.

use jiff::Timestamp;

use super::{
    ActFault, AtWork, InquiryDraft, InquiryProgress, InquiryView, IntermediateServer, Values,
};
use crate::{
    domain::{
        exchange::Provided,
        names::{ReceiptNumber, RecordId},
        permission_list::PermissionRow,
        refusal::Refusal,
        staff::Act,
    },
    store::{Page, PageOf},
};

/// An inquiry as a member of the staff sees it.
#[derive(Debug)]
pub struct OpenedInquiry {
    /// The inquiry as it stands.
    pub view: InquiryView,
    /// What each of its exchanges brought, in their order.
    pub answers: Vec<Brought>,
    /// The most reveals of an account on one day that are nothing special, where this one is beyond it.
    pub beyond_volume: Option<u32>,
}

/// What an exchange brought.
#[derive(Debug)]
pub enum Brought {
    /// No answer, or not yet.
    Nothing,
    /// An answer that the business system alone can open.
    Sealed,
    /// This answer.
    Answer(Provided),
}

/// What becomes of an inquiry that a form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It is new and would be accepted.
    New,
    /// The same form was sent before, and this became of it.
    Known(ReceiptNumber),
}

impl IntermediateServer {
    /// The institution's inquiries of the account's affairs, newest first. A page can be short and still have a next one.
    ///
    /// # Errors
    /// When the member of staff may not see them, or as [`IntermediateServer::inquiries`].
    pub async fn inquiries_at_terminal(
        &self,
        staff: &AtWork,
        (page, wanted): (&Page, Option<InquiryProgress>),
        now: Timestamp,
    ) -> Result<PageOf<InquiryView>, ActFault> {
        let act = Act::ListInquiries;
        let authority = self.begin_act(staff, act, None, now).await?;
        let mut found = self.inquiries(page, wanted)?;
        let may_see = |view: &InquiryView| authority.for_affair(view.inquiry.affair).is_ok();
        found.rows.retain(may_see);
        Ok(found)
    }

    /// An inquiry with its answers, each value masked without [`Values::Shown`].
    ///
    /// # Errors
    /// When there is none, its results were deleted, or the member of staff may not see it.
    pub async fn open_inquiry(
        &self,
        staff: &AtWork,
        receipt: ReceiptNumber,
        values: Values,
        now: Timestamp,
    ) -> Result<OpenedInquiry, ActFault> {
        let act = match values {
            Values::Masked => Act::ReadInquiry,
            Values::Shown => Act::RevealResult,
        };
        let seen = self.inquiry_for(staff, act, receipt);
        let on = Some(receipt.to_string());
        let view = self.settle_act(staff, (act, on), seen, now).await?;
        let states = view.exchanges.iter().map(|exchange| exchange.state.clone());
        let answers = states.map(|state| match state.into_answer() {
            None => Brought::Nothing,
            Some(sealed) => match (self.open_answer(&sealed), values) {
                (None, _) => Brought::Sealed,
                (Some(provided), Values::Masked) => Brought::Answer(provided.masked()),
                (Some(provided), Values::Shown) => Brought::Answer(provided),
            },
        });
        Ok(OpenedInquiry {
            answers: answers.collect(),
            view,
            beyond_volume: match values {
                Values::Masked => None,
                Values::Shown => self.count_volume(staff, now),
            },
        })
    }

    /// Looks whether an inquiry of a member of the staff is new and would be accepted. Its user is the account.
    ///
    /// # Errors
    /// When they may not, or as [`IntermediateServer::submit_inquiry`].
    pub async fn begin_inquiry(
        &self,
        staff: &AtWork,
        draft: &InquiryDraft,
        now: Timestamp,
    ) -> Result<Wish, ActFault> {
        let wish = self.wish(staff, draft, now);
        if let Ok(Wish::Known(_)) = wish {
            return wish;
        }
        let act = Act::SubmitInquiry;
        let id = draft
            .details
            .first()
            .map(|detail| detail.record_id.to_string());
        self.settle_act(staff, (act, id), wish, now).await
    }

    fn wish(&self, staff: &AtWork, draft: &InquiryDraft, now: Timestamp) -> Result<Wish, ActFault> {
        let authority = staff.authority(Act::SubmitInquiry)?;
        let authority = authority.for_affair(draft.affair);
        authority.map_err(Refusal::from)?;
        if let Some(receipt) = self.sent_before(staff, draft)? {
            return Ok(Wish::Known(receipt));
        }
        self.check_inquiry(draft, now)?;
        Ok(Wish::New)
    }

    /// The inquiry that the same form of the same account has become.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn sent_before(
        &self,
        staff: &AtWork,
        draft: &InquiryDraft,
    ) -> Result<Option<ReceiptNumber>, ActFault> {
        let id = |id: &RecordId| self.around.state.receipt_of(self.profile.code, id);
        let Some(detail) = draft.details.first() else {
            return Ok(None);
        };
        let Some(receipt) = id(&detail.record_id)? else {
            return Ok(None);
        };
        let inquiry = self.around.state.inquiry(self.profile.code, receipt)?;
        let own = |user: &str| user == staff.account().name.as_str();
        let own = inquiry.is_some_and(|inquiry| own(inquiry.user.as_str()));
        Ok(own.then_some(receipt))
    }

    /// Puts on record that a member of the staff cancels an inquiry, if they may and something of it is open.
    ///
    /// # Errors
    /// When they may not, there is none, or it has ended.
    pub async fn begin_cancelling(
        &self,
        staff: &AtWork,
        receipt: ReceiptNumber,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let open = self.inquiry_for(staff, Act::CancelInquiry, receipt);
        let open = open.and_then(|view| match view.progress() {
            InquiryProgress::Ended => Err(Refusal::InquiryEnded.into()),
            InquiryProgress::InProgress | InquiryProgress::WaitingForStaff => Ok(()),
        });
        let act = (Act::CancelInquiry, Some(receipt.to_string()));
        self.settle_act(staff, act, open, now).await
    }

    fn inquiry_for(
        &self,
        staff: &AtWork,
        act: Act,
        receipt: ReceiptNumber,
    ) -> Result<InquiryView, ActFault> {
        let authority = staff.authority(act)?;
        let view = self.fetch_result(receipt)?;
        let authority = authority.for_affair(view.inquiry.affair);
        authority.map_err(Refusal::from)?;
        Ok(view)
    }

    /// The rows of the copy of the permission list by which this institution may ask now; none while the copy is stale.
    pub fn askable(&self, now: Timestamp) -> Vec<PermissionRow> {
        let copy = self.list_copy();
        let copy = copy.filter(|_| self.has_list(now));
        let rows = copy
            .as_ref()
            .map(|copy| copy.list.rows_of(&self.profile, now));
        rows.unwrap_or_default().into_iter().cloned().collect()
    }
}
