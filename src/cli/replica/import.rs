//! `chukan replica import`: sends a file, shows how far it is, keeps a report of what is wrong in it.

use std::{
    fs::File,
    io::{BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{
    super::{
        client::ClientOptions,
        fault::{CliFault, aside},
    },
    file::{TextOptions, beside, form_of},
};
use crate::{
    cli::fault::CHANGED,
    folder::Watched,
    grpc::proto::v1::{
        self, import_replicas_request::Part, import_replicas_response::Event,
        replica_service_client::ReplicaServiceClient,
    },
};

/// Bytes of a piece.
const PIECE_BYTES: usize = 256 * 1024;

/// Flaws that are shown on the screen; all are in the report.
const SHOWN_MAX: u64 = 20;

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    text: TextOptions,
    /// 全件のファイルとして取り込む。ファイルにない副本は削除されます（省略時は差分）
    #[arg(long)]
    full: bool,
    /// 誤りのある副本だけを除いて取り込む（差分のみ）
    #[arg(long, conflicts_with = "full")]
    by_row: bool,
    /// 以前と同じファイルでも、もう一度取り込む
    #[arg(long)]
    again: bool,
    /// 誤りの一覧（CSV）を書くファイル。省略時は <FILE>.errors.csv
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// 副本ファイル（.DAT は固定長、それ以外はCSV）
    file: PathBuf,
}

impl Import {
    pub(super) async fn run(self) -> Result<(), CliFault> {
        let file = Watched::open(&self.file).map_err(CliFault::file(self.file.as_path()))?;
        let bytes = file.length_bytes();
        let (parts, sent) = mpsc::channel(4);
        let settings = self.settings(bytes)?;
        let sender = tokio::task::spawn_blocking(move || send(file, settings, &parts));
        let mut client = ReplicaServiceClient::new(self.client.connect().await?);
        let request = self.client.request(ReceiverStream::new(sent))?;
        let mut events = client.import_replicas(request).await?.into_inner();
        let report = self
            .report
            .clone()
            .unwrap_or_else(|| beside(&self.file, ".errors.csv"));
        let mut told = Told::begin(bytes, report);
        let mut ended = None;
        while let Some(response) = events.message().await? {
            match response.event {
                Some(Event::Progress(progress)) => told.progress(&progress),
                Some(Event::Flaw(flaw)) => told.flaw(&flaw)?,
                Some(Event::Report(report)) => ended = Some(report),
                None => {}
            }
        }
        told.bar.finish_and_clear();
        sender
            .await
            .map_err(|_| CliFault::Said("ファイルの送信が中断されました"))??;
        let ended = ended.ok_or(CliFault::Said("サーバーの応答が途中で終わりました"))?;
        told.end(&ended)
    }

    fn settings(&self, file_bytes: u64) -> Result<v1::ReplicaImportSettings, CliFault> {
        let extent = if self.full {
            v1::ReplicaFileExtent::Full
        } else {
            v1::ReplicaFileExtent::Differential
        };
        Ok(v1::ReplicaImportSettings {
            form: form_of(&self.file).into(),
            text: Some(self.text.message()?),
            extent: extent.into(),
            by_row: self.by_row,
            again: self.again,
            file_bytes,
        })
    }
}

/// Sends the file. When the server no longer listens, its answer says why.
fn send(
    mut file: Watched,
    settings: v1::ReplicaImportSettings,
    parts: &mpsc::Sender<v1::ImportReplicasRequest>,
) -> Result<(), CliFault> {
    let mut next = Part::Settings(settings);
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece)?;
        // Without its last piece the file is not what was announced, and nothing of it is taken.
        if read == 0 && !file.is_unchanged()? {
            return Err(CliFault::Said(CHANGED));
        }
        let part = Some(next);
        let request = v1::ImportReplicasRequest { part };
        if parts.blocking_send(request).is_err() || read == 0 {
            return Ok(());
        }
        piece.truncate(read);
        next = Part::Piece(piece);
    }
}

/// What was told on the screen and in the report.
struct Told {
    bar: ProgressBar,
    bytes: u64,
    report: PathBuf,
    file: Option<BufWriter<File>>,
    shown: u64,
}

impl Told {
    fn begin(bytes: u64, report: PathBuf) -> Self {
        let bar = ProgressBar::new(bytes);
        style(&bar, "検査しています {bar:30} {bytes}/{total_bytes} {eta}");
        Self {
            bar,
            bytes,
            report,
            file: None,
            shown: 0,
        }
    }

    fn progress(&mut self, progress: &v1::ReplicaImportProgress) {
        if progress.changes == 0 {
            self.bar.set_position(progress.bytes.min(self.bytes));
            return;
        }
        if self.bar.length() != Some(progress.changes) {
            style(&self.bar, "登録しています {bar:30} {pos}/{len}件 {eta}");
            self.bar.set_length(progress.changes);
        }
        self.bar.set_position(progress.applied);
    }

    fn flaw(&mut self, flaw: &v1::ReplicaFileFlaw) -> Result<(), CliFault> {
        let v1::ReplicaFileFlaw {
            line,
            column,
            item,
            value_shape,
            code,
            message,
            remedy,
        } = flaw;
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let made = File::create(&self.report);
                let mut file = BufWriter::new(made.map_err(CliFault::file(&self.report))?);
                writeln!(file, "行,列,項目,値の形,誤り,内容,対処")?;
                self.file.insert(file)
            }
        };
        let texts =
            [item, value_shape, code, message, remedy].map(|text| text.replace('"', "\"\""));
        writeln!(file, "{line},{column},\"{}\"", texts.join("\",\""))?;
        self.shown += 1;
        if self.shown <= SHOWN_MAX {
            let shape = match value_shape.as_str() {
                "" => String::new(),
                shape => format!("（値: {shape}）"),
            };
            let text = format!("{line}行 {column}列 {item}{shape}: {message} → {remedy}");
            self.bar.suspend(|| aside(&text));
        }
        Ok(())
    }

    fn end(mut self, ended: &v1::ReplicaImportReport) -> Result<(), CliFault> {
        if let Some(file) = &mut self.file {
            file.flush()?;
            if self.shown > SHOWN_MAX {
                aside(&format!("ほか{}件", ended.flaws - SHOWN_MAX));
            }
        }
        let mut out = std::io::stdout().lock();
        let report = |out: &mut std::io::StdoutLock<'_>, file: &Path| {
            writeln!(out, "誤りの一覧: {}", file.display())
        };
        let Some(import) = ended.import.as_ref().filter(|_| ended.taken) else {
            if ended.flaws > 0 {
                report(&mut out, &self.report)?;
            }
            return Err(CliFault::FileRefused(ended.flaws));
        };
        writeln!(
            out,
            "取込番号{}: {}行、新規{}件、更新{}件、削除{}件",
            import.number, ended.rows, import.registered, import.replaced, import.deleted
        )?;
        if ended.flaws > 0 {
            writeln!(
                out,
                "誤りのある副本{}件（誤り{}件）は取り込んでいません。",
                ended.flawed_replicas, ended.flaws
            )?;
            report(&mut out, &self.report)?;
        }
        Ok(())
    }
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}
