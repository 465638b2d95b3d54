//! 情報提供: verifies the permit, checks the provider's own list, finds the replicas, seals the answer and records it;
//! or holds the request for a human. TKY.

use std::{collections::HashSet, sync::PoisonError};

use jiff::Timestamp;

use super::{ActFault, IntermediateServer, Surroundings};
use crate::{
    crypto::digest::{sha256, symbol_in_permit},
    domain::{
        exchange::{Outcome, Provided, ProvisionOrder, ProvisionReply, Side},
        inquiry::OutOfOrder,
        jst::jst_date,
        names::PermitId,
        permission_list::{Decision, Question, StaleCopy},
        permit::{Permit, PermitRefusal, PermitTerms, Presented, UsablePermit},
        provision::{HoldReason, Provision, ProvisionEvent, ProvisionState},
        record::{Entry, ProvisionRecord},
        result::ResultCode,
        selection::{Found, Selection, select},
    },
};

/// Permits that are being used at this moment, so that of two presented at once only one is.
pub(super) type PermitsInHand = HashSet<PermitId>;

/// The provider's reply, and the rule that decided it, for the journal.
#[derive(Debug)]
pub struct Decided {
    /// The reply.
    pub reply: ProvisionReply,
    /// The rule in Japanese, for a person; it names nobody.
    pub rule: String,
    /// What is kept of an answer or a refusal until the inquirer has it: [`IntermediateServer::settle_answered`].
    pub answered: Option<Box<Provision>>,
}

/// What the rules make of a request.
enum Verdict {
    Hold(HoldReason),
    Refuse(ResultCode, String),
    Provide(Provided, String),
}

impl IntermediateServer {
    /// Decides an order of the core system. What leaves here is on record.
    ///
    /// # Errors
    /// When the record cannot be written, or the state not read: nothing is released then.
    pub async fn provide(
        &self,
        order: &ProvisionOrder,
        now: Timestamp,
    ) -> Result<Decided, ActFault> {
        let permit = match self.usable_permit(order, now) {
            Ok(permit) => permit,
            Err(PermitRefusal::Expired) => return self.end_expired(order, now).await,
            Err(refusal) => return self.refuse_permit(order, refusal, now).await,
        };
        let permit_id = permit.terms().permit_id;
        let Some(_in_hand) = self.take_in_hand(permit_id)? else {
            return self.refuse_permit(order, PermitRefusal::Used, now).await;
        };
        let mut provision = self.received(permit.terms(), order, now)?;
        let (outcome, answer, rule) = match self.verdict(&provision, now)? {
            Verdict::Hold(why) => return self.hold(provision, why, now).await,
            Verdict::Refuse(code, rule) => {
                let outcome = Outcome::without_answer(code, Side::Provider);
                (outcome, None, rule)
            }
            Verdict::Provide(provided, rule) => {
                let (outcome, sealed) = self.seal_answer(&provision, &provided, now)?;
                (outcome, Some(sealed), rule)
            }
        };
        provision.state = provision.state.apply(ProvisionEvent::Answered {
            at: now,
            outcome,
            answer,
        })?;
        self.answer(provision, rule, now).await
    }

    fn genuine_permit(&self, order: &ProvisionOrder) -> Result<Permit, PermitRefusal> {
        let core = &self.core_signatures;
        let verify = |message: &[u8], signature: &[u8]| core.verify(message, signature).is_ok();
        Permit::read(&order.permit, verify)
    }

    fn usable_permit(
        &self,
        order: &ProvisionOrder,
        now: Timestamp,
    ) -> Result<UsablePermit, PermitRefusal> {
        let permit = self.genuine_permit(order)?;
        let symbol_digest = symbol_in_permit(permit.terms().permit_id, &order.symbol);
        permit.check(&Presented {
            provider: self.profile.code.as_str(),
            symbol_digest: &symbol_digest,
            key_fingerprint: &hex_digest(&order.sealing_key),
            now,
        })
    }

