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
    pub reason: String,
}

impl DefinitionFlaw {
    /// A flaw at a byte of the file's text.
    pub fn at(file: &str, text: &str, byte: usize, reason: impl Into<String>) -> Self {
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
    pub fn whole(file: &str, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 1,
            column: 1,
            reason: reason.into(),
        }
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
}
