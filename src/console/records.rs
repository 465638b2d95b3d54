//! 情報提供等記録: the institution's own records, searched by what they say.

mod comparison;
mod nondisclosure;

use std::{collections::BTreeSet, fmt::Write as _};

use askama::Template;
use axum::{extract::Query, http::StatusCode, response::Response};
use jiff::{
    Timestamp,
    civil::{Date, Time},
};

use super::{
    desk::Desk,
    form::{Choice, Entered, Field, Form, entered},
    frame::{Frame, Message},
    operations::{place, place_text},
    reply::{page, refused, unreadable},
    texts,
};
use crate::{
    domain::{exchange::Side, jst::JST, record::PlacedRecord, result::ResultCode, staff::Act},
    institution::{IntermediateServer, RecordFilter},
    store::SearchPlace,
    world::World,
};

pub(super) use comparison::show as show_one;
pub(super) use nondisclosure::{confirm, mark};

/// How many records a page shows.
const ROWS: usize = 50;

/// The institution's own side, as the address names it.
const SIDES: [(&str, Side); 2] = [("inquirer", Side::Inquirer), ("provider", Side::Provider)];

#[derive(Template)]
#[template(path = "records.html")]
struct RecordsPage {
    frame: Frame,
    form: Form,
    rows: Option<Vec<Row>>,
    next: Option<String>,
}

struct Row {
    serial: String,
    at: String,
    side: &'static str,
    other: String,
    procedure: String,
    info: String,
    result: String,
    mark: &'static str,
}

pub(super) async fn show(desk: Desk, Query(values): Query<Entered>) -> Response {
    let mut form = Form::filled(fields(&desk), &values);
    let filter = filter(&mut form);
    let place = match entered(&values, "after") {
        "" => SearchPlace::default(),
        text => match place(text) {
            Some(place) => place,
            None => return unreadable(StatusCode::UNPROCESSABLE_ENTITY),
        },
    };
    if !form.is_sound() {
        return match desk.begin(Act::SearchRecords, None).await {
            Ok(()) => flawed(&desk, form),
            Err(fault) => refused(&fault),
        };
    }
    let found = desk
        .see_through(move |world, institution, staff| async move {
            let server = world.server(institution)?;
            let (at, now) = ((place, ROWS), world.now());
            let found = server.search_records_at_terminal(&staff, &filter, at, now);
            Ok(found.await?)
        })
        .await;
    let (found, next) = match found {
        Ok(found) => found,
        Err(fault) => return refused(&fault),
    };
    let rows = found.into_iter().map(|placed| row(&desk.world, &placed));
    page(
        StatusCode::OK,
        &RecordsPage {
            frame: Frame::of(&desk, "/records", "情報提供等記録"),
            rows: Some(rows.collect()),
            next: next.map(|place| address_after(&form, place)),
            form,
        },
    )
}

fn flawed(desk: &Desk, form: Form) -> Response {
    let message = Message::error("検索の条件に誤りがあります。", Vec::new());
    let frame = Frame::of(desk, "/records", "情報提供等記録").with(Some(message));
    let (rows, next) = (None, None);
    page(
        StatusCode::UNPROCESSABLE_ENTITY,
        &RecordsPage {
            frame,
            form,
            rows,
            next,
        },
    )
}

