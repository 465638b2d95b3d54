//! `chukan backup create`: through a running server, or from a stopped directory.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
};

use clap::Args;
use data_encoding::BASE64;

use super::{CliFault, NewFile, bar, show};
use crate::{
    cli::{client::OperatorOptions, start::on_runtime, world_dir::WorldDir},
    config::StoreConfig,
    crypto::sealing_key::SealingPublicKey,
    grpc::proto::sim::v1::{
        self, backup_service_client::BackupServiceClient, create_backup_response::Part,
    },
    ledger::LedgerFault,
    store::StoreFault,
    world::{WorldFault, backup},
};

#[derive(Debug, Args)]
#[command(
    after_help = "例: chukan key new --out backup.key        （公開鍵が表示されます。秘密鍵は別の場所に保管してください）\n    \
                  chukan backup create --server 127.0.0.1:50551 --recipient <公開鍵> --out backup.chukan\n\
                  --server を付けると動作中のサーバーから、付けなければ停止中のディレクトリーから作ります。\n\
                  台帳・状態・鍵・定義ファイル・PKIが入ります。秘密鍵がなければ誰も開けません。"
)]
pub(in crate::cli) struct Create {
    /// 動作中のサーバーのアドレス（操作者の証明書で接続します）。省略すると停止中のディレクトリーを読みます
    #[arg(long, value_name = "ADDR")]
    server: Option<SocketAddr>,
    #[command(flatten)]
    dir: WorldDir,
    /// 暗号化に使う公開鍵（Base64。`chukan key new` が表示したもの）
    #[arg(long, value_name = "KEY")]
    recipient: String,
    /// 作るファイル。既にあれば失敗します
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Create {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let recipient = BASE64.decode(self.recipient.as_bytes()).ok();
        let recipient = recipient.and_then(|key| SealingPublicKey::from_bytes(&key).ok());
        let recipient = recipient.ok_or(CliFault::Said(
            "--recipient がX25519公開鍵（Base64）ではありません",
        ))?;
        let new = NewFile::create(&self.out)?;
        let file = new.file()?;
        let made = on_runtime(async {
            match self.server {
                Some(server) => self.through(server, &recipient, file).await,
                None => self.stopped(&recipient, file).await,
            }
        });
        new.settle(made)?;
        writeln!(
            io::stdout(),
            "バックアップを作りました: {}",
            self.out.display()
        )?;
        Ok(())
    }

    async fn through(
        &self,
        server: SocketAddr,
        recipient: &SealingPublicKey,
        mut file: std::fs::File,
    ) -> Result<(), CliFault> {
        let operator = OperatorOptions {
            server,
            data: self.dir.data.clone(),
            world: self.dir.world.clone(),
        };
        let mut service = BackupServiceClient::new(operator.connect().await?);
        let request = operator.request(v1::CreateBackupRequest {
            recipient_key: recipient.as_bytes().to_vec(),
        })?;
        let mut parts = service.create_backup(request).await?.into_inner();
        let bar = bar("受け取っています", 0);
        let mut summary = None;
        while let Some(response) = parts.message().await? {
            match response.part {
                Some(Part::Piece(piece)) => {
                    file.write_all(&piece)
                        .map_err(CliFault::file(self.out.as_path()))?;
                    bar.inc_length(piece.len() as u64);
                    bar.inc(piece.len() as u64);
                }
                Some(Part::Summary(told)) => summary = Some(told),
                None => {}
            }
        }
        bar.finish_and_clear();
        let told = summary.ok_or(CliFault::Said("サーバーの応答が途中で終わりました"))?;
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "世界 {}  記録{}件  状態{}行",
            self.dir.world, told.entries, told.rows
        )?;
        for tree in told.trees {
            writeln!(out, "{}  {}件  根 {}", tree.tree, tree.size, tree.root)?;
        }
        Ok(())
    }

    async fn stopped(
        &self,
        recipient: &SealingPublicKey,
        file: std::fs::File,
    ) -> Result<(), CliFault> {
        let (world, dir) = self.dir.find()?;
        let bar = bar("書き出しています", 0);
        let (_, manifest) = backup::write_stopped(
            (&dir, world),
            recipient,
            (file, StoreConfig::default().cache_bytes),
            |bytes| {
                bar.inc_length(bytes);
                bar.inc(bytes);
            },
        )
        .await
        .map_err(in_use)?;
        bar.finish_and_clear();
        show(&manifest)
    }
}

/// Says how a running world is backed up.
fn in_use(fault: WorldFault) -> CliFault {
    match fault {
        WorldFault::Ledger(LedgerFault::InUse(_)) | WorldFault::Store(StoreFault::InUse { .. }) => {
            CliFault::Said("この世界は動作中です。--server でサーバーのアドレスを指定してください")
        }
        other => other.into(),
    }
}
