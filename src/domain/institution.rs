//! The institutions of a world: their class, what they hold, and who may handle which affair.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    codes::{AffairCode, InstitutionCode, SpecificInfoCode},
    identity::IdentityPurpose,
    malformed::{Flaw, Malformed},
    names::{UnitCode, UserId},
    refusal::Refusal,
    words::SystemName,
};

/// The words that name the classes, for an error's text.
const CLASS_WORDS: &str = "市町村長, 都道府県知事, 公金受取口座の保有機関";

/// 機関の種別: the class that the permission list speaks of instead of single institutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum InstitutionClass {
    /// 市町村長, the heads of Tokyo's wards included.
    MunicipalMayor,
    /// 都道府県知事.
    PrefecturalGovernor,
    /// The holder of 公金受取口座.
    AccountHolder,
}

impl InstitutionClass {
    /// The law's word, as the definition files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MunicipalMayor => "市町村長",
            Self::PrefecturalGovernor => "都道府県知事",
            Self::AccountHolder => "公金受取口座の保有機関",
        }
    }
}

impl FromStr for InstitutionClass {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        [
            Self::MunicipalMayor,
            Self::PrefecturalGovernor,
            Self::AccountHolder,
        ]
        .into_iter()
        .find(|class| class.as_str() == text)
        .ok_or(Malformed {
            noun: "InstitutionClass",
            noun_ja: "機関の種別",
            flaw: Flaw::Unknown(CLASS_WORDS),
        })
    }
}

text_form!(InstitutionClass);

impl fmt::Display for InstitutionClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who holds the private key that opens the answers to an institution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyHolding {
    /// The intermediate server opens; the business system receives plain items over mutual TLS.
    #[default]
    IntermediateServer,
    /// The business system opens; it receives the sealed answer.
    BusinessSystem,
}

/// Which number of a person a business system speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attachment {
    /// 団体内統合宛名番号: the system attaches at the intermediate server.
    #[default]
    AddresseeNumber,
    /// 宛名番号 of its own: it attaches at the addressee system.
    LocalNumber,
}

/// An institution on the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Institution {
    /// 機関コード.
    pub code: InstitutionCode,
    /// Its Japanese name.
    pub name: String,
    /// Its class.
    pub class: InstitutionClass,
    /// For a ward of a designated city: the city that is asked in its place.
    pub resolves_to: Option<InstitutionCode>,
    /// The specific informations that it provides.
    pub holds: Vec<SpecificInfoCode>,
    /// Who holds its private key.
    pub key_holding: KeyHolding,
    /// Which units may handle an affair. An affair that is not named here is handled by every unit.
    pub units: BTreeMap<AffairCode, Vec<UnitCode>>,
    /// Which users may handle an affair. An affair that is not named here is handled by every user.
    pub users: BTreeMap<AffairCode, Vec<UserId>>,
    /// Which number each business system speaks. One that is not named here speaks 団体内統合宛名番号.
    pub systems: BTreeMap<SystemName, Attachment>,
    /// For which affairs and purposes it may look identity information up.
    pub identity_use: BTreeMap<AffairCode, Vec<IdentityPurpose>>,
}

impl Institution {
    /// Whether the institution may look identity information up for this.
    ///
    /// # Errors
    /// When no row of `identity_use` says so.
    pub fn may_look_up(&self, affair: AffairCode, purpose: IdentityPurpose) -> Result<(), Refusal> {
        let purposes = self.identity_use.get(&affair);
        let entitled = purposes.is_some_and(|purposes| purposes.contains(&purpose));
        entitled.then_some(()).ok_or(Refusal::IdentityNotEntitled)
    }

    /// Whether it answers for residents of its own: a municipality that is not asked at another one.
    pub fn has_residents(&self) -> bool {
        self.class == InstitutionClass::MunicipalMayor && self.resolves_to.is_none()
    }

    /// Whether the business system speaks 宛名番号 of its own.
    pub fn speaks_local(&self, system: &SystemName) -> bool {
        match self.systems.get(system).copied().unwrap_or_default() {
            Attachment::AddresseeNumber => false,
            Attachment::LocalNumber => true,
        }
    }

