//! A form or a search: its fields with what was entered and what is wrong with it, as `fields.html` shows them.

use std::str::FromStr;

use jiff::civil::Date;

use crate::domain::{
    malformed::Malformed,
    refusal::{FieldFlaw, Refusal},
    repertoire::mentions_individual_number,
    words::Note,
};

/// What a browser sends: names and values in the order of the page.
pub(super) type Entered = Vec<(String, String)>;

/// The fields of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    pub(super) fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) value: String,
    pub(super) flaw: Option<String>,
    pub(super) choices: Vec<Choice>,
    /// Whether something else than the choices can be entered.
    pub(super) free: bool,
}

/// A value that is offered.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
}

impl Choice {
    pub(super) fn new(value: &str, text: impl Into<String>) -> Self {
        Self {
            value: value.to_owned(),
            text: text.into(),
        }
    }
}

impl Field {
    /// What was entered, as it may be written into the page again.
    pub(super) fn shown(&self) -> &str {
        if mentions_individual_number(&self.value) {
            ""
        } else {
            &self.value
        }
    }

    /// A field for any text.
    pub(super) fn text(name: &'static str, label: &'static str, hint: &'static str) -> Self {
        Self {
            name,
            label,
            hint,
            value: String::new(),
            flaw: None,
            choices: Vec::new(),
            free: true,
        }
    }

    /// A field for any text that offers some.
    pub(super) fn offering(self, choices: Vec<Choice>) -> Self {
        Self { choices, ..self }
    }

    /// A field for one of the choices; the first has no value where none need be chosen.
    pub(super) fn one_of(name: &'static str, label: &'static str, choices: Vec<Choice>) -> Self {
        Self {
            choices,
            free: false,
            ..Self::text(name, label, "")
        }
    }
}

/// The first value of this name; empty where there is none.
pub(super) fn entered<'a>(values: &'a Entered, name: &str) -> &'a str {
    let found = values.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value.trim())
}

/// What was entered, as it may be written into the page again: a 個人番号 that was entered by mistake may not.
pub(super) fn again(entered: String) -> String {
    if mentions_individual_number(&entered) {
        String::new()
    } else {
        entered
    }
}

/// What the staff has to say about a step; nothing where the field `note` is empty. A note has no line breaks.
///
/// # Errors
/// When it is too long or has what no note has.
pub(super) fn note(text: &str) -> Result<Option<Note>, Refusal> {
    let flawed = |flaw: Malformed| Refusal::Malformed(vec![FieldFlaw::malformed("note", &flaw)]);
    let text = text.replace(['\r', '\n'], " ");
    let text = text.trim();
    (!text.is_empty())
        .then(|| text.parse().map_err(flawed))
        .transpose()
}

impl Form {
    /// These fields with what was entered.
    pub(super) fn filled(fields: Vec<Field>, values: &Entered) -> Self {
        let fields = fields.into_iter().map(|field| Field {
            value: entered(values, field.name).to_owned(),
            ..field
        });
        Self {
            fields: fields.collect(),
        }
    }

    /// What was entered.
    pub(super) fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|field| field.name == name);
        field.map_or("", |field| field.value.as_str())
    }

    /// Says at a field what is wrong with it. The first flaw of a field stands. A 個人番号 that was entered by mistake is not
    /// written into the page.
    pub(super) fn flaw(&mut self, name: &str, ja: impl Into<String>) {
        let field = self.fields.iter_mut().find(|field| field.name == name);
        let Some(field) = field else { return };
        field.flaw.get_or_insert(ja.into());
        if mentions_individual_number(&field.value) {
            field.value.clear();
            let ja = "個人番号のような数字は入力できません。";
            field.flaw = Some(ja.to_owned());
        }
    }

    /// Whether nothing is wrong.
    pub(super) fn is_sound(&self) -> bool {
        self.fields.iter().all(|field| field.flaw.is_none())
    }

    /// A field that must be there.
    pub(super) fn required<T: FromStr<Err = Malformed>>(&mut self, name: &str) -> Option<T> {
        match self.value(name).parse() {
            Ok(value) => Some(value),
            Err(malformed) => {
                let flaw = FieldFlaw::malformed(name, &malformed);
                self.flaw(name, flaw.description_ja);
                None
            }
        }
    }

    /// A field that may be empty.
    pub(super) fn optional<T: FromStr<Err = Malformed>>(&mut self, name: &str) -> Option<T> {
        if self.value(name).is_empty() {
            None
        } else {
            self.required(name)
        }
    }

    /// A day, `yyyy-MM-dd`; nothing where it is empty.
    pub(super) fn day(&mut self, name: &str) -> Option<Date> {
        let text = self.value(name);
        if text.is_empty() {
            return None;
        }
        let day = text.parse::<Date>().ok();
        let day = day.filter(|day| day.to_string() == text);
        if day.is_none() {
            let ja = "日付として読み取れません。2026-11-01 のように入力してください。";
            self.flaw(name, ja);
        }
        day
    }

    /// Which of these values was chosen; nothing where the field is empty.
    pub(super) fn chosen<T: Copy>(&mut self, name: &str, values: &[(&str, T)]) -> Option<T> {
        let text = self.value(name);
        let found = values.iter().find(|(value, _)| *value == text);
        let chosen = found.map(|(_, chosen)| *chosen);
        if chosen.is_none() && !text.is_empty() {
            self.flaw(name, "選択肢から選んでください。");
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::codes::AffairCode;

    fn form(values: &[(&str, &str)]) -> Form {
        let values = values.iter().map(|(name, value)| {
            let (name, value) = (*name, *value);
            (name.to_owned(), value.to_owned())
        });
        let fields = ["affair", "from", "side"].map(|name| Field::text(name, "", ""));
        Form::filled(fields.to_vec(), &values.collect())
    }

    #[test]
    fn a_flaw_stands_at_its_field_and_what_was_entered_stays() {
        let mut form = form(&[("affair", "JM0"), ("from", "2026-02-30"), ("side", "x")]);
        assert!(form.is_sound());
        assert!(form.required::<AffairCode>("affair").is_none());
        assert!(form.day("from").is_none());
        assert!(form.chosen("side", &[("own", 1)]).is_none());
        assert!(form.fields.iter().all(|field| field.flaw.is_some()));
        assert_eq!(form.value("from"), "2026-02-30");
    }

    #[test]
    fn an_individual_number_is_not_shown_again() {
        let mut form = form(&[("affair", "１２３４-5678-9018")]);
        assert!(form.required::<AffairCode>("affair").is_none());
        assert_eq!(form.value("affair"), "");
        assert!(!form.is_sound());
    }

    #[test]
    fn an_empty_field_is_flawed_only_where_it_is_required() {
        let mut form = form(&[]);
        assert!(form.optional::<AffairCode>("affair").is_none());
        assert!(form.day("from").is_none());
        assert!(form.chosen("side", &[("own", 1)]).is_none());
        assert!(form.is_sound());
        assert!(form.required::<AffairCode>("affair").is_none());
        assert!(!form.is_sound());
    }
}
