//! The messages of a mass acquisition.

use std::collections::BTreeMap;

use tonic::Status;

use super::{
    fields::{Fields, timestamp},
    proto::v1,
    symbol::shown,
};
use crate::{
    domain::{
        codes::{AddresseeNumber, InstitutionCode},
        mass_acquisition::{MassAcquisition, MassState},
    },
    world::{MassDraft, World, WorldFault},
};

/// The most people that one call names.
const PEOPLE_MAX: usize = 10_000;

pub(super) fn decode(message: &v1::AcquireSymbolsRequest) -> Result<MassDraft, Status> {
    let mut fields = Fields::default();
    let named = message.addressee_numbers.len();
    if named > 0 {
        fields.counted("addressee_numbers", named, PEOPLE_MAX);
    }
    let mut people = Vec::with_capacity(named.min(PEOPLE_MAX));
    for (at, text) in message.addressee_numbers.iter().enumerate() {
        let number: Option<AddresseeNumber> =
            fields.required(&format!("addressee_numbers[{at}]"), text);
        people.extend(number);
    }
    fields.finish(Some(MassDraft {
        people,
        count: (message.count > 0).then_some(message.count),
    }))
}

/// How the institution's mass acquisition stands, with its people counted by state.
pub(super) fn count(
    world: &World,
    institution: InstitutionCode,
) -> Result<v1::GetMassAcquisitionResponse, WorldFault> {
    let mass = world.mass_acquisition(institution)?;
    let mut people = BTreeMap::new();
    let now = world.now();
    world.look_at_mass(institution, mass.of, |stands| {
        let state = stands.map_or(v1::AcquisitionState::Unspecified, |(acquisition, place)| {
            shown(&acquisition, place, now).0
        });
        *people.entry(state).or_default() += 1;
    })?;
    let people = people.into_iter().map(|(state, people)| v1::PeopleInState {
        state: state.into(),
        people,
    });
    Ok(v1::GetMassAcquisitionResponse {
        mass_acquisition: Some(encode(&mass)),
        people: people.collect(),
    })
}

pub(super) fn encode(mass: &MassAcquisition) -> v1::MassAcquisition {
    let (state, ended_at) = match mass.state {
        MassState::Running => (v1::MassAcquisitionState::Running, None),
        MassState::Ended { at } => (v1::MassAcquisitionState::Ended, Some(at)),
        MassState::Cancelled { at } => (v1::MassAcquisitionState::Cancelled, Some(at)),
    };
    v1::MassAcquisition {
        state: state.into(),
        started_at: Some(timestamp(mass.started_at)),
        ended_at: ended_at.map(timestamp),
        done: mass.done,
        of: mass.of,
        requested: mass.requested,
    }
}
