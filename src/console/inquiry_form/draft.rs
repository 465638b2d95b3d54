//! Reads the form of an inquiry, and puts what is wrong with it at the fields.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{Offer, is_entered};
use crate::{
    console::{
        desk::Desk,
        form::{Entered, Form, entered},
    },
    domain::{
        codes::{InstitutionCode, ItemCode, SpecificInfoCode},
        condition::{Condition, FiscalYear, Period},
        names::RecordId,
        refusal::Refusal,
    },
    institution::{AskedDraft, DetailDraft, InquiryDraft},
};

/// Which records are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    FiscalYear,
    Period,
}

/// The conditions with their names in the form and in Japanese.
pub(super) const CONDITIONS: [(&str, Kind, &str); 3] = [
    ("", Kind::Any, "指定なし"),
    ("fiscal_year", Kind::FiscalYear, "年度"),
    ("period", Kind::Period, "期間"),
];

/// The inquiry that the form asks for.
///
/// # Errors
/// When a field is flawed: it says so itself, or, for the specific informations, what is returned does.
pub(super) fn draft(
    desk: &Desk,
    offer: &Offer,
    values: &Entered,
    form: &mut Form,
) -> Result<InquiryDraft, Option<String>> {
    let addressee = form.required("addressee");
    let provider = form.required::<InstitutionCode>("provider");
    let unit = form.required("unit");
    let condition = condition(form);
    let asked = asked(values, offer);
    let (Some(addressee), Some(provider), Some(unit), Some(condition), true) =
        (addressee, provider, unit, condition, form.is_sound())
    else {
        return Err(asked.err().flatten());
    };
    let record_id = entered(values, "record_id").parse::<RecordId>();
    let user = desk.staff.account().name.as_str().parse();
    let (Ok(record_id), Ok(user)) = (record_id, user) else {
        let stale = "画面が古いため送信できません。新しく入力してください。";
        return Err(Some(stale.to_owned()));
    };
    let infos = asked?.into_iter().map(|(specific_info, items)| AskedDraft {
        provider,
        provider_delegator: None,
        specific_info,
        items,
        condition,
    });
    Ok(InquiryDraft {
        requested_at: desk.world.now(),
        unit,
        user,
        affair: offer.affair,
        procedure: offer.procedure,
        delegator: None,
        sealing_key: None,
        details: vec![DetailDraft {
            record_id,
            addressee,
            nondisclosure: is_entered(values, "nondisclosure", "1"),
            infos: infos.collect(),
        }],
    })
}

type AskedInfos = Vec<(SpecificInfoCode, Vec<ItemCode>)>;

/// The specific informations that were chosen, each once, with their items.
fn asked(values: &Entered, offer: &Offer) -> Result<AskedInfos, Option<String>> {
    let flaw = |text: &str| Some(text.to_owned());
    let of = |name: &'static str| {
        let named = values.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    };
    let offered = offer.infos();
    let mut asked = AskedInfos::new();
    for text in of("info").collect::<BTreeSet<_>>() {
        let code = text.parse().ok().filter(|code| offered.contains(code));
        let code = code.ok_or_else(|| flaw("選択肢から選んでください。"))?;
        asked.push((code, Vec::new()));
    }
    if asked.is_empty() {
        return Err(flaw("1つ以上選んでください。"));
    }
    for text in of("item").collect::<BTreeSet<_>>() {
        let read = text.split_once('/');
        let read = read.and_then(|(info, item)| {
            let item: ItemCode = item.parse().ok()?;
            Some((info.parse::<SpecificInfoCode>().ok()?, item))
        });
        let (info, item) = read.ok_or_else(|| flaw("項目を選択肢から選んでください。"))?;
        let wanted = asked.iter_mut().find(|(code, _)| *code == info);
        let unchosen = "項目を選んだ特定個人情報も選んでください。";
        let (_, items) = wanted.ok_or_else(|| flaw(unchosen))?;
        items.push(item);
    }
    Ok(asked)
}

