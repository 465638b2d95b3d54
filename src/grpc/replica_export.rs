//! DBM over gRPC: writes replicas as a file, piece by piece.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use super::{
    caller::Entered,
    fields::Fields,
    proto::v1::{self, export_replicas_response::Part},
    replica_import::{form, text},
    status::ToStatus,
};
use crate::{
    domain::{
        codes::{AddresseeNumber, SpecificInfoCode},
        files::TextForm,
        replica_file::FileForm,
        words::LayoutVersion,
    },
    institution::Exported,
    world::WorldFault,
};

/// Pieces that may wait.
const WAITING_MAX: usize = 16;

/// The file and the report, as a stream.
pub(super) type ExportPieces = ReceiverStream<Result<v1::ExportReplicasResponse, Status>>;

struct Plan {
    subject: (SpecificInfoCode, LayoutVersion),
    form: FileForm,
    text: TextForm,
}

/// Writes the file beside the answer, as fast as the caller takes it.
pub(super) fn export(
    entered: Entered,
    message: &v1::ExportReplicasRequest,
) -> Result<Response<ExportPieces>, Status> {
    let plan = decode(message)?;
    let (pieces, told) = mpsc::channel(WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let give = |piece| {
            let part = Some(Part::Piece(piece));
            let response = v1::ExportReplicasResponse { part };
            pieces.blocking_send(Ok(response)).is_ok()
        };
        let exported = write(&entered, plan, give);
        let last = exported.map(|exported| v1::ExportReplicasResponse {
            part: Some(Part::Report(encode(exported))),
        });
        if pieces.blocking_send(last).is_err() {
            tracing::debug!("the caller of an export has gone");
        }
    });
    Ok(Response::new(ReceiverStream::new(told)))
}

fn write(
    entered: &Entered,
    plan: Plan,
    give: impl FnMut(Vec<u8>) -> bool,
) -> Result<Exported, Status> {
    let system = entered.local_system()?;
    let addressees = entered.world.addressees(entered.institution).to_status()?;
    let called = |number: AddresseeNumber| match &system {
        None => Ok(Some(number.as_str().to_owned())),
        Some(system) => {
            let called = addressees.called(number, system);
            Ok::<_, WorldFault>(called?.map(|local| local.to_string()))
        }
    };
    let (info, version) = (plan.subject.0, &plan.subject.1);
    let server = entered.server()?;
    let exported = server.export_replicas((info, version), (plan.form, plan.text), called, give);
    exported.to_status()
}

fn decode(message: &v1::ExportReplicasRequest) -> Result<Plan, Status> {
    let mut fields = Fields::default();
    let info = fields.required("specific_info", &message.specific_info);
    let version = fields.required::<LayoutVersion>("layout_version", &message.layout_version);
    let form = form(&mut fields, "form", message.form());
    let text = text(&mut fields, "text", message.text.as_ref());
    let plan = || {
        Some(Plan {
            subject: (info?, version?),
            form: form?,
            text: text?,
        })
    };
    fields.finish(plan())
}

fn encode(exported: Exported) -> v1::ReplicaExportReport {
    let unwritable = exported.unwritable.into_iter();
    v1::ReplicaExportReport {
        replicas: exported.replicas,
        lines: exported.lines,
        other_versions: exported.other_versions,
        unnamed: exported.unnamed,
        unwritable_replicas: exported.unwritable_replicas,
        unwritable: unwritable
            .map(|(number, replica, flaws)| v1::UnwritableReplica {
                key: Some(v1::ReplicaKey {
                    addressee_number: number,
                    specific_info: replica.specific_info.to_string(),
                    record_key: replica.record_key.to_string(),
                }),
                reasons: flaws.iter().map(|flaw| flaw.kind.ja()).collect(),
            })
            .collect(),
    }
}