    /// Takes a permit in hand, unless it is in another hand or used up.
    fn take_in_hand(&self, permit: PermitId) -> Result<Option<InHand<'_>>, ActFault> {
        let mut in_hand = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_hand.insert(permit) {
            return Ok(None);
        }
        drop(in_hand);
        let hand = InHand {
            server: self,
            permit,
        };
        let used = self
            .around
            .state
            .permit_is_used(self.profile.code, permit)?;
        Ok((!used).then_some(hand))
    }

    fn received(
        &self,
        terms: &PermitTerms,
        order: &ProvisionOrder,
        now: Timestamp,
    ) -> Result<Provision, ActFault> {
        Ok(Provision {
            subject: terms.subject.clone(),
            permit_id: terms.permit_id,
            permission_row: terms.permission_row.clone(),
            symbol: order.symbol,
            addressee: self.around.state.person(self.profile.code, &order.symbol)?,
            sealing_key: order.sealing_key,
            permit_digest: sha256(&[&order.permit.terms]),
            received_at: now,
            state: ProvisionState::Received,
        })
    }

    fn verdict(&self, provision: &Provision, now: Timestamp) -> Result<Verdict, ActFault> {
        let subject = &provision.subject;
        let refuse = |code, rule: &str| Ok(Verdict::Refuse(code, rule.to_owned()));
        let Some(inquirer) = self.around.directory.find(subject.inquirer) else {
            return refuse(ResultCode::NotPermitted, "照会機関が存在しない");
        };
        let question = Question {
            inquirer,
            affair: subject.affair,
            procedure: subject.procedure,
            provider: &self.profile,
            specific_info: subject.specific_info,
            at: now,
        };
        let permission = match self.permission(&question) {
            Err(StaleCopy) => {
                let rule = "照会許可照合リストの写しが古いか、ない".to_owned();
                return Ok(Verdict::Refuse(ResultCode::PermissionListUnusable, rule));
            }
            Ok(Decision::Refused(_)) => {
                return refuse(
                    ResultCode::NotPermitted,
                    "提供機関の照会許可照合リストに該当する行がない",
                );
            }
            Ok(Decision::Allowed(permission)) => permission,
        };
        if !self.profile.holds.contains(&subject.specific_info) {
            return refuse(
                ResultCode::WrongInstitution,
                "この機関は、この特定個人情報を保有しない",
            );
        }
        let Some(person) = provision.addressee else {
            return refuse(ResultCode::WrongInstitution, "符号に紐付く者がいない");
        };
        let state = &self.around.state;
        if let Some(flag) = state.fitting_flag(self.profile.code, person, subject.specific_info)? {
            return Ok(Verdict::Hold(flag.reason()));
        }
        match self.found(provision, now)? {
            Found::NotRegistered => refuse(ResultCode::NotRegistered, "条件に合う副本がない"),
            Found::NotDeclared => refuse(ResultCode::NotDeclared, "すべての項目が未申告"),
            Found::OutsidePublication => refuse(
                ResultCode::OutsidePublication,
                "条件に合う副本がすべて公開期間外",
            ),
            Found::Answer { answer, partly } => {
                let rule = format!("自機関の照会許可照合リスト {}", permission.row());
                let withheld = partly;
                Ok(Verdict::Provide(Provided { answer, withheld }, rule))
            }
        }
    }

    /// What the person's replicas say to a request on this day.
    pub(super) fn found(&self, provision: &Provision, now: Timestamp) -> Result<Found, ActFault> {
        let Some(person) = provision.addressee else {
            return Ok(Found::NotRegistered);
        };
        let subject = &provision.subject;
        let Surroundings { state, layouts, .. } = &self.around;
        let replicas = state.replicas_of(self.profile.code, person, subject.specific_info)?;
        let replicas = layouts.in_effect(replicas, jst_date(now));
        let selection = Selection {
            items: &subject.items,
            condition: subject.condition,
            on: jst_date(now),
        };
        Ok(select(&replicas, &selection))
    }

    /// Parks a request for the staff: the entry that uses up its permit first.
    async fn hold(
        &self,
        mut provision: Provision,
        why: HoldReason,
        now: Timestamp,
    ) -> Result<Decided, ActFault> {
        let held = ProvisionEvent::Held { at: now, why };
        provision.state = provision.state.apply(held)?;
        let entry = entry_of(&provision);
        let recorded = self.around.records.write(self.keeper(), &entry, now);
        let _until_the_state_has_it = recorded.await?;
        drop(self.around.state.keep_provision(&provision).await?);
        self.queue_changed();
        Ok(Decided {
            reply: ProvisionReply::Held,
            rule: format!("自動応答不可フラグ（{}）", why.ja()),
            answered: None,
        })
    }

    /// Keeps what the rules answered, then records it, and only then replies. So a crash after the record finds the
    /// same answer again, and nothing is provided twice.
    async fn answer(
        &self,
        provision: Provision,
        rule: String,
        now: Timestamp,
    ) -> Result<Decided, ActFault> {
        let (records, state) = (&self.around.records, &self.around.state);
        let ProvisionState::Answered {
            outcome, answer, ..
        } = &provision.state
        else {
            return Err(OutOfOrder.into());
        };
        let reply = ProvisionReply::Ended(outcome.clone(), answer.clone());
        state.keep_provision(&provision).await?.durable().await?;
        let entry = entry_of(&provision);
        let recorded = records.write(self.keeper(), &entry, now).await?;
        let serial = provision.subject.serial;
        records.note(self.keeper(), serial, &recorded.place).await?;
        Ok(Decided {
            reply,
            rule,
            answered: Some(Box::new(provision)),
        })
    }

    /// Ends the exchange of a permit that came too late. Its exchange is on record here once; presented again it is
    /// only a refused permit.
    async fn end_expired(
        &self,
        order: &ProvisionOrder,
        now: Timestamp,
    ) -> Result<Decided, ActFault> {
        let refusal = PermitRefusal::Expired;
        let Ok(permit) = self.genuine_permit(order) else {
            return self.refuse_permit(order, refusal, now).await;
        };
        let terms = permit.terms();
        let seen = self
            .around
            .state
            .provision(self.profile.code, terms.subject.serial)?;
        let in_hand = self.take_in_hand(terms.permit_id)?;
        if seen.is_some() || in_hand.is_none() {
            return self.refuse_permit(order, refusal, now).await;
        }
        let mut provision = self.received(terms, order, now)?;
        let outcome = Outcome::without_answer(refusal.code(), Side::Provider);
        provision.state = provision.state.apply(ProvisionEvent::Answered {
            at: now,
            outcome,
            answer: None,
        })?;
        let rule = refusal.code().message_ja().to_owned();
        self.answer(provision, rule, now).await
    }

    async fn refuse_permit(
        &self,
        order: &ProvisionOrder,
        refusal: PermitRefusal,
        now: Timestamp,
    ) -> Result<Decided, ActFault> {
        let genuine = self.genuine_permit(order).ok();
        let entry = Entry::PermitRefused {
            reason: refusal.to_string(),
            terms_digest: hex_digest(&order.permit.terms),
            serial: genuine.map(|permit| permit.terms().subject.serial),
        };
        self.around
            .records
            .write(self.keeper(), &entry, now)
            .await?;
        let outcome = Outcome::without_answer(refusal.code(), Side::Provider);
        Ok(Decided {
            reply: ProvisionReply::Ended(outcome, None),
            rule: refusal.code().message_ja().to_owned(),
            answered: None,
        })
    }
}

