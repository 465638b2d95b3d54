//! Reads layouts from definition files: one file per specific information and version.

use std::{collections::BTreeMap, fs, ops::Range, path::Path};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use super::flaw::DefinitionFlaw;
use crate::domain::{
    codes::{ItemCode, SpecificInfoCode},
    layout::{DataSetLayout, ItemKind, ItemLayout, Layout, Layouts},
    words::{DataSetCode, LayoutVersion},
};

macro_rules! embedded_files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("data/layouts/", $name)))),+]
    };
}

/// The layouts that come with the program, as file name and text, so that a user can start from them.
pub const EMBEDDED: &[(&str, &str)] = embedded_files![
    "TM00000000000002-2025.toml",
    "TM00000000000002-2026.toml",
    "TM00000000000089.toml",
    "TM90000000000001.toml",
    "TM90000000000002.toml",
    "TM90000000000003.toml",
];

/// The layouts that come with the program.
///
/// # Errors
/// Flaws of the embedded files; a test shows that there are none.
pub fn embedded() -> Result<Layouts, Vec<DefinitionFlaw>> {
    parse_all(EMBEDDED.iter().copied())
}

/// Reads every `*.toml` file of a directory as a layout.
///
/// # Errors
/// Every flaw of every file; of a file that is not TOML or has a key or type that is not ours, the first one.
pub fn read(dir: &Path) -> Result<Layouts, Vec<DefinitionFlaw>> {
    let shown = dir.display().to_string();
    let unreadable = |file: &str, error: std::io::Error| {
        vec![DefinitionFlaw::whole(
            file,
            format!("cannot be read: {error}"),
        )]
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| unreadable(&shown, error))? {
        let path = entry.map_err(|error| unreadable(&shown, error))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let name = path.display().to_string();
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&name, error))?;
            files.push((name, text));
        }
    }
    if files.is_empty() {
        let nothing = "holds no layout file (*.toml)";
        return Err(vec![DefinitionFlaw::whole(&shown, nothing)]);
    }
    files.sort();
    parse_all(
        files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str())),
    )
}

fn parse_all<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Layouts, Vec<DefinitionFlaw>> {
    let mut layouts: Vec<Layout> = Vec::new();
    let mut flaws = Vec::new();
    for (file, text) in files {
        match parse(file, text) {
            Err(more) => flaws.extend(more),
            Ok((layout, version_at)) => {
                let same = |other: &Layout| {
                    (other.specific_info, &other.version) == (layout.specific_info, &layout.version)
                };
                if layouts.iter().any(same) {
                    let reason = "another file defines this version of the same specific_info";
                    flaws.push(DefinitionFlaw::at(file, text, version_at, reason));
                } else {
                    layouts.push(layout);
                }
            }
        }
    }
    if !flaws.is_empty() {
        return Err(flaws);
    }
    Layouts::new(layouts).map_err(|twice| vec![DefinitionFlaw::whole("layouts", twice.to_string())])
}

