//! The form check (形式チェック): a draft becomes a replica, or every flaw of it is named at once.

use jiff::{Timestamp, civil::Date};

use super::{
    condition::FiscalYear,
    form_flaw::{FormFlaw, Misfit, absurd},
    layout::{DataSetLayout, ItemLayout, Layout},
    repertoire::{first_unprintable, mentions_individual_number},
    replica::{
        DataSetDraft, DataSetRecord, Item, ItemDraft, ItemValue, Publication, Replica, ReplicaDraft,
    },
    shape::Shape,
    words::RecordKey,
};

/// The largest content of one replica, as JSON (ours).
pub const CONTENT_BYTES_MAX: usize = 256 * 1024;

/// The most flaws that are named of one draft (ours): enough to mend it, small enough to send.
pub const FLAWS_MAX: usize = 100;

/// A draft that has passed the form check and waits for its registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedReplica(Replica);

impl CheckedReplica {
    /// The name under which it will be registered.
    pub fn record_key(&self) -> &RecordKey {
        &self.0.record_key
    }

    /// The replica, registered at this time for the `revision`th time (from 1).
    pub fn register(self, registered_at: Timestamp, revision: u64) -> Replica {
        Replica {
            registered_at,
            revision,
            ..self.0
        }
    }
}

/// Checks a draft against the layout it names.
///
/// The first flaw found in a value is the one named: kind and length come after characters and the form of a
/// 個人番号, which no value may have, whatever its kind.
///
/// # Errors
/// Every flaw, in the order of the fields, up to [`FLAWS_MAX`].
pub fn check(layout: &Layout, draft: ReplicaDraft) -> Result<CheckedReplica, Vec<FormFlaw>> {
    let mut flaws = Flaws::default();
    if (draft.specific_info, &draft.layout_version) != (layout.specific_info, &layout.version) {
        flaws.add("layout_version", Misfit::OtherLayout);
    }
    let record_key = flaws.take("record_key", draft.record_key.try_into());
    let fiscal_year = draft.fiscal_year.map(|year| {
        let year = FiscalYear::try_from(year).map_err(|_| Misfit::FiscalYear);
        flaws.take("fiscal_year", year)
    });
    flaws.add_some("date", draft.date.and_then(absurd));
    check_publication(&draft.publication, &mut flaws);
    if draft.content.is_empty() {
        flaws.add("content", Misfit::Empty);
    }
    let content = check_data_sets(&layout.data_sets, draft.content, "content", &mut flaws);
    flaws.add_some("content", too_large(&content));
    match (record_key, fiscal_year) {
        (Some(record_key), None | Some(Some(_))) if flaws.0.is_empty() => {
            Ok(CheckedReplica(Replica {
                addressee: draft.addressee,
                specific_info: draft.specific_info,
                record_key,
                layout_version: draft.layout_version,
                fiscal_year: fiscal_year.flatten(),
                date: draft.date,
                publication: draft.publication,
                content,
                registered_at: Timestamp::UNIX_EPOCH,
                revision: 0,
            }))
        }
        _ => Err(flaws.0),
    }
}

#[derive(Default)]
struct Flaws(Vec<FormFlaw>);

impl Flaws {
    fn add(&mut self, path: impl Into<String>, why: Misfit) {
        self.add_value(path, why, None);
    }

    fn add_value(&mut self, path: impl Into<String>, why: Misfit, shape: Option<Shape>) {
        if self.0.len() < FLAWS_MAX {
            let path = path.into();
            self.0.push(FormFlaw { path, why, shape });
        }
    }

    fn add_some(&mut self, path: &str, why: Option<Misfit>) {
        if let Some(why) = why {
            self.add(path, why);
        }
    }

    fn take<T>(&mut self, path: &str, read: Result<T, impl Into<Misfit>>) -> Option<T> {
        read.map_err(|why| self.add(path, why.into())).ok()
    }
}

fn check_publication(publication: &Publication, flaws: &mut Flaws) {
    flaws.add_some("publication.from", absurd(publication.from));
    flaws.add_some("publication.to", publication.to.and_then(absurd));
    let inverted = |last: &Date| *last < publication.from;
    if publication.to.as_ref().is_some_and(inverted) {
        flaws.add("publication.to", Misfit::Inverted);
    }
}

/// Bytes of the content as JSON; a content that cannot be encoded would be refused when it is stored.
fn too_large(content: &[DataSetRecord]) -> Option<Misfit> {
    if bytes_at_most(content) <= CONTENT_BYTES_MAX {
        return None;
    }
    let actual = serde_json::to_vec(content).map_or(usize::MAX, |bytes| bytes.len());
    let max = CONTENT_BYTES_MAX;
    (actual > max).then_some(Misfit::TooLarge { max, actual })
}

