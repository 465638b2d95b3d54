//! The one place that turns refusals and faults into gRPC statuses with details.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    addressee::AddresseeFault,
    domain::{
        correction::CorrectionRefusal,
        download::DownloadRefusal,
        portal::PortalRefusal,
        refusal::{FieldFlaw, Refusal},
        staff::StaffRefusal,
        unready::Unready,
    },
    institution::ActFault,
    ledger::LedgerFault,
    network::NetworkFault,
    store::{RecordFault, StoreFault},
    world::WorldFault,
};

/// The domain of the reasons in `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "chukan";

/// The most bytes of field violations in a status. It travels in the trailers, in base64, and clients limit the
/// length of headers: 8 KiB is the smallest default among those in use.
const VIOLATION_BYTES_MAX: usize = 4 * 1024;

/// When a call that was refused for want of room may be sent again (ours).
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Turns a result into what a service returns.
pub trait ToStatus<T> {
    /// The value, or the status of the error.
    ///
    /// # Errors
    /// As the result.
    fn to_status(self) -> Result<T, Status>;
}

impl<T> ToStatus<T> for Result<T, Refusal> {
    fn to_status(self) -> Result<T, Status> {
        self.map_err(|refusal| status_of(&refusal))
    }
}

impl<T> ToStatus<T> for Result<T, ActFault> {
    fn to_status(self) -> Result<T, Status> {
        self.map_err(act_status)
    }
}

impl<T> ToStatus<T> for Result<T, WorldFault> {
    fn to_status(self) -> Result<T, Status> {
        self.map_err(world_status)
    }
}

/// The gRPC code of a refusal. The table is docs/errors.md.
pub fn code_of(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::Malformed(_) | Refusal::BatchFlawed(_) => Code::InvalidArgument,
        Refusal::RecordIdExists(_)
        | Refusal::FileTaken(_)
        | Refusal::SealingKeyExists
        | Refusal::BatchExists
        | Refusal::WorldExists
        | Refusal::Staff(StaffRefusal::AccountExists) => Code::AlreadyExists,
        Refusal::Portal(PortalRefusal::TokenUnknown)
        | Refusal::Staff(StaffRefusal::SignIn | StaffRefusal::NoSession) => Code::Unauthenticated,
        Refusal::InstitutionMismatch
        | Refusal::InstitutionUnknown(_)
        | Refusal::CallerNotEntitled
        | Refusal::UnitNotAuthorised
        | Refusal::UserNotAuthorised
        | Refusal::IdentityNotEntitled
        | Refusal::FourEyes
        | Refusal::Portal(PortalRefusal::NoSelfProvision)
        | Refusal::Staff(StaffRefusal::NotAuthorised | StaffRefusal::OwnAccount) => {
            Code::PermissionDenied
        }
        Refusal::NotFound(_)
        | Refusal::ReplicasUnknown(_)
        | Refusal::ResultsDeleted
        | Refusal::Download(DownloadRefusal::Expired) => Code::NotFound,
        Refusal::Download(DownloadRefusal::Range { .. }) => Code::OutOfRange,
        Refusal::SealingKeyMissing
        | Refusal::InquiryEnded
        | Refusal::ProvisionDecided
        | Refusal::ProvisionChecked
        | Refusal::ProvisionNotChecked
        | Refusal::ContentChanged
        | Refusal::Correction(
            CorrectionRefusal::NotWaiting
            | CorrectionRefusal::ReplicaChanged
            | CorrectionRefusal::NothingChanged,
        )
        | Refusal::BatchEnded
        | Refusal::NothingToDispose
        | Refusal::NotInEncoding(_)
        | Refusal::Acquisition(_)
        | Refusal::Addressee(_)
        | Refusal::ResidentNetworkClosed
        | Refusal::PermitNotIssued(_)
        | Refusal::ListUnusable
        | Refusal::ListUnverified
        | Refusal::WorldStays
        | Refusal::Staff(StaffRefusal::PasswordDue) => Code::FailedPrecondition,
        Refusal::ProvisionMoved
        | Refusal::MarkMoved
        | Refusal::Correction(CorrectionRefusal::Moved) => Code::Aborted,
        Refusal::Overloaded
        | Refusal::Unready(Unready::InstitutionBusy)
        | Refusal::Correction(CorrectionRefusal::TooMany) => Code::ResourceExhausted,
        Refusal::Unready(Unready::DiskFull)
        | Refusal::RecordsUnavailable
        | Refusal::ResidentNetworkDown => Code::Unavailable,
    }
}