    /// Lets a unit and a user pass that may handle the affair. Asked at the addressee system and again at the intermediate
    /// server.
    ///
    /// # Errors
    /// Which of them may not, the unit first.
    pub fn authorise(
        &self,
        unit: &UnitCode,
        user: &UserId,
        affair: AffairCode,
    ) -> Result<(), Refusal> {
        let units = self.units.get(&affair);
        if units.is_some_and(|units| !units.contains(unit)) {
            return Err(Refusal::UnitNotAuthorised);
        }
        let users = self.users.get(&affair);
        if users.is_some_and(|users| !users.contains(user)) {
            return Err(Refusal::UserNotAuthorised);
        }
        Ok(())
    }
}

/// All institutions of a world.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    by_code: BTreeMap<InstitutionCode, Institution>,
}

impl Directory {
    /// The directory of these institutions; of two with one code the later counts.
    pub fn new(institutions: impl IntoIterator<Item = Institution>) -> Self {
        let by_code = institutions
            .into_iter()
            .map(|institution| (institution.code, institution))
            .collect();
        Self { by_code }
    }

    /// The institution with this code.
    pub fn find(&self, code: InstitutionCode) -> Option<&Institution> {
        self.by_code.get(&code)
    }

    /// The institution that is asked when this code is named: a ward's city, or the institution itself.
    pub fn resolve(&self, code: InstitutionCode) -> Option<&Institution> {
        let named = self.find(code)?;
        match named.resolves_to {
            Some(city) => self.find(city),
            None => Some(named),
        }
    }

    /// The institutions in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = &Institution> {
        self.by_code.values()
    }

    /// The municipalities that answer for themselves, in the order of their codes: where people live.
    pub fn municipalities(&self) -> Vec<InstitutionCode> {
        let municipalities = self
            .iter()
            .filter(|institution| institution.has_residents());
        municipalities.map(|institution| institution.code).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn institution(code: &str, resolves_to: Option<&str>) -> Institution {
        Institution {
            code: code.parse().unwrap(),
            name: "試験市".into(),
            class: InstitutionClass::MunicipalMayor,
            resolves_to: resolves_to.map(|code| code.parse().unwrap()),
            holds: Vec::new(),
            key_holding: KeyHolding::default(),
            units: BTreeMap::new(),
            users: BTreeMap::new(),
            systems: BTreeMap::new(),
            identity_use: BTreeMap::new(),
        }
    }

    #[test]
    fn a_ward_is_asked_at_its_city() {
        let (city, ward) = ("9900000000000300", "9900000000000301");
        let directory = Directory::new([institution(city, None), institution(ward, Some(city))]);
        let resolved = |code: &str| {
            let found = directory.resolve(code.parse().unwrap());
            found.map(|institution| institution.code.to_string())
        };
        assert_eq!(resolved(ward).as_deref(), Some(city));
        assert_eq!(resolved(city).as_deref(), Some(city));
        assert_eq!(resolved("9900000000000999"), None);
    }

    #[test]
    fn an_affair_with_units_and_users_is_closed_to_the_others() {
        let mut tax = institution("9900000000000300", None);
        let affair = "JM01000000121000".parse().unwrap();
        tax.units.insert(affair, vec!["ZEI01".parse().unwrap()]);
        let asks = |tax: &Institution, unit: &str, user: &str, affair| {
            tax.authorise(&unit.parse().unwrap(), &user.parse().unwrap(), affair)
        };
        assert_eq!(asks(&tax, "ZEI01", "sato", affair), Ok(()));
        let refused = Err(Refusal::UnitNotAuthorised);
        assert_eq!(asks(&tax, "KOKUHO", "sato", affair), refused);
        tax.users.insert(affair, vec!["suzuki".parse().unwrap()]);
        let refused = Err(Refusal::UserNotAuthorised);
        assert_eq!(asks(&tax, "ZEI01", "sato", affair), refused);
        assert_eq!(asks(&tax, "ZEI01", "suzuki", affair), Ok(()));
        let other = "JM90000000000001".parse().unwrap();
        assert_eq!(asks(&tax, "KOKUHO", "sato", other), Ok(()));
    }
}