/// Reads one file; also where its version stands.
fn parse(file: &str, text: &str) -> Result<(Layout, usize), Vec<DefinitionFlaw>> {
    let raw: RawLayout = toml::from_str(text).map_err(|error| {
        let byte = error.span().map_or(0, |span| span.start);
        vec![DefinitionFlaw::at(file, text, byte, error.message())]
    })?;
    let mut reader = Reader::default();
    let version_at = raw.version.span().start;
    let layout = reader.layout(raw);
    if reader.flaws.is_empty() {
        return Ok((layout, version_at));
    }
    reader.flaws.sort_by_key(|(byte, _)| *byte);
    let flaws = reader.flaws.into_iter();
    Err(flaws
        .map(|(byte, reason)| DefinitionFlaw::at(file, text, byte, reason))
        .collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLayout {
    specific_info: SpecificInfoCode,
    name: String,
    version: Spanned<LayoutVersion>,
    effective_from: Date,
    effective_to: Option<Spanned<Date>>,
    data_sets: Spanned<Vec<RawDataSet>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDataSet {
    code: Spanned<DataSetCode>,
    name: String,
    min: usize,
    max: Spanned<usize>,
    #[serde(default)]
    items: Vec<RawItem>,
    #[serde(default)]
    data_sets: Vec<RawDataSet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawItem {
    code: Spanned<ItemCode>,
    name: String,
    kind: Spanned<RawKind>,
    length_max: Option<Spanned<usize>>,
    permitted: Option<Spanned<BTreeMap<String, String>>>,
    required: bool,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawKind {
    Text,
    Digits,
    Integer,
    Date,
    Code,
    Flag,
}

/// Turns what was read into a layout and keeps the flaws, each with the byte where it stands.
#[derive(Default)]
struct Reader {
    item_codes: Vec<ItemCode>,
    flaws: Vec<(usize, &'static str)>,
}

impl Reader {
    fn flaw_if(&mut self, wrong: bool, span: Range<usize>, reason: &'static str) {
        if wrong {
            self.flaws.push((span.start, reason));
        }
    }

    fn layout(&mut self, raw: RawLayout) -> Layout {
        if let Some(last) = &raw.effective_to {
            let inverted = *last.get_ref() < raw.effective_from;
            self.flaw_if(
                inverted,
                last.span(),
                "effective_to is before effective_from",
            );
        }
        let nothing = raw.data_sets.get_ref().is_empty();
        self.flaw_if(nothing, raw.data_sets.span(), "a layout needs a data set");
        Layout {
            specific_info: raw.specific_info,
            name: raw.name,
            version: raw.version.into_inner(),
            effective_from: raw.effective_from,
            effective_to: raw.effective_to.map(Spanned::into_inner),
            data_sets: self.data_sets(raw.data_sets.into_inner()),
        }
    }

    fn data_sets(&mut self, raw: Vec<RawDataSet>) -> Vec<DataSetLayout> {
        let mut read: Vec<DataSetLayout> = Vec::with_capacity(raw.len());
        for set in raw {
            let twice = read.iter().any(|other| other.code == *set.code.get_ref());
            self.flaw_if(twice, set.code.span(), "this data set stands here already");
            let max = *set.max.get_ref();
            let unfit = max == 0 || max < set.min;
            self.flaw_if(
                unfit,
                set.max.span(),
                "max must be at least 1 and at least min",
            );
            let empty = set.items.is_empty() && set.data_sets.is_empty();
            let nothing = "a data set needs an item or a data set below it";
            self.flaw_if(empty, set.code.span(), nothing);
            read.push(DataSetLayout {
                code: set.code.into_inner(),
                name: set.name,
                min: set.min,
                max,
                items: set.items.into_iter().map(|item| self.item(item)).collect(),
                data_sets: self.data_sets(set.data_sets),
            });
        }
        read
    }

    fn item(&mut self, raw: RawItem) -> ItemLayout {
        let code = *raw.code.get_ref();
        let twice = self.item_codes.contains(&code);
        self.flaw_if(
            twice,
            raw.code.span(),
            "this item stands in the layout already",
        );
        self.item_codes.push(code);

        let kind = *raw.kind.get_ref();
        if let Some(permitted) = &raw.permitted {
            let stray = kind != RawKind::Code;
            self.flaw_if(
                stray,
                permitted.span(),
                "only an item of kind code has permitted",
            );
        }
        let permitted = raw.permitted.map(Spanned::into_inner).unwrap_or_default();
        let unlisted = kind == RawKind::Code && permitted.keys().all(String::is_empty);
        self.flaw_if(
            unlisted,
            raw.kind.span(),
            "a code needs its permitted values",
        );

        let own_length = match kind {
            RawKind::Text | RawKind::Digits | RawKind::Integer => None,
            RawKind::Date => Some(8),
            RawKind::Code => permitted.keys().map(|code| code.chars().count()).max(),
            RawKind::Flag => Some(1),
        };
        let length_max = self.length_max(own_length, raw.length_max, raw.kind.span());
        ItemLayout {
            code,
            name: raw.name,
            kind: match kind {
                RawKind::Text => ItemKind::Text,
                RawKind::Digits => ItemKind::Digits,
                RawKind::Integer => ItemKind::Integer,
                RawKind::Date => ItemKind::Date,
                RawKind::Code => ItemKind::Code { permitted },
                RawKind::Flag => ItemKind::Flag,
            },
            length_max,
            required: raw.required,
        }
    }

    /// The length the kind has of its own, or else the one stated.
    fn length_max(
        &mut self,
        own: Option<usize>,
        stated: Option<Spanned<usize>>,
        kind: Range<usize>,
    ) -> usize {
        match (own, stated) {
            (Some(own), None) => own,
            (None, Some(length)) => {
                let zero = *length.get_ref() == 0;
                self.flaw_if(zero, length.span(), "length_max must be at least 1");
                length.into_inner()
            }
            (None, None) => {
                self.flaw_if(true, kind, "this kind needs a length_max");
                0
            }
            (Some(own), Some(length)) => {
                let surplus = "this kind has its own length: leave length_max out";
                self.flaw_if(true, length.span(), surplus);
                own
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"specific_info = "TM90000000000001"
name = "見本"
version = "2026.04"
effective_from = "2026-04-01"
effective_to = "2027-03-31"
[[data_sets]]
code = "ROOT"
name = "親"
min = 0
max = 1
items = [
  { code = "TK90000000000001", name = "甲", kind = "text", length_max = 4, required = true },
  { code = "TK90000000000002", name = "乙", kind = "code", permitted = { "01" = "本人" }, required = false },
]
"#;

    /// The first flaw after a change of the sound text, as `line:column reason`.
    fn flaw(from: &str, to: &str) -> String {
        assert!(SOUND.contains(from));
        let flaws = parse("a.toml", &SOUND.replace(from, to)).unwrap_err();
        format!("{}:{} {}", flaws[0].line, flaws[0].column, flaws[0].reason)
    }

    #[test]
    fn the_embedded_layouts_are_sound() {
        let layouts = embedded().unwrap();
        let infos: Vec<_> = layouts.specific_infos().map(|tm| tm.to_string()).collect();
        let expected = [
            "TM00000000000002",
            "TM00000000000089",
            "TM90000000000001",
            "TM90000000000002",
            "TM90000000000003",
        ];
        assert_eq!(infos, expected);
        let versions = |tm: &str| layouts.versions(tm.parse().unwrap());
        assert_eq!(versions("TM00000000000002").len(), 2);
        for synthetic in expected.iter().filter(|tm| tm.starts_with("TM9")) {
            let sets = &versions(synthetic)[0].data_sets;
            assert!(
                sets.iter().any(|set| !set.data_sets.is_empty()),
                "{synthetic}"
            );
        }
    }

    #[test]
    fn a_directory_is_read_like_the_embedded_files() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).is_err());
        assert!(read(&dir.path().join("absent")).is_err());
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sample/data/layouts");
        assert_eq!(read(&own).unwrap(), embedded().unwrap());
    }

    #[test]
    fn a_flaw_names_its_line_and_column() {
        assert!(parse("a.toml", SOUND).is_ok());
        assert!(flaw("name = \"見本\"", "nama = \"見本\"").starts_with("2:1 unknown field `nama`"));
        assert!(flaw("TM9", "XM9").starts_with("1:17 SpecificInfoCode: must begin with TM"));
        assert!(flaw("\"2026-04-01\"", "\"2026-13-01\"").starts_with("4:18 "));
        assert!(flaw("\"2027-03-31\"", "\"2026-03-31\"").starts_with("5:16 effective_to"));
        assert!(flaw("max = 1", "max = 0").starts_with("10:7 max must be"));
        assert!(flaw("000002", "000001").starts_with("13:12 this item stands"));
        assert!(flaw("length_max = 4, ", "").starts_with("12:51 this kind needs"));
        assert!(flaw("permitted = { \"01\" = \"本人\" }, ", "").contains("permitted values"));
        assert!(flaw("\"text\"", "\"words\"").contains("unknown variant"));
    }

    #[test]
    fn the_same_version_in_two_files_is_refused() {
        let flaws = parse_all([("a.toml", SOUND), ("b.toml", SOUND)]).unwrap_err();
        assert_eq!((flaws[0].file.as_str(), flaws[0].line), ("b.toml", 3));
    }
}
