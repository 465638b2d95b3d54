//! Synthetic values: what a layout's item could hold of a sample person, by its kind and its name.

use jiff::{
    ToSpan,
    civil::{Date, date},
};

use super::{
    bijection::Draws,
    names::{FEMALE_NAMES, MALE_NAMES, Name},
    population::{SamplePerson, Sex},
    tax::Tax,
};
use crate::domain::{
    layout::{DataSetLayout, ItemKind, ItemLayout},
    repertoire::is_individual_number,
    replica::{DataSetDraft, ItemDraft, ItemValue, MissingReason},
};

/// What is written, and for whom.
pub(super) struct Writing<'a> {
    pub(super) seed: u64,
    pub(super) person: &'a SamplePerson,
    pub(super) purpose: &'a [&'a str],
    pub(super) today: Date,
    pub(super) fiscal_year: Option<i16>,
}

/// Writes the content of one replica.
pub(super) struct Writer<'a> {
    draws: Draws,
    person: &'a SamplePerson,
    subject: Subject,
    tax: Tax,
    today: Date,
    fiscal_year: i16,
}

/// Whom a record speaks of: the person, or another of the household.
#[derive(Clone)]
struct Subject {
    given_name: Name,
    birth_date: Date,
    sex: Sex,
    is_person: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(writing: Writing<'a>) -> Self {
        let person = writing.person;
        let mut draws = Draws::new(writing.seed, writing.purpose, person.index);
        Self {
            tax: Tax::on(draws.below(60_000) * 100),
            draws,
            person,
            subject: Subject {
                given_name: person.given_name,
                birth_date: person.birth_date,
                sex: person.sex,
                is_person: true,
            },
            today: writing.today,
            fiscal_year: writing.fiscal_year.unwrap_or(writing.today.year()),
        }
    }

    /// Records of each data set: at least one, as many as it asks for, and now and then one more.
    pub(super) fn data_sets(&mut self, layouts: &[DataSetLayout]) -> Vec<DataSetDraft> {
        let mut written = Vec::new();
        for layout in layouts {
            let least = layout.min.max(1);
            let count = match self.draws.happens(40) {
                true => (least + 1).min(layout.max),
                false => least,
            };
            for at in 0..count {
                let person = self.subject.clone();
                if at > 0 && layout.name.contains("世帯員") {
                    self.subject = self.relative();
                }
                written.push(self.record(layout));
                self.subject = person;
            }
        }
        written
    }

    /// Puts the reason in the place of every value.
    pub(super) fn withhold_all(&self, content: &mut [DataSetDraft], reason: MissingReason) {
        for set in content {
            for item in &mut set.items {
                item.value = Some(ItemValue::Missing(reason));
            }
            self.withhold_all(&mut set.children, reason);
        }
    }

    /// Puts the reason in the place of the last value of each data set at the top.
    pub(super) fn withhold_last(&self, content: &mut [DataSetDraft], reason: MissingReason) {
        for set in content {
            if let Some(item) = set.items.last_mut() {
                item.value = Some(ItemValue::Missing(reason));
            }
        }
    }

    fn record(&mut self, layout: &DataSetLayout) -> DataSetDraft {
        DataSetDraft {
            code: layout.code.to_string(),
            items: layout.items.iter().map(|item| self.item(item)).collect(),
            children: self.data_sets(&layout.data_sets),
        }
    }

    fn item(&mut self, layout: &ItemLayout) -> ItemDraft {
        let value = match !layout.required && self.draws.happens(15) {
            true => ItemValue::Missing(MissingReason::NotApplicable),
            false => ItemValue::Present(self.value(layout)),
        };
        ItemDraft {
            code: layout.code.to_string(),
            value: Some(value),
        }
    }

    fn value(&mut self, layout: &ItemLayout) -> String {
        let name = layout.name.as_str();
        match &layout.kind {
            ItemKind::Text => self.text(name).chars().take(layout.length_max).collect(),
            ItemKind::Digits => self.digits(name, layout.length_max),
            ItemKind::Integer => self.integer(name, layout.length_max),
            ItemKind::Date => self.date(name).strftime("%Y%m%d").to_string(),
            ItemKind::Code { permitted } => {
                let codes: Vec<_> = permitted
                    .iter()
                    .map(|(code, ja)| (code.as_str(), ja.as_str()))
                    .collect();
                self.code(name, &codes).to_owned()
            }
            ItemKind::Flag => self.draws.below(2).to_string(),
        }
    }

