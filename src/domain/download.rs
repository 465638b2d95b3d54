//! 大容量結果の取得: a result that is too big for a message lies ready as a file for a while, and a client fetches it in one
//! piece or in several.

use std::{fmt, ops::Range, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    batch_file::BatchFileName,
    malformed::{Flaw, Malformed},
    names::ProcessingSerial,
    refusal::Refusal,
};

/// How many characters a [`DownloadId`] has.
const ID_CHARACTERS: usize = 32;

/// What begins a `Range` header that counts bytes.
const BYTES_UNIT: &str = "bytes=";

/// When a result is handed out as a download, and for how long. Ours: the real limits are not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadRules {
    /// The biggest result that still comes in the message, in bytes.
    pub message_bytes_max: u64,
    /// How long a download can be fetched.
    pub period: SignedDuration,
}

impl Default for DownloadRules {
    fn default() -> Self {
        Self {
            message_bytes_max: 1024 * 1024,
            period: SignedDuration::from_hours(24),
        }
    }
}

/// Names a download inside its institution: 32 hexadecimal digits, the same for the same content of the same result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DownloadId(String);

impl DownloadId {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DownloadId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = |flaw| Malformed {
            noun: "DownloadId",
            noun_ja: "ダウンロード識別子",
            flaw,
        };
        let digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if let Some(at) = text.chars().position(|c| !digit(c)) {
            return Err(malformed(Flaw::Character {
                position: at + 1,
                permitted: "0-9 a-f",
            }));
        }
        if text.len() != ID_CHARACTERS {
            return Err(malformed(Flaw::Length {
                expected: "32",
                actual: text.len(),
            }));
        }
        Ok(Self(text.to_owned()))
    }
}

text_form!(DownloadId);

impl fmt::Display for DownloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which result it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadOf {
    /// The file of results of a batch, with 団体内統合宛名番号.
    Batch(BatchFileName),
    /// The answer of one exchange.
    Answer(ProcessingSerial),
}

impl fmt::Display for DownloadOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch(name) => write!(f, "{name}"),
            Self::Answer(serial) => write!(f, "{serial}"),
        }
    }
}

impl DownloadOf {
    /// What the file is called at the client's.
    pub fn file_name(&self) -> String {
        match self {
            Self::Batch(name) => name.of_results(),
            Self::Answer(serial) => format!("{serial}.json"),
        }
    }

    /// The media type of the file.
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Batch(_) => "application/octet-stream",
            Self::Answer(_) => "application/json",
        }
    }
}

/// A result that lies ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Its name.
    pub id: DownloadId,
    /// Which result it is.
    pub of: DownloadOf,
    /// How many bytes it has.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal.
    pub sha256: String,
    /// When it stops being handed out, by the world's clock.
    pub expires_at: Timestamp,
}

impl Download {
    /// Lets a download pass that is still handed out.
    ///
    /// # Errors
    /// [`DownloadRefusal::Expired`].
    pub fn open(self, now: Timestamp) -> Result<Self, DownloadRefusal> {
        if now < self.expires_at {
            Ok(self)
        } else {
            Err(DownloadRefusal::Expired)
        }
    }
}

/// Why a download is not handed out as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DownloadRefusal {
    /// Its time has passed.
    #[error("the download's time has passed")]
    Expired,
    /// The range that was asked for is not one range of the file.
    #[error("the range is not one range of a file of {bytes} bytes")]
    Range {
        /// How many bytes the file has.
        bytes: u64,
    },
}

impl DownloadRefusal {
    /// The Japanese message for a person.
    pub fn ja(self) -> String {
        match self {
            Self::Expired => {
                "ダウンロードの有効期限が切れています。結果を改めて取得してください。".into()
            }
            Self::Range { bytes } => format!(
                "指定された範囲は、{bytes}バイトのファイルの1つの範囲として指定されていません。"
            ),
        }
    }
}

impl From<DownloadRefusal> for Refusal {
    fn from(refusal: DownloadRefusal) -> Self {
        Self::Download(refusal)
    }
}

/// The part that a `Range` header asks for; nothing where it asks for the whole, or in a unit that is not bytes.
///
/// Source: RFC 9110 §14. Several ranges in one header, and ranges that are malformed, are refused (ours; the RFC allows it).
///
/// # Errors
/// [`DownloadRefusal::Range`].
pub fn wanted_range(header: &str, bytes: u64) -> Result<Option<Range<u64>>, DownloadRefusal> {
    let refused = DownloadRefusal::Range { bytes };
    let Some(range) = header.trim().strip_prefix(BYTES_UNIT) else {
        return Ok(None);
    };
    let (first, last) = range.trim().split_once('-').ok_or(refused)?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More digits than a number has room for lie behind every end.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let range = match (first, last) {
        ("", last) => {
            let length = number(last).ok_or(refused)?;
            bytes.saturating_sub(length)..bytes
        }
        (first, "") => number(first).ok_or(refused)?..bytes,
        (first, last) => {
            let (first, last) = (number(first).ok_or(refused)?, number(last).ok_or(refused)?);
            if last < first {
                return Err(refused);
            }
            first..last.saturating_add(1).min(bytes)
        }
    };
    if range.is_empty() {
        return Err(refused);
    }
    Ok(Some(range))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_one_part_of_the_file() {
        for (header, expected) in [
            ("bytes=0-", 0..10),
            ("bytes=4-", 4..10),
            ("bytes=4-6", 4..7),
            ("bytes=9-9", 9..10),
            ("bytes=4-99999999999999999999", 4..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            (" bytes= 2-3 ", 2..4),
        ] {
            assert_eq!(wanted_range(header, 10), Ok(Some(expected)), "{header}");
        }
        assert_eq!(wanted_range("lines=1-2", 10), Ok(None));
    }

    #[test]
    fn a_range_outside_the_file_malformed_or_manifold_is_refused() {
        for header in [
            "bytes=10-",
            "bytes=-0",
            "bytes=6-4",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0-1,4-5",
            "bytes=99999999999999999999-",
        ] {
            let refused = Err(DownloadRefusal::Range { bytes: 10 });
            assert_eq!(wanted_range(header, 10), refused, "{header}");
        }
        assert!(wanted_range("bytes=0-", 0).is_err());
    }

    #[test]
    fn a_download_is_handed_out_before_its_last_moment_and_not_at_it() {
        let at: Timestamp = "2026-11-22T00:30:00Z".parse().unwrap();
        let download = Download {
            id: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            of: DownloadOf::Answer("9900000000001100-R0000000001-00001-01".parse().unwrap()),
            bytes: 1,
            sha256: String::new(),
            expires_at: at,
        };
        let before = at - SignedDuration::from_millis(1);
        assert!(download.clone().open(before).is_ok());
        assert_eq!(download.open(at), Err(DownloadRefusal::Expired));
    }

    #[test]
    fn an_id_has_thirty_two_hexadecimal_digits() {
        for text in [
            "",
            "0123",
            "0123456789ABCDEF0123456789abcdef",
            "../../../../../../../../../etc/xx",
        ] {
            assert!(text.parse::<DownloadId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_reads_beyond_the_file(header in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21}.{0,4}", bytes in 0u64..100) {
            if let Ok(Some(range)) = wanted_range(&header, bytes) {
                prop_assert!(range.start < range.end && range.end <= bytes);
            }
        }
    }
}
