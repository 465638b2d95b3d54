use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    condition::{Condition, FiscalYear, Period},
    files::{Encoding, LineEnds, LineReader, LineWriter, TextForm},
    refusal::FieldFlaw,
};

/// A row as the documents show it.
pub(super) const ROW: &str = "01,12345          ,000000000012345,20261122093000123,FUKUSHI             ,tester              ,\
    9900000000001100,0,JM01000000121000,JT01010000000214,                ,                ,0220113112101700,\
    TM00000000000002,1,1,2026    ,        ";

fn row() -> InquiryRow {
    InquiryRow::read(1, ROW).unwrap()
}

/// The row with another value in one column.
fn with(column: Column, value: &str) -> String {
    let mut values: Vec<_> = ROW.split(',').map(str::to_owned).collect();
    values[column.number() - 1] = format!("{value:<width$}", width = column.width());
    values.join(",")
}

/// The columns that are named, with what is said of them.
fn flaws(text: &str) -> Vec<(Option<Column>, RowFlawKind)> {
    let flaws = InquiryRow::read(1, text).unwrap_err().into_iter();
    flaws.map(|flaw| (flaw.column, flaw.kind)).collect()
}

#[test]
fn a_row_of_the_documents_is_read_and_written_unchanged() {
    assert_eq!(row().write(), ROW);
    let at: Timestamp = "2026-11-22T00:30:00.123Z".parse().unwrap();
    assert_eq!(row().requested_at, at);
    assert_eq!(row().delegator, None);
    let year = FiscalYear::try_from(2026).unwrap();
    assert_eq!(row().condition, RowCondition::FiscalYear(year));
}

#[test]
fn every_column_too_short_or_too_long_is_named() {
    for column in Column::ALL {
        for value in [
            " ".repeat(column.width() + 1),
            "x".repeat(column.width() - 1),
        ] {
            let mut values: Vec<_> = ROW.split(',').collect();
            values[column.number() - 1] = &value;
            let found = flaws(&values.join(","));
            let (found_chars, width) = (value.len(), column.width());
            let kind = RowFlawKind::Width {
                found: found_chars,
                width,
            };
            assert!(
                found.contains(&(Some(column), kind)),
                "{column:?} {found:?}"
            );
        }
    }
}

#[test]
fn every_column_of_a_wrong_type_is_named() {
    for column in Column::ALL {
        let found = flaws(&with(column, &"あ".repeat(column.width())));
        assert!(
            found.iter().any(|(named, _)| *named == Some(column)),
            "{column:?}"
        );
    }
}

#[test]
fn every_column_that_must_be_there_is_named_when_it_is_empty() {
    let optional = [
        Column::LocalNumber,
        Column::Delegator,
        Column::ProviderDelegator,
        Column::To,
    ];
    for column in Column::ALL {
        let read = InquiryRow::read(1, &with(column, ""));
        assert_eq!(read.is_ok(), optional.contains(&column), "{column:?}");
    }
}

#[test]
fn all_flaws_of_a_row_are_told_at_once_with_their_place_and_shape() {
    let text =
        with(Column::Affair, "XX01000000121000").replace("000000000012345", "12345678901234 ");
    let flaws = InquiryRow::read(7, &text).unwrap_err();
    let told: Vec<_> = flaws
        .iter()
        .map(|f| (f.line, f.position, f.shape.as_str()))
        .collect();
    assert_eq!(
        told,
        [(7, 20, "99999999999999_"), (7, 115, "AA99999999999999")]
    );
    let FieldFlaw { field, .. } = flaws[1].as_field();
    assert_eq!(field, "line 7, column 9 affair");
}

#[test]
fn another_number_of_columns_is_one_flaw() {
    let found = flaws("01,2");
    assert_eq!(found, [(None, RowFlawKind::Columns { found: 2 })]);
}

#[test]
fn a_condition_kind_uses_its_own_columns_and_no_others() {
    let condition = |kind: &str, year: &str, from: &str, to: &str| {
        let mut values: Vec<_> = ROW.split(',').map(str::to_owned).collect();
        values.truncate(14);
        values.extend([
            format!("{kind:<1}"),
            format!("{year:<1}"),
            format!("{from:<8}"),
            format!("{to:<8}"),
        ]);
        InquiryRow::read(1, &values.join(",")).map(|row| row.condition.resolve(row.requested_at))
    };
    let year = |year: i16| Condition::FiscalYear(FiscalYear::try_from(year).unwrap());
    assert_eq!(condition("0", "", "", ""), Ok(Condition::None));
    assert_eq!(condition("1", "2", "", ""), Ok(year(2026)));
    assert_eq!(condition("1", "3", "", ""), Ok(year(2025)));
    let day = |day: &str| day.parse().unwrap();
    let period = Period::new(day("2026-04-01"), day("2027-03-31")).unwrap();
    let asked = condition("2", "", "20260401", "20270331");
    assert_eq!(asked, Ok(Condition::Period(period)));
    for (kind, year, from, to) in [
        ("0", "1", "", ""),
        ("0", "", "2026", ""),
        ("1", "", "2026", ""),
        ("1", "1", "1999", ""),
        ("1", "1", "2026", "20260401"),
        ("1", "2", "2026", ""),
        ("2", "1", "20260401", ""),
        ("2", "", "20260431", ""),
        ("2", "", "20260402", "20260401"),
        ("3", "", "", ""),
        ("", "", "", ""),
    ] {
        assert!(
            condition(kind, year, from, to).is_err(),
            "{kind},{year},{from},{to}"
        );
    }
}

