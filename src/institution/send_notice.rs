//! お知らせ: sends one to a person, takes it back, and answers the portal which there are. OSR.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::{
    domain::{
        acquisition::AcquisitionRefusal,
        notice::{Notice, NoticeDraft, NoticeState, NoticeStep},
        person::Symbol,
        record::Entry,
        refusal::{Refusal, Thing},
    },
    store::{Page, PageOf},
};

impl IntermediateServer {
    /// Sends a notice to a person whom the portal can find: one with a symbol. It is on record before it is there.
    ///
    /// # Errors
    /// When the person has no symbol here; when the record or the state cannot be written.
    pub async fn send_notice(
        &self,
        draft: NoticeDraft,
        now: Timestamp,
    ) -> Result<Notice, ActFault> {
        let (state, code) = (&self.around.state, self.profile.code);
        if state.symbol((code, draft.person))?.is_none() {
            return Err(Refusal::Acquisition(AcquisitionRefusal::NotLinked).into());
        }
        let _one_number_each = self.noticing.lock().await;
        let newest = state.notices(code, &Page::first(1))?.rows.pop();
        let notice = Notice {
            number: newest.map_or(1, |newest| newest.number + 1),
            sent_at: now,
            draft,
            state: NoticeState::Unread,
        };
        self.keep_notice(notice, NoticeStep::Sent, now).await
    }

    /// Takes a notice back: the person sees it no more. Again it changes nothing.
    ///
    /// # Errors
    /// When there is no such notice; when the record or the state cannot be written.
    pub async fn withdraw_notice(&self, number: u64, now: Timestamp) -> Result<Notice, ActFault> {
        let _nobody_else_changes_it = self.noticing.lock().await;
        let notice = self.around.state.notice(self.profile.code, number)?;
        let notice = notice.ok_or(Refusal::NotFound(Thing::Notice))?;
        self.step_on(notice, NoticeStep::Withdrawn, now).await
    }

    /// Marks a notice as read by the person whose symbol this is. Again it changes nothing.
    ///
    /// # Errors
    /// When the person has no such notice, or does not see it now; when the record or the state cannot be written.
    pub async fn mark_notice_read(
        &self,
        symbol: &Symbol,
        number: u64,
        now: Timestamp,
    ) -> Result<Notice, ActFault> {
        let _nobody_else_changes_it = self.noticing.lock().await;
        let (state, code) = (&self.around.state, self.profile.code);
        let person = state.person(code, symbol)?;
        let notice = state.notice(code, number)?;
        let own =
            notice.filter(|notice| Some(notice.draft.person) == person && notice.is_shown(now));
        let notice = own.ok_or(Refusal::NotFound(Thing::Notice))?;
        self.step_on(notice, NoticeStep::Read, now).await
    }

    async fn step_on(
        &self,
        mut notice: Notice,
        step: NoticeStep,
        now: Timestamp,
    ) -> Result<Notice, ActFault> {
        let Some(next) = notice.after(step, now) else {
            return Ok(notice);
        };
        notice.state = next;
        self.keep_notice(notice, step, now).await
    }

    async fn keep_notice(
        &self,
        notice: Notice,
        step: NoticeStep,
        now: Timestamp,
    ) -> Result<Notice, ActFault> {
        let number = notice.number;
        let entry = Entry::Notice { number, step };
        let records = &self.around.records;
        let _until_the_state_has_it = records.write(self.keeper(), &entry, now).await?;
        let kept = self.around.state.keep_notice(self.profile.code, &notice);
        kept.await?;
        Ok(notice)
    }

    /// What the institution has sent, newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn sent_notices(&self, page: &Page) -> Result<PageOf<Notice>, ActFault> {
        Ok(self.around.state.notices(self.profile.code, page)?)
    }

    /// What the person whose symbol this is sees now, newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn notices_of(
        &self,
        symbol: &Symbol,
        page: &Page,
        now: Timestamp,
    ) -> Result<PageOf<Notice>, ActFault> {
        let (state, code) = (&self.around.state, self.profile.code);
        let Some(person) = state.person(code, symbol)? else {
            return Ok(PageOf {
                rows: Vec::new(),
                next_token: None,
            });
        };
        let shown = |notice: &Notice| notice.is_shown(now);
        Ok(state.notices_to((code, person), page, shown)?)
    }
}
