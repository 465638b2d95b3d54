//! What a new version of a layout changes.

use std::collections::BTreeSet;

use super::{
    layout::{ItemKind, ItemLayout, Layout},
    replica_file::Columns,
};

/// One difference between two versions of a layout. Data sets are named by their path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayoutChange {
    /// A data set that is new.
    SetAdded(String),
    /// A data set that is gone.
    SetRemoved(String),
    /// A data set may stand more or less often.
    SetLimits {
        /// The data set.
        path: String,
        /// The fewest and the most records before.
        from: (usize, usize),
        /// The fewest and the most records after.
        to: (usize, usize),
    },
    /// An item that is new.
    ItemAdded {
        /// Its data set.
        path: String,
        /// The item.
        item: ItemLayout,
    },
    /// An item that is gone.
    ItemRemoved {
        /// Its data set.
        path: String,
        /// The item.
        item: ItemLayout,
    },
    /// An item that is another than before.
    ItemChanged {
        /// Its data set.
        path: String,
        /// The item before.
        from: ItemLayout,
        /// The item after.
        to: ItemLayout,
    },
}

/// Everything that is different, in the order of the layouts: what is gone last.
pub fn differences(from: &Layout, to: &Layout) -> Vec<LayoutChange> {
    let (before, after) = (Columns::of(from), Columns::of(to));
    let mut changes = Vec::new();
    for set in &after.sets {
        let path = || set.path.clone();
        let limits = (set.layout.min, set.layout.max);
        match before.set(&set.path).and_then(|at| before.sets.get(at)) {
            None => changes.push(LayoutChange::SetAdded(path())),
            Some(old) if (old.layout.min, old.layout.max) != limits => {
                changes.push(LayoutChange::SetLimits {
                    path: path(),
                    from: (old.layout.min, old.layout.max),
                    to: limits,
                });
            }
            Some(_) => {}
        }
        for item in &set.layout.items {
            let old = find(&before, &set.path, item);
            let (path, item) = (path(), item.clone());
            match old {
                None => changes.push(LayoutChange::ItemAdded { path, item }),
                Some(old) if *old != item => changes.push(LayoutChange::ItemChanged {
                    path,
                    from: old.clone(),
                    to: item,
                }),
                Some(_) => {}
            }
        }
    }
    for set in &before.sets {
        if after.set(&set.path).is_none() {
            changes.push(LayoutChange::SetRemoved(set.path.clone()));
        }
        for item in &set.layout.items {
            if find(&after, &set.path, item).is_none() {
                let (path, item) = (set.path.clone(), item.clone());
                changes.push(LayoutChange::ItemRemoved { path, item });
            }
        }
    }
    changes
}

fn find<'l>(columns: &Columns<'l>, path: &str, item: &ItemLayout) -> Option<&'l ItemLayout> {
    let set = columns.sets.get(columns.set(path)?)?.layout;
    set.items.iter().find(|own| own.code == item.code)
}

impl LayoutChange {
    /// For a person.
    pub fn ja(&self) -> String {
        match self {
            Self::SetAdded(path) => format!("＋ データセット {path}"),
            Self::SetRemoved(path) => format!("－ データセット {path}"),
            Self::SetLimits { path, from, to } => format!(
                "～ データセット {path}: 件数 {}〜{} → {}〜{}",
                from.0, from.1, to.0, to.1
            ),
            Self::ItemAdded { path, item } => {
                format!(
                    "＋ {path} {} {}（{}）",
                    item.code,
                    item.name,
                    item.form_ja()
                )
            }
            Self::ItemRemoved { path, item } => {
                format!(
                    "－ {path} {} {}（{}）",
                    item.code,
                    item.name,
                    item.form_ja()
                )
            }
            Self::ItemChanged { path, from, to } => {
                format!(
                    "～ {path} {} {}: {}",
                    to.code,
                    to.name,
                    changed_ja(from, to)
                )
            }
        }
    }
}

