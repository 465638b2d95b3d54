//! What a caller names, and what is not known here.

/// What a name may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// An inquiry.
    Inquiry,
    /// A request that a provider received.
    Provision,
    /// A provision record.
    ProvisionRecord,
    /// A replica.
    Replica,
    /// A no-auto-reply flag.
    NoAutoReply,
    /// A flag of 自己情報提供不可.
    NoSelfProvision,
    /// A notice to a person.
    Notice,
    /// A sealing key.
    SealingKey,
    /// An acquisition.
    Acquisition,
    /// A tree of the ledger.
    Tree,
    /// A leaf of a tree.
    Leaf,
    /// An exchange.
    Exchange,
    /// A world.
    World,
    /// A layout.
    Layout,
    /// A sample person.
    Person,
    /// A person of an addressee system.
    Addressee,
    /// A staff account.
    Account,
    /// A batch.
    Batch,
    /// A notice of the network's operator.
    OperationNotice,
    /// A finding of the analysis of operations.
    Finding,
    /// A proposed change of a replica.
    Correction,
    /// A result that lies ready to be fetched.
    Download,
    /// A request for identity information.
    ResidentRequest,
}

impl Thing {
    /// Its English and its Japanese name.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Inquiry => ("the inquiry", "情報照会"),
            Self::Provision => ("the received request", "提供依頼"),
            Self::ProvisionRecord => ("the provision record", "情報提供等記録"),
            Self::Replica => ("the replica", "副本"),
            Self::NoAutoReply => ("the no-auto-reply flag", "自動応答不可フラグ"),
            Self::NoSelfProvision => ("the no-self-provision flag", "自己情報提供不可フラグ"),
            Self::Notice => ("the notice to the person", "お知らせ"),
            Self::SealingKey => ("the sealing key", "暗号化鍵"),
            Self::Acquisition => ("the acquisition", "符号取得"),
            Self::Tree => ("the tree", "記録木"),
            Self::Leaf => ("the leaf", "記録"),
            Self::Exchange => ("the exchange", "処理通番"),
            Self::OperationNotice => ("the notice", "運用のお知らせ"),
            Self::World => ("the world", "世界"),
            Self::Layout => ("the layout", "レイアウト"),
            Self::Person => ("the person", "対象者"),
            Self::Addressee => ("the number of the person", "宛名"),
            Self::Account => ("the account", "職員アカウント"),
            Self::Batch => ("the batch", "バッチ照会"),
            Self::Finding => ("the finding", "分析結果"),
            Self::Correction => ("the proposal", "副本の登録・訂正の申請"),
            Self::Download => ("the download", "ダウンロード"),
            Self::ResidentRequest => ("the request", "本人確認情報の依頼"),
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.names().0)
    }
}
