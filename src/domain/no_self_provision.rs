//! 自己情報提供不可: the flags that keep a person's portal from showing the person's own data. It is neither 自動応答不可, which
//! holds requests of institutions, nor 不開示, which hides records.

use serde::{Deserialize, Serialize};

use super::codes::{AddresseeNumber, SpecificInfoCode};

/// A flag of 自己情報提供不可: on a person, a specific information, or both together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoSelfProvision {
    person: Option<AddresseeNumber>,
    specific_info: Option<SpecificInfoCode>,
}

impl NoSelfProvision {
    /// The flag on what is named; nothing where nothing is.
    pub fn on(
        person: Option<AddresseeNumber>,
        specific_info: Option<SpecificInfoCode>,
    ) -> Option<Self> {
        let names_something = person.is_some() || specific_info.is_some();
        names_something.then_some(Self {
            person,
            specific_info,
        })
    }

    /// Every flag that forbids to show this person this specific information.
    pub fn that_forbid(person: AddresseeNumber, info: SpecificInfoCode) -> [Self; 3] {
        let (person, info) = (Some(person), Some(info));
        [(person, info), (person, None), (None, info)].map(|(person, specific_info)| Self {
            person,
            specific_info,
        })
    }

    /// Whom it is on; everybody where nobody is named.
    pub fn person(self) -> Option<AddresseeNumber> {
        self.person
    }

    /// Which specific information it is on; all where none is named.
    pub fn specific_info(self) -> Option<SpecificInfoCode> {
        self.specific_info
    }
}

/// What is done with a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagChange {
    /// It is set.
    Set,
    /// It is taken away.
    Cleared,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_names_a_person_or_a_specific_information() {
        let person: AddresseeNumber = "000000000000001".parse().unwrap();
        let info: SpecificInfoCode = "TM00000000000002".parse().unwrap();
        assert_eq!(NoSelfProvision::on(None, None), None);
        let forbid = NoSelfProvision::that_forbid(person, info);
        for (person, info) in [
            (Some(person), Some(info)),
            (Some(person), None),
            (None, Some(info)),
        ] {
            let flag = NoSelfProvision::on(person, info).unwrap();
            assert_eq!((flag.person(), flag.specific_info()), (person, info));
            assert!(forbid.contains(&flag));
        }
    }
}
