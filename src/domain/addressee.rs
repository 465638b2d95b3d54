//! 団体内統合宛名: a person as one body knows them, in front of the intermediate server.

use std::{collections::BTreeSet, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    acquisition::UnlinkReason,
    codes::AddresseeNumber,
    malformed::{Flaw, Malformed},
    person::IndividualNumber,
    words::SystemName,
};

/// 宛名番号: names a person inside one business system; 1 to 15 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalNumber(String);

impl LocalNumber {
    /// The number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LocalNumber {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = |flaw| Malformed {
            noun: "LocalNumber",
            noun_ja: "宛名番号",
            flaw,
        };
        let actual = text.chars().count();
        if actual == 0 {
            return Err(malformed(Flaw::Empty));
        }
        if actual > 15 {
            let expected = "1-15";
            return Err(malformed(Flaw::Length { expected, actual }));
        }
        if let Some(at) = text.chars().position(|c| !c.is_ascii_digit()) {
            return Err(malformed(Flaw::Character {
                position: at + 1,
                permitted: "0-9",
            }));
        }
        if IndividualNumber::resembles(text) {
            return Err(malformed(Flaw::LooksLikeIndividualNumber));
        }
        Ok(Self(text.to_owned()))
    }
}

text_form!(LocalNumber);

impl fmt::Display for LocalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number names a person: nothing of it shows.
impl fmt::Debug for LocalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalNumber(hidden)")
    }
}

/// A person in a business system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocalName {
    /// The business system.
    pub system: SystemName,
    /// 宛名番号 there.
    pub number: LocalNumber,
}

/// 性別.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// 女.
    Female,
    /// 男.
    Male,
}

/// 基本4情報: 氏名, 住所, 生年月日, 性別. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FourItems {
    /// 氏名.
    pub name: String,
    /// 住所.
    pub address: String,
    /// 生年月日.
    pub birth_date: Date,
    /// 性別.
    pub sex: Sex,
}

impl fmt::Debug for FourItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FourItems(hidden)")
    }
}

impl Zeroize for FourItems {
    fn zeroize(&mut self) {
        self.name.zeroize();
        self.address.zeroize();
    }
}

impl Drop for FourItems {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for FourItems {}

/// Where a person stands in the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// The body deals with the person.
    Current,
    /// The record was of a person who has another one, which stays.
    MergedInto {
        /// The record that stays.
        number: AddresseeNumber,
    },
    /// 転出 or 死亡.
    Left {
        /// Why.
        reason: UnlinkReason,
    },
}

/// A person as the addressee system keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressee {
    /// 団体内統合宛名番号.
    pub number: AddresseeNumber,
    /// Where the person stands.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    /// What business systems call the person.
    pub locals: BTreeSet<LocalName>,
    /// The keyed digest of the 個人番号.
    pub number_digest: [u8; 32],
    /// The keyed digest of the four items.
    pub items_digest: [u8; 32],
    /// 個人番号 and four items, sealed with the addressee system's key.
    pub sealed: Vec<u8>,
}

impl Addressee {
    /// What the system calls the person.
    pub fn locals_of<'a>(
        &'a self,
        system: &'a SystemName,
    ) -> impl Iterator<Item = &'a LocalNumber> {
        let own = self
            .locals
            .iter()
            .filter(move |local| local.system == *system);
        own.map(|local| &local.number)
    }

    /// Whether the body deals with the person.
    ///
    /// # Errors
    /// When the person has left, or the record was merged into another one.
    pub fn is_current(&self) -> Result<(), AddresseeRefusal> {
        match self.standing {
            Standing::Current => Ok(()),
            Standing::MergedInto { .. } | Standing::Left { .. } => {
                Err(AddresseeRefusal::NotCurrent)
            }
        }
    }

    /// Decides to give the person this local number too. Nothing changes for one that is there.
    ///
    /// # Errors
    /// When the same system calls the person by another number: one 個人番号 would have two local numbers.
    pub fn link(&self, local: LocalName) -> Result<Self, AddresseeRefusal> {
        let taken = |other: &LocalNumber| *other != local.number;
        if !self.locals.contains(&local) && self.locals_of(&local.system).any(taken) {
            return Err(AddresseeRefusal::NumberHeld);
        }
        let mut linked = self.clone();
        linked.locals.insert(local);
        Ok(linked)
    }

    /// Decides that `merged` is a second record of this person: this one takes over its local numbers.
    ///
    /// # Errors
    /// When they are one record, or one of them is not current.
    pub fn merge(&self, merged: &Self, now: Timestamp) -> Result<(Self, Self), AddresseeRefusal> {
        if self.number == merged.number {
            return Err(AddresseeRefusal::MergedWithItself);
        }
        self.is_current()?;
        merged.is_current()?;
        let mut stays = self.clone();
        stays.locals.extend(merged.locals.iter().cloned());
        let gone = Self {
            standing: Standing::MergedInto {
                number: self.number,
            },
            since: now,
            locals: BTreeSet::new(),
            ..merged.clone()
        };
        Ok((stays, gone))
    }

    /// Decides that the person has left.
    ///
    /// # Errors
    /// When the record is not current.
    pub fn leave(&self, reason: UnlinkReason, now: Timestamp) -> Result<Self, AddresseeRefusal> {
        self.is_current()?;
        Ok(Self {
            standing: Standing::Left { reason },
            since: now,
            ..self.clone()
        })
    }
}

