//! A lawful "no" to a call: what, which field, and what to do, in both languages. The table is docs/errors.md.

mod thing;

use super::{
    acquisition::AcquisitionRefusal,
    addressee::AddresseeRefusal,
    codes::InstitutionCode,
    correction::CorrectionRefusal,
    download::DownloadRefusal,
    malformed::Malformed,
    portal::PortalRefusal,
    result::ResultCode,
    staff::{NotAuthorised, StaffRefusal},
    unready::Unready,
};

pub use thing::Thing;

/// One field of a request that is not as it must be. The value is never part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFlaw {
    /// Where: `details[3].specific_infos[0].provider`.
    pub field: String,
    /// What is wrong, in English.
    pub description: String,
    /// The same in Japanese.
    pub description_ja: String,
}

impl FieldFlaw {
    /// A flaw of `field`, in both languages.
    pub fn new(
        field: impl Into<String>,
        description: impl Into<String>,
        description_ja: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
            description_ja: description_ja.into(),
        }
    }

    /// A field that does not have the form of its noun.
    pub fn malformed(field: impl Into<String>, malformed: &Malformed) -> Self {
        Self::new(field, malformed.to_string(), malformed.ja())
    }
}

/// Why a call is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fields are not as they must be: all of them, not the first.
    #[error("{} field(s) of the request are not as they must be", .0.len())]
    Malformed(Vec<FieldFlaw>),
    /// Record ids were used before, or twice in this request.
    #[error("{} record id(s) were used before", .0.len())]
    RecordIdExists(Vec<FieldFlaw>),
    /// The body names another institution than the certificate.
    #[error("the request names another institution than the certificate")]
    InstitutionMismatch,
    /// The certificate's institution is not one of this world.
    #[error("institution {0} is not one of this world")]
    InstitutionUnknown(InstitutionCode),
    /// The call is not for this kind of certificate.
    #[error("this call is not for the caller's certificate")]
    CallerNotEntitled,
    /// The unit may not handle the affair.
    #[error("the unit has no authority for the affair")]
    UnitNotAuthorised,
    /// Nothing has been kept long enough.
    #[error("nothing has been kept long enough to be disposed of")]
    NothingToDispose,
    /// The user may not handle the affair.
    #[error("the user has no authority for the affair")]
    UserNotAuthorised,
    /// No key to seal the answers to.
    #[error("no valid sealing key is registered and none came with the inquiry")]
    SealingKeyMissing,
    /// The sealing key is registered already.
    #[error("the sealing key is registered already")]
    SealingKeyExists,
    /// Nothing has this name here.
    #[error("{0} is not known here")]
    NotFound(Thing),
    /// Replicas that were named are not registered: all of them, not the first.
    #[error("{} replica(s) are not known here", .0.len())]
    ReplicasUnknown(Vec<FieldFlaw>),
    /// The same file was taken over before, as the import of this number.
    #[error("the same file was taken over before, as import {0}")]
    FileTaken(u64),
    /// The inquiry's results were deleted when their time had passed.
    #[error("the inquiry's results were deleted when their retention had passed")]
    ResultsDeleted,
    /// Every exchange of the inquiry has ended.
    #[error("every exchange of the inquiry has ended")]
    InquiryEnded,
    /// The received request has moved on since the caller saw it.
    #[error("the received request has moved on since it was opened")]
    ProvisionMoved,
    /// A record's mark has changed since the caller saw it.
    #[error("the record's mark has changed since it was seen")]
    MarkMoved,
    /// The received request does not wait for a decision.
    #[error("the received request does not wait for a decision")]
    ProvisionDecided,
    /// The received request has been checked already.
    #[error("the received request has been checked already")]
    ProvisionChecked,
    /// The received request must be checked first.
    #[error("the received request must be checked before it is decided")]
    ProvisionNotChecked,
    /// The approver is the person who checked or proposed.
    #[error("the person who checked or proposed it may not decide it")]
    FourEyes,
    /// What would be provided is not what was checked.
    #[error("what would be provided is not what was checked")]
    ContentChanged,
    /// A step with a proposed change of a replica is not possible.
    #[error("{0}")]
    Correction(CorrectionRefusal),
    /// A file is not taken: its flaws, all of them and not the first.
    #[error("the file has {} flaw(s) and was not taken", .0.len())]
    BatchFlawed(Vec<FieldFlaw>),
    /// A file of this name or of this content was taken before.
    #[error("a file of this name or of this content was taken before")]
    BatchExists,
    /// Every row of the batch has ended.
    #[error("every row of the batch has ended")]
    BatchEnded,
    /// Characters of a result are not in the encoding of the file.
    #[error("{} character(s) of the result are not in the encoding of the file", .0.len())]
    NotInEncoding(Vec<FieldFlaw>),
    /// A download is not handed out as it was asked for.
    #[error("{0}")]
    Download(DownloadRefusal),
    /// A step of a symbol acquisition is not possible.
    #[error("{0}")]
    Acquisition(AcquisitionRefusal),
    /// An act of the addressee system is not possible.
    #[error("{0}")]
    Addressee(AddresseeRefusal),
    /// The resident network is outside its service hours.
    #[error("the resident network is outside its service hours")]
    ResidentNetworkClosed,
    /// The first server of the resident network is down.
    #[error("the communication server is down")]
    ResidentNetworkDown,
    /// The institution may not look identity information up for this.
    #[error("the institution may not look identity information up for this affair and purpose")]
    IdentityNotEntitled,
    /// The core system does not permit the exchange, with the result that it would end with.
    #[error("the core system does not permit the exchange: status code {}", .0.status_code())]
    PermitNotIssued(ResultCode),
    /// The copy of the permission list is stale or missing.
    #[error("the copy of the permission list is stale or missing: refresh it")]
    ListUnusable,
    /// The published permission list does not verify.
    #[error("the permission list does not carry the core system's signature")]
    ListUnverified,
    /// The portal is not served.
    #[error("{0}")]
    Portal(PortalRefusal),
    /// An act of a member of staff is not possible.
    #[error("{0}")]
    Staff(StaffRefusal),
    /// Nothing is wrong with the call, but it is not taken now.
    #[error("{0}")]
    Unready(Unready),
    /// Too much is under way.
    #[error("too many exchanges are under way")]
    Overloaded,
    /// Records cannot be written, so nothing is released.
    #[error("records cannot be written, so nothing is released")]
    RecordsUnavailable,
    /// A world of this name exists.
    #[error("a world of this id exists")]
    WorldExists,
    /// The world `default` stays.
    #[error("the world `default` cannot be deleted")]
    WorldStays,
}

