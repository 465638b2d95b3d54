//! お知らせ at the portal: what the institutions have sent to the person behind a token.

use super::{World, WorldFault};
use crate::{
    domain::{
        codes::InstitutionCode,
        notice::Notice,
        portal::{PortalToken, PortalUse},
        refusal::{Refusal, Thing},
    },
    store::Page,
};

/// Where a list of the own notices goes on: at this institution, after what came with this token.
pub type NoticePlace = (InstitutionCode, String);

impl World {
    /// The notices that the person sees now, with who sent them: institution by institution, newest first. A page can be
    /// short and still have a next one. That the person looks is on record.
    ///
    /// # Errors
    /// When the token is nobody's, the place is of another list, or a record cannot be written.
    pub async fn own_notices(
        &self,
        token: &PortalToken,
        (from, limit): (Option<NoticePlace>, usize),
    ) -> Result<(Vec<(InstitutionCode, Notice)>, Option<NoticePlace>), WorldFault> {
        let (symbols, now) = (self.core.symbols_of(token)?, self.now());
        let what = PortalUse::NoticesListed;
        self.core.record_portal_use(token, what, now).await?;
        let mut shown = Vec::new();
        for (institution, symbol) in symbols {
            let after = match &from {
                Some((at, _)) if institution < *at => continue,
                Some((at, after)) if institution == *at => after.as_str(),
                Some(_) | None => "",
            };
            if shown.len() == limit {
                return Ok((shown, Some((institution, String::new()))));
            }
            let page = Page::after(after, limit - shown.len());
            let found = self.server(institution)?.notices_of(&symbol, &page, now)?;
            let of_it = found.rows.into_iter().map(|notice| (institution, notice));
            shown.extend(of_it);
            if let Some(token) = found.next_token {
                return Ok((shown, Some((institution, token))));
            }
        }
        Ok((shown, None))
    }

    /// Marks a notice of an institution as read by the person.
    ///
    /// # Errors
    /// When the token is nobody's, the person does not see such a notice, or a record cannot be written.
    pub async fn mark_notice_read(
        &self,
        token: &PortalToken,
        (institution, number): (InstitutionCode, u64),
    ) -> Result<Notice, WorldFault> {
        let (symbols, now) = (self.core.symbols_of(token)?, self.now());
        let what = PortalUse::NoticeRead;
        self.core.record_portal_use(token, what, now).await?;
        let own = symbols.iter().find(|(at, _)| *at == institution);
        let (_, symbol) = own.ok_or(Refusal::NotFound(Thing::Notice))?;
        let server = self.server(institution)?;
        Ok(server.mark_notice_read(symbol, number, now).await?)
    }
}