    fn text(&mut self, name: &str) -> String {
        const IMPAIRMENTS: &[&str] = &["右上肢機能障害", "左下肢機能障害", "聴覚障害", "視覚障害"];
        const BRANCHES: &[&str] = &["本店", "見本支店", "駅前支店"];
        if name.contains("世帯主の氏名") {
            return self.person.name();
        }
        let (family, given) = (self.person.family_name, self.subject.given_name);
        match name {
            _ if name.contains("カナ") => format!("{}　{}", family.kana, given.kana),
            _ if name.contains("氏名") => format!("{}　{}", family.kanji, given.kanji),
            _ if name.contains("住所") => self.person.address.clone(),
            _ if name.contains("金融機関") => "見本銀行".into(),
            _ if name.contains("支店") => self.draws.one_of(BRANCHES, "本店").into(),
            _ if name.contains("障害") => self.draws.one_of(IMPAIRMENTS, "聴覚障害").into(),
            _ if name.contains("番号") => self.draws.below(10_000_000).to_string(),
            _ => "見本".into(),
        }
    }

    fn digits(&mut self, name: &str, length: usize) -> String {
        match length {
            4 if name.contains("年度") => return format!("{:04}", self.fiscal_year),
            6 if name.contains("年月") => {
                let months = i64::try_from(self.draws.below(12)).unwrap_or_default();
                let month = self.today.saturating_sub(months.months());
                return month.strftime("%Y%m").to_string();
            }
            1 => return (self.draws.below(6) + 1).to_string(),
            _ => {}
        }
        let digit = |draws: &mut Draws| draws.below(10).to_string();
        let mut digits: String = (0..length).map(|_| digit(&mut self.draws)).collect();
        while is_individual_number(&digits) {
            digits.pop();
            digits.push_str(&digit(&mut self.draws));
        }
        digits
    }

    /// An amount of tax where one is named, a count when there is room for no more than two digits, else an amount in hundreds.
    fn integer(&mut self, name: &str, length: usize) -> String {
        let amount = self.tax.amount_yen(name).map(|yen| yen.to_string());
        if let Some(amount) = amount.filter(|amount| amount.len() <= length) {
            return amount;
        }
        let hundreds = match length {
            0..=2 => return self.draws.below(4).to_string(),
            3 => 10,
            4 => 100,
            5 => 1_000,
            6 => 10_000,
            _ => 60_000,
        };
        (self.draws.below(hundreds) * 100).to_string()
    }

    fn date(&mut self, name: &str) -> Date {
        if name.contains("生年月日") {
            return self.subject.birth_date;
        }
        if name.contains("期限") {
            let days = i64::try_from(self.draws.below(5 * 365)).unwrap_or_default();
            return self.today.saturating_add(days.days());
        }
        let first = self.subject.birth_date.max(date(2005, 1, 1));
        let days = first.until(self.today).map_or(0, |span| span.get_days());
        let back = self
            .draws
            .below(u64::try_from(days).unwrap_or_default() + 1);
        first.saturating_add(i64::try_from(back).unwrap_or_default().days())
    }

    /// Mostly the first code, which is the common case in a list of codes.
    fn code<'c>(&mut self, name: &str, codes: &[(&'c str, &'c str)]) -> &'c str {
        let first = codes.first().map_or("", |(code, _)| *code);
        let sex = match self.subject.sex {
            Sex::Female => "女",
            Sex::Male => "男",
        };
        let known = match name {
            "課税区分" => Some(self.tax.class()),
            _ => name.contains("性別").then_some(sex),
        };
        let own = codes.iter().find(|(_, ja)| Some(*ja) == known);
        if let Some((code, _)) = own {
            return code;
        }
        if name.contains("続柄") {
            let others = codes.get(1..).unwrap_or_default();
            return match self.subject.is_person {
                true => first,
                false => self.draws.one_of(others, (first, "")).0,
            };
        }
        match self.draws.happens(70) {
            true => first,
            false => self.draws.one_of(codes, (first, "")).0,
        }
    }

    fn relative(&mut self) -> Subject {
        let (sex, names) = match self.draws.below(2) {
            0 => (Sex::Female, FEMALE_NAMES),
            _ => (Sex::Male, MALE_NAMES),
        };
        let days = i64::try_from(self.draws.below(50 * 365)).unwrap_or_default();
        Subject {
            given_name: self.draws.one_of(names, self.person.given_name),
            birth_date: date(1970, 1, 1).saturating_add(days.days()),
            sex,
            is_person: false,
        }
    }
}
