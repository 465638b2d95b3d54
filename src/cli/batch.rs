//! `chukan batch`: inquiry files, sent to a running server and fetched from it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};
use tonic::transport::Channel;

use super::{
    client::ClientOptions,
    download,
    fault::{CliFault, aside},
    start::on_runtime,
};
use crate::{
    crypto::files::create_private,
    grpc::proto::v1::{self, batch_service_client::BatchServiceClient},
};

mod send;
mod tell;

use send::Fetched;
use tell::Found;
pub(super) use tell::{line, time};

#[derive(Debug, Subcommand)]
pub(super) enum BatchCommand {
    /// バッチ照会ファイル（.DAT）を送る
    Submit(Submit),
    /// バッチ照会ファイルの誤りをすべて表示する（受付はしない）
    Check(Check),
    /// バッチ照会の状況を表示する。ファイル名を省略すると一覧
    Status(Status),
    /// 照会結果ファイルを取得する
    Fetch(Fetch),
    /// 回答のない行を取り消す
    Cancel(Cancel),
}

#[derive(Debug, Args)]
pub(super) struct Submit {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    text: TextOptions,
    /// 誤りのある行を除いて受け付ける（指定しなければ、1件でも誤りがあれば全体を受け付けない）
    #[arg(long)]
    by_row: bool,
    /// 終わるか職員の確認待ちになるまで、進み具合を表示して待つ
    #[arg(long)]
    wait: bool,
    /// 誤りの報告を書くファイル（CSV）。複数のファイルを送るときは、各行の先頭にファイル名が入る
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// バッチ照会ファイル。一つが受け付けられなくても、残りは送る。名前は <ジョブ>_<yyyyMMddHHmmss>_<0001>.DAT
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    text: TextOptions,
    /// 誤りの報告を書くファイル（CSV）
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// バッチ照会ファイル
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    client: ClientOptions,
    /// 終わるか職員の確認待ちになるまで、進み具合を表示して待つ
    #[arg(long, requires = "name")]
    wait: bool,
    /// バッチ照会ファイル名
    name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Fetch {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    text: TextOptions,
    /// 書き込むファイル。省略すると <ファイル名>_RESULT.DAT。上書きはしません
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// バッチ照会ファイル名
    name: String,
}

#[derive(Debug, Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    client: ClientOptions,
    /// バッチ照会ファイル名
    name: String,
}

/// How the text of a file is written.
#[derive(Debug, Args)]
struct TextOptions {
    /// 文字コード。省略すると、送るときはutf-8、取得するときは送ったファイルと同じ
    #[arg(long, value_enum)]
    encoding: Option<EncodingName>,
    /// 文字変換表のファイル（1行に「U+ファイルの文字 U+こちらの文字」）
    #[arg(long, value_name = "FILE", requires = "encoding")]
    table: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EncodingName {
    #[value(name = "utf-8")]
    Utf8,
    #[value(name = "shift_jis", alias = "cp932")]
    ShiftJis,
}

impl TextOptions {
    fn encoding(&self) -> v1::TextEncoding {
        match self.encoding {
            None => v1::TextEncoding::Unspecified,
            Some(EncodingName::Utf8) => v1::TextEncoding::Utf8,
            Some(EncodingName::ShiftJis) => v1::TextEncoding::ShiftJis,
        }
    }

    fn table(&self) -> Result<String, CliFault> {
        match &self.table {
            None => Ok(String::new()),
            Some(file) => fs::read_to_string(file).map_err(CliFault::file(file.as_path())),
        }
    }
}

/// A service of a running server, and how it is called.
struct Service<'a> {
    batches: BatchServiceClient<Channel>,
    options: &'a ClientOptions,
}

impl<'a> Service<'a> {
    async fn at(options: &'a ClientOptions) -> Result<Self, CliFault> {
        Ok(Self {
            batches: BatchServiceClient::new(options.connect().await?),
            options,
        })
    }
}

impl BatchCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(async {
            match self {
                Self::Submit(submit) => submit.run().await,
                Self::Check(check) => check.run().await,
                Self::Status(status) => status.run().await,
                Self::Fetch(fetch) => fetch.run().await,
                Self::Cancel(cancel) => cancel.run().await,
            }
        })
    }
}

