//! `chukan reconcile`: the records of inquirer, core system and provider of every exchange side by side.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::PathBuf,
    time::Instant,
};

use clap::Args;
use jiff::civil::Date;

use super::{
    fault::CliFault,
    world_dir::{WorldDir, segments},
};
use crate::{
    domain::exchange::Side,
    world::{Days, Differing, Reconciled, reconcile},
};

/// How many differing exchanges are shown on the terminal.
const SHOWN_MAX: usize = 20;

#[derive(Debug, Args)]
#[command(
    after_help = "例: chukan reconcile --data chukan-data --from 2026-11-01 --to 2026-11-30 --csv differences.csv\n\
                  台帳を直接読むので、動作中でも停止中でも構いません。動作中は、処理中の情報連携が不足として数えられることがあります。\n\
                  一致しない情報連携が1件でもあれば、終了コード 3 で終わります。"
)]
pub(super) struct Reconcile {
    #[command(flatten)]
    dir: WorldDir,
    /// 最初の日（照会を受け付けた日、日本時間、yyyy-MM-dd）
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// 最後の日
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// 一致しない情報連携の一覧（CSV）を書くファイル。既にあれば失敗します
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl Reconcile {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let (_, dir) = self.dir.find()?;
        let csv = self.csv.as_ref().map(|path| {
            let file = File::create_new(path).map_err(CliFault::file(path.as_path()))?;
            Ok::<_, CliFault>(BufWriter::new(file))
        });
        let csv = csv.transpose()?;
        let days = Days {
            from: self.from,
            to: self.to,
        };
        let (bar, progress) = segments();
        let began = Instant::now();
        let done = reconcile(&dir.join("ledger"), days, progress)?;
        bar.finish_and_clear();
        if let Some(csv) = csv {
            write_csv(csv, &done.differing)?;
        }
        show(&done, began.elapsed().as_secs_f64())?;
        match done.differing.len() as u64 + done.unreadable {
            0 => Ok(()),
            differing => Err(CliFault::SidesDiffer(differing)),
        }
    }
}

fn show(done: &Reconciled, seconds: f64) -> Result<(), CliFault> {
    let mut out = io::stdout().lock();
    for differing in done.differing.iter().take(SHOWN_MAX) {
        writeln!(out, "{}  {}", differing.serial, what(differing))?;
    }
    if done.differing.len() > SHOWN_MAX {
        let more = done.differing.len() - SHOWN_MAX;
        writeln!(out, "ほか{more}件（--csv で全件を書き出せます）")?;
    }
    if done.unreadable > 0 {
        writeln!(
            out,
            "記録として読み取れないものが台帳に{}件あります",
            done.unreadable
        )?;
    }
    let missing = |side| done.missing.get(&side).copied().unwrap_or(0);
    writeln!(
        out,
        "一致{}件、不一致{}件（うち記録がないもの: 照会側{}件、コアシステム{}件、提供側{}件）  台帳{}件を読みました（毎分{:.0}件の速さ）",
        done.agreeing,
        done.differing.len(),
        missing(Side::Inquirer),
        missing(Side::Core),
        missing(Side::Provider),
        done.entries,
        done.entries as f64 * 60.0 / seconds
    )?;
    Ok(())
}

/// What does not agree: codes and names of fields only, no value.
fn what(differing: &Differing) -> String {
    let found = differing.disagreements.iter();
    let said: Vec<_> = found
        .map(|found| format!("{}: {}", found.field, found.detail))
        .collect();
    said.join("; ")
}

fn write_csv(mut csv: impl io::Write, differing: &[Differing]) -> Result<(), CliFault> {
    writeln!(csv, "処理通番,照会側,コアシステム,提供側,差異")?;
    for exchange in differing {
        let [inquirer, core, provider] = exchange
            .present
            .map(|there| if there { "あり" } else { "なし" });
        // Neither serials nor our own words have a quotation mark.
        let (serial, what) = (exchange.serial, what(exchange));
        writeln!(csv, "{serial},{inquirer},{core},{provider},\"{what}\"")?;
    }
    Ok(csv.flush()?)
}
