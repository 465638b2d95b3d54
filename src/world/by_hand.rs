//! Single steps of an exchange by hand: a permit that belongs to no inquiry, and a permit put to a provider.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use super::{World, WorldFault};
use crate::{
    crypto::digest::random_bytes,
    domain::{
        codes::{AddresseeNumber, AffairCode, InstitutionCode, ProcedureCode, SpecificInfoCode},
        condition::Condition,
        exchange::{ExchangeRequest, ProvisionOrder, ProvisionReply, Subject},
        names::{PermitId, ProcessingSerial, ReceiptNumber},
        permit::{PermitTerms, SignedPermit},
        person::{SYMBOL_BYTES, Symbol},
        refusal::{FieldFlaw, Refusal},
        result::ResultCode,
    },
    network::Issued,
};

/// Of how many permits the symbols are remembered.
const PERMITS_MAX: usize = 10_000;

/// The receipt numbers of exchanges by hand are at or above this; those of inquiries count up from 1.
const RECEIPTS_BY_HAND: u64 = 9_000_000_000;

/// How many there are, so that a receipt number keeps its ten digits.
const RECEIPTS_BY_HAND_COUNT: u64 = 1_000_000_000;

/// What a permit by hand is to permit.
#[derive(Debug, Clone)]
pub struct PermitDraft {
    /// The person.
    pub addressee: AddresseeNumber,
    /// 事務.
    pub affair: AffairCode,
    /// 事務手続.
    pub procedure: ProcedureCode,
    /// 提供者 as the caller named it; a ward still is a ward.
    pub provider: InstitutionCode,
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
}

/// A permit outside an exchange. The symbol that goes with it stays in the world.
#[derive(Debug, Clone)]
pub struct PermitByHand {
    /// The permit, altered or not.
    pub permit: SignedPermit,
    /// The X25519 public key to seal to.
    pub sealing_key: [u8; 32],
    /// The institution that it is put to.
    pub provider: InstitutionCode,
}

impl World {
    /// The core system's step alone: issues a permit for one exchange of `inquirer`, and asks nobody.
    ///
    /// # Errors
    /// When the provider is unknown or the inquirer itself, the person has no symbol, there is no key to seal to, or
    /// the core system does not permit the exchange.
    pub fn issue_permit(
        &self,
        inquirer: InstitutionCode,
        draft: &PermitDraft,
    ) -> Result<PermitByHand, WorldFault> {
        let server = self.server(inquirer)?;
        let now = self.now();
        let provider = self.provider_by_hand(inquirer, draft.provider)?;
        let symbol = server.linked_symbol(draft.addressee)?;
        let sealing_key = server.key_to_seal_to(None, now)?;
        let request = ExchangeRequest {
            subject: Subject {
                serial: serial_by_hand(inquirer)?,
                requested_at: now,
                inquirer,
                delegator: None,
                affair: draft.affair,
                procedure: draft.procedure,
                provider,
                provider_delegator: None,
                specific_info: draft.specific_info,
                items: Vec::new(),
                condition: Condition::None,
                nondisclosure: false,
            },
            symbol,
            sealing_key,
        };
        match self.core.issue_permit(&request, now)? {
            Issued::Refused(outcome, _) => Err(Refusal::PermitNotIssued(outcome.code).into()),
            Issued::Order {
                order, permit_id, ..
            } => {
                self.handed_out.remember(permit_id, order.symbol);
                Ok(PermitByHand {
                    permit: order.permit,
                    sealing_key,
                    provider,
                })
            }
        }
    }

    /// The provider's step alone: puts a permit to a provider's intermediate server, which records the outcome. Returns
    /// how it ended, or that it waits for the provider's staff; never the answer.
    ///
    /// # Errors
    /// When the provider is unknown, or the record cannot be written.
    pub async fn present_permit(
        self: &Arc<Self>,
        presented: PermitByHand,
    ) -> Result<ResultCode, WorldFault> {
        if self.server(presented.provider).is_err() {
            return Err(unknown_provider().into());
        }
        let world = Arc::clone(self);
        // The caller may go away: what the provider decides is recorded all the same.
        let presenting = self.tasks.spawn(async move {
            let symbol = world.symbol_for(&presented)?;
            let order = ProvisionOrder {
                permit: presented.permit,
                symbol: symbol.unwrap_or(Symbol([0; SYMBOL_BYTES])),
                sealing_key: presented.sealing_key,
            };
            let provider = world.server(presented.provider)?;
            let decided = provider.provide(&order, world.now()).await?;
            if let Some(provision) = decided.answered {
                provider.settle_answered(*provision).await?;
            }
            world.state.settle().await?;
            Ok(match decided.reply {
                ProvisionReply::Ended(outcome, _) => outcome.code,
                ProvisionReply::Held => ResultCode::WaitingForStaff,
            })
        });
        presenting.await.map_err(|_| WorldFault::Stopped)?
    }

    fn provider_by_hand(
        &self,
        inquirer: InstitutionCode,
        named: InstitutionCode,
    ) -> Result<InstitutionCode, Refusal> {
        let resolved = self.directory.resolve(named).ok_or_else(unknown_provider)?;
        if resolved.code == inquirer {
            return Err(Refusal::Malformed(vec![FieldFlaw::new(
                "provider",
                "is the inquirer itself",
                "照会者自身を提供者に指定することはできません",
            )]));
        }
        Ok(resolved.code)
    }

    /// The symbol that belongs to a permit, as far as its terms can be read: remembered since it was issued, or kept by
    /// the provider since it was used.
    fn symbol_for(&self, presented: &PermitByHand) -> Result<Option<Symbol>, WorldFault> {
        let Ok(terms) = serde_json::from_slice::<PermitTerms>(&presented.permit.terms) else {
            return Ok(None);
        };
        if let Some(symbol) = self.handed_out.symbol(terms.permit_id) {
            return Ok(Some(symbol));
        }
        let used = self
            .state
            .provision(presented.provider, terms.subject.serial)?;
        let used = used.filter(|(_, provision)| provision.permit_id == terms.permit_id);
        Ok(used.map(|(_, provision)| provision.symbol))
    }
}

fn unknown_provider() -> Refusal {
    Refusal::Malformed(vec![FieldFlaw::new(
        "provider",
        "no institution of this world has this code, or it does not answer for itself",
        "この機関コードの機関は存在しないか、自らは提供を行いません",
    )])
}

/// A serial that no inquiry has, and with all likelihood no other exchange by hand.
fn serial_by_hand(inquirer: InstitutionCode) -> Result<ProcessingSerial, WorldFault> {
    let receipt = u64::from_be_bytes(random_bytes()?) % RECEIPTS_BY_HAND_COUNT;
    Ok(ProcessingSerial {
        inquirer,
        receipt: ReceiptNumber(RECEIPTS_BY_HAND + receipt),
        detail: u16::from_be_bytes(random_bytes()?),
        info: 0,
    })
}

/// The symbols of the permits that were issued by hand. In memory, bounded: the oldest are forgotten first.
#[derive(Default)]
pub(super) struct HandedOut {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    symbols: HashMap<PermitId, Symbol>,
    order: VecDeque<PermitId>,
}

impl HandedOut {
    fn remember(&self, permit: PermitId, symbol: Symbol) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.symbols.insert(permit, symbol);
        kept.order.push_back(permit);
        if kept.order.len() > PERMITS_MAX
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.symbols.remove(&oldest);
        }
    }

    pub(super) fn symbol(&self, permit: PermitId) -> Option<Symbol> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.symbols.get(&permit).copied()
    }
}
