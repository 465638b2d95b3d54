//! `chukan world list|create|delete|reset|clock`: the worlds of a running server, and their clocks.

use std::{io::Write as _, net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};
use tonic::transport::Channel;

use super::{client::OperatorOptions, fault::CliFault, start::on_runtime};
use crate::{
    domain::jst::JST,
    grpc::proto::sim::v1::{
        Clock, CreateWorldRequest, DeleteWorldRequest, GetClockRequest, ListWorldsRequest,
        ResetWorldRequest, SetClockRequest, SystemClock, World, clock::Mode,
        world_service_client::WorldServiceClient,
    },
    world::DEFAULT_WORLD,
};

#[derive(Debug, Args)]
pub(super) struct WorldCommand {
    /// サーバーのアドレス
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:50551",
        global = true
    )]
    server: SocketAddr,
    /// 証明書のあるデータディレクトリー
    #[arg(long, value_name = "DIR", default_value = "chukan-data", global = true)]
    data: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 世界の一覧を表示する
    List,
    /// 世界を作る
    Create(Create),
    /// 世界を中身ごと消す（defaultは消せない）
    Delete(Named),
    /// 世界を種から作り直す（起きたことはすべて消える）
    Reset(Named),
    /// 世界の時計を見る・進める・止める
    Clock(SetClock),
}

#[derive(Debug, Args)]
struct Create {
    /// 世界の名前（英小文字・数字・-）
    world: String,
    /// 種。同じ種からは同じ住民・符号ができる
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// 住民の数
    #[arg(long, default_value_t = 100)]
    people: u32,
}

#[derive(Debug, Args)]
struct Named {
    /// 世界の名前
    world: String,
    /// 元に戻せないことを承知した
    #[arg(long, required = true)]
    yes: bool,
}

#[derive(Debug, Args)]
struct SetClock {
    /// 世界の名前
    #[arg(long, value_name = "NAME", default_value = DEFAULT_WORLD)]
    world: String,
    #[command(flatten)]
    to: To,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct To {
    /// この長さだけ進める（例 20m、36h、7y）。-を付けると戻す
    #[arg(long, value_name = "長さ", allow_hyphen_values = true)]
    advance: Option<Span>,
    /// この日時で止める（例 2026-12-01T09:00:00+09:00）
    #[arg(long, value_name = "日時")]
    freeze: Option<Timestamp>,
    /// コンピューターの時計に合わせる
    #[arg(long)]
    system: bool,
}

type Worlds = WorldServiceClient<Channel>;

impl WorldCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(async {
            let caller = OperatorOptions {
                server: self.server,
                data: self.data,
                world: DEFAULT_WORLD.to_owned(),
            };
            let mut service = WorldServiceClient::new(caller.connect().await?);
            let mut out = std::io::stdout();
            match self.what {
                What::List => {
                    let listed = service.list_worlds(ListWorldsRequest {}).await?;
                    for world in listed.into_inner().worlds {
                        writeln!(out, "{}", line(&world))?;
                    }
                }
                What::Create(Create {
                    world: world_id,
                    seed,
                    people,
                }) => {
                    let request = CreateWorldRequest {
                        world_id,
                        seed,
                        people,
                        clock: None,
                    };
                    let made = service.create_world(request).await?.into_inner();
                    writeln!(out, "{}", line(&made.world.unwrap_or_default()))?;
                }
                What::Delete(Named { world, .. }) => {
                    let world_id = world.clone();
                    service
                        .delete_world(DeleteWorldRequest { world_id })
                        .await?;
                    writeln!(out, "世界「{world}」を消しました。")?;
                }
                What::Reset(Named { world, .. }) => {
                    let world_id = world;
                    let made = service.reset_world(ResetWorldRequest { world_id }).await?;
                    let made = made.into_inner().world.unwrap_or_default();
                    writeln!(out, "作り直しました: {}", line(&made))?;
                }
                What::Clock(SetClock { world, to }) => {
                    let (now, clock) = set_clock(&mut service, world, to).await?;
                    let (now, mode) = (japanese(now), running(&clock));
                    writeln!(out, "{now}（{mode}）")?;
                }
            }
            Ok(())
        })
    }
}

