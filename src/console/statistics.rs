//! 統計: how many exchanges the institution has recorded, as a chart, a table and CSV. Nobody is seen in the counts.

use std::{collections::BTreeMap, fmt::Write as _};

use askama::Template;
use axum::{
    extract::Query,
    http::{
        StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use serde::Deserialize;

use super::{
    desk::Desk,
    form::again,
    frame::{Frame, Message},
    reply::{page, refused},
    texts,
};
use crate::{
    domain::{exchange::Side, staff::Act},
    institution::{ActFault, Counted},
    world::{World, WorldFault},
};

/// The most bars of a chart; the table has every row.
const BARS_MAX: usize = 30;

/// The length of the longest bar, in units of the drawing, which is 800 wide: the rest is for its number.
const BAR_WIDTH: u64 = 680;

/// From one bar to the next.
const BAR_STEP: usize = 46;

/// The first line of text.
const BAR_TOP: usize = 18;

/// The first line of the file.
const CSV_HEAD: &str = "日,側,照会者,提供者,事務手続,特定個人情報名,結果,件数\r\n";

type Counts = BTreeMap<Counted, u64>;

#[derive(Template)]
#[template(path = "statistics.html")]
struct StatisticsPage {
    frame: Frame,
    from: String,
    to: String,
    from_flaw: Option<&'static str>,
    to_flaw: Option<&'static str>,
    by: Key,
    keys: [Key; 7],
    counts: Option<Shown>,
    exports: bool,
}

/// The counts as they are shown.
struct Shown {
    rows: Vec<Row>,
    bars: Vec<Bar>,
    height: usize,
    most: String,
    total: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    label: String,
    count: u64,
}

struct Bar {
    label: String,
    count: u64,
    top: usize,
    width: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    #[default]
    Day,
    Side,
    Inquirer,
    Provider,
    Procedure,
    SpecificInfo,
    Result,
}

/// What was asked. A unit that is none of ours counts by day.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    by: String,
}

/// The days that count; open where nothing was given.
#[derive(Debug, Clone, Copy)]
struct Days {
    from: Option<Date>,
    to: Option<Date>,
}

/// What is wrong with the days, at their fields.
#[derive(Debug, Default, PartialEq, Eq)]
struct Flaws {
    from: Option<&'static str>,
    to: Option<&'static str>,
}

impl Days {
    fn of(asked: &Asked) -> Result<Self, Flaws> {
        const NO_DAY: &str = "日付として読み取れません。2026-11-01 のように入力してください。";
        let day = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse::<Date>().map(Some).map_err(|_| NO_DAY),
        };
        match (day(&asked.from), day(&asked.to)) {
            (Ok(Some(from)), Ok(Some(to))) if to < from => Err(Flaws {
                from: None,
                to: Some("開始日より前の日付です。"),
            }),
            (Ok(from), Ok(to)) => Ok(Self { from, to }),
            (from, to) => Err(Flaws {
                from: from.err(),
                to: to.err(),
            }),
        }
    }

    fn include(self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// As the record of operations names them.
    fn name(self) -> String {
        let text = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        format!("{}/{}", text(self.from), text(self.to))
    }
}

pub(super) async fn show(desk: Desk, Query(asked): Query<Asked>) -> Response {
    let by = Key::ALL.into_iter().find(|key| key.name() == asked.by);
    let by = by.unwrap_or_default();
    let (counts, flaws) = match Days::of(&asked) {
        Ok(days) => match counted(&desk, Act::ReadStatistics, days).await {
            Ok(counts) => (Some(shown(&desk.world, by, &counts)), Flaws::default()),
            Err(fault) => return refused(&fault),
        },
        Err(flaws) => match desk.begin(Act::ReadStatistics, None).await {
            Ok(()) => (None, flaws),
            Err(fault) => return refused(&fault),
        },
    };
    let (status, message) = if counts.is_some() {
        (StatusCode::OK, None)
    } else {
        let text = "期間に誤りがあります。";
        let message = Message::error(text, Vec::new());
        (StatusCode::UNPROCESSABLE_ENTITY, Some(message))
    };
    page(
        status,
        &StatisticsPage {
            frame: Frame::of(&desk, "/statistics", "統計").with(message),
            from: again(asked.from),
            to: again(asked.to),
            from_flaw: flaws.from,
            to_flaw: flaws.to,
            by,
            keys: Key::ALL,
            counts,
            exports: desk.staff.authority(Act::ExportStatistics).is_ok(),
        },
    )
}

pub(super) async fn export(desk: Desk, Query(asked): Query<Asked>) -> Response {
    let Ok(days) = Days::of(&asked) else {
        return super::reply::unreadable(StatusCode::UNPROCESSABLE_ENTITY);
    };
    let counts = match counted(&desk, Act::ExportStatistics, days).await {
        Ok(counts) => counts,
        Err(fault) => return refused(&fault),
    };
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"statistics.csv\"",
        ),
    ];
    (headers, csv(&counts)).into_response()
}

/// Counts after the act is on record.
async fn counted(desk: &Desk, act: Act, days: Days) -> Result<Counts, WorldFault> {
    desk.begin(act, Some(days.name())).await?;
    desk.see_through(move |world, institution, _| async move {
        let counting = tokio::task::spawn_blocking(move || {
            let server = world.server(institution)?;
            server.count_records(|day| days.include(day))
        });
        counting
            .await
            .map_err(|_| WorldFault::Stopped)?
            .map_err(ActFault::into)
    })
    .await
}

