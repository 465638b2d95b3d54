//! The messages of the staff's steps with held requests.

use std::{pin::Pin, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use zeroize::Zeroizing;

use super::{
    caller::Entered,
    fields::{Fields, timestamp},
    messages::{answer, result},
    proto::v1,
    provision::encode,
    provision_record,
    status::ToStatus,
};
use crate::{
    domain::{
        deciding::{
            Check, ContentDigest, Grounds, Proposal, RefusalReason, SendBackCause, SentBack,
        },
        inquiry::ExchangeState,
        names::ProcessingSerial,
        provision::{HoldReason, ProvisionState},
        staff::Actor,
    },
    institution::{AtWork, Content, Detail, ExchangeView, Queue, Queued, Step, Values},
    store::Page,
};

/// How many requests a watcher is sent.
const WATCHED_ROWS: usize = 100;

/// The queue as a watcher sees it.
pub(super) type QueueStream =
    Pin<Box<dyn Stream<Item = Result<v1::WatchProvisionQueueResponse, Status>> + Send>>;

/// How often a watcher's session is looked at; its end by the world's clock is told this late at most.
const SESSION_INTERVAL: Duration = Duration::from_millis(500);

/// Sends the queue now and after every change, until the watcher goes, the session ends or the server stops. To watch is
/// no sign of life of the session.
pub(super) fn watch_queue(
    entered: Entered,
    session: Zeroizing<String>,
    stopping: CancellationToken,
) -> QueueStream {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let watching = send_queue(&entered, &session, &sender);
        if let Some(Err(status)) = stopping.run_until_cancelled(watching).await {
            // The watcher has gone when this cannot be sent, and nobody else wants to know.
            drop(sender.send(Err(status)).await);
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

type Watcher = mpsc::Sender<Result<v1::WatchProvisionQueueResponse, Status>>;

async fn send_queue(entered: &Entered, session: &str, watcher: &Watcher) -> Result<(), Status> {
    let server = entered.server()?;
    let mut changes = server.queue_changes();
    loop {
        changes.mark_unchanged();
        let staff = entered.still_at_work(session)?;
        let queue = server.queue(&staff, Page::first(WATCHED_ROWS));
        let queue = Some(encode_queue(queue.to_status()?, entered.world.now()));
        let sent = watcher.send(Ok(v1::WatchProvisionQueueResponse { queue }));
        if sent.await.is_err() {
            return Ok(());
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Ok(()) },
            ended = session_end(entered, session) => return Err(ended),
            () = watcher.closed() => return Ok(()),
        }
    }
}

/// Completes when the session has ended, with what says so.
async fn session_end(entered: &Entered, session: &str) -> Status {
    loop {
        tokio::time::sleep(SESSION_INTERVAL).await;
        if let Err(ended) = entered.still_at_work(session) {
            return ended;
        }
    }
}

/// Opens a request for a member of the staff.
pub(super) async fn open(
    entered: &Entered,
    serial: &str,
    (staff, values): (AtWork, Values),
) -> Result<v1::ProvisionDetail, Status> {
    let mut fields = Fields::default();
    let serial = fields.required("processing_serial", serial);
    let serial: ProcessingSerial = fields.finish(serial)?;
    let opened = entered.see_through(move |world, institution| async move {
        let server = world.server(institution)?;
        let now = world.now();
        Ok(server.open_provision(serial, staff, values, now).await?)
    });
    Ok(encode_detail(opened.await?, values, entered.world.now()))
}

/// What every step names: the request, its version, and who takes the step.
pub(super) fn decode_step(
    fields: &mut Fields,
    (serial, version): (&str, &str),
    (entered, staff): (&Entered, AtWork),
) -> Option<Step> {
    let serial = fields.required("processing_serial", serial);
    let seen = fields.version(version);
    Some(Step {
        serial: serial?,
        seen: seen?,
        staff,
        at: entered.world.now(),
    })
}

pub(super) fn decode_check(
    message: &v1::CheckProvisionRequest,
    by: (&Entered, AtWork),
) -> Result<(Step, (Proposal, ContentDigest)), Status> {
    let mut fields = Fields::default();
    let names = (&*message.processing_serial, &*message.version);
    let step = decode_step(&mut fields, names, by);
    let proposal = match message.proposal() {
        v1::ProvisionProposal::Provide => Some(Proposal::Provide),
        v1::ProvisionProposal::Refuse => {
            decode_grounds(&mut fields, message.refusal.as_ref()).map(Proposal::Refuse)
        }
        v1::ProvisionProposal::CorrectFirst => Some(Proposal::CorrectFirst),
        v1::ProvisionProposal::Unspecified => {
            fields.flaw("proposal", "is required", "必須項目です");
            None
        }
    };
    if message.refusal.is_some() && message.proposal() != v1::ProvisionProposal::Refuse {
        let en = "goes with the proposal to refuse only";
        fields.flaw("refusal", en, "拒否を提案する場合にのみ指定できます");
    }
    let content = fields.required("content_digest", &message.content_digest);
    fields.finish(step.zip(proposal.zip(content)))
}

pub(super) fn decode_grounds(
    fields: &mut Fields,
    message: Option<&v1::ProviderRefusal>,
) -> Option<Grounds> {
    let message = message.cloned().unwrap_or_default();
    let reason = match message.reason() {
        v1::RefusalReason::BasisUnclear => Some(RefusalReason::BasisUnclear),
        v1::RefusalReason::PersonUncertain => Some(RefusalReason::PersonUncertain),
        v1::RefusalReason::UnderCorrection => Some(RefusalReason::UnderCorrection),
        v1::RefusalReason::NotAppropriate => Some(RefusalReason::NotAppropriate),
        v1::RefusalReason::Other => Some(RefusalReason::Other),
        v1::RefusalReason::Unspecified => {
            fields.flaw("refusal.reason", "is required", "必須項目です");
            None
        }
    };
    let note = fields.optional("refusal.note", &message.note);
    Some(Grounds {
        reason: reason?,
        note,
    })
}

pub(super) fn encode_queue(queue: Queue, now: Timestamp) -> v1::ProvisionQueue {
    let rows = queue.rows.into_iter();
    v1::ProvisionQueue {
        provisions: rows.map(|row| encode_queued(row, now)).collect(),
        held: queue.counts.held,
        checked: queue.counts.checked,
        sent_back: queue.counts.sent_back,
        escalated: queue.counts.escalated,
    }
}

fn encode_queued(queued: Queued, now: Timestamp) -> v1::QueuedProvision {
    let opened = queued.opened.into_iter();
    v1::QueuedProvision {
        provision: Some(encode(queued.provision)),
        version: queued.version.number().to_string(),
        held_since: Some(timestamp(queued.hold.since)),
        age: Some(duration(now.duration_since(queued.hold.since))),
        due_at: queued.due.map(timestamp),
        remaining: queued.due.map(|due| duration(due.duration_since(now))),
        escalated_at: queued.hold.escalated_at.map(timestamp),
        opened: opened
            .map(|opened| v1::OpenedBy {
                account: opened.account.to_string(),
                at: Some(timestamp(opened.at)),
            })
            .collect(),
    }
}

fn duration(duration: SignedDuration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: duration.as_secs(),
        nanos: duration.subsec_nanos(),
    }
}

fn encode_detail(detail: Detail, values: Values, now: Timestamp) -> v1::ProvisionDetail {
    let provision = &detail.queued.provision;
    let (check, sent_back) = match &provision.state {
        ProvisionState::Checked { check, .. } => (Some(encode_check(check)), None),
        ProvisionState::SentBack { back, .. } => (None, Some(encode_sent_back(back))),
        ProvisionState::Received
        | ProvisionState::Answered { .. }
        | ProvisionState::Held { .. }
        | ProvisionState::Decided { .. }
        | ProvisionState::Ended { .. } => (None, None),
    };
    let today = detail.permission.as_ref();
    let earlier = detail.earlier.into_iter();
    v1::ProvisionDetail {
        requested_at: Some(timestamp(provision.subject.requested_at)),
        permit_id: provision.permit_id.to_string(),
        permission_row: provision.permission_row.clone(),
        permission_row_today: today.map(|row| row.row()).unwrap_or_default(),
        legal_basis: today
            .map(|row| row.legal_basis().to_owned())
            .unwrap_or_default(),
        person_flagged: match detail.queued.hold.why {
            HoldReason::Person | HoldReason::PersonAndSpecificInfo => true,
            HoldReason::SpecificInfo => false,
        },
        nondisclosure: provision.subject.nondisclosure,
        content: Some(match detail.content {
            Content::Answer(provided) => v1::provision_detail::Content::Answer(answer(provided)),
            Content::NoData(code) => v1::provision_detail::Content::NoData(result(code)),
        }),
        values_shown: values == Values::Shown,
        content_digest: detail.digest.to_string(),
        check,
        sent_back,
        earlier: earlier.map(encode).collect(),
        ended: detail.ended.iter().map(provision_record::encode).collect(),
        queued: Some(encode_queued(detail.queued, now)),
    }
}

fn encode_check(check: &Check) -> v1::ProvisionCheck {
    let (proposal, grounds) = match &check.proposal {
        Proposal::Provide => (v1::ProvisionProposal::Provide, None),
        Proposal::Refuse(grounds) => (v1::ProvisionProposal::Refuse, Some(grounds)),
        Proposal::CorrectFirst => (v1::ProvisionProposal::CorrectFirst, None),
    };
    v1::ProvisionCheck {
        by: Some(encode_actor(&check.by)),
        at: Some(timestamp(check.at)),
        proposal: proposal.into(),
        refusal: grounds.map(|grounds| {
            let note = grounds.note.as_ref().map(|note| note.as_str());
            refusal(grounds.reason, note)
        }),
    }
}

fn encode_sent_back(back: &SentBack) -> v1::ProvisionSentBack {
    let (cause, by, note) = match &back.cause {
        SendBackCause::Superior { by, note } => {
            (v1::SendBackCause::Superior, Some(by), note.as_ref())
        }
        SendBackCause::CorrectionFirst { by } => {
            (v1::SendBackCause::CorrectionFirst, Some(by), None)
        }
        SendBackCause::ContentChanged => (v1::SendBackCause::ContentChanged, None, None),
    };
    v1::ProvisionSentBack {
        at: Some(timestamp(back.at)),
        cause: cause.into(),
        by: by.map(encode_actor),
        note: note
            .map(|note| note.as_str().to_owned())
            .unwrap_or_default(),
    }
}

pub(super) fn encode_actor(actor: &Actor) -> v1::StaffMember {
    v1::StaffMember {
        account: actor.account.to_string(),
        staff_number: actor.person.to_string(),
    }
}

/// Why the provider's staff refused an exchange, where it did.
pub(super) fn refusal_of(exchange: &ExchangeView) -> Option<v1::ProviderRefusal> {
    let reason = match &exchange.state {
        ExchangeState::Ended { outcome, .. } => outcome.refusal?,
        ExchangeState::Accepted | ExchangeState::Waiting { .. } => return None,
    };
    let note = exchange.note.as_ref().map(|note| note.as_str());
    Some(refusal(reason, note))
}

fn refusal(reason: RefusalReason, note: Option<&str>) -> v1::ProviderRefusal {
    v1::ProviderRefusal {
        reason: refusal_reason(reason).into(),
        note: note.unwrap_or_default().to_owned(),
    }
}

pub(super) fn refusal_reason(reason: RefusalReason) -> v1::RefusalReason {
    match reason {
        RefusalReason::BasisUnclear => v1::RefusalReason::BasisUnclear,
        RefusalReason::PersonUncertain => v1::RefusalReason::PersonUncertain,
        RefusalReason::UnderCorrection => v1::RefusalReason::UnderCorrection,
        RefusalReason::NotAppropriate => v1::RefusalReason::NotAppropriate,
        RefusalReason::Other => v1::RefusalReason::Other,
    }
}
