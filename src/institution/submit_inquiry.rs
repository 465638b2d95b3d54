//! 情報照会依頼: checks an inquiry and makes it durable. SKI.

use std::{collections::HashMap, sync::atomic::Ordering};

use jiff::{SignedDuration, Timestamp};

use super::{ActFault, IntermediateServer, Received};
use crate::{
    crypto::sealing_key::SealingPublicKey,
    domain::{
        codes::{
            AddresseeNumber, AffairCode, InstitutionCode, ItemCode, ProcedureCode, SpecificInfoCode,
        },
        condition::Condition,
        inquiry::{Asked, Detail, Inquiry, REQUESTED_AHEAD_S_MAX},
        institution::KeyHolding,
        jst::jst_date,
        names::{ReceiptNumber, RecordId, UnitCode, UserId},
        refusal::{FieldFlaw, Refusal},
        sealing_key::RegisteredKey,
    },
    store::StoreFault,
};

/// An inquiry whose every field has its form.
#[derive(Debug, Clone)]
pub struct InquiryDraft {
    /// When the business system made the request.
    pub requested_at: Timestamp,
    /// The unit that asks.
    pub unit: UnitCode,
    /// The user who asks.
    pub user: UserId,
    /// 事務.
    pub affair: AffairCode,
    /// 事務手続.
    pub procedure: ProcedureCode,
    /// 委任元.
    pub delegator: Option<InstitutionCode>,
    /// The key that came with the inquiry.
    pub sealing_key: Option<SealingPublicKey>,
    /// The people.
    pub details: Vec<DetailDraft>,
}

/// One person of an inquiry.
#[derive(Debug, Clone)]
pub struct DetailDraft {
    /// レコード識別番号.
    pub record_id: RecordId,
    /// The person.
    pub addressee: AddresseeNumber,
    /// 不開示.
    pub nondisclosure: bool,
    /// What is asked for.
    pub infos: Vec<AskedDraft>,
}

/// One specific information asked for.
#[derive(Debug, Clone)]
pub struct AskedDraft {
    /// 提供者 as the caller named it; a ward still is a ward.
    pub provider: InstitutionCode,
    /// 委任元 on the provider's side.
    pub provider_delegator: Option<InstitutionCode>,
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
    /// 特定個人情報項目.
    pub items: Vec<ItemCode>,
    /// Which records.
    pub condition: Condition,
}

impl IntermediateServer {
    /// Accepts an inquiry: it is durable, its record ids are used up, and it has its receipt number.
    ///
    /// # Errors
    /// Refusals in this order: unknown institutions, items or a time in the future; record ids used before; no
    /// authority of the unit or the user; no key to seal to.
    pub async fn submit_inquiry(
        &self,
        draft: InquiryDraft,
        now: Timestamp,
    ) -> Result<Inquiry, ActFault> {
        let sealing_key = self.check_inquiry(&draft, now)?;
        let mut inquiry = self.resolve(draft, sealing_key, now);
        loop {
            inquiry.receipt = ReceiptNumber(self.receipts.fetch_add(1, Ordering::Relaxed) + 1);
            match self.around.state.accept_inquiry(&inquiry).await {
                Ok(()) => break,
                // The first precondition is the receipt number's; the others are the record ids'.
                Err(StoreFault::Conflict { precondition: 0 }) => {}
                Err(StoreFault::Conflict { precondition }) => {
                    let field = format!("details[{}].record_id", precondition - 1);
                    return Err(Refusal::RecordIdExists(vec![used_before(field)]).into());
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        self.progress.track(&inquiry);
        Ok(inquiry)
    }

    /// Whether an inquiry would be accepted as it is; returns the key that its answers are to be sealed to.
    ///
    /// # Errors
    /// As [`IntermediateServer::submit_inquiry`].
    pub fn check_inquiry(
        &self,
        draft: &InquiryDraft,
        now: Timestamp,
    ) -> Result<[u8; 32], ActFault> {
        self.check_form(draft, now)?;
        self.check_record_ids(draft)?;
        self.profile
            .authorise(&draft.unit, &draft.user, draft.affair)?;
        self.key_to_seal_to(draft.sealing_key.as_ref(), now)
    }

    /// Takes up again an inquiry that was open when the world was closed. One that was cut off between its last end
    /// and the note of it is closed here.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn resume_inquiry(&self, inquiry: &Inquiry, now: Timestamp) -> Result<(), ActFault> {
        self.progress.track_again(inquiry);
        for (serial, ..) in inquiry.exchanges() {
            let found = self.around.state.exchange(serial)?;
            if found.is_some_and(|(_, state)| state.code().is_final()) {
                self.announce(serial, Received::Ended, now).await?;
            }
        }
        Ok(())
    }

    pub(super) fn check_form(&self, draft: &InquiryDraft, now: Timestamp) -> Result<(), Refusal> {
        let mut flaws = Vec::new();
        let latest = now.checked_add(SignedDuration::from_secs(REQUESTED_AHEAD_S_MAX));
        if latest.is_ok_and(|latest| draft.requested_at > latest) {
            flaws.push(FieldFlaw::new(
                "requested_at",
                format!("lies more than {REQUESTED_AHEAD_S_MAX} s ahead of the world's clock"),
                format!("世界の時計より{REQUESTED_AHEAD_S_MAX}秒を超えて未来の日時です"),
            ));
        }
        if draft.delegator.is_some_and(|code| !self.is_known(code)) {
            flaws.push(unknown_institution("delegator"));
        }
        for (d, detail) in draft.details.iter().enumerate() {
            for (i, asked) in detail.infos.iter().enumerate() {
                let field = format!("details[{d}].specific_infos[{i}]");
                if asked.condition.is_to_come(jst_date(now)) {
                    flaws.push(still_to_come(&field, asked.condition));
                }
                self.check_asked(asked, &field, &mut flaws);
            }
        }
        if flaws.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Malformed(flaws))
        }
    }

