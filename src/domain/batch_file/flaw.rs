//! What is wrong with a row of an inquiry file, where, and what to do. The value never shows, only its shape.

use super::Column;
use crate::domain::{
    condition::UnfitCondition,
    files::TextFlawKind,
    malformed::Malformed,
    refusal::{FieldFlaw, Refusal},
};

/// A flaw of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFlaw {
    /// The line, counted from 1.
    pub line: u64,
    /// The character in the line, counted from 1.
    pub position: usize,
    /// The column, where the flaw is in one.
    pub column: Option<Column>,
    /// The shape of the value: `9` for a digit, `A` for a letter, `_` for a space, `?` for anything else.
    pub shape: String,
    /// What is wrong.
    pub kind: RowFlawKind,
}

/// One way in which a row can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFlawKind {
    /// The text of the line cannot be read.
    #[error(transparent)]
    Text(#[from] TextFlawKind),
    /// The row has another number of columns.
    #[error("has {found} columns, must have {}", Column::ALL.len())]
    Columns {
        /// How many there are.
        found: usize,
    },
    /// The column has another width.
    #[error("has {found} characters, must have {width}")]
    Width {
        /// How many characters there are.
        found: usize,
        /// How many there must be.
        width: usize,
    },
    /// The value does not have the form of its noun.
    #[error(transparent)]
    Noun(#[from] Malformed),
    /// The value is not one of those that may stand here.
    #[error("must be {0}")]
    NotOneOf(&'static str),
    /// The value must be absent: its condition kind does not use it.
    #[error("must be blank for this kind of condition")]
    NotBlank,
    /// The sender speaks the other kind of number.
    #[error("must be blank: this business system speaks local numbers")]
    OtherNumber,
    /// The addressee system does not know the number.
    #[error("is not known to the addressee system")]
    UnknownNumber,
    /// The condition cannot be asked.
    #[error(transparent)]
    Condition(#[from] UnfitCondition),
    /// The same question stands in an earlier row.
    #[error("asks the same as line {line}")]
    Repeated {
        /// The earlier line.
        line: u64,
    },
    /// The file has more rows than it may have.
    #[error("the file has more than {} rows", super::ROWS_MAX)]
    TooManyRows,
    /// The file has no row.
    #[error("the file has no row")]
    NoRows,
    /// What the institution's server says of the value.
    #[error("{}", .0.description)]
    Refused(FieldFlaw),
}

impl RowFlawKind {
    /// The same in Japanese, with what to do.
    pub fn ja(&self) -> String {
        match self {
            Self::Text(kind) => kind.ja(),
            Self::Columns { found } => format!(
                "項目が{found}個あります。カンマ区切りで{}個にしてください",
                Column::ALL.len()
            ),
            Self::Width { found, width } => {
                format!("{found}文字あります。右を空白で埋めて{width}文字にしてください")
            }
            Self::Noun(malformed) => malformed.flaw.ja(),
            Self::NotOneOf(permitted) => format!("次のいずれかにしてください: {permitted}"),
            Self::NotBlank => "この照会条件区分では空白にしてください".into(),
            Self::OtherNumber => {
                "この業務システムは宛名番号で照会します。空白にしてください".into()
            }
            Self::UnknownNumber => "団体内統合宛名システムに登録されていません".into(),
            Self::Condition(unfit) => unfit.ja(),
            Self::Repeated { line } => {
                format!("{line}行目と同じ照会です。どちらかの行を除いてください")
            }
            Self::TooManyRows => format!(
                "{}行を超えています。ファイルを分割してください",
                super::ROWS_MAX
            ),
            Self::NoRows => "行がありません。照会する行を入れてください".into(),
            Self::Refused(flaw) => flaw.description_ja.clone(),
        }
    }
}

impl RowFlaw {
    /// A flaw of a column's value.
    pub fn of(line: u64, column: Column, value: &str, kind: RowFlawKind) -> Self {
        Self {
            line,
            position: column.begins_at(),
            column: Some(column),
            shape: shape(value),
            kind,
        }
    }

    /// A flaw of a whole line, or of the file.
    pub fn of_line(line: u64, position: usize, kind: RowFlawKind) -> Self {
        Self {
            line,
            position,
            column: None,
            shape: String::new(),
            kind,
        }
    }

    /// The flaw as a status names it: `line 12, column 3 addressee_number`.
    pub fn as_field(&self) -> FieldFlaw {
        let at = match self.column {
            Some(column) => format!(
                "line {}, column {} {}",
                self.line,
                column.number(),
                column.name()
            ),
            None => format!("line {}, character {}", self.line, self.position),
        };
        let column = self.column.map_or("", Column::ja);
        let ja = if column.is_empty() {
            self.kind.ja()
        } else {
            format!("{column}: {}", self.kind.ja())
        };
        FieldFlaw::new(at, self.kind.to_string(), ja)
    }
}

/// What is said of a unit or a user without authority for the affair, and in which column.
pub fn without_authority(refusal: &Refusal) -> (Column, FieldFlaw) {
    let column = match refusal {
        Refusal::UserNotAuthorised => Column::User,
        _ => Column::Unit,
    };
    let said = FieldFlaw::new(column.name(), refusal.to_string(), refusal.ja());
    (column, said)
}

/// The longest shape that is shown, in characters.
const SHAPE_CHARS_MAX: usize = 40;

fn shape(value: &str) -> String {
    let masked = value.chars().take(SHAPE_CHARS_MAX).map(|c| match c {
        '0'..='9' => '9',
        'a'..='z' | 'A'..='Z' => 'A',
        ' ' => '_',
        _ => '?',
    });
    masked.collect()
}
