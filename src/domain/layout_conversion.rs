//! 旧版の変換: a layout says how a replica in an older version is answered in its own; without such a rule the replica is
//! answered as it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{
    codes::ItemCode,
    form_check::check,
    layout::{DataSetLayout, Layout, Layouts},
    replica::{
        DataSetDraft, DataSetRecord, ItemDraft, ItemValue, MissingReason, Replica, ReplicaDraft,
    },
    words::LayoutVersion,
};

/// How replicas in one older version become replicas in the layout that holds the rule.
///
/// Data sets and items keep their values under the same code. What only the older version has is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The older version.
    pub from: LayoutVersion,
    /// Items that had another code: new code to old code.
    pub renamed: BTreeMap<ItemCode, ItemCode>,
    /// Items that the older version does not have, and the reason that is answered in the place of their value.
    pub missing: BTreeMap<ItemCode, MissingReason>,
}

/// What a rule does not cover, or names wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uncovered {
    /// A new item that every record must state, which neither the older version nor the rule has.
    Required(ItemCode),
    /// An item that the rule gives something to, and the layout does not have.
    NotNew(ItemCode),
    /// An item that the rule takes a value from, and the older version does not have.
    NotOld(ItemCode),
}

impl Conversion {
    /// Everything that keeps the rule from making sound replicas of `old` ones for `new`.
    pub fn uncovered(&self, old: &Layout, new: &Layout) -> BTreeSet<Uncovered> {
        let mut found = BTreeSet::new();
        for code in self.renamed.keys().chain(self.missing.keys()) {
            if !new.knows(*code) {
                found.insert(Uncovered::NotNew(*code));
            }
        }
        let sources = self.renamed.values().filter(|code| !old.knows(**code));
        found.extend(sources.map(|code| Uncovered::NotOld(*code)));
        self.uncovered_below(&old.data_sets, &new.data_sets, &mut found);
        found
    }

    fn uncovered_below(
        &self,
        old: &[DataSetLayout],
        new: &[DataSetLayout],
        found: &mut BTreeSet<Uncovered>,
    ) {
        for set in new {
            let before = old.iter().find(|before| before.code == set.code);
            // A data set that nobody has to state is just not there.
            if before.is_none() && set.min == 0 {
                continue;
            }
            let (items, below) = before.map_or((&[][..], &[][..]), |before| {
                (before.items.as_slice(), before.data_sets.as_slice())
            });
            for item in set.items.iter().filter(|item| item.required) {
                let source = self.renamed.get(&item.code).unwrap_or(&item.code);
                let covered = before.is_some()
                    && (self.missing.contains_key(&item.code)
                        || items.iter().any(|old| old.code == *source && old.required));
                if !covered {
                    found.insert(Uncovered::Required(item.code));
                }
            }
            self.uncovered_below(below, &set.data_sets, found);
        }
    }

    fn records(&self, old: &[DataSetRecord], layouts: &[DataSetLayout]) -> Vec<DataSetDraft> {
        let of_set = |set: &DataSetLayout| {
            let records = old.iter().filter(|record| record.code == set.code);
            let records = records.map(|record| DataSetDraft {
                code: set.code.to_string(),
                items: self.items(record, set),
                children: self.records(&record.children, &set.data_sets),
            });
            records.collect::<Vec<_>>()
        };
        layouts.iter().flat_map(of_set).collect()
    }

    fn items(&self, record: &DataSetRecord, set: &DataSetLayout) -> Vec<ItemDraft> {
        let value = |code: &ItemCode| {
            if let Some(reason) = self.missing.get(code) {
                return Some(ItemValue::Missing(*reason));
            }
            let source = self.renamed.get(code).unwrap_or(code);
            let item = record.items.iter().find(|item| item.code == *source);
            item.map(|item| item.value.clone())
        };
        let items = set.items.iter().filter_map(|item| {
            Some(ItemDraft {
                code: item.code.to_string(),
                value: Some(value(&item.code)?),
            })
        });
        items.collect()
    }
}

impl Layouts {
    /// The replicas as they are answered on a day: each in the version in effect where that has a rule for the replica's own
    /// and the outcome passes its form check; else as it is.
    pub fn in_effect(&self, mut replicas: Vec<Replica>, on: Date) -> Vec<Replica> {
        for replica in &mut replicas {
            if let Some(converted) = self.converted(replica, on) {
                *replica = converted;
            }
        }
        replicas
    }

    fn converted(&self, replica: &Replica, on: Date) -> Option<Replica> {
        let layout = self.current(replica.specific_info, on)?;
        let mut rules = layout.conversions.iter();
        let rule = rules.find(|rule| rule.from == replica.layout_version)?;
        let draft = ReplicaDraft {
            addressee: replica.addressee,
            specific_info: replica.specific_info,
            layout_version: layout.version.clone(),
            record_key: replica.record_key.to_string(),
            fiscal_year: replica.fiscal_year.map(|year| year.year()),
            date: replica.date,
            publication: replica.publication,
            content: rule.records(&replica.content, &layout.data_sets),
        };
        let checked = check(layout, draft).ok()?;
        Some(checked.register(replica.registered_at, replica.revision))
    }
}
