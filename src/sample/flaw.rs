//! What is wrong in a definition file, and where a person finds it.

/// A flaw of one definition file: the file, the place in it, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {reason}")]
pub struct DefinitionFlaw {
    /// The file's name as the reader knows it.
    pub file: String,
    /// The line, counted from 1; 1 when the flaw is the file as a whole.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// What is wrong, and what is asked for.
    pub reason: Reason,
}

/// What is wrong, in English (`Display`) and in Japanese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{en}")]
pub struct Reason {
    en: String,
    ja: String,
}

impl Reason {
    /// The same reason in both languages.
    pub fn new(en: impl Into<String>, ja: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            ja: ja.into(),
        }
    }

    /// The reason in Japanese, for a person.
    pub fn ja(&self) -> &str {
        &self.ja
    }
}

/// A reason that is known in English only keeps its text in Japanese, in brackets.
impl From<String> for Reason {
    fn from(en: String) -> Self {
        let ja = format!("定義に誤りがあります（{en}）");
        Self { en, ja }
    }
}

impl From<&str> for Reason {
    fn from(en: &str) -> Self {
        en.to_owned().into()
    }
}

impl DefinitionFlaw {
    /// A flaw at a byte of the file's text.
    pub fn at(file: &str, text: &str, byte: usize, reason: impl Into<Reason>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before
                .get(line_start..)
                .map_or(0, |line| line.chars().count())
                + 1,
            reason: reason.into(),
        }
    }

    /// A flaw of the file as a whole: it is missing, or cannot be read.
    pub fn whole(file: &str, reason: impl Into<Reason>) -> Self {
        Self {
            file: file.to_owned(),
            line: 1,
            column: 1,
            reason: reason.into(),
        }
    }

    /// The same in Japanese, for a person.
    pub fn ja(&self) -> String {
        let Self {
            file,
            line,
            column,
            reason,
        } = self;
        format!("{file} {line}行{column}文字目: {}", reason.ja)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters_from_one() {
        let text = "# 税\ncode = \"x\"\n年 = 1\n";
        let flaw = |byte| DefinitionFlaw::at("a.toml", text, byte, "no");
        assert_eq!((flaw(0).line, flaw(0).column), (1, 1));
        let second = text.find("code").unwrap();
        assert_eq!((flaw(second).line, flaw(second).column), (2, 1));
        let equals = text.rfind('=').unwrap();
        assert_eq!((flaw(equals).line, flaw(equals).column), (3, 3));
        assert_eq!(flaw(equals).to_string(), "a.toml:3:3: no");
    }

    #[test]
    fn a_flaw_is_told_in_both_languages() {
        let flaw = DefinitionFlaw::whole("a.toml", Reason::new("is missing", "ありません"));
        assert_eq!(flaw.to_string(), "a.toml:1:1: is missing");
        assert_eq!(flaw.ja(), "a.toml 1行1文字目: ありません");
        let english_only = DefinitionFlaw::whole("a.toml", "is odd");
        assert!(
            english_only
                .ja()
                .ends_with("定義に誤りがあります（is odd）")
        );
    }
}
