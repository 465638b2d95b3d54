//! `chukan backup`: takes a world out into one sealed file, checks such a file, and makes a data directory from it.

mod create;
mod japanese;

use std::{
    fs::{self, File},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

pub(super) use japanese::ja;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{fault::CliFault, ledger::read_keys, open::read_key, start::draw_target};
use crate::{
    config::StoreConfig,
    ledger::PublicKeys,
    world::{
        backup::{self, Manifest},
        disposable_in,
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// 動作中または停止中の世界のバックアップを、公開鍵で暗号化した1つのファイルに作る
    Create(create::Create),
    /// バックアップを復元せずに最後まで検証する（暗号文・署名・木の根・状態の行）
    Verify(Verify),
    /// バックアップから新しいデータディレクトリーを作り、木の根で正しさを確かめる
    Restore(Restore),
}

#[derive(Debug, Args)]
#[command(
    after_help = "例: chukan backup verify backup.chukan --key backup.key --keys keys.pub\n\
                  損傷・切断・並べ替え・鍵の違いが見つかると、場所を示して終了コード 3 で終わります。"
)]
pub(super) struct Verify {
    #[command(flatten)]
    archive: Archive,
}

#[derive(Debug, Args)]
#[command(
    after_help = "例: chukan backup restore backup.chukan --key backup.key --into chukan-data-restored\n\
                  途中で止めても、復元先は現れません（.<名前>.restoring が残り、次の復元で消えます）。\n\
                  復元後の台帳に新しい末尾があれば、起動時に状態へ反映されます。"
)]
pub(super) struct Restore {
    #[command(flatten)]
    archive: Archive,
    /// 作るデータディレクトリー。既にあれば失敗します（上書きはしません）
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
}

#[derive(Debug, Args)]
struct Archive {
    /// バックアップのファイル
    file: PathBuf,
    /// 秘密鍵のファイル（`chukan key new` が書いたもの）
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// 別に保管しておいた台帳の公開鍵（keys.pub の形式）。あれば、その世界のバックアップであることも確かめます
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl BackupCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Create(create) => create.run(),
            Self::Verify(verify) => verify.run(),
            Self::Restore(restore) => restore.run(),
        }
    }
}

impl Verify {
    fn run(self) -> Result<(), CliFault> {
        let (key, keys) = self.archive.keys()?;
        let began = Instant::now();
        let (from, bytes) = self.archive.open("検証しています")?;
        let manifest = backup::verify(from, &key, keys.as_ref())?;
        show(&manifest)?;
        let seconds = began.elapsed().as_secs_f64();
        writeln!(
            io::stdout(),
            "検証に成功しました: {bytes}バイト（毎秒{:.0} MiB）",
            bytes as f64 / seconds / f64::from(1 << 20)
        )?;
        Ok(())
    }
}

impl Restore {
    fn run(self) -> Result<(), CliFault> {
        let (key, keys) = self.archive.keys()?;
        let (from, _) = self.archive.open("復元しています")?;
        let into = (self.into.as_path(), StoreConfig::default().cache_bytes);
        let manifest = backup::restore(from, &key, keys.as_ref(), into)?;
        show(&manifest)?;
        writeln!(
            io::stdout(),
            "復元しました: {}（ディスクから読み直した台帳の根は、すべてバックアップ時のものと一致しています）",
            self.into.display()
        )?;
        self.tell_what_is_due(&manifest)
    }

    /// What had been disposed of since the backup was made is there again.
    fn tell_what_is_due(&self, manifest: &Manifest) -> Result<(), CliFault> {
        let world = self.into.join("worlds").join(&manifest.world);
        let due = disposable_in(&world, |_| ())?;
        let mut out = io::stdout().lock();
        for of in &due {
            writeln!(out, "保存期間を過ぎた記録  {}  {}件", of.tree, of.entries)?;
        }
        if !due.is_empty() {
            writeln!(
                out,
                "バックアップの後に廃棄した記録も、復元によって戻っています。起動後に GetDisposal で確かめ、DisposeRecords（コアシステムは DisposeCoreRecords）であらためて廃棄してください"
            )?;
        }
        Ok(())
    }
}

impl Archive {
    fn keys(
        &self,
    ) -> Result<
        (
            crate::crypto::sealing_key::SealingKeyPair,
            Option<PublicKeys>,
        ),
        CliFault,
    > {
        let keys = self.keys.clone().map(read_keys).transpose()?;
        Ok((read_key(&self.key)?, keys))
    }

    /// The file behind a bar, and its length.
    fn open(&self, doing: &str) -> Result<(impl Read + use<>, u64), CliFault> {
        let file = File::open(&self.file).map_err(CliFault::file(self.file.as_path()))?;
        let bytes = file
            .metadata()
            .map_err(CliFault::file(self.file.as_path()))?
            .len();
        let bar = bar(doing, bytes);
        Ok((
            bar.wrap_read(io::BufReader::with_capacity(1 << 20, file)),
            bytes,
        ))
    }
}

fn bar(doing: &str, bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), draw_target());
    let template = format!("{doing} {{bar:30}} {{bytes}}/{{total_bytes}} {{eta}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

fn show(manifest: &Manifest) -> Result<(), CliFault> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "世界 {}  作成 {}  記録{}件  状態{}行",
        manifest.world,
        manifest.made_at,
        manifest.entries,
        manifest.state().rows()
    )?;
    for tree in &manifest.trees {
        writeln!(out, "{}  {}件  根 {}", tree.tree, tree.size, tree.root)?;
    }
    Ok(())
}

/// Puts a whole file at `path`, which must not be there: what is written in part stands beside it as `.part`.
struct NewFile {
    path: PathBuf,
    part: PathBuf,
    file: File,
}

impl NewFile {
    fn create(path: &Path) -> Result<Self, CliFault> {
        if path.exists() {
            return Err(CliFault::Explained(format!(
                "{} は既にあります。上書きはしません",
                path.display()
            )));
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(CliFault::file(part.as_path()))?;
        Ok(Self {
            path: path.to_path_buf(),
            part,
            file,
        })
    }

    fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Gives the file its name when `written` went well; else removes it.
    fn settle<T>(self, written: Result<T, CliFault>) -> Result<T, CliFault> {
        let keep = || {
            self.file.sync_all()?;
            fs::hard_link(&self.part, &self.path)?;
            let folder = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        let kept = written.and_then(|told| {
            keep().map_err(CliFault::file(self.path.as_path()))?;
            Ok(told)
        });
        fs::remove_file(&self.part).map_err(CliFault::file(self.part.as_path()))?;
        kept
    }
}
