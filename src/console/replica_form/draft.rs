//! Reads the form of a replica, and puts what is wrong with it at the fields.

use super::{Target, content::records, fields, reason_fields};
use crate::{
    console::form::{Entered, Form, entered},
    domain::{
        layout::DataSetLayout,
        refusal::FieldFlaw,
        replica::{DataSetDraft, ItemDraft, ItemValue, MissingReason, Publication, ReplicaDraft},
        words::Note,
    },
    institution::{ChangeDraft, CorrectionDraft},
};

/// What was entered.
pub(super) struct Sheet {
    /// The proposal; nothing where a field cannot be read.
    pub(super) draft: Option<CorrectionDraft>,
    /// Where the form check names a value or a record, and where the page has it.
    pub(super) places: Vec<(String, String)>,
    pub(super) form: Form,
    pub(super) reason: Form,
}

/// Reads every field.
pub(super) fn sheet(target: &Target, values: &Entered) -> Sheet {
    let mut form = Form::filled(fields(), values);
    let mut reason = Form::filled(reason_fields(), values);
    let mut places = Vec::new();
    let change = if entered(values, "do") == "delete" {
        Some(ChangeDraft::Delete(target.name.clone()))
    } else {
        let mut content = Vec::new();
        let sets = &target.layout.data_sets;
        gather(sets, values, ("", "content"), (&mut content, &mut places));
        replica(target, content, &mut form).map(|draft| ChangeDraft::Register(Box::new(draft)))
    };
    // A browser sends the line breaks of a text field; a note has none.
    let joined = reason.value("reason").replace(['\r', '\n'], " ");
    let why = match joined.parse::<Note>() {
        Ok(why) => Some(why),
        Err(_) => reason.required("reason"),
    };
    let draft = change.zip(why);
    Sheet {
        draft: draft.map(|(change, reason)| CorrectionDraft {
            id: target.id.clone(),
            change,
            reason,
            revision: target.revision,
            again: target.again,
        }),
        places,
        form,
        reason,
    }
}

fn replica(target: &Target, content: Vec<DataSetDraft>, form: &mut Form) -> Option<ReplicaDraft> {
    let (date, from, to) = (form.day("date"), form.day("from"), form.day("to"));
    if form.value("from").is_empty() {
        form.flaw("from", "必須項目です。");
    }
    let year = form.value("fiscal_year");
    let fiscal_year = if year.is_empty() {
        None
    } else {
        // A year that cannot be read is as impossible as i16::MAX, which the form check refuses.
        Some(year.parse().unwrap_or(i16::MAX))
    };
    let from = from.filter(|_| form.is_sound())?;
    Some(ReplicaDraft {
        addressee: target.name.addressee,
        specific_info: target.name.specific_info,
        layout_version: target.layout.version.clone(),
        record_key: target.name.record_key.to_string(),
        fiscal_year,
        date,
        publication: Publication { from, to },
        content,
    })
}

/// The records that have a value, in the order of the layout.
fn gather(
    sets: &[DataSetLayout],
    values: &Entered,
    (above, at): (&str, &str),
    (into, places): (&mut Vec<DataSetDraft>, &mut Vec<(String, String)>),
) {
    for set in sets {
        for number in 1..=records(values, above, set) {
            let path = format!("{above}/{}.{number}", set.code);
            let at = format!("{at}[{}]", into.len());
            let (mut own, mut items) = (Vec::new(), Vec::new());
            for item in &set.items {
                let field = format!("{path}/{}", item.code);
                let Some(value) = value(values, &field) else {
                    continue;
                };
                own.push((format!("{at}.items[{}].value", items.len()), field));
                items.push(ItemDraft {
                    code: item.code.to_string(),
                    value: Some(value),
                });
            }
            let mut children = Vec::new();
            let below = format!("{at}.children");
            gather(
                &set.data_sets,
                values,
                (&path, &below),
                (&mut children, &mut own),
            );
            if items.is_empty() && children.is_empty() {
                continue;
            }
            for of_record in ["items", "children"] {
                own.push((format!("{at}.{of_record}"), path.clone()));
            }
            places.append(&mut own);
            into.push(DataSetDraft {
                code: set.code.to_string(),
                items,
                children,
            });
        }
    }
}

/// A value, or the reason why there is none; nothing where the field is empty.
fn value(values: &Entered, field: &str) -> Option<ItemValue> {
    let text = entered(values, &format!("v{field}"));
    if !text.is_empty() {
        return Some(ItemValue::Present(text.to_owned()));
    }
    let reason: MissingReason = entered(values, &format!("m{field}")).parse().ok()?;
    Some(ItemValue::Missing(reason))
}

/// Flaws by the field of the content, and those that have no field.
type Placed = (Vec<(String, String)>, Vec<String>);

