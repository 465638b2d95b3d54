//! `PopulationService`: the synthetic people of a world, and the way into the resident network.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{
    caller::Surface,
    fields::{Fields, page_size},
    proto::sim::v1::{self, population_service_server::PopulationService},
    status::{ToStatus, foreign_page_token},
};
use crate::{
    crypto::digest::serial_digest,
    domain::{names::AcquisitionSerial, person::IndividualNumber},
    sample::{population::SamplePerson, situation::Situation},
    world::{PeopleToNumber, World},
};

/// The most people that one call enters.
const PEOPLE_MAX: usize = 1_000_000;

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
        let mut people = Vec::new();
        for index in (first..visit.world.people()).take(size) {
            let person = visit.world.person(index).to_status()?;
            people.extend(person.map(|person| encode(&visit.world, person)));
        }
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
            let digest = serial_digest(serial);
            server.check_serial(digest, visit.world.now()).to_status()?;
        }
        let world = Arc::clone(&visit.world);
        let brought = async move { world.request_symbol(serial, &person).await };
        visit.world.see_through(brought).await.to_status()?;
        Ok(Response::new(v1::RequestSymbolResponse {}))
    }

    async fn number_people(
        &self,
        request: Request<v1::NumberPeopleRequest>,
    ) -> Result<Response<v1::NumberPeopleResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let count = usize::try_from(message.count).unwrap_or(usize::MAX);
        fields.counted("count", count, PEOPLE_MAX);
        let system = fields.required("system", &message.system);
        let wanted = fields.finish(system.map(|system| PeopleToNumber {
            system,
            first: message.first,
            count: message.count,
            unlink: message.unlink,
        }))?;
        let act = |world: Arc<World>, institution| async move {
            world.number_people(institution, wanted).await
        };
        entered.see_through(act).await?;
        Ok(Response::new(v1::NumberPeopleResponse {}))
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
        portal_token: world.core().portal_token(&person.resident_code).expose(),
    }
}
