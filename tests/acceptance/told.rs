//! What a refused call tells: its code, its reason, the fields and the texts in both languages.

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A refusal, read.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Code,
    pub(crate) reason: String,
    /// Each field with its text, English and Japanese.
    pub(crate) fields: Vec<(String, String)>,
    /// The Japanese message.
    pub(crate) ja: String,
}

impl Told {
    /// The paths of the fields.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.fields.iter().map(|(path, _)| path.as_str()).collect()
    }
}

/// Reads a refusal; it must have a reason, a Japanese message, and both languages for each field.
pub(crate) fn told(status: &Status) -> Told {
    let details = status.get_error_details();
    let info = details.error_info();
    let info = info.unwrap_or_else(|| panic!("no reason: {status:?}"));
    let localized = details.localized_message().unwrap();
    assert_eq!(localized.locale, "ja");
    assert!(!localized.message.is_ascii(), "{}", localized.message);
    assert!(status.message().is_ascii(), "{}", status.message());
    let violations = details.bad_request().map(|bad| &bad.field_violations);
    let fields = violations.into_iter().flatten();
    let fields = fields.map(|violation| {
        let (en, ja) = violation.description.split_once(" / ").unwrap();
        assert!(!en.is_empty() && !ja.is_empty() && !ja.is_ascii());
        (violation.field.clone(), violation.description.clone())
    });
    Told {
        code: status.code(),
        reason: info.reason.clone(),
        fields: fields.collect(),
        ja: localized.message.clone(),
    }
}

/// Whether anything in the status repeats `value`.
pub(crate) fn echoes(status: &Status, value: &[u8]) -> bool {
    let everything = [status.message().as_bytes(), status.details()].concat();
    everything.windows(value.len()).any(|part| part == value)
}
