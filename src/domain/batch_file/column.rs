//! The columns of an inquiry row, in their order. Source: the platform's batch files for names, order and widths.

/// A column of an inquiry row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// 番号体系.
    NumberSystem,
    /// 宛名番号.
    LocalNumber,
    /// 団体内統合宛名番号.
    AddresseeNumber,
    /// 照会依頼日時.
    RequestedAt,
    /// 部署コード.
    Unit,
    /// 利用者ID.
    User,
    /// 照会者.
    Inquirer,
    /// 不開示コード.
    Nondisclosure,
    /// 事務コード.
    Affair,
    /// 事務手続コード.
    Procedure,
    /// 照会者の委任元.
    Delegator,
    /// 提供者の委任元.
    ProviderDelegator,
    /// 提供者.
    Provider,
    /// 特定個人情報名コード.
    SpecificInfo,
    /// 照会条件区分.
    ConditionKind,
    /// 年度区分.
    FiscalYearKind,
    /// 照会条件（自）.
    From,
    /// 照会条件（至）.
    To,
}

impl Column {
    /// Every column, in the order of the row.
    pub const ALL: [Self; 18] = [
        Self::NumberSystem,
        Self::LocalNumber,
        Self::AddresseeNumber,
        Self::RequestedAt,
        Self::Unit,
        Self::User,
        Self::Inquirer,
        Self::Nondisclosure,
        Self::Affair,
        Self::Procedure,
        Self::Delegator,
        Self::ProviderDelegator,
        Self::Provider,
        Self::SpecificInfo,
        Self::ConditionKind,
        Self::FiscalYearKind,
        Self::From,
        Self::To,
    ];

    /// The width in characters; all are ASCII.
    pub fn width(self) -> usize {
        match self {
            Self::NumberSystem => 2,
            Self::LocalNumber | Self::AddresseeNumber => 15,
            Self::RequestedAt => 17,
            Self::Unit | Self::User => 20,
            Self::Inquirer
            | Self::Affair
            | Self::Procedure
            | Self::Delegator
            | Self::ProviderDelegator
            | Self::Provider
            | Self::SpecificInfo => 16,
            Self::Nondisclosure | Self::ConditionKind | Self::FiscalYearKind => 1,
            Self::From | Self::To => 8,
        }
    }

    /// The name in messages of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::NumberSystem => "number_system",
            Self::LocalNumber => "local_number",
            Self::AddresseeNumber => "addressee_number",
            Self::RequestedAt => "requested_at",
            Self::Unit => "unit_code",
            Self::User => "user_id",
            Self::Inquirer => "inquirer",
            Self::Nondisclosure => "nondisclosure",
            Self::Affair => "affair",
            Self::Procedure => "procedure",
            Self::Delegator => "delegator",
            Self::ProviderDelegator => "provider_delegator",
            Self::Provider => "provider",
            Self::SpecificInfo => "specific_info",
            Self::ConditionKind => "condition_kind",
            Self::FiscalYearKind => "fiscal_year_kind",
            Self::From => "condition_from",
            Self::To => "condition_to",
        }
    }

    /// The Japanese name.
    pub fn ja(self) -> &'static str {
        match self {
            Self::NumberSystem => "番号体系",
            Self::LocalNumber => "宛名番号",
            Self::AddresseeNumber => "団体内統合宛名番号",
            Self::RequestedAt => "照会依頼日時",
            Self::Unit => "部署コード",
            Self::User => "利用者ID",
            Self::Inquirer => "照会者",
            Self::Nondisclosure => "不開示コード",
            Self::Affair => "事務コード",
            Self::Procedure => "事務手続コード",
            Self::Delegator => "照会者の委任元",
            Self::ProviderDelegator => "提供者の委任元",
            Self::Provider => "提供者",
            Self::SpecificInfo => "特定個人情報名コード",
            Self::ConditionKind => "照会条件区分",
            Self::FiscalYearKind => "年度区分",
            Self::From => "照会条件（自）",
            Self::To => "照会条件（至）",
        }
    }

    /// The number of the column, from 1.
    pub fn number(self) -> usize {
        Self::ALL
            .iter()
            .take_while(|column| **column != self)
            .count()
            + 1
    }

    /// The character at which the column begins in a row of the right widths, from 1.
    pub fn begins_at(self) -> usize {
        let before = Self::ALL.iter().take_while(|column| **column != self);
        before.map(|column| column.width() + 1).sum::<usize>() + 1
    }
}
