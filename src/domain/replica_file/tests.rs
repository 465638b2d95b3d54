use jiff::Timestamp;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::domain::files::TextForm;
use crate::domain::layout::{DataSetLayout, ItemKind, ItemLayout, Layout, Layouts};
use crate::domain::replica::Replica;

fn item(code: &str, kind: ItemKind, length_max: usize, required: bool) -> ItemLayout {
    ItemLayout {
        code: code.parse().unwrap(),
        name: "項目".into(),
        kind,
        length_max,
        required,
    }
}

fn layout() -> Layout {
    let inner = DataSetLayout {
        code: "IN".parse().unwrap(),
        name: "内".into(),
        min: 0,
        max: 2,
        items: vec![item("TK90000000000003", ItemKind::Flag, 1, true)],
        data_sets: vec![],
    };
    let outer = DataSetLayout {
        code: "OUT".parse().unwrap(),
        name: "外".into(),
        min: 1,
        max: 2,
        items: vec![
            item("TK90000000000001", ItemKind::Text, 10, true),
            item("TK90000000000002", ItemKind::Digits, 3, false),
        ],
        data_sets: vec![inner],
    };
    Layout {
        specific_info: "TM90000000000001".parse().unwrap(),
        name: "見本".into(),
        version: "2026".parse().unwrap(),
        effective_from: date(2026, 4, 1),
        effective_to: None,
        conversions: Vec::new(),
        data_sets: vec![outer],
    }
}

const HEAD: &str = "1,TM90000000000001,2026,000000000000001,K1,2026,20260401,20260501,,";

/// What the CSV lines are put together to.
fn read(extent: Extent, lines: &[String]) -> Vec<Assembled> {
    let layout = layout();
    let columns = Columns::of(&layout);
    let mut assembler = Assembler::new(columns, FileForm::Csv, extent, 2);
    let mut cutter = Cutter::default();
    let mut found = Vec::new();
    for (line, text) in (2..).zip(lines) {
        let fields = cutter.csv(text).unwrap();
        found.extend(assembler.row(line, fields));
    }
    found.extend(assembler.finish());
    found
}

/// Code, line and column of a flaw.
type Found = (&'static str, u64, usize);

fn flaws(lines: &[String]) -> Vec<Found> {
    let found = read(Extent::Differential, lines).into_iter();
    let flaws = found.filter_map(|one| one.entry.err()).flatten();
    flaws
        .map(|flaw| (flaw.code(), flaw.place.line, flaw.place.column))
        .collect()
}

fn lines(rest: &[&str]) -> Vec<String> {
    rest.iter().map(|rest| format!("{HEAD}{rest}")).collect()
}

fn replica(found: Assembled) -> Replica {
    match found.entry.unwrap() {
        Entry::Register { replica, .. } => replica.register(Timestamp::UNIX_EPOCH, 1),
        Entry::Delete { .. } => panic!("a deletion"),
    }
}

#[test]
fn lines_of_one_key_become_one_replica_with_its_records_nested() {
    let mut text = lines(&[
        "OUT,税,,",
        "OUT/IN,,,1",
        "OUT/IN,,,0",
        "OUT,#NOT_DECLARED,007,",
    ]);
    text.push(text[0].replace("K1", "K2").replace("税", "##1"));
    let found: Vec<_> = read(Extent::Full, &text).into_iter().map(replica).collect();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].content[0].children.len(), 2);
    let layout = layout();
    for form in [FileForm::Csv, FileForm::Dat] {
        let written = rows(&Columns::of(&layout), form, &found[0]).unwrap();
        assert_eq!(written.len(), 4);
        if form == FileForm::Csv {
            assert_eq!(written, text[..4]);
        }
    }
}

#[test]
fn every_flaw_is_named_with_its_line_and_column() {
    let bad: [(&[&str], &[Found]); 9] = [
        (&["OUT,税税税税税税税税税税税,,"], &[("FORM", 2, 11)]),
        (
            &["OUT,税,12345,", "OUT/IN,,,7"],
            &[("FORM", 2, 12), ("FORM", 3, 13)],
        ),
        (&["OUT,,,"], &[("FORM", 2, 11)]),
        (&["OUT,税,,1"], &[("OTHER_SET", 2, 13)]),
        (&["OUT/IN,,,1"], &[("NO_PARENT", 2, 10)]),
        (&["XX,,,"], &[("UNKNOWN_SET", 2, 10)]),
        (&["OUT,#WHY,,"], &[("REASON", 2, 11)]),
        (&["OUT,税,,", "OUT,税,,", "OUT,税,,"], &[("FORM", 2, 10)]),
        (&["OUT,末尾 ,,"], &[("FORM", 2, 11)]),
    ];
    for (rest, expected) in bad {
        assert_eq!(flaws(&lines(rest)), expected, "{rest:?}");
    }
    let sound = lines(&["OUT,税,,"]);
    assert_eq!(flaws(&sound), []);
    for (from, to, code, column) in [
        ("1,TM", "3,TM", "ACTION", 1),
        ("TM90000000000001", "TM90000000000002", "DIFFERS", 2),
        (",2026,0000", ",2025,0000", "DIFFERS", 3),
        ("000000000000001", "1", "WORD", 4),
        ("K1", "", "FORM", 5),
        ("2026,20260401", "26,20260401", "YEAR", 6),
        ("20260401", "20260231", "DAY", 7),
        ("20260501", "", "DAY", 8),
        ("20260501,,", "20260501,20260430,", "FORM", 9),
    ] {
        let changed = sound[0].replacen(from, to, 1);
        assert_ne!(changed, sound[0], "{from}");
        assert_eq!(flaws(&[changed])[0], (code, 2, column), "{from} → {to}");
    }
}

