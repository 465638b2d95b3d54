//! What the form check finds wrong in a replica, and where.

use super::{
    codes::ItemCode, condition::FiscalYear, layout::ItemKind, malformed::Malformed, shape::Shape,
    words::DataSetCode,
};

/// One flaw of a replica's form: the field, and what is wrong there; never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct FormFlaw {
    /// The field, as in `content[0].children[1].items[2].value`.
    pub path: String,
    /// What is wrong.
    pub why: Misfit,
    /// The shape of the value, where the flaw is a value's.
    pub shape: Option<Shape>,
}

impl FormFlaw {
    /// The same in Japanese, for a person.
    pub fn ja(&self) -> String {
        format!("{}: {}", self.path, self.why.ja())
    }
}

/// One way in which a replica can miss its form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The draft follows another layout than the one it is checked against.
    #[error("does not name the layout it is checked against")]
    OtherLayout,
    /// A word does not have its form.
    #[error("{0}")]
    Word(#[from] Malformed),
    /// The fiscal year cannot be asked for, so nothing may be registered under it.
    #[error("must be from {} to {}", FiscalYear::MIN, FiscalYear::MAX)]
    FiscalYear,
    /// A day lies outside the years in which it can mean anything.
    #[error("must be a day from {from} to {to}")]
    AbsurdDate {
        /// The first year permitted.
        from: i16,
        /// The last year permitted.
        to: i16,
    },
    /// The publication ends before it begins.
    #[error("ends before it begins")]
    Inverted,
    /// There is nothing where something is required.
    #[error("must not be empty")]
    Empty,
    /// The layout has no such data set in this place.
    #[error("is not a data set of the layout here; known: {known:?}")]
    UnknownDataSet {
        /// The data sets that may stand here.
        known: Vec<DataSetCode>,
    },
    /// The layout has no such item in this data set.
    #[error("is not an item of this data set")]
    UnknownItem,
    /// An item stands twice in one record.
    #[error("item {0} stands here already")]
    DuplicateItem(ItemCode),
    /// A required item is not stated.
    #[error("item {0} is required: give a value or the reason why there is none")]
    RequiredItem(ItemCode),
    /// An item has neither a value nor a reason.
    #[error("has neither a value nor the reason why there is none")]
    NeitherValueNorReason,
    /// A data set stands too seldom.
    #[error("data set {code} must stand at least {min} times, stands {actual} times")]
    TooFew {
        /// The data set.
        code: DataSetCode,
        /// How often it must stand.
        min: usize,
        /// How often it stands.
        actual: usize,
    },
    /// A data set stands too often.
    #[error("data set {code} may stand at most {max} times, stands {actual} times")]
    TooMany {
        /// The data set.
        code: DataSetCode,
        /// How often it may stand.
        max: usize,
        /// How often it stands.
        actual: usize,
    },
    /// The value is longer than the item permits.
    #[error("must have at most {max} characters, has {actual}")]
    TooLong {
        /// The most characters permitted.
        max: usize,
        /// The characters found.
        actual: usize,
    },
    /// The value is not of the item's kind.
    #[error("must be {0}")]
    Kind(Kind),
    /// The value is none of the codes permitted.
    #[error("must be one of: {}", permitted.join(", "))]
    NotPermitted {
        /// The codes permitted.
        permitted: Vec<String>,
    },
    /// The value has a character that may not be in it.
    #[error("character {position} must not be in a text")]
    Unprintable {
        /// Where, counted from 1.
        position: usize,
    },
    /// The value ends with a space, which a fixed-width file could not tell from its filling.
    #[error("must not end with a space")]
    EndsWithSpace,
    /// The value has the form of a 個人番号.
    #[error("has the form of an individual number, which must not be sent here")]
    IndividualNumber,
    /// The content is too large.
    #[error("must have at most {max} bytes when encoded, has {actual}")]
    TooLarge {
        /// The most bytes permitted.
        max: usize,
        /// The bytes found.
        actual: usize,
    },
}

/// The kind a value fails to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Kind {
    /// [`ItemKind::Digits`].
    #[error("ASCII digits only")]
    Digits,
    /// [`ItemKind::Integer`].
    #[error("a whole number without leading zeros")]
    Integer,
    /// [`ItemKind::Date`].
    #[error("a day as yyyyMMdd")]
    Date,
    /// [`ItemKind::Flag`].
    #[error("1 (yes) or 0 (no)")]
    Flag,
}

impl Kind {
    fn ja(self) -> &'static str {
        match self {
            Self::Digits => "半角数字のみで指定してください",
            Self::Integer => "整数（先頭の0なし）で指定してください",
            Self::Date => "実在する日付を yyyyMMdd で指定してください",
            Self::Flag => "1（該当）または 0（非該当）で指定してください",
        }
    }
}