/// The ledger entry that a request in this state leaves.
pub(super) fn entry_of(provision: &Provision) -> Entry {
    let outcome = match &provision.state {
        ProvisionState::Answered { outcome, .. } | ProvisionState::Ended { outcome, .. } => outcome,
        ProvisionState::Decided { decision, .. } => &decision.outcome,
        ProvisionState::Received
        | ProvisionState::Held { .. }
        | ProvisionState::Checked { .. }
        | ProvisionState::SentBack { .. } => {
            return Entry::Held {
                subject: provision.subject.clone(),
                permit_id: provision.permit_id,
            };
        }
    };
    Entry::Provision(ProvisionRecord {
        side: Side::Provider,
        subject: provision.subject.clone(),
        outcome: outcome.clone(),
        permit_id: Some(provision.permit_id),
        permission_row: Some(provision.permission_row.clone()),
        symbol_digest: Some(hex_digest(&provision.symbol.0)),
    })
}

pub(super) fn hex_digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&sha256(&[bytes]))
}

/// Gives a permit out of hand when it is dropped.
struct InHand<'a> {
    server: &'a IntermediateServer,
    permit: PermitId,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        let permits = &self.server.permits;
        let mut in_hand = permits.lock().unwrap_or_else(PoisonError::into_inner);
        in_hand.remove(&self.permit);
    }
}
