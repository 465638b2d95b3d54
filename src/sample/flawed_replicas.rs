//! Replica files with one flaw each: every way in which a file in one version of a layout, and each of its items, can be wrong.

use std::collections::BTreeSet;

use super::{
    expected::{CaseFile, Expected},
    replica_files::{ReplicaFileSource, UnfitSample},
};
use crate::domain::{
    codes::SpecificInfoCode,
    layout::Layouts,
    replica_file::{Columns, FileForm, HeadColumn, names},
};

/// A version that no layout has.
const NO_VERSION: &str = "1999.01";

/// One file before it has its name.
struct Case {
    shows: String,
    text: Vec<u8>,
    line: u64,
    code: &'static str,
}

/// A sound file, cut into its lines; of CSV the names of the columns come first.
struct Sound<'a> {
    lines: Vec<String>,
    columns: Columns<'a>,
}

/// The files for one version, CSV and fixed width, of the first people the institution holds something of.
///
/// # Errors
/// When a layout of the user's does not take the sample values.
pub fn flawed_replicas(
    source: &ReplicaFileSource<'_>,
    layouts: &Layouts,
    not_held: Option<SpecificInfoCode>,
) -> Result<Vec<CaseFile>, UnfitSample> {
    let mut pieces = Vec::new();
    for piece in source.pieces() {
        let (bytes, _) = piece?;
        pieces.extend(bytes);
        if pieces.iter().filter(|byte| **byte == b'\n').count() > 8 {
            break;
        }
    }
    let text = String::from_utf8(pieces).unwrap_or_default();
    let sound = Sound {
        lines: text.lines().map(str::to_owned).collect(),
        columns: Columns::of(source.layout),
    };
    // The names alone, or nothing: the institution holds nothing of anybody.
    if sound.lines.len() < 2 {
        return Ok(Vec::new());
    }
    let cases = match source.form {
        FileForm::Csv => {
            let mut cases = sound.of_items();
            cases.extend(sound.of_head());
            cases.extend(sound.of_csv());
            cases.extend(sound.of_versions(layouts, not_held));
            cases
        }
        FileForm::Dat => sound.of_dat(),
    };
    let ending = match source.form {
        FileForm::Csv => "csv",
        FileForm::Dat => "DAT",
    };
    let named = (1..)
        .zip(cases)
        .map(|(number, case): (u32, Case)| CaseFile {
            name: format!(
                "{}-{}-{number:03}.{ending}",
                source.layout.specific_info, source.layout.version
            ),
            bytes: case.text,
            expected: Expected::flaw(case.shows, case.line, case.code),
        });
    Ok(named.collect())
}

