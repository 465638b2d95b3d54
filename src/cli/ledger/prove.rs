//! `chukan ledger prove`: takes records with their proofs out of a ledger.

use std::{fs, io::Write as _, path::PathBuf};

use clap::Args;

use super::{CliFault, archive};
use crate::{
    domain::record::Entry,
    ledger::{Evidence, Owner, StoredEntry},
};

#[derive(Debug, Args)]
#[command(
    after_help = "例: chukan ledger prove chukan-data/worlds/default/ledger --owner 9900000000001100 \\\n      \
                        --symbol-digest <16進64桁> --out evidence.json\n\
                        証跡には記録の内容と塩が含まれます。請求者本人のほかに渡さないでください。\n\
                        証跡は、記録がそこにあり変更されていないことを示します。ほかに記録がないことは示しません。"
)]
pub(in crate::cli) struct Prove {
    /// 台帳のディレクトリー
    dir: PathBuf,
    /// 記録の保有者（16桁の機関コード、または core）
    #[arg(long, value_name = "OWNER")]
    owner: Option<Owner>,
    /// 対象者の符号のSHA-256（16進）。その機関が記録に残したもの
    #[arg(long, value_name = "HEX", required_unless_present = "serial")]
    symbol_digest: Option<String>,
    /// 処理通番
    #[arg(long, value_name = "SERIAL")]
    serial: Option<String>,
    /// 証跡（JSON）を書くファイル。既にあれば失敗します
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Prove {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let archive = archive(&self.dir)?;
        let evidence = Evidence::gather(&archive, |entry| self.passes(entry))?;
        if evidence.is_empty() {
            return Err(CliFault::Said(
                "該当する署名済みの記録がありません（署名は動作中30秒ごとと停止時に行われます）",
            ));
        }
        let mut file = fs::File::create_new(&self.out).map_err(CliFault::file(&self.out))?;
        let json = serde_json::to_vec_pretty(&evidence).map_err(std::io::Error::from)?;
        let written = file.write_all(&json).and_then(|()| file.sync_all());
        written.map_err(CliFault::file(&self.out))?;
        writeln!(
            std::io::stdout(),
            "{}件の記録と証明を {} に書きました。公開鍵（keys.pub）は別の経路で渡してください。",
            evidence.len(),
            self.out.display()
        )?;
        Ok(())
    }

    fn passes(&self, stored: &StoredEntry) -> bool {
        let Ok(Entry::Provision(record)) = serde_json::from_slice(&stored.body) else {
            return false;
        };
        let owner = self.owner.is_none_or(|owner| owner == stored.tree.owner);
        let serial = record.subject.serial.to_string();
        owner
            && (self.symbol_digest.is_none() || self.symbol_digest == record.symbol_digest)
            && self.serial.as_ref().is_none_or(|wanted| *wanted == serial)
    }
}
