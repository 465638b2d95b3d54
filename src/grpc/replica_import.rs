//! DBM over gRPC: takes a file of replicas in, piece by piece, and says what is wrong in it and how far it is.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

use super::{
    caller::Entered,
    fields::{Fields, timestamp},
    proto::v1::{self, import_replicas_request::Part, import_replicas_response::Event},
    status::ToStatus,
};
use crate::{
    domain::{
        codes::InstitutionCode,
        files::{CharacterTable, TextForm},
        replica_file::{Extent, FileFlaw, FileForm, FilePlan},
        replica_import::ReplicaImport,
        words::SystemName,
    },
    institution::{CheckedFile, ImportPlan},
    world::{World, WorldFault},
};

/// The most flaws that are sent; the others are counted.
const FLAWS_SENT_MAX: u64 = 100_000;

/// Pieces and events that may wait.
const WAITING_MAX: usize = 16;

/// What the import says, as a stream.
pub(super) type ImportEvents = ReceiverStream<Result<v1::ImportReplicasResponse, Status>>;

type Events = mpsc::Sender<Result<v1::ImportReplicasResponse, Status>>;

/// Reads the settings, then takes the file in beside the answer.
pub(super) async fn import(
    entered: Entered,
    mut parts: Streaming<v1::ImportReplicasRequest>,
) -> Result<Response<ImportEvents>, Status> {
    let first = parts.message().await?.and_then(|message| message.part);
    let plan = decode(first)?;
    let (events, told) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        if let Err(status) = carry(&entered, plan, parts, &events).await
            && events.send(Err(status)).await.is_err()
        {
            tracing::debug!("the caller of an import has gone");
        }
    });
    Ok(Response::new(ReceiverStream::new(told)))
}

async fn carry(
    entered: &Entered,
    plan: ImportPlan,
    mut parts: Streaming<v1::ImportReplicasRequest>,
    events: &Events,
) -> Result<(), Status> {
    let (pieces, coming) = mpsc::channel(WAITING_MAX);
    let reading = Reading {
        world: Arc::clone(&entered.world),
        institution: entered.institution,
        system: entered.local_system()?,
        plan,
        events: events.clone(),
    };
    let read = tokio::task::spawn_blocking(move || reading.read(coming));
    let fed = feed(&mut parts, pieces).await;
    let read = read.await.map_err(|_| WorldFault::Stopped).to_status()?;
    fed?;
    let (checked, flaws_left_out) = read?;
    let report = v1::ReplicaImportReport {
        taken: false,
        import: None,
        rows: checked.rows(),
        flaws: checked.flaws(),
        flaws_left_out,
        flawed_replicas: checked.flawed(),
        digest: checked.digest().to_owned(),
    };
    let report = if checked.is_acceptable() {
        let import = take_over(entered, checked, events).await?;
        v1::ReplicaImportReport {
            taken: true,
            import: Some(encode(import)),
            ..report
        }
    } else {
        report
    };
    say(events, Event::Report(report)).await
}