impl Sound<'_> {
    fn written(lines: &[String]) -> Vec<u8> {
        let lines = lines.iter().map(|line| format!("{line}\r\n"));
        lines.collect::<String>().into_bytes()
    }

    /// The file with another text in a field of a line; lines count from 0.
    fn with(&self, line: usize, field: usize, text: &str) -> Vec<u8> {
        let mut lines = self.lines.clone();
        if let Some(line) = lines.get_mut(line) {
            // No sample value has a comma or a quotation mark.
            let mut fields: Vec<_> = line.split(',').collect();
            if let Some(field) = fields.get_mut(field) {
                *field = text;
            }
            *line = fields.join(",");
        }
        Self::written(&lines)
    }

    /// The first so many lines of replicas with another text in a field.
    fn with_first(&self, count: usize, field: HeadColumn, text: &str) -> Vec<u8> {
        let lines = self.lines.iter().enumerate().map(|(at, line)| {
            let mut fields: Vec<_> = line.split(',').collect();
            match fields.get_mut(field.index()) {
                Some(field) if (1..=count).contains(&at) => *field = text,
                _ => {}
            }
            fields.join(",")
        });
        Self::written(&lines.collect::<Vec<_>>())
    }

    fn with_all(&self, field: HeadColumn, text: &str) -> Vec<u8> {
        self.with_first(self.lines.len(), field, text)
    }

    /// The field of the first item that the first line has.
    fn first_item(&self) -> usize {
        let line = self.lines.get(1).map_or("", String::as_str);
        let fields = line.split(',').enumerate().skip(HeadColumn::ALL.len());
        let mut stated = fields.filter(|(_, field)| !field.is_empty());
        stated.next().map_or(HeadColumn::ALL.len(), |(at, _)| at)
    }

    /// The lines of the first replica.
    fn first_replica(&self) -> Vec<String> {
        let lines = self.lines.iter().skip(1);
        let first = lines.clone().next().cloned().unwrap_or_default();
        lines
            .take_while(|line| same(line, &first))
            .cloned()
            .collect()
    }

    fn changed(&self, change: impl FnOnce(&mut Vec<String>)) -> Vec<u8> {
        let mut lines = self.lines.clone();
        change(&mut lines);
        Self::written(&lines)
    }

    /// Each item with a value that no kind of item takes.
    fn of_items(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, line) in self.lines.iter().enumerate().skip(1) {
            let path = line.split(',').nth(HeadColumn::DataSet.index());
            let Some(set) = path.and_then(|path| self.columns.set(path)) else {
                continue;
            };
            for (item, column) in self.columns.items.iter().enumerate() {
                if column.set != set || !seen.insert(item) {
                    continue;
                }
                let long = "x".repeat(column.layout.length_max + 1);
                let (name, field) = (&column.layout.name, HeadColumn::ALL.len() + item);
                cases.push(Case {
                    shows: format!("{name}（{}）が長く、型も違う", column.layout.code),
                    text: self.with(at, field, &long),
                    line: line_number(at),
                    code: "FORM",
                });
            }
        }
        cases
    }

    /// Each column of the head, on every line of the first replica.
    fn of_head(&self) -> Vec<Case> {
        let lines = self.first_replica().len();
        let case = |column: HeadColumn, text: &str, code| Case {
            shows: format!("{}が正しくない", column.name()),
            text: self.with_first(lines, column, text),
            line: 2,
            code,
        };
        vec![
            case(HeadColumn::Action, "3", "ACTION"),
            case(HeadColumn::Addressee, "12345", "WORD"),
            case(HeadColumn::FiscalYear, "26", "YEAR"),
            case(HeadColumn::Date, "20260230", "DAY"),
            case(HeadColumn::PublicFrom, "", "DAY"),
            case(HeadColumn::PublicTo, "20269999", "DAY"),
            Case {
                text: self.with(1, HeadColumn::DataSet.index(), "NASHI"),
                ..case(HeadColumn::DataSet, "", "UNKNOWN_SET")
            },
        ]
    }

    /// Lines, deletions and the whole of a CSV file.
    fn of_csv(&self) -> Vec<Case> {
        let case = |shows: &str, text: Vec<u8>, line, code| Case {
            shows: shows.to_owned(),
            text,
            line,
            code,
        };
        let first = self.lines.get(1).cloned().unwrap_or_default();
        let begin: Vec<_> = first.split(',').take(5).collect();
        let rest = ",".repeat(self.columns.fields() - begin.len());
        let deletion = |key: &str, rest: &str| {
            let head = begin.iter().skip(1).take(3).copied();
            let line: Vec<_> = std::iter::once("2").chain(head).chain([key]).collect();
            self.changed(|lines| {
                lines.truncate(1);
                lines.push(line.join(",") + rest);
            })
        };
        let key = begin.get(4).copied().unwrap_or_default();
        let again = self.first_replica();
        let one = again.len();
        let twice = self.changed(|lines| {
            lines.truncate(1 + one);
            let other = again
                .iter()
                .map(|line| line.replacen(&format!(",{key},"), ",OTHER,", 1));
            lines.extend(other);
            lines.extend(again.clone());
        });
        let mut not_text = self.with(1, HeadColumn::RecordKey.index(), "\u{7F}");
        if let Some(at) = not_text.iter_mut().find(|byte| **byte == 0x7F) {
            *at = 0xFF;
        }
        let header = self.changed(|lines| {
            if let Some(names) = lines.first_mut() {
                *names = names.replacen("レコードキー", "キー", 1);
            }
        });
        vec![
            case(
                "列名だけで、副本の行がない",
                self.changed(|lines| lines.truncate(1)),
                1,
                "NO_ROWS",
            ),
            case("列名が違う", header, 1, "HEADER"),
            case(
                "項目が1つ多い",
                self.changed(|lines| push(lines, 1, ",")),
                2,
                "FIELD_COUNT",
            ),
            case(
                "引用符が閉じていない",
                self.with(1, HeadColumn::Action.index(), "\"1"),
                2,
                "OPEN_QUOTE",
            ),
            case(
                "同じ副本が2回ある",
                twice,
                line_number(1 + 2 * one),
                "DUPLICATE",
            ),
            case(
                "削除する副本がない",
                deletion("NASHI", &rest),
                2,
                "NOT_REGISTERED",
            ),
            case(
                "削除の行に内容がある",
                deletion(key, &rest.replacen(',', ",2026", 1)),
                2,
                "DELETION_CONTENT",
            ),
            case(
                "値がない理由が正しくない",
                self.with(1, self.first_item(), "#NASHI"),
                2,
                "REASON",
            ),
            case("文字コードとして読めないバイトがある", not_text, 2, "TEXT"),
        ]
    }

    /// Another version, and another specific information.
    fn of_versions(&self, layouts: &Layouts, not_held: Option<SpecificInfoCode>) -> Vec<Case> {
        let own = self.columns.layout;
        let case = |shows: &str, text, line, code| Case {
            shows: shows.to_owned(),
            text,
            line,
            code,
        };
        let unknown = self.with_all(HeadColumn::LayoutVersion, NO_VERSION);
        let mut cases = vec![case(
            "存在しないレイアウト版",
            unknown,
            2,
            "UNKNOWN_VERSION",
        )];
        let versions = layouts.versions(own.specific_info).iter();
        for other in versions.filter(|other| other.version != own.version) {
            let text = self.with_all(HeadColumn::LayoutVersion, other.version.as_str());
            // Of versions with the same columns nobody can tell.
            if names(&Columns::of(other)) != names(&self.columns) {
                let shows = format!("版{}と書かれ、列は版{}", other.version, own.version);
                cases.push(case(&shows, text, 1, "OTHER_VERSION"));
            }
        }
        if let Some(info) = not_held {
            let text = self.with_all(HeadColumn::SpecificInfo, info.as_str());
            cases.push(case("保有していない特定個人情報", text, 2, "NOT_HELD_HERE"));
        }
        cases
    }

    /// Lines of a fixed-width file.
    fn of_dat(&self) -> Vec<Case> {
        let case = |shows: &str, text, line, code| Case {
            shows: shows.to_owned(),
            text,
            line,
            code,
        };
        let shorter = self.changed(|lines| {
            if let Some(line) = lines.get_mut(1) {
                line.pop();
            }
        });
        let shifted = self.changed(|lines| {
            if let Some(line) = lines.first_mut() {
                *line = line.replacen(',', ";", 1);
            }
        });
        vec![
            case(
                "行が1文字長い",
                self.changed(|lines| push(lines, 1, " ")),
                2,
                "LINE_LENGTH",
            ),
            case("行が1文字短い", shorter, 2, "LINE_LENGTH"),
            case("区切りのコンマがない", shifted, 1, "SEPARATOR"),
            case("行がない（空のファイル）", Vec::new(), 1, "NO_ROWS"),
        ]
    }
}

/// Whether two lines are of one replica.
fn same(line: &str, other: &str) -> bool {
    let name = |line: &str| {
        line.split(',')
            .take(5)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    name(line) == name(other)
}

fn push(lines: &mut [String], line: usize, text: &str) {
    if let Some(line) = lines.get_mut(line) {
        line.push_str(text);
    }
}

fn line_number(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1)
}
