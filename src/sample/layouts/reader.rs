//! Reads the text of one layout file and names everything that is wrong in it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    domain::{
        codes::{ItemCode, SpecificInfoCode},
        layout::{DataSetLayout, ItemKind, ItemLayout, Layout},
        layout_conversion::Conversion,
        replica::MissingReason,
        words::{DataSetCode, LayoutVersion},
    },
    sample::{
        flaw::{DefinitionFlaw, Reason},
        page::Page,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLayout {
    specific_info: Spanned<String>,
    name: Spanned<String>,
    version: Spanned<String>,
    effective_from: Spanned<String>,
    effective_to: Option<Spanned<String>>,
    data_sets: Spanned<Vec<RawDataSet>>,
    #[serde(default)]
    conversions: Vec<RawConversion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConversion {
    from: Spanned<String>,
    #[serde(default)]
    renamed: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    missing: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// A layout, and where the words stand in its file that other files can prove wrong.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) layout: Layout,
    pub(super) version_at: usize,
    /// Of each conversion.
    pub(super) from_at: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDataSet {
    code: Spanned<String>,
    name: Spanned<String>,
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
    code: Spanned<String>,
    name: Spanned<String>,
    kind: Spanned<String>,
    length_max: Option<Spanned<usize>>,
    permitted: Option<Spanned<BTreeMap<String, String>>>,
    required: bool,
}

/// Reads one file.
///
/// # Errors
/// Every flaw of the file; the first, when it is not TOML or has a key or type that is not ours.
pub(super) fn parse(file: &str, text: &str) -> Result<Placed, Vec<DefinitionFlaw>> {
    let (page, raw) = Page::open::<RawLayout>(file, text)?;
    let mut reader = Reader {
        page,
        item_codes: Vec::new(),
    };
    let version_at = raw.version.span().start;
    let conversions = raw.conversions.iter();
    let from_at = conversions.map(|rule| rule.from.span().start).collect();
    let layout = reader.layout(raw);
    // A layout is only absent where a flaw says why.
    let layout = reader.page.finish(layout)?;
    layout
        .map(|layout| Placed {
            layout,
            version_at,
            from_at,
        })
        .ok_or_else(Vec::new)
}

/// Turns what was read into a layout and notes the flaws.
struct Reader<'a> {
    page: Page<'a>,
    item_codes: Vec<ItemCode>,
}

impl Reader<'_> {
    fn flaw_if<T>(&mut self, wrong: bool, place: &Spanned<T>, en: &str, ja: &str) {
        if wrong {
            self.page.flaw(place, Reason::new(en, ja));
        }
    }

    fn day(&mut self, raw: &Spanned<String>) -> Option<Date> {
        let day = raw.get_ref().parse().ok();
        let (en, ja) = (
            "is not a day as yyyy-MM-dd",
            "yyyy-MM-dd形式の実在する日付ではありません",
        );
        self.flaw_if(day.is_none(), raw, en, ja);
        day
    }

    fn layout(&mut self, raw: RawLayout) -> Option<Layout> {
        self.page.require(&raw.name);
        let specific_info = self.page.word::<SpecificInfoCode>(&raw.specific_info);
        let version = self.page.word::<LayoutVersion>(&raw.version);
        let from = self.day(&raw.effective_from);
        let to = raw.effective_to.as_ref().map(|to| (to, self.day(to)));
        if let (Some(from), Some((place, Some(last)))) = (from, &to) {
            let (en, ja) = (
                "effective_to is before effective_from",
                "終了日（effective_to）が開始日（effective_from）より前です",
            );
            self.flaw_if(*last < from, place, en, ja);
        }
        let (en, ja) = (
            "a layout needs a data set",
            "データセットが一つもありません",
        );
        self.flaw_if(raw.data_sets.get_ref().is_empty(), &raw.data_sets, en, ja);
        let data_sets = self.data_sets(raw.data_sets.into_inner());
        let conversions = raw.conversions.into_iter();
        let conversions = conversions
            .filter_map(|rule| self.conversion(rule))
            .collect();
        Some(Layout {
            conversions,
            specific_info: specific_info?,
            name: raw.name.into_inner(),
            version: version?,
            effective_from: from?,
            effective_to: to.and_then(|(_, to)| to),
            data_sets,
        })
    }

    fn conversion(&mut self, raw: RawConversion) -> Option<Conversion> {
        let from = self.page.word(&raw.from);
        let mut rule = Conversion {
            from: from?,
            renamed: BTreeMap::new(),
            missing: BTreeMap::new(),
        };
        for (new, old) in &raw.renamed {
            let new = self.page.word::<ItemCode>(new);
            let old = self.page.word::<ItemCode>(old);
            rule.renamed.extend(new.zip(old));
        }
        for (new, reason) in &raw.missing {
            let code = self.page.word::<ItemCode>(new);
            let why = self.page.word::<MissingReason>(reason);
            let twice = code.is_some_and(|code| rule.renamed.contains_key(&code));
            let (en, ja) = (
                "this item stands under renamed already",
                "この項目は renamed にもあります",
            );
            self.flaw_if(twice, new, en, ja);
            rule.missing.extend(code.zip(why));
        }
        Some(rule)
    }

    fn data_sets(&mut self, raw: Vec<RawDataSet>) -> Vec<DataSetLayout> {
        let mut read: Vec<DataSetLayout> = Vec::with_capacity(raw.len());
        for set in raw {
            self.page.require(&set.name);
            let code = self.page.word::<DataSetCode>(&set.code);
            let twice = read.iter().any(|other| Some(&other.code) == code.as_ref());
            let (en, ja) = (
                "this data set stands here already",
                "同じデータセットがここに既にあります",
            );
            self.flaw_if(twice, &set.code, en, ja);
            let max = *set.max.get_ref();
            let (en, ja) = (
                "max must be at least 1 and at least min",
                "max は1以上かつ min 以上にしてください",
            );
            self.flaw_if(max == 0 || max < set.min, &set.max, en, ja);
            let empty = set.items.is_empty() && set.data_sets.is_empty();
            let (en, ja) = (
                "a data set needs an item or a data set below it",
                "データセットには項目か下位のデータセットが必要です",
            );
            self.flaw_if(empty, &set.code, en, ja);
            let items = set.items.into_iter().filter_map(|item| self.item(item));
            let items = items.collect();
            let data_sets = self.data_sets(set.data_sets);
            read.extend(code.map(|code| DataSetLayout {
                code,
                name: set.name.into_inner(),
                min: set.min,
                max,
                items,
                data_sets,
            }));
        }
        read
    }

    fn item(&mut self, raw: RawItem) -> Option<ItemLayout> {
        self.page.require(&raw.name);
        let code = self.page.word::<ItemCode>(&raw.code);
        if let Some(code) = code {
            let twice = self.item_codes.contains(&code);
            let (en, ja) = (
                "this item stands in the layout already",
                "同じ項目がこのレイアウトに既にあります",
            );
            self.flaw_if(twice, &raw.code, en, ja);
            self.item_codes.push(code);
        }
        let kind = self.kind(&raw);
        let own_length = match &kind {
            Some(ItemKind::Text | ItemKind::Digits | ItemKind::Integer) => None,
            Some(ItemKind::Date) => Some(8),
            Some(ItemKind::Code { permitted }) => {
                permitted.keys().map(|code| code.chars().count()).max()
            }
            Some(ItemKind::Flag) => Some(1),
            None => return None,
        };
        let length_max = self.length_max(own_length, raw.length_max.as_ref(), &raw.kind);
        Some(ItemLayout {
            code: code?,
            name: raw.name.into_inner(),
            kind: kind?,
            length_max,
            required: raw.required,
        })
    }

    fn kind(&mut self, raw: &RawItem) -> Option<ItemKind> {
        let name = raw.kind.get_ref().as_str();
        if let Some(permitted) = &raw.permitted {
            let (en, ja) = (
                "only an item of kind code has permitted",
                "permitted は kind が code の項目だけに指定できます",
            );
            self.flaw_if(name != "code", permitted, en, ja);
        }
        match name {
            "text" => Some(ItemKind::Text),
            "digits" => Some(ItemKind::Digits),
            "integer" => Some(ItemKind::Integer),
            "date" => Some(ItemKind::Date),
            "flag" => Some(ItemKind::Flag),
            "code" => {
                let permitted = raw.permitted.as_ref();
                let permitted = permitted.map(Spanned::get_ref).cloned().unwrap_or_default();
                let unlisted = permitted.keys().all(String::is_empty);
                let (en, ja) = (
                    "a code needs its permitted values",
                    "kind が code の項目には permitted が必要です",
                );
                self.flaw_if(unlisted, &raw.kind, en, ja);
                Some(ItemKind::Code { permitted })
            }
            _ => {
                let (en, ja) = (
                    "must be one of: text, digits, integer, date, code, flag",
                    "text、digits、integer、date、code、flag のいずれかを指定してください",
                );
                self.flaw_if(true, &raw.kind, en, ja);
                None
            }
        }
    }

    /// The length the kind has of its own, or else the one stated.
    fn length_max(
        &mut self,
        own: Option<usize>,
        stated: Option<&Spanned<usize>>,
        kind: &Spanned<String>,
    ) -> usize {
        match (own, stated) {
            (Some(own), None) => own,
            (None, Some(length)) => {
                let (en, ja) = (
                    "length_max must be at least 1",
                    "length_max は1以上にしてください",
                );
                self.flaw_if(*length.get_ref() == 0, length, en, ja);
                *length.get_ref()
            }
            (None, None) => {
                let (en, ja) = (
                    "this kind needs a length_max",
                    "この kind の項目には length_max が必要です",
                );
                self.flaw_if(true, kind, en, ja);
                0
            }
            (Some(own), Some(length)) => {
                let (en, ja) = (
                    "this kind has its own length: leave length_max out",
                    "この kind の文字数は決まっています。length_max を除いてください",
                );
                self.flaw_if(true, length, en, ja);
                own
            }
        }
    }
}
