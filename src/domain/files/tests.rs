use proptest::prelude::*;

use super::*;

fn read(form: &TextForm, ends: LineEnds, bytes: &[u8]) -> Vec<Line> {
    let mut reader = LineReader::new(form.clone(), ends);
    let mut lines = reader.push(bytes);
    lines.extend(reader.finish());
    lines
}

fn form(encoding: Encoding) -> TextForm {
    TextForm {
        encoding,
        ..TextForm::default()
    }
}

fn flaws(form: &TextForm, ends: LineEnds, bytes: &[u8]) -> Vec<(u64, usize, TextFlawKind)> {
    let lines = read(form, ends, bytes).into_iter();
    let flaws = lines.filter_map(|line| line.text.err()).flatten();
    flaws.map(|f| (f.line, f.column, f.kind)).collect()
}

fn written(form: &TextForm, lines: &[&str]) -> Result<Vec<u8>, Vec<TextFlaw>> {
    let (mut writer, mut file) = (LineWriter::new(form.clone()), Vec::new());
    for line in lines {
        writer.write(line, &mut file)?;
    }
    Ok(file)
}

#[test]
fn shift_jis_never_replaces_a_character_it_does_not_have() {
    let sjis = form(Encoding::ShiftJis);
    let refused = written(&sjis, &["吉野", "ab𠮷野𠮷"]).unwrap_err();
    let places: Vec<_> = refused.iter().map(|f| (f.line, f.column)).collect();
    assert_eq!(places, [(2, 3), (2, 5)]);
    for c in ["〜", "¥", "‾", "−", "é"] {
        assert_eq!(written(&sjis, &[c]).unwrap_err()[0].column, 1, "{c}");
    }
    assert!(written(&form(Encoding::Utf8), &["𠮷〜¥"]).is_ok());
}

#[test]
fn wave_dash_katakana_and_extensions_are_those_of_cp932() {
    let lines = read(
        &form(Encoding::ShiftJis),
        LineEnds::CrLf,
        b"\x81\x60\xb6\xde\xfb\xfc\x87\x40\r\n",
    );
    assert_eq!(lines[0].text.as_deref(), Ok("～ｶﾞ髙①"));
}

#[test]
fn a_table_maps_characters_both_ways() {
    let table =
        CharacterTable::read("# 外字\nU+E000 U+20BB7\nU+FF5E U+301C # 〜\nU+E001 U+8FBB+E0100\n");
    let sjis = TextForm {
        encoding: Encoding::ShiftJis,
        table: table.unwrap(),
    };
    let line = "𠮷田〜辻\u{e0100}辻";
    let bytes = written(&sjis, &[line]).unwrap();
    assert_eq!(&bytes[..2], b"\xf0\x40");
    assert_eq!(
        read(&sjis, LineEnds::CrLf, &bytes)[0].text.as_deref(),
        Ok(line)
    );
}

#[test]
fn every_private_use_character_of_shift_jis_is_written_as_it_is_read() {
    for place in 0..1_880 {
        let c = char::from_u32(0xE000 + place).unwrap();
        let table = CharacterTable::read(&format!("U+{:04X} U+4E00", u32::from(c))).unwrap();
        let sjis = TextForm {
            encoding: Encoding::ShiftJis,
            table,
        };
        let bytes = written(&sjis, &["一"]).unwrap();
        assert_eq!(
            read(&sjis, LineEnds::CrLf, &bytes)[0].text.as_deref(),
            Ok("一"),
            "{place}"
        );
    }
    assert!(written(&form(Encoding::ShiftJis), &["\u{e000}"]).is_err());
}

#[test]
fn a_bad_table_names_its_line() {
    let bad = |text: &str| CharacterTable::read(text).unwrap_err();
    assert_eq!(bad("\nU+E000\n"), BadTable::NoPair { line: 2 });
    assert_eq!(bad("U+E000 U+D800"), BadTable::NoPair { line: 1 });
    assert_eq!(
        bad("U+E000 U+4E00\nU+E001 U+4E00"),
        BadTable::Twice { line: 2 }
    );
}

#[test]
fn a_private_use_character_without_a_row_is_refused_where_it_stands() {
    let found = flaws(&form(Encoding::ShiftJis), LineEnds::CrLf, b"ab\xf0\x40\r\n");
    assert_eq!(found, [(1, 3, TextFlawKind::PrivateUse('\u{e000}'))]);
}

#[test]
fn a_file_cut_inside_a_character_says_so() {
    let expected = |column| [(1, column, TextFlawKind::CutCharacter)];
    let cut = |encoding, bytes: &[u8]| flaws(&form(encoding), LineEnds::Uniform, bytes);
    assert_eq!(cut(Encoding::ShiftJis, b"a\x83"), expected(2));
    assert_eq!(cut(Encoding::Utf8, b"ab\xe3\x81"), expected(3));
    let both = flaws(&form(Encoding::Utf8), LineEnds::CrLf, b"\xe3\x81");
    assert_eq!(both[1].2, TextFlawKind::CutLine);
}

#[test]
fn bytes_of_the_other_encoding_are_no_characters() {
    let found = flaws(&form(Encoding::Utf8), LineEnds::CrLf, b"a\x82\xa0,b\r\n");
    let kind = TextFlawKind::NoCharacter(Encoding::Utf8);
    assert_eq!(found, [(1, 2, kind), (1, 3, kind)]);
}

