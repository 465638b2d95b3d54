//! 宛名番号付番: finds a person by 個人番号, links the business system's number, or numbers a new person.

use super::{AddresseeFault, AddresseeSystem, AskedBy};
use crate::{
    crypto::digest::random_bytes,
    domain::{
        acquisition::UnlinkReason,
        addressee::{Addressee, AddresseeRefusal, FourItems, LocalName, Standing},
        codes::AddresseeNumber,
        person::IndividualNumber,
        record::NumberUse,
    },
    store::{AddresseeChange, StoreFault},
};

/// How many 団体内統合宛名番号 there are.
const NUMBERS: u64 = 1_000_000_000_000_000;

/// A person whom a business system wants numbered.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// What the business system calls the person.
    pub local: LocalName,
    /// 個人番号.
    pub number: IndividualNumber,
    /// 氏名, 住所, 生年月日, 性別.
    pub items: FourItems,
    /// Whether staff have made sure that somebody with the same four items is another person.
    pub items_checked: bool,
    /// The number for a person who has none yet; nothing for a random one.
    pub preferred: Option<AddresseeNumber>,
}

/// How a person got the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberedAs {
    /// A new person.
    New,
    /// Known by 個人番号; the local number is new.
    Linked,
    /// Known, with this local number.
    Known,
    /// Had left, and is back.
    Returned,
}

/// A numbered person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// 団体内統合宛名番号.
    pub number: AddresseeNumber,
    /// How.
    pub numbered_as: NumberedAs,
}

impl AddresseeSystem {
    /// Numbers a person; the same assignment twice gives the same number. The four items are brought up to date.
    ///
    /// # Errors
    /// When the 個人番号 has another local number in the system, the local number is another person's, or somebody else
    /// has the same four items and nobody has made sure; when the use cannot be recorded.
    pub async fn assign(
        &self,
        wanted: &Assignment,
        by: &AskedBy,
    ) -> Result<Assigned, AddresseeFault> {
        let number_digest = self.number_digest(&wanted.number);
        let known = self
            .state
            .addressee_by_number(self.institution, &number_digest)?;
        let of_local = self
            .state
            .addressee_by_local(self.institution, &wanted.local)?;
        if of_local.is_some_and(|of_local| Some(of_local) != known) {
            return Err(AddresseeRefusal::LocalNumberTaken.into());
        }
        match known {
            Some(number) => self.assign_known(number, wanted, by).await,
            None => self.assign_new(wanted, by).await,
        }
    }

    async fn assign_known(
        &self,
        number: AddresseeNumber,
        wanted: &Assignment,
        by: &AskedBy,
    ) -> Result<Assigned, AddresseeFault> {
        let (version, before) = self.read(number)?;
        let mut next = before.link(wanted.local.clone())?;
        let numbered_as = match before.standing {
            Standing::Left {
                reason: UnlinkReason::Died,
            } => return Err(AddresseeRefusal::Died.into()),
            Standing::Left { .. } => NumberedAs::Returned,
            Standing::Current | Standing::MergedInto { .. } => {
                if next == before {
                    NumberedAs::Known
                } else {
                    NumberedAs::Linked
                }
            }
        };
        if numbered_as == NumberedAs::Returned {
            next.standing = Standing::Current;
            next.since = by.at;
        }
        next.items_digest = self.items_digest(&wanted.items)?;
        next.sealed = self.seal(number, &wanted.number, &wanted.items)?;
        let named = Some(number);
        self.record_use(NumberUse::Assigned, named, by).await?;
        let seen = Some((version, &before));
        self.keep(AddresseeChange { seen, next: &next }).await?;
        Ok(Assigned {
            number,
            numbered_as,
        })
    }

    async fn assign_new(
        &self,
        wanted: &Assignment,
        by: &AskedBy,
    ) -> Result<Assigned, AddresseeFault> {
        let items_digest = self.items_digest(&wanted.items)?;
        let alike = self
            .state
            .addressees_by_items(self.institution, &items_digest)?;
        if !alike.is_empty() && !wanted.items_checked {
            return Err(AddresseeRefusal::SameFourItems.into());
        }
        let number = self.free_number(wanted.preferred)?;
        let next = Addressee {
            number,
            standing: Standing::Current,
            since: by.at,
            locals: [wanted.local.clone()].into(),
            number_digest: self.number_digest(&wanted.number),
            items_digest,
            sealed: self.seal(number, &wanted.number, &wanted.items)?,
        };
        let named = Some(number);
        self.record_use(NumberUse::Assigned, named, by).await?;
        let seen = None;
        self.keep(AddresseeChange { seen, next: &next }).await?;
        Ok(Assigned {
            number,
            numbered_as: NumberedAs::New,
        })
    }

    fn free_number(
        &self,
        preferred: Option<AddresseeNumber>,
    ) -> Result<AddresseeNumber, AddresseeFault> {
        let is_free = |number| {
            let found = self.state.addressee((self.institution, number));
            found.map(|found| found.is_none())
        };
        if let Some(number) = preferred
            && is_free(number)?
        {
            return Ok(number);
        }
        loop {
            let drawn = u64::from_be_bytes(random_bytes()?) % NUMBERS;
            if let Ok(number) = format!("{drawn:015}").parse()
                && is_free(number)?
            {
                return Ok(number);
            }
        }
    }

    /// Keeps one record. A conflict means that the person or the local number was numbered at the same moment.
    async fn keep(&self, change: AddresseeChange<'_>) -> Result<(), AddresseeFault> {
        let kept = self
            .state
            .keep_addressees(self.institution, &[change])
            .await;
        match kept {
            Err(StoreFault::Conflict { .. }) => Err(AddresseeRefusal::LocalNumberTaken.into()),
            kept => Ok(kept?),
        }
    }
}
