//! Reads the definitions of a world: its institutions, its permission list and its layouts.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    flaw::{DefinitionFlaw, Reason},
    layouts,
};
use crate::crypto::files::{replace, sync_parent};
use crate::domain::{
    codes::{InstitutionCode, SpecificInfoCode},
    institution::Directory,
    layout::Layouts,
    permission_list::{PermissionList, PlainList},
};

mod institutions;
mod rows;

const INSTITUTIONS: &str = "institutions.toml";
const PERMISSION_LIST: &str = "permission-list.toml";
const LAYOUTS: &str = "layouts";

const EMBEDDED_INSTITUTIONS: &str = include_str!("data/institutions.toml");
const EMBEDDED_PERMISSION_LIST: &str = include_str!("data/permission-list.toml");

/// What the files of a world define.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// The institutions.
    pub directory: Directory,
    /// 照会許可照合リスト.
    pub permission_list: PermissionList,
    /// The layouts of the specific informations.
    pub layouts: Layouts,
    list_file: NamedText,
}

impl Definitions {
    /// The definitions that come with the program.
    ///
    /// # Errors
    /// Flaws of the embedded files; a test shows that there are none.
    pub fn embedded() -> Result<Self, Vec<DefinitionFlaw>> {
        Self::parse(
            Ok((INSTITUTIONS.into(), EMBEDDED_INSTITUTIONS.into())),
            Ok((PERMISSION_LIST.into(), EMBEDDED_PERMISSION_LIST.into())),
            layouts::embedded(),
        )
    }

    /// Reads `institutions.toml`, `permission-list.toml` and `layouts/*.toml` of a directory.
    ///
    /// # Errors
    /// Every flaw of every file; of a file that is not TOML or has a key or type that is not ours, the first one.
    /// What depends on a file that cannot be read is not checked.
    pub fn read(dir: &Path) -> Result<Self, Vec<DefinitionFlaw>> {
        Self::parse(
            read_text(&dir.join(INSTITUTIONS)),
            read_text(&dir.join(PERMISSION_LIST)),
            layouts::read(&dir.join(LAYOUTS)),
        )
    }

    fn parse(
        institutions: Result<NamedText, DefinitionFlaw>,
        permission_list: Result<NamedText, DefinitionFlaw>,
        layouts: Result<Layouts, Vec<DefinitionFlaw>>,
    ) -> Result<Self, Vec<DefinitionFlaw>> {
        let mut flaws = Vec::new();
        let layouts = layouts.map_err(|more| flaws.extend(more)).ok();
        let mut known = Known {
            institutions: None,
            specific_infos: layouts
                .as_ref()
                .map(|layouts| layouts.specific_infos().collect()),
        };
        let directory = institutions
            .map_err(|flaw| vec![flaw])
            .and_then(|(file, text)| {
                let (codes, read) = institutions::parse(&file, &text, &known);
                known.institutions = codes;
                read
            })
            .map_err(|more| flaws.extend(more))
            .ok();
        let permission_list = permission_list
            .map_err(|flaw| vec![flaw])
            .and_then(|named| Ok((rows::parse(&named.0, &named.1, &known)?, named)))
            .map_err(|more| flaws.extend(more))
            .ok();
        match (directory, permission_list, layouts) {
            (Some(directory), Some((permission_list, list_file)), Some(layouts)) => Ok(Self {
                directory,
                permission_list,
                layouts,
                list_file,
            }),
            (None, _, _) | (_, None, _) | (_, _, None) => Err(flaws),
        }
    }
}

impl Definitions {
    /// Whether the permission list may come after one that was copied from the core system before: with a higher version, or the
    /// same list.
    ///
    /// # Errors
    /// A flaw at the file's `version`. Else a record could name a version whose rows nobody can tell any more.
    pub fn list_follows(&self, copied: &PermissionList) -> Result<(), DefinitionFlaw> {
        let (version, before) = (self.permission_list.version(), copied.version());
        let is_same =
            || PlainList::from(self.permission_list.clone()) == PlainList::from(copied.clone());
        if version > before || version == before && is_same() {
            return Ok(());
        }
        let (file, text) = &self.list_file;
        let at = text.find("\nversion").map_or(0, |end| end + 1);
        let reason = if version == before {
            Reason::new(
                format!(
                    "version {version} was published with other rows: give a changed list a higher version"
                ),
                format!(
                    "第{version}版は別の内容で公開済みです。変更した照会許可照合リストには、より大きい版を付けてください"
                ),
            )
        } else {
            Reason::new(
                format!("version {before} was published already: give the list a higher version"),
                format!(
                    "第{before}版を公開済みです。照会許可照合リストには、それより大きい版を付けてください"
                ),
            )
        };
        Err(DefinitionFlaw::at(file, text, at, reason))
    }
}

/// Writes the files that come with the program into a directory, for a user to change: all of them, where there are no files yet.
/// Else every file stays as it is, and one that is not there is not added.
///
/// # Errors
/// When a directory or file cannot be written.
pub fn write_embedded(dir: &Path) -> io::Result<()> {
    if dir.try_exists()? && fs::read_dir(dir)?.next().is_some() {
        return Ok(());
    }
    let unfinished = dir.with_extension("unfinished");
    if unfinished.try_exists()? {
        fs::remove_dir_all(&unfinished)?;
    }
    let layouts_dir = unfinished.join(LAYOUTS);
    fs::create_dir_all(&layouts_dir)?;
    let write = |file: PathBuf, text: &str| replace(&file, text.as_bytes());
    write(unfinished.join(INSTITUTIONS), EMBEDDED_INSTITUTIONS)?;
    write(unfinished.join(PERMISSION_LIST), EMBEDDED_PERMISSION_LIST)?;
    for (name, text) in layouts::EMBEDDED {
        write(layouts_dir.join(name), text)?;
    }
    sync_parent(&layouts_dir)?;
    fs::rename(&unfinished, dir)?;
    sync_parent(dir)
}

/// A file's name and its text.
type NamedText = (String, String);

fn read_text(path: &Path) -> Result<NamedText, DefinitionFlaw> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let reason = Reason::new(
                format!("cannot be read: {error}"),
                format!("ファイルを読めません（{error}）"),
            );
            Err(DefinitionFlaw::whole(&name, reason))
        }
    }
}

/// What other files define, for the checks across files; absent when their flaws leave it open.
struct Known {
    institutions: Option<BTreeSet<InstitutionCode>>,
    specific_infos: Option<BTreeSet<SpecificInfoCode>>,
}

impl Known {
    fn lacks_institution(&self, code: InstitutionCode) -> bool {
        let known = self.institutions.as_ref();
        known.is_some_and(|codes| !codes.contains(&code))
    }

    fn lacks_layout(&self, code: SpecificInfoCode) -> bool {
        let known = self.specific_infos.as_ref();
        known.is_some_and(|codes| !codes.contains(&code))
    }
}

fn no_layout(info: SpecificInfoCode) -> Reason {
    Reason::new(
        format!("there is no layout of {info} in {LAYOUTS}/"),
        format!("{info} のレイアウトが {LAYOUTS}/ にありません"),
    )
}

fn no_institution(code: &str) -> Reason {
    Reason::new(
        format!("there is no institution {code} in {INSTITUTIONS}"),
        format!("機関 {code} が {INSTITUTIONS} にありません"),
    )
}

#[cfg(test)]
mod spoilt;
#[cfg(test)]
mod tests;
