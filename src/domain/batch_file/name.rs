//! The name of an inquiry file: `<job>_<yyyyMMddHHmmss>_<0001>.DAT`. It names the batch as well.

use std::{fmt, str::FromStr};

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::domain::{
    malformed::{Flaw, Malformed},
    names::RecordId,
};

/// The longest job: the record ids, made of the name and the row, have 40 characters at most.
const JOB_CHARS_MAX: usize = 14;

/// バッチ照会ファイル名, without `.DAT`; unique inside an institution.
///
/// The job has 1 to 14 characters of `0-9 A-Z a-z -` (ours).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchFileName(String);

impl BatchFileName {
    /// The name without `.DAT`.
    pub fn stem(&self) -> &str {
        self.0.strip_suffix(".DAT").unwrap_or(&self.0)
    }

    /// The name of the file of results (ours).
    pub fn of_results(&self) -> String {
        format!("{}_RESULT.DAT", self.stem())
    }

    /// レコード識別番号 of a line of the file (ours): the row itself carries none.
    ///
    /// # Errors
    /// When the line has more than five digits.
    pub fn record_id(&self, line: u64) -> Result<RecordId, Malformed> {
        format!("{}-{line:05}", self.stem()).parse()
    }
}

impl FromStr for BatchFileName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let named = || {
            let mut parts = text.strip_suffix(".DAT")?.split('_');
            let (job, at, number) = (parts.next()?, parts.next()?, parts.next()?);
            let digits =
                |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
            let job_fits = (1..=JOB_CHARS_MAX).contains(&job.len())
                && job.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let fits = job_fits
                && digits(at, 14)
                && DateTime::strptime("%Y%m%d%H%M%S", at).is_ok()
                && digits(number, 4)
                && parts.next().is_none();
            fits.then(|| Self(text.to_owned()))
        };
        named().ok_or(Malformed {
            noun: "BatchFileName",
            noun_ja: "バッチ照会ファイル名",
            flaw: Flaw::Unknown("<job>_<yyyyMMddHHmmss>_<0001>.DAT"),
        })
    }
}

impl fmt::Display for BatchFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_form!(BatchFileName);
