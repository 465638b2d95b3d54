//! `ResidentNetworkService`: how the resident network of a world behaves. Only for the operator.

use jiff::civil::Time;
use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::Fields,
    proto::sim::v1::{self, resident_network_service_server::ResidentNetworkService},
    status::ToStatus,
};
use crate::{
    domain::symbol_request::{Pace, ResidentNetworkPlan, ServiceHours, Station},
    world::World,
};

/// The longest stay at one server, in milliseconds: 30 days.
const STAY_MS_MAX: i64 = 30 * 24 * 3_600_000;

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
    let hours = decode_hours(&mut fields, message);
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
            let seconds_ms = after.seconds.checked_mul(1_000);
            let ms = seconds_ms.and_then(|ms| ms.checked_add(i64::from(after.nanos) / 1_000_000));
            let ms = ms.filter(|ms| (0..=STAY_MS_MAX).contains(ms));
            match ms.and_then(|ms| u32::try_from(ms).ok()) {
                Some(ms) => Pace::AfterMs(ms),
                None => {
                    let en = "must be 0 to 30 days";
                    fields.flaw("after", en, "0日から30日までの長さを指定してください");
                    Pace::Immediate
                }
            }
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

fn decode_hours(fields: &mut Fields, message: &v1::ResidentNetwork) -> Option<ServiceHours> {
    if message.open_from.is_empty() && message.open_until.is_empty() {
        return None;
    }
    let mut time = |field: &str, text: &str| {
        let read = Time::strptime("%H:%M", text).ok();
        if read.is_none() {
            fields.flaw(
                field,
                "is not a time as HH:mm",
                "HH:mm形式の時刻ではありません",
            );
        }
        read
    };
    let from = time("open_from", &message.open_from);
    let to = time("open_until", &message.open_until);
    let (from, to) = from.zip(to)?;
    Some(ServiceHours { from, to })
}

fn encode(plan: &ResidentNetworkPlan) -> v1::ResidentNetwork {
    use v1::resident_network::Pace as Encoded;
    let time = |time: Time| time.strftime("%H:%M").to_string();
    v1::ResidentNetwork {
        pace: match plan.pace {
            Pace::Immediate => None,
            Pace::AfterMs(ms) => Some(Encoded::After(prost_types::Duration {
                seconds: i64::from(ms / 1_000),
                nanos: i32::try_from(ms % 1_000 * 1_000_000).unwrap_or_default(),
            })),
            Pace::AfterPolls(polls) => Some(Encoded::AfterPolls(polls)),
        },
        open_from: plan.hours.map(|hours| time(hours.from)).unwrap_or_default(),
        open_until: plan.hours.map(|hours| time(hours.to)).unwrap_or_default(),
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
