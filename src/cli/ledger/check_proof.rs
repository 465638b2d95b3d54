//! `chukan ledger check-proof`: checks evidence on any machine, without the ledger.

use std::{fs, io::Write as _, path::PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::{CliFault, read_keys};
use crate::ledger::Evidence;

#[derive(Debug, Args)]
#[command(
    after_help = "例: chukan ledger check-proof evidence.json --keys keys.pub\n\
                        証明が成り立たないとき、終了コードは 3 です。"
)]
pub(in crate::cli) struct CheckProof {
    /// 証跡のファイル（`chukan ledger prove` が書いたもの）
    evidence: PathBuf,
    /// 証跡とは別の経路で受け取った公開鍵のファイル（keys.pub の形式）
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
}

impl CheckProof {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let keys = read_keys(self.keys)?;
        let json = fs::read(&self.evidence).map_err(CliFault::file(self.evidence.as_path()))?;
        let evidence: Evidence =
            serde_json::from_slice(&json).map_err(|_| CliFault::NotEvidence)?;
        let records = evidence.check(&keys)?;
        let mut out = std::io::stdout().lock();
        for record in &records {
            let at = Timestamp::from_millisecond(record.at_ms);
            let at = at.map_err(|_| CliFault::NotEvidence)?;
            writeln!(
                out,
                "{} #{}  {at}  {}",
                record.tree, record.index, record.body
            )?;
        }
        writeln!(out, "証明に成功しました: {}件", records.len())?;
        Ok(())
    }
}
