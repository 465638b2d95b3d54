//! What can be wrong with the text of a file, before its fields are looked at.

use super::Encoding;

/// A place in a file where the text is not as it must be. The text itself is never part of it, but for one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextFlaw {
    /// The line, counted from 1.
    pub line: u64,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub kind: TextFlawKind,
}

/// One way in which the text of a file can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextFlawKind {
    /// Bytes that are no character of the encoding.
    #[error("the bytes here are no character of {0}")]
    NoCharacter(Encoding),
    /// The file ends inside a character.
    #[error("the file ends inside a character")]
    CutCharacter,
    /// The last line has no line end: the file may have been cut.
    #[error("the last line has no line end")]
    CutLine,
    /// A mark of another encoding at the beginning of the file.
    #[error("the file begins with the byte order mark of {0}")]
    ForeignMark(&'static str),
    /// A line end that is not the one asked for, or not that of the lines before.
    #[error("the line end is {found}, {expected} is expected")]
    LineEnd {
        /// What stands there.
        found: &'static str,
        /// What must stand there.
        expected: &'static str,
    },
    /// 外字: a private use character that the character table does not name.
    #[error("U+{:04X} is a private use character without a row in the character table", u32::from(*.0))]
    PrivateUse(char),
    /// A character that no text may hold, such as a control character.
    #[error("U+{:04X} may not stand in a file", u32::from(*.0))]
    Forbidden(char),
    /// A character that the encoding does not have.
    #[error("U+{:04X} is not in {}", u32::from(*.0), .1)]
    NotInEncoding(char, Encoding),
    /// The line is too long to be one of ours.
    #[error("the line has more than {0} bytes")]
    TooLong(usize),
}

impl TextFlawKind {
    /// The same in Japanese, with what to do.
    pub fn ja(&self) -> String {
        match self {
            Self::NoCharacter(encoding) => format!(
                "{encoding}の文字として読めないバイト列です。文字コードの指定を確かめてください"
            ),
            Self::CutCharacter => {
                "文字の途中でファイルが終わっています。送信し直してください".into()
            }
            Self::CutLine => {
                "最終行に改行がありません。ファイルが途中で切れていないか確かめてください".into()
            }
            Self::ForeignMark(mark) => {
                format!("{mark}のBOMで始まっています。指定した文字コードで保存し直してください")
            }
            Self::LineEnd { found, expected } => {
                format!("改行が{found}です。{expected}に統一してください")
            }
            Self::PrivateUse(c) => format!(
                "外字（U+{:04X}）があります。文字変換表に行を追加してください",
                u32::from(*c)
            ),
            Self::Forbidden(c) => format!(
                "使用できない文字（U+{:04X}）があります。取り除いてください",
                u32::from(*c)
            ),
            Self::NotInEncoding(c, encoding) => format!(
                "U+{:04X}は{encoding}で表せません。文字変換表に行を追加するか、utf-8を使ってください",
                u32::from(*c)
            ),
            Self::TooLong(bytes_max) => {
                format!("1行が{bytes_max}バイトを超えています。改行を確かめてください")
            }
        }
    }
}