fn condition(form: &mut Form) -> Option<Condition> {
    let kinds = CONDITIONS.map(|(name, kind, _)| (name, kind));
    match form.chosen("condition", &kinds)? {
        Kind::Any => Some(Condition::None),
        Kind::FiscalYear => {
            let year = form.value("fiscal_year").parse::<i16>();
            let year = FiscalYear::try_from(year.unwrap_or(i16::MAX));
            if let Err(unfit) = year {
                form.flaw("fiscal_year", unfit.ja());
            }
            year.ok().map(Condition::FiscalYear)
        }
        Kind::Period => {
            let (from, to) = (form.day("from"), form.day("to"));
            let Some(from) = from else {
                form.flaw("from", "必須項目です");
                return None;
            };
            match Period::new(from, to.unwrap_or(Date::MAX)) {
                Ok(period) => Some(Condition::Period(period)),
                Err(unfit) => {
                    form.flaw("to", unfit.ja());
                    None
                }
            }
        }
    }
}

/// Puts a refusal of the intermediate server at the field that it is about; returns what is about the specific informations.
pub(super) fn place_refusal(refusal: &Refusal, form: &mut Form) -> Option<String> {
    match refusal {
        Refusal::Malformed(flaws) => {
            let mut about_infos = None;
            for flaw in flaws {
                let ja = &flaw.description_ja;
                if flaw.field.ends_with(".provider") {
                    form.flaw("provider", ja);
                } else if flaw.field.ends_with(".condition.fiscal_year") {
                    form.flaw("fiscal_year", ja);
                } else if flaw.field.ends_with(".condition.period.from") {
                    form.flaw("from", ja);
                } else if flaw.field.contains(".specific_infos[") {
                    about_infos = Some(ja.clone());
                }
            }
            about_infos
        }
        Refusal::UnitNotAuthorised => {
            form.flaw("unit", refusal.ja());
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::form::Field;

    fn form(values: &[(&str, &str)]) -> Form {
        let values = values.iter().map(|(name, value)| {
            let (name, value) = (*name, *value);
            (name.to_owned(), value.to_owned())
        });
        let fields =
            ["condition", "fiscal_year", "from", "to"].map(|name| Field::text(name, "", ""));
        Form::filled(fields.to_vec(), &values.collect())
    }

    fn flawed(form: &Form) -> Vec<&str> {
        let flawed = form.fields.iter().filter(|field| field.flaw.is_some());
        flawed.map(|field| field.name).collect()
    }

    #[test]
    fn a_condition_is_read_by_its_kind() {
        assert_eq!(condition(&mut form(&[])), Some(Condition::None));
        let year = FiscalYear::try_from(2026).unwrap();
        let mut of_year = form(&[("condition", "fiscal_year"), ("fiscal_year", "2026")]);
        assert_eq!(condition(&mut of_year), Some(Condition::FiscalYear(year)));
        let mut open = form(&[("condition", "period"), ("from", "2026-04-01")]);
        let since = Period::new(Date::constant(2026, 4, 1), Date::MAX).unwrap();
        assert_eq!(condition(&mut open), Some(Condition::Period(since)));
    }

    #[test]
    fn a_flaw_of_a_condition_stands_at_its_field() {
        let flaws = |values: &[(&str, &str)]| {
            let mut form = form(values);
            assert_eq!(condition(&mut form), None);
            flawed(&form).join(",")
        };
        assert_eq!(flaws(&[("condition", "all")]), "condition");
        assert_eq!(flaws(&[("condition", "fiscal_year")]), "fiscal_year");
        assert_eq!(
            flaws(&[("condition", "fiscal_year"), ("fiscal_year", "1999")]),
            "fiscal_year"
        );
        assert_eq!(flaws(&[("condition", "period")]), "from");
        let turned = [
            ("condition", "period"),
            ("from", "2026-04-02"),
            ("to", "2026-04-01"),
        ];
        assert_eq!(flaws(&turned), "to");
    }
}
