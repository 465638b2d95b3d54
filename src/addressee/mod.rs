//! 団体内統合宛名システム: numbers the people of one institution in front of its intermediate server. Beside the resident
//! network the only room that ever holds a 個人番号: sealed at rest, and every use of one is on record.

mod assign;
mod change;
mod look_up;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::{
    crypto::{
        signing::KeyFault,
        vault::{Vault, VaultFault},
    },
    domain::{
        addressee::{Addressee, AddresseeRefusal, FourItems},
        codes::{AddresseeNumber, InstitutionCode},
        person::IndividualNumber,
        record::{Entry, NumberUse},
        refusal::{Refusal, Thing},
        words::SystemName,
    },
    store::{Keeper, RecordBook, RecordFault, State, StoreFault, Version},
};

pub use assign::{Assigned, Assignment, NumberedAs};

/// The addressee system of one institution.
pub struct AddresseeSystem {
    institution: InstitutionCode,
    state: State,
    records: RecordBook,
    vault: Vault,
}

impl AddresseeSystem {
    /// The addressee system of `institution`, with numbers sealed by `vault`.
    pub fn new(
        institution: InstitutionCode,
        state: State,
        records: RecordBook,
        vault: Vault,
    ) -> Self {
        Self {
            institution,
            state,
            records,
            vault,
        }
    }

    /// The record of a person.
    ///
    /// # Errors
    /// When there is none.
    pub fn addressee(&self, number: AddresseeNumber) -> Result<Addressee, AddresseeFault> {
        Ok(self.read(number)?.1)
    }

    fn read(&self, number: AddresseeNumber) -> Result<(Version, Addressee), AddresseeFault> {
        let found = self.state.addressee((self.institution, number))?;
        Ok(found.ok_or(Refusal::NotFound(Thing::Addressee))?)
    }

    fn number_digest(&self, number: &IndividualNumber) -> [u8; 32] {
        let tagged = Zeroizing::new(format!("number {}", number.expose()));
        self.vault.digest(tagged.as_bytes())
    }

    fn items_digest(&self, items: &FourItems) -> Result<[u8; 32], AddresseeFault> {
        let tagged = Zeroizing::new(serde_json::to_vec(&("items", items))?);
        Ok(self.vault.digest(&tagged))
    }

    fn seal(
        &self,
        addressee: AddresseeNumber,
        number: &IndividualNumber,
        items: &FourItems,
    ) -> Result<Vec<u8>, AddresseeFault> {
        let plain = Zeroizing::new(serde_json::to_vec(&(number.expose(), items))?);
        Ok(self.vault.seal(&self.place(addressee), &plain)?)
    }

    fn open(&self, addressee: &Addressee) -> Result<(IndividualNumber, FourItems), AddresseeFault> {
        let plain = self
            .vault
            .open(&self.place(addressee.number), &addressee.sealed)?;
        let (number, items): (String, FourItems) = serde_json::from_slice(&plain)?;
        let number = Zeroizing::new(number).parse();
        Ok((number.map_err(|_| VaultFault)?, items))
    }

    fn place(&self, addressee: AddresseeNumber) -> Vec<u8> {
        format!("{} {}", self.institution, addressee.as_str()).into_bytes()
    }

    /// Puts a use of a 個人番号 on record. The person is named by a keyed digest.
    async fn record_use(
        &self,
        purpose: NumberUse,
        person: Option<AddresseeNumber>,
        by: &AskedBy,
    ) -> Result<(), AddresseeFault> {
        let digest = person.map(|person| self.vault.digest(&self.place(person)));
        let entry = Entry::IndividualNumberUsed {
            purpose,
            system: by.system.clone(),
            person_digest: digest.map(|digest| data_encoding::HEXLOWER.encode(&digest)),
        };
        let keeper = Keeper::Institution(self.institution);
        self.records.write(keeper, &entry, by.at).await?;
        Ok(())
    }
}

/// Who has the addressee system use a 個人番号, and when.
#[derive(Debug, Clone)]
pub struct AskedBy {
    /// The business system that the certificate names; nothing where it names none, or where nobody asked.
    pub system: Option<SystemName>,
    /// When.
    pub at: Timestamp,
}

impl AskedBy {
    /// A use that no business system asked for in a call of its own.
    pub fn nobody(at: Timestamp) -> Self {
        Self { system: None, at }
    }
}

/// Why an act of the addressee system did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum AddresseeFault {
    /// A lawful "no", shown to the caller.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A use could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// The state could not be written or read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// A sealed record does not open.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// A number could not be made or sealed.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// A record has not the form that this version writes.
    #[error("a record of the addressee system has not the form that this version writes")]
    Form(#[from] serde_json::Error),
}

impl From<AddresseeRefusal> for AddresseeFault {
    fn from(refusal: AddresseeRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}
