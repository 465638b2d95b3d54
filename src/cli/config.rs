//! `chukan config check|show`: what the configuration is, and who set it.

use std::io::Write as _;

use clap::{Args, Subcommand};

use super::{fault::CliFault, options::ConfigOptions};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// 設定を読み込んで検査する。誤りがあれば理由を示して終了コード4で終わります
    Check(Check),
    /// 有効な設定をTOMLで表示する
    Show(Show),
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    options: ConfigOptions,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    options: ConfigOptions,
    /// 既定値も含めて、どこで決まった値かを行ごとに示す
    #[arg(long)]
    effective: bool,
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Check(check) => {
                check.options.load()?;
                writeln!(std::io::stdout(), "設定に誤りはありません。")?;
            }
            Self::Show(show) => {
                let loaded = show.options.load()?;
                let text = if show.effective {
                    loaded.effective()
                } else {
                    loaded.chosen()
                };
                write!(std::io::stdout(), "{text}")?;
            }
        }
        Ok(())
    }
}
