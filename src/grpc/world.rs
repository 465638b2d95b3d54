//! `WorldService`: makes, resets and deletes worlds and sets their clocks. Only for the operator.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::{Fields, timestamp},
    proto::sim::v1::{self, world_service_server::WorldService},
    status::ToStatus,
};
use crate::{
    crypto::digest::random_bytes,
    domain::refusal::Refusal,
    world::{ClockMode, World, WorldFault, WorldName, WorldPlan, Worlds},
};

/// The most people a world may have.
const PEOPLE_MAX: u32 = 1_000_000;

/// How many people live in a world when the caller does not say.
const PEOPLE_USUAL: u32 = 100;

/// The controls of the worlds.
pub struct WorldControls(pub Surface);

#[tonic::async_trait]
impl WorldService for WorldControls {
    async fn create_world(
        &self,
        request: Request<v1::CreateWorldRequest>,
    ) -> Result<Response<v1::CreateWorldResponse>, Status> {
        self.0.operator(&request)?;
        let plan = decode_plan(request.get_ref())?;
        let world = self
            .change(|worlds| async move { worlds.create(plan).await })
            .await?;
        Ok(Response::new(v1::CreateWorldResponse {
            world: Some(encode(&world)),
        }))
    }

    async fn get_world(
        &self,
        request: Request<v1::GetWorldRequest>,
    ) -> Result<Response<v1::GetWorldResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.find(&request.get_ref().world_id)?;
        Ok(Response::new(v1::GetWorldResponse {
            world: Some(encode(&world)),
        }))
    }

    async fn list_worlds(
        &self,
        request: Request<v1::ListWorldsRequest>,
    ) -> Result<Response<v1::ListWorldsResponse>, Status> {
        self.0.operator(&request)?;
        let worlds = self.0.worlds().list();
        let worlds = worlds.iter().map(|world| encode(world)).collect();
        Ok(Response::new(v1::ListWorldsResponse { worlds }))
    }

    async fn delete_world(
        &self,
        request: Request<v1::DeleteWorldRequest>,
    ) -> Result<Response<v1::DeleteWorldResponse>, Status> {
        self.0.operator(&request)?;
        let name = name(&request.get_ref().world_id)?;
        self.change(|worlds| async move { worlds.delete(name.as_str()).await })
            .await?;
        Ok(Response::new(v1::DeleteWorldResponse {}))
    }

    async fn reset_world(
        &self,
        request: Request<v1::ResetWorldRequest>,
    ) -> Result<Response<v1::ResetWorldResponse>, Status> {
        self.0.operator(&request)?;
        let name = name(&request.get_ref().world_id)?;
        let world = self
            .change(|worlds| async move { worlds.reset(name.as_str()).await })
            .await?;
        Ok(Response::new(v1::ResetWorldResponse {
            world: Some(encode(&world)),
        }))
    }

    async fn get_clock(
        &self,
        request: Request<v1::GetClockRequest>,
    ) -> Result<Response<v1::GetClockResponse>, Status> {
        self.0.operator(&request)?;
        let world = self.find(&request.get_ref().world_id)?;
        Ok(Response::new(v1::GetClockResponse {
            now: Some(timestamp(world.now())),
            clock: Some(encode_clock(world.clock())),
        }))
    }

    async fn set_clock(
        &self,
        request: Request<v1::SetClockRequest>,
    ) -> Result<Response<v1::SetClockResponse>, Status> {
        self.0.operator(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let name: Option<WorldName> = fields.required("world_id", &message.world_id);
        let mode = decode_clock(&mut fields, message.clock.as_ref());
        let (name, mode) = fields.finish(name.zip(mode))?;
        let world = self.0.worlds().find(name.as_str()).to_status()?;
        world.set_clock(mode).to_status()?;
        world.delete_old_results().await.to_status()?;
        let due = Arc::clone(&world);
        let expired = world.see_through(async move { due.expire_provisions().await });
        expired.await.to_status()?;
        Ok(Response::new(v1::SetClockResponse {
            now: Some(timestamp(world.now())),
            clock: Some(encode_clock(world.clock())),
        }))
    }
}

