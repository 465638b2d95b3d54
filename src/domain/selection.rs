//! Which replicas answer an inquiry, and how much of them.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    codes::{ItemCode, SpecificInfoCode},
    condition::{Condition, FiscalYear},
    replica::{DataSetRecord, ItemValue, MissingReason, Replica},
    words::{LayoutVersion, RecordKey},
};

/// What is asked of a person's replicas of one specific information.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// The items asked for; all of them when empty. [`Layouts::unknown_items`] says which cannot be asked for.
    ///
    /// [`Layouts::unknown_items`]: super::layout::Layouts::unknown_items
    pub items: &'a [ItemCode],
    /// The condition the records must fit.
    pub condition: Condition,
    /// The day of provision in Japan.
    pub on: Date,
}

/// What a selection finds: an answer, or which kind of "no data" it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is something to provide.
    Answer {
        /// What is provided.
        answer: Answer,
        /// What is not; the provision is a partial one (一部提供) unless this is empty.
        partly: Vec<Withheld>,
    },
    /// 未登録: nothing that fits is registered.
    NotRegistered,
    /// 未申告: the person has declared none of what was asked for.
    NotDeclared,
    /// 公開期間外: what fits is not published on this day.
    OutsidePublication,
}

/// A part of what was asked for that is not provided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// Records that fit are not published on this day.
    OutsidePublication {
        /// How many.
        records: usize,
    },
    /// An item has no value in at least one record.
    Missing {
        /// Which item.
        item: ItemCode,
        /// Why.
        reason: MissingReason,
    },
    /// An item was asked for and stands in no record.
    NotStated {
        /// Which item.
        item: ItemCode,
    },
}

/// 提供内容: what is sealed for the inquirer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Which specific information it is.
    pub specific_info: SpecificInfoCode,
    /// The layout versions the records are in, in order.
    pub layout_versions: Vec<LayoutVersion>,
    /// The records, in the order of their keys.
    pub records: Vec<AnswerRecord>,
}

/// One replica, reduced to what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRecord {
    /// The replica's key.
    pub record_key: RecordKey,
    /// The layout it is in.
    pub layout_version: LayoutVersion,
    /// The fiscal year it belongs to.
    pub fiscal_year: Option<FiscalYear>,
    /// The day it belongs to.
    pub date: Option<Date>,
    /// The values.
    pub content: Vec<DataSetRecord>,
}

impl Answer {
    /// The one byte form of the answer: JSON without spaces, fields in the order of the types.
    ///
    /// # Errors
    /// None that a value of this type can cause; the encoder's signature has one.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads the byte form.
    ///
    /// # Errors
    /// When the bytes are not an answer, or hold a field that is not ours.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// Selects from the replicas of one person and one specific information.
///
/// The rules, in this order (ours):
/// 1. No replica fits the condition: [`Found::NotRegistered`].
/// 2. Some fit, and none is published on the day: [`Found::OutsidePublication`].
/// 3. Those published state none of the items asked for: [`Found::NotRegistered`].
/// 4. All that they state of those items is that they are not declared: [`Found::NotDeclared`].
/// 5. Otherwise those published that state any of the items answer, with these items alone; a missing value
///    stands in the answer with its reason. The answer is a partial one when a value is missing, an item asked
///    for by name is stated in no record, or a record that fits is not published. A value that does not apply
///    to the person is known, not missing, and makes no answer partial.
pub fn select(replicas: &[Replica], request: &Selection<'_>) -> Found {
    let fitting = replicas
        .iter()
        .filter(|replica| request.condition.fits(replica.fiscal_year, replica.date));
    let (mut published, outside): (Vec<_>, Vec<_>) =
        fitting.partition(|replica| replica.publication.contains(request.on));
    let Some(specific_info) = published.first().map(|replica| replica.specific_info) else {
        return match outside.is_empty() {
            true => Found::NotRegistered,
            false => Found::OutsidePublication,
        };
    };
    published.sort_by(|a, b| a.record_key.cmp(&b.record_key));
    let records: Vec<_> = published
        .into_iter()
        .filter_map(|replica| reduce(replica, request.items))
        .collect();

    let mut stated = Stated::default();
    for record in &records {
        stated.take(&record.content);
    }
    if stated.items.is_empty() {
        return Found::NotRegistered;
    }
    if stated.not_declared_only() {
        return Found::NotDeclared;
    }
    let versions: BTreeSet<_> = records
        .iter()
        .map(|record| &record.layout_version)
        .collect();
    let layout_versions = versions.into_iter().cloned().collect();
    Found::Answer {
        partly: stated.withheld(request.items, outside.len()),
        answer: Answer {
            specific_info,
            layout_versions,
            records,
        },
    }
}

/// What the records state of the items asked for.
#[derive(Default)]
struct Stated {
    items: BTreeSet<ItemCode>,
    missing: BTreeSet<(ItemCode, MissingReason)>,
    any_other_than_not_declared: bool,
}

impl Stated {
    fn take(&mut self, content: &[DataSetRecord]) {
        for set in content {
            for item in &set.items {
                self.items.insert(item.code);
                match item.value {
                    ItemValue::Missing(MissingReason::NotDeclared) => {
                        self.missing.insert((item.code, MissingReason::NotDeclared));
                    }
                    ItemValue::Missing(reason) => {
                        self.any_other_than_not_declared = true;
                        self.missing.insert((item.code, reason));
                    }
                    ItemValue::Present(_) => self.any_other_than_not_declared = true,
                }
            }
            self.take(&set.children);
        }
    }

    fn not_declared_only(&self) -> bool {
        !self.any_other_than_not_declared
    }

    fn withheld(&self, asked: &[ItemCode], outside: usize) -> Vec<Withheld> {
        let asked: BTreeSet<_> = asked.iter().copied().collect();
        let outside = (outside > 0).then_some(Withheld::OutsidePublication { records: outside });
        let missing = self
            .missing
            .iter()
            .filter(|(_, reason)| *reason != MissingReason::NotApplicable)
            .map(|&(item, reason)| Withheld::Missing { item, reason });
        let not_stated = asked
            .difference(&self.items)
            .map(|&item| Withheld::NotStated { item });
        outside
            .into_iter()
            .chain(missing)
            .chain(not_stated)
            .collect()
    }
}

fn reduce(replica: &Replica, items: &[ItemCode]) -> Option<AnswerRecord> {
    let content = reduce_content(&replica.content, items);
    (!content.is_empty()).then(|| AnswerRecord {
        record_key: replica.record_key.clone(),
        layout_version: replica.layout_version.clone(),
        fiscal_year: replica.fiscal_year,
        date: replica.date,
        content,
    })
}

/// The records that hold an item asked for, or have one below them that does.
fn reduce_content(content: &[DataSetRecord], asked: &[ItemCode]) -> Vec<DataSetRecord> {
    let reduced = content.iter().map(|set| DataSetRecord {
        code: set.code.clone(),
        items: set
            .items
            .iter()
            .filter(|item| asked.is_empty() || asked.contains(&item.code))
            .cloned()
            .collect(),
        children: reduce_content(&set.children, asked),
    });
    reduced
        .filter(|set| !set.items.is_empty() || !set.children.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
