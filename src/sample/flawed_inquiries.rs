//! Inquiry files with one flaw each: every way in which a file, a row and each of its columns can be wrong.

use jiff::{ToSpan as _, civil::Date};

use super::{
    expected::{CaseFile, Expected},
    inquiry_files::{InquiryFileSource, JOB_FLAWED, SampleFlaw},
};
use crate::domain::{
    batch_file::{Column, InquiryRow, ROWS_MAX, RowCondition},
    condition::Period,
    files::{LineWriter, TextForm},
};

/// An institution that no world has.
const NOBODY: &str = "9999999999999999";

/// A specific information that no layout has.
const NOTHING: &str = "TM99999999999999";

/// One file before it has its name.
struct Case {
    shows: String,
    bytes: Vec<u8>,
    line: u64,
    column: &'static str,
}

/// The files, each of two rows where its flaw leaves it so; none when the population has not two people to ask about.
///
/// # Errors
/// None that the embedded codes can cause.
pub fn flawed_inquiries(source: &InquiryFileSource<'_>) -> Result<Vec<CaseFile>, SampleFlaw> {
    let mut rows = Vec::new();
    for index in 0..source.population.size() {
        rows.extend(source.row(index)?);
        if rows.len() == 2 {
            break;
        }
    }
    let [first, second] = rows.as_slice() else {
        return Ok(Vec::new());
    };
    let mut cases = of_columns(&first.write());
    cases.extend(of_conditions(&first.write()));
    cases.extend(of_what_the_server_knows(source, first));
    cases.extend(of_lines(&first.write(), &second.write()));
    cases.push(too_many(source)?);
    let named = (1..).zip(cases).map(|(number, case)| {
        Ok(CaseFile {
            name: source.name(JOB_FLAWED, number)?.to_string(),
            bytes: case.bytes,
            expected: Expected::flaw(case.shows, case.line, case.column),
        })
    });
    named.collect()
}

/// The row with another text in a column, as a file.
fn with(row: &str, column: Column, text: &str) -> Vec<u8> {
    let mut values: Vec<_> = row.split(',').collect();
    if let Some(value) = values.get_mut(column.number() - 1) {
        *value = text;
    }
    format!("{}\r\n", values.join(",")).into_bytes()
}

fn value(row: &str, column: Column) -> &str {
    row.split(',').nth(column.number() - 1).unwrap_or_default()
}

fn of_column(column: Column, what: &str, bytes: Vec<u8>) -> Case {
    Case {
        shows: format!("{}が{what}", column.ja()),
        bytes,
        line: 1,
        column: column.name(),
    }
}

/// Each column too long, too short, of the wrong form, and empty where something must stand.
fn of_columns(row: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for column in Column::ALL {
        let sound = value(row, column);
        let longer = format!("{sound} ");
        cases.push(of_column(column, "1文字長い", with(row, column, &longer)));
        let mut shorter = sound.to_owned();
        shorter.pop();
        cases.push(of_column(column, "1文字短い", with(row, column, &shorter)));
        let width = column.width();
        let wrong = "?".repeat(width);
        cases.push(of_column(
            column,
            "正しい形式でない",
            with(row, column, &wrong),
        ));
        if !sound.trim_end().is_empty() && column != Column::LocalNumber {
            let empty = " ".repeat(width);
            cases.push(of_column(column, "空白", with(row, column, &empty)));
        }
    }
    cases
}

/// Columns that do not fit the kind of condition.
fn of_conditions(row: &str) -> Vec<Case> {
    let condition = |kind: &str, year: &str, from: &str, to: &str| {
        let head: Vec<_> = row
            .split(',')
            .take(Column::ConditionKind.number() - 1)
            .collect();
        format!("{},{kind},{year},{from:8},{to:8}\r\n", head.join(",")).into_bytes()
    };
    vec![
        of_column(
            Column::From,
            "照会条件区分0で指定されている",
            condition("0", " ", "2026", ""),
        ),
        of_column(
            Column::FiscalYearKind,
            "照会条件区分1で空白",
            condition("1", " ", "2026", ""),
        ),
        of_column(Column::From, "年度でない", condition("1", "1", "26", "")),
        of_column(
            Column::To,
            "年度の指定で空白でない",
            condition("1", "1", "2026", "20260401"),
        ),
        of_column(
            Column::From,
            "実在しない日付",
            condition("2", " ", "20260230", ""),
        ),
        of_column(
            Column::To,
            "照会条件（自）より前",
            condition("2", " ", "20260401", "20260331"),
        ),
    ]
}

