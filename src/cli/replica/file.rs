//! What the commands on replica files have in common: how a file is written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

use super::super::fault::CliFault;
use crate::{domain::replica_file::FileForm, grpc::proto::v1};

/// How the text of the file is written.
#[derive(Debug, Args)]
pub(super) struct TextOptions {
    /// 文字コード: utf-8 または shift_jis（CP932）
    #[arg(long, default_value = "utf-8")]
    pub(super) encoding: String,
    /// 文字変換表（外字など）。「U+E000 U+20BB7」のような対を1行に1つ
    #[arg(long, value_name = "FILE")]
    character_table: Option<PathBuf>,
}

impl TextOptions {
    pub(super) fn message(&self) -> Result<v1::ReplicaFileText, CliFault> {
        let table = self
            .character_table
            .as_deref()
            .map(|file| fs::read_to_string(file).map_err(CliFault::file(file)));
        Ok(v1::ReplicaFileText {
            encoding: self.encoding.clone(),
            character_table: table.transpose()?.unwrap_or_default(),
        })
    }
}

/// The form that the file has by its name.
pub(super) fn form_of(file: &Path) -> v1::ReplicaFileForm {
    match FileForm::of_name(&file.to_string_lossy()) {
        FileForm::Csv => v1::ReplicaFileForm::Csv,
        FileForm::Dat => v1::ReplicaFileForm::Dat,
    }
}

/// The file beside `file` with `ending` behind its name.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}
