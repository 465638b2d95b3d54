//! `chukan sample files|replicas`: sample files of any size, generated from the seed.

mod replicas;

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{fault::CliFault, options::PlanOptions, start::draw_target, wall_clock};
use crate::{
    crypto::files::create_private,
    domain::codes::InstitutionCode,
    sample::{
        definitions::Definitions,
        inquiry_files::{InquiryFileSource, SampleFlaw},
        population::Population,
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum SampleCommand {
    /// 全住民について、住所地の地方税関係情報を照会するバッチ照会ファイルを作る（1ファイル10,000行まで）
    Files(Files),
    /// 住民の副本ファイルを作る（人数に上限のない1ファイル）
    Replicas(replicas::Replicas),
}

#[derive(Debug, Args)]
pub(super) struct Files {
    #[command(flatten)]
    plan: PlanOptions,
    /// 定義ファイルのあるデータディレクトリー。なければ組み込みの定義を使います
    #[arg(long, value_name = "DIR", default_value = "chukan-data")]
    data: PathBuf,
    /// 照会者の機関コード（16桁）
    #[arg(long, value_name = "CODE")]
    institution: String,
    /// ファイルを書くディレクトリー
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

impl SampleCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Files(files) => files.run(),
            Self::Replicas(replicas) => replicas.run(),
        }
    }
}

impl Files {
    fn run(self) -> Result<(), CliFault> {
        let definitions = self.data.join("definitions");
        let known = if definitions.exists() {
            Definitions::read(&definitions)
        } else {
            Definitions::embedded()
        };
        let municipalities = known
            .map_err(CliFault::Definitions)?
            .directory
            .municipalities();
        let inquirer: InstitutionCode = self
            .institution
            .parse()
            .map_err(|_| CliFault::Said("機関コードは16桁の数字で指定してください"))?;
        let population = Population::new(self.plan.seed, self.plan.people);
        let source = InquiryFileSource {
            population: &population,
            municipalities: &municipalities,
            inquirer,
            requested_at: wall_clock::now(),
        };
        fs::create_dir_all(&self.out).map_err(CliFault::file(self.out.as_path()))?;
        let bar = ProgressBar::with_draw_target(Some(self.plan.people.into()), draw_target());
        if let Ok(style) =
            ProgressStyle::with_template("ファイルを作っています {bar:30} {pos}/{len}人")
        {
            bar.set_style(style);
        }
        let (mut files, mut rows) = (0, 0);
        for file in source.files() {
            let file = file.map_err(|flaw| match flaw {
                SampleFlaw::Malformed(_) | SampleFlaw::Text(_) => {
                    CliFault::Said("見本のファイルを作れません")
                }
            })?;
            let path = self.out.join(file.name.to_string());
            create_private(&path, &file.bytes).map_err(CliFault::file(path.as_path()))?;
            files += 1;
            rows += file.rows;
            bar.set_position(u64::from(file.people_done));
        }
        bar.finish_and_clear();
        super::batch::line(&format!(
            "{}に{files}ファイル（{rows}行）を作りました。",
            self.out.display()
        ))
    }
}
