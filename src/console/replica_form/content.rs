//! The fields of a replica's content: as its layout has them, and as a browser sends them back.
//!
//! A field is named by the records above it and its item, `v/AA.1/BB.2/TK…` for the value and `m/…` for the reason why there
//! is none; records of a data set are numbered from 1 under their parent.

use std::collections::BTreeSet;

use crate::{
    console::form::{Choice, Entered, entered},
    domain::{
        layout::{DataSetLayout, ItemKind, ItemLayout, Layout},
        repertoire::mentions_individual_number,
        replica::{DataSetRecord, ItemValue, MissingReason, Replica},
    },
};

/// The deepest heading that a browser knows.
const LEVEL_MAX: usize = 6;

/// A heading or a field.
pub(super) enum Line {
    Record(RecordLine),
    Item(ItemLine),
}

pub(super) struct RecordLine {
    pub(super) level: usize,
    pub(super) title: String,
    pub(super) flaw: Option<String>,
}

pub(super) struct ItemLine {
    pub(super) value_name: String,
    pub(super) missing_name: String,
    pub(super) label: String,
    pub(super) hint: String,
    pub(super) value: String,
    pub(super) missing: String,
    pub(super) choices: Vec<Choice>,
    pub(super) reasons: Vec<Choice>,
    pub(super) flaw: Option<String>,
}

/// What a browser would send of a replica.
pub(super) fn written(replica: &Replica) -> Entered {
    let mut values = Entered::new();
    let mut say = |name: &str, text: Option<String>| {
        values.extend(text.map(|text| (name.to_owned(), text)));
    };
    let year = replica.fiscal_year.map(|year| year.year().to_string());
    say("fiscal_year", year);
    say("date", replica.date.map(|day| day.to_string()));
    say("from", Some(replica.publication.from.to_string()));
    say("to", replica.publication.to.map(|day| day.to_string()));
    write(&replica.content, "", &mut values);
    values
}

fn write(records: &[DataSetRecord], above: &str, into: &mut Entered) {
    for (at, record) in records.iter().enumerate() {
        let before = records.iter().take(at);
        let number = 1 + before.filter(|before| before.code == record.code).count();
        let path = format!("{above}/{}.{number}", record.code);
        for item in &record.items {
            let (letter, text) = match &item.value {
                ItemValue::Present(text) => ('v', text.as_str()),
                ItemValue::Missing(reason) => ('m', reason.code()),
            };
            into.push((format!("{letter}{path}/{}", item.code), text.to_owned()));
        }
        write(&record.children, &path, into);
    }
}

/// How many records of a data set the fields have, whether filled or not.
pub(super) fn records(values: &Entered, above: &str, set: &DataSetLayout) -> usize {
    let start = format!("{above}/{}.", set.code);
    let numbers = values.iter().filter_map(|(name, _)| {
        let path = name.strip_prefix(['v', 'm'])?;
        let number = path.strip_prefix(&start)?.split('/').next()?;
        number.parse::<usize>().ok()
    });
    let numbers: BTreeSet<_> = numbers.filter(|number| *number <= set.max).collect();
    numbers.last().copied().unwrap_or_default()
}

/// Every field of the layout with what was entered, with room for one more of each data set where `more` is asked.
pub(super) fn lines(
    layout: &Layout,
    (values, more): (&Entered, bool),
    flaws: &[(String, String)],
) -> Vec<Line> {
    let mut lines = Vec::new();
    let page = Page {
        values,
        more,
        flaws,
    };
    page.add(&layout.data_sets, "", 2, &mut lines);
    lines
}

struct Page<'a> {
    values: &'a Entered,
    more: bool,
    flaws: &'a [(String, String)],
}

impl Page<'_> {
    fn add(&self, sets: &[DataSetLayout], above: &str, level: usize, lines: &mut Vec<Line>) {
        for set in sets {
            let there = records(self.values, above, set);
            let wanted = if self.more { there + 1 } else { there };
            let count = wanted.max(set.min).max(1).min(set.max);
            for number in 1..=count {
                let path = format!("{above}/{}.{number}", set.code);
                let title = if set.max == 1 {
                    set.name.clone()
                } else {
                    format!("{} {number}件目", set.name)
                };
                lines.push(Line::Record(RecordLine {
                    level: level.min(LEVEL_MAX),
                    title,
                    flaw: self.flaw(&path),
                }));
                let items = set.items.iter().map(|item| self.item(item, &path));
                lines.extend(items.map(Line::Item));
                self.add(&set.data_sets, &path, level + 1, lines);
            }
        }
    }

    fn item(&self, item: &ItemLayout, above: &str) -> ItemLine {
        let path = format!("{above}/{}", item.code);
        let value_name = format!("v{path}");
        let missing_name = format!("m{path}");
        let mut value = entered(self.values, &value_name).to_owned();
        // A 個人番号 that was entered by mistake is not written into the page.
        if mentions_individual_number(&value) {
            value.clear();
        }
        let required = if item.required { "必須" } else { "任意" };
        let (kind, choices) = kind(item);
        ItemLine {
            missing: entered(self.values, &missing_name).to_owned(),
            label: format!("{}（{}）", item.name, item.code),
            hint: format!("{required}。{kind}"),
            flaw: self.flaw(&path),
            value,
            choices,
            reasons: reasons(),
            value_name,
            missing_name,
        }
    }

    fn flaw(&self, path: &str) -> Option<String> {
        let found = self.flaws.iter().find(|(at, _)| at == path);
        found.map(|(_, flaw)| flaw.clone())
    }
}

fn kind(item: &ItemLayout) -> (String, Vec<Choice>) {
    let max = item.length_max;
    let none = || Choice::new("", "（値なし）");
    match &item.kind {
        ItemKind::Text => (format!("{max}文字まで。"), Vec::new()),
        ItemKind::Digits => (format!("数字{max}桁まで。"), Vec::new()),
        ItemKind::Integer => (format!("整数、{max}桁まで。"), Vec::new()),
        ItemKind::Date => ("日付（例: 20260401）。".to_owned(), Vec::new()),
        ItemKind::Flag => {
            let choices = vec![
                none(),
                Choice::new("1", "1 該当"),
                Choice::new("0", "0 非該当"),
            ];
            (String::new(), choices)
        }
        ItemKind::Code { permitted } => {
            let known = permitted.iter();
            let known = known.map(|(code, name)| Choice::new(code, format!("{code} {name}")));
            (String::new(), [vec![none()], known.collect()].concat())
        }
    }
}

fn reasons() -> Vec<Choice> {
    let known = MissingReason::ALL.iter();
    let known = known.map(|reason| Choice::new(reason.code(), reason.ja()));
    [vec![Choice::new("", "値がある")], known.collect()].concat()
}
