//! `chukan replica export`: writes the registered replicas as a file.

use std::{
    fs::{self, File},
    io::{BufWriter, Write, stdout},
    path::PathBuf,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    super::{
        client::ClientOptions,
        fault::{CliFault, aside},
    },
    file::{TextOptions, beside, form_of},
};
use crate::grpc::proto::v1::{
    self, export_replicas_response::Part, replica_service_client::ReplicaServiceClient,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    text: TextOptions,
    /// 特定個人情報名コード
    #[arg(long, value_name = "CODE")]
    specific_info: String,
    /// レイアウト版
    #[arg(long = "version", value_name = "VERSION", id = "layout_version")]
    layout_version: String,
    /// 書き出すファイル（.DAT は固定長、それ以外はCSV）
    file: PathBuf,
}

impl Export {
    pub(super) async fn run(self) -> Result<(), CliFault> {
        let part = beside(&self.file, ".part");
        let fault = || CliFault::file(part.as_path());
        let mut file = BufWriter::new(File::create(&part).map_err(fault())?);
        let wanted = v1::ExportReplicasRequest {
            specific_info: self.specific_info.clone(),
            layout_version: self.layout_version.clone(),
            form: form_of(&self.file).into(),
            text: Some(self.text.message()?),
        };
        let exported = export(&self.client, wanted, &mut file).await;
        let written = exported.and_then(|report| {
            file.flush().map_err(fault())?;
            fs::rename(&part, &self.file).map_err(fault())?;
            Ok(report)
        });
        let report = match written {
            Ok(report) => report,
            Err(failed) => {
                fs::remove_file(&part).map_err(fault())?;
                return Err(failed);
            }
        };
        writeln!(
            stdout(),
            "{}: 副本{}件、{}行",
            self.file.display(),
            report.replicas,
            report.lines
        )?;
        if report.other_versions > 0 {
            writeln!(
                stdout(),
                "ほかのレイアウト版の副本{}件は書き出していません。",
                report.other_versions
            )?;
        }
        if report.unnamed > 0 {
            writeln!(
                stdout(),
                "この業務システムの宛名番号がない対象者の副本{}件は書き出していません。",
                report.unnamed
            )?;
        }
        for replica in &report.unwritable {
            let key = replica.key.clone().unwrap_or_default();
            aside(&format!(
                "宛名番号 {} レコードキー {}: {}",
                key.addressee_number,
                key.record_key,
                replica.reasons.join("、")
            ));
        }
        if report.unwritable_replicas > 0 {
            return Err(CliFault::ReplicasUnwritable(report.unwritable_replicas));
        }
        Ok(())
    }
}

/// Writes an export into `file`.
pub(super) async fn export(
    client: &ClientOptions,
    wanted: v1::ExportReplicasRequest,
    file: &mut impl Write,
) -> Result<v1::ReplicaExportReport, CliFault> {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("書き出しています {spinner} {bytes}") {
        bar.set_style(style);
    }
    let mut service = ReplicaServiceClient::new(client.connect().await?);
    let request = client.request(wanted)?;
    let mut parts = service.export_replicas(request).await?.into_inner();
    let mut report = None;
    while let Some(response) = parts.message().await? {
        match response.part {
            Some(Part::Piece(piece)) => {
                bar.inc(piece.len() as u64);
                file.write_all(&piece)?;
            }
            Some(Part::Report(told)) => report = Some(told),
            None => {}
        }
    }
    bar.finish_and_clear();
    report.ok_or(CliFault::Said("サーバーの応答が途中で終わりました"))
}