/// Hands the pieces on as they come. Without the end of the stream nothing is taken over.
async fn feed(
    parts: &mut Streaming<v1::ImportReplicasRequest>,
    pieces: mpsc::Sender<Part>,
) -> Result<(), Status> {
    while let Some(message) = parts.message().await? {
        let Some(part) = message.part else { continue };
        if pieces.send(part).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn take_over(
    entered: &Entered,
    checked: CheckedFile,
    events: &Events,
) -> Result<ReplicaImport, Status> {
    let (tell, mut told) = watch::channel(None::<ReplicaImport>);
    let (bytes, rows) = (0, checked.rows());
    let taking = entered.world.take_over(entered.institution, checked, tell);
    let telling = async {
        while told.changed().await.is_ok() {
            let Some(import) = told.borrow_and_update().clone() else {
                continue;
            };
            let progress = v1::ReplicaImportProgress {
                bytes,
                rows,
                changes: import.changes,
                applied: import.applied,
            };
            // Whoever no longer listens does not stop the import.
            if say(events, Event::Progress(progress)).await.is_err() {
                break;
            }
        }
    };
    let (taken, ()) = tokio::join!(taking, telling);
    taken.to_status()
}

async fn say(events: &Events, event: Event) -> Result<(), Status> {
    let response = v1::ImportReplicasResponse { event: Some(event) };
    let sent = events.send(Ok(response)).await;
    sent.map_err(|_| Status::cancelled("the caller has gone"))
}

/// Reads a file on a thread of its own.
struct Reading {
    world: Arc<World>,
    institution: InstitutionCode,
    system: Option<SystemName>,
    plan: ImportPlan,
    events: Events,
}

impl Reading {
    /// The checked file, and how many of its flaws were not sent.
    fn read(self, mut pieces: mpsc::Receiver<Part>) -> Result<(CheckedFile, u64), Status> {
        let (system, plan) = (self.system.clone(), self.plan.clone());
        let importing = self.world.begin_import(self.institution, system, plan);
        let mut importing = importing.to_status()?;
        let (mut bytes, mut found) = (0, 0);
        while let Some(part) = pieces.blocking_recv() {
            let Part::Piece(piece) = part else {
                let mut fields = Fields::default();
                fields.flaw(
                    "settings",
                    "stand once, first",
                    "設定は最初に1回だけ指定します",
                );
                return fields.finish(None);
            };
            bytes += piece.len() as u64;
            let flaws = importing.push(&piece).to_status()?;
            self.tell(flaws, &mut found)?;
            let progress = v1::ReplicaImportProgress {
                bytes,
                rows: importing.rows(),
                changes: 0,
                applied: 0,
            };
            self.say(Event::Progress(progress))?;
        }
        let (flaws, checked) = importing.finish().to_status()?;
        self.tell(flaws, &mut found)?;
        Ok((checked, found.saturating_sub(FLAWS_SENT_MAX)))
    }

    fn tell(&self, flaws: Vec<FileFlaw>, found: &mut u64) -> Result<(), Status> {
        for flaw in flaws {
            *found += 1;
            if *found <= FLAWS_SENT_MAX {
                self.say(Event::Flaw(encode_flaw(&flaw)))?;
            }
        }
        Ok(())
    }

    fn say(&self, event: Event) -> Result<(), Status> {
        let response = v1::ImportReplicasResponse { event: Some(event) };
        let sent = self.events.blocking_send(Ok(response));
        sent.map_err(|_| Status::cancelled("the caller has gone"))
    }
}

fn decode(part: Option<Part>) -> Result<ImportPlan, Status> {
    let mut fields = Fields::default();
    let Some(Part::Settings(settings)) = part else {
        fields.flaw("settings", "must come first", "最初に設定を送ってください");
        return fields.finish(None);
    };
    let form = form(&mut fields, "settings.form", settings.form());
    let text = text(&mut fields, "settings.text", settings.text.as_ref());
    let extent = match settings.extent() {
        v1::ReplicaFileExtent::Differential => Some(Extent::Differential),
        v1::ReplicaFileExtent::Full => Some(Extent::Full),
        v1::ReplicaFileExtent::Unspecified => {
            fields.flaw("settings.extent", "is required", "必須項目です");
            None
        }
    };
    if settings.by_row && extent == Some(Extent::Full) {
        let en = "cannot be with a full file: replicas left out would be deleted";
        let ja = "全件のファイルは行単位では取り込めません（除外した副本が削除されるため）";
        fields.flaw("settings.by_row", en, ja);
    }
    let file = || {
        Some(FilePlan {
            form: form?,
            text: text?,
            extent: extent?,
        })
    };
    let file = fields.finish(file())?;
    Ok(ImportPlan {
        file,
        by_row: settings.by_row,
        again: settings.again,
        bytes: Some(settings.file_bytes).filter(|bytes| *bytes > 0),
    })
}

/// The form of a file.
pub(super) fn form(
    fields: &mut Fields,
    field: &str,
    form: v1::ReplicaFileForm,
) -> Option<FileForm> {
    match form {
        v1::ReplicaFileForm::Csv => Some(FileForm::Csv),
        v1::ReplicaFileForm::Dat => Some(FileForm::Dat),
        v1::ReplicaFileForm::Unspecified => {
            fields.flaw(field, "is required", "必須項目です");
            None
        }
    }
}

/// The text of a file; UTF-8 where nothing is said.
pub(super) fn text(
    fields: &mut Fields,
    field: &str,
    text: Option<&v1::ReplicaFileText>,
) -> Option<TextForm> {
    let Some(text) = text else {
        return Some(TextForm::default());
    };
    let encoding = match text.encoding.as_str() {
        "" => Some(TextForm::default().encoding),
        name => fields.required(&format!("{field}.encoding"), name),
    };
    match CharacterTable::read(&text.character_table) {
        Ok(table) => encoding.map(|encoding| TextForm { encoding, table }),
        Err(bad) => {
            let field = format!("{field}.character_table");
            fields.flaw(field, bad.to_string(), &bad.ja());
            None
        }
    }
}

fn encode_flaw(flaw: &FileFlaw) -> v1::ReplicaFileFlaw {
    v1::ReplicaFileFlaw {
        line: flaw.place.line,
        column: u32::try_from(flaw.place.column).unwrap_or(u32::MAX),
        item: flaw.item.clone(),
        value_shape: flaw
            .shape
            .map(|shape| shape.to_string())
            .unwrap_or_default(),
        code: flaw.code().to_owned(),
        message: flaw.why.ja(),
        remedy: flaw.why.remedy_ja().to_owned(),
    }
}

/// A file that was taken over.
pub(super) fn encode(import: ReplicaImport) -> v1::ReplicaImport {
    let extent = match import.extent {
        Extent::Differential => v1::ReplicaFileExtent::Differential,
        Extent::Full => v1::ReplicaFileExtent::Full,
    };
    v1::ReplicaImport {
        number: import.number,
        specific_info: import.specific_info.to_string(),
        layout_version: import.layout_version.to_string(),
        extent: extent.into(),
        digest: import.digest,
        rows: import.rows,
        left_out: import.left_out,
        accepted_at: Some(timestamp(import.accepted_at)),
        changes: import.changes,
        applied: import.applied,
        registered: import.registered,
        replaced: import.replaced,
        deleted: import.deleted,
    }
}
