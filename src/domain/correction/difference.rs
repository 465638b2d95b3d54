//! What a change does to a replica, value by value.

use std::{collections::BTreeMap, fmt};

use crate::domain::{
    codes::ItemCode,
    replica::{DataSetRecord, ItemValue, MASK, Replica},
    words::DataSetCode,
};

/// What differs between a replica as it is and as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs, in the order of the replica's fields.
    pub differing: Vec<Differing>,
    /// How many values stay as they are.
    pub same: usize,
}

/// One value that differs.
#[derive(Clone, PartialEq, Eq)]
pub struct Differing {
    /// Where it stands.
    pub place: Place,
    /// What it is; nothing where there is none.
    pub before: Option<ItemValue>,
    /// What it is to be; nothing where there will be none.
    pub after: Option<ItemValue>,
}

/// Never shows the values.
impl fmt::Debug for Differing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.place)
    }
}

/// Where a value of a replica stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// レイアウト版.
    LayoutVersion,
    /// 年度.
    FiscalYear,
    /// The day it belongs to.
    Date,
    /// The first day of its publication.
    PublicationFrom,
    /// The last day of its publication.
    PublicationTo,
    /// An item.
    Item {
        /// The data sets above it from the top, each with the number of its record among its like, from 1.
        sets: Vec<(DataSetCode, usize)>,
        /// The item.
        item: ItemCode,
    },
}

impl Difference {
    /// Compares a replica as it is with what it is to be; nothing is a replica that is not there.
    pub fn between(before: Option<&Replica>, after: Option<&Replica>) -> Self {
        let (mut before, mut after) = (values(before), values(after));
        let mut differing = Vec::new();
        let mut same = 0;
        let mut places: Vec<_> = before.keys().chain(after.keys()).cloned().collect();
        places.sort();
        places.dedup();
        for place in places {
            let (before, after) = (before.remove(&place), after.remove(&place));
            if before == after {
                same += 1;
            } else {
                differing.push(Differing {
                    place,
                    before,
                    after,
                });
            }
        }
        Self { differing, same }
    }

    /// The same with every value masked. Reasons for missing values stay, and what differs is still to be seen.
    #[must_use]
    pub fn masked(mut self) -> Self {
        for differing in &mut self.differing {
            let Place::Item { .. } = differing.place else {
                continue;
            };
            for value in [&mut differing.before, &mut differing.after] {
                if let Some(ItemValue::Present(text)) = value {
                    MASK.clone_into(text);
                }
            }
        }
        self
    }
}

fn values(replica: Option<&Replica>) -> BTreeMap<Place, ItemValue> {
    let mut values = BTreeMap::new();
    let Some(replica) = replica else {
        return values;
    };
    let mut say = |place, text: Option<String>| {
        values.extend(text.map(|text| (place, ItemValue::Present(text))));
    };
    let Replica {
        layout_version,
        fiscal_year,
        date,
        publication,
        content,
        ..
    } = replica;
    say(Place::LayoutVersion, Some(layout_version.to_string()));
    let year = fiscal_year.map(|year| year.year().to_string());
    say(Place::FiscalYear, year);
    say(Place::Date, date.map(|day| day.to_string()));
    say(Place::PublicationFrom, Some(publication.from.to_string()));
    let to = publication.to.map(|day| day.to_string());
    say(Place::PublicationTo, to);
    gather(content, &[], &mut values);
    values
}

fn gather(
    records: &[DataSetRecord],
    above: &[(DataSetCode, usize)],
    into: &mut BTreeMap<Place, ItemValue>,
) {
    let mut seen = BTreeMap::<_, usize>::new();
    for record in records {
        let number = seen.entry(&record.code).or_default();
        *number += 1;
        let mut sets = above.to_vec();
        sets.push((record.code.clone(), *number));
        for item in &record.items {
            let place = Place::Item {
                sets: sets.clone(),
                item: item.code,
            };
            into.insert(place, item.value.clone());
        }
        gather(&record.children, &sets, into);
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::date};

    use super::*;
    use crate::domain::replica::{Item, MissingReason, Publication};

    fn record(code: &str, value: ItemValue, children: Vec<DataSetRecord>) -> DataSetRecord {
        DataSetRecord {
            code: code.parse().unwrap(),
            items: vec![Item {
                code: "TK90000000000001".parse().unwrap(),
                value,
            }],
            children,
        }
    }

    fn replica(content: Vec<DataSetRecord>) -> Replica {
        Replica {
            addressee: "000000000000001".parse().unwrap(),
            specific_info: "TM90000000000001".parse().unwrap(),
            record_key: "K".parse().unwrap(),
            layout_version: "2026".parse().unwrap(),
            fiscal_year: None,
            date: None,
            publication: Publication {
                from: date(2026, 4, 1),
                to: None,
            },
            content,
            registered_at: Timestamp::UNIX_EPOCH,
            revision: 1,
        }
    }

    fn text(text: &str) -> ItemValue {
        ItemValue::Present(text.into())
    }

    #[test]
    fn what_differs_is_named_with_both_values_and_the_rest_is_counted() {
        let below = |value| vec![record("BB", value, vec![])];
        let before = replica(vec![
            record("AA", text("1"), below(text("x"))),
            record("AA", text("2"), vec![]),
        ]);
        let missing = ItemValue::Missing(MissingReason::NotHeld);
        let mut after = replica(vec![record("AA", text("1"), below(missing.clone()))]);
        after.publication.to = Some(date(2027, 3, 31));
        after.revision = 2;
        let difference = Difference::between(Some(&before), Some(&after));
        assert_eq!(difference.same, 3, "version, first day, first item");
        let item = |sets: &[(&str, usize)]| Place::Item {
            sets: sets
                .iter()
                .map(|(code, number)| (code.parse().unwrap(), *number))
                .collect(),
            item: "TK90000000000001".parse().unwrap(),
        };
        let named = [
            (Place::PublicationTo, None, Some(text("2027-03-31"))),
            (
                item(&[("AA", 1), ("BB", 1)]),
                Some(text("x")),
                Some(missing),
            ),
            (item(&[("AA", 2)]), Some(text("2")), None),
        ];
        let named = named.map(|(place, before, after)| Differing {
            place,
            before,
            after,
        });
        assert_eq!(difference.differing, named);
        let masked = difference.masked();
        assert_eq!(masked.differing[0].after, Some(text("2027-03-31")));
        assert_eq!(masked.differing[2].before, Some(text(MASK)));
    }

    #[test]
    fn a_replica_that_comes_or_goes_differs_in_every_value() {
        let one = replica(vec![record("AA", text("1"), vec![])]);
        for (before, after) in [(None, Some(&one)), (Some(&one), None)] {
            let difference = Difference::between(before, after);
            assert_eq!((difference.differing.len(), difference.same), (3, 0));
        }
        assert!(
            Difference::between(Some(&one), Some(&one))
                .differing
                .is_empty()
        );
    }
}
