//! Result lines: the request's columns, then status and message of the detail and of the specific information, then what was
//! provided. The columns are printed in docs/batch-files.md.

use super::Column;
use crate::domain::{
    codes::SpecificInfoCode,
    exchange::Provided,
    layout::{DataSetLayout, Layouts},
    names::ProcessingSerial,
    replica::{DataSetRecord, ItemValue, MissingReason},
    result::{DetailStatus, ResultCode},
    selection::AnswerRecord,
    words::DataSetCode,
};

/// The detail status of a row that was left out (ours).
const LEFT_OUT: (&str, &str) = ("98", "形式誤りのため受け付けませんでした。");

/// How the exchange of a row stands, as its result line says it.
#[derive(Debug, Clone)]
pub struct RowStanding {
    /// The exchange.
    pub serial: ProcessingSerial,
    /// How it stands or ended.
    pub code: ResultCode,
    /// The message, with the particulars of the exchange.
    pub message: String,
}

/// The answer to a row.
#[derive(Debug)]
pub enum RowAnswer {
    /// There is none.
    None,
    /// The records that were provided.
    Plain(SpecificInfoCode, Provided),
    /// The sealed answer in its JSON form, for the holder of the key.
    Sealed(String),
}

/// The lines of a row: one for each record of a data set, one when there is none.
pub fn result_lines(
    request: &str,
    standing: &RowStanding,
    answer: &RowAnswer,
    layouts: &Layouts,
) -> Vec<String> {
    let detail = DetailStatus::of([standing.code]);
    let mut head = vec![
        request.to_owned(),
        detail.status_code().to_owned(),
        quoted(detail.message_ja()),
        standing.code.status_code().to_owned(),
        quoted(&standing.message),
        standing.serial.to_string(),
    ];
    match answer {
        RowAnswer::None => vec![head.join(",")],
        RowAnswer::Sealed(json) => {
            head.push(quoted(json));
            vec![head.join(",")]
        }
        RowAnswer::Plain(specific_info, provided) => {
            let head = head.join(",");
            let records = provided.answer.records.iter();
            let cells = records.flat_map(|record| record_cells(record, *specific_info, layouts));
            cells.map(|cells| format!("{head},{cells}")).collect()
        }
    }
}

/// The line of a row that was left out. `request` is nothing where the text could not be read.
pub fn left_out_line(request: Option<&str>) -> String {
    let sound = request.filter(|text| text.split(',').count() == Column::ALL.len());
    let request = sound.map_or_else(
        || {
            Column::ALL
                .map(|column| " ".repeat(column.width()))
                .join(",")
        },
        str::to_owned,
    );
    let (code, message) = LEFT_OUT;
    format!("{request},{code},{message},,,")
}

/// One text for each record of a data set, those below it after it.
fn record_cells(
    record: &AnswerRecord,
    specific_info: SpecificInfoCode,
    layouts: &Layouts,
) -> Vec<String> {
    let layout = layouts.find(specific_info, &record.layout_version).ok();
    let head = [
        quoted(record.record_key.as_str()),
        record.layout_version.to_string(),
        record
            .fiscal_year
            .map(|year| year.year().to_string())
            .unwrap_or_default(),
        record
            .date
            .map(|day| day.strftime("%Y%m%d").to_string())
            .unwrap_or_default(),
    ];
    let mut cells = Vec::new();
    let sets = layout.map_or(&[][..], |layout| &layout.data_sets);
    data_sets(&record.content, sets, (&head.join(","), ""), &mut cells);
    cells
}

fn data_sets(
    records: &[DataSetRecord],
    layouts: &[DataSetLayout],
    (head, place): (&str, &str),
    lines: &mut Vec<String>,
) {
    let mut counts: Vec<(&DataSetCode, u32)> = Vec::new();
    for record in records {
        let count = match counts.iter_mut().find(|(code, _)| *code == &record.code) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                counts.push((&record.code, 1));
                1
            }
        };
        let dot = if place.is_empty() { "" } else { "." };
        let place = format!("{place}{dot}{count}");
        let layout = layouts.iter().find(|layout| layout.code == record.code);
        let mut cells = vec![head.to_owned(), record.code.to_string(), place.clone()];
        cells.extend(items(record, layout));
        lines.push(cells.join(","));
        let below = layout.map_or(&[][..], |layout| &layout.data_sets);
        data_sets(&record.children, below, (head, &place), lines);
    }
}

/// Two cells for each item of the layout, in its order: why there is no value, and the value.
fn items(record: &DataSetRecord, layout: Option<&DataSetLayout>) -> Vec<String> {
    let cells = |value: Option<&ItemValue>| match value {
        Some(ItemValue::Present(value)) => format!("0,{}", quoted(value)),
        Some(ItemValue::Missing(reason)) => format!("{},", reason_digit(*reason)),
        None => "9,".to_owned(),
    };
    match layout {
        Some(layout) => {
            let values = layout.items.iter().map(|known| {
                let stated = record.items.iter().find(|item| item.code == known.code);
                cells(stated.map(|item| &item.value))
            });
            values.collect()
        }
        None => record
            .items
            .iter()
            .map(|item| cells(Some(&item.value)))
            .collect(),
    }
}

/// Why an item has no value, as a result line writes it; `0` means that it has one, `9` that the answer does not state it.
pub fn reason_digit(reason: MissingReason) -> char {
    match reason {
        MissingReason::NotDeclared => '1',
        MissingReason::NotApplicable => '2',
        MissingReason::NotHeld => '3',
        MissingReason::NotDecided => '4',
        MissingReason::UnderCorrection => '5',
        MissingReason::PastRetention => '6',
    }
}

/// A value as it may stand between commas. Source: RFC 4180.
fn quoted(value: &str) -> String {
    if value.contains([',', '"']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}