/// Why an act of the addressee system is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddresseeRefusal {
    /// The 個人番号 is held by another local number of the system, or by another addressee.
    #[error("the individual number is held by another person of this body")]
    NumberHeld,
    /// The local number is another person's.
    #[error("the local number is another person's")]
    LocalNumberTaken,
    /// Another person has the same four items.
    #[error("another person has the same name, address, birth date and sex")]
    SameFourItems,
    /// The person has left or the record was merged.
    #[error("the person has left, or the record was merged into another one")]
    NotCurrent,
    /// The person has died: nobody comes back under the number.
    #[error("the person has died")]
    Died,
    /// A record cannot be merged with itself.
    #[error("a record cannot be merged with itself")]
    MergedWithItself,
}

impl AddresseeRefusal {
    /// What a Japanese reader is told.
    pub fn ja(self) -> &'static str {
        match self {
            Self::NumberHeld => "この個人番号は、別の宛名番号の人に登録されています。",
            Self::LocalNumberTaken => "この宛名番号は、別の人に登録されています。",
            Self::SameFourItems => {
                "氏名、住所、生年月日及び性別が同じ人が登録されています。別人であることを確認してください。"
            }
            Self::NotCurrent => "対象者は転出若しくは死亡しているか、別の番号に統合されています。",
            Self::Died => "対象者は死亡として登録されています。",
            Self::MergedWithItself => "同じ番号どうしは統合できません。",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(system: &str, number: &str) -> LocalName {
        LocalName {
            system: system.parse().unwrap(),
            number: number.parse().unwrap(),
        }
    }

    fn addressee(number: &str, locals: &[LocalName]) -> Addressee {
        Addressee {
            number: number.parse().unwrap(),
            standing: Standing::Current,
            since: Timestamp::UNIX_EPOCH,
            locals: locals.iter().cloned().collect(),
            number_digest: [1; 32],
            items_digest: [2; 32],
            sealed: Vec::new(),
        }
    }

    const ONE: &str = "000000000000001";
    const TWO: &str = "000000000000002";

    #[test]
    fn a_person_has_one_local_number_in_each_system() {
        let person = addressee(ONE, &[local("tax", "7")]);
        let again = person.link(local("tax", "7")).unwrap();
        assert_eq!(again, person);
        let refused = person.link(local("tax", "8"));
        assert_eq!(refused, Err(AddresseeRefusal::NumberHeld));
        let two = person.link(local("welfare", "8")).unwrap();
        assert_eq!(two.locals.len(), 2);
    }

    #[test]
    fn the_record_that_stays_takes_over_the_local_numbers_and_the_other_is_gone() {
        let now = Timestamp::UNIX_EPOCH;
        let one = addressee(ONE, &[local("tax", "7")]);
        let two = addressee(TWO, &[local("tax", "8"), local("welfare", "9")]);
        let refused = one.merge(&one, now);
        assert_eq!(refused, Err(AddresseeRefusal::MergedWithItself));
        let (stays, gone) = one.merge(&two, now).unwrap();
        assert_eq!(stays.locals.len(), 3);
        assert!(gone.locals.is_empty());
        assert_eq!(gone.is_current(), Err(AddresseeRefusal::NotCurrent));
        assert_eq!(one.merge(&gone, now), Err(AddresseeRefusal::NotCurrent));
        let left = one.leave(UnlinkReason::Died, now).unwrap();
        assert_eq!(
            left.leave(UnlinkReason::Died, now),
            Err(AddresseeRefusal::NotCurrent)
        );
    }

    #[test]
    fn a_local_number_has_up_to_15_digits_and_is_no_individual_number() {
        let flaw = |text: &str| text.parse::<LocalNumber>().unwrap_err().flaw;
        assert!("000000000000001".parse::<LocalNumber>().is_ok());
        assert_eq!(flaw(""), Flaw::Empty);
        assert_eq!(flaw("123456789018"), Flaw::LooksLikeIndividualNumber);
        assert!(matches!(flaw("1234567890123456"), Flaw::Length { .. }));
        assert!(matches!(flaw("12a"), Flaw::Character { position: 3, .. }));
    }
}
