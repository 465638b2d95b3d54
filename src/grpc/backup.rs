//! `BackupService`: takes a backup of a world that goes on meanwhile. Only for the operator.

use std::io::{self, Write};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::Fields,
    proto::sim::v1::{self, backup_service_server::BackupService, create_backup_response::Part},
    status::ToStatus,
};
use crate::{
    crypto::sealing_key::SealingPublicKey,
    world::{WorldFault, backup::Manifest},
};

/// Pieces that may wait for the caller.
const WAITING_MAX: usize = 4;

/// Length of a piece in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// The backups of the worlds.
pub struct Backups(pub Surface);

type Told = Result<v1::CreateBackupResponse, Status>;

#[tonic::async_trait]
impl BackupService for Backups {
    type CreateBackupStream = ReceiverStream<Told>;

    async fn create_backup(
        &self,
        request: Request<v1::CreateBackupRequest>,
    ) -> Result<Response<Self::CreateBackupStream>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        let recipient = decode(&request.get_ref().recipient_key)?;
        let source = world.back_up().await.to_status()?;
        let (pieces, told) = mpsc::channel(WAITING_MAX);
        // Nobody waits for it but the stream, and the world when it is closed.
        drop(world.beside(move || {
            let out = Pieces {
                held: Vec::with_capacity(PIECE_BYTES),
                to: pieces,
            };
            let to = out.to.clone();
            let written = source.write(&recipient, out, |_| ());
            if to.is_closed() {
                tracing::debug!("the caller of a backup has gone");
                return;
            }
            let last = match written.map_err(WorldFault::from).to_status() {
                Ok((_, manifest)) => Ok(part(Part::Summary(encode(&manifest)))),
                Err(status) => Err(status),
            };
            if to.blocking_send(last).is_err() {
                tracing::debug!("the caller of a backup has gone");
            }
        }));
        Ok(Response::new(ReceiverStream::new(told)))
    }
}

/// Sends what is written to it, as fast as the caller takes it.
struct Pieces {
    held: Vec<u8>,
    to: mpsc::Sender<Told>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.held.len() >= PIECE_BYTES {
            self.flush()?;
        }
        let taken = bytes.len().min(PIECE_BYTES);
        self.held
            .extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let sent = self.to.blocking_send(Ok(part(Part::Piece(held))));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

fn part(part: Part) -> v1::CreateBackupResponse {
    v1::CreateBackupResponse { part: Some(part) }
}

fn decode(key: &[u8]) -> Result<SealingPublicKey, Status> {
    let mut fields = Fields::default();
    let read = SealingPublicKey::from_bytes(key).ok();
    if read.is_none() {
        fields.flaw(
            "recipient_key",
            "is not an X25519 public key of 32 bytes",
            "32バイトのX25519公開鍵ではありません（`chukan key new` が表示します）",
        );
    }
    fields.finish(read)
}

fn encode(manifest: &Manifest) -> v1::BackupSummary {
    let trees = manifest.trees.iter();
    v1::BackupSummary {
        entries: manifest.entries,
        rows: manifest.state().rows(),
        trees: trees
            .map(|tree| v1::BackupTree {
                tree: tree.tree.clone(),
                size: tree.size,
                root: tree.root.clone(),
            })
            .collect(),
    }
}
