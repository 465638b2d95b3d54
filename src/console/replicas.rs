//! 副本: search, view, and where a registration or a correction by hand begins. A person is never in an address.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{
    contents::{self, Shown},
    desk::Desk,
    form::{Choice, Entered, Field, Form, entered},
    frame::{Frame, Message},
    reply::{page, refused, unreadable},
    sent::Sent,
    texts,
};
use crate::{
    domain::{
        codes::{AddresseeNumber, SpecificInfoCode},
        refusal::Refusal,
        replica::{Replica, ReplicaName},
        staff::Act,
    },
    institution::{ActFault, Values},
    store::{Page, PageOf, StoreFault},
    world::WorldFault,
};

/// How many replicas a page shows.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "replicas.html")]
struct ReplicasPage {
    frame: Frame,
    form: Form,
    rows: Option<Vec<Row>>,
    person: String,
    info: String,
    next: Option<String>,
    new: Option<Form>,
}

struct Row {
    info: String,
    name: ReplicaName,
    layout: String,
    year: String,
    publication: String,
    registered: String,
    revision: u64,
}

#[derive(Template)]
#[template(path = "replica.html")]
struct ReplicaPage {
    frame: Frame,
    name: ReplicaName,
    facts: Vec<(&'static str, String)>,
    items: Vec<Shown>,
    shown: bool,
    reveals: bool,
    proposes: bool,
}

pub(super) async fn show(desk: Desk) -> Response {
    if let Err(fault) = desk.begin(Act::ReadReplica, None).await {
        return refused(&fault);
    }
    let form = Form::filled(search_fields(&desk), &Entered::new());
    answer(&desk, form, None)
}

pub(super) async fn search(desk: Desk, Sent(values): Sent<Entered>) -> Response {
    if let Err(refusal) = desk.check(entered(&values, "guard")) {
        return refused(&refusal.into());
    }
    let mut form = Form::filled(search_fields(&desk), &values);
    let person = form.required::<AddresseeNumber>("addressee");
    let info = form.optional::<SpecificInfoCode>("info");
    let (Some(person), true) = (person, form.is_sound()) else {
        if let Err(fault) = desk.begin(Act::ReadReplica, None).await {
            return refused(&fault);
        }
        return answer(&desk, form, None);
    };
    let page = Page::after(entered(&values, "after"), ROWS);
    let found = desk.see_through(move |world, institution, staff| async move {
        let server = world.server(institution)?;
        let found = server.replicas_at_terminal(&staff, (person, info, page), world.now());
        Ok(found.await?)
    });
    match found.await {
        Ok(found) => answer(&desk, form, Some(found)),
        Err(WorldFault::Act(ActFault::Store(StoreFault::PageToken))) => {
            unreadable(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(fault) => refused(&fault),
    }
}

fn answer(desk: &Desk, form: Form, found: Option<PageOf<Replica>>) -> Response {
    let (status, message) = if form.is_sound() {
        (StatusCode::OK, None)
    } else {
        let message = Message::error("条件に誤りがあります。", Vec::new());
        (StatusCode::UNPROCESSABLE_ENTITY, Some(message))
    };
    let (rows, next) = match found {
        Some(found) => {
            let rows = found.rows.iter().map(|replica| row(desk, replica));
            (Some(rows.collect()), found.next_token)
        }
        None => (None, None),
    };
    page(
        status,
        &ReplicasPage {
            frame: Frame::of(desk, "/replicas", "副本").with(message),
            person: form.value("addressee").to_owned(),
            info: form.value("info").to_owned(),
            form,
            rows,
            next,
            new: new_form(desk, &Entered::new()),
        },
    )
}

fn search_fields(desk: &Desk) -> Vec<Field> {
    let infos = held(desk).into_iter();
    let infos = infos.map(|code| Choice::new(&code.to_string(), contents::info(desk, code)));
    let choices = [vec![Choice::new("", "すべて")], infos.collect()].concat();
    let hint = "数字15桁。個人番号は入力できません。";
    vec![
        Field::text("addressee", "団体内統合宛名番号", hint),
        Field::one_of("info", "特定個人情報", choices),
    ]
}

/// The specific informations that the institution holds.
fn held(desk: &Desk) -> Vec<SpecificInfoCode> {
    let server = desk.server().ok();
    let held = server.map(|server| server.profile().holds.to_vec());
    held.unwrap_or_default()
}

/// The form with which a new replica begins, for who may propose one.
pub(super) fn new_form(desk: &Desk, values: &Entered) -> Option<Form> {
    desk.staff.authority(Act::ProposeCorrection).ok()?;
    let server = desk.server().ok()?;
    let layouts = held(desk).into_iter().flat_map(|code| {
        let versions = server.layouts().versions(code).iter().rev();
        versions.map(|layout| {
            let (code, version) = (layout.specific_info, &layout.version);
            let text = format!("{}（{code}） レイアウト版 {version}", layout.name);
            Choice::new(&format!("{code}/{version}"), text)
        })
    });
    let choices = [vec![Choice::new("", "選んでください")], layouts.collect()].concat();
    let hint = "数字15桁。個人番号は入力できません。";
    let key = "この対象者と特定個人情報の中での副本の名前。半角英数字と . _ - で40文字まで。";
    let fields = vec![
        Field::text("person", "団体内統合宛名番号", hint),
        Field::one_of("layout", "特定個人情報とレイアウト版", choices),
        Field::text("record_key", "レコードキー", key),
    ];
    Some(Form::filled(fields, values))
}

fn row(desk: &Desk, replica: &Replica) -> Row {
    Row {
        info: contents::info(desk, replica.specific_info),
        name: ReplicaName::of(replica),
        layout: replica.layout_version.to_string(),
        year: year(replica),
        publication: publication(replica),
        registered: texts::moment(replica.registered_at),
        revision: replica.revision,
    }
}

fn year(replica: &Replica) -> String {
    let year = replica.fiscal_year;
    year.map_or_else(|| "―".to_owned(), |year| format!("{}年度", year.year()))
}

fn publication(replica: &Replica) -> String {
    let to = replica.publication.to.map(texts::day).unwrap_or_default();
    format!("{}から{to}", texts::day(replica.publication.from))
}

pub(super) async fn view(desk: Desk, Sent(values): Sent<Entered>) -> Response {
    open(&desk, &values, Values::Masked).await
}

pub(super) async fn reveal(desk: Desk, Sent(values): Sent<Entered>) -> Response {
    open(&desk, &values, Values::Shown).await
}

async fn open(desk: &Desk, values: &Entered, shown: Values) -> Response {
    let opened = async {
        desk.check(entered(values, "guard"))?;
        let name = name_of(values)?;
        desk.see_through(move |world, institution, staff| async move {
            let server = world.server(institution)?;
            let opened = server.open_replica(&staff, (&name, shown), world.now());
            Ok(opened.await?)
        })
        .await
    };
    let opened = match opened.await {
        Ok(opened) => opened,
        Err(fault) => return refused(&fault),
    };
    let replica = &opened.replica;
    let may = |act| {
        let authority = desk.staff.authority(act).ok();
        authority.is_some_and(|authority| authority.for_all_affairs().is_ok())
    };
    let message = opened.beyond_volume.map(contents::beyond_volume);
    let date = replica.date;
    page(
        StatusCode::OK,
        &ReplicaPage {
            frame: Frame::of(desk, "/replicas", "副本の内容").with(message),
            name: ReplicaName::of(replica),
            facts: vec![
                ("特定個人情報", contents::info(desk, replica.specific_info)),
                ("団体内統合宛名番号", replica.addressee.as_str().to_owned()),
                ("レコードキー", replica.record_key.to_string()),
                ("レイアウト版", replica.layout_version.to_string()),
                ("年度", year(replica)),
                ("基準日", date.map_or_else(|| "―".to_owned(), texts::day)),
                ("公開期間", publication(replica)),
                ("登録日時", texts::moment(replica.registered_at)),
                ("登録回数", replica.revision.to_string()),
            ],
            items: contents::of_replica(desk, replica),
            shown: shown == Values::Shown,
            reveals: shown == Values::Masked && may(Act::RevealReplica),
            proposes: may(Act::ProposeCorrection),
        },
    )
}

/// The replica that a form of ours names.
///
/// # Errors
/// When the fields have been changed on the way.
pub(super) fn name_of(values: &Entered) -> Result<ReplicaName, Refusal> {
    let field = |name| entered(values, name);
    let unknown = || Refusal::NotFound(crate::domain::refusal::Thing::Replica);
    Ok(ReplicaName {
        addressee: field("addressee").parse().map_err(|_| unknown())?,
        specific_info: field("info").parse().map_err(|_| unknown())?,
        record_key: field("record_key").parse().map_err(|_| unknown())?,
    })
}
