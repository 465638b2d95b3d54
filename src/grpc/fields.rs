//! Reads the fields of a request and gathers every flaw, not only the first.

use std::str::FromStr;

use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use tonic::Status;

use super::{proto::v1, status::status_of};
use crate::{
    crypto::sealing_key::SealingPublicKey,
    domain::{
        condition::{Condition, FiscalYear, Period},
        malformed::Malformed,
        refusal::{FieldFlaw, Refusal},
        service_hours::ServiceHours,
    },
    store::{Page, Version},
};

/// The page size when the caller gives none, and the largest there is.
const PAGE_SIZES: (i32, i32) = (100, 1_000);

/// The longest delay, in milliseconds: 30 days.
const DELAY_MS_MAX: i64 = 30 * 24 * 3_600_000;

/// The flaws found so far.
#[derive(Default)]
pub(super) struct Fields {
    flaws: Vec<FieldFlaw>,
}

impl Fields {
    /// Adds a flaw.
    pub(super) fn flaw(&mut self, field: impl Into<String>, en: impl Into<String>, ja: &str) {
        self.flaws.push(FieldFlaw::new(field, en, ja));
    }

    /// Adds a flaw that is made already.
    pub(super) fn push(&mut self, flaw: FieldFlaw) {
        self.flaws.push(flaw);
    }

    /// How many flaws were found so far.
    pub(super) fn count(&self) -> usize {
        self.flaws.len()
    }

    /// Whether no flaw was found so far.
    pub(super) fn is_sound(&self) -> bool {
        self.flaws.is_empty()
    }

