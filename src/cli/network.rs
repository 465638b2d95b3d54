//! `chukan network show|stop|start|hours|provider|notice|withdraw`: the national network closed, its providers out of reach or
//! slow, and notices to every institution.

use std::{io::Write as _, net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use tonic::transport::Channel;

use super::{client::OperatorOptions, fault::CliFault, start::on_runtime};
use crate::{
    grpc::proto::sim::v1::{
        GetNetworkRequest, Network, PostOperationNoticeRequest, Provider, SetNetworkRequest,
        WithdrawOperationNoticeRequest, network_service_client::NetworkServiceClient,
        provider::Trouble,
    },
    world::DEFAULT_WORLD,
};

#[derive(Debug, Args)]
pub(super) struct NetworkCommand {
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
    /// 世界の名前
    #[arg(long, value_name = "NAME", default_value = DEFAULT_WORLD, global = true)]
    world: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 情報提供ネットワークと提供機関の状態を表示する
    Show,
    /// 情報提供ネットワークを止める（照会は受け付けられ、再開まで待つ）
    Stop,
    /// 情報提供ネットワークを動かす（待っていた照会が進む）
    Start,
    /// 情報提供ネットワークの運用時間を決める。時刻を省くと常時運用になる
    Hours(Hours),
    /// 提供機関の運用時間・障害・遅延を決める。何も指定しないと正常に戻る
    Provider(OneProvider),
    /// 運用のお知らせを全機関に出す
    Notice(Notice),
    /// 運用のお知らせを取り下げる
    Withdraw {
        /// お知らせの番号
        number: u64,
    },
}

#[derive(Debug, Args)]
struct Hours {
    /// 開始時刻（日本時間）
    #[arg(value_name = "HH:mm", requires = "until")]
    from: Option<String>,
    /// 終了時刻（日本時間）。開始より前なら翌日まで
    #[arg(value_name = "HH:mm")]
    until: Option<String>,
}

#[derive(Debug, Args)]
struct OneProvider {
    /// 機関コード（16桁）
    code: String,
    /// 運用時間（日本時間）。時間外の照会は 51 で終わる
    #[arg(long, num_args = 2, value_names = ["HH:mm", "HH:mm"])]
    hours: Vec<String>,
    /// 通信できなくする（照会は 50 で終わる）
    #[arg(long, conflicts_with = "loses_every")]
    unreachable: bool,
    /// N件ごとに1件の照会を失う（50 で終わる）
    #[arg(long, value_name = "N")]
    loses_every: Option<u32>,
    /// 照会の受付からこの秒数（世界の時計）が経つまで回答しない
    #[arg(long, value_name = "秒")]
    delay: Option<u32>,
}

#[derive(Debug, Args)]
struct Notice {
    /// 本文（400字まで）
    text: String,
    /// 対象の開始日時（例 2026-12-01T09:00:00+09:00）。省くと今から
    #[arg(long, value_name = "日時")]
    from: Option<Timestamp>,
    /// 対象の終了日時
    #[arg(long, value_name = "日時")]
    until: Option<Timestamp>,
}

impl NetworkCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(async {
            let caller = OperatorOptions {
                server: self.server,
                data: self.data,
                world: self.world,
            };
            let mut service = NetworkServiceClient::new(caller.connect().await?);
            let mut out = std::io::stdout();
            match self.what {
                What::Notice(notice) => {
                    let posted = caller.request(notice.request())?;
                    let posted = service.post_operation_notice(posted).await?.into_inner();
                    let number = posted.notice.unwrap_or_default().number;
                    writeln!(out, "お知らせ{number}番を出しました。")?;
                }
                What::Withdraw { number } => {
                    let request = caller.request(WithdrawOperationNoticeRequest { number })?;
                    service.withdraw_operation_notice(request).await?;
                    writeln!(out, "お知らせ{number}番を取り下げました。")?;
                }
                What::Show => show(&get(&mut service, &caller).await?)?,
                What::Stop => set(&mut service, &caller, |network| network.stopped = true).await?,
                What::Start => {
                    set(&mut service, &caller, |network| network.stopped = false).await?;
                }
                What::Hours(hours) => {
                    set(&mut service, &caller, |network| {
                        network.open_from = hours.from.unwrap_or_default();
                        network.open_until = hours.until.unwrap_or_default();
                    })
                    .await?;
                }
                What::Provider(provider) => {
                    set(&mut service, &caller, |network| {
                        let others = |of: &Provider| of.institution != provider.code;
                        network.providers.retain(others);
                        network.providers.push(provider.message());
                    })
                    .await?;
                }
            }
            Ok(())
        })
    }
}

impl OneProvider {
    fn message(self) -> Provider {
        let mut hours = self.hours.into_iter();
        Provider {
            institution: self.code,
            open_from: hours.next().unwrap_or_default(),
            open_until: hours.next().unwrap_or_default(),
            trouble: if self.unreachable {
                Some(Trouble::Unreachable(true))
            } else {
                self.loses_every.map(Trouble::LosesEvery)
            },
            delay: self.delay.map(|seconds| prost_types::Duration {
                seconds: seconds.into(),
                nanos: 0,
            }),
        }
    }
}

impl Notice {
    fn request(self) -> PostOperationNoticeRequest {
        let moment = |at: Timestamp| prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: at.subsec_nanosecond(),
        };
        PostOperationNoticeRequest {
            text: self.text,
            from: self.from.map(moment),
            until: self.until.map(moment),
        }
    }
}

async fn get(
    service: &mut NetworkServiceClient<Channel>,
    caller: &OperatorOptions,
) -> Result<Network, CliFault> {
    let got = service.get_network(caller.request(GetNetworkRequest {})?);
    Ok(got.await?.into_inner().network.unwrap_or_default())
}

async fn set(
    service: &mut NetworkServiceClient<Channel>,
    caller: &OperatorOptions,
    change: impl FnOnce(&mut Network),
) -> Result<(), CliFault> {
    let mut network = get(service, caller).await?;
    change(&mut network);
    let wanted = SetNetworkRequest {
        network: Some(network),
    };
    let set = service.set_network(caller.request(wanted)?).await?;
    show(&set.into_inner().network.unwrap_or_default())
}

fn show(network: &Network) -> Result<(), CliFault> {
    let mut out = std::io::stdout();
    let standing = if network.stopped {
        "停止中"
    } else {
        "稼働"
    };
    let hours = hours(&network.open_from, &network.open_until);
    writeln!(out, "情報提供ネットワーク  {standing}  運用時間 {hours}")?;
    for provider in &network.providers {
        let trouble = match provider.trouble {
            None => "障害なし".to_owned(),
            Some(Trouble::Unreachable(_)) => "通信不可".to_owned(),
            Some(Trouble::LosesEvery(of)) => format!("{of}件に1件を失う"),
        };
        let delay = provider.delay.map_or(0, |delay| delay.seconds);
        let code = &provider.institution;
        let hours = self::hours(&provider.open_from, &provider.open_until);
        writeln!(out, "  {code}  運用時間 {hours}  {trouble}  遅延 {delay}秒")?;
    }
    Ok(())
}

fn hours(from: &str, until: &str) -> String {
    if from.is_empty() {
        "常時".to_owned()
    } else {
        format!("{from}–{until}")
    }
}
