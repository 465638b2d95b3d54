//! `PopulationService`: the synthetic people of a world, and the last step of the resident network.

use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{
    caller::Surface,
    fields::{Fields, page_size},
    proto::sim::v1::{self, population_service_server::PopulationService},
    status::{ToStatus, foreign_page_token},
};
use crate::{
    domain::{names::AcquisitionSerial, person::IndividualNumber},
    sample::{population::SamplePerson, situation::Situation},
    world::World,
};

/// The people of the worlds.
pub struct Populations(pub Surface);

#[tonic::async_trait]
impl PopulationService for Populations {
    async fn list_people(
        &self,
        request: Request<v1::ListPeopleRequest>,
    ) -> Result<Response<v1::ListPeopleResponse>, Status> {
        let visit = self.0.visit(&request)?;
        let message = request.into_inner();
        let size = page_size(message.page_size)?;
        let first = first_of_page(&message.page_token)?;
        let people = (first..visit.world.people()).take(size);
        let people = people.filter_map(|index| visit.world.person(index));
        let people: Vec<_> = people.map(|person| encode(&visit.world, person)).collect();
        let next = people.last().map(|person| person.index + 1);
        let next = next.filter(|next| *next < visit.world.people());
        Ok(Response::new(v1::ListPeopleResponse {
            people,
            next_page_token: next.map(|next| next.to_string()).unwrap_or_default(),
        }))
    }

    async fn request_symbol(
        &self,
        request: Request<v1::RequestSymbolRequest>,
    ) -> Result<Response<v1::RequestSymbolResponse>, Status> {
        let visit = self.0.visit(&request)?;
        let (serial, person) = decode(request.into_inner())?;
        if let Some(institution) = visit.institution {
            // An institution brings only serials of its own.
            let server = visit.world.server(institution).to_status()?;
            server.check_serial(serial, visit.world.now()).to_status()?;
        }
        let brought = visit.world.request_symbol(serial, &person).await;
        brought.to_status()?;
        Ok(Response::new(v1::RequestSymbolResponse {}))
    }
}

/// The token is the index of the next person.
fn first_of_page(token: &str) -> Result<u32, Status> {
    if token.is_empty() {
        return Ok(0);
    }
    let index = token.parse().ok();
    let written_so = |index: &u32| index.to_string() == token;
    index.filter(written_so).ok_or_else(foreign_page_token)
}

fn decode(
    message: v1::RequestSymbolRequest,
) -> Result<(AcquisitionSerial, IndividualNumber), Status> {
    let number = Zeroizing::new(message.individual_number);
    let mut fields = Fields::default();
    let serial = fields.required("acquisition_serial", &message.acquisition_serial);
    let person = fields.required("individual_number", &number);
    fields.finish(serial.zip(person))
}

fn encode(world: &World, person: SamplePerson) -> v1::SamplePerson {
    let special = usize::try_from(person.index).is_ok_and(|index| index < Situation::ALL.len());
    let situation = special.then(|| Situation::of(person.index).ja());
    let institutions = world.person_at_institutions(person.index).into_iter();
    let institutions = institutions.map(|at| v1::PersonAtInstitution {
        institution: at.institution.to_string(),
        addressee_number: at.addressee.as_str().to_owned(),
    });
    v1::SamplePerson {
        index: person.index,
        name: person.name(),
        birth_date: person.birth_date.to_string(),
        individual_number: person.individual_number.expose().to_owned(),
        situation: situation.unwrap_or_default().to_owned(),
        home: world
            .home(person.index)
            .map(|home| home.to_string())
            .unwrap_or_default(),
        institutions: institutions.collect(),
    }
}