/// The sums by one key, in the order of the key.
fn shown(world: &World, by: Key, counts: &Counts) -> Shown {
    let mut sums = BTreeMap::<String, u64>::new();
    for (counted, count) in counts {
        *sums.entry(by.of(counted)).or_default() += count;
    }
    let label = |text: String| match (by, text.parse()) {
        (Key::Inquirer | Key::Provider, Ok(code)) => texts::institution(world, code),
        _ => text,
    };
    let rows = sums.into_iter().map(|(text, count)| Row {
        label: label(text),
        count,
    });
    drawn(rows.collect())
}

fn drawn(rows: Vec<Row>) -> Shown {
    let mut biggest: Vec<_> = rows.iter().collect();
    biggest.sort_by_key(|row| std::cmp::Reverse(row.count));
    let most = biggest.first().map_or(1, |row| row.count.max(1));
    let named = biggest.first().map(|row| row.label.clone());
    // Where everything fits the bars stand in the order of the table.
    let chosen: Vec<_> = if rows.len() <= BARS_MAX {
        rows.iter().collect()
    } else {
        biggest.into_iter().take(BARS_MAX).collect()
    };
    let bars: Vec<_> = chosen
        .into_iter()
        .enumerate()
        .map(|(index, row)| Bar {
            label: row.label.clone(),
            count: row.count,
            top: BAR_TOP + index * BAR_STEP,
            // At least one unit, so that a small count is not taken for none.
            width: (row.count * BAR_WIDTH).div_ceil(most),
        })
        .collect();
    Shown {
        height: bars.len() * BAR_STEP,
        bars,
        most: named.unwrap_or_default(),
        total: rows.iter().map(|row| row.count).sum(),
        rows,
    }
}

/// One line for each count, by every key. Codes and dates need no quotes.
fn csv(counts: &Counts) -> String {
    let mut text = CSV_HEAD.to_owned();
    for (counted, count) in counts {
        for key in Key::ALL {
            let _written = write!(text, "{},", key.of(counted));
        }
        let _written = write!(text, "{count}\r\n");
    }
    text
}

impl Key {
    const ALL: [Self; 7] = [
        Self::Day,
        Self::Side,
        Self::Inquirer,
        Self::Provider,
        Self::Procedure,
        Self::SpecificInfo,
        Self::Result,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Side => "side",
            Self::Inquirer => "inquirer",
            Self::Provider => "provider",
            Self::Procedure => "procedure",
            Self::SpecificInfo => "specific_info",
            Self::Result => "result",
        }
    }

    fn ja(self) -> &'static str {
        match self {
            Self::Day => "日",
            Self::Side => "側",
            Self::Inquirer => "照会者",
            Self::Provider => "提供者",
            Self::Procedure => "事務手続",
            Self::SpecificInfo => "特定個人情報名",
            Self::Result => "結果",
        }
    }

    fn of(self, counted: &Counted) -> String {
        match self {
            Self::Day => counted.day.to_string(),
            Self::Side => match counted.side {
                Side::Inquirer => "照会側",
                Side::Core => "コアシステム",
                Side::Provider => "提供側",
            }
            .to_owned(),
            Self::Inquirer => counted.inquirer.to_string(),
            Self::Provider => counted.provider.to_string(),
            Self::Procedure => counted.procedure.to_string(),
            Self::SpecificInfo => counted.specific_info.to_string(),
            Self::Result => {
                let result = counted.result;
                format!("{} {}", result.status_code(), result.message_ja())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str) -> Asked {
        Asked {
            from: from.to_owned(),
            to: to.to_owned(),
            by: String::new(),
        }
    }

    #[test]
    fn a_flaw_of_the_days_stands_at_its_field() {
        assert!(Days::of(&asked("", "")).is_ok());
        let flaws = |from, to| Days::of(&asked(from, to)).unwrap_err();
        let both = flaws("2026-13-01", "<script>");
        assert!(both.from.is_some() && both.to.is_some());
        let turned = flaws("2026-04-02", "2026-04-01");
        assert!(turned.from.is_none() && turned.to.is_some());
    }

    #[test]
    fn the_first_and_the_last_day_count() {
        let days = Days::of(&asked("2026-04-01", "2026-04-30")).unwrap();
        let included = |text: &str| days.include(text.parse().unwrap());
        assert!(included("2026-04-01") && included("2026-04-30"));
        assert!(!included("2026-03-31") && !included("2026-05-01"));
    }

    #[test]
    fn bars_are_as_long_as_their_counts_and_never_nothing() {
        let row = |count: u64| Row {
            label: count.to_string(),
            count,
        };
        let shown = drawn(vec![row(1), row(2_000), row(1_000)]);
        let widths: Vec<_> = shown.bars.iter().map(|bar| bar.width).collect();
        assert_eq!(widths, [1, 680, 340]);
        assert_eq!((shown.total, shown.most.as_str()), (3_001, "2000"));
        let many = drawn((1..=100).map(row).collect());
        assert_eq!((many.rows.len(), many.bars.len()), (100, BARS_MAX));
        assert_eq!(many.bars[0].count, 100, "the biggest are drawn");
    }
}
