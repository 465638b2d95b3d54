//! `chukan ledger verify`: verifies a ledger from its directory and public keys alone.

use std::io::Write as _;

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use indicatif::ProgressBar;

use super::fault::CliFault;
use crate::ledger::{PublicKeys, verify::verify};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// 台帳の全記録を読み、葉・木・署名付きチェックポイントを検証する。動作中の台帳でも構いません
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// 台帳のディレクトリー（例: chukan-data/worlds/default/ledger）
    dir: PathBuf,
    /// 別に保管しておいた公開鍵のファイル（keys.pub の形式）。なければディレクトリー内のものを使い、その場合は署名者の真正性は確かめられません
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl LedgerCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Verify(verify) => verify.run(),
        }
    }
}

impl Verify {
    fn run(self) -> Result<(), CliFault> {
        if !self.dir.is_dir() {
            return Err(CliFault::Said("台帳のディレクトリーがありません"));
        }
        let keys = self.keys.map(read_keys).transpose()?;
        let bar = ProgressBar::new(0);
        let report = verify(&self.dir, keys.as_ref(), |progress| {
            bar.set_length(progress.segments_total);
            bar.set_position(progress.segments);
        })?;
        bar.finish_and_clear();
        for tree in &report.trees {
            writeln!(
                std::io::stdout(),
                "{}  {}件  署名済み{}件  根 {}",
                tree.tree,
                tree.size,
                tree.signed_size,
                HEXLOWER.encode(&tree.root)
            )?;
        }
        if let Some(torn) = &report.torn {
            writeln!(
                std::io::stdout(),
                "書き込み途中の末尾があります（{}バイト）。受理された記録は欠けていません。",
                torn.bytes
            )?;
        }
        writeln!(
            std::io::stdout(),
            "検証に成功しました: {}件、{}バイト、チェックポイント{}件",
            report.entries,
            report.bytes,
            report.checkpoints
        )?;
        Ok(())
    }
}

fn read_keys(file: PathBuf) -> Result<PublicKeys, CliFault> {
    let text = fs::read_to_string(&file).map_err(CliFault::file(file))?;
    text.parse()
        .map_err(|_| CliFault::Said("公開鍵のファイルを読み取れません"))
}
