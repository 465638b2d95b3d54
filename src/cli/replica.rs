//! `chukan replica import|export|reconcile|list`: files of replicas, at a running server.

mod export;
mod file;
mod import;
mod list;
mod reconcile;

use clap::Subcommand;

use super::{fault::CliFault, start::on_runtime};

#[derive(Debug, Subcommand)]
pub(super) enum ReplicaCommand {
    /// 副本ファイルを検査して取り込む。誤りが1件でもあれば何も登録しません（--by-row を除く）
    Import(import::Import),
    /// 登録されている副本をファイルに書き出す
    Export(export::Export),
    /// 業務システムの原本のファイルと、登録されている副本を突き合わせる
    Reconcile(reconcile::Reconcile),
    /// 取り込んだファイルの一覧
    List(list::List),
}

impl ReplicaCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(async {
            match self {
                Self::Import(import) => import.run().await,
                Self::Export(export) => export.run().await,
                Self::Reconcile(reconcile) => reconcile.run().await,
                Self::List(list) => list.run().await,
            }
        })
    }
}