    /// A field that must be there.
    pub(super) fn required<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err = Malformed>,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(malformed) => {
                self.flaws.push(FieldFlaw::malformed(field, &malformed));
                None
            }
        }
    }

    /// The field `version`: which write left the thing as the caller saw it.
    pub(super) fn version(&mut self, text: &str) -> Option<Version> {
        let version = text.parse().ok().map(Version::numbered);
        if version.is_none() {
            let en = "is not a version that this server gave";
            self.flaw("version", en, "このサーバーが示した版ではありません");
        }
        version
    }

    /// A field that may be empty.
    pub(super) fn optional<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err = Malformed>,
    {
        if text.is_empty() {
            None
        } else {
            self.required(field, text)
        }
    }

    /// A repeated field that has 1 to `max` entries.
    pub(super) fn counted(&mut self, field: &str, count: usize, max: usize) {
        if count == 0 || count > max {
            let en = format!("must have 1 to {max} entries, has {count}");
            let ja = format!("1件から{max}件まで（{count}件あります）");
            self.flaw(field, en, &ja);
        }
    }

    /// A day, `yyyy-MM-dd`; nothing where it is empty.
    pub(super) fn day(&mut self, field: &str, text: &str) -> Option<Date> {
        if text.is_empty() {
            return None;
        }
        let day = text
            .parse()
            .ok()
            .filter(|day: &Date| day.to_string() == text);
        if day.is_none() {
            self.flaw(
                field,
                "is not a day as yyyy-MM-dd",
                "yyyy-MM-dd形式の日付ではありません",
            );
        }
        day
    }

    /// The first and the last day of the fields `from` and `to`; nothing where one is empty.
    pub(super) fn days(&mut self, from: &str, to: &str) -> (Option<Date>, Option<Date>) {
        let (from, to) = (self.day("from", from), self.day("to", to));
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            let en = "lies before `from`";
            self.flaw("to", en, "開始日より前の日付です");
        }
        (from, to)
    }

    /// 運用時間 of two fields `open_from` and `open_until` whose names `at` stands before; nothing where both are empty.
    pub(super) fn hours(&mut self, at: &str, (from, until): (&str, &str)) -> Option<ServiceHours> {
        if from.is_empty() && until.is_empty() {
            return None;
        }
        let from = self.clock_time(format!("{at}open_from"), from);
        let to = self.clock_time(format!("{at}open_until"), until);
        let (from, to) = from.zip(to)?;
        Some(ServiceHours { from, to })
    }

    fn clock_time(&mut self, field: String, text: &str) -> Option<Time> {
        let read = Time::strptime("%H:%M", text).ok();
        if read.is_none() {
            let en = "is not a time as HH:mm";
            self.flaw(field, en, "HH:mm形式の時刻ではありません");
        }
        read
    }

    /// A delay of at most 30 days, in milliseconds.
    pub(super) fn delay_ms(&mut self, field: &str, delay: prost_types::Duration) -> u32 {
        let seconds_ms = delay.seconds.checked_mul(1_000);
        let ms = seconds_ms.and_then(|ms| ms.checked_add(i64::from(delay.nanos) / 1_000_000));
        let ms = ms.filter(|ms| (0..=DELAY_MS_MAX).contains(ms));
        ms.and_then(|ms| u32::try_from(ms).ok()).unwrap_or_else(|| {
            let en = "must be 0 to 30 days";
            self.flaw(field, en, "0日から30日までの長さを指定してください");
            0
        })
    }

    /// A time; nothing where there is none.
    pub(super) fn time(
        &mut self,
        field: &str,
        time: Option<prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let time = time?;
        let read = Timestamp::new(time.seconds, time.nanos).ok();
        let read = read.and_then(|at| Timestamp::from_millisecond(at.as_millisecond()).ok());
        if read.is_none() {
            self.flaw(field, "is not a time", "日時として正しくありません");
        }
        read
    }

    /// Two times that bound a stretch of it, `from` before `to`, where they are given; `at` stands before their names.
    pub(super) fn period_of_time(
        &mut self,
        at: &str,
        from: Option<prost_types::Timestamp>,
        to: Option<prost_types::Timestamp>,
    ) -> (Option<Timestamp>, Option<Timestamp>) {
        let from = self.time(&format!("{at}from"), from);
        let to = self.time(&format!("{at}to"), to);
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            let (en, ja) = ("is not after `from`", "開始より後の日時を指定してください");
            self.flaw(format!("{at}to"), en, ja);
        }
        (from, to)
    }

    /// A number of an enumeration that must be one of its values.
    pub(super) fn known<E: TryFrom<i32>>(&mut self, field: &str, number: i32) {
        if E::try_from(number).is_err() {
            self.flaw(
                field,
                "is not a value of this enumeration",
                "定義されていない値です",
            );
        }
    }

    /// An X25519 public key.
    pub(super) fn public_key(&mut self, field: &str, bytes: &[u8]) -> Option<SealingPublicKey> {
        let key = SealingPublicKey::from_bytes(bytes).ok();
        if key.is_none() {
            let en = "is not an X25519 public key of 32 bytes";
            self.flaw(field, en, "32バイトのX25519公開鍵ではありません");
        }
        key
    }

    /// A condition; nothing asks for all.
    pub(super) fn condition(
        &mut self,
        field: &str,
        condition: Option<&v1::Condition>,
    ) -> Condition {
        match condition.and_then(|condition| condition.kind.as_ref()) {
            None => Condition::None,
            Some(v1::condition::Kind::FiscalYear(year)) => {
                let year = i16::try_from(*year).unwrap_or(i16::MAX);
                match FiscalYear::try_from(year) {
                    Ok(year) => Condition::FiscalYear(year),
                    Err(unfit) => {
                        let field = format!("{field}.fiscal_year");
                        self.flaw(field, unfit.to_string(), &unfit.ja());
                        Condition::None
                    }
                }
            }
            Some(v1::condition::Kind::Period(period)) => self.period(field, period),
        }
    }

    fn period(&mut self, field: &str, period: &v1::Period) -> Condition {
        let field = format!("{field}.period");
        let from = self.day(&format!("{field}.from"), &period.from);
        let to = self.day(&format!("{field}.to"), &period.to);
        if period.from.is_empty() {
            self.flaw(format!("{field}.from"), "is required", "必須項目です");
        }
        let Some(from) = from else {
            return Condition::None;
        };
        match Period::new(from, to.unwrap_or(Date::MAX)) {
            Ok(period) => Condition::Period(period),
            Err(unfit) => {
                self.flaw(field, unfit.to_string(), &unfit.ja());
                Condition::None
            }
        }
    }

    /// The value when there was no flaw.
    ///
    /// # Errors
    /// All flaws.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Status> {
        match value {
            Some(value) if self.flaws.is_empty() => Ok(value),
            _ => Err(status_of(&Refusal::Malformed(self.flaws))),
        }
    }
}

/// The page that a list call asks for.
pub(super) fn page(size: i32, token: &str) -> Result<Page, Status> {
    Ok(Page::after(token, page_size(size)?))
}

/// The page size that a list call asks for.
pub(super) fn page_size(size: i32) -> Result<usize, Status> {
    let (usual, max) = PAGE_SIZES;
    let size = if size == 0 { usual } else { size };
    match usize::try_from(size) {
        Ok(wanted) if size <= max && size > 0 => Ok(wanted),
        _ => {
            let mut fields = Fields::default();
            let (en, ja) = (format!("must be 0 to {max}"), format!("0から{max}まで"));
            fields.flaw("page_size", en, &ja);
            fields.finish(None)
        }
    }
}

/// A time as the API writes it.
pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

/// 運用時間 as two fields of the API.
pub(super) fn clock_times(hours: ServiceHours) -> (String, String) {
    let text = |time: Time| time.strftime("%H:%M").to_string();
    (text(hours.from), text(hours.to))
}

/// A length of time as the API writes it.
pub(super) fn duration(ms: u32) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::from(ms / 1_000),
        nanos: i32::try_from(ms % 1_000 * 1_000_000).unwrap_or_default(),
    }
}
