//! Chooses whom a mass acquisition is about, and keeps them.

use std::collections::BTreeSet;

use super::{
    World, WorldFault,
    acquire_symbols::{NOTED_EVERY, PART},
};
use crate::{
    addressee::AddresseeFault,
    domain::{
        codes::{AddresseeNumber, InstitutionCode},
        refusal::{FieldFlaw, Refusal},
    },
    store::Page,
};

/// Whose symbols are to be acquired.
#[derive(Debug, Clone, Default)]
pub struct MassDraft {
    /// These people; nobody means all current people of the addressee system who have no symbol.
    pub people: Vec<AddresseeNumber>,
    /// The most people; nothing means all of them.
    pub count: Option<u64>,
}

impl MassDraft {
    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty() && self.count.is_none()
    }
}

impl World {
    /// Keeps whom a mass acquisition is about; returns how many they are.
    pub(super) async fn choose(
        &self,
        institution: InstitutionCode,
        draft: MassDraft,
    ) -> Result<u64, WorldFault> {
        self.are_current(institution, &draft.people)?;
        let most = draft.count.unwrap_or(u64::MAX);
        let (mut of, mut parts) = (0, 0);
        let mut part = Vec::new();
        let named: BTreeSet<_> = draft.people.into_iter().collect();
        let mut page = (!named.is_empty()).then(|| named.into_iter().collect());
        let mut token = Some(String::new());
        loop {
            let people = match (page.take(), token.take()) {
                (Some(named), _) => named,
                (None, Some(after)) => {
                    let wanted = Page::after(&after, NOTED_EVERY);
                    let found = self.state.current_addressees(institution, &wanted)?;
                    token = found.next_token;
                    found.rows
                }
                (None, None) => break,
            };
            for person in people {
                if of < most && self.state.symbol((institution, person))?.is_none() {
                    of += 1;
                    part.push(person);
                }
                if part.len() == PART {
                    self.state.keep_mass_part(institution, parts, &part).await?;
                    parts += 1;
                    part.clear();
                }
            }
            if of == most {
                break;
            }
        }
        self.state.keep_mass_part(institution, parts, &part).await?;
        Ok(of)
    }

    /// Refuses people whom the addressee system does not deal with: all of them, not the first.
    fn are_current(
        &self,
        institution: InstitutionCode,
        people: &[AddresseeNumber],
    ) -> Result<(), WorldFault> {
        let system = self.addressees(institution)?;
        let mut flaws = Vec::new();
        for (at, person) in people.iter().enumerate() {
            let current = match system.addressee(*person) {
                Ok(addressee) => addressee.is_current().is_ok(),
                Err(AddresseeFault::Refused(_)) => false,
                Err(fault) => return Err(fault.into()),
            };
            if !current {
                flaws.push(FieldFlaw::new(
                    format!("addressee_numbers[{at}]"),
                    "is nobody whom the addressee system deals with",
                    "宛名システムに現存する人の番号ではありません",
                ));
            }
        }
        if flaws.is_empty() {
            return Ok(());
        }
        Err(Refusal::Malformed(flaws).into())
    }
}
