//! `chukan ledger`: verifies a ledger from its directory and public keys alone, and takes proofs out of it.

mod check_proof;
mod export;
mod fsck;
mod prove;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use indicatif::ProgressBar;

use super::fault::CliFault;
use crate::ledger::{Archive, Checkpoint, Progress, PublicKeys, verify::verify_against};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// 台帳の全記録を読み、葉・木・署名付きチェックポイントを検証する。動作中の台帳でも構いません
    Verify(Verify),
    /// 台帳の全ファイルを調べ、損傷をすべて挙げる（何も書き換えません）
    Fsck(fsck::Fsck),
    /// ある人または処理通番の記録を、証明とともにファイルに取り出す
    Prove(prove::Prove),
    /// 取り出した証跡を、台帳のない別の計算機で検証する
    CheckProof(check_proof::CheckProof),
    /// 木を C2SP tlog-tiles の配置で書き出す（ほかの検証ソフトウェア用）
    Export(export::Export),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// 台帳のディレクトリー（例: chukan-data/worlds/default/ledger）
    dir: PathBuf,
    /// 別に保管しておいた公開鍵のファイル（keys.pub の形式）。なければディレクトリー内のものを使い、その場合は署名者の真正性は確かめられません
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// 別に保管しておいたチェックポイントのファイル（複数可）。木が今もそれを含むことを確かめ、履歴の書き換えを見つけます
    #[arg(long, value_name = "FILE")]
    kept: Vec<PathBuf>,
}

impl LedgerCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Verify(verify) => verify.run(),
            Self::Fsck(fsck) => fsck.run(),
            Self::Prove(prove) => prove.run(),
            Self::CheckProof(check) => check.run(),
            Self::Export(export) => export.run(),
        }
    }
}

impl Verify {
    fn run(self) -> Result<(), CliFault> {
        let dir = ledger_dir(&self.dir)?;
        let keys = self.keys.map(read_keys).transpose()?;
        if keys.is_none() && !dir.join("keys.pub").try_exists()? {
            return Err(CliFault::Said(
                "台帳に公開鍵のファイル keys.pub がありません。別に保管した公開鍵を --keys で指定してください",
            ));
        }
        let kept: Vec<_> = self.kept.iter().map(read_kept).collect::<Result<_, _>>()?;
        let (began, bar) = (Instant::now(), ProgressBar::new(0));
        let report = verify_against(dir, keys.as_ref(), &kept, |at| show(&bar, at))?;
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
            "検証に成功しました: {}件、{}バイト、チェックポイント{}件（毎分{:.0}件の速さ）",
            report.entries,
            report.bytes,
            report.checkpoints,
            report.entries as f64 * 60.0 / began.elapsed().as_secs_f64()
        )?;
        Ok(())
    }
}

fn ledger_dir(dir: &Path) -> Result<&Path, CliFault> {
    let missing = CliFault::Said("台帳のディレクトリーがありません");
    dir.is_dir().then_some(dir).ok_or(missing)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.segments_total);
    bar.set_position(progress.segments);
}

/// Reads and verifies a ledger, with a bar for who waits.
fn archive(dir: &Path) -> Result<Archive, CliFault> {
    let bar = ProgressBar::new(0);
    let archive = Archive::read(ledger_dir(dir)?, |at| show(&bar, at))?;
    bar.finish_and_clear();
    Ok(archive)
}

fn read_kept(file: &PathBuf) -> Result<Checkpoint, CliFault> {
    let note = fs::read_to_string(file).map_err(CliFault::file(file))?;
    let unreadable = CliFault::Said("保管されたチェックポイントを読み取れません");
    Checkpoint::parse(&note).map_err(|_| unreadable)
}

pub(super) fn read_keys(file: PathBuf) -> Result<PublicKeys, CliFault> {
    let text = fs::read_to_string(&file).map_err(CliFault::file(file))?;
    text.parse()
        .map_err(|_| CliFault::Said("公開鍵のファイルを読み取れません"))
}
