//! Copies the permission list from the core system, verifies it, and answers from the copy. It refuses when the copy
//! is stale or missing.

use std::sync::PoisonError;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};

use super::{ActFault, IntermediateServer};
use crate::{
    crypto::signing::VerifyingKey,
    domain::{
        codes::InstitutionCode,
        permission_list::{
            Decision, KeptList, ListCopy, PermissionList, PlainList, Question, SignedList,
            StaleCopy,
        },
        refusal::Refusal,
    },
    store::{State, StoreFault},
};

impl IntermediateServer {
    /// Takes over the list that the core system published, when its signature fits.
    ///
    /// # Errors
    /// When the signature or the form is wrong (the copy in use stays), or the state cannot be written.
    pub async fn copy_list(
        &self,
        published: SignedList,
        now: Timestamp,
    ) -> Result<ListCopy, ActFault> {
        let kept = KeptList {
            published,
            copied_at: now,
        };
        let copy = verified(&kept, &self.around.core_key)?;
        self.around
            .state
            .keep_list_copy(self.profile.code, &kept)
            .await?;
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Some(copy.clone());
        Ok(copy)
    }

    /// As when the kept copy could not be read.
    #[cfg(test)]
    pub(crate) fn lose_list(&self) {
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = None;
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

/// The copy that the institution kept. None is better than one that cannot be read or that the core system has not signed: without a copy every
/// exchange is refused until it is copied again.
///
/// # Errors
/// When the state cannot be read.
pub(super) fn kept_list(
    state: &State,
    institution: InstitutionCode,
    core_key: &VerifyingKey,
) -> Result<Option<ListCopy>, StoreFault> {
    let copy = match state.list_copy(institution) {
        Ok(None) => return Ok(None),
        Ok(Some(kept)) => verified(&kept, core_key).ok(),
        Err(StoreFault::Value { .. }) => None,
        Err(fault) => return Err(fault),
    };
    if copy.is_none() {
        tracing::error!(%institution, "the kept copy of the permission list cannot be read or verified; it is not used");
    }
    Ok(copy)
}

fn verified(kept: &KeptList, core_key: &VerifyingKey) -> Result<ListCopy, Refusal> {
    let unverified = Refusal::ListUnverified;
    let SignedList { list, signature } = &kept.published;
    let signature = HEXLOWER.decode(signature.as_bytes()).ok();
    let signed = SignedList::signed_bytes(list);
    core_key
        .verify(&signed, &signature.ok_or(unverified.clone())?)
        .map_err(|_| unverified.clone())?;
    let plain: PlainList = serde_json::from_str(list).map_err(|_| unverified.clone())?;
    Ok(ListCopy {
        list: PermissionList::try_from(plain).map_err(|_| unverified)?,
        copied_at: kept.copied_at,
    })
}
