//! `chukan state`: the state of a stopped world against its ledger.

use std::{
    io::{self, Write as _},
    time::Instant,
};

use clap::{Args, Subcommand};

use super::{
    fault::CliFault,
    start::on_runtime,
    world_dir::{WorldDir, segments},
};
use crate::{
    config::StoreConfig,
    store::StateFinding,
    world::{check_state, rebuild_state},
};

#[derive(Debug, Subcommand)]
pub(super) enum StateCommand {
    /// 状態の全行を読み、台帳と突き合わせる（停止中の世界のみ）
    Check(Check),
    /// 台帳から作れるものを台帳から作り直す（停止中の世界のみ）
    Rebuild(Rebuild),
}

#[derive(Debug, Args)]
#[command(after_help = "例: chukan state check --data chukan-data\n\
                  記録の位置・不開示の印・使用済みの許可が台帳と一致するかを確かめます。不一致は1件ずつ示し、終了コード 3 で終わります。\n\
                  不一致は `chukan state rebuild` で直せます。状態の行そのものの損傷は `chukan backup restore` が必要です。")]
pub(super) struct Check {
    #[command(flatten)]
    dir: WorldDir,
    /// 結果をJSONで表示する
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "例: chukan state rebuild --data chukan-data\n\
                  台帳から作り直すもの: 記録の位置、不開示の印、使用済みの許可、台帳をどこまで反映したか。\n\
                  そのまま引き継ぐもの: 照会と結果、副本、符号、宛名番号、保留中の要求、職員など（台帳にはありません）。\n\
                  元の状態は state.before-rebuild-<番号> として残ります。")]
pub(super) struct Rebuild {
    #[command(flatten)]
    dir: WorldDir,
}

impl StateCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Check(check) => check.run(),
            Self::Rebuild(rebuild) => rebuild.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<(), CliFault> {
        let (_, dir) = self.dir.find()?;
        let (bar, progress) = segments();
        let began = Instant::now();
        let report = check_state(&dir, StoreConfig::default().cache_bytes, progress)?;
        bar.finish_and_clear();
        let mut out = io::stdout().lock();
        if self.json {
            let json = serde_json::json!({
                "rows": report.rows, "entries": report.entries, "tail": report.tail,
                "records": report.records, "used_permits": report.permits,
                "wrong": report.wrong, "findings": report.findings,
            });
            writeln!(out, "{json}")?;
        } else {
            for finding in &report.findings {
                writeln!(out, "{}", ja(finding))?;
            }
            writeln!(
                out,
                "状態{}行、台帳{}件（次の起動で反映されるもの{}件）: 記録の位置{}件と使用済みの許可{}件が一致、不一致{}件（毎分{:.0}件の速さ）",
                report.rows,
                report.entries,
                report.tail,
                report.records,
                report.permits,
                report.wrong,
                report.entries as f64 * 60.0 / began.elapsed().as_secs_f64()
            )?;
        }
        match report.wrong {
            0 => Ok(()),
            wrong => Err(CliFault::StateDiffers(wrong)),
        }
    }
}

impl Rebuild {
    fn run(self) -> Result<(), CliFault> {
        let (_, dir) = self.dir.find()?;
        let began = Instant::now();
        let cache_bytes = StoreConfig::default().cache_bytes;
        let done = on_runtime(async { Ok(rebuild_state(&dir, cache_bytes).await?) })?;
        writeln!(
            io::stdout(),
            "作り直しました: 引き継いだ{}行、台帳から作り直した分（元は{}行）、台帳{}件を{:.1}秒で反映\n元の状態: {}",
            done.kept,
            done.left_out,
            done.entries,
            began.elapsed().as_secs_f64(),
            done.aside.display()
        )?;
        Ok(())
    }
}

fn ja(finding: &StateFinding) -> String {
    match finding {
        StateFinding::PlaceMissing { owner, serial } => {
            format!("記録の位置がありません: {owner} の {serial}")
        }
        StateFinding::PlaceWrong { owner, serial } => {
            format!("記録の位置が最新のものではありません: {owner} の {serial}")
        }
        StateFinding::MarkWrong { owner, serial } => {
            format!("不開示の印が台帳と違います: {owner} の {serial}")
        }
        StateFinding::PermitUnused {
            institution,
            sequence,
        } => format!("使用済みの許可が未使用になっています: {institution}、台帳の{sequence}件目"),
        StateFinding::PlacesSurplus { rows } => {
            format!("台帳にない記録の位置が{rows}件あります")
        }
        StateFinding::LedgerBehind { followed, found } => format!(
            "状態は台帳の{followed}件を知っていますが、台帳には{found}件しかありません。世界全体を1つのバックアップから復元してください"
        ),
    }
}