/// The refusal that a fault is, where it is one; nothing for a fault of the machine that is not for the caller.
pub fn refusal_of(fault: &WorldFault) -> Option<Refusal> {
    if let WorldFault::Refused(refusal) | WorldFault::Act(ActFault::Refused(refusal)) = fault {
        return Some(refusal.clone());
    }
    is_unwritable(fault).then_some(Refusal::RecordsUnavailable)
}

/// Looked for by hand: the faults in between are transparent, and such a one never names what it is made of as its source.
fn is_unwritable(fault: &WorldFault) -> bool {
    let record = |fault: &RecordFault| match fault {
        RecordFault::Ledger(fault) => stops_ledger(fault),
        RecordFault::Store(fault) => stops_store(fault),
        RecordFault::LedgerBehind { .. } | RecordFault::Form => false,
    };
    match fault {
        WorldFault::Ledger(fault) | WorldFault::Act(ActFault::Ledger(fault)) => stops_ledger(fault),
        WorldFault::Store(fault)
        | WorldFault::Act(ActFault::Store(fault))
        | WorldFault::Network(NetworkFault::Store(fault))
        | WorldFault::Addressee(AddresseeFault::Store(fault)) => stops_store(fault),
        WorldFault::Record(fault)
        | WorldFault::Act(ActFault::Record(fault))
        | WorldFault::Network(NetworkFault::Record(fault))
        | WorldFault::Addressee(AddresseeFault::Record(fault)) => record(fault),
        _ => false,
    }
}

fn stops_ledger(fault: &LedgerFault) -> bool {
    matches!(fault, LedgerFault::ReadOnly | LedgerFault::File { .. })
}

fn stops_store(fault: &StoreFault) -> bool {
    matches!(
        fault,
        StoreFault::ReadOnly { .. }
            | StoreFault::Io { .. }
            | StoreFault::FoldEnded { .. }
            | StoreFault::Closed
    )
}

/// The status of a refusal: reason, field violations and the Japanese message.
pub fn status_of(refusal: &Refusal) -> Status {
    let mut details = ErrorDetails::with_error_info(refusal.reason(), ERROR_DOMAIN, HashMap::new());
    details.set_localized_message("ja", refusal.ja());
    if let Refusal::Overloaded | Refusal::Unready(_) = refusal {
        details.set_retry_info(Some(RETRY_AFTER));
    }
    if let Refusal::Malformed(flaws)
    | Refusal::RecordIdExists(flaws)
    | Refusal::BatchFlawed(flaws)
    | Refusal::NotInEncoding(flaws)
    | Refusal::ReplicasUnknown(flaws) = refusal
    {
        let named = add_violations(&mut details, flaws);
        if named < flaws.len() {
            details.set_error_info(
                refusal.reason(),
                ERROR_DOMAIN,
                HashMap::from([(
                    "violations_left_out".into(),
                    (flaws.len() - named).to_string(),
                )]),
            );
        }
    }
    Status::with_error_details(code_of(refusal), refusal.to_string(), details)
}

/// Adds as many violations as a status may carry; returns how many that are.
fn add_violations(details: &mut ErrorDetails, flaws: &[FieldFlaw]) -> usize {
    let mut bytes = 0;
    for (named, flaw) in flaws.iter().enumerate() {
        let text = format!("{} / {}", flaw.description, flaw.description_ja);
        bytes += flaw.field.len() + text.len();
        if bytes > VIOLATION_BYTES_MAX {
            return named;
        }
        details.add_bad_request_violation(&flaw.field, text);
    }
    flaws.len()
}

