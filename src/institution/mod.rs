//! The acts of one institution's intermediate server, one act per file. It never sees a 個人番号.

mod acquire_symbol;
mod approve_correction;
mod approve_provision;
mod cancel_inquiry;
mod carry_import;
mod check_provision;
mod copy_list;
mod correct_replica;
mod count_records;
mod delete_old;
mod disclose_records;
mod expire_provisions;
mod export_replicas;
mod fault;
mod fetch_result;
mod import_replicas;
mod inquire_at_terminal;
mod no_auto_reply;
mod offer_download;
mod open_provision;
mod prepare_exchange;
mod progress;
mod propose_correction;
mod provide;
mod provide_to_self;
mod receive_answer;
mod register_replica;
mod register_sealing_key;
mod seal_answer;
mod search_records;
mod send_back_provision;
mod send_notice;
mod settle_provision;
mod staff;
mod staff_step;
mod submit_batch;
mod submit_inquiry;
mod view_batch;
mod view_corrections;
mod view_provisions;
mod view_queue;
mod write_batch_result;

use std::sync::{Arc, Mutex, RwLock, atomic::AtomicU64};

use jiff::SignedDuration;
use tokio::sync::{Semaphore, watch};

use crate::{
    crypto::{
        kept_context::{RecipientContexts, Rotation, SenderContexts},
        sealing_key::SealingKeyPair,
        signing::VerifyingKey,
    },
    domain::{
        codes::InstitutionCode,
        deciding::HoldRules,
        download::DownloadRules,
        institution::{Directory, Institution},
        layout::Layouts,
        permission_list::ListCopy,
    },
    ledger::group_signature::GroupVerifier,
    store::{ChangeDir, DownloadDir, Keeper, RecordBook, State},
};

pub use cancel_inquiry::{Cancellable, cancelled};
pub use correct_replica::CorrectionAct;
pub use count_records::Counted;
pub use export_replicas::Exported;
pub use fault::ActFault;
pub use fetch_result::{ExchangeView, InquiryProgress, InquiryView};
pub use import_replicas::{CheckedFile, ImportPlan, Importing};
pub use inquire_at_terminal::{Brought, OpenedInquiry, Wish};
pub use offer_download::BatchResult;
pub use open_provision::{Content, Detail, Values};
pub use prepare_exchange::Prepared;
pub use propose_correction::{ChangeDraft, CorrectionDraft, Taken};
pub use provide::Decided;
pub use provide_to_self::{OwnData, OwnDataWish};
pub use receive_answer::Received;
pub use register_replica::{REPLICAS_MAX, Registered};
pub use search_records::RecordFilter;
pub use settle_provision::Ending;
pub use staff::{AccountDraft, AccountView, Analysis, AtWork, SignedIn, StaffRules};
pub use staff_step::Step;
pub use submit_batch::{BatchDraft, TakenBatch};
pub use submit_inquiry::{AskedDraft, DetailDraft, InquiryDraft};
pub use view_batch::BatchView;
pub use view_corrections::{OpenedCorrection, OpenedReplica};
pub use view_queue::{Queue, QueueCounts, Queued};
pub use write_batch_result::ResultRequest;

use progress::Progress;
use provide::PermitsInHand;
use staff::{Sessions, Volumes};
use view_batch::EndedParts;

/// The periods that an intermediate server goes by.
#[derive(Debug, Clone, Copy)]
pub struct Periods {
    /// How long results are kept after the end of their inquiry.
    pub result_retention: SignedDuration,
    /// How old the copy of the permission list may be.
    pub list_age_max: SignedDuration,
    /// How long an acquisition serial is accepted.
    pub acquisition_serial: SignedDuration,
}

/// What the intermediate servers of one world have in common.
#[derive(Clone)]
pub struct Surroundings {
    /// All institutions.
    pub directory: Arc<Directory>,
    /// The layouts that replicas are checked against.
    pub layouts: Arc<Layouts>,
    /// The durable state.
    pub state: State,
    /// The record book.
    pub records: RecordBook,
    /// The core system's key, which permits and the permission list are verified with.
    pub core_key: VerifyingKey,
    /// The periods.
    pub periods: Periods,
    /// How held requests are decided.
    pub hold: HoldRules,
    /// When a provider begins a new sealing context.
    pub rotation: Rotation,
    /// What is asked of the staff.
    pub staff: StaffRules,
    /// How many passwords are hashed at a time: each takes a processor and 19 MiB for tens of milliseconds.
    pub hashing: Arc<Semaphore>,
    /// Where the files of imports lie until they are taken over.
    pub changes: ChangeDir,
    /// When a result is handed out as a download.
    pub downloads: DownloadRules,
    /// Where the files of downloads lie.
    pub download_files: DownloadDir,
}

/// 中間サーバー of one institution.
pub struct IntermediateServer {
    profile: Institution,
    around: Surroundings,
    sealing: SealingKeyPair,
    /// In which this server seals its answers.
    contexts: SenderContexts,
    /// In which it opens those to `sealing`.
    opening: RecipientContexts,
    list: RwLock<Option<ListCopy>>,
    receipts: AtomicU64,
    progress: Progress,
    ended_parts: EndedParts,
    /// Knows the groups of permits whose signature this server has verified.
    core_signatures: GroupVerifier,
    permits: Mutex<PermitsInHand>,
    /// One decision at a time, with its record: of two at once, the second sees what the first has done.
    deciding: tokio::sync::Mutex<()>,
    /// Told of every change of the queue of held requests.
    queue: watch::Sender<()>,
    sessions: Sessions,
    volumes: Volumes,
    /// Held while an import is taken over: one after the other.
    importing: tokio::sync::Mutex<()>,
    /// Held while replicas are exported: a file that is accepted meanwhile would show in a part of them.
    exporting: tokio::sync::RwLock<()>,
    /// Held while a notice is sent or changed: no number is given twice.
    noticing: tokio::sync::Mutex<()>,
}

impl IntermediateServer {
    /// The intermediate server of `profile`, with what the state holds of it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn open(
        profile: Institution,
        around: Surroundings,
        sealing: SealingKeyPair,
    ) -> Result<Self, ActFault> {
        let list = copy_list::kept_list(&around.state, profile.code, &around.core_key)?;
        let last = around.state.last_receipt(profile.code)?;
        let downloads = around.state.downloads(profile.code)?;
        let files = &around.download_files;
        files.remove_unknown(profile.code, &downloads)?;
        Ok(Self {
            list: RwLock::new(list),
            receipts: AtomicU64::new(last.0),
            progress: Progress::default(),
            ended_parts: EndedParts::default(),
            core_signatures: GroupVerifier::new(around.core_key),
            permits: Mutex::default(),
            deciding: tokio::sync::Mutex::default(),
            queue: watch::Sender::new(()),
            sessions: Sessions::default(),
            volumes: Volumes::default(),
            importing: tokio::sync::Mutex::default(),
            exporting: tokio::sync::RwLock::default(),
            contexts: SenderContexts::new(around.rotation),
            opening: RecipientContexts::default(),
            noticing: tokio::sync::Mutex::default(),
            profile,
            around,
            sealing,
        })
    }

    /// The institution.
    pub fn profile(&self) -> &Institution {
        &self.profile
    }

    /// 機関コード.
    pub fn code(&self) -> InstitutionCode {
        self.profile.code
    }

    /// The layouts that replicas are checked against.
    pub fn layouts(&self) -> &Layouts {
        &self.around.layouts
    }

    fn keeper(&self) -> Keeper {
        Keeper::Institution(self.profile.code)
    }
}
