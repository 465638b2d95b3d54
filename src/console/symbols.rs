//! 符号状態: how the acquisition of a person's symbol stands, and how many stand so. Never a symbol, never a 個人番号.

use askama::Template;
use axum::{extract::Query, http::StatusCode, response::Response};
use jiff::Timestamp;

use super::{
    desk::Desk,
    form::{Entered, Field, Form, entered},
    frame::{Frame, Message},
    reply::{page, refused},
    sent::Sent,
    texts,
};
use crate::{
    domain::{
        acquisition::{Acquisition, Standing},
        codes::AddresseeNumber,
        refusal::{Refusal, Thing},
        staff::Act,
        symbol_request::Station,
    },
    grpc::refusal_of,
    institution::ActFault,
    world::WorldFault,
};

/// How many digits of a number are shown.
const DIGITS_SHOWN: usize = 4;

#[derive(Template)]
#[template(path = "symbols.html")]
struct SymbolsPage {
    frame: Frame,
    form: Form,
    found: Option<Found>,
    counts: Option<Counts>,
}

/// How one person's acquisition stands.
struct Found {
    person: String,
    state: String,
    since: String,
}

struct Counts {
    rows: Vec<(String, u64)>,
    total: u64,
}

pub(super) async fn show(desk: Desk, Query(values): Query<Entered>) -> Response {
    if let Err(fault) = desk.begin(Act::ReadSymbolState, None).await {
        return refused(&fault);
    }
    let counts = if entered(&values, "counts").is_empty() {
        None
    } else {
        match counts(&desk).await {
            Ok(counts) => Some(counts),
            Err(fault) => return refused(&fault),
        }
    };
    answer(
        &desk,
        StatusCode::OK,
        (form(&Entered::new()), None, counts),
        None,
    )
}

pub(super) async fn look_up(desk: Desk, Sent(values): Sent<Entered>) -> Response {
    let begun = async {
        desk.check(entered(&values, "guard"))?;
        desk.begin(Act::ReadSymbolState, None).await
    };
    if let Err(fault) = begun.await {
        return refused(&fault);
    }
    let mut form = form(&values);
    let Some(person) = form.required::<AddresseeNumber>("addressee") else {
        let message = Message::error("入力に誤りがあります。", Vec::new());
        let flawed = (form, None, None);
        return answer(
            &desk,
            StatusCode::UNPROCESSABLE_ENTITY,
            flawed,
            Some(message),
        );
    };
    let followed = desk.see_through(move |world, institution, _| async move {
        world.follow_acquisition(institution, person).await
    });
    let now = desk.world.now();
    let found = match followed.await {
        Ok((acquisition, place)) => stands(&person, &acquisition, place, now),
        Err(fault) if is_unknown(&fault) => Found {
            person: masked(&person),
            state: "― 符号の取得を依頼していません。".to_owned(),
            since: "―".to_owned(),
        },
        Err(fault) => return refused(&fault),
    };
    // The number is not written into the page again.
    let form = self::form(&Entered::new());
    answer(&desk, StatusCode::OK, (form, Some(found), None), None)
}

fn is_unknown(fault: &WorldFault) -> bool {
    refusal_of(fault) == Some(Refusal::NotFound(Thing::Acquisition))
}

fn form(values: &Entered) -> Form {
    let hint = "数字15桁。個人番号は入力できません。";
    let field = Field::text("addressee", "団体内統合宛名番号", hint);
    Form::filled(vec![field], values)
}

fn answer(
    desk: &Desk,
    status: StatusCode,
    (form, found, counts): (Form, Option<Found>, Option<Counts>),
    message: Option<Message>,
) -> Response {
    page(
        status,
        &SymbolsPage {
            frame: Frame::of(desk, "/symbols", "符号状態").with(message),
            form,
            found,
            counts,
        },
    )
}

async fn counts(desk: &Desk) -> Result<Counts, WorldFault> {
    let counting = desk.see_through(|world, institution, _| async move {
        let counting = tokio::task::spawn_blocking(move || {
            let server = world.server(institution)?;
            server.count_acquisitions(world.now())
        });
        let counted = counting.await.map_err(|_| WorldFault::Stopped)?;
        counted.map_err(ActFault::into)
    });
    let counts = counting.await?;
    let rows = Standing::ALL.map(|standing| {
        let count = counts.get(&standing).copied().unwrap_or_default();
        (words(standing), count)
    });
    Ok(Counts {
        rows: rows.to_vec(),
        total: counts.values().sum(),
    })
}

fn stands(
    person: &AddresseeNumber,
    acquisition: &Acquisition,
    place: Option<(Station, Timestamp)>,
    now: Timestamp,
) -> Found {
    let (state, since) = if let Some((station, since)) = place {
        (format!("… {}", station.under_way_ja()), since)
    } else {
        let (standing, since) = acquisition.standing(now);
        (words(standing), since)
    };
    Found {
        person: masked(person),
        state,
        since: texts::moment(since),
    }
}

/// How an acquisition stands, by sign and word.
fn words(standing: Standing) -> String {
    let sign = match standing {
        Standing::SerialIssued => "…",
        Standing::Linked => "✔",
        Standing::Expired | Standing::Failed(_) => "✖",
        Standing::Unlinked(_) => "↩",
    };
    format!("{sign} {}", standing.ja())
}

/// The last digits of a number; the others are masked.
fn masked(person: &AddresseeNumber) -> String {
    let text = person.as_str();
    let hidden = text.len().saturating_sub(DIGITS_SHOWN);
    let shown = text.get(hidden..).unwrap_or_default();
    format!("{}{shown}", "＊".repeat(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_digits_of_a_number_are_shown() {
        let person = "123456789012345".parse().unwrap();
        assert_eq!(masked(&person), "＊＊＊＊＊＊＊＊＊＊＊2345");
    }
}
