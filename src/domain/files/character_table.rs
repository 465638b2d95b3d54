//! 文字変換表: which character of a file stands for which text of ours. The user gives it; nothing is replaced without it.

use std::collections::BTreeMap;

/// Pairs of a character in files and the text it stands for here. Applied both ways: reading turns the first into the second,
/// writing the second into the first.
///
/// Its text form has one pair a line, `<in the file> <here>`, each as `U+` and hexadecimal digits, the second with `+` between the
/// code points of a sequence; `#` begins a comment. Example: `U+FF5E U+301C` for 〜, `U+E000 U+20BB7` for a 外字.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CharacterTable {
    to_ours: BTreeMap<char, String>,
    to_file: BTreeMap<String, char>,
}

/// A line of a character table is not a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTable {
    /// The line is no pair of code points.
    #[error("line {line}: write a pair such as `U+E000 U+20BB7`")]
    NoPair {
        /// The line, counted from 1.
        line: usize,
    },
    /// A character of the file, or a text of ours, has a pair already.
    #[error("line {line}: one side of the pair is in the table already")]
    Twice {
        /// The line, counted from 1.
        line: usize,
    },
}

impl BadTable {
    /// The same in Japanese, for a person.
    pub fn ja(self) -> String {
        match self {
            Self::NoPair { line } => {
                format!("文字変換表の{line}行目: 「U+E000 U+20BB7」のような対で書いてください")
            }
            Self::Twice { line } => {
                format!("文字変換表の{line}行目: 対の一方が既に表にあります")
            }
        }
    }
}

impl CharacterTable {
    /// Reads the text form.
    ///
    /// # Errors
    /// The first line that is no pair, or repeats one side of a pair.
    pub fn read(text: &str) -> Result<Self, BadTable> {
        let mut table = Self::default();
        for (line, row) in (1..).zip(text.lines()) {
            let pair = row.split('#').next().unwrap_or_default().trim();
            if pair.is_empty() {
                continue;
            }
            let (file, ours) = read_pair(pair).ok_or(BadTable::NoPair { line })?;
            let twice = table.to_ours.contains_key(&file) || table.to_file.contains_key(&ours);
            if twice {
                return Err(BadTable::Twice { line });
            }
            table.to_ours.insert(file, ours.clone());
            table.to_file.insert(ours, file);
        }
        Ok(table)
    }

    /// What a character of a file stands for.
    pub(super) fn ours(&self, file: char) -> Option<&str> {
        self.to_ours.get(&file).map(String::as_str)
    }

    /// The character that stands in files for the beginning of `text`, and how many bytes of the text it stands for. The longest
    /// sequence wins.
    pub(super) fn file(&self, text: &str) -> Option<(char, usize)> {
        let first = text.chars().next()?.to_string();
        let begins_alike = self.to_file.range(first.clone()..);
        begins_alike
            .take_while(|(ours, _)| ours.starts_with(&first))
            .filter(|(ours, _)| text.starts_with(ours.as_str()))
            .max_by_key(|(ours, _)| ours.len())
            .map(|(ours, file)| (*file, ours.len()))
    }

    /// Whether no pair is in the table.
    pub fn is_empty(&self) -> bool {
        self.to_ours.is_empty()
    }
}

fn read_pair(pair: &str) -> Option<(char, String)> {
    let mut sides = pair.split_whitespace();
    let (file, ours) = (sides.next()?, sides.next()?);
    if sides.next().is_some() {
        return None;
    }
    let ours: Option<String> = ours.strip_prefix("U+")?.split('+').map(point).collect();
    Some((point(file.strip_prefix("U+")?)?, ours?))
}

fn point(hex: &str) -> Option<char> {
    let plain = !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    char::from_u32(u32::from_str_radix(hex, 16).ok().filter(|_| plain)?)
}
