//! Layouts: which data sets and items a specific information has, version by version.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    codes::{ItemCode, SpecificInfoCode},
    layout_conversion::Conversion,
    words::{DataSetCode, LayoutVersion},
};

/// レイアウト: the form of a replica of one specific information in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The specific information it is the form of.
    pub specific_info: SpecificInfoCode,
    /// The specific information's Japanese name.
    pub name: String,
    /// Which version of the form it is.
    pub version: LayoutVersion,
    /// The first day on which it is the current version.
    pub effective_from: Date,
    /// The last day on which it is the current version; open when absent. Replicas in it stay valid afterwards.
    pub effective_to: Option<Date>,
    /// The data sets at the top.
    pub data_sets: Vec<DataSetLayout>,
    /// How replicas in older versions are answered in this one.
    pub conversions: Vec<Conversion>,
}

/// データセット: a group of items, repeated within limits, with further groups below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSetLayout {
    /// Its code, unique among its neighbours.
    pub code: DataSetCode,
    /// Its Japanese name.
    pub name: String,
    /// How often it must stand under its parent at least.
    pub min: usize,
    /// How often it may stand under its parent at most.
    pub max: usize,
    /// Its own items.
    pub items: Vec<ItemLayout>,
    /// The data sets below each of its records.
    pub data_sets: Vec<DataSetLayout>,
}

/// 項目: the form of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemLayout {
    /// Its code, unique in the layout.
    pub code: ItemCode,
    /// Its Japanese name.
    pub name: String,
    /// Which values it takes.
    pub kind: ItemKind,
    /// The longest value in characters.
    pub length_max: usize,
    /// Whether every record states it: a value, or the reason why there is none.
    pub required: bool,
}

/// 型: which values an item takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// Any printable characters.
    Text,
    /// ASCII digits; leading zeros count.
    Digits,
    /// A whole number, `-` in front when negative, no leading zeros.
    Integer,
    /// A day as `yyyyMMdd`.
    Date,
    /// One of the codes given, each with its Japanese name.
    Code {
        /// Code to name.
        permitted: BTreeMap<String, String>,
    },
    /// `1` for yes, `0` for no.
    Flag,
}

impl Layout {
    /// Whether an item with this code stands anywhere in the layout.
    pub fn knows(&self, item: ItemCode) -> bool {
        fn within(sets: &[DataSetLayout], item: ItemCode) -> bool {
            sets.iter().any(|set| {
                set.items.iter().any(|own| own.code == item) || within(&set.data_sets, item)
            })
        }
        within(&self.data_sets, item)
    }
}

/// Every version of every layout of a world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layouts(BTreeMap<SpecificInfoCode, Vec<Layout>>);

impl Layouts {
    /// Puts layouts side by side, the versions of each in the order in which they came into effect.
    ///
    /// # Errors
    /// [`DuplicateVersion`] when two layouts of one specific information have the same version.
    pub fn new(layouts: impl IntoIterator<Item = Layout>) -> Result<Self, DuplicateVersion> {
        let mut all = BTreeMap::<_, Vec<Layout>>::new();
        for layout in layouts {
            let versions = all.entry(layout.specific_info).or_default();
            if versions.iter().any(|other| other.version == layout.version) {
                return Err(DuplicateVersion {
                    specific_info: layout.specific_info,
                    version: layout.version,
                });
            }
            versions.push(layout);
            versions.sort_by(|a, b| {
                (a.effective_from, &a.version).cmp(&(b.effective_from, &b.version))
            });
        }
        Ok(Self(all))
    }

    /// Every specific information that has a layout, in the order of the codes.
    pub fn specific_infos(&self) -> impl Iterator<Item = SpecificInfoCode> + '_ {
        self.0.keys().copied()
    }

    /// The versions of a specific information's layout, the oldest first; none when it is unknown.
    pub fn versions(&self, specific_info: SpecificInfoCode) -> &[Layout] {
        self.0.get(&specific_info).map_or(&[], Vec::as_slice)
    }

    /// One version of a specific information's layout.
    ///
    /// # Errors
    /// [`UnknownVersion`] with the versions there are; none of them when the specific information is unknown.
    pub fn find(
        &self,
        specific_info: SpecificInfoCode,
        version: &LayoutVersion,
    ) -> Result<&Layout, UnknownVersion> {
        let versions = self.versions(specific_info);
        versions
            .iter()
            .find(|layout| layout.version == *version)
            .ok_or_else(|| UnknownVersion {
                specific_info,
                known: versions
                    .iter()
                    .map(|layout| layout.version.clone())
                    .collect(),
            })
    }

    /// The version in effect on a day: of several, the one that came last.
    pub fn current(&self, specific_info: SpecificInfoCode, on: Date) -> Option<&Layout> {
        self.versions(specific_info).iter().rev().find(|layout| {
            layout.effective_from <= on && layout.effective_to.is_none_or(|last| on <= last)
        })
    }

    /// Those of the items that no version of the specific information's layout knows: an inquiry must not ask
    /// for them.
    pub fn unknown_items(
        &self,
        specific_info: SpecificInfoCode,
        items: &[ItemCode],
    ) -> Vec<ItemCode> {
        let versions = self.versions(specific_info);
        let unknown = |item: &ItemCode| !versions.iter().any(|layout| layout.knows(*item));
        items.iter().copied().filter(unknown).collect()
    }
}

