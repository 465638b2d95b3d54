//! What is wrong in a replica file, where it stands, and what a person does about it.

use super::HeadColumn;
use crate::domain::{
    codes::SpecificInfoCode, files::TextFlawKind, form_flaw::Misfit, malformed::Malformed,
    shape::Shape, words::LayoutVersion,
};

/// One flaw of a replica file. The value itself is never part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {why}", place.line, place.column)]
pub struct FileFlaw {
    /// Where it stands.
    pub place: Place,
    /// The column's name, and an item's code; empty where the flaw is the line's or the file's.
    pub item: String,
    /// The shape of the value that is wrong, where it is a value.
    pub shape: Option<Shape>,
    /// What is wrong.
    pub why: FileMisfit,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: u64,
    /// CSV: the field, from 1. `.DAT`: the character, from 1.
    pub column: usize,
}

/// One way in which a replica file can miss its form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileMisfit {
    /// The bytes are not text in the encoding named.
    #[error("{0}")]
    Text(TextFlawKind),
    /// Not all of the file has come.
    #[error("the file has {expected} bytes, {actual} have come")]
    Cut {
        /// The bytes announced.
        expected: u64,
        /// The bytes that came.
        actual: u64,
    },
    /// There is no line with a replica.
    #[error("the file has no line with a replica")]
    NoRows,
    /// The first line of a CSV file does not name the columns of its version.
    #[error("the first line does not name the columns of version {version}")]
    Header {
        /// The version that the file says it follows.
        version: LayoutVersion,
    },
    /// The columns are those of another version.
    #[error("the file says version {said}, but its columns are those of version {found}")]
    OtherVersion {
        /// The version that the lines name.
        said: LayoutVersion,
        /// The version whose columns they have.
        found: LayoutVersion,
    },
    /// No layout of the specific information.
    #[error("{0} has no layout here")]
    NoLayout(SpecificInfoCode),
    /// The layout has no such version.
    #[error("no such layout version; known: {known:?}")]
    UnknownVersion {
        /// The versions there are.
        known: Vec<LayoutVersion>,
    },
    /// The institution does not hold the specific information.
    #[error("{0} is not held by this institution")]
    NotHeld(SpecificInfoCode),
    /// A CSV line has too many or too few fields.
    #[error("must have {expected} fields, has {actual}")]
    FieldCount {
        /// The fields asked for.
        expected: usize,
        /// The fields found.
        actual: usize,
    },
    /// A `.DAT` line is too long or too short.
    #[error("must have {expected} characters, has {actual}")]
    LineLength {
        /// The characters asked for.
        expected: usize,
        /// The characters found.
        actual: usize,
    },
    /// No comma stands between two fields of a `.DAT` line.
    #[error("a comma must stand here")]
    Separator,
    /// A quotation mark is not closed in its line.
    #[error("a quotation mark is not closed in this line")]
    OpenQuote,
    /// 処理区分 is neither `1` nor `2`.
    #[error("must be 1 (register) or 2 (delete)")]
    Action,
    /// A deletion in a file that is all there is.
    #[error("a full file has no deletions: leave the replica out")]
    DeletionInFull,
    /// A deletion has content.
    #[error("a deletion names the replica and nothing else")]
    DeletionContent,
    /// The replica to delete is not registered.
    #[error("is not registered")]
    NotRegistered,
    /// The line says another thing than the first line of the file, or of its replica.
    #[error("must be as on line {first}")]
    Differs {
        /// The line that said it first.
        first: u64,
    },
    /// The replica stands in the file already.
    #[error("the replica stands on line {first} already")]
    Duplicate {
        /// The line on which it began.
        first: u64,
    },
    /// A word does not have its form.
    #[error("{0}")]
    Word(Malformed),
    /// The addressee system does not know the number.
    #[error("is not known to the addressee system")]
    UnknownNumber,
    /// The addressee system cannot be asked.
    #[error("the addressee system cannot be read")]
    AddresseesUnread,
    /// Not a day.
    #[error("must be a day as yyyyMMdd")]
    Day,
    /// Not a year.
    #[error("must be a year as yyyy")]
    Year,
    /// No such data set.
    #[error("is not a data set of the layout; known: {}", known.join(", "))]
    UnknownSet {
        /// The paths there are.
        known: Vec<String>,
    },
    /// The record stands below nothing.
    #[error("no line of {parent} stands above it")]
    NoParent {
        /// The data set that is missed.
        parent: String,
    },
    /// An item that another data set has.
    #[error("belongs to data set {set}: leave it empty on this line")]
    OtherSet {
        /// The data set it belongs to.
        set: String,
    },
    /// Not a reason why there is no value.
    #[error("is not a reason why there is no value")]
    Reason,
    /// A line beside it cannot be read and may be part of the replica.
    #[error("a line beside it cannot be read and may be part of this replica")]
    BesideUnreadable,
    /// The replica does not pass the form check.
    #[error("{0}")]
    Form(Misfit),
}