/// Puts each flaw at its field.
pub(super) fn place_flaws(
    flaws: Vec<FieldFlaw>,
    places: &[(String, String)],
    (form, reason): (&mut Form, &mut Form),
) -> Placed {
    let (mut placed, mut others) = (Vec::new(), Vec::new());
    for flaw in flaws {
        let ja = flaw.description_ja;
        let path = flaw.field.strip_prefix("replica.");
        let path = path.unwrap_or(&flaw.field);
        let own = match path {
            "fiscal_year" => Some("fiscal_year"),
            "record_date" => Some("date"),
            "publication.from" => Some("from"),
            "publication.to" => Some("to"),
            _ => None,
        };
        let place = places.iter().find(|(at, _)| at == path);
        if let Some(field) = own {
            form.flaw(field, ja);
        } else if path == "reason" {
            reason.flaw("reason", ja);
        } else if let Some((_, field)) = place {
            placed.push((field.clone(), ja));
        } else {
            others.push(ja);
        }
    }
    (placed, others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        console::replica_form::content::written,
        domain::{
            form_check::check,
            layout::{ItemKind, ItemLayout, Layout},
            replica::ReplicaName,
        },
    };

    fn set(code: &str, max: usize, item: &str, below: Vec<DataSetLayout>) -> DataSetLayout {
        DataSetLayout {
            code: code.parse().unwrap(),
            name: code.into(),
            min: 0,
            max,
            items: vec![ItemLayout {
                code: item.parse().unwrap(),
                name: item.into(),
                kind: ItemKind::Digits,
                length_max: 4,
                required: true,
            }],
            data_sets: below,
        }
    }

    fn target() -> Target {
        let below = set("BB", 3, "TK90000000000002", vec![]);
        Target {
            name: ReplicaName {
                addressee: "000000000000001".parse().unwrap(),
                specific_info: "TM90000000000001".parse().unwrap(),
                record_key: "K".parse().unwrap(),
            },
            layout: Layout {
                specific_info: "TM90000000000001".parse().unwrap(),
                name: "x".into(),
                version: "1".parse().unwrap(),
                effective_from: jiff::civil::date(2026, 4, 1),
                effective_to: None,
                conversions: vec![],
                data_sets: vec![set("AA", 2, "TK90000000000001", vec![below])],
            },
            revision: 0,
            id: "T-1".parse().unwrap(),
            again: None,
        }
    }

    fn values(pairs: &[(&str, &str)]) -> Entered {
        let own = pairs.iter();
        own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    const A1: &str = "v/AA.1/TK90000000000001";
    const A2: &str = "v/AA.2/TK90000000000001";
    const B1: &str = "v/AA.2/BB.1/TK90000000000002";
    const B3: &str = "m/AA.2/BB.3/TK90000000000002";

    #[test]
    fn what_was_written_is_read_again_and_empty_records_are_left_out() {
        let target = target();
        let entered = values(&[
            (A1, ""),
            (A2, "12"),
            (B1, "3"),
            (B3, "NOT_HELD"),
            ("from", "2026-04-01"),
            ("reason", "一行目\r\n二行目"),
        ]);
        let sheet = sheet(&target, &entered);
        let draft = sheet.draft.unwrap();
        assert_eq!(draft.reason.as_str(), "一行目  二行目");
        let ChangeDraft::Register(draft) = draft.change else {
            panic!("no registration");
        };
        let replica = check(&target.layout, *draft).unwrap();
        let replica = replica.register(jiff::Timestamp::UNIX_EPOCH, 1);
        assert_eq!(replica.content.len(), 1);
        assert_eq!(replica.content[0].children.len(), 2);
        let again = super::sheet(&target, &{
            let mut again = written(&replica);
            again.push(("reason".into(), "x".into()));
            again
        });
        let ChangeDraft::Register(draft) = again.draft.unwrap().change else {
            panic!("no registration");
        };
        let same = check(&target.layout, *draft).unwrap();
        let same = same.register(jiff::Timestamp::UNIX_EPOCH, 1);
        assert_eq!(same, replica);
    }

    #[test]
    fn a_flaw_of_the_form_check_comes_to_the_field_that_was_filled() {
        let target = target();
        let entered = values(&[
            (A2, "12"),
            (B1, "strange"),
            ("from", "2026-04-01"),
            ("reason", "x"),
        ]);
        let Sheet {
            draft,
            places,
            mut form,
            mut reason,
        } = sheet(&target, &entered);
        assert!(draft.is_some());
        let flaw = |field: &str| FieldFlaw::new(field, "bad", "誤り");
        let flaws = vec![
            flaw("replica.content[0].children[0].items[0].value"),
            flaw("replica.content[0].items"),
            flaw("replica.publication.to"),
            flaw("replica.content"),
        ];
        let (placed, others) = place_flaws(flaws, &places, (&mut form, &mut reason));
        let placed: Vec<_> = placed.iter().map(|(at, _)| at.as_str()).collect();
        assert_eq!(placed, ["/AA.2/BB.1/TK90000000000002", "/AA.2"]);
        assert_eq!(others, ["誤り"]);
        assert!(!form.is_sound());
    }
}