fn changed_ja(from: &ItemLayout, to: &ItemLayout) -> String {
    let mut told = Vec::new();
    if from.name != to.name {
        told.push(format!("名称 {} → {}", from.name, to.name));
    }
    if from.form_ja() != to.form_ja() {
        told.push(format!("{} → {}", from.form_ja(), to.form_ja()));
    }
    let (before, after) = (from.kind.permitted(), to.kind.permitted());
    let list = |codes: Vec<&&str>| codes.into_iter().copied().collect::<Vec<_>>().join("、");
    let (added, removed) = (
        after.difference(&before).collect::<Vec<_>>(),
        before.difference(&after).collect::<Vec<_>>(),
    );
    if !added.is_empty() {
        told.push(format!("コード追加 {}", list(added)));
    }
    if !removed.is_empty() {
        told.push(format!("コード廃止 {}", list(removed)));
    }
    if told.is_empty() {
        told.push("コードの名称の変更".into());
    }
    told.join("、")
}

impl ItemLayout {
    /// Kind, length and whether it is required, for a person.
    pub fn form_ja(&self) -> String {
        let required = if self.required { "必須" } else { "任意" };
        format!("{} {}文字 {required}", self.kind.ja(), self.length_max)
    }
}

impl ItemKind {
    /// Its name for a person.
    pub fn ja(&self) -> &'static str {
        match self {
            Self::Text => "文字",
            Self::Digits => "数字",
            Self::Integer => "整数",
            Self::Date => "日付",
            Self::Code { .. } => "コード",
            Self::Flag => "有無",
        }
    }

    fn permitted(&self) -> BTreeSet<&str> {
        match self {
            Self::Code { permitted } => permitted.keys().map(String::as_str).collect(),
            Self::Text | Self::Digits | Self::Integer | Self::Date | Self::Flag => BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::layout::DataSetLayout;

    fn item(code: &str, kind: ItemKind, length_max: usize) -> ItemLayout {
        ItemLayout {
            code: code.parse().unwrap(),
            name: "項目".into(),
            kind,
            length_max,
            required: true,
        }
    }

    fn layout(version: &str, max: usize, items: Vec<ItemLayout>) -> Layout {
        Layout {
            specific_info: "TM90000000000001".parse().unwrap(),
            name: "見本".into(),
            version: version.parse().unwrap(),
            effective_from: date(2026, 4, 1),
            effective_to: None,
            conversions: Vec::new(),
            data_sets: vec![DataSetLayout {
                code: "SET".parse().unwrap(),
                name: "組".into(),
                min: 1,
                max,
                items,
                data_sets: vec![],
            }],
        }
    }

    #[test]
    fn what_a_version_adds_takes_away_and_changes_is_named() {
        let code = |codes: &[&str]| ItemKind::Code {
            permitted: codes.iter().map(|c| ((*c).into(), "名".into())).collect(),
        };
        let old = layout(
            "1",
            1,
            vec![
                item("TK90000000000001", ItemKind::Text, 10),
                item("TK90000000000002", code(&["1", "2"]), 1),
                item("TK90000000000003", ItemKind::Flag, 1),
            ],
        );
        let new = layout(
            "2",
            3,
            vec![
                item("TK90000000000001", ItemKind::Text, 20),
                item("TK90000000000002", code(&["2", "3"]), 1),
                item("TK90000000000004", ItemKind::Date, 8),
            ],
        );
        let told: Vec<_> = differences(&old, &new)
            .iter()
            .map(LayoutChange::ja)
            .collect();
        let expected = [
            "～ データセット SET: 件数 1〜1 → 1〜3",
            "～ SET TK90000000000001 項目: 文字 10文字 必須 → 文字 20文字 必須",
            "～ SET TK90000000000002 項目: コード追加 3、コード廃止 1",
            "＋ SET TK90000000000004 項目（日付 8文字 必須）",
            "－ SET TK90000000000003 項目（有無 1文字 必須）",
        ];
        assert_eq!(told, expected);
        assert!(differences(&old, &old).is_empty());
    }
}