impl FileFlaw {
    /// A flaw of a line or of the file.
    pub fn of_line(line: u64, why: FileMisfit) -> Self {
        Self {
            place: Place { line, column: 1 },
            item: String::new(),
            shape: None,
            why,
        }
    }

    /// The stable name of what is wrong.
    pub fn code(&self) -> &'static str {
        self.why.code()
    }
}

impl FileMisfit {
    /// Its stable name. The table is docs/replica-files.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Text(_) => "TEXT",
            Self::Cut { .. } => "CUT",
            Self::NoRows => "NO_ROWS",
            Self::Header { .. } => "HEADER",
            Self::OtherVersion { .. } => "OTHER_VERSION",
            Self::NoLayout(_) => "NO_LAYOUT",
            Self::UnknownVersion { .. } => "UNKNOWN_VERSION",
            Self::NotHeld(_) => "NOT_HELD_HERE",
            Self::FieldCount { .. } => "FIELD_COUNT",
            Self::LineLength { .. } => "LINE_LENGTH",
            Self::Separator => "SEPARATOR",
            Self::OpenQuote => "OPEN_QUOTE",
            Self::Action => "ACTION",
            Self::DeletionInFull => "DELETION_IN_FULL",
            Self::DeletionContent => "DELETION_CONTENT",
            Self::NotRegistered => "NOT_REGISTERED",
            Self::Differs { .. } => "DIFFERS",
            Self::Duplicate { .. } => "DUPLICATE",
            Self::Word(_) => "WORD",
            Self::UnknownNumber => "UNKNOWN_NUMBER",
            Self::AddresseesUnread => "ADDRESSEES_UNREAD",
            Self::Day => "DAY",
            Self::Year => "YEAR",
            Self::UnknownSet { .. } => "UNKNOWN_SET",
            Self::NoParent { .. } => "NO_PARENT",
            Self::OtherSet { .. } => "OTHER_SET",
            Self::Reason => "REASON",
            Self::BesideUnreadable => "BESIDE_UNREADABLE",
            Self::Form(_) => "FORM",
        }
    }

    /// What is wrong, in Japanese.
    pub fn ja(&self) -> String {
        match self {
            Self::Text(flaw) => flaw.ja(),
            Self::Cut { expected, actual } => {
                format!("{expected}バイトのファイルのうち{actual}バイトだけ届きました")
            }
            Self::NoRows => "副本の行がありません".into(),
            Self::Header { version } => {
                format!("見出し行がレイアウト版「{version}」の列と一致しません")
            }
            Self::OtherVersion { said, found } => {
                format!("レイアウト版「{said}」と書かれていますが、列は版「{found}」のものです")
            }
            Self::NoLayout(info) => format!("特定個人情報名「{info}」のレイアウトはありません"),
            Self::UnknownVersion { known } => {
                format!("このレイアウト版はありません（有効な版: {}）", list(known))
            }
            Self::NotHeld(info) => format!("この機関は特定個人情報「{info}」を保有していません"),
            Self::FieldCount { expected, actual } => {
                format!("項目は{expected}個必要です（{actual}個あります）")
            }
            Self::LineLength { expected, actual } => {
                format!("1行は{expected}文字です（{actual}文字あります）")
            }
            Self::Separator => "項目の区切りのコンマがありません".into(),
            Self::OpenQuote => "引用符が行の中で閉じていません".into(),
            Self::Action => "処理区分は 1（登録）または 2（削除）です".into(),
            Self::DeletionInFull => "全件のファイルに削除の行は置けません".into(),
            Self::DeletionContent => "削除の行に内容が書かれています".into(),
            Self::NotRegistered => "削除する副本が登録されていません".into(),
            Self::Differs { first } => format!("{first}行目と異なります"),
            Self::Duplicate { first } => format!("同じ副本が{first}行目にあります"),
            Self::Word(malformed) => malformed.ja(),
            Self::UnknownNumber => "団体内統合宛名システムに登録されていません".into(),
            Self::AddresseesUnread => "団体内統合宛名システムを読み取れません".into(),
            Self::Day => "実在する日付を yyyyMMdd で指定してください".into(),
            Self::Year => "年度を yyyy で指定してください".into(),
            Self::UnknownSet { known } => {
                format!(
                    "このレイアウトのデータセットではありません（有効: {}）",
                    known.join("、")
                )
            }
            Self::NoParent { parent } => format!("上位のデータセット「{parent}」の行がありません"),
            Self::OtherSet { set } => format!("データセット「{set}」の項目です"),
            Self::Reason => "値がない理由ではありません".into(),
            Self::BesideUnreadable => "読めない行がこの副本の一部かもしれません".into(),
            Self::Form(misfit) => misfit.ja(),
        }
    }

    /// What a person does about it, in Japanese.
    pub fn remedy_ja(&self) -> &'static str {
        match self {
            Self::Text(_) => "文字コードの指定と、示した位置の文字を確かめてください",
            Self::Cut { .. } => "ファイルを送り直してください",
            Self::NoRows => "副本を1行以上書いてください",
            Self::Header { .. } => "「chukan layout show」の列の並びに合わせてください",
            Self::OtherVersion { .. } => "レイアウト版の指定か、列の並びのどちらかを直してください",
            Self::NoLayout(_) | Self::UnknownVersion { .. } => {
                "「chukan layout show」でレイアウトと版を確かめてください"
            }
            Self::NotHeld(_) => "取り込む機関と特定個人情報名コードを確かめてください",
            Self::FieldCount { .. } | Self::LineLength { .. } | Self::Separator => {
                "項目の過不足と桁ずれを直してください"
            }
            Self::OpenQuote => "引用符を対にし、値の中の改行を除いてください",
            Self::Action => "1 か 2 を指定してください",
            Self::DeletionInFull => "差分として取り込むか、その行を除いてください",
            Self::DeletionContent => "公開期間・データセット・項目を空にしてください",
            Self::NotRegistered => "宛名番号とレコードキーを確かめるか、その行を除いてください",
            Self::Differs { .. } => "同じファイル・同じ副本の行では、同じ値にしてください",
            Self::Duplicate { .. } => "一つの副本の行は続けて書き、重複を除いてください",
            Self::UnknownNumber => "先に宛名番号を付番するか、その行を除いてください",
            Self::AddresseesUnread => "サーバーの状態を確かめ、ファイルを送り直してください",
            Self::Word(_) | Self::Day | Self::Year => "示した形に直してください",
            Self::UnknownSet { .. } => "データセットのコードを「/」でつないで指定してください",
            Self::NoParent { .. } => "上位のデータセットの行をこの行より前に置いてください",
            Self::OtherSet { .. } => "その項目を空にするか、データセットの指定を直してください",
            Self::BesideUnreadable => "読めない行を直してください",
            Self::Reason => "docs/replica-files.md の「値がない理由」から選んでください",
            Self::Form(_) => "元の業務システムの値か、レイアウト版を確かめてください",
        }
    }
}

/// The head column that a flaw of the form check is about, where it is about one.
pub(super) fn head_of(path: &str) -> Option<HeadColumn> {
    match path {
        "layout_version" => Some(HeadColumn::LayoutVersion),
        "record_key" => Some(HeadColumn::RecordKey),
        "fiscal_year" => Some(HeadColumn::FiscalYear),
        "date" => Some(HeadColumn::Date),
        "publication.from" => Some(HeadColumn::PublicFrom),
        "publication.to" => Some(HeadColumn::PublicTo),
        _ => None,
    }
}

fn list(versions: &[LayoutVersion]) -> String {
    let texts: Vec<_> = versions.iter().map(LayoutVersion::as_str).collect();
    texts.join("、")
}
