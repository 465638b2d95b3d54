//! A definition file while it is read, and the flaws found in it so far.

use std::{collections::BTreeMap, str::FromStr};

use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::{
    domain::malformed::Malformed,
    sample::flaw::{DefinitionFlaw, Reason},
};

/// One file's text, and what is wrong in it.
pub struct Page<'a> {
    file: &'a str,
    text: &'a str,
    flaws: Vec<DefinitionFlaw>,
}

impl<'a> Page<'a> {
    /// Reads a file as TOML.
    ///
    /// # Errors
    /// The first place where it is not TOML or has not the keys and types asked for.
    pub fn open<T: DeserializeOwned>(
        file: &'a str,
        text: &'a str,
    ) -> Result<(Self, T), Vec<DefinitionFlaw>> {
        let flaws = Vec::new();
        match toml::from_str(text) {
            Ok(raw) => Ok((Self { file, text, flaws }, raw)),
            Err(error) => {
                let byte = error.span().map_or(0, |span| span.start);
                let en = error.message();
                let ja = format!("TOML の書式、キー、値の型のいずれかに誤りがあります（{en}）");
                let reason = Reason::new(en, ja);
                Err(vec![DefinitionFlaw::at(file, text, byte, reason)])
            }
        }
    }

    /// Reads a code, name or word; nothing when it does not have its form.
    pub fn word<T: FromStr<Err = Malformed>>(&mut self, raw: &Spanned<String>) -> Option<T> {
        match raw.get_ref().parse() {
            Ok(word) => Some(word),
            Err(malformed) => {
                self.flaw(raw, Reason::new(malformed.to_string(), malformed.ja()));
                None
            }
        }
    }

    /// Notes a flaw of this value.
    pub fn flaw<T>(&mut self, place: &Spanned<T>, reason: Reason) {
        let byte = place.span().start;
        self.flaws
            .push(DefinitionFlaw::at(self.file, self.text, byte, reason));
    }

    /// Notes a flaw of this value when there is no text in it.
    pub fn require(&mut self, raw: &Spanned<String>) {
        if raw.get_ref().trim().is_empty() {
            self.flaw(raw, Reason::new("is required", "必須項目です"));
        }
    }

    /// Notes a flaw of every value that stands in the file already.
    pub fn refuse_repeated<'r>(&mut self, values: impl IntoIterator<Item = &'r Spanned<String>>) {
        let mut first_lines = BTreeMap::new();
        for value in values {
            let here = DefinitionFlaw::at(self.file, self.text, value.span().start, "").line;
            if let Some(first) = first_lines.get(value.get_ref()) {
                let reason = Reason::new(
                    format!("stands in line {first} already"),
                    format!("同じ値が{first}行目にもあります"),
                );
                self.flaw(value, reason);
            } else {
                first_lines.insert(value.get_ref(), here);
            }
        }
    }

    /// What was read, or every flaw in the order of the text.
    pub fn finish<T>(mut self, read: T) -> Result<T, Vec<DefinitionFlaw>> {
        if self.flaws.is_empty() {
            return Ok(read);
        }
        self.flaws.sort_by_key(|flaw| (flaw.line, flaw.column));
        Err(self.flaws)
    }
}