#[test]
fn marks_of_other_encodings_are_refused_and_that_of_utf_8_is_no_text() {
    let utf8 = form(Encoding::Utf8);
    let lines = read(&utf8, LineEnds::CrLf, b"\xef\xbb\xbfa\r\n");
    assert_eq!(lines[0].text.as_deref(), Ok("a"));
    let first = |form: &TextForm, bytes: &[u8]| flaws(form, LineEnds::Uniform, bytes)[0].2;
    let sjis = form(Encoding::ShiftJis);
    assert_eq!(
        first(&sjis, b"\xef\xbb\xbfa"),
        TextFlawKind::ForeignMark("UTF-8")
    );
    assert_eq!(
        first(&utf8, b"\xff\xfea\0"),
        TextFlawKind::ForeignMark("UTF-16LE")
    );
}

#[test]
fn mixed_line_ends_are_named_where_they_change() {
    let utf8 = form(Encoding::Utf8);
    let kind = |found, expected| TextFlawKind::LineEnd { found, expected };
    let strict = flaws(&utf8, LineEnds::CrLf, b"a\r\nbc\nd\r\n");
    assert_eq!(strict, [(2, 3, kind("LF", "CRLF"))]);
    let uniform = flaws(&utf8, LineEnds::Uniform, b"a\nb\r\nc");
    assert_eq!(uniform, [(2, 2, kind("CRLF", "LF"))]);
    let lone = flaws(&utf8, LineEnds::CrLf, b"a\rb\r\n");
    assert_eq!(lone, [(1, 2, TextFlawKind::Forbidden('\r'))]);
}

#[test]
fn a_line_without_an_end_does_not_fill_the_memory() {
    let mut reader = LineReader::new(form(Encoding::Utf8), LineEnds::CrLf);
    for _ in 0..4 {
        assert!(reader.push(&vec![b'x'; LINE_BYTES_MAX]).is_empty());
        assert!(reader.bytes_held() <= LINE_BYTES_MAX + 1);
    }
    let line = reader.push(b"\r\nok\r\n");
    let flaw = line[0].text.as_ref().unwrap_err()[0];
    assert_eq!(flaw.kind, TextFlawKind::TooLong(LINE_BYTES_MAX));
    assert_eq!(line[1].text.as_deref(), Ok("ok"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_whatever_the_pieces(lines in prop::collection::vec("[ -~ぁ-んァ-ヶ一-龠ｦ-ﾟ]{0,20}", 0..6), piece in 1usize..9) {
        for encoding in [Encoding::Utf8, Encoding::ShiftJis] {
            let known: Vec<&str> = lines.iter().map(String::as_str)
                .filter(|line| written(&form(encoding), &[line]).is_ok()).collect();
            let bytes = written(&form(encoding), &known).unwrap();
            let mut reader = LineReader::new(form(encoding), LineEnds::CrLf);
            let mut found = Vec::new();
            for part in bytes.chunks(piece) {
                found.extend(reader.push(part));
            }
            prop_assert!(reader.finish().is_none());
            let found: Vec<_> = found.into_iter().map(|line| line.text.unwrap()).collect();
            prop_assert_eq!(found, known);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        for encoding in [Encoding::Utf8, Encoding::ShiftJis] {
            for ends in [LineEnds::CrLf, LineEnds::Uniform] {
                for line in read(&form(encoding), ends, &bytes) {
                    if let Ok(text) = line.text {
                        prop_assert!(crate::domain::repertoire::first_unprintable(&text).is_none());
                    }
                }
            }
        }
    }

    #[test]
    fn any_table_is_read_or_refused_with_its_line(
        rows in prop::collection::vec(
            prop_oneof!["\\PC{0,20}", "U\\+[0-9A-F]{0,6} U\\+[0-9A-F]{0,6}( #.*)?"], 0..6),
    ) {
        let text = rows.join("\n");
        match CharacterTable::read(&text) {
            Ok(table) => prop_assert!(!table.is_empty() || !text.contains("U+") || text.contains('#')),
            Err(BadTable::NoPair { line } | BadTable::Twice { line }) => {
                prop_assert!((1..=rows.len()).contains(&line));
            }
        }
    }

    #[test]
    fn what_a_table_maps_is_written_as_it_is_read(
        pairs in prop::collection::btree_map(0xE000_u32..0xE0FF, 0x20000_u32..0x2A6DF, 1..9),
    ) {
        let pairs: std::collections::BTreeMap<_, _> = pairs.into_iter().map(|(file, ours)| (ours, file)).collect();
        let rows: Vec<_> = pairs.iter().map(|(ours, file)| format!("U+{file:04X} U+{ours:04X}")).collect();
        let table = CharacterTable::read(&rows.join("\n")).unwrap();
        for encoding in [Encoding::Utf8, Encoding::ShiftJis] {
            let form = TextForm { encoding, table: table.clone() };
            let text: String = pairs.keys().map(|ours| char::from_u32(*ours).unwrap()).collect();
            let bytes = written(&form, &[&text]).unwrap();
            let back = read(&form, LineEnds::CrLf, &bytes);
            prop_assert_eq!(back[0].text.as_deref(), Ok(text.as_str()));
        }
    }

    #[test]
    fn what_is_read_is_written_back_or_refused_never_replaced(text in "\\PC{0,12}") {
        if let Ok(bytes) = written(&form(Encoding::ShiftJis), &[&text]) {
            let back = read(&form(Encoding::ShiftJis), LineEnds::CrLf, &bytes);
            if let Ok(read) = &back[0].text {
                prop_assert_eq!(read, &text);
            }
        }
    }
}
