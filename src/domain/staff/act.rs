//! What the staff can do, and the table of who may.

use serde::{Deserialize, Serialize};

use super::Role;

/// What staff can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// See how many requests wait, and since when.
    SeeQueue,
    /// Open a held request.
    OpenProvision,
    /// Reveal what would be sent.
    RevealContent,
    /// 確認: check a held request and propose its end.
    CheckProvision,
    /// 承認: approve what was proposed.
    ApproveProvision,
    /// 差し戻し: send a checked request back to the clerks.
    SendBackProvision,
    /// Create, change and unlock accounts.
    ManageAccounts,
    /// Read the operation log.
    ReadOperations,
    /// 廃棄: have the records disposed of whose period has ended.
    DisposeRecords,
    /// See what the analysis of the operation log has found.
    AnalyzeOperations,
    /// Say that a finding was looked at.
    ReviewFinding,
    /// See how many exchanges there were, and how they ended.
    ReadStatistics,
    /// Take the counts away as a file.
    ExportStatistics,
    /// See the settings in force.
    ReadSettings,
    /// Search 情報提供等記録.
    SearchRecords,
    /// See one exchange's 情報提供等記録, as the three parties keep it.
    ReadRecord,
    /// 不開示: set or clear the mark of a record.
    MarkNondisclosure,
    /// 情報照会: see the institution's inquiries and how they stand.
    ListInquiries,
    /// Send an inquiry.
    SubmitInquiry,
    /// See how one inquiry stands, its answers masked.
    ReadInquiry,
    /// Reveal the answers to an inquiry.
    RevealResult,
    /// 取消: cancel an inquiry.
    CancelInquiry,
    /// 符号状態: see how a person's acquisition stands, and how many stand so.
    ReadSymbolState,
    /// 副本: search replicas and see them masked, and see what is proposed for them.
    ReadReplica,
    /// Reveal the values of a replica, or of what is proposed for it.
    RevealReplica,
    /// 副本の登録・訂正: propose it, or take a proposal back.
    ProposeCorrection,
    /// Approve a proposal.
    ApproveCorrection,
    /// Send a proposal back to the clerks.
    SendBackCorrection,
    /// See who used identity information, and what for.
    ReadIdentityUses,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 29] = [
        Self::SeeQueue,
        Self::OpenProvision,
        Self::RevealContent,
        Self::CheckProvision,
        Self::ApproveProvision,
        Self::SendBackProvision,
        Self::ManageAccounts,
        Self::ReadOperations,
        Self::DisposeRecords,
        Self::AnalyzeOperations,
        Self::ReviewFinding,
        Self::ReadStatistics,
        Self::ExportStatistics,
        Self::ReadSettings,
        Self::SearchRecords,
        Self::ReadRecord,
        Self::MarkNondisclosure,
        Self::ListInquiries,
        Self::SubmitInquiry,
        Self::ReadInquiry,
        Self::RevealResult,
        Self::CancelInquiry,
        Self::ReadSymbolState,
        Self::ReadReplica,
        Self::RevealReplica,
        Self::ProposeCorrection,
        Self::ApproveCorrection,
        Self::SendBackCorrection,
        Self::ReadIdentityUses,
    ];

    /// The table: who may do this. Nobody else may.
    pub fn roles(self) -> &'static [Role] {
        use Role::{Administrator, Approver, Auditor, Clerk, Instructor, PlatformOperator};
        match self {
            Self::SeeQueue => &[Clerk, Approver, Auditor, PlatformOperator, Instructor],
            Self::OpenProvision => &[Clerk, Approver, Instructor],
            Self::RevealContent => &[Clerk, Approver],
            Self::CheckProvision => &[Clerk],
            Self::ApproveProvision | Self::SendBackProvision => &[Approver],
            Self::ManageAccounts => &[Administrator],
            Self::ReadOperations => &[Auditor, Instructor],
            Self::DisposeRecords => &[Approver],
            Self::AnalyzeOperations | Self::ReviewFinding | Self::ReadIdentityUses => &[Auditor],
            Self::ReadStatistics => &[Approver, Auditor, PlatformOperator, Instructor],
            Self::ExportStatistics => &[Approver, Auditor],
            Self::ReadSettings => &[Administrator],
            Self::SearchRecords | Self::ReadRecord => &[Clerk, Approver, Auditor, Instructor],
            Self::MarkNondisclosure => &[Approver],
            Self::ListInquiries | Self::ReadInquiry | Self::ReadSymbolState | Self::ReadReplica => {
                &[Clerk, Approver, Instructor]
            }
            Self::SubmitInquiry | Self::CancelInquiry | Self::ProposeCorrection => &[Clerk],
            Self::RevealResult | Self::RevealReplica => &[Clerk, Approver],
            Self::ApproveCorrection | Self::SendBackCorrection => &[Approver],
        }
    }

    /// The Japanese name, as the operation log shows it.
    pub fn ja(self) -> &'static str {
        match self {
            Self::SeeQueue => "要対応一覧の参照",
            Self::OpenProvision => "内容確認画面の参照",
            Self::RevealContent => "提供内容の表示",
            Self::CheckProvision => "確認",
            Self::ApproveProvision => "承認",
            Self::SendBackProvision => "差し戻し",
            Self::ManageAccounts => "職員・権限の管理",
            Self::ReadOperations => "操作記録の参照",
            Self::DisposeRecords => "記録の廃棄",
            Self::AnalyzeOperations => "操作記録の分析",
            Self::ReviewFinding => "分析結果の確認",
            Self::ReadStatistics => "統計の参照",
            Self::ExportStatistics => "統計の出力",
            Self::ReadSettings => "設定の参照",
            Self::SearchRecords => "情報提供等記録の検索",
            Self::ReadRecord => "情報提供等記録の参照",
            Self::MarkNondisclosure => "不開示の設定・解除",
            Self::ListInquiries => "情報照会一覧の参照",
            Self::SubmitInquiry => "情報照会の依頼",
            Self::ReadInquiry => "情報照会結果の参照",
            Self::RevealResult => "情報照会結果の表示",
            Self::CancelInquiry => "情報照会の取消",
            Self::ReadSymbolState => "符号状態の参照",
            Self::ReadReplica => "副本の参照",
            Self::RevealReplica => "副本の値の表示",
            Self::ProposeCorrection => "副本の登録・訂正の申請",
            Self::ApproveCorrection => "副本の登録・訂正の承認",
            Self::SendBackCorrection => "副本の登録・訂正の差し戻し",
            Self::ReadIdentityUses => "本人確認情報の利用記録の参照",
        }
    }
}
