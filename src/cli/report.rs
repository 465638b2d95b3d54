//! `chukan report`: an institution's statistics as a table, as CSV, or as a chart on the terminal.

use std::{
    collections::BTreeMap,
    io::{Write as _, stdout},
};

use clap::{Args, ValueEnum};

use super::{batch::time, client::ClientOptions, fault::CliFault, start::on_runtime};
use crate::domain::deletion::Deleted;
use crate::grpc::proto::v1::{self, system_service_client::SystemServiceClient};

/// The longest bar of a chart, in characters.
const BAR_CHARS: u64 = 40;

/// 業務統計を表示する（自機関の情報提供等記録の件数。個人の情報は含みません）
#[derive(Debug, Args)]
pub(super) struct Report {
    #[command(flatten)]
    client: ClientOptions,
    /// 最初の日（yyyy-MM-dd）
    #[arg(long, value_name = "DAY", default_value = "")]
    from: String,
    /// 最後の日（yyyy-MM-dd）
    #[arg(long, value_name = "DAY", default_value = "")]
    to: String,
    /// 何ごとに数えるか。繰り返し可
    #[arg(long = "by", value_enum, default_values_t = [Key::Day, Key::Result])]
    by: Vec<Key>,
    /// 件数ではなく、保存期間の経過による削除の記録を表示する
    #[arg(long, conflicts_with_all = ["by", "to"])]
    deletions: bool,
    /// 表示の形
    #[arg(long, value_enum, default_value_t = Shape::Table)]
    format: Shape,
}

/// What can be counted by.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Key {
    /// 日
    Day,
    /// 照会側・提供側の別
    Side,
    /// 照会者
    Inquirer,
    /// 提供者
    Provider,
    /// 事務手続
    Procedure,
    /// 特定個人情報名
    SpecificInfo,
    /// 結果
    Result,
}

/// How the counts are shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shape {
    /// 表
    Table,
    /// CSV
    Csv,
    /// 棒グラフ
    Chart,
}

type Counts = BTreeMap<Vec<String>, u64>;

impl Report {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(async {
            if self.deletions {
                return self.deleted().await;
            }
            let counts = self.counts().await?;
            match self.format {
                Shape::Table => self.table(&counts),
                Shape::Csv => self.csv(&counts),
                Shape::Chart => self.chart(&counts),
            }
        })
    }

    async fn counts(&self) -> Result<Counts, CliFault> {
        let mut systems = SystemServiceClient::new(self.client.connect().await?);
        let request = self.client.request(v1::GetStatisticsRequest {
            from: self.from.clone(),
            to: self.to.clone(),
        })?;
        let mut told = systems.get_statistics(request).await?.into_inner();
        let mut counts = Counts::new();
        while let Some(response) = told.message().await? {
            for row in &response.rows {
                let key = self.by.iter().map(|key| key.of(row)).collect();
                *counts.entry(key).or_default() += row.exchanges.unsigned_abs();
            }
        }
        Ok(counts)
    }

    async fn deleted(&self) -> Result<(), CliFault> {
        let mut systems = SystemServiceClient::new(self.client.connect().await?);
        let from = self.from.clone();
        let request = self.client.request(v1::ListDeletionsRequest { from })?;
        let told = systems.list_deletions(request).await?.into_inner();
        let between = match self.format {
            Shape::Csv => ",",
            Shape::Table | Shape::Chart => "  ",
        };
        let mut out = stdout().lock();
        let names = ["削除日時", "種類", "件数", "この日時より前に終了"];
        writeln!(out, "{}", names.join(between))?;
        for deletion in told.deletions {
            let kind = match deletion.kind() {
                v1::DeletedKind::Unspecified => "不明",
                v1::DeletedKind::Results => Deleted::Results.ja(),
                v1::DeletedKind::BatchFiles => Deleted::BatchFiles.ja(),
                v1::DeletedKind::Downloads => Deleted::Downloads.ja(),
                v1::DeletedKind::AcquisitionSerials => Deleted::AcquisitionSerials.ja(),
            };
            let (at, before) = (time(deletion.deleted_at), time(deletion.ended_before));
            let fields = [at, kind.to_owned(), deletion.count.to_string(), before];
            writeln!(out, "{}", fields.join(between))?;
        }
        if !told.complete {
            writeln!(out, "記録が多いため、新しいものだけを読みました。")?;
        }
        Ok(())
    }

    fn table(&self, counts: &Counts) -> Result<(), CliFault> {
        let mut out = stdout().lock();
        let names: Vec<_> = self.by.iter().map(|key| key.ja()).collect();
        writeln!(out, "{}  件数", names.join("  "))?;
        for (key, exchanges) in counts {
            writeln!(out, "{}  {exchanges}", key.join("  "))?;
        }
        writeln!(out, "合計  {}", counts.values().sum::<u64>())?;
        Ok(())
    }

    fn csv(&self, counts: &Counts) -> Result<(), CliFault> {
        let mut out = stdout().lock();
        let names: Vec<_> = self.by.iter().map(|key| key.ja()).collect();
        write!(out, "{},件数\r\n", names.join(","))?;
        for (key, exchanges) in counts {
            write!(out, "{},{exchanges}\r\n", key.join(","))?;
        }
        Ok(())
    }

    fn chart(&self, counts: &Counts) -> Result<(), CliFault> {
        let mut out = stdout().lock();
        let most = counts.values().copied().max().unwrap_or(0).max(1);
        for (key, exchanges) in counts {
            // At least one character, so that a small count is not taken for none.
            let chars = (exchanges * BAR_CHARS).div_ceil(most);
            let bar: String = (0..chars).map(|_| '█').collect();
            writeln!(out, "{}  {bar} {exchanges}", key.join("  "))?;
        }
        Ok(())
    }
}

impl Key {
    fn ja(self) -> &'static str {
        match self {
            Self::Day => "日",
            Self::Side => "側",
            Self::Inquirer => "照会者",
            Self::Provider => "提供者",
            Self::Procedure => "事務手続",
            Self::SpecificInfo => "特定個人情報名",
            Self::Result => "結果",
        }
    }

    fn of(self, row: &v1::StatisticsRow) -> String {
        match self {
            Self::Day => row.day.clone(),
            Self::Side => match row.side() {
                v1::RecordSide::Unspecified => "不明",
                v1::RecordSide::Inquirer => "照会側",
                v1::RecordSide::Core => "コアシステム",
                v1::RecordSide::Provider => "提供側",
            }
            .to_owned(),
            Self::Inquirer => row.inquirer.clone(),
            Self::Provider => row.provider.clone(),
            Self::Procedure => row.procedure.clone(),
            Self::SpecificInfo => row.specific_info.clone(),
            Self::Result => row
                .result
                .as_ref()
                .map(|result| format!("{} {}", result.status_code, result.message))
                .unwrap_or_default(),
        }
    }
}
