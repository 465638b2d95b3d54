//! One exchange: the records of the inquirer, the core system and the provider side by side.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};

use crate::{
    console::{
        desk::Desk,
        form::{Entered, entered},
        frame::{Frame, Message},
        reply::{page, refused},
        texts,
    },
    domain::{
        codes::InstitutionCode,
        names::ProcessingSerial,
        record::PlacedRecord,
        refusal::{Refusal, Thing},
        staff::Act,
    },
    world::{Comparison, World, WorldFault},
};

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    frame: Frame,
    serial: String,
    agree: bool,
    differing: String,
    rows: Vec<Row>,
    mark: Option<Mark>,
}

/// 不開示 of the institution's own record.
struct Mark {
    text: &'static str,
    change: Option<&'static str>,
}

struct Row {
    name: &'static str,
    cells: [String; 3],
    differs: Option<String>,
}

type Shows = fn(&World, &PlacedRecord) -> String;

/// Every field that is compared, by the name that a disagreement gives it, with how a person reads it.
const FIELDS: [(&str, &str, Shows); 18] = [
    ("processing_serial", "処理通番", |_, placed| {
        placed.record.subject.serial.to_string()
    }),
    ("requested_at", "照会日時", |_, placed| {
        texts::moment(placed.record.subject.requested_at)
    }),
    ("inquirer", "照会者", |world, placed| {
        texts::institution(world, placed.record.subject.inquirer)
    }),
    ("delegator", "照会者の委任元", |world, placed| {
        delegator(world, placed.record.subject.delegator)
    }),
    ("affair", "事務", |_, placed| {
        placed.record.subject.affair.to_string()
    }),
    ("procedure", "事務手続", |_, placed| {
        placed.record.subject.procedure.to_string()
    }),
    ("provider", "提供者", |world, placed| {
        texts::institution(world, placed.record.subject.provider)
    }),
    (
        "provider_delegator",
        "提供者の委任元",
        |world, placed| delegator(world, placed.record.subject.provider_delegator),
    ),
    ("specific_info", "特定個人情報名", |_, placed| {
        placed.record.subject.specific_info.to_string()
    }),
    ("items", "特定個人情報項目", |_, placed| {
        let items = &placed.record.subject.items;
        let items: Vec<_> = items.iter().map(ToString::to_string).collect();
        if items.is_empty() {
            "すべて".to_owned()
        } else {
            items.join("、")
        }
    }),
    ("condition", "条件", |_, placed| {
        texts::condition(placed.record.subject.condition)
    }),
    ("result", "結果", |_, placed| {
        texts::result(placed.record.outcome.code)
    }),
    ("decided_by", "結果を決めた者", |_, placed| {
        texts::side(placed.record.outcome.decided_by).to_owned()
    }),
    ("provided_at", "提供日時", |_, placed| {
        let at = placed.record.outcome.provided_at;
        at.map_or_else(nothing, texts::moment)
    }),
    ("answer_digest", "回答の要約値", |_, placed| {
        let digest = placed.record.outcome.answer_digest;
        digest.map_or_else(nothing, String::from)
    }),
    ("refusal", "拒否の理由", |_, placed| {
        let reason = placed.record.outcome.refusal;
        reason.map_or_else(nothing, |reason| reason.ja().to_owned())
    }),
    ("permit_id", "情報提供許可証", |_, placed| {
        let permit = placed.record.permit_id;
        permit.map_or_else(nothing, |permit| permit.to_string())
    }),
    (
        "permission_row",
        "許可照合リストの行",
        |_, placed| {
            let row = placed.record.permission_row.clone();
            row.unwrap_or_else(nothing)
        },
    ),
];

fn nothing() -> String {
    "―".to_owned()
}

fn delegator(world: &World, code: Option<InstitutionCode>) -> String {
    code.map_or_else(nothing, |code| texts::institution(world, code))
}

pub(in crate::console) async fn show(
    desk: Desk,
    Path(serial): Path<String>,
    Query(values): Query<Entered>,
) -> Response {
    let message = match entered(&values, "done") {
        "set" => Some(Message::done("不開示を設定しました。")),
        "cleared" => Some(Message::done("不開示を解除しました。")),
        _ => None,
    };
    match compared(&desk, &serial).await {
        Ok(found) => answer(&desk, StatusCode::OK, &found, message),
        Err(fault) => refused(&fault),
    }
}

/// The records of an exchange; that somebody looked is on record.
pub(super) async fn compared(desk: &Desk, serial: &str) -> Result<Comparison, WorldFault> {
    let serial = serial_of(serial)?;
    desk.see_through(move |world, institution, staff| async move {
        let by = (institution, &staff);
        world.compare_at_terminal(serial, by).await
    })
    .await
}

pub(super) fn serial_of(text: &str) -> Result<ProcessingSerial, Refusal> {
    text.parse()
        .map_err(|_| Refusal::NotFound(Thing::ProvisionRecord))
}

/// The record that the institution itself keeps.
pub(super) fn own<'a>(desk: &Desk, found: &'a Comparison) -> Option<&'a PlacedRecord> {
    let asked = found.serial.inquirer == desk.institution;
    let own = if asked {
        &found.inquirer
    } else {
        &found.provider
    };
    own.as_ref()
}

