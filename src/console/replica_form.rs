//! 副本の登録・訂正の入力: a clerk enters what a replica is to be, field by field as its layout has them, and proposes it.

mod content;
mod draft;

use askama::Template;
use axum::{extract::Path, http::StatusCode, response::Response};
use data_encoding::HEXLOWER;

use super::{
    contents,
    desk::Desk,
    form::{Entered, Field, Form, entered},
    frame::{Frame, Message},
    replicas::{name_of, new_form},
    reply::{page, refused, see, told},
    sent::Sent,
};
use crate::{
    crypto::digest::random_bytes,
    domain::{
        correction::{Change, CorrectionRefusal},
        layout::Layout,
        malformed::Malformed,
        names::{CorrectionNumber, ProposalId},
        refusal::{FieldFlaw, Refusal, Thing},
        replica::{Replica, ReplicaName},
        staff::Act,
    },
    grpc::refusal_of,
    institution::{ActFault, Taken, Values},
    store::Version,
    world::WorldFault,
};

use content::{Line, lines, written};
use draft::{Sheet, place_flaws, sheet};

#[derive(Template)]
#[template(path = "replica_form.html")]
struct ReplicaFormPage {
    frame: Frame,
    facts: Vec<(&'static str, String)>,
    hidden: Vec<(&'static str, String)>,
    form: Form,
    lines: Vec<Line>,
    reason: Form,
    exists: bool,
}

#[derive(Template)]
#[template(path = "replica_new.html")]
struct NewPage {
    frame: Frame,
    form: Form,
}

/// Which replica is being entered, and for what.
struct Target {
    name: ReplicaName,
    layout: Layout,
    /// The revision of the replica that it was made for; 0 where there is none.
    revision: u64,
    id: ProposalId,
    /// The proposal that came back.
    again: Option<(CorrectionNumber, Version)>,
}

/// Begins with a replica that is there, or with an empty form.
pub(super) async fn begin(desk: Desk, Sent(values): Sent<Entered>) -> Response {
    if let Err(refusal) = desk.check(entered(&values, "guard")) {
        return refused(&refusal.into());
    }
    if let Err(fault) = desk.may(Act::ProposeCorrection, None).await {
        return refused(&fault);
    }
    let (name, version) =
        if entered(&values, "layout").is_empty() && !entered(&values, "info").is_empty() {
            match name_of(&values) {
                Ok(name) => (name, None),
                Err(refusal) => return refused(&refusal.into()),
            }
        } else {
            match new_name(&desk, &values) {
                Ok((name, version)) => (name, Some(version)),
                Err(form) => return flawed_new(&desk, form),
            }
        };
    let opened = reveal(&desk, &name).await;
    let id = match new_id() {
        Ok(id) => id,
        Err(fault) => return refused(&fault),
    };
    let found = match opened {
        Ok(replica) => Some(replica),
        Err(fault) if is_absent(&fault) && version.is_some() => None,
        Err(fault) => return refused(&fault),
    };
    let version = found
        .as_ref()
        .map_or(version, |replica| Some(replica.layout_version.clone()));
    let target = version.and_then(|version| {
        let layout = desk.server().ok()?.layouts();
        Some(Target {
            layout: layout.find(name.specific_info, &version).ok()?.clone(),
            revision: found.as_ref().map_or(0, |replica| replica.revision),
            name,
            id,
            again: None,
        })
    });
    let Some(target) = target else {
        return refused(&Refusal::NotFound(Thing::Layout).into());
    };
    let written = found.map(|replica| written(&replica)).unwrap_or_default();
    answer(&desk, &target, (&written, false), (StatusCode::OK, None))
}

/// Begins with what was proposed and came back.
pub(super) async fn again(
    desk: Desk,
    Path(number): Path<String>,
    Sent(values): Sent<Entered>,
) -> Response {
    let opened = async {
        desk.check(entered(&values, "guard"))?;
        desk.may(Act::ProposeCorrection, None).await?;
        let not_found = |_| Refusal::NotFound(Thing::Correction);
        let number: CorrectionNumber = number.parse().map_err(not_found)?;
        desk.see_through(move |world, institution, staff| async move {
            let server = world.server(institution)?;
            let asked = (number, Values::Shown);
            let opened = server.open_correction(&staff, asked, world.now()).await?;
            let found = server.replica(&opened.correction.replica);
            Ok((opened, found.ok()))
        })
        .await
    };
    let (opened, found) = match opened.await {
        Ok(opened) => opened,
        Err(fault) => return refused(&fault),
    };
    let proposed = opened.correction.state.proposed();
    let entered = match proposed.map(|proposed| &proposed.change) {
        Some(Change::Register(replica)) => Some(Replica::clone(replica)),
        Some(Change::Delete) => found.clone(),
        None => None,
    };
    let target = entered.as_ref().and_then(|replica| {
        let layouts = desk.server().ok()?.layouts();
        let layout = layouts.find(replica.specific_info, &replica.layout_version);
        Some(Target {
            name: opened.correction.replica.clone(),
            layout: layout.ok()?.clone(),
            revision: found.as_ref().map_or(0, |replica| replica.revision),
            id: new_id().ok()?,
            again: Some((opened.correction.number, opened.version)),
        })
    });
    let (Some(target), Some(replica)) = (target, entered) else {
        return refused(&Refusal::NotFound(Thing::Replica).into());
    };
    let mut written = written(&replica);
    let reason = proposed.map(|proposed| proposed.reason.as_str().to_owned());
    written.push(("reason".to_owned(), reason.unwrap_or_default()));
    answer(&desk, &target, (&written, false), (StatusCode::OK, None))
}

/// Proposes what was entered, or gives the form more room.
pub(super) async fn submit(desk: Desk, Sent(values): Sent<Entered>) -> Response {
    if let Err(refusal) = desk.check(entered(&values, "guard")) {
        return refused(&refusal.into());
    }
    if let Err(fault) = desk.may(Act::ProposeCorrection, None).await {
        return refused(&fault);
    }
    let target = match target(&desk, &values) {
        Ok(target) => target,
        Err(refusal) => return refused(&refusal.into()),
    };
    if entered(&values, "do") == "more" {
        return answer(&desk, &target, (&values, true), (StatusCode::OK, None));
    }
    let Sheet {
        draft,
        places,
        mut form,
        mut reason,
    } = sheet(&target, &values);
    let flawed = StatusCode::UNPROCESSABLE_ENTITY;
    let Some(draft) = draft else {
        let entered = (form, reason, Vec::new());
        return again_with(&desk, &target, &values, entered, (flawed, None));
    };
    let proposed = desk.see_through(|world, institution, staff| async move {
        let server = world.server(institution)?;
        let proposed = server.propose_correction(staff, draft, world.now());
        Ok(proposed.await?)
    });
    match proposed.await {
        Ok(Taken::Now(number)) => see(&format!("/corrections/{number}?done=proposed")),
        Ok(Taken::Before(number)) => see(&format!("/corrections/{number}?done=before")),
        Err(fault) => {
            let (status, mut message) = told(&fault);
            let mut flaws = Vec::new();
            if let Some(Refusal::Malformed(found)) = refusal_of(&fault) {
                let fields = (&mut form, &mut reason);
                (flaws, message.details) = place_flaws(found, &places, fields);
            }
            let entered = (form, reason, flaws);
            again_with(&desk, &target, &values, entered, (status, Some(message)))
        }
    }
}

/// The replica with its values; that they were shown is on record.
async fn reveal(desk: &Desk, name: &ReplicaName) -> Result<Replica, WorldFault> {
    let name = name.clone();
    desk.see_through(move |world, institution, staff| async move {
        let server = world.server(institution)?;
        let asked = (&name, Values::Shown);
        let opened = server.open_replica(&staff, asked, world.now()).await?;
        Ok(opened.replica)
    })
    .await
}

fn is_absent(fault: &WorldFault) -> bool {
    refusal_of(fault) == Some(Refusal::NotFound(Thing::Replica))
}

fn new_id() -> Result<ProposalId, WorldFault> {
    let bytes = random_bytes::<16>().map_err(ActFault::from)?;
    let id = format!("T-{}", HEXLOWER.encode(&bytes)).parse();
    Ok(id.map_err(|flaw| stale("proposal_id", &flaw))?)
}

type NewName = (ReplicaName, crate::domain::words::LayoutVersion);

fn new_name(desk: &Desk, values: &Entered) -> Result<NewName, Form> {
    let mut form = new_form(desk, values).unwrap_or_default();
    let addressee = form.required("person");
    let record_key = form.required("record_key");
    let layout = form.value("layout").to_owned();
    let layouts = desk.server().ok().map(|server| server.layouts());
    let known = layout.split_once('/').and_then(|(info, version)| {
        let (info, version) = (info.parse().ok()?, version.parse().ok()?);
        layouts?.find(info, &version).ok()
    });
    if known.is_none() {
        form.flaw("layout", "選択肢から選んでください。");
    }
    match (addressee, record_key, known) {
        (Some(addressee), Some(record_key), Some(layout)) => Ok((
            ReplicaName {
                addressee,
                specific_info: layout.specific_info,
                record_key,
            },
            layout.version.clone(),
        )),
        _ => Err(form),
    }
}

fn flawed_new(desk: &Desk, form: Form) -> Response {
    let message = Message::error("入力に誤りがあります。", Vec::new());
    page(
        StatusCode::UNPROCESSABLE_ENTITY,
        &NewPage {
            frame: Frame::of(desk, "/replicas", "副本の登録").with(Some(message)),
            form,
        },
    )
}

/// A hidden field that is not as the page had it.
fn stale(field: &str, flaw: &Malformed) -> Refusal {
    Refusal::Malformed(vec![FieldFlaw::malformed(field, flaw)])
}

/// What the hidden fields of the form say.
fn target(desk: &Desk, values: &Entered) -> Result<Target, Refusal> {
    let unknown = || Refusal::NotFound(Thing::Layout);
    let name = name_of(values)?;
    let version = entered(values, "layout_version").parse();
    let version = version.map_err(|flaw| stale("layout_version", &flaw))?;
    let layout = desk.server()?.layouts().find(name.specific_info, &version);
    let layout = layout.map_err(|_| unknown())?.clone();
    let revision = entered(values, "revision").parse();
    let revision = revision.map_err(|_| CorrectionRefusal::ReplicaChanged)?;
    let id = entered(values, "proposal_id").parse();
    let (number, seen) = (entered(values, "number"), entered(values, "version"));
    let again = if number.is_empty() {
        None
    } else {
        let not_found = || Refusal::NotFound(Thing::Correction);
        let number = number.parse().map_err(|_| not_found())?;
        let seen = seen.parse().map_err(|_| not_found())?;
        Some((number, Version::numbered(seen)))
    };
    Ok(Target {
        name,
        layout,
        revision,
        id: id.map_err(|flaw| stale("proposal_id", &flaw))?,
        again,
    })
}

fn answer(
    desk: &Desk,
    target: &Target,
    (values, more): (&Entered, bool),
    (status, message): (StatusCode, Option<Message>),
) -> Response {
    let form = Form::filled(fields(), values);
    let reason = Form::filled(reason_fields(), values);
    let lines = lines(&target.layout, (values, more), &[]);
    shown(desk, target, (form, reason, lines), (status, message))
}

fn again_with(
    desk: &Desk,
    target: &Target,
    values: &Entered,
    (form, reason, flaws): (Form, Form, Vec<(String, String)>),
    (status, message): (StatusCode, Option<Message>),
) -> Response {
    let message = message.or_else(|| Some(Message::error("入力に誤りがあります。", Vec::new())));
    let lines = lines(&target.layout, (values, false), &flaws);
    shown(desk, target, (form, reason, lines), (status, message))
}

fn shown(
    desk: &Desk,
    target: &Target,
    (form, reason, lines): (Form, Form, Vec<Line>),
    (status, message): (StatusCode, Option<Message>),
) -> Response {
    let ReplicaName {
        addressee,
        specific_info,
        record_key,
    } = &target.name;
    let version = target.layout.version.to_string();
    let mut hidden = vec![
        ("addressee", addressee.as_str().to_owned()),
        ("info", specific_info.to_string()),
        ("record_key", record_key.to_string()),
        ("layout_version", version.clone()),
        ("revision", target.revision.to_string()),
        ("proposal_id", target.id.to_string()),
    ];
    if let Some((number, seen)) = &target.again {
        hidden.push(("number", number.to_string()));
        hidden.push(("version", seen.number().to_string()));
    }
    let title = if target.revision == 0 {
        "副本の登録"
    } else {
        "副本の訂正"
    };
    page(
        status,
        &ReplicaFormPage {
            frame: Frame::of(desk, "/replicas", title).with(message),
            facts: vec![
                ("特定個人情報", contents::info(desk, *specific_info)),
                ("団体内統合宛名番号", addressee.as_str().to_owned()),
                ("レコードキー", record_key.to_string()),
                ("レイアウト版", version),
            ],
            hidden,
            form,
            lines,
            reason,
            exists: target.revision > 0,
        },
    )
}

fn fields() -> Vec<Field> {
    let optional = "なければ空欄。";
    vec![
        Field::text("fiscal_year", "年度", "西暦4桁。なければ空欄。"),
        Field::text("date", "基準日", optional),
        Field::text("from", "公開期間の始め", "例: 2026-04-01"),
        Field::text("to", "公開期間の終わり", optional),
    ]
}

fn reason_fields() -> Vec<Field> {
    let hint = "承認する所属長に伝わります。記録には残りません。400文字まで。";
    vec![Field::text("reason", "登録・訂正の理由", hint)]
}
