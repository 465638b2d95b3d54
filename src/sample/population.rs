//! Synthetic people: seeded, computed from their index, never stored.

use std::fmt;

use jiff::{ToSpan, civil::Date};

use super::{
    bijection::{Bijection, Draws},
    names::{FAMILY_NAMES, FEMALE_NAMES, MALE_NAMES, Name, TOWNS},
    situation::Situation,
};
use crate::domain::{
    codes::{AddresseeNumber, InstitutionCode},
    person::{IndividualNumber, ResidentCode},
};

/// The first digits of every synthetic 個人番号 (ours): `99`, then nine digits and the check digit.
pub const INDIVIDUAL_NUMBER_PREFIX: &str = "99";

const INDIVIDUAL_NUMBERS: u64 = 1_000_000_000;
/// How many people may have a 個人番号 that was changed: the numbers beyond are those of later changes.
const CHANGEABLE: u32 = 10_000_000;
const RESIDENT_CODES: u64 = 10_000_000_000;
const ADDRESSEE_NUMBERS: u64 = 1_000_000_000_000_000;

/// The people of a world.
///
/// A person is an index below the size. Every number of theirs is a seeded bijection of it, so that no two
/// people share one and each is found again without a table.
#[derive(Debug, Clone)]
pub struct Population {
    seed: u64,
    size: u32,
    individual_numbers: Bijection,
    resident_codes: Bijection,
}

/// 性別.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    /// 女.
    Female,
    /// 男.
    Male,
}

/// A synthetic person. Nothing of it is anybody's, and its `Debug` shows only the index all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct SamplePerson {
    /// Which of the population it is, from 0.
    pub index: u32,
    /// 氏.
    pub family_name: Name,
    /// 名.
    pub given_name: Name,
    /// 生年月日.
    pub birth_date: Date,
    /// 性別.
    pub sex: Sex,
    /// 住所, below the municipality; of towns that do not exist.
    pub address: String,
    /// 個人番号, in the synthetic range of [`INDIVIDUAL_NUMBER_PREFIX`].
    pub individual_number: IndividualNumber,
    /// 住民票コード.
    pub resident_code: ResidentCode,
}

impl SamplePerson {
    /// 氏名, as it is written in a register.
    pub fn name(&self) -> String {
        format!("{}　{}", self.family_name.kanji, self.given_name.kanji)
    }

    /// 氏名カナ.
    pub fn kana(&self) -> String {
        format!("{}　{}", self.family_name.kana, self.given_name.kana)
    }
}

impl fmt::Debug for SamplePerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SamplePerson({})", self.index)
    }
}

impl Population {
    /// The people of a seed. The same seed gives the same people; a larger size only adds some.
    ///
    /// Of sizes above 1,000,000,000 (the synthetic 個人番号 there are) only that many people exist.
    pub fn new(seed: u64, size: u32) -> Self {
        Self {
            seed,
            size: size.min(1_000_000_000),
            individual_numbers: Bijection::new(seed, &["individual number"], INDIVIDUAL_NUMBERS),
            resident_codes: Bijection::new(seed, &["resident code"], RESIDENT_CODES),
        }
    }

    /// How many people there are.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The seed they are computed from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The person with an index; none at the size and above.
    pub fn person(&self, index: u32) -> Option<SamplePerson> {
        if index >= self.size {
            return None;
        }
        let mut draws = Draws::new(self.seed, &["person"], index);
        let last_resort = Name {
            kanji: "見本",
            kana: "ミホン",
        };
        let (sex, given_names) = match draws.below(2) {
            0 => (Sex::Female, FEMALE_NAMES),
            _ => (Sex::Male, MALE_NAMES),
        };
        Some(SamplePerson {
            index,
            family_name: draws.one_of(FAMILY_NAMES, last_resort),
            given_name: draws.one_of(given_names, last_resort),
            birth_date: birth_date(&mut draws),
            sex,
            address: address(&mut draws),
            individual_number: self.individual_number(index)?,
            resident_code: self.resident_code(index),
        })
    }

    /// The first 個人番号 of an index. Always there: the digits have the form by construction.
    pub fn individual_number(&self, index: u32) -> Option<IndividualNumber> {
        self.number_at(u64::from(index))
    }

    /// The 個人番号 of an index after it was changed so many times; none when there are no more numbers.
    pub fn individual_number_after(&self, index: u32, changes: u32) -> Option<IndividualNumber> {
        let place = u64::from(index) + u64::from(changes) * u64::from(CHANGEABLE);
        let room = changes == 0 || self.size <= CHANGEABLE;
        (room && place < INDIVIDUAL_NUMBERS).then(|| self.number_at(place))?
    }

