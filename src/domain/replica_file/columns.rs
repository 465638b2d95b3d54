//! The columns that a layout gives to a replica file.

use std::ops::Range;

use super::FileForm;
use crate::domain::{
    codes::SpecificInfoCode,
    layout::{DataSetLayout, ItemLayout, Layout, Layouts},
    words::LayoutVersion,
};

/// The characters between the codes of nested data sets.
const PATH_SEPARATOR: char = '/';

/// A column that every replica file has, whatever its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadColumn {
    /// 処理区分: `1` registers, `2` deletes.
    Action,
    /// 特定個人情報名コード, the same on every line.
    SpecificInfo,
    /// レイアウト版, the same on every line.
    LayoutVersion,
    /// 団体内統合宛名番号.
    Addressee,
    /// レコードキー.
    RecordKey,
    /// 年度, `yyyy`, or empty.
    FiscalYear,
    /// 基準日, `yyyyMMdd`, or empty.
    Date,
    /// 公開開始日, `yyyyMMdd`.
    PublicFrom,
    /// 公開終了日, `yyyyMMdd`, or empty.
    PublicTo,
    /// データセット: the codes from the top down to the record's own, joined by `/`.
    DataSet,
}

impl HeadColumn {
    /// All, in the order of the file.
    pub const ALL: [Self; 10] = [
        Self::Action,
        Self::SpecificInfo,
        Self::LayoutVersion,
        Self::Addressee,
        Self::RecordKey,
        Self::FiscalYear,
        Self::Date,
        Self::PublicFrom,
        Self::PublicTo,
        Self::DataSet,
    ];

    /// Its name in the first line of a CSV file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "処理区分",
            Self::SpecificInfo => "特定個人情報名コード",
            Self::LayoutVersion => "レイアウト版",
            Self::Addressee => "団体内統合宛名番号",
            Self::RecordKey => "レコードキー",
            Self::FiscalYear => "年度",
            Self::Date => "基準日",
            Self::PublicFrom => "公開開始日",
            Self::PublicTo => "公開終了日",
            Self::DataSet => "データセット",
        }
    }

    /// Its place in a line, from 0.
    pub fn index(self) -> usize {
        Self::ALL
            .iter()
            .position(|column| *column == self)
            .unwrap_or_default()
    }

    /// Characters in a `.DAT` line; the data set's are the layout's.
    fn width(self, data_set: usize) -> usize {
        match self {
            Self::Action => 1,
            Self::SpecificInfo | Self::LayoutVersion => 16,
            Self::Addressee => 15,
            Self::RecordKey => 40,
            Self::FiscalYear => 4,
            Self::Date | Self::PublicFrom | Self::PublicTo => 8,
            Self::DataSet => data_set,
        }
    }
}

/// A data set where it stands in its layout.
#[derive(Debug)]
pub struct SetColumn<'l> {
    /// The codes from the top down to its own, joined by `/`.
    pub path: String,
    /// The data set.
    pub layout: &'l DataSetLayout,
    /// How many data sets stand above it.
    pub depth: usize,
    /// The data set above it.
    pub parent: Option<usize>,
    /// Its own items among all of the layout.
    pub items: Range<usize>,
}

/// An item of the layout as a column.
#[derive(Debug)]
pub struct ItemColumn<'l> {
    /// The item.
    pub layout: &'l ItemLayout,
    /// The data set it belongs to.
    pub set: usize,
}

/// Every column of the files in one version of a layout.
#[derive(Debug)]
pub struct Columns<'l> {
    /// The layout.
    pub layout: &'l Layout,
    /// The data sets, each before those below it.
    pub sets: Vec<SetColumn<'l>>,
    /// The items of all data sets, in the order of the layout.
    pub items: Vec<ItemColumn<'l>>,
    /// The characters of each field of a `.DAT` line: an item has one more for its mark.
    pub widths: Vec<usize>,
    /// The characters of a `.DAT` line, the commas between its fields with them and its line end without.
    pub line_chars: usize,
}

