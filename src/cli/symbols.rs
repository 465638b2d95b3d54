//! `chukan symbols status|acquire|progress|cancel`: how the acquisitions of an institution's people stand, and mass acquisition.

use std::io::Write as _;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    client::ClientOptions,
    fault::CliFault,
    start::{draw_target, on_runtime},
};
use crate::grpc::proto::v1::{
    self, AcquireSymbolsRequest, AcquisitionState, CancelMassAcquisitionRequest,
    GetAcquisitionRequest, GetMassAcquisitionRequest, MassAcquisitionState,
    addressee_service_client::AddresseeServiceClient, symbol_service_client::SymbolServiceClient,
};

#[derive(Debug, Subcommand)]
pub(super) enum SymbolsCommand {
    /// 符号取得の状況を表示する
    Status(Status),
    /// 符号を一括取得する。中断しても（Ctrl-C、強制終了）、同じコマンドで続きを見られます
    Acquire(Acquire),
    /// 符号の一括取得の状況を表示する
    Progress(ClientOptions),
    /// 実行中の符号の一括取得を取り消す
    Cancel(ClientOptions),
}

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    client: ClientOptions,
    /// 団体内統合宛名番号（複数可）
    #[arg(required = true)]
    addressee_numbers: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Acquire {
    #[command(flatten)]
    client: ClientOptions,
    /// 符号のない全員を対象とする
    #[arg(long, conflicts_with = "addressee_numbers")]
    all: bool,
    /// 対象者数の上限
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// 団体内統合宛名番号（複数可）
    #[arg(required_unless_present = "all")]
    addressee_numbers: Vec<String>,
}

impl SymbolsCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Status(status) => on_runtime(status.run()),
            Self::Acquire(acquire) => on_runtime(acquire.run()),
            Self::Progress(client) => on_runtime(async move { tell_progress(&client).await }),
            Self::Cancel(client) => on_runtime(async move {
                let mut service = AddresseeServiceClient::new(client.connect().await?);
                let request = client.request(CancelMassAcquisitionRequest {})?;
                service.cancel_mass_acquisition(request).await?;
                tell_progress(&client).await
            }),
        }
    }
}

impl Status {
    async fn run(self) -> Result<(), CliFault> {
        let mut service = SymbolServiceClient::new(self.client.connect().await?);
        let mut out = std::io::stdout().lock();
        for addressee_number in self.addressee_numbers {
            let wanted = GetAcquisitionRequest {
                addressee_number: addressee_number.clone(),
            };
            let stands = service
                .get_acquisition(self.client.request(wanted)?)
                .await?;
            writeln!(out, "{addressee_number}  {}", stands.into_inner().message)?;
        }
        Ok(())
    }
}

impl Acquire {
    async fn run(self) -> Result<(), CliFault> {
        let mut service = AddresseeServiceClient::new(self.client.connect().await?);
        let request = self.client.request(AcquireSymbolsRequest {
            addressee_numbers: self.addressee_numbers,
            count: self.count.unwrap_or_default(),
        })?;
        let mut told = service.acquire_symbols(request).await?.into_inner();
        let bar = ProgressBar::with_draw_target(None, draw_target());
        if let Ok(style) = ProgressStyle::with_template("符号取得 {bar:30} {pos}/{len}人 {eta}")
        {
            bar.set_style(style);
        }
        let follow = async {
            while let Some(far) = told.message().await? {
                bar.set_length(far.of);
                bar.set_position(far.done);
            }
            Ok::<_, CliFault>(())
        };
        let interrupted = tokio::select! {
            followed = follow => followed.map(|()| false)?,
            _ = tokio::signal::ctrl_c() => true,
        };
        bar.finish_and_clear();
        if interrupted {
            let mut out = std::io::stdout().lock();
            writeln!(
                out,
                "表示を中断しました。一括取得はサーバーで続いています（取消しは chukan symbols cancel）。"
            )?;
        }
        tell_progress(&self.client).await
    }
}

async fn tell_progress(client: &ClientOptions) -> Result<(), CliFault> {
    let mut service = AddresseeServiceClient::new(client.connect().await?);
    let request = client.request(GetMassAcquisitionRequest {})?;
    let got = service.get_mass_acquisition(request).await?.into_inner();
    let mass = got.mass_acquisition.ok_or(CliFault::Said("応答が空です"))?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "一括取得 {}  {}/{}人  開始 {}  終了 {}",
        state_ja(mass.state()),
        mass.done,
        mass.of,
        instant(mass.started_at.as_ref()),
        instant(mass.ended_at.as_ref()),
    )?;
    for of in got.people {
        writeln!(out, "  {}  {}人", acquisition_ja(of.state()), of.people)?;
    }
    Ok(())
}

fn instant(time: Option<&prost_types::Timestamp>) -> String {
    time.map_or_else(|| "－".to_owned(), ToString::to_string)
}

fn state_ja(state: MassAcquisitionState) -> &'static str {
    match state {
        MassAcquisitionState::Running => "実行中",
        MassAcquisitionState::Ended => "終了",
        MassAcquisitionState::Cancelled => "取消し",
        MassAcquisitionState::Unspecified => "不明",
    }
}

fn acquisition_ja(state: v1::AcquisitionState) -> &'static str {
    match state {
        AcquisitionState::Unspecified => "未依頼",
        AcquisitionState::SerialIssued => "取得番号発行済み",
        AcquisitionState::Linked => "取得済み",
        AcquisitionState::PersonUnknown => "該当者なし",
        AcquisitionState::Expired => "取得番号期限切れ",
        AcquisitionState::Unlinked => "紐付け解除",
        AcquisitionState::NumberChanged => "個人番号変更",
        AcquisitionState::LinkedElsewhere => "別の宛名番号に紐付け済み",
        AcquisitionState::AtCommunicationServer => "コミュニケーションサーバ",
        AcquisitionState::AtPrefecturalServer => "都道府県サーバ",
        AcquisitionState::AtNationalServer => "全国サーバ",
        AcquisitionState::AtCoreSystem => "コアシステム",
    }
}
