//! `chukan sample replicas`: a replica file of any size, generated from the seed.

use std::{
    fs::File,
    io::{BufWriter, Write as _, stdout},
    path::PathBuf,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    cli::{fault::CliFault, options::PlanOptions, start::draw_target, wall_clock},
    domain::{
        codes::{InstitutionCode, SpecificInfoCode},
        files::{Encoding, TextForm},
        jst::jst_date,
        replica_file::FileForm,
        words::LayoutVersion,
    },
    sample::{population::Population, replica_files::ReplicaFileSource, replicas::ReplicaSource},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Replicas {
    #[command(flatten)]
    plan: PlanOptions,
    /// 定義ファイルのあるデータディレクトリー。なければ組み込みの定義を使います
    #[arg(long, value_name = "DIR", default_value = "chukan-data")]
    data: PathBuf,
    /// 副本を登録する機関の機関コード（16桁）
    #[arg(long, value_name = "CODE")]
    institution: InstitutionCode,
    /// 特定個人情報名コード
    #[arg(long, value_name = "CODE", default_value = "TM00000000000002")]
    specific_info: SpecificInfoCode,
    /// レイアウト版。省略時は最新の版
    #[arg(long = "version", value_name = "VERSION", id = "layout_version")]
    layout_version: Option<LayoutVersion>,
    /// 文字コード: utf-8 または shift_jis（CP932）
    #[arg(long, default_value = "utf-8")]
    encoding: Encoding,
    /// 書くファイル（.DAT は固定長、それ以外はCSV）
    file: PathBuf,
}

impl Replicas {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let known = super::definitions(&self.data)?;
        let layout = match &self.layout_version {
            Some(version) => known.layouts.find(self.specific_info, version),
            None => {
                let newest = known.layouts.versions(self.specific_info).last();
                newest.ok_or_else(|| crate::domain::layout::UnknownVersion {
                    specific_info: self.specific_info,
                    known: Vec::new(),
                })
            }
        };
        let layout = layout.map_err(|unknown| CliFault::Explained(unknown.ja()))?;
        let population = Population::new(self.plan.seed, self.plan.people);
        let municipalities = known.directory.municipalities();
        let source = ReplicaFileSource {
            replicas: ReplicaSource {
                population: &population,
                layouts: &known.layouts,
                today: jst_date(wall_clock::now()),
            },
            municipalities: &municipalities,
            institution: self.institution,
            layout,
            form: FileForm::of_name(&self.file.to_string_lossy()),
            text: TextForm {
                encoding: self.encoding,
                ..TextForm::default()
            },
        };
        let replicas = self.write(&source)?;
        writeln!(
            stdout(),
            "{}に副本{replicas}件を書きました。",
            self.file.display()
        )?;
        Ok(())
    }

    fn write(&self, source: &ReplicaFileSource<'_>) -> Result<u64, CliFault> {
        let bar = ProgressBar::with_draw_target(Some(self.plan.people.into()), draw_target());
        if let Ok(style) =
            ProgressStyle::with_template("ファイルを作っています {bar:30} {pos}/{len}人 {eta}")
        {
            bar.set_style(style);
        }
        let file = File::create(&self.file).map_err(CliFault::file(self.file.as_path()))?;
        let mut file = BufWriter::new(file);
        let mut replicas = 0;
        for piece in source.pieces() {
            let (piece, count) = piece.map_err(|_| {
                CliFault::Said("見本の値が、このレイアウトか文字コードに収まりません")
            })?;
            file.write_all(&piece)?;
            replicas += count;
            bar.inc(1);
        }
        file.flush()?;
        bar.finish_and_clear();
        Ok(replicas)
    }
}
