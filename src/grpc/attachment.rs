//! 接続点: a business system attaches at the intermediate server and speaks 団体内統合宛名番号, or at the addressee system and
//! speaks its own 宛名番号. Its certificate says which; requests and answers are converted here, whole, at the door.

use tonic::Status;

use super::{
    caller::Entered,
    fields::Fields,
    proto::v1,
    status::{ToStatus, status_of},
};
use crate::{
    addressee::{AddresseeFault, AddresseeSystem},
    domain::{
        addressee::LocalName,
        codes::AddresseeNumber,
        refusal::{FieldFlaw, Refusal, Thing},
        words::SystemName,
    },
    world::WorldFault,
};

/// The kind of number that a caller speaks.
pub(super) enum Numbers<'a> {
    /// 団体内統合宛名番号: nothing is converted.
    Addressee,
    /// 宛名番号 of a business system.
    Local(&'a AddresseeSystem, &'a SystemName),
}

impl Entered {
    /// Lets an inquiry with 宛名番号 pass whose unit and user may handle the affair: asked here before a number is looked up,
    /// and again at the intermediate server. What is malformed is left to the reading of the request.
    ///
    /// # Errors
    /// Which of the two has no authority.
    pub(super) fn authorised(&self, asked: &v1::SubmitInquiryRequest) -> Result<(), Status> {
        let profile = self.server()?.profile();
        let (unit, user) = (asked.unit_code.parse(), asked.user_id.parse());
        match (self.numbers()?, unit, user, asked.affair.parse()) {
            (Numbers::Local(..), Ok(unit), Ok(user), Ok(affair)) => profile
                .authorise(&unit, &user, affair)
                .map_err(|refusal| status_of(&refusal)),
            _ => Ok(()),
        }
    }

    /// The caller's business system where it speaks 宛名番号.
    ///
    /// # Errors
    /// Never after `Surface::enter`.
    pub(super) fn local_system(&self) -> Result<Option<SystemName>, Status> {
        Ok(match self.numbers()? {
            Numbers::Addressee => None,
            Numbers::Local(_, system) => Some(system.clone()),
        })
    }

    /// The kind of number that the caller speaks.
    ///
    /// # Errors
    /// Never after `Surface::enter`.
    pub(super) fn numbers(&self) -> Result<Numbers<'_>, Status> {
        let profile = self.server()?.profile();
        let local = self.system.as_ref().filter(|own| profile.speaks_local(own));
        let Some(system) = local else {
            return Ok(Numbers::Addressee);
        };
        let addressees = self.world.addressees(self.institution);
        let addressees = addressees.map_err(|refusal| status_of(&refusal))?;
        Ok(Numbers::Local(addressees, system))
    }
}

impl Numbers<'_> {
    /// Turns the numbers of a request into 団体内統合宛名番号, in place. Each comes with the name of its field.
    ///
    /// # Errors
    /// All those that are malformed or unknown to the addressee system.
    pub(super) fn inward<'t>(
        &self,
        numbers: impl Iterator<Item = (String, &'t mut String)>,
    ) -> Result<(), Status> {
        let Self::Local(addressees, system) = self else {
            return Ok(());
        };
        let mut fields = Fields::default();
        for (field, number) in numbers {
            let Some(local) = fields.required(&field, number) else {
                continue;
            };
            let system = SystemName::clone(system);
            let name = LocalName {
                system,
                number: local,
            };
            match addressees.addressee_of(&name) {
                Ok(addressee) => addressee.as_str().clone_into(number),
                Err(AddresseeFault::Refused(Refusal::NotFound(Thing::Addressee))) => {
                    fields.push(unknown(field));
                }
                Err(fault) => return Err(WorldFault::from(fault)).to_status(),
            }
        }
        fields.finish(Some(()))
    }

    /// A number of an answer as the caller knows it: empty for a person whom the caller's system does not call
    /// anything, the first where it has several.
    ///
    /// # Errors
    /// When the addressee system cannot be read.
    pub(super) fn outward(&self, number: AddresseeNumber) -> Result<String, Status> {
        match self {
            Self::Addressee => Ok(number.as_str().to_owned()),
            Self::Local(addressees, system) => {
                let called = addressees.called(number, system);
                let called = called.map_err(WorldFault::from).to_status()?;
                Ok(called.map(|local| local.to_string()).unwrap_or_default())
            }
        }
    }

    /// What the caller's kind of number is called.
    pub(super) fn ja(&self) -> &'static str {
        match self {
            Self::Addressee => "団体内統合宛名番号",
            Self::Local(..) => "宛名番号",
        }
    }

    /// Lets only callers pass that speak 団体内統合宛名番号: what follows is not converted.
    ///
    /// # Errors
    /// For those who speak 宛名番号.
    pub(super) fn only_addressee(&self) -> Result<(), Status> {
        match self {
            Self::Addressee => Ok(()),
            Self::Local(..) => Err(status_of(&Refusal::CallerNotEntitled)),
        }
    }
}

fn unknown(field: String) -> FieldFlaw {
    let en = "is not known to the addressee system";
    FieldFlaw::new(field, en, "団体内統合宛名システムに登録されていません")
}