/// What time it is then, and how the clock runs.
async fn set_clock(
    service: &mut Worlds,
    world_id: String,
    to: To,
) -> Result<(Timestamp, Clock), CliFault> {
    let asked = GetClockRequest {
        world_id: world_id.clone(),
    };
    let got = service.get_clock(asked).await?.into_inner();
    let mode = match to {
        To { system: true, .. } => Mode::System(SystemClock {}),
        To {
            freeze: Some(at), ..
        } => Mode::Frozen(timestamp(at)),
        To {
            advance: Some(by), ..
        } => advanced(&got.clock.unwrap_or_default(), moment(got.now)?, by)?,
        To { .. } => {
            return Ok((moment(got.now)?, got.clock.unwrap_or_default()));
        }
    };
    let clock = Some(Clock { mode: Some(mode) });
    let set = service.set_clock(SetClockRequest { world_id, clock });
    let set = set.await?.into_inner();
    Ok((moment(set.now)?, set.clock.unwrap_or_default()))
}

/// The clock moved on from `now` by a length of the calendar.
fn advanced(clock: &Clock, now: Timestamp, by: Span) -> Result<Mode, CliFault> {
    let too_far = |_| CliFault::Said("時計をそこまで動かせません");
    let here = now.to_zoned(TimeZone::fixed(JST));
    let then = here.checked_add(by).map_err(too_far)?.timestamp();
    let ahead = match &clock.mode {
        Some(Mode::Frozen(_)) => return Ok(Mode::Frozen(timestamp(then))),
        Some(Mode::Offset(ahead)) => SignedDuration::new(ahead.seconds, ahead.nanos),
        Some(Mode::System(_)) | None => SignedDuration::ZERO,
    };
    let ahead = ahead.saturating_add(then.duration_since(now));
    Ok(Mode::Offset(prost_types::Duration {
        seconds: ahead.as_secs(),
        nanos: ahead.subsec_nanos(),
    }))
}

fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

fn moment(at: Option<prost_types::Timestamp>) -> Result<Timestamp, CliFault> {
    let at = at.unwrap_or_default();
    Timestamp::new(at.seconds, at.nanos)
        .map_err(|_| CliFault::Said("サーバーの時刻を読み取れません"))
}

fn japanese(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::fixed(JST));
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn running(clock: &Clock) -> String {
    match &clock.mode {
        None | Some(Mode::System(_)) => "コンピューターの時計".to_owned(),
        Some(Mode::Offset(by)) => {
            let by = SignedDuration::new(by.seconds, by.nanos);
            format!("コンピューターの時計との差 {by:#}")
        }
        Some(Mode::Frozen(_)) => "停止".to_owned(),
    }
}

fn line(world: &World) -> String {
    let clock = world.clock.unwrap_or_default();
    format!(
        "{}  種 {}  住民 {}人  時計 {}",
        world.world_id,
        world.seed,
        world.people,
        running(&clock)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T00:00:00Z".parse().unwrap()
    }

    fn frozen() -> Clock {
        let at = timestamp(now());
        Clock {
            mode: Some(Mode::Frozen(at)),
        }
    }

    #[test]
    fn a_frozen_clock_is_moved_by_the_calendar() {
        let clock = frozen();
        let moved = |by: &str| advanced(&clock, now(), by.parse().unwrap()).unwrap();
        let at = |text: &str| Mode::Frozen(timestamp(text.parse().unwrap()));
        assert_eq!(moved("20m"), at("2026-11-23T00:20:00Z"));
        assert_eq!(moved("7y"), at("2033-11-23T00:00:00Z"));
        assert_eq!(moved("-1d"), at("2026-11-22T00:00:00Z"));
        assert!(advanced(&clock, now(), "9999y".parse().unwrap()).is_err());
    }

    #[test]
    fn a_running_clock_is_moved_from_where_it_is() {
        let running = Clock {
            mode: Some(Mode::Offset(prost_types::Duration {
                seconds: 3_600,
                nanos: 0,
            })),
        };
        let moved = advanced(&running, now(), "30m".parse().unwrap()).unwrap();
        let ahead = prost_types::Duration {
            seconds: 5_400,
            nanos: 0,
        };
        assert_eq!(moved, Mode::Offset(ahead));
    }
}