    fn number_at(&self, place: u64) -> Option<IndividualNumber> {
        let nine = self.individual_numbers.forward(place);
        let eleven = format!("{INDIVIDUAL_NUMBER_PREFIX}{nine:09}");
        let check = IndividualNumber::check_digit(&eleven)?;
        format!("{eleven}{check}").parse().ok()
    }

    /// The 住民票コード of an index.
    pub fn resident_code(&self, index: u32) -> ResidentCode {
        ResidentCode::from_ten_digits(self.resident_codes.forward(u64::from(index)))
    }

    /// Whose first 個人番号 it is, if it is one of this population.
    pub fn find_by_individual_number(&self, number: &IndividualNumber) -> Option<u32> {
        self.known(self.place_of(number)?)
    }

    /// Whose 個人番号 it is or can become, and after how many changes.
    pub fn find_by_any_number(&self, number: &IndividualNumber) -> Option<(u32, u32)> {
        self.find_with_newcomers(number, 0)
    }

    /// The same, also among so many people who have come since: their indices follow those of the population.
    pub fn find_with_newcomers(
        &self,
        number: &IndividualNumber,
        newcomers: u32,
    ) -> Option<(u32, u32)> {
        let place = self.place_of(number)?;
        if self.size > CHANGEABLE {
            return self.known(place).map(|index| (index, 0));
        }
        let stride = u64::from(CHANGEABLE);
        let changes = u32::try_from(place / stride).ok()?;
        let index = u32::try_from(place % stride).ok()?;
        (index < self.size.saturating_add(newcomers)).then_some((index, changes))
    }

    /// The 個人番号 of a person who comes after so many others; none when there are no more numbers.
    pub fn newcomer_number(&self, newcomers: u32) -> Option<(u32, IndividualNumber)> {
        let index = self.size.checked_add(newcomers)?;
        let number = (index < CHANGEABLE).then(|| self.number_at(index.into()))?;
        Some((index, number?))
    }

    fn place_of(&self, number: &IndividualNumber) -> Option<u64> {
        let digits = number.expose().strip_prefix(INDIVIDUAL_NUMBER_PREFIX)?;
        let nine = digits.get(..9)?.parse().ok()?;
        Some(self.individual_numbers.backward(nine))
    }

    /// The number of a person inside an institution; numbers of two institutions have nothing in common. Always
    /// there: the digits have the form by construction.
    pub fn addressee_number(
        &self,
        index: u32,
        institution: InstitutionCode,
    ) -> Option<AddresseeNumber> {
        let number = self
            .addressee_numbers(institution)
            .forward(u64::from(index));
        format!("{number:015}").parse().ok()
    }

    /// Whose number it is inside the institution, if it is one of this population.
    pub fn find_by_addressee(
        &self,
        institution: InstitutionCode,
        number: AddresseeNumber,
    ) -> Option<u32> {
        let number = number.as_str().parse().ok()?;
        self.known(self.addressee_numbers(institution).backward(number))
    }

    /// The municipality where a person lives; none when there is none. The first persons live in the first one.
    pub fn home(&self, index: u32, municipalities: &[InstitutionCode]) -> Option<InstitutionCode> {
        let first = *municipalities.first()?;
        if index < Situation::FIRST_PERSONS {
            return Some(first);
        }
        let mut draws = Draws::new(self.seed, &["home"], index);
        Some(draws.one_of(municipalities, first))
    }

    /// The municipality a person has moved out of, where the symbol is unlinked and no replica is left; none for
    /// all but [`Situation::MovedOut`].
    pub fn former_home(
        &self,
        index: u32,
        municipalities: &[InstitutionCode],
    ) -> Option<InstitutionCode> {
        match Situation::of(index) == Situation::MovedOut {
            true => municipalities.get(1).copied(),
            false => None,
        }
    }

    fn addressee_numbers(&self, institution: InstitutionCode) -> Bijection {
        let purpose = ["addressee number", institution.as_str()];
        Bijection::new(self.seed, &purpose, ADDRESSEE_NUMBERS)
    }

    fn known(&self, index: u64) -> Option<u32> {
        let index = u32::try_from(index).ok();
        index.filter(|index| *index < self.size)
    }
}

/// A day from 1930 to 2023.
fn birth_date(draws: &mut Draws) -> Date {
    const FIRST: Date = jiff::civil::date(1930, 1, 1);
    let days = i64::try_from(draws.below(94 * 365)).unwrap_or_default();
    FIRST.saturating_add(days.days())
}

fn address(draws: &mut Draws) -> String {
    let town = draws.one_of(TOWNS, "見本町");
    let mut number = |bound| draws.below(bound) + 1;
    let (block, lot, house) = (number(9), number(30), number(20));
    format!("{town}{block}丁目{lot}番{house}号")
}

#[cfg(test)]
mod tests;
