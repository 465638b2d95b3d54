//! `chukan ledger export`: writes the trees as static files that other verifiers read.

use std::{io::Write as _, path::PathBuf};

use clap::Args;

use super::{CliFault, archive};

#[derive(Debug, Args)]
#[command(
    after_help = "例: chukan ledger export chukan-data/worlds/default/ledger --out public\n\
                        保有者と年度ごとに C2SP tlog-tiles の配置（checkpoint、tile/…）で書きます。\n\
                        記録の内容も塩も含まれないので、公開できます。"
)]
pub(in crate::cli) struct Export {
    /// 台帳のディレクトリー
    dir: PathBuf,
    /// 書き出すディレクトリー。空であるか、まだないこと
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Export {
    pub(super) fn run(self) -> Result<(), CliFault> {
        if self.out.is_dir() && self.out.read_dir()?.next().is_some() {
            return Err(CliFault::Said(
                "書き出し先のディレクトリーが空ではありません",
            ));
        }
        let archive = archive(&self.dir)?;
        let files = archive.export(&self.out)?;
        let mut out = std::io::stdout().lock();
        for head in archive.checkpoints() {
            let unsigned = archive.unsigned(head.tree);
            writeln!(
                out,
                "{}  {}件  未署名のため含まれないもの{unsigned}件",
                head.tree, head.size
            )?;
        }
        writeln!(out, "書き出しました: {files}ファイル")?;
        Ok(())
    }
}