/// There is no such version of a layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such layout version of {specific_info}; known: {known:?}")]
pub struct UnknownVersion {
    /// The specific information.
    pub specific_info: SpecificInfoCode,
    /// The versions there are, the oldest first.
    pub known: Vec<LayoutVersion>,
}

impl UnknownVersion {
    /// The same in Japanese, for a person.
    pub fn ja(&self) -> String {
        let known: Vec<_> = self.known.iter().map(LayoutVersion::as_str).collect();
        format!(
            "特定個人情報名コード「{}」にこのレイアウト版はありません（有効な版: {}）",
            self.specific_info,
            known.join("、")
        )
    }
}

/// Two layouts claim the same version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version {version} of {specific_info} is defined twice")]
pub struct DuplicateVersion {
    /// The specific information.
    pub specific_info: SpecificInfoCode,
    /// The version.
    pub version: LayoutVersion,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn tm() -> SpecificInfoCode {
        "TM90000000000001".parse().unwrap()
    }

    fn layout(version: &str, from: Date, to: Option<Date>) -> Layout {
        let inner = DataSetLayout {
            code: "INNER".parse().unwrap(),
            name: "内".into(),
            min: 0,
            max: 1,
            items: vec![ItemLayout {
                code: "TK90000000000001".parse().unwrap(),
                name: "項目".into(),
                kind: ItemKind::Text,
                length_max: 1,
                required: true,
            }],
            data_sets: vec![],
        };
        Layout {
            specific_info: tm(),
            name: "見本".into(),
            version: version.parse().unwrap(),
            effective_from: from,
            effective_to: to,
            conversions: Vec::new(),
            data_sets: vec![DataSetLayout {
                code: "OUTER".parse().unwrap(),
                items: vec![],
                data_sets: vec![inner.clone()],
                ..inner
            }],
        }
    }

    fn two_versions() -> Layouts {
        Layouts::new([
            layout("2026", date(2026, 6, 1), None),
            layout("2025", date(2025, 6, 1), Some(date(2026, 6, 30))),
        ])
        .unwrap()
    }

    #[test]
    fn the_current_version_is_the_last_to_come_into_effect() {
        let layouts = two_versions();
        let current = |on| layouts.current(tm(), on).map(|l| l.version.to_string());
        assert_eq!(current(date(2025, 5, 31)), None);
        assert_eq!(current(date(2026, 5, 31)).unwrap(), "2025");
        assert_eq!(current(date(2026, 6, 1)).unwrap(), "2026");
    }

    #[test]
    fn an_unknown_version_names_the_known_ones() {
        let layouts = two_versions();
        let unknown = layouts.find(tm(), &"2024".parse().unwrap()).unwrap_err();
        assert_eq!(unknown.known.len(), 2);
        assert!(layouts.find(tm(), &"2025".parse().unwrap()).is_ok());
        let nothing = "TM99999999999999".parse().unwrap();
        let unknown = layouts.find(nothing, &"2025".parse().unwrap()).unwrap_err();
        assert!(unknown.known.is_empty());
    }

    #[test]
    fn the_same_version_twice_is_refused() {
        let twice = [1, 2].map(|day| layout("2025", date(2025, 6, day), None));
        assert!(Layouts::new(twice).is_err());
    }

    #[test]
    fn an_item_that_no_version_knows_is_named() {
        let nested = "TK90000000000001".parse().unwrap();
        let strange = "TK90000000000002".parse().unwrap();
        let unknown = two_versions().unknown_items(tm(), &[nested, strange]);
        assert_eq!(unknown, [strange]);
    }
}
