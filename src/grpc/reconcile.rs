//! `ReconcileService`: the three sides of every exchange compared while the world goes on. Only for the operator.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::Fields,
    proto::sim::v1::{self, reconcile_response::Part, reconcile_service_server::ReconcileService},
    provision_record::{disagreement, side},
    status::ToStatus,
};
use crate::{
    domain::exchange::Side,
    ledger::Progress,
    world::{Days, Differing, Reconciled, WorldFault},
};

/// Parts that may wait for the caller.
const WAITING_MAX: usize = 16;

/// The comparison of the sides.
pub struct Reconciles(pub Surface);

type Told = Result<v1::ReconcileResponse, Status>;

#[tonic::async_trait]
impl ReconcileService for Reconciles {
    type ReconcileStream = ReceiverStream<Told>;

    async fn reconcile(
        &self,
        request: Request<v1::ReconcileRequest>,
    ) -> Result<Response<Self::ReconcileStream>, Status> {
        self.0.operator(&request)?;
        let world = self.0.world(&request)?;
        let days = decode(request.get_ref())?;
        let (parts, told) = mpsc::channel(WAITING_MAX);
        let of_world = std::sync::Arc::clone(&world);
        // Nobody waits for it but the stream, and the world when it is closed.
        drop(world.beside(move || {
            let send = |part| parts.blocking_send(part);
            // How far it is may be left out, when the caller is slow or has gone.
            let compared = of_world.reconcile(days, |at| drop(parts.try_send(Ok(progress(at)))));
            let sent = match compared.map_err(WorldFault::from).to_status() {
                Err(status) => send(Err(status)),
                Ok(done) => {
                    let differing = done.differing.iter().map(differing);
                    let all = differing.chain([summary(&done)]);
                    all.map(Ok).try_for_each(send)
                }
            };
            if sent.is_err() {
                tracing::debug!("the caller of a comparison has gone");
            }
        }));
        Ok(Response::new(ReceiverStream::new(told)))
    }
}

fn decode(message: &v1::ReconcileRequest) -> Result<Days, Status> {
    let mut fields = Fields::default();
    let (from, to) = fields.days(&message.from, &message.to);
    fields.finish(Some(Days { from, to }))
}

fn part(part: Part) -> v1::ReconcileResponse {
    v1::ReconcileResponse { part: Some(part) }
}

fn progress(at: Progress) -> v1::ReconcileResponse {
    part(Part::Progress(v1::ReconcileProgress {
        segments: at.segments,
        segments_total: at.segments_total,
    }))
}

fn differing(differing: &Differing) -> v1::ReconcileResponse {
    let sides = [Side::Inquirer, Side::Core, Side::Provider];
    let recorded = sides.into_iter().zip(differing.present);
    let recorded = recorded.filter(|(_, there)| *there);
    part(Part::Differing(v1::DifferingExchange {
        processing_serial: differing.serial.to_string(),
        recorded: recorded.map(|(of, _)| side(of).into()).collect(),
        disagreements: differing.disagreements.iter().map(disagreement).collect(),
    }))
}

fn summary(done: &Reconciled) -> v1::ReconcileResponse {
    let missing = done
        .missing
        .iter()
        .map(|(of, exchanges)| v1::MissingRecords {
            side: side(*of).into(),
            exchanges: *exchanges,
        });
    part(Part::Summary(v1::ReconcileSummary {
        entries: done.entries,
        unreadable: done.unreadable,
        agreeing: done.agreeing,
        differing: done.differing.len() as u64,
        missing: missing.collect(),
    }))
}