fn act_status(fault: ActFault) -> Status {
    match fault {
        ActFault::Refused(refusal) => status_of(&refusal),
        ActFault::Record(fault) => record_status(&fault),
        ActFault::Store(fault) => store_status(&fault),
        ActFault::Ledger(fault) => ledger_status(&fault),
        ActFault::Seal(_)
        | ActFault::Key(_)
        | ActFault::Hash(_)
        | ActFault::Form(_)
        | ActFault::OutOfOrder(_) => internal(&fault),
    }
}

fn world_status(fault: WorldFault) -> Status {
    match fault {
        WorldFault::Refused(refusal) => status_of(&refusal),
        WorldFault::Act(fault) => act_status(fault),
        WorldFault::Network(NetworkFault::Record(fault)) | WorldFault::Record(fault) => {
            record_status(&fault)
        }
        WorldFault::Network(NetworkFault::Store(fault)) | WorldFault::Store(fault) => {
            store_status(&fault)
        }
        WorldFault::Ledger(fault) => ledger_status(&fault),
        WorldFault::Addressee(fault) => addressee_status(fault),
        WorldFault::Network(NetworkFault::Refused(refusal)) => status_of(&refusal),
        WorldFault::Network(
            NetworkFault::Key(_)
            | NetworkFault::Form(_)
            | NetworkFault::NotSigned
            | NetworkFault::Vault(_)
            | NetworkFault::OutOfOrder(_),
        )
        | WorldFault::Definitions(_)
        | WorldFault::Key(_)
        | WorldFault::Keys
        | WorldFault::Description(_)
        | WorldFault::Missing(_)
        | WorldFault::Sample(_)
        | WorldFault::Backup(_)
        | WorldFault::File { .. }
        | WorldFault::Stopped => internal(&fault),
    }
}

fn addressee_status(fault: AddresseeFault) -> Status {
    match fault {
        AddresseeFault::Refused(refusal) => status_of(&refusal),
        AddresseeFault::Record(fault) => record_status(&fault),
        AddresseeFault::Store(fault) => store_status(&fault),
        AddresseeFault::Vault(_) | AddresseeFault::Key(_) | AddresseeFault::Form(_) => {
            internal(&fault)
        }
    }
}

fn record_status(fault: &RecordFault) -> Status {
    match fault {
        RecordFault::Ledger(fault) => ledger_status(fault),
        RecordFault::Store(fault) => store_status(fault),
        RecordFault::LedgerBehind { .. } | RecordFault::Form => internal(fault),
    }
}

fn ledger_status(fault: &LedgerFault) -> Status {
    if stops_ledger(fault) {
        unavailable(fault)
    } else {
        internal(fault)
    }
}

fn store_status(fault: &StoreFault) -> Status {
    match fault {
        fault if stops_store(fault) => unavailable(fault),
        StoreFault::Conflict { .. } => {
            Status::aborted("the same thing was changed at the same moment: try again")
        }
        StoreFault::PageToken => foreign_page_token(),
        other => internal(other),
    }
}

/// A page token that was not given for the list at hand.
pub(super) fn foreign_page_token() -> Status {
    status_of(&Refusal::Malformed(vec![FieldFlaw::new(
        "page_token",
        "was not given by this server for this list",
        "このサーバーがこの一覧のために発行したページトークンではありません",
    )]))
}

/// The caller learns that records cannot be written; the log learns why.
fn unavailable(fault: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(error = fault, "records cannot be written");
    status_of(&Refusal::RecordsUnavailable)
}

/// The caller learns nothing of the inside; the log does.
fn internal(fault: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(error = fault, "a call failed");
    Status::internal("an internal fault; the server's log says more")
}