impl<'l> Columns<'l> {
    /// The columns of `layout`.
    pub fn of(layout: &'l Layout) -> Self {
        let mut columns = Self {
            layout,
            sets: Vec::new(),
            items: Vec::new(),
            widths: Vec::new(),
            line_chars: 0,
        };
        columns.add(&layout.data_sets, None);
        let paths = columns.sets.iter().map(|set| set.path.chars().count());
        let data_set = paths.max().unwrap_or_default();
        let head = HeadColumn::ALL.map(|column| column.width(data_set));
        let items = columns.items.iter().map(|item| 1 + item.layout.length_max);
        columns.widths = head.into_iter().chain(items).collect();
        columns.line_chars = columns.widths.iter().sum::<usize>() + columns.fields() - 1;
        columns
    }

    fn add(&mut self, sets: &'l [DataSetLayout], parent: Option<usize>) {
        for set in sets {
            let above = parent.and_then(|at| self.sets.get(at));
            let depth = above.map_or(0, |above| above.depth + 1);
            let path = above.map_or_else(
                || set.code.to_string(),
                |above| format!("{}{PATH_SEPARATOR}{}", above.path, set.code),
            );
            let (own, first) = (self.sets.len(), self.items.len());
            let items = set.items.iter();
            self.items
                .extend(items.map(|layout| ItemColumn { layout, set: own }));
            self.sets.push(SetColumn {
                path,
                layout: set,
                depth,
                parent,
                items: first..self.items.len(),
            });
            self.add(&set.data_sets, Some(own));
        }
    }

    /// How many fields a line has.
    pub fn fields(&self) -> usize {
        HeadColumn::ALL.len() + self.items.len()
    }

    /// The names of the columns, as the first line of a CSV file has them.
    pub fn names(&self) -> impl Iterator<Item = &'l str> + '_ {
        let head = HeadColumn::ALL.into_iter();
        let head = head.map(|column| -> &'l str { column.name() });
        let items = self.items.iter().map(|item| item.layout.code.as_str());
        head.chain(items)
    }

    /// Where a field stands: its number in a CSV line, its first character in a `.DAT` line; both from 1.
    pub fn place(&self, form: FileForm, field: usize) -> usize {
        match form {
            FileForm::Csv => field + 1,
            FileForm::Dat => self.widths.iter().take(field).sum::<usize>() + field + 1,
        }
    }

    /// The data set with this path.
    pub fn set(&self, path: &str) -> Option<usize> {
        self.sets.iter().position(|set| set.path == path)
    }

    /// What a person calls a field: its name, and an item's code.
    pub fn title(&self, field: usize) -> String {
        if let Some(head) = HeadColumn::ALL.get(field) {
            return head.name().to_owned();
        }
        let item = self.items.get(field.saturating_sub(HeadColumn::ALL.len()));
        item.map(|item| format!("{}（{}）", item.layout.name, item.layout.code))
            .unwrap_or_default()
    }
}

/// The version whose CSV files have exactly these columns.
pub fn version_with_names<'l>(
    layouts: &'l Layouts,
    info: SpecificInfoCode,
    names: &[&str],
) -> Option<&'l LayoutVersion> {
    let fits = |layout: &&Layout| Columns::of(layout).names().eq(names.iter().copied());
    let found = layouts.versions(info).iter().find(fits);
    found.map(|layout| &layout.version)
}

/// The version whose `.DAT` lines have this many characters.
pub fn version_with_length(
    layouts: &Layouts,
    info: SpecificInfoCode,
    chars: usize,
) -> Option<&LayoutVersion> {
    let fits = |layout: &&Layout| Columns::of(layout).line_chars == chars;
    let found = layouts.versions(info).iter().find(fits);
    found.map(|layout| &layout.version)
}
