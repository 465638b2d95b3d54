//! A world of its own whose clock stands still until the test sets it.

use chukan::grpc::proto::{
    sim::v1::{
        Clock, CreateWorldRequest, Network, SetClockRequest, SetNetworkRequest, clock::Mode,
        network_service_client::NetworkServiceClient, world_service_client::WorldServiceClient,
    },
    v1::{self, SubmitInquiryRequest, inquiry_service_client::InquiryServiceClient},
};
use prost_types::Timestamp;
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::net::{Net, PEOPLE, SEED};

/// 2026-11-23 09:00 in Japan, when the world begins.
const BEGINNING_S: i64 = 1_795_392_000;

const WORLD: &str = "frozen";

/// Chooses the world in every call.
#[derive(Clone)]
pub(crate) struct Chosen;

impl Interceptor for Chosen {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let world = MetadataValue::from_static(WORLD);
        request.metadata_mut().insert("x-chukan-world", world);
        Ok(request)
    }
}

pub(crate) type InWorld = InterceptedService<Channel, Chosen>;

/// A time of the frozen world, some hours after its beginning.
pub(crate) fn hour(hours: i64) -> Timestamp {
    Timestamp {
        seconds: BEGINNING_S + hours * 3_600,
        nanos: 0,
    }
}

fn at(hours: i64) -> Option<Clock> {
    let mode = Some(Mode::Frozen(hour(hours)));
    Some(Clock { mode })
}

/// Makes the world; it has the people of the default one.
pub(crate) async fn create(net: &Net) {
    let mut worlds = WorldServiceClient::new(net.channel("operator").await);
    let request = CreateWorldRequest {
        world_id: WORLD.into(),
        seed: SEED,
        people: PEOPLE,
        clock: at(0),
    };
    worlds.create_world(request).await.unwrap();
}

/// Sets its clock.
pub(crate) async fn set_hour(net: &Net, hours: i64) {
    let mut worlds = WorldServiceClient::new(net.channel("operator").await);
    let request = SetClockRequest {
        world_id: WORLD.into(),
        clock: at(hours),
    };
    worlds.set_clock(request).await.unwrap();
}

/// Stops the core system: inquiries are accepted and wait.
pub(crate) async fn close_network(net: &Net) {
    let mut networks = NetworkServiceClient::new(channel(net, "operator").await);
    let network = Some(Network {
        stopped: true,
        ..Network::default()
    });
    let request = SetNetworkRequest { network };
    networks.set_network(request).await.unwrap();
}

/// A channel of an institution into the world.
pub(crate) async fn channel(net: &Net, who: &str) -> InWorld {
    InterceptedService::new(net.channel(who).await, Chosen)
}

/// Submits an inquiry made at the world's beginning, waits, and returns it.
pub(crate) async fn ask(
    client: &mut InquiryServiceClient<InWorld>,
    mut request: SubmitInquiryRequest,
) -> v1::Inquiry {
    request.requested_at = Some(hour(0));
    let accepted = client.submit_inquiry(request).await.unwrap().into_inner();
    let wait = v1::WaitInquiryRequest {
        receipt_number: accepted.receipt_number,
        timeout: None,
    };
    let waited = client.wait_inquiry(wait).await.unwrap();
    waited.into_inner().inquiry.unwrap()
}
