//! `NetworkService`: how the national network of a world behaves, and the notices of its operator. Only for the operator.

use std::collections::BTreeMap;

use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::{Fields, clock_times, duration},
    proto::sim::v1::{self, network_service_server::NetworkService},
    provision_record::encode_disposal,
    status::ToStatus,
    system::encode_notice,
};
use crate::domain::network_plan::{NetworkPlan, ProviderPlan, Trouble};

/// The most providers in one plan.
const PROVIDERS_MAX: usize = 1_000;

/// The most requests of which one is lost.
const LOSES_EVERY_MAX: u32 = 1_000_000;

/// The national networks of the worlds.
pub struct Networks(pub Surface);

#[tonic::async_trait]
impl NetworkService for Networks {
    async fn get_network(
        &self,
        request: Request<v1::GetNetworkRequest>,
    ) -> Result<Response<v1::GetNetworkResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        Ok(Response::new(v1::GetNetworkResponse {
            network: Some(encode(&world.network())),
        }))
    }

    async fn set_network(
        &self,
        request: Request<v1::SetNetworkRequest>,
    ) -> Result<Response<v1::SetNetworkResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        let plan = decode(&request.into_inner().network.unwrap_or_default())?;
        world.set_network(plan).to_status()?;
        Ok(Response::new(v1::SetNetworkResponse {
            network: Some(encode(&world.network())),
        }))
    }

    async fn post_operation_notice(
        &self,
        request: Request<v1::PostOperationNoticeRequest>,
    ) -> Result<Response<v1::PostOperationNoticeResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let text = fields.required("text", &message.text);
        let from = fields
            .time("from", message.from)
            .unwrap_or_else(|| world.now());
        let until = fields.time("until", message.until);
        let text = fields.finish(text)?;
        let posted = world.post_operation_notice(text, (from, until));
        Ok(Response::new(v1::PostOperationNoticeResponse {
            notice: Some(encode_notice(posted.to_status()?)),
        }))
    }

    async fn withdraw_operation_notice(
        &self,
        request: Request<v1::WithdrawOperationNoticeRequest>,
    ) -> Result<Response<v1::WithdrawOperationNoticeResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        let number = request.get_ref().number;
        world.withdraw_operation_notice(number).to_status()?;
        Ok(Response::new(v1::WithdrawOperationNoticeResponse {}))
    }

    async fn dispose_core_records(
        &self,
        request: Request<v1::DisposeCoreRecordsRequest>,
    ) -> Result<Response<v1::DisposeCoreRecordsResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        let disposed = world.dispose_core_records().await.to_status()?;
        Ok(Response::new(v1::DisposeCoreRecordsResponse {
            disposal: Some(encode_disposal(&disposed)),
        }))
    }
}

fn decode(message: &v1::Network) -> Result<NetworkPlan, Status> {
    let mut fields = Fields::default();
    let hours = fields.hours("", (&message.open_from, &message.open_until));
    let mut providers = BTreeMap::new();
    if message.providers.len() > PROVIDERS_MAX {
        fields.counted("providers", message.providers.len(), PROVIDERS_MAX);
    }
    for (index, provider) in message.providers.iter().enumerate() {
        let at = format!("providers[{index}].");
        let plan = decode_provider(&mut fields, &at, provider);
        let field = format!("{at}institution");
        let Some(institution) = fields.required(&field, &provider.institution) else {
            continue;
        };
        if providers.insert(institution, plan).is_some() {
            fields.flaw(field, "is named twice", "同じ機関が二度指定されています");
        }
    }
    fields.finish(Some(NetworkPlan {
        hours,
        stopped: message.stopped,
        providers,
    }))
}

fn decode_provider(fields: &mut Fields, at: &str, provider: &v1::Provider) -> ProviderPlan {
    use v1::provider::Trouble as Encoded;
    let hours = fields.hours(at, (&provider.open_from, &provider.open_until));
    let trouble = match provider.trouble {
        None => Trouble::None,
        Some(Encoded::Unreachable(true)) => Trouble::Unreachable,
        Some(Encoded::Unreachable(false)) => {
            let en = "must be true, or leave it out";
            let ja = "trueを指定するか、省略してください";
            fields.flaw(format!("{at}unreachable"), en, ja);
            Trouble::None
        }
        Some(Encoded::LosesEvery(of)) => {
            if !(1..=LOSES_EVERY_MAX).contains(&of) {
                let en = format!("must be 1 to {LOSES_EVERY_MAX}");
                let ja = format!("1から{LOSES_EVERY_MAX}まで");
                fields.flaw(format!("{at}loses_every"), en, &ja);
            }
            Trouble::LosesEvery(of)
        }
    };
    let delay = provider.delay.unwrap_or_default();
    ProviderPlan {
        hours,
        trouble,
        delay_ms: fields.delay_ms(&format!("{at}delay"), delay),
    }
}

fn encode(plan: &NetworkPlan) -> v1::Network {
    let (open_from, open_until) = plan.hours.map(clock_times).unwrap_or_default();
    v1::Network {
        open_from,
        open_until,
        stopped: plan.stopped,
        providers: plan
            .providers
            .iter()
            .map(|(institution, plan)| encode_provider(institution.to_string(), plan))
            .collect(),
    }
}

fn encode_provider(institution: String, plan: &ProviderPlan) -> v1::Provider {
    use v1::provider::Trouble as Encoded;
    let (open_from, open_until) = plan.hours.map(clock_times).unwrap_or_default();
    v1::Provider {
        institution,
        open_from,
        open_until,
        trouble: match plan.trouble {
            Trouble::None => None,
            Trouble::Unreachable => Some(Encoded::Unreachable(true)),
            Trouble::LosesEvery(of) => Some(Encoded::LosesEvery(of)),
        },
        delay: (plan.delay_ms > 0).then(|| duration(plan.delay_ms)),
    }
}
