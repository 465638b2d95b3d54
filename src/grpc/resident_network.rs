//! `ResidentNetworkService`: how the resident network of a world behaves. Only for the operator.

use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::{Fields, clock_times, duration},
    proto::sim::v1::{self, resident_network_service_server::ResidentNetworkService},
    status::ToStatus,
};
use crate::{
    domain::symbol_request::{Pace, ResidentNetworkPlan, Station},
    world::World,
};

/// How often an acquisition may have to be asked for at one server.
const POLLS_MAX: u32 = 1_000;

/// The resident networks of the worlds.
pub struct ResidentNetworks(pub Surface);

#[tonic::async_trait]
impl ResidentNetworkService for ResidentNetworks {
    async fn get_resident_network(
        &self,
        request: Request<v1::GetResidentNetworkRequest>,
    ) -> Result<Response<v1::GetResidentNetworkResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        Ok(Response::new(v1::GetResidentNetworkResponse {
            resident_network: Some(encode(&world.resident_network())),
            queues: queues(&world)?,
        }))
    }

    async fn set_resident_network(
        &self,
        request: Request<v1::SetResidentNetworkRequest>,
    ) -> Result<Response<v1::SetResidentNetworkResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        let message = request.into_inner().resident_network.unwrap_or_default();
        let plan = decode(&message)?;
        world.set_resident_network(plan).await.to_status()?;
        Ok(Response::new(v1::SetResidentNetworkResponse {
            resident_network: Some(encode(&world.resident_network())),
            queues: queues(&world)?,
        }))
    }

    async fn change_individual_number(
        &self,
        request: Request<v1::ChangeIndividualNumberRequest>,
    ) -> Result<Response<v1::ChangeIndividualNumberResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        let index = request.get_ref().person_index;
        let number = world.change_individual_number(index).await.to_status()?;
        Ok(Response::new(v1::ChangeIndividualNumberResponse {
            individual_number: number.expose().to_owned(),
        }))
    }
}

fn decode(message: &v1::ResidentNetwork) -> Result<ResidentNetworkPlan, Status> {
    let mut fields = Fields::default();
    let pace = decode_pace(&mut fields, message.pace.as_ref());
    let open = (message.open_from.as_str(), message.open_until.as_str());
    let hours = fields.hours("", open);
    let down = message.down.iter().map(|station| {
        let known = v1::Station::try_from(*station).ok().and_then(station_of);
        if known.is_none() {
            fields.flaw("down", "is not a server", "サーバーではありません");
        }
        known
    });
    let down = down.collect::<Option<Vec<_>>>();
    let plan = down.map(|down| ResidentNetworkPlan {
        pace,
        hours,
        down,
        delivers_twice: message.delivers_twice,
    });
    fields.finish(plan)
}

fn decode_pace(fields: &mut Fields, pace: Option<&v1::resident_network::Pace>) -> Pace {
    match pace {
        None => Pace::Immediate,
        Some(v1::resident_network::Pace::After(after)) => {
            Pace::AfterMs(fields.delay_ms("after", *after))
        }
        Some(v1::resident_network::Pace::AfterPolls(polls)) => {
            if !(1..=POLLS_MAX).contains(polls) {
                let (en, ja) = (
                    format!("must be 1 to {POLLS_MAX}"),
                    format!("1から{POLLS_MAX}まで"),
                );
                fields.flaw("after_polls", en, &ja);
            }
            Pace::AfterPolls(*polls)
        }
    }
}

fn encode(plan: &ResidentNetworkPlan) -> v1::ResidentNetwork {
    use v1::resident_network::Pace as Encoded;
    let (open_from, open_until) = plan.hours.map(clock_times).unwrap_or_default();
    v1::ResidentNetwork {
        pace: match plan.pace {
            Pace::Immediate => None,
            Pace::AfterMs(ms) => Some(Encoded::After(duration(ms))),
            Pace::AfterPolls(polls) => Some(Encoded::AfterPolls(polls)),
        },
        open_from,
        open_until,
        down: plan
            .down
            .iter()
            .map(|at| encode_station(*at).into())
            .collect(),
        delivers_twice: plan.delivers_twice,
    }
}

fn queues(world: &World) -> Result<Vec<v1::StationQueue>, Status> {
    let queues = world.resident_queues().to_status()?.into_iter();
    let queues = queues.map(|(station, requests)| v1::StationQueue {
        station: encode_station(station).into(),
        requests,
    });
    Ok(queues.collect())
}

fn encode_station(station: Station) -> v1::Station {
    match station {
        Station::CommunicationServer => v1::Station::CommunicationServer,
        Station::PrefecturalServer => v1::Station::PrefecturalServer,
        Station::NationalServer => v1::Station::NationalServer,
        Station::CoreSystem => v1::Station::CoreSystem,
    }
}

fn station_of(station: v1::Station) -> Option<Station> {
    match station {
        v1::Station::Unspecified => None,
        v1::Station::CommunicationServer => Some(Station::CommunicationServer),
        v1::Station::PrefecturalServer => Some(Station::PrefecturalServer),
        v1::Station::NationalServer => Some(Station::NationalServer),
        v1::Station::CoreSystem => Some(Station::CoreSystem),
    }
}
