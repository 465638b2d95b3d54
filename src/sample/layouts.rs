//! Reads layouts from definition files: one file per specific information and version.

mod conversions;
mod reader;

use std::{fs, path::Path};

use super::flaw::{DefinitionFlaw, Reason};
use crate::domain::layout::Layouts;
use reader::{Placed, parse};

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
        let en = format!("cannot be read: {error}");
        let ja = format!("読み込めません: {error}");
        vec![DefinitionFlaw::whole(file, Reason::new(en, ja))]
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
        let nothing = Reason::new(
            "holds no layout file (*.toml)",
            "レイアウトのファイル（*.toml）がありません",
        );
        return Err(vec![DefinitionFlaw::whole(&shown, nothing)]);
    }
    files.sort();
    parse_all(
        files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str())),
    )
}

pub(super) fn parse_all<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Layouts, Vec<DefinitionFlaw>> {
    let mut read: Vec<(&str, &str, Placed)> = Vec::new();
    let mut flaws = Vec::new();
    for (file, text) in files {
        match parse(file, text) {
            Err(more) => flaws.extend(more),
            Ok(placed) => {
                let own = &placed.layout;
                let same = |(_, _, other): &(&str, &str, Placed)| {
                    let other = &other.layout;
                    (other.specific_info, &other.version) == (own.specific_info, &own.version)
                };
                if read.iter().any(same) {
                    let reason = Reason::new(
                        "another file defines this version of the same specific_info",
                        "同じ特定個人情報の同じ版が、ほかのファイルにもあります",
                    );
                    flaws.push(DefinitionFlaw::at(file, text, placed.version_at, reason));
                } else {
                    read.push((file, text, placed));
                }
            }
        }
    }
    if flaws.is_empty() {
        flaws.extend(conversions::flaws(&read));
    }
    if !flaws.is_empty() {
        return Err(flaws);
    }
    let layouts = read.into_iter().map(|(_, _, placed)| placed.layout);
    Layouts::new(layouts).map_err(|twice| {
        let ja = format!(
            "特定個人情報「{}」の版「{}」が重複しています",
            twice.specific_info, twice.version
        );
        vec![DefinitionFlaw::whole(
            "layouts",
            Reason::new(twice.to_string(), ja),
        )]
    })
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
        assert!(flaw("\"text\"", "\"words\"").contains("must be one of"));
    }

    #[test]
    fn every_flaw_is_told_in_japanese() {
        for (from, to) in [
            ("TM9", "XM9"),
            ("\"2026-04-01\"", "\"2026-13-01\""),
            ("\"2027-03-31\"", "\"2026-03-31\""),
            ("max = 1", "max = 0"),
            ("000002", "000001"),
            ("length_max = 4, ", ""),
            ("permitted = { \"01\" = \"本人\" }, ", ""),
            ("\"text\"", "\"words\""),
            ("name = \"見本\"", "name = \" \""),
            ("name = \"見本\"", "nama = \"見本\""),
            ("\"ROOT\"", "\"root\""),
        ] {
            let flaws = parse("a.toml", &SOUND.replacen(from, to, 1)).unwrap_err();
            let told = flaws[0].ja();
            assert!(told.starts_with("a.toml "), "{told}");
            assert!(!told.contains("定義に誤りがあります"), "{told}");
        }
    }

    #[test]
    fn the_same_version_in_two_files_is_refused() {
        let flaws = parse_all([("a.toml", SOUND), ("b.toml", SOUND)]).unwrap_err();
        assert_eq!((flaws[0].file.as_str(), flaws[0].line), ("b.toml", 3));
    }
}
