//! `chukan sample files|replicas`: sample files of any size, generated from the seed.

mod files;
mod replicas;

use std::path::Path;

use clap::Subcommand;

use super::fault::CliFault;
use crate::sample::definitions::Definitions;

#[derive(Debug, Subcommand)]
pub(super) enum SampleCommand {
    /// 機関の業務システムが送る見本ファイル一式と、その期待される結果を作る（バッチ照会・副本、正しいものと誤りのあるもの）
    Files(files::Files),
    /// 住民の副本ファイルを作る（人数に上限のない1ファイル）
    Replicas(replicas::Replicas),
}

impl SampleCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Files(files) => files.run(),
            Self::Replicas(replicas) => replicas.run(),
        }
    }
}

/// The definitions of a data directory, or those that come with the program where there are none.
fn definitions(data: &Path) -> Result<Definitions, CliFault> {
    let dir = data.join("definitions");
    let known = if dir.exists() {
        Definitions::read(&dir)
    } else {
        Definitions::embedded()
    };
    known.map_err(CliFault::Definitions)
}
