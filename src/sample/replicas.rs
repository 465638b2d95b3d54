//! Synthetic replicas: what an institution's business system would register of a sample person.

use jiff::{
    ToSpan,
    civil::{Date, date},
};

use super::{
    population::{Population, SamplePerson},
    situation::Situation,
    values::{Writer, Writing},
};
use crate::domain::{
    codes::{InstitutionCode, SpecificInfoCode},
    layout::{Layout, Layouts},
    replica::{MissingReason, Publication, ReplicaDraft},
};

/// 地方税関係情報: registered once for each fiscal year, from June on.
const YEARLY: &str = "TM00000000000002";

/// 医療保険給付関係情報: belongs to a month.
const MONTHLY: &str = "TM90000000000002";

/// Writes the replicas of sample people in the form of a world's layouts, those a user has brought included.
#[derive(Debug, Clone, Copy)]
pub struct ReplicaSource<'a> {
    /// The people.
    pub population: &'a Population,
    /// The layouts the replicas follow.
    pub layouts: &'a Layouts,
    /// The day of registration in Japan.
    pub today: Date,
}

/// When a replica belongs to.
struct Time {
    record_key: String,
    fiscal_year: Option<i16>,
    date: Option<Date>,
    published_from: Date,
    layout_on: Date,
}

impl ReplicaSource<'_> {
    /// The replicas of a person that an institution holds: none without a layout, and none for
    /// [`Situation::NotRegistered`]. The caller asks only for institutions that have the person: the home for what
    /// municipalities hold, the holder of 公金受取口座 for that.
    ///
    /// Values follow the layout's kinds, lengths and names of items; each data set stands at least once, so that
    /// an ordinary person's answer withholds nothing. Amounts of tax agree with each other; nothing else does.
    pub fn drafts(
        &self,
        person: &SamplePerson,
        specific_info: SpecificInfoCode,
        institution: InstitutionCode,
    ) -> Vec<ReplicaDraft> {
        if Situation::of(person.index) == Situation::NotRegistered {
            return Vec::new();
        }
        let times = (0..).zip(self.times(specific_info));
        times
            .filter_map(|(at, time)| {
                let layout = self.layout(specific_info, time.layout_on)?;
                self.draft(person, institution, layout, (at, time))
            })
            .collect()
    }

    fn draft(
        &self,
        person: &SamplePerson,
        institution: InstitutionCode,
        layout: &Layout,
        (at, time): (u32, Time),
    ) -> Option<ReplicaDraft> {
        let (ended, withheld) = shortcoming(Situation::of(person.index), at);
        let yesterday = self.today.saturating_sub(1.day());
        let publication = Publication {
            from: time.published_from.min(yesterday),
            to: ended.then_some(yesterday),
        };
        let purpose = [layout.specific_info.as_str(), &time.record_key];
        let mut writer = Writer::new(Writing {
            seed: self.population.seed(),
            person,
            purpose: &purpose,
            today: self.today,
            fiscal_year: time.fiscal_year,
        });
        let mut content = writer.data_sets(&layout.data_sets);
        match withheld {
            Withheld::Nothing => {}
            Withheld::Everything(reason) => writer.withhold_all(&mut content, reason),
            Withheld::LastItems(reason) => writer.withhold_last(&mut content, reason),
        }
        Some(ReplicaDraft {
            addressee: self
                .population
                .addressee_number(person.index, institution)?,
            specific_info: layout.specific_info,
            layout_version: layout.version.clone(),
            record_key: time.record_key,
            fiscal_year: time.fiscal_year,
            date: time.date,
            publication,
            content,
        })
    }

    /// When the replicas of a specific information belong to, the newest first.
    fn times(&self, specific_info: SpecificInfoCode) -> Vec<Time> {
        let today = self.today;
        let last_year = today.saturating_sub(1.year());
        match specific_info.as_str() {
            YEARLY => {
                let newest = if today.month() >= 6 { today } else { last_year }.year();
                let in_june = |year: i16| Time {
                    record_key: year.to_string(),
                    fiscal_year: Some(year),
                    date: None,
                    published_from: date(year, 6, 1),
                    layout_on: date(year, 6, 1),
                };
                [newest, newest.saturating_sub(1)].map(in_june).into()
            }
            MONTHLY => {
                let month = today.first_of_month();
                let record_key = month.strftime("%Y%m").to_string();
                vec![Time {
                    record_key,
                    fiscal_year: None,
                    date: Some(month),
                    published_from: month,
                    layout_on: today,
                }]
            }
            _ => vec![Time {
                record_key: "1".into(),
                fiscal_year: None,
                date: None,
                published_from: last_year,
                layout_on: today,
            }],
        }
    }

    /// The layout in effect on the day; before the first, the first.
    fn layout(&self, specific_info: SpecificInfoCode, on: Date) -> Option<&Layout> {
        let oldest = || self.layouts.versions(specific_info).first();
        self.layouts.current(specific_info, on).or_else(oldest)
    }
}

/// Which values of a replica are missing.
enum Withheld {
    Nothing,
    Everything(MissingReason),
    LastItems(MissingReason),
}

/// What the `at`th replica of a person in a situation lacks: whether its publication has ended, and its values.
fn shortcoming(situation: Situation, at: u32) -> (bool, Withheld) {
    match situation {
        Situation::OutsidePublication => (true, Withheld::Nothing),
        Situation::NotDeclared => (false, Withheld::Everything(MissingReason::NotDeclared)),
        Situation::PartlyProvided => (at > 0, Withheld::LastItems(MissingReason::UnderCorrection)),
        Situation::Ordinary
        | Situation::NotRegistered
        | Situation::MovedOut
        | Situation::SymbolMissing
        | Situation::HeldByPerson
        | Situation::HeldByInfo
        | Situation::HeldByPersonInfo
        | Situation::NoSelfProvision
        | Situation::Protected => (false, Withheld::Nothing),
    }
}

#[cfg(test)]
mod tests;
