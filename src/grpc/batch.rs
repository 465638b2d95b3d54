//! SKI, バッチ照会: inquiries by file.

use std::{pin::Pin, time::Duration};

use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::{
    batch_messages::{Pieces, batch, domain_encoding, file_name, flaw, taken},
    caller::{Entered, Surface},
    download,
    fields::{Fields, page},
    proto::v1::{self, batch_service_server::BatchService},
    status::{ToStatus, status_of},
};
use crate::{
    domain::{
        batch::BatchState,
        batch_file::BatchFileName,
        download::DownloadOf,
        files::{CharacterTable, TextForm},
        refusal::Refusal,
        result::ResultCode,
    },
    institution::{ActFault, BatchDraft, BatchResult, BatchView, ResultRequest},
    world::WorldFault,
};

/// From the first look at a watched batch to the second; from then on each pause is twice the one before.
const WATCH_PAUSE_FIRST: Duration = Duration::from_millis(10);

/// The longest pause. Between two looks hundreds of rows end.
const WATCH_PAUSE_MAX: Duration = Duration::from_millis(500);

/// How many pieces of a stream wait for a slow reader.
const PIECES_WAITING: usize = 4;

/// Stands for whatever institution a row names that is not the caller's.
const ANOTHER: &str = "another";

/// The service of inquiries by file.
pub struct Batches(pub Surface);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl BatchService for Batches {
    async fn submit_batch(
        &self,
        request: Request<Streaming<v1::SubmitBatchRequest>>,
    ) -> Result<Response<v1::SubmitBatchResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut draft = receive(request.into_inner()).await?;
        draft.system = entered.local_system()?;
        let submitted = entered.world.submit_batch(entered.institution, draft).await;
        if let Err(WorldFault::Act(ActFault::Refused(Refusal::InstitutionMismatch))) = &submitted {
            entered.speaks_for_itself(ANOTHER).await?;
        }
        let submitted = submitted.to_status()?;
        let view = entered.server()?.batch(&submitted.batch.name).to_status()?;
        Ok(Response::new(taken(view, &submitted.flaws)))
    }

    type CheckBatchStream = Answers<v1::CheckBatchResponse>;

    async fn check_batch(
        &self,
        request: Request<Streaming<v1::CheckBatchRequest>>,
    ) -> Result<Response<Self::CheckBatchStream>, Status> {
        let entered = self.0.enter(&request)?;
        let mut draft = receive(request.into_inner()).await?;
        draft.system = entered.local_system()?;
        let checked = entered.world.check_batch(entered.institution, &draft);
        let checked = checked.to_status()?;
        let told = checked.flaws.into_iter().map(|found| {
            Ok(v1::CheckBatchResponse {
                flaw: Some(flaw(&found)),
            })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(told))))
    }

    async fn get_batch(
        &self,
        request: Request<v1::GetBatchRequest>,
    ) -> Result<Response<v1::GetBatchResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let name = file_name(&request.get_ref().file_name)?;
        let view = own_batch(&entered, &name)?;
        Ok(Response::new(v1::GetBatchResponse {
            batch: Some(batch(view, entered.world.can_begin().err().as_ref())),
        }))
    }

    async fn list_batches(
        &self,
        request: Request<v1::ListBatchesRequest>,
    ) -> Result<Response<v1::ListBatchesResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let page = page(message.page_size, &message.page_token)?;
        let system = entered.local_system()?;
        let found = entered.server()?.batches(system.as_ref(), &page);
        let found = found.to_status()?;
        let fault = entered.world.can_begin().err();
        let batches = found.rows.into_iter();
        let batches = batches.map(|view| batch(view, fault.as_ref()));
        Ok(Response::new(v1::ListBatchesResponse {
            batches: batches.collect(),
            next_page_token: found.next_token.unwrap_or_default(),
        }))
    }

    type WatchBatchStream = Answers<v1::WatchBatchResponse>;

    async fn watch_batch(
        &self,
        request: Request<v1::WatchBatchRequest>,
    ) -> Result<Response<Self::WatchBatchStream>, Status> {
        let entered = self.0.enter(&request)?;
        let name = file_name(&request.get_ref().file_name)?;
        own_batch(&entered, &name)?;
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let stopping = self.0.stopping();
        tokio::spawn(async move {
            let watched = stopping
                .run_until_cancelled(watch(&entered, &name, &sender))
                .await;
            if let Some(Err(status)) = watched {
                // The watcher has gone when this cannot be sent, and nobody else wants to know.
                drop(sender.send(Err(status)).await);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    type FetchBatchResultStream = Answers<v1::FetchBatchResultResponse>;

    async fn fetch_batch_result(
        &self,
        request: Request<v1::FetchBatchResultRequest>,
    ) -> Result<Response<Self::FetchBatchResultStream>, Status> {
        let entered = self.0.enter(&request)?;
        let wanted = result_request(request.get_ref())?;
        own_batch(&entered, &wanted.name)?;
        let (sender, receiver) = tokio::sync::mpsc::channel(PIECES_WAITING);
        tokio::spawn(async move {
            if let Err(status) = send_result(entered, wanted, &sender).await {
                // The reader has gone when this cannot be sent, and nobody else wants to know.
                drop(sender.send(Err(status)).await);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn cancel_batch(
        &self,
        request: Request<v1::CancelBatchRequest>,
    ) -> Result<Response<v1::CancelBatchResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let name = file_name(&request.get_ref().file_name)?;
        own_batch(&entered, &name)?;
        let cancelled = entered.world.cancel_batch(entered.institution, name).await;
        let view = cancelled.to_status()?;
        Ok(Response::new(v1::CancelBatchResponse {
            batch: Some(batch(view, entered.world.can_begin().err().as_ref())),
        }))
    }
}

/// A batch that speaks the caller's kind of number. Any other is not there for the caller.
pub(super) fn own_batch(entered: &Entered, name: &BatchFileName) -> Result<BatchView, Status> {
    let system = entered.local_system()?;
    entered
        .server()?
        .batch_of(system.as_ref(), name)
        .to_status()
}

/// Takes the pieces of a file until its end.
async fn receive<T: Into<v1::SubmitBatchRequest>>(
    mut stream: Streaming<T>,
) -> Result<BatchDraft, Status> {
    let mut pieces = Pieces::default();
    while let Some(message) = stream.message().await? {
        pieces.take(message.into())?;
    }
    pieces.finish()
}

type Reader = tokio::sync::mpsc::Sender<Result<v1::FetchBatchResultResponse, Status>>;

/// Sends the pieces of a file of results, or where it lies ready.
async fn send_result(
    entered: Entered,
    wanted: ResultRequest,
    reader: &Reader,
) -> Result<(), Status> {
    let of = DownloadOf::Batch(wanted.name.clone());
    let writing = tokio::task::spawn_blocking(move || {
        let written = entered.server()?.batch_result(&wanted).to_status()?;
        Ok::<_, Status>((entered, written))
    });
    let stopped = |_| Status::internal("the result could not be written");
    let (entered, written) = writing.await.map_err(stopped)??;
    match written {
        BatchResult::Pieces(pieces) => {
            for chunk in pieces {
                let piece = v1::FetchBatchResultResponse {
                    chunk,
                    download: None,
                };
                if reader.send(Ok(piece)).await.is_err() {
                    return Ok(());
                }
            }
        }
        BatchResult::File(file, until) => {
            let server = entered.server()?;
            let offered = server.offer(of, *file, entered.world.now(), until).await;
            let message = v1::FetchBatchResultResponse {
                chunk: Vec::new(),
                download: Some(download::message(&entered, offered.to_status()?)),
            };
            drop(reader.send(Ok(message)).await);
        }
    }
    Ok(())
}

type Watcher = tokio::sync::mpsc::Sender<Result<v1::WatchBatchResponse, Status>>;

async fn watch(entered: &Entered, name: &BatchFileName, sender: &Watcher) -> Result<(), Status> {
    let server = entered.server()?;
    let (mut shown, mut pause) = (None, WATCH_PAUSE_FIRST);
    loop {
        let view = server.batch(name).to_status()?;
        let done = view.has_ended() || waits(&view);
        let fault = entered.world.can_begin().err();
        let now = batch(view, fault.as_ref());
        if shown.as_ref() != Some(&now) {
            let response = v1::WatchBatchResponse {
                batch: Some(now.clone()),
            };
            if sender.send(Ok(response)).await.is_err() {
                return Ok(());
            }
            shown = Some(now);
        }
        match fault {
            _ if done => return Ok(()),
            // Nothing moves any more before the server is started again.
            Some(fault @ Refusal::RecordsUnavailable) => return Err(status_of(&fault)),
            _ => {}
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = WATCH_PAUSE_MAX.min(pause * 2),
            () = sender.closed() => return Ok(()),
        }
    }
}

/// Whether what has not ended waits for a human.
fn waits(view: &BatchView) -> bool {
    view.batch.state == BatchState::Running
        && view.is_settled()
        && view.tally.contains_key(&ResultCode::WaitingForStaff)
}

fn result_request(message: &v1::FetchBatchResultRequest) -> Result<ResultRequest, Status> {
    let mut fields = Fields::default();
    let name = fields.required("file_name", &message.file_name);
    let encoding = domain_encoding(&mut fields, message.encoding);
    let table = match CharacterTable::read(&message.character_table) {
        Ok(table) => Some(table),
        Err(bad) => {
            fields.flaw("character_table", bad.to_string(), &bad.ja());
            None
        }
    };
    let named = message.encoding() != v1::TextEncoding::Unspecified;
    if !named && !message.character_table.is_empty() {
        let en = "needs an encoding beside it";
        fields.flaw("character_table", en, "文字コードと共に指定してください");
    }
    let request = || {
        let (encoding, table) = (encoding?, table?);
        Some(ResultRequest {
            name: name?,
            form: named.then_some(TextForm { encoding, table }),
        })
    };
    fields.finish(request())
}