fn fields(desk: &Desk) -> Vec<Field> {
    let any = || Choice::new("", "すべて");
    let institutions = desk.world.directory().iter();
    let institutions = institutions.filter(|known| known.code != desk.institution);
    let institutions = institutions.map(|known| {
        let code = known.code.to_string();
        Choice::new(&code, format!("{}（{code}）", known.name))
    });
    let sides = SIDES.map(|(name, side)| Choice::new(name, texts::side(side)));
    let results = ResultCode::ALL.into_iter().filter(|code| code.is_final());
    let results = results.map(|code| Choice::new(code.status_code(), texts::result(code)));
    let copy = desk.server().ok().and_then(IntermediateServer::list_copy);
    let rows = copy.as_ref().map(|copy| copy.list.rows());
    let rows = rows.unwrap_or_default();
    let affairs = codes(rows.iter().map(|row| row.affair.to_string()));
    let procedures = codes(rows.iter().map(|row| row.procedure.to_string()));
    let infos = codes(rows.iter().map(|row| row.specific_info.to_string()));
    let with_any = |choices: Vec<Choice>| [vec![any()], choices].concat();
    vec![
        Field::text("from", "開始日", "例 2026-11-01。空欄は最初の記録から。"),
        Field::text("to", "終了日", "空欄は最後の記録まで。"),
        Field::text("affair", "事務コード", "JMと数字14桁").offering(affairs),
        Field::text("procedure", "事務手続コード", "JTと数字14桁").offering(procedures),
        Field::text("specific_info", "特定個人情報名コード", "TMと数字14桁").offering(infos),
        Field::one_of("counterpart", "相手機関", with_any(institutions.collect())),
        Field::one_of("side", "自機関の立場", with_any(sides.to_vec())),
        Field::one_of("result", "結果", with_any(results.collect())),
    ]
}

fn codes(codes: impl Iterator<Item = String>) -> Vec<Choice> {
    let distinct: BTreeSet<_> = codes.collect();
    let choices = distinct.into_iter().map(|code| Choice::new(&code, &code));
    choices.collect()
}

/// What the form asks for; its flaws stand at their fields.
fn filter(form: &mut Form) -> RecordFilter {
    let (first, last) = (form.day("from"), form.day("to"));
    if first.zip(last).is_some_and(|(first, last)| last < first) {
        form.flaw("to", "開始日より前の日付です。");
    }
    let results = ResultCode::ALL.map(|code| (code.status_code(), code));
    RecordFilter {
        from: first.and_then(midnight),
        to: last.and_then(|last| midnight(last.tomorrow().ok()?)),
        counterpart: form.optional("counterpart"),
        side: form.chosen("side", &SIDES),
        affair: form.optional("affair"),
        procedure: form.optional("procedure"),
        specific_info: form.optional("specific_info"),
        result: form.chosen("result", &results),
    }
}

/// When the day begins in Japan; nothing for a day beyond all time.
fn midnight(day: Date) -> Option<Timestamp> {
    JST.to_timestamp(day.to_datetime(Time::midnight())).ok()
}

/// The address of the next page: every value has been read, so that none needs to be escaped.
fn address_after(form: &Form, place: SearchPlace) -> String {
    let mut address = format!("/records?after={}", place_text(place));
    for field in form.fields.iter().filter(|field| !field.value.is_empty()) {
        let _written = write!(address, "&{}={}", field.name, field.value);
    }
    address
}

fn row(world: &World, placed: &PlacedRecord) -> Row {
    let record = &placed.record;
    let subject = &record.subject;
    let other = match record.side {
        Side::Inquirer => subject.provider,
        Side::Core | Side::Provider => subject.inquirer,
    };
    Row {
        serial: subject.serial.to_string(),
        at: texts::moment(placed.recorded_at),
        side: texts::side(record.side),
        other: texts::institution(world, other),
        procedure: subject.procedure.to_string(),
        info: subject.specific_info.to_string(),
        result: texts::result(record.outcome.code),
        mark: texts::mark(placed.nondisclosure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_of_a_search_counts_to_its_end_in_japan() {
        let values = [("from", "2026-04-01"), ("to", "2026-04-01")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let fields = values.iter().map(|(name, _)| match name.as_str() {
            "from" => Field::text("from", "", ""),
            _ => Field::text("to", "", ""),
        });
        let mut form = Form::filled(fields.collect(), &values.to_vec());
        let filter = filter(&mut form);
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        assert_eq!(filter.from, at("2026-03-31T15:00:00Z"));
        assert_eq!(filter.to, at("2026-04-01T15:00:00Z"));
        let next = SearchPlace {
            fiscal_year: 2026,
            index: 7,
        };
        assert_eq!(
            address_after(&form, next),
            "/records?after=2026.7&from=2026-04-01&to=2026-04-01"
        );
    }
}