impl Submit {
    async fn run(self) -> Result<(), CliFault> {
        let mut service = Service::at(&self.client).await?;
        let (mut taken, mut found, mut faults) = (Vec::new(), Found::of(&self.files), Vec::new());
        for file in &self.files {
            match self.send(&mut service, file, &mut found).await {
                Ok(name) => taken.push(name),
                Err(fault) => faults.push(self.told(&file.display().to_string(), fault)),
            }
        }
        if let Err(fault) = found.report(self.report.as_deref()) {
            faults.push(self.told("--report", fault));
        }
        for name in taken.iter().filter(|_| self.wait) {
            let waited = service.wait(name).await;
            if let Err(fault) = waited.and_then(|batch| tell::batch(&batch)) {
                faults.push(self.told(name, fault));
            }
        }
        let count = faults.len();
        match faults.into_iter().next() {
            None => Ok(()),
            Some(fault) if self.files.len() == 1 || fault.is_enough() => Err(fault),
            Some(_) => Err(CliFault::SomeFailed {
                count,
                flawed: found.refused_files > 0,
            }),
        }
    }

    /// Tells at once what became of one of several files, for the others may take long.
    fn told(&self, what: &str, fault: CliFault) -> CliFault {
        if self.files.len() > 1 {
            aside(&format!("{what}: {fault}"));
        }
        fault
    }

    /// Sends a file and tells what is wrong in it; its name where it was taken.
    async fn send(
        &self,
        service: &mut Service<'_>,
        path: &Path,
        found: &mut Found,
    ) -> Result<String, CliFault> {
        let file = send::FileToSend::read(path, &self.text, self.by_row)?;
        match service.submit(&file).await {
            Ok(response) => {
                tell::taken(&response)?;
                found.tell(&file.header.file_name, response.flaws)?;
                Ok(file.header.file_name)
            }
            Err(refused) if send::is_flawed(&refused) => {
                let flaws = service.check(&file).await?;
                let count = flaws.len();
                found.tell(&file.header.file_name, flaws)?;
                found.refused_files += 1;
                Err(CliFault::Flawed(count))
            }
            Err(refused) => Err(refused.into()),
        }
    }
}

impl Check {
    async fn run(self) -> Result<(), CliFault> {
        let mut service = Service::at(&self.client).await?;
        let file = send::FileToSend::read(&self.file, &self.text, false)?;
        let flaws = service.check(&file).await?;
        let count = flaws.len();
        let mut found = Found::default();
        found.tell(&file.header.file_name, flaws)?;
        found.report(self.report.as_deref())?;
        match count {
            0 => tell::line("誤りはありません。"),
            count => Err(CliFault::Flawed(count)),
        }
    }
}

impl Status {
    async fn run(self) -> Result<(), CliFault> {
        let mut service = Service::at(&self.client).await?;
        match self.name {
            None => tell::list(&service.list().await?),
            Some(name) if self.wait => tell::batch(&service.wait(&name).await?),
            Some(name) => tell::batch(&service.batch(&name).await?),
        }
    }
}

impl Fetch {
    async fn run(self) -> Result<(), CliFault> {
        let out = self.out.unwrap_or_else(|| {
            let stem = self.name.trim_end_matches(".DAT");
            PathBuf::from(format!("{stem}_RESULT.DAT"))
        });
        refuse_to_overwrite(&out)?;
        let mut service = Service::at(&self.client).await?;
        let batch = service.batch(&self.name).await?;
        let request = v1::FetchBatchResultRequest {
            file_name: self.name,
            encoding: self.text.encoding().into(),
            character_table: self.text.table()?,
        };
        match service.fetch(request).await? {
            Fetched::Bytes(bytes) => {
                create_private(&out, &bytes).map_err(CliFault::file(out.as_path()))?;
                tell::line(&format!("照会結果を{}に書きました。", out.display()))?;
            }
            Fetched::Download(found) => download::fetch(&self.client, &found.url, &out).await?,
        }
        if batch.rows_ended < batch.rows {
            let open = batch.rows - batch.rows_ended;
            tell::line(&format!("まだ終了していない行が{open}行あります。"))?;
        }
        Ok(())
    }
}

pub(super) fn refuse_to_overwrite(out: &Path) -> Result<(), CliFault> {
    if out.exists() {
        Err(CliFault::Said(
            "書き込むファイルが既にあります。--out で別の名前を指定してください",
        ))
    } else {
        Ok(())
    }
}

impl Cancel {
    async fn run(self) -> Result<(), CliFault> {
        let mut service = Service::at(&self.client).await?;
        let request = v1::CancelBatchRequest {
            file_name: self.name,
        };
        let request = self.client.request(request)?;
        let cancelled = service.batches.cancel_batch(request).await?.into_inner();
        tell::line("取消を受け付けました。処理中の行は終わるまで待ちます。")?;
        match cancelled.batch {
            Some(batch) => tell::batch(&batch),
            None => Ok(()),
        }
    }
}
