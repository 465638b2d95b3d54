//! The options that several commands share, and the configuration they make.

use std::{env, net::SocketAddr, path::PathBuf};

use clap::Args;

use crate::config::{CONFIG_FILE_VARIABLE, Config, ConfigFlaw, Loaded, Overrides};

/// Where the configuration comes from.
#[derive(Debug, Args)]
pub(super) struct ConfigOptions {
    /// 設定ファイル（TOML）。既定値・ファイル・環境変数・オプションの順に上書きされます
    #[arg(long, value_name = "FILE", env = CONFIG_FILE_VARIABLE)]
    config: Option<PathBuf>,
    /// データディレクトリー（証明書、定義ファイル、世界ごとの台帳と状態）
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// 待ち受けアドレス。ポート0なら空きポートを選び（端末の画面も）、準備完了の行に表示します
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// 端末の画面をTLSなしのHTTPで出す。ループバックアドレスでだけ使えます
    #[arg(long)]
    console_plain_http: bool,
    /// 設定のキーを1つ指定する（例: --set inquiry.permit_seconds=60）。繰り返し可
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

/// The world that is made when there is none.
#[derive(Debug, Args)]
pub(super) struct PlanOptions {
    /// 世界の種。同じ種からは同じ住民・符号・番号ができます
    #[arg(long, default_value_t = 20_261_122)]
    pub(super) seed: u64,
    /// 新しく作る世界の住民の数
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(12..=1_000_000))]
    pub(super) people: u32,
}

impl ConfigOptions {
    /// Reads and checks the configuration.
    pub(super) fn load(&self) -> Result<Loaded, ConfigFlaw> {
        let mut overrides = Overrides::new();
        if let Some(listen) = self.listen.filter(|listen| listen.port() == 0) {
            overrides.push(("console.listen".into(), listen.to_string()));
        }
        if self.console_plain_http {
            overrides.push(("console.plain_http".into(), "true".into()));
        }
        overrides.extend(self.set.iter().cloned());
        if let Some(data) = &self.data {
            overrides.push(("data".into(), data.display().to_string()));
        }
        if let Some(listen) = self.listen {
            overrides.push(("server.listen".into(), listen.to_string()));
        }
        Config::load(self.config.as_deref(), environment(), &overrides)
    }
}

/// The variables that are text; others cannot be ours.
fn environment() -> Vec<(String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn key_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text
        .split_once('=')
        .ok_or("KEY=VALUE の形で指定してください")?;
    Ok((key.to_owned(), value.to_owned()))
}