impl Misfit {
    /// The same in Japanese, for a person.
    pub fn ja(&self) -> String {
        match self {
            Self::OtherLayout => "検査対象のレイアウトと一致しません".into(),
            Self::Word(malformed) => malformed.ja(),
            Self::FiscalYear => format!(
                "年度は{}から{}までで指定してください",
                FiscalYear::MIN,
                FiscalYear::MAX
            ),
            Self::AbsurdDate { from, to } => {
                format!("{from}年から{to}年までの日付で指定してください")
            }
            Self::Inverted => "終了日が開始日より前です".into(),
            Self::Empty => "空にできません".into(),
            Self::UnknownDataSet { known } => {
                format!("この位置に置けるデータセットではありません（有効: {known:?}）")
            }
            Self::UnknownItem => "このデータセットの項目ではありません".into(),
            Self::DuplicateItem(code) => format!("項目「{code}」が重複しています"),
            Self::RequiredItem(code) => {
                format!("項目「{code}」は必須です。値または値がない理由を指定してください")
            }
            Self::NeitherValueNorReason => "値または値がない理由を指定してください".into(),
            Self::TooFew { code, min, actual } => {
                format!("データセット「{code}」は{min}件以上必要です（{actual}件あります）")
            }
            Self::TooMany { code, max, actual } => {
                format!("データセット「{code}」は{max}件以内です（{actual}件あります）")
            }
            Self::TooLong { max, actual } => {
                format!("{max}文字以内で指定してください（{actual}文字あります）")
            }
            Self::Kind(kind) => kind.ja().into(),
            Self::NotPermitted { permitted } => {
                format!("次のいずれかを指定してください: {}", permitted.join("、"))
            }
            Self::Unprintable { position } => {
                format!("{position}文字目に使用できない文字があります")
            }
            Self::EndsWithSpace => "値の末尾に半角空白は置けません".into(),
            Self::IndividualNumber => "個人番号の形式の値は、この項目に指定できません".into(),
            Self::TooLarge { max, actual } => {
                format!("内容は{max}バイト以内にしてください（{actual}バイトあります）")
            }
        }
    }
}

impl ItemKind {
    /// Why the text is not a value of this kind, if it is none.
    pub(super) fn misfit(&self, text: &str) -> Option<Misfit> {
        match self {
            Self::Text => None,
            Self::Digits => (!is_digits(text)).then_some(Misfit::Kind(Kind::Digits)),
            Self::Integer => (!is_integer(text)).then_some(Misfit::Kind(Kind::Integer)),
            Self::Date => date_misfit(text),
            Self::Code { permitted } => {
                (!permitted.contains_key(text)).then(|| Misfit::NotPermitted {
                    permitted: permitted.keys().cloned().collect(),
                })
            }
            Self::Flag => (!matches!(text, "0" | "1")).then_some(Misfit::Kind(Kind::Flag)),
        }
    }
}

/// The years a date in a replica can lie in: from the Meiji era on.
pub(super) const YEARS: std::ops::RangeInclusive<i16> = 1868..=2200;

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = text == "0" || !digits.starts_with('0');
    is_digits(digits) && canonical && text.parse::<i64>().is_ok()
}

fn date_misfit(text: &str) -> Option<Misfit> {
    let number = |from, to| text.get(from..to)?.parse::<i16>().ok();
    let day = || {
        let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        jiff::civil::Date::new(year, month, day).ok()
    };
    match day().filter(|_| is_digits(text) && text.len() == 8) {
        None => Some(Misfit::Kind(Kind::Date)),
        Some(day) => absurd(day),
    }
}

/// Whether a day lies outside the years a replica can speak of.
pub(super) fn absurd(day: jiff::civil::Date) -> Option<Misfit> {
    (!YEARS.contains(&day.year())).then_some(Misfit::AbsurdDate {
        from: *YEARS.start(),
        to: *YEARS.end(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_its_kind_or_refused() {
        let code = ItemKind::Code {
            permitted: [("01".to_owned(), "本人".to_owned())].into(),
        };
        let cases: [(&ItemKind, &[&str], &[&str]); 5] = [
            (&ItemKind::Digits, &["0", "007"], &["１", "1a", "-1", "+1"]),
            (
                &ItemKind::Integer,
                &["0", "-1", "9223372036854775807"],
                &[
                    "00",
                    "01",
                    "-0",
                    "+1",
                    "1.0",
                    "-",
                    "9223372036854775808",
                    "--1",
                ],
            ),
            (
                &ItemKind::Date,
                &["20240229", "18680101"],
                &[
                    "20230229",
                    "2024-02-29",
                    "18671231",
                    "22010101",
                    "2024022",
                    "+0240229",
                    "２０２４",
                ],
            ),
            (&code, &["01"], &["1", "02", ""]),
            (&ItemKind::Flag, &["0", "1"], &["2", "true", "01"]),
        ];
        for (kind, good, bad) in cases {
            for text in good {
                assert_eq!(kind.misfit(text), None, "{kind:?} {text}");
            }
            for text in bad {
                assert!(kind.misfit(text).is_some(), "{kind:?} {text}");
            }
        }
    }

    #[test]
    fn a_flaw_says_where_and_why_in_both_languages() {
        let flaw = FormFlaw {
            path: "content[0].items[2].value".into(),
            why: Misfit::TooLong { max: 8, actual: 9 },
            shape: None,
        };
        let english = "content[0].items[2].value: must have at most 8 characters, has 9";
        assert_eq!(flaw.to_string(), english);
        let japanese = "content[0].items[2].value: 8文字以内で指定してください（9文字あります）";
        assert_eq!(flaw.ja(), japanese);
    }
}
