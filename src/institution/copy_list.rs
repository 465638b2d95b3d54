//! Copies the permission list from the core system, verifies it, and answers from the copy. It refuses when the copy
//! is stale or missing.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use super::{ActFault, IntermediateServer};
use crate::domain::{
    permission_list::{
        Decision, ListCopy, PermissionList, PlainList, Question, SignedList, StaleCopy,
    },
    refusal::Refusal,
};

impl IntermediateServer {
    /// Takes over the list that the core system published, when its signature fits.
    ///
    /// # Errors
    /// When the signature or the form is wrong (the copy in use stays), or the state cannot be written.
    pub async fn copy_list(
        &self,
        published: &SignedList,
        now: Timestamp,
    ) -> Result<ListCopy, ActFault> {
        let signed = SignedList::signed_bytes(&published.list);
        self.around
            .core_key
            .verify(&signed, &published.signature)
            .map_err(|_| Refusal::ListUnverified)?;
        let plain: PlainList = serde_json::from_slice(&published.list)?;
        let list = PermissionList::try_from(plain).map_err(|_| Refusal::ListUnverified)?;
        let copy = ListCopy {
            list,
            copied_at: now,
        };
        self.around
            .state
            .keep_list_copy(self.profile.code, &copy)
            .await?;
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Some(copy.clone());
        Ok(copy)
    }

    /// The copy in use, stale or not.
    pub fn list_copy(&self) -> Option<ListCopy> {
        let copy = self.list.read().unwrap_or_else(PoisonError::into_inner);
        copy.clone()
    }

    /// Until when the copy is used.
    pub fn list_usable_until(&self, copy: &ListCopy) -> Timestamp {
        copy.usable_until(self.around.periods.list_age_max)
    }

    /// Whether there is a copy that may be used.
    pub fn has_list(&self, now: Timestamp) -> bool {
        let copy = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let age_max = self.around.periods.list_age_max;
        copy.as_ref()
            .is_some_and(|copy| copy.usable(now, age_max).is_ok())
    }

    /// How old the copy may be.
    pub fn list_age_max(&self) -> SignedDuration {
        self.around.periods.list_age_max
    }

    /// What the copy says to a question of this institution.
    ///
    /// # Errors
    /// When there is no copy, or it is stale.
    pub fn permission(&self, question: &Question<'_>) -> Result<Decision, StaleCopy> {
        let copy = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let copy = copy.as_ref().ok_or(StaleCopy)?;
        let list = copy.usable(question.at, self.around.periods.list_age_max)?;
        Ok(list.decide(question))
    }
}
