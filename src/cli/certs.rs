//! `chukan certs issue|revoke`: further client certificates of the development PKI, and their end.

use std::{
    fs,
    io::{Write as _, stdout},
    path::PathBuf,
};

use clap::{Args, Subcommand};

use super::{fault::CliFault, start::validity, wall_clock};
use crate::crypto::{identity::Identity, pki::DevelopmentPki};

#[derive(Debug, Subcommand)]
pub(super) enum CertsCommand {
    /// 機関、業務システムまたはポータルの証明書を発行する
    Issue(Issue),
    /// 証明書を失効させる。動作中のサーバーには数秒で反映されます
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Issue {
    /// データディレクトリー
    #[arg(long, value_name = "DIR", default_value = "chukan-data")]
    data: PathBuf,
    #[command(flatten)]
    to: To,
    /// 業務システムの名前（英小文字・数字・-）
    #[arg(long, value_name = "NAME", conflicts_with = "portal")]
    system: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct To {
    /// 機関コード（16桁）
    #[arg(long, value_name = "CODE")]
    institution: Option<String>,
    /// ポータル。ポータルの証明書がまだないデータディレクトリーで使います
    #[arg(long)]
    portal: bool,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// データディレクトリー
    #[arg(long, value_name = "DIR", default_value = "chukan-data")]
    data: PathBuf,
    /// 失効させる証明書（PEM）
    certificate: PathBuf,
}

impl CertsCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Issue(issue) => issue.run(),
            Self::Revoke(revoke) => revoke.run(),
        }
    }
}

impl Issue {
    fn run(self) -> Result<(), CliFault> {
        let identity = match self.to.institution {
            Some(code) => Identity::institution(&code, self.system.as_deref())?,
            None => Identity::Portal,
        };
        let pki = DevelopmentPki::load(&self.data.join("pki"))?;
        pki.issue_client(&identity, validity())?;
        writeln!(
            stdout(),
            "証明書: {}",
            pki.client_certificate(&identity).display()
        )?;
        writeln!(stdout(), "秘密鍵: {}", pki.client_key(&identity).display())?;
        Ok(())
    }
}

impl Revoke {
    fn run(self) -> Result<(), CliFault> {
        let pki = DevelopmentPki::load(&self.data.join("pki"))?;
        let certificate =
            fs::read(&self.certificate).map_err(CliFault::file(self.certificate.as_path()))?;
        pki.revoke(&certificate, wall_clock::now())?;
        writeln!(stdout(), "失効リスト: {}", pki.revocation_list().display())?;
        Ok(())
    }
}