impl Refusal {
    /// The stable public name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "MALFORMED_REQUEST",
            Self::RecordIdExists(_) => "RECORD_ID_EXISTS",
            Self::InstitutionMismatch => "INSTITUTION_MISMATCH",
            Self::InstitutionUnknown(_) => "INSTITUTION_UNKNOWN",
            Self::CallerNotEntitled => "CALLER_NOT_ENTITLED",
            Self::UnitNotAuthorised => "UNIT_NOT_AUTHORISED",
            Self::NothingToDispose => "NOTHING_TO_DISPOSE",
            Self::UserNotAuthorised => "USER_NOT_AUTHORISED",
            Self::SealingKeyMissing => "SEALING_KEY_MISSING",
            Self::SealingKeyExists => "SEALING_KEY_EXISTS",
            Self::NotFound(_) | Self::ReplicasUnknown(_) => "NOT_FOUND",
            Self::FileTaken(_) => "FILE_TAKEN",
            Self::ResultsDeleted => "RESULTS_DELETED",
            Self::InquiryEnded => "INQUIRY_ENDED",
            Self::ProvisionMoved => "PROVISION_MOVED",
            Self::MarkMoved => "MARK_MOVED",
            Self::ProvisionDecided => "PROVISION_DECIDED",
            Self::ProvisionChecked => "PROVISION_CHECKED",
            Self::ProvisionNotChecked => "PROVISION_NOT_CHECKED",
            Self::FourEyes => "FOUR_EYES",
            Self::ContentChanged => "CONTENT_CHANGED",
            Self::Correction(CorrectionRefusal::Moved) => "CORRECTION_MOVED",
            Self::Correction(CorrectionRefusal::NotWaiting) => "CORRECTION_NOT_WAITING",
            Self::Correction(CorrectionRefusal::ReplicaChanged) => "REPLICA_CHANGED",
            Self::Correction(CorrectionRefusal::NothingChanged) => "NOTHING_CHANGED",
            Self::Correction(CorrectionRefusal::TooMany) => "CORRECTIONS_TOO_MANY",
            Self::BatchFlawed(_) => "BATCH_FILE_FLAWED",
            Self::BatchExists => "BATCH_FILE_EXISTS",
            Self::BatchEnded => "BATCH_ENDED",
            Self::NotInEncoding(_) => "CHARACTER_NOT_IN_ENCODING",
            Self::Download(DownloadRefusal::Expired) => "DOWNLOAD_EXPIRED",
            Self::Download(DownloadRefusal::Range { .. }) => "DOWNLOAD_RANGE",
            Self::Acquisition(AcquisitionRefusal::AlreadyLinked) => "SYMBOL_ALREADY_LINKED",
            Self::Acquisition(AcquisitionRefusal::SerialPending) => "ACQUISITION_PENDING",
            Self::Acquisition(AcquisitionRefusal::SerialUnknown) => "ACQUISITION_SERIAL_UNKNOWN",
            Self::Acquisition(AcquisitionRefusal::SerialExpired) => "ACQUISITION_SERIAL_EXPIRED",
            Self::Acquisition(AcquisitionRefusal::NotLinked) => "SYMBOL_NOT_LINKED",
            Self::Acquisition(AcquisitionRefusal::MassRunning) => "MASS_ACQUISITION_RUNNING",
            Self::Acquisition(AcquisitionRefusal::MassEnded) => "MASS_ACQUISITION_ENDED",
            Self::Addressee(AddresseeRefusal::NumberHeld) => "INDIVIDUAL_NUMBER_HELD",
            Self::Addressee(AddresseeRefusal::LocalNumberTaken) => "LOCAL_NUMBER_TAKEN",
            Self::Addressee(AddresseeRefusal::SameFourItems) => "SAME_FOUR_ITEMS",
            Self::Addressee(AddresseeRefusal::NotCurrent) => "ADDRESSEE_NOT_CURRENT",
            Self::Addressee(AddresseeRefusal::Died) => "ADDRESSEE_DIED",
            Self::Addressee(AddresseeRefusal::MergedWithItself) => "MERGED_WITH_ITSELF",
            Self::ResidentNetworkClosed => "RESIDENT_NETWORK_CLOSED",
            Self::ResidentNetworkDown => "RESIDENT_NETWORK_DOWN",
            Self::IdentityNotEntitled => "IDENTITY_USE_NOT_ENTITLED",
            Self::PermitNotIssued(_) => "PERMIT_NOT_ISSUED",
            Self::ListUnusable => "PERMISSION_LIST_UNUSABLE",
            Self::ListUnverified => "PERMISSION_LIST_UNVERIFIED",
            Self::Staff(StaffRefusal::SignIn) => "SIGN_IN_REFUSED",
            Self::Staff(StaffRefusal::NoSession) => "NO_SESSION",
            Self::Staff(StaffRefusal::PasswordDue) => "PASSWORD_DUE",
            Self::Staff(StaffRefusal::NotAuthorised) => "NOT_AUTHORISED",
            Self::Staff(StaffRefusal::OwnAccount) => "OWN_ACCOUNT",
            Self::Staff(StaffRefusal::AccountExists) => "ACCOUNT_EXISTS",
            Self::Portal(PortalRefusal::TokenUnknown) => "PORTAL_TOKEN_UNKNOWN",
            Self::Portal(PortalRefusal::NoSelfProvision) => "NO_SELF_PROVISION",
            Self::Unready(Unready::InstitutionBusy) => "INSTITUTION_BUSY",
            Self::Unready(Unready::DiskFull) => "DISK_FULL",
            Self::Overloaded => "OVERLOADED",
            Self::RecordsUnavailable => "RECORDS_UNAVAILABLE",
            Self::WorldExists => "WORLD_EXISTS",
            Self::WorldStays => "WORLD_STAYS",
        }
    }

    /// The Japanese message for a person.
    pub fn ja(&self) -> String {
        match self {
            Self::Malformed(flaws) => format!("要求の{}項目に誤りがあります。", flaws.len()),
            Self::RecordIdExists(_) => "「レコード識別番号」が既に存在しています。".into(),
            Self::InstitutionMismatch => {
                "証明書の機関と異なる機関コードが指定されています。".into()
            }
            Self::InstitutionUnknown(_) => "証明書の機関は、この世界に存在しません。".into(),
            Self::CallerNotEntitled => "この証明書では、この操作を行えません。".into(),
            Self::UnitNotAuthorised => "指定された部署には、当該事務の権限がありません。".into(),
            Self::NothingToDispose => "保存期間を満了した記録はありません。".into(),
            Self::UserNotAuthorised => "指定された利用者には、当該事務の権限がありません。".into(),
            Self::SealingKeyMissing => {
                "有効な暗号化鍵が登録されておらず、照会にも指定されていません。".into()
            }
            Self::SealingKeyExists => "この暗号化鍵は既に登録されています。".into(),
            Self::NotFound(thing) => format!("指定された{}は存在しません。", thing.names().1),
            Self::ReplicasUnknown(flaws) => {
                format!("指定された副本のうち{}件は存在しません。", flaws.len())
            }
            Self::FileTaken(number) => {
                format!("同じファイルは取込番号{number}で既に取り込まれています。")
            }
            Self::ResultsDeleted => "保存期間を過ぎたため、照会結果は削除されました。".into(),
            Self::InquiryEnded => "この照会は既に終了しています。".into(),
            Self::ProvisionMoved => {
                "この依頼は、開いた後に他の職員または照会者によって変更されました。開き直してください。".into()
            }
            Self::MarkMoved => "不開示の設定が変更されています。開き直してください。".into(),
            Self::ProvisionDecided => "この依頼は、決定を待っていません。".into(),
            Self::ProvisionChecked => "この依頼は、既に確認されています。".into(),
            Self::ProvisionNotChecked => "この依頼は、まだ確認されていません。".into(),
            Self::FourEyes => "確認・申請した本人は、承認・拒否を行えません。".into(),
            Self::ContentChanged => {
                "提供される内容が、確認した内容と異なります。改めて確認してください。".into()
            }
            Self::Correction(refusal) => refusal.ja().into(),
            Self::BatchFlawed(flaws) => format!(
                "ファイルに{}件の誤りがあるため、受け付けませんでした。",
                flaws.len()
            ),
            Self::BatchExists => "同じ名前または同じ内容のファイルを受付済みです。".into(),
            Self::BatchEnded => "このバッチ照会は既に終了しています。".into(),
            Self::NotInEncoding(flaws) => format!(
                "照会結果に、指定された文字コードで表せない文字が{}件あります。",
                flaws.len()
            ),
            Self::Download(refusal) => refusal.ja(),
            Self::Acquisition(refusal) => refusal.ja().into(),
            Self::Addressee(refusal) => refusal.ja().into(),
            Self::ResidentNetworkClosed => "住民基本台帳ネットワークは運用時間外です。".into(),
            Self::ResidentNetworkDown => "コミュニケーションサーバが停止しています。".into(),
            Self::IdentityNotEntitled => {
                "貴機関は、この事務と利用目的では本人確認情報を照会できません。".into()
            }
            Self::PermitNotIssued(code) => format!(
                "情報提供許可証は発行されません（{} {}）。",
                code.status_code(),
                code.message_ja()
            ),
            Self::ListUnusable => {
                "照会許可照合リストの写しが古いか、ありません。写しを更新してください。".into()
            }
            Self::ListUnverified => "照会許可照合リストの署名を検証できません。".into(),
            Self::Staff(refusal) => refusal.ja().into(),
            Self::Portal(refusal) => refusal.ja().into(),
            Self::Unready(unready) => unready.ja().into(),
            Self::Overloaded => {
                "処理中の照会が多すぎます。しばらくしてから再送してください。".into()
            }
            Self::RecordsUnavailable => "記録を書き込めないため、処理を中止しました。".into(),
            Self::WorldExists => "同じ名前の世界が既に存在します。".into(),
            Self::WorldStays => "世界「default」は削除できません。".into(),
        }
    }
}

impl From<AddresseeRefusal> for Refusal {
    fn from(refusal: AddresseeRefusal) -> Self {
        Self::Addressee(refusal)
    }
}

impl From<CorrectionRefusal> for Refusal {
    fn from(refusal: CorrectionRefusal) -> Self {
        Self::Correction(refusal)
    }
}

impl From<StaffRefusal> for Refusal {
    fn from(refusal: StaffRefusal) -> Self {
        Self::Staff(refusal)
    }
}

impl From<NotAuthorised> for Refusal {
    fn from(NotAuthorised: NotAuthorised) -> Self {
        Self::Staff(StaffRefusal::NotAuthorised)
    }
}

impl From<PortalRefusal> for Refusal {
    fn from(refusal: PortalRefusal) -> Self {
        Self::Portal(refusal)
    }
}