pub(super) fn answer(
    desk: &Desk,
    status: StatusCode,
    found: &Comparison,
    message: Option<Message>,
) -> Response {
    let mark = own(desk, found).map(|placed| {
        let affair = placed.record.subject.affair;
        let authority = desk.staff.authority(Act::MarkNondisclosure).ok();
        let may = authority.is_some_and(|authority| authority.for_affair(affair).is_ok());
        let change = if placed.nondisclosure {
            "不開示を解除する"
        } else {
            "不開示を設定する"
        };
        Mark {
            text: texts::mark(placed.nondisclosure),
            change: may.then_some(change),
        }
    });
    let rows = rows(&desk.world, found);
    let differing: Vec<_> = rows.iter().filter(|row| row.differs.is_some()).collect();
    let names: Vec<_> = differing.iter().map(|row| row.name).collect();
    page(
        status,
        &RecordPage {
            frame: Frame::of(desk, "/records", "情報提供等記録の照合").with(message),
            serial: found.serial.to_string(),
            agree: found.disagreements.is_empty(),
            differing: names.join("、"),
            rows,
            mark,
        },
    )
}

fn rows(world: &World, found: &Comparison) -> Vec<Row> {
    let sides = [&found.inquirer, &found.core, &found.provider];
    let there = |placed: &Option<PlacedRecord>| match placed {
        Some(placed) => texts::moment(placed.recorded_at),
        None => "記録なし".to_owned(),
    };
    let mut rows = vec![Row {
        name: "記録の有無と日時",
        cells: sides.map(there),
        differs: differs(found, "record"),
    }];
    rows.extend(FIELDS.iter().map(|(field, name, shows)| {
        let shown = |placed: &Option<PlacedRecord>| match placed {
            Some(placed) => shows(world, placed),
            None => nothing(),
        };
        Row {
            name,
            cells: sides.map(shown),
            differs: differs(found, field),
        }
    }));
    rows
}

/// Which sides differ in a field, as the comparison found.
fn differs(found: &Comparison, field: &str) -> Option<String> {
    let of_field = found.disagreements.iter().filter(|of| of.field == field);
    let who: Vec<_> = of_field.map(|of| texts::side(of.side)).collect();
    (!who.is_empty()).then(|| who.join("、"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        exchange::Side,
        names::ReceiptNumber,
        record::{Disagreement, ProvisionRecord, ThreeSides},
    };

    /// A record as the ledger keeps it, each field of which has a `mark` of its own.
    fn record(side: &str, mark: &str) -> ProvisionRecord {
        let (half, whole) = (mark.repeat(16), mark.repeat(32));
        let city = format!("99000000000{mark}100");
        serde_json::from_value(serde_json::json!({
            "side": side,
            "subject": {
                "serial": format!("{city}-R00000000{mark}-00001-01"),
                "requested_at": format!("20{mark}-01-01T00:00:00Z"),
                "inquirer": city, "delegator": city, "provider": city, "provider_delegator": city,
                "affair": format!("JM{mark}000000000000"),
                "procedure": format!("JT{mark}000000000000"),
                "specific_info": format!("TM{mark}000000000000"),
                "items": [format!("TK{mark}000000000000")],
                "condition": {"fiscal_year": format!("20{mark}").parse::<i16>().unwrap()},
                "nondisclosure": false,
            },
            "outcome": {
                "code": if mark == "11" { "ENDED_NORMALLY" } else { "REFUSED_BY_PROVIDER" },
                "decided_by": if mark == "11" { "provider" } else { "inquirer" },
                "provided_at": format!("20{mark}-01-01T00:00:00Z"),
                "answer_digest": whole,
                "refusal": if mark == "11" { "other" } else { "basis_unclear" },
            },
            "permit_id": half, "permission_row": mark, "symbol_digest": null,
        }))
        .unwrap()
    }

    #[test]
    fn every_field_that_can_differ_has_its_row() {
        let (inquirer, core) = (record("inquirer", "11"), record("core", "22"));
        let sides = ThreeSides {
            inquirer: Some(&inquirer),
            core: Some(&core),
            provider: None,
        };
        let found = sides.disagreements();
        let differing = found.iter().filter(|found| found.field != "record");
        let differing: Vec<_> = differing.map(|found| found.field).collect();
        assert_eq!(differing, FIELDS.map(|(field, ..)| field));
    }

    #[test]
    fn the_sides_that_differ_are_named() {
        let differs_in = |field, side| Disagreement {
            field,
            side,
            detail: String::new(),
        };
        let found = Comparison {
            serial: ProcessingSerial {
                inquirer: "9900000000001100".parse().unwrap(),
                receipt: ReceiptNumber(1),
                detail: 0,
                info: 0,
            },
            inquirer: None,
            core: None,
            provider: None,
            disagreements: vec![
                differs_in("result", Side::Core),
                differs_in("result", Side::Provider),
            ],
        };
        let named = differs(&found, "result");
        assert_eq!(named.as_deref(), Some("コアシステム、提供者"));
        assert_eq!(differs(&found, "record"), None);
    }
}