/// More than the content has as JSON: a printable character takes at most twice its bytes, and no code or name around a
/// value or a record has 128 bytes.
fn bytes_at_most(content: &[DataSetRecord]) -> usize {
    let item = |item: &Item| match &item.value {
        ItemValue::Present(text) => 128 + 2 * text.len(),
        ItemValue::Missing(_) => 128,
    };
    let record = |record: &DataSetRecord| {
        let own: usize = record.items.iter().map(item).sum();
        128 + own + bytes_at_most(&record.children)
    };
    2 + content.iter().map(record).sum::<usize>()
}

fn check_data_sets(
    layouts: &[DataSetLayout],
    drafts: Vec<DataSetDraft>,
    path: &str,
    flaws: &mut Flaws,
) -> Vec<DataSetRecord> {
    for layout in layouts {
        let own = |draft: &&DataSetDraft| draft.code == layout.code.as_str();
        let actual = drafts.iter().filter(own).count();
        let code = || layout.code.clone();
        if actual < layout.min {
            let (code, min) = (code(), layout.min);
            flaws.add(path, Misfit::TooFew { code, min, actual });
        }
        if actual > layout.max {
            let (code, max) = (code(), layout.max);
            flaws.add(path, Misfit::TooMany { code, max, actual });
        }
    }
    let mut records = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.into_iter().enumerate() {
        let path = format!("{path}[{at}]");
        match layouts.iter().find(|own| own.code.as_str() == draft.code) {
            Some(layout) => records.push(check_record(layout, draft, &path, flaws)),
            None => {
                let known = layouts.iter().map(|own| own.code.clone()).collect();
                flaws.add(format!("{path}.code"), Misfit::UnknownDataSet { known });
            }
        }
    }
    records
}

fn check_record(
    layout: &DataSetLayout,
    draft: DataSetDraft,
    path: &str,
    flaws: &mut Flaws,
) -> DataSetRecord {
    let mut items = Vec::with_capacity(draft.items.len());
    let mut seen = Vec::with_capacity(draft.items.len());
    for (at, item) in draft.items.into_iter().enumerate() {
        let path = |field: &str| format!("{path}.items[{at}].{field}");
        let Some(own) = layout
            .items
            .iter()
            .find(|own| own.code.as_str() == item.code)
        else {
            flaws.add(path("code"), Misfit::UnknownItem);
            continue;
        };
        if seen.contains(&own.code) {
            flaws.add(path("code"), Misfit::DuplicateItem(own.code));
        } else {
            seen.push(own.code);
        }
        items.extend(check_item(own, item, || path("value"), flaws));
    }
    for own in layout.items.iter().filter(|own| own.required) {
        if !seen.contains(&own.code) {
            flaws.add(format!("{path}.items"), Misfit::RequiredItem(own.code));
        }
    }
    let children_path = format!("{path}.children");
    DataSetRecord {
        code: layout.code.clone(),
        items,
        children: check_data_sets(&layout.data_sets, draft.children, &children_path, flaws),
    }
}

fn check_item(
    layout: &ItemLayout,
    draft: ItemDraft,
    path: impl Fn() -> String,
    flaws: &mut Flaws,
) -> Option<Item> {
    match &draft.value {
        None => flaws.add(path(), Misfit::NeitherValueNorReason),
        Some(ItemValue::Missing(_)) => {}
        Some(ItemValue::Present(text)) => {
            if let Some(misfit) = value_misfit(layout, text) {
                flaws.add_value(path(), misfit, Some(Shape::of(text)));
            }
        }
    }
    let code = layout.code;
    draft.value.map(|value| Item { code, value })
}

fn value_misfit(layout: &ItemLayout, text: &str) -> Option<Misfit> {
    if text.is_empty() {
        return Some(Misfit::NeitherValueNorReason);
    }
    if let Some(position) = first_unprintable(text) {
        return Some(Misfit::Unprintable { position });
    }
    if mentions_individual_number(text) {
        return Some(Misfit::IndividualNumber);
    }
    if text.ends_with(' ') {
        return Some(Misfit::EndsWithSpace);
    }
    let (actual, max) = (text.chars().count(), layout.length_max);
    if actual > max {
        return Some(Misfit::TooLong { max, actual });
    }
    layout.kind.misfit(text)
}

#[cfg(test)]
mod tests;
