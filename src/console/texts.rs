//! How a person reads dates, roles and states.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    domain::{
        codes::InstitutionCode,
        condition::Condition,
        exchange::Side,
        jst::JST,
        result::ResultCode,
        staff::{Account, Affairs},
    },
    world::World,
};

/// The first year of 令和.
const REIWA_1: i16 = 2019;

/// A day in 令和 and ISO.
pub(super) fn day(date: Date) -> String {
    let year = date.year() - REIWA_1 + 1;
    if date < Date::constant(REIWA_1, 5, 1) {
        return date.to_string();
    }
    let year = if year == 1 {
        "元".to_owned()
    } else {
        year.to_string()
    };
    format!("令和{year}年{}月{}日（{date}）", date.month(), date.day())
}

/// A moment in 令和 and ISO, Japanese time.
pub(super) fn moment(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::fixed(JST));
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{} {hour:02}:{minute:02}:{second:02}", day(at.date()))
}

/// An institution by name and code.
pub(super) fn institution(world: &World, code: InstitutionCode) -> String {
    let known = world.directory().find(code);
    let name = known.map(|institution| institution.name.as_str());
    format!("{}（{code}）", name.unwrap_or_default())
}

/// Which party of an exchange.
pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::Inquirer => "照会者",
        Side::Core => "コアシステム",
        Side::Provider => "提供者",
    }
}

/// How an exchange stands or ended, by sign, code and words.
pub(super) fn result(code: ResultCode) -> String {
    let sign = match code {
        ResultCode::EndedNormally => "✔",
        ResultCode::PartlyProvided => "△",
        other if other.is_final() => "✖",
        _ => "…",
    };
    format!("{sign} {} {}", code.status_code(), code.message_ja())
}

/// 不開示 by sign and word.
pub(super) fn mark(nondisclosure: bool) -> &'static str {
    if nondisclosure {
        "■ 不開示"
    } else {
        "□ 開示"
    }
}

/// Which records were asked for.
pub(super) fn condition(condition: Condition) -> String {
    match condition {
        Condition::None => "指定なし".to_owned(),
        Condition::FiscalYear(year) => format!("{}年度", year.year()),
        Condition::Period(period) => format!("{}から{}まで", period.from(), period.to()),
    }
}

/// The roles of an account.
pub(super) fn roles(account: &Account) -> String {
    let roles: Vec<_> = account.roles.iter().map(|role| role.ja()).collect();
    roles.join("、")
}

/// The affairs of an account.
pub(super) fn affairs(account: &Account) -> String {
    match &account.affairs {
        Affairs::All => "すべて".to_owned(),
        Affairs::Only(affairs) => {
            let affairs: Vec<_> = affairs.iter().map(ToString::to_string).collect();
            affairs.join("、")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_told_in_both_calendars_from_the_first_of_reiwa() {
        assert_eq!(day(Date::constant(2019, 4, 30)), "2019-04-30");
        assert_eq!(
            day(Date::constant(2019, 5, 1)),
            "令和元年5月1日（2019-05-01）"
        );
        assert_eq!(
            day(Date::constant(2026, 11, 23)),
            "令和8年11月23日（2026-11-23）"
        );
        let midnight = "2026-12-31T15:00:00Z".parse().unwrap();
        assert_eq!(moment(midnight), "令和9年1月1日（2027-01-01） 00:00:00");
    }
}
