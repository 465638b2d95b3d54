//! Why a text is not the code, number or name it is meant to be.

/// A text that does not have the form its noun asks for.
///
/// The text itself is never part of the error: it may be a number that must not be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{noun}: {flaw}")]
pub struct Malformed {
    /// The noun, by its English name in the glossary.
    pub noun: &'static str,
    /// The noun's Japanese name.
    pub noun_ja: &'static str,
    /// What is wrong with the form.
    pub flaw: Flaw,
}

impl Malformed {
    /// The same in Japanese, for a person.
    pub fn ja(&self) -> String {
        format!("{}: {}", self.noun_ja, self.flaw.ja())
    }
}

/// One way in which a text can miss its form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// There is no text where one is required.
    #[error("is required")]
    Empty,
    /// The text has the wrong number of characters.
    #[error("must have {expected} characters, has {actual}")]
    Length {
        /// The number of characters asked for, as a phrase (`16`, `1 to 20`).
        expected: &'static str,
        /// The number of characters found.
        actual: usize,
    },
    /// The text does not begin as it must.
    #[error("must begin with {0}")]
    Prefix(&'static str),
    /// A character that may not stand in this text.
    #[error("character {position} is not permitted here ({permitted})")]
    Character {
        /// Where, counted from 1.
        position: usize,
        /// What may stand there.
        permitted: &'static str,
    },
    /// The check digit does not fit the others.
    #[error("the check digit does not fit the other digits")]
    CheckDigit,
    /// The text has the form of a 個人番号 where none may be held.
    #[error("has the form of an individual number, which must not be sent here")]
    LooksLikeIndividualNumber,
    /// The text is none of the words that are known here.
    #[error("is not one of: {0}")]
    Unknown(&'static str),
}

impl Flaw {
    /// The same in Japanese, for a person.
    pub fn ja(&self) -> String {
        match self {
            Self::Empty => "必須項目です".into(),
            Self::Length { expected, actual } => {
                format!("{expected}文字で指定してください（{actual}文字あります）")
            }
            Self::Prefix(prefix) => format!("「{prefix}」で始まる必要があります"),
            Self::Character { position, .. } => {
                format!("{position}文字目に使用できない文字があります")
            }
            Self::CheckDigit => "検査数字が一致しません".into(),
            Self::LooksLikeIndividualNumber => {
                "個人番号の形式の値は、この項目に指定できません".into()
            }
            Self::Unknown(known) => format!("次のいずれかを指定してください: {known}"),
        }
    }
}