#[test]
fn a_replica_that_comes_again_is_named_with_its_first_line() {
    let one = lines(&["OUT,税,,"])[0].clone();
    let other = one.replace("K1", "K2");
    let found = flaws(&[one.clone(), other.clone(), one.clone()]);
    assert_eq!(found, [("DUPLICATE", 4, 5)]);
    let year = one.replace(",2026,20260401", ",2027,20260401");
    assert_eq!(flaws(&[one, year]), [("DIFFERS", 3, 6)]);
}

#[test]
fn a_deletion_names_the_replica_and_nothing_else() {
    let delete = "2,TM90000000000001,2026,000000000000001,K1,,,,,,,,".to_owned();
    let mut found = read(Extent::Differential, std::slice::from_ref(&delete));
    assert!(matches!(found.remove(0).entry, Ok(Entry::Delete { .. })));
    let full = read(Extent::Full, std::slice::from_ref(&delete));
    assert_eq!(
        full[0].entry.as_ref().unwrap_err()[0].code(),
        "DELETION_IN_FULL"
    );
    assert_eq!(
        flaws(&[delete.clone(), delete.clone()]),
        [("DUPLICATE", 3, 5)]
    );
    let filled = delete.replace(",,,,,,,,", ",,,,,,税,,");
    assert_eq!(flaws(&[filled]), [("DELETION_CONTENT", 2, 11)]);
}

#[test]
fn the_replicas_beside_an_unreadable_line_are_refused() {
    let layout = layout();
    let mut assembler = Assembler::new(Columns::of(&layout), FileForm::Csv, Extent::Full, 2);
    let mut cutter = Cutter::default();
    let mut found = Vec::new();
    for (line, key) in [(2, "K1"), (3, "K2"), (5, "K3"), (6, "K4")] {
        if line == 5 {
            assembler.unreadable(4);
        }
        let text = lines(&["OUT,税,,"])[0].replace("K1", key);
        found.extend(assembler.row(line, cutter.csv(&text).unwrap()));
    }
    found.extend(assembler.finish());
    let sound: Vec<_> = found.iter().map(|one| one.entry.is_ok()).collect();
    assert_eq!(sound, [true, false, false, true]);
}

#[test]
fn a_dat_line_has_its_length_and_its_commas() {
    let layout = layout();
    let columns = Columns::of(&layout);
    let one = read(Extent::Full, &lines(&["OUT,税,007,"])).remove(0);
    let line = rows(&columns, FileForm::Dat, &replica(one))
        .unwrap()
        .remove(0);
    assert_eq!(line.chars().count(), columns.line_chars);
    let mut cutter = Cutter::default();
    let fields = cutter.dat(&line, &columns).unwrap();
    assert_eq!(fields.field(10), "0税");
    assert_eq!(dat_layout(&line), ("TM90000000000001", "2026"));
    let short = cutter.dat(&line[..line.len() - 1], &columns).unwrap_err();
    assert!(matches!(short, (1, FileMisfit::LineLength { .. })));
    let shifted = line.replacen("1,TM", "1;TM", 1);
    assert_eq!(
        cutter.dat(&shifted, &columns).unwrap_err(),
        (2, FileMisfit::Separator)
    );
}

#[test]
fn an_open_quotation_mark_does_not_swallow_the_file() {
    let mut cutter = Cutter::default();
    assert_eq!(cutter.csv("a,\"b").unwrap_err(), FileMisfit::OpenQuote);
    let fields = cutter.csv("a,\"b,\"\"c\"\"\"").unwrap();
    assert_eq!(fields.all().collect::<Vec<_>>(), ["a", "b,\"c\""]);
    assert_eq!(cutter.csv("").unwrap().count(), 0);
}

proptest! {
    #[test]
    fn a_file_of_any_bytes_is_read_or_its_flaws_are_named(
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..6)), 0..4),
        form in prop::sample::select(vec![FileForm::Csv, FileForm::Dat]),
        piece in 1_usize..64,
    ) {
        let layout = layout();
        let names = write::names(&Columns::of(&layout));
        let mut file = format!("{names}\r\n{HEAD}OUT,税,123,\r\n").into_bytes();
        let whole = spoilt.is_empty() && form == FileForm::Csv;
        for (at, new) in spoilt {
            let at = at.index(file.len());
            file.splice(at..file.len().min(at + 3), new);
        }
        let layouts = Layouts::new([layout]).unwrap();
        let holds = ["TM90000000000001".parse().unwrap()];
        let plan = FilePlan { form, text: TextForm::default(), extent: Extent::Differential };
        let mut reader = FileReader::new(plan, &layouts, &holds);
        let mut found = Vec::new();
        for piece in file.chunks(piece) {
            found.extend(reader.push(piece));
        }
        found.extend(reader.finish());
        prop_assert!(!whole || found.len() == 1 && found[0].entry.is_ok());
        for one in found {
            if let Err(flaws) = one.entry {
                prop_assert!(!flaws.is_empty());
            }
        }
    }
}