#[test]
fn an_individual_number_is_refused_and_never_shown() {
    for column in [Column::LocalNumber, Column::AddresseeNumber, Column::User] {
        for flaw in InquiryRow::read(1, &with(column, "123456789018")).unwrap_err() {
            let told = format!("{flaw:?} {:?} {}", flaw.as_field(), flaw.kind.ja());
            assert!(!told.contains("123456789018"), "{told}");
        }
    }
}

#[test]
fn a_file_name_has_a_job_a_time_and_a_number() {
    let name: BatchFileName = "kyufu_20261122093000_0001.DAT".parse().unwrap();
    assert_eq!(
        name.record_id(12).unwrap().as_str(),
        "kyufu_20261122093000_0001-00012"
    );
    assert_eq!(name.of_results(), "kyufu_20261122093000_0001_RESULT.DAT");
    let longest: BatchFileName = "abcdefghijklmn_20261122093000_9999.DAT".parse().unwrap();
    assert!(longest.record_id(10_000).is_ok());
    for text in [
        "kyufu_20261122093000_0001.dat",
        "kyufu_20261322093000_0001.DAT",
        "kyufu_20261122093000_001.DAT",
        "../x_20261122093000_0001.DAT",
        "_20261122093000_0001.DAT",
        "abcdefghijklmno_20261122093000_0001.DAT",
        "kyufu_20261122093000_0001_2.DAT",
    ] {
        assert!(text.parse::<BatchFileName>().is_err(), "{text}");
    }
}

#[test]
fn the_columns_begin_where_their_widths_say() {
    for column in Column::ALL {
        let value = ROW.split(',').nth(column.number() - 1).unwrap();
        assert_eq!(value.chars().count(), column.width());
        let at = column.begins_at() - 1;
        assert_eq!(&ROW[at..at + value.len()], value, "{column:?}");
    }
}

fn file(lines: &[String]) -> InquiryFile {
    let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    InquiryFile::read(
        text.as_bytes(),
        &TextForm::default(),
        &RowNumbers::Addressee,
    )
}

#[test]
fn a_file_tells_the_flaws_of_all_its_rows_and_keeps_the_sound_ones() {
    let lines = [
        with(Column::Affair, "x"),
        ROW.to_owned(),
        with(Column::Nondisclosure, "7"),
        ROW.to_owned(),
    ];
    let read = file(&lines);
    let told: Vec<_> = read.flaws.iter().map(|flaw| flaw.line).collect();
    assert_eq!(told, [1, 3, 4]);
    assert_eq!(read.flaws[2].kind, RowFlawKind::Repeated { line: 2 });
    assert_eq!(read.rows, [(2, row())]);
}

#[test]
fn a_file_has_one_to_ten_thousand_rows() {
    let empty = file(&[]);
    assert_eq!(empty.flaws[0].kind, RowFlawKind::NoRows);
    let line = |n: usize| with(Column::AddresseeNumber, &format!("{n:015}"));
    let mut lines: Vec<_> = (0..ROWS_MAX).map(line).collect();
    assert!(file(&lines).flaws.is_empty());
    lines.push(line(ROWS_MAX));
    let long = file(&lines);
    assert!(long.is_unusable());
    assert_eq!(
        (long.flaws[0].line, &long.flaws[0].kind),
        (10_001, &RowFlawKind::TooManyRows)
    );
}

#[test]
fn a_cut_file_says_so() {
    let cut = InquiryFile::read(
        &ROW.as_bytes()[..100],
        &TextForm::default(),
        &RowNumbers::Addressee,
    );
    assert_eq!(
        cut.flaws[0].kind,
        RowFlawKind::Text(crate::domain::files::TextFlawKind::CutLine)
    );
    assert_eq!(cut.flaws[0].position, 101);
}

fn code() -> impl Strategy<Value = String> {
    "[0-9]{16}"
}

fn condition() -> impl Strategy<Value = RowCondition> {
    let day = || {
        (0i32..36_000).prop_map(|days| jiff::civil::date(2000, 1, 1) + jiff::Span::new().days(days))
    };
    prop_oneof![
        Just(RowCondition::None),
        Just(RowCondition::CurrentFiscalYear),
        Just(RowCondition::PreviousFiscalYear),
        (2000i16..=2100).prop_map(|year| RowCondition::FiscalYear(year.try_into().unwrap())),
        (day(), day())
            .prop_map(|(a, b)| RowCondition::Period(Period::new(a.min(b), a.max(b)).unwrap())),
        day().prop_map(|from| RowCondition::Period(
            Period::new(from, jiff::civil::Date::MAX).unwrap()
        )),
    ]
}