/// What only the institution's server can tell.
fn of_what_the_server_knows(source: &InquiryFileSource<'_>, row: &InquiryRow) -> Vec<Case> {
    let row = row.write();
    let own = source.inquirer.code.as_str();
    vec![
        of_column(
            Column::Inquirer,
            "他の機関",
            with(&row, Column::Inquirer, NOBODY),
        ),
        of_column(
            Column::Provider,
            "存在しない機関",
            with(&row, Column::Provider, NOBODY),
        ),
        of_column(
            Column::Provider,
            "自機関",
            with(&row, Column::Provider, own),
        ),
        of_column(
            Column::Delegator,
            "存在しない機関",
            with(&row, Column::Delegator, NOBODY),
        ),
        of_column(
            Column::ProviderDelegator,
            "存在しない機関",
            with(&row, Column::ProviderDelegator, NOBODY),
        ),
        of_column(
            Column::SpecificInfo,
            "存在しないコード",
            with(&row, Column::SpecificInfo, NOTHING),
        ),
        of_column(
            Column::RequestedAt,
            "未来の日時",
            with(&row, Column::RequestedAt, "21000101000000000"),
        ),
    ]
}

/// Flaws of lines and of the whole file.
fn of_lines(first: &str, second: &str) -> Vec<Case> {
    let case = |shows: &str, bytes: Vec<u8>, line| Case {
        shows: shows.to_owned(),
        bytes,
        line,
        column: "",
    };
    let both = format!("{first}\r\n{second}\r\n");
    // In a column that nothing looks at: the flaw is the character's alone.
    let replaced = |bytes: &[u8]| {
        let mut row = first.as_bytes().to_vec();
        let begin = Column::LocalNumber.begins_at() - 1;
        row.splice(begin..=begin, bytes.iter().copied());
        row.extend_from_slice(b"\r\n");
        row
    };
    let mut byte_order_mark = vec![0xFF, 0xFE];
    byte_order_mark.extend_from_slice(both.as_bytes());
    let mut cut = both.clone().into_bytes();
    cut.extend_from_slice("あ".as_bytes().split_last().map_or(&[], |(_, rest)| rest));
    let (fewer, _) = first.rsplit_once(',').unwrap_or_default();
    vec![
        case("行がない（空のファイル）", Vec::new(), 1),
        case(
            "項目が1つ足りない",
            format!("{fewer}\r\n{second}\r\n").into_bytes(),
            1,
        ),
        case(
            "項目が1つ多い",
            format!("{first},\r\n{second}\r\n").into_bytes(),
            1,
        ),
        case(
            "1行目と同じ照会が2行目にある",
            format!("{first}\r\n{first}\r\n").into_bytes(),
            2,
        ),
        case("改行がLF", format!("{first}\n{second}\r\n").into_bytes(), 1),
        case(
            "最終行に改行がない",
            format!("{first}\r\n{second}").into_bytes(),
            2,
        ),
        case("UTF-16のBOMがある", byte_order_mark, 1),
        case("文字コードとして読めないバイトがある", replaced(&[0xFF]), 1),
        case("文字の途中で切れている", cut, 3),
        case(
            "外字（私用領域の文字）がある",
            replaced("\u{E000}".as_bytes()),
            1,
        ),
        case("制御文字がある", replaced(&[0x01]), 1),
    ]
}

/// A day of its own for each round through the population: no row asks what another does.
fn day_of_round(round: u32) -> RowCondition {
    const FIRST: Date = jiff::civil::date(2000, 1, 1);
    let day = FIRST.saturating_add(i64::from(round).days());
    Period::new(day, day).map_or(RowCondition::None, RowCondition::Period)
}

/// One row more than a file may have.
fn too_many(source: &InquiryFileSource<'_>) -> Result<Case, SampleFlaw> {
    let (mut writer, mut bytes) = (LineWriter::new(TextForm::default()), Vec::new());
    let mut written = 0;
    let people = source.population.size();
    for at in 0.. {
        let Some(mut row) = source.row(at % people)? else {
            continue;
        };
        row.condition = day_of_round(at / people);
        writer
            .write(&row.write(), &mut bytes)
            .map_err(SampleFlaw::Text)?;
        written += 1;
        if written > ROWS_MAX {
            break;
        }
    }
    Ok(Case {
        shows: format!("{ROWS_MAX}行を超えている"),
        bytes,
        line: ROWS_MAX as u64 + 1,
        column: "",
    })
}