impl WorldControls {
    fn find(&self, world_id: &str) -> Result<Arc<World>, Status> {
        let name = name(world_id)?;
        self.0.worlds().find(name.as_str()).to_status()
    }

    /// Changes the worlds to the end, also when the caller goes away meanwhile.
    async fn change<T, F>(&self, change: impl FnOnce(Arc<Worlds>) -> F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, WorldFault>> + Send + 'static,
    {
        let changing = tokio::spawn(change(Arc::clone(self.0.worlds())));
        let changed = changing.await.unwrap_or(Err(WorldFault::Stopped));
        changed.to_status()
    }
}

fn name(world_id: &str) -> Result<WorldName, Status> {
    let mut fields = Fields::default();
    let name = fields.required("world_id", world_id);
    fields.finish(name)
}

fn decode_plan(message: &v1::CreateWorldRequest) -> Result<WorldPlan, Status> {
    let mut fields = Fields::default();
    let name = if message.world_id.is_empty() {
        Some(chosen_name().to_status()?)
    } else {
        fields.required("world_id", &message.world_id)
    };
    let people = match message.people {
        0 => PEOPLE_USUAL,
        people => people,
    };
    if people > PEOPLE_MAX {
        let (en, ja) = (
            format!("must be 0 to {PEOPLE_MAX}"),
            format!("0から{PEOPLE_MAX}まで"),
        );
        fields.flaw("people", en, &ja);
    }
    let clock = decode_clock(&mut fields, message.clock.as_ref());
    let plan = name.zip(clock).map(|(name, clock)| WorldPlan {
        name,
        seed: message.seed,
        people,
        clock,
    });
    fields.finish(plan)
}

/// `w-` and eight hexadecimal digits.
fn chosen_name() -> Result<WorldName, WorldFault> {
    let digits = data_encoding::HEXLOWER.encode(&random_bytes::<4>()?);
    let name = format!("w-{digits}").parse();
    name.map_err(|_| Refusal::WorldExists.into())
}

fn decode_clock(fields: &mut Fields, clock: Option<&v1::Clock>) -> Option<ClockMode> {
    use v1::clock::Mode;
    let (field, mode) = match clock.and_then(|clock| clock.mode.as_ref()) {
        None | Some(Mode::System(_)) => return Some(ClockMode::System),
        Some(Mode::Offset(offset)) => ("clock.offset", offset_ms(offset).map(ClockMode::OffsetMs)),
        Some(Mode::Frozen(at)) => (
            "clock.frozen",
            fields
                .time("clock.frozen", Some(*at))
                .map(ClockMode::Frozen),
        ),
    };
    let mode = mode.filter(|mode| mode.is_sensible());
    if mode.is_none() {
        let en = "the clock would not show a time from 2000 to 2199";
        fields.flaw(field, en, "時計が2000年から2199年までの日時になりません");
    }
    mode
}

fn offset_ms(offset: &prost_types::Duration) -> Option<i64> {
    let seconds = offset.seconds.checked_mul(1_000)?;
    seconds.checked_add(i64::from(offset.nanos) / 1_000_000)
}

fn encode(world: &World) -> v1::World {
    v1::World {
        world_id: world.name().to_string(),
        seed: world.seed(),
        people: world.people(),
        clock: Some(encode_clock(world.clock())),
    }
}

fn encode_clock(mode: ClockMode) -> v1::Clock {
    use v1::clock::Mode;
    let mode = match mode {
        ClockMode::System => Mode::System(v1::SystemClock {}),
        ClockMode::OffsetMs(ms) => Mode::Offset(prost_types::Duration {
            seconds: ms / 1_000,
            nanos: i32::try_from(ms % 1_000 * 1_000_000).unwrap_or_default(),
        }),
        ClockMode::Frozen(at) => Mode::Frozen(timestamp(at)),
    };
    v1::Clock { mode: Some(mode) }
}