prop_compose! {
    fn any_row()(
        system in "[0-9]{2}",
        local in "|1[0-9]{3}|1[0-9]{14}",
        addressee in "[0-9]{15}",
        at in 946_684_800_000i64..4_102_444_800_000,
        names in ("[A-Z][0-9A-Za-z._-]{0,19}", "[A-Z][0-9A-Za-z._-]{0,19}"),
        codes in (code(), code(), prop::option::of(code()), prop::option::of(code())),
        numbers in ("[0-9]{14}", "[0-9]{14}", "[0-9]{14}"),
        nondisclosure: bool,
        condition in condition(),
    ) -> InquiryRow {
        InquiryRow {
            number_system: system.parse().unwrap(),
            local_number: (!local.is_empty()).then(|| local.parse().unwrap()),
            addressee: addressee.parse().unwrap(),
            requested_at: Timestamp::from_millisecond(at).unwrap(),
            unit: names.0.parse().unwrap(),
            user: names.1.parse().unwrap(),
            inquirer: codes.0.parse().unwrap(),
            nondisclosure,
            affair: format!("JM{}", numbers.0).parse().unwrap(),
            procedure: format!("JT{}", numbers.1).parse().unwrap(),
            delegator: codes.2.map(|code| code.parse().unwrap()),
            provider_delegator: codes.3.map(|code| code.parse().unwrap()),
            provider: codes.1.parse().unwrap(),
            specific_info: format!("TM{}", numbers.2).parse().unwrap(),
            condition,
        }
    }
}

proptest! {
    #[test]
    fn a_row_that_is_written_is_read_in_both_encodings(rows in prop::collection::vec(any_row(), 1..4)) {
        for encoding in [Encoding::Utf8, Encoding::ShiftJis] {
            let form = TextForm { encoding, ..TextForm::default() };
            let (mut writer, mut file) = (LineWriter::new(form.clone()), Vec::new());
            for row in &rows {
                writer.write(&row.write(), &mut file).unwrap();
            }
            let mut reader = LineReader::new(form, LineEnds::CrLf);
            let lines = reader.push(&file).into_iter();
            let found: Vec<_> = lines
                .map(|line| InquiryRow::read(line.number, &line.text.unwrap()).unwrap())
                .collect();
            prop_assert!(reader.finish().is_none());
            prop_assert_eq!(&found, &rows);
        }
    }

    #[test]
    fn a_file_of_any_bytes_is_read_or_its_flaws_have_their_place(
        bytes: Vec<u8>,
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, prop::collection::vec(any::<u8>(), 0..6)), 0..4),
    ) {
        let mut file = format!("{ROW}\r\n{}\r\n", with(Column::AddresseeNumber, "000000000000002")).into_bytes();
        for (at, gone, new) in &spoilt {
            let at = at.index(file.len() + 1);
            let end = file.len().min(at + gone);
            file.splice(at..end, new.iter().copied());
        }
        for bytes in [&bytes, &file] {
            for encoding in [Encoding::Utf8, Encoding::ShiftJis] {
                let form = TextForm { encoding, ..TextForm::default() };
                let read = InquiryFile::read(bytes, &form, &RowNumbers::Addressee);
                prop_assert!(!read.rows.is_empty() || !read.flaws.is_empty());
                for flaw in &read.flaws {
                    prop_assert!(flaw.line >= 1 && flaw.position >= 1);
                }
            }
        }
        prop_assert!(!spoilt.is_empty() || InquiryFile::read(&file, &TextForm::default(), &RowNumbers::Addressee).flaws.is_empty());
    }

    #[test]
    fn any_file_name_is_read_unchanged_or_refused(name in prop_oneof![
        "\\PC{0,40}",
        "[0-9A-Za-z-]{0,16}_[0-9]{13,15}_[0-9]{3,5}(\\.DAT|\\.dat)?",
        "[0-9A-Za-z-]{1,14}_2026(0[1-9]|1[0-2])[0-2][1-8]([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]_[0-9]{4}\\.DAT",
    ]) {
        if let Ok(read) = name.parse::<BatchFileName>() {
            prop_assert_eq!(read.to_string(), name);
            prop_assert!(read.record_id(99_999).is_ok());
        }
    }

    #[test]
    fn any_line_is_read_or_refused(text in "\\PC{0,300}") {
        drop(InquiryRow::read(1, &text));
    }

    #[test]
    fn a_row_with_any_value_in_a_column_is_read_or_refused(at in 0usize..18, value in "[ -~あ]{0,20}") {
        let text = with(Column::ALL[at], &value);
        match InquiryRow::read(1, &text) {
            Ok(row) => prop_assert_eq!(row.write(), text),
            Err(flaws) => prop_assert!(!flaws.is_empty()),
        }
    }
}
