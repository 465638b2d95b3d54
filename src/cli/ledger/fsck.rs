//! `chukan ledger fsck`: looks at every file of a ledger and names everything that is damaged.

use std::{io::Write as _, path::PathBuf};

use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use super::{CliFault, ledger_dir, show};
use crate::ledger::{LedgerFault, fsck};

#[derive(Debug, Args)]
#[command(
    after_help = "例: chukan ledger fsck chukan-data/worlds/default/ledger --json\n\
                        損傷があれば、すべての場所と直し方を示して終了コード 3 で終わります。何も書き換えません。\n\
                        直すには `chukan backup restore` で新しいディレクトリーに復元してください。\n\
                        動作中の台帳も調べられます。署名者の真正性は `chukan ledger verify --keys` で確かめます。"
)]
pub(in crate::cli) struct Fsck {
    /// 台帳のディレクトリー
    dir: PathBuf,
    /// 結果をJSONで表示する
    #[arg(long)]
    json: bool,
}

impl Fsck {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let bar = ProgressBar::new(0);
        let found = fsck(ledger_dir(&self.dir)?, |at| show(&bar, at))?;
        bar.finish_and_clear();
        let mut out = std::io::stdout().lock();
        if self.json {
            let damage: Vec<_> = found.damage.iter().map(finding).collect();
            let report = json!({
                "files": found.files,
                "entries": found.entries,
                "damage": damage,
                "leftovers": found.leftovers,
                "indexes": found.indexes,
            });
            writeln!(out, "{report}")?;
        } else {
            for fault in &found.damage {
                writeln!(out, "損傷: {fault}")?;
            }
            for path in &found.leftovers {
                writeln!(
                    out,
                    "書き込み途中の跡（次の起動で片付けられます）: {}",
                    path.display()
                )?;
            }
            for path in &found.indexes {
                writeln!(
                    out,
                    "索引が合いません（記録は無事で、読むときに作り直されます）: {}",
                    path.display()
                )?;
            }
            writeln!(
                out,
                "{}ファイル、{}件の記録を調べました: 損傷{}か所",
                found.files,
                found.entries,
                found.damage.len()
            )?;
        }
        match found.damage.len() {
            0 => Ok(()),
            count => Err(CliFault::Damaged(count)),
        }
    }
}

fn finding(fault: &LedgerFault) -> serde_json::Value {
    match fault {
        LedgerFault::Damaged { file, offset, what } => json!({
            "file": file, "offset": offset, "what": what.to_string(), "remedy": what.remedy(),
        }),
        other => json!({ "what": other.to_string() }),
    }
}