    fn check_asked(&self, asked: &AskedDraft, field: &str, flaws: &mut Vec<FieldFlaw>) {
        match self.around.directory.resolve(asked.provider) {
            None => flaws.push(unknown_institution(format!("{field}.provider"))),
            Some(provider) if provider.code == self.profile.code => flaws.push(FieldFlaw::new(
                format!("{field}.provider"),
                "is the inquirer itself",
                "照会者自身を提供者に指定することはできません",
            )),
            Some(_) => {}
        }
        if asked
            .provider_delegator
            .is_some_and(|code| !self.is_known(code))
        {
            flaws.push(unknown_institution(format!("{field}.provider_delegator")));
        }
        let layouts = &self.around.layouts;
        if layouts.versions(asked.specific_info).is_empty() {
            flaws.push(FieldFlaw::new(
                format!("{field}.specific_info"),
                "no layout of this world has this specific information",
                "この特定個人情報名のレイアウトは登録されていません",
            ));
        } else if !layouts
            .unknown_items(asked.specific_info, &asked.items)
            .is_empty()
        {
            flaws.push(FieldFlaw::new(
                format!("{field}.items"),
                "an item is in no layout of the specific information",
                "特定個人情報名のレイアウトにない項目コードがあります",
            ));
        }
    }

    fn is_known(&self, code: InstitutionCode) -> bool {
        self.around.directory.resolve(code).is_some()
    }

    fn check_record_ids(&self, draft: &InquiryDraft) -> Result<(), ActFault> {
        let mut seen: HashMap<&RecordId, usize> = HashMap::new();
        let mut flaws = Vec::new();
        for (d, detail) in draft.details.iter().enumerate() {
            let field = format!("details[{d}].record_id");
            if let Some(first) = seen.insert(&detail.record_id, d) {
                flaws.push(FieldFlaw::new(
                    field,
                    format!("is the same as details[{first}].record_id"),
                    format!("details[{first}].record_idと同じです"),
                ));
            } else if self
                .around
                .state
                .record_id_is_used(self.profile.code, &detail.record_id)?
            {
                flaws.push(used_before(field));
            }
        }
        if flaws.is_empty() {
            Ok(())
        } else {
            Err(Refusal::RecordIdExists(flaws).into())
        }
    }

    /// The X25519 public key that answers are sealed to: the one that came with the inquiry, else the institution's.
    ///
    /// # Errors
    /// When the business system holds the key and none is registered and valid.
    pub fn key_to_seal_to(
        &self,
        with_inquiry: Option<&SealingPublicKey>,
        now: Timestamp,
    ) -> Result<[u8; 32], ActFault> {
        if let Some(key) = with_inquiry {
            return Ok(*key.as_bytes());
        }
        match self.profile.key_holding {
            KeyHolding::IntermediateServer => Ok(*self.sealing.public().as_bytes()),
            KeyHolding::BusinessSystem => {
                let keys = self.around.state.sealing_keys(self.profile.code)?;
                RegisteredKey::in_use(&keys, now)
                    .map(|key| key.public_key)
                    .ok_or_else(|| Refusal::SealingKeyMissing.into())
            }
        }
    }

    pub(super) fn resolve(
        &self,
        draft: InquiryDraft,
        sealing_key: [u8; 32],
        now: Timestamp,
    ) -> Inquiry {
        let directory = &self.around.directory;
        let asked = |asked: AskedDraft| Asked {
            provider: directory
                .resolve(asked.provider)
                .map_or(asked.provider, |resolved| resolved.code),
            provider_delegator: asked.provider_delegator,
            specific_info: asked.specific_info,
            items: asked.items,
            condition: asked.condition,
        };
        let detail = |detail: DetailDraft| Detail {
            record_id: detail.record_id,
            addressee: detail.addressee,
            nondisclosure: detail.nondisclosure,
            infos: detail.infos.into_iter().map(asked).collect(),
        };
        Inquiry {
            receipt: ReceiptNumber(0),
            inquirer: self.profile.code,
            requested_at: draft.requested_at,
            accepted_at: now,
            unit: draft.unit,
            user: draft.user,
            affair: draft.affair,
            procedure: draft.procedure,
            delegator: draft.delegator,
            sealing_key,
            details: draft.details.into_iter().map(detail).collect(),
        }
    }
}

fn unknown_institution(field: impl Into<String>) -> FieldFlaw {
    FieldFlaw::new(
        field,
        "no institution of this world has this code",
        "この機関コードの機関は存在しません",
    )
}

fn still_to_come(field: &str, condition: Condition) -> FieldFlaw {
    let own = match condition {
        Condition::Period(_) => "period.from",
        Condition::FiscalYear(_) | Condition::None => "fiscal_year",
    };
    FieldFlaw::new(
        format!("{field}.condition.{own}"),
        "has not begun yet by the world's clock",
        "世界の時計でまだ始まっていない年度または期間です",
    )
}

pub(super) fn used_before(field: String) -> FieldFlaw {
    FieldFlaw::new(
        field,
        "was used before by this institution",
        "「レコード識別番号」が既に存在しています。",
    )
}
