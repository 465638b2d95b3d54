//! 情報照会の依頼: first the procedure, then what the permission list offers for it. A form is an inquiry once, however often it
//! is sent: it carries the レコード識別番号.

mod draft;

use askama::Template;
use axum::{extract::Query, http::StatusCode, response::Response};
use data_encoding::HEXLOWER;

use super::{
    contents,
    desk::Desk,
    form::{Choice, Entered, Field, Form, again, entered},
    frame::{Frame, Message},
    inquiries::business_system_opens,
    reply::{page, refused, see, told},
    sent::Sent,
};
use crate::{
    crypto::digest::random_bytes,
    domain::{
        codes::{AffairCode, ProcedureCode, SpecificInfoCode},
        institution::Institution,
        layout::DataSetLayout,
        permission_list::PermissionRow,
        staff::Act,
    },
    grpc::refusal_of,
    institution::ActFault,
    world::{Submitted, WorldFault},
};

use draft::{draft, place_refusal};

/// The name of the procedure in the form, and what joins its two codes.
const PROCEDURE: (&str, char) = ("procedure", '/');

#[derive(Template)]
#[template(path = "inquiry_procedure.html")]
struct ProcedurePage {
    frame: Frame,
    form: Form,
    sealed: bool,
}

#[derive(Template)]
#[template(path = "inquiry_form.html")]
struct InquiryFormPage {
    frame: Frame,
    procedure: String,
    basis: String,
    record_id: String,
    form: Form,
    infos: Vec<InfoChoice>,
    info_flaw: Option<String>,
    nondisclosure: bool,
    sealed: bool,
}

/// A specific information that can be asked for.
struct InfoChoice {
    code: String,
    name: String,
    chosen: bool,
    items: Vec<ItemChoice>,
    opened: bool,
}

struct ItemChoice {
    value: String,
    name: String,
    chosen: bool,
}

/// What the permission list offers for one procedure.
struct Offer {
    affair: AffairCode,
    procedure: ProcedureCode,
    rows: Vec<PermissionRow>,
}

impl Offer {
    fn name(&self) -> String {
        let Self {
            affair, procedure, ..
        } = self;
        let (_, joint) = PROCEDURE;
        format!("{affair}{joint}{procedure}")
    }

    fn infos(&self) -> Vec<SpecificInfoCode> {
        let mut infos: Vec<_> = self.rows.iter().map(|row| row.specific_info).collect();
        infos.sort();
        infos.dedup();
        infos
    }

    fn basis(&self) -> String {
        let mut bases: Vec<_> = self.rows.iter().map(|row| &*row.legal_basis).collect();
        bases.sort_unstable();
        bases.dedup();
        bases.join("、")
    }
}

/// The procedures for which the account may ask, with the rows that allow it.
fn offers(desk: &Desk) -> Vec<Offer> {
    let Ok(authority) = desk.staff.authority(Act::SubmitInquiry) else {
        return Vec::new();
    };
    let server = desk.server().ok();
    let rows = server.map(|server| server.askable(desk.world.now()));
    let mut offers: Vec<Offer> = Vec::new();
    for row in rows.unwrap_or_default() {
        if authority.for_affair(row.affair).is_err() {
            continue;
        }
        let (affair, procedure) = (row.affair, row.procedure);
        let known = |offer: &&mut Offer| (offer.affair, offer.procedure) == (affair, procedure);
        match offers.iter_mut().find(known) {
            Some(offer) => offer.rows.push(row),
            None => offers.push(Offer {
                affair,
                procedure,
                rows: vec![row],
            }),
        }
    }
    offers
}

pub(super) async fn show(desk: Desk, Query(values): Query<Entered>) -> Response {
    if let Err(fault) = desk.may(Act::SubmitInquiry, None).await {
        return refused(&fault);
    }
    match chosen(&desk, &values) {
        Some(offer) => match random_bytes::<16>() {
            Ok(bytes) => {
                let record_id = format!("T-{}", HEXLOWER.encode(&bytes));
                let form = Form::filled(fields(&desk, &offer), &Entered::new());
                let empty = (form, Entered::new(), record_id);
                answer(&desk, &offer, empty, (StatusCode::OK, None, None))
            }
            Err(fault) => refused(&ActFault::from(fault).into()),
        },
        None => choose(&desk, &values),
    }
}

/// The offer that the form names.
fn chosen(desk: &Desk, values: &Entered) -> Option<Offer> {
    let (name, _) = PROCEDURE;
    let wanted = entered(values, name);
    offers(desk)
        .into_iter()
        .find(|offer| offer.name() == wanted)
}

/// The page on which a procedure is chosen.
fn choose(desk: &Desk, values: &Entered) -> Response {
    let (name, _) = PROCEDURE;
    let choices = offers(desk).into_iter().map(|offer| {
        let infos = offer.infos().into_iter();
        let infos: Vec<_> = infos.map(|code| contents::info(desk, code)).collect();
        let text = format!(
            "{} / {}: {}",
            offer.affair,
            offer.procedure,
            infos.join("、")
        );
        Choice::new(&offer.name(), text)
    });
    let choices = [vec![Choice::new("", "選んでください")], choices.collect()].concat();
    let none = choices.len() == 1;
    let mut form = Form::filled(vec![Field::one_of(name, "事務と事務手続", choices)], values);
    let (status, message) = if none {
        let text = "照会できる事務手続がありません。";
        let details = "照会許可照合リストの写しが古いか、この機関またはアカウントの事務に該当する行がありません。";
        (
            StatusCode::OK,
            Some(Message::error(text, vec![details.to_owned()])),
        )
    } else if form.value(name).is_empty() {
        (StatusCode::OK, None)
    } else {
        form.flaw(name, "選択肢から選んでください。");
        let message = Message::error("入力に誤りがあります。", Vec::new());
        (StatusCode::UNPROCESSABLE_ENTITY, Some(message))
    };
    page(
        status,
        &ProcedurePage {
            frame: Frame::of(desk, "/inquiries", "情報照会の依頼").with(message),
            form,
            sealed: business_system_opens(desk),
        },
    )
}

pub(super) async fn submit(desk: Desk, Sent(values): Sent<Entered>) -> Response {
    if let Err(refusal) = desk.check(entered(&values, "guard")) {
        return refused(&refusal.into());
    }
    if let Err(fault) = desk.may(Act::SubmitInquiry, None).await {
        return refused(&fault);
    }
    let Some(offer) = chosen(&desk, &values) else {
        return choose(&desk, &values);
    };
    let mut form = Form::filled(fields(&desk, &offer), &values);
    let record_id = again(entered(&values, "record_id").to_owned());
    let read = draft(&desk, &offer, &values, &mut form);
    let flawed = (StatusCode::UNPROCESSABLE_ENTITY, None);
    let draft = match read {
        Ok(draft) => draft,
        Err(info_flaw) => {
            let (status, message) = flawed;
            let entered = (form, values, record_id);
            return answer(&desk, &offer, entered, (status, message, info_flaw));
        }
    };
    let by = (desk.institution, desk.staff.clone());
    match desk.world.submit_inquiry_at_terminal(by, draft).await {
        Ok(Submitted::Now(receipt)) => see(&format!("/inquiries/{receipt}?done=submitted")),
        Ok(Submitted::Before(receipt)) => see(&format!("/inquiries/{receipt}?done=before")),
        Err(fault) => not_accepted(&desk, &offer, (form, values, record_id), &fault),
    }
}

/// The form once more, with what the intermediate server has to say at its field.
fn not_accepted(
    desk: &Desk,
    offer: &Offer,
    (mut form, values, record_id): (Form, Entered, String),
    fault: &WorldFault,
) -> Response {
    let (status, message) = told(fault);
    let refusal = refusal_of(fault);
    let info_flaw = refusal.and_then(|refusal| place_refusal(&refusal, &mut form));
    let entered = (form, values, record_id);
    answer(desk, offer, entered, (status, Some(message), info_flaw))
}

fn answer(
    desk: &Desk,
    offer: &Offer,
    (form, values, record_id): (Form, Entered, String),
    (status, message, info_flaw): (StatusCode, Option<Message>, Option<String>),
) -> Response {
    let message = message.or_else(|| {
        let flawed = info_flaw.is_some() || !form.is_sound();
        flawed.then(|| Message::error("入力に誤りがあります。", flaws(&form, info_flaw.as_ref())))
    });
    let infos = offer.infos().into_iter();
    page(
        status,
        &InquiryFormPage {
            frame: Frame::of(desk, "/inquiries", "情報照会の依頼").with(message),
            procedure: offer.name(),
            basis: offer.basis(),
            record_id,
            form,
            infos: infos.map(|code| info_choice(desk, code, &values)).collect(),
            info_flaw,
            nondisclosure: is_entered(&values, "nondisclosure", "1"),
            sealed: business_system_opens(desk),
        },
    )
}

/// What is wrong, field by field, for the head of the page.
fn flaws(form: &Form, info_flaw: Option<&String>) -> Vec<String> {
    let of_field = |field: &Field| {
        let flaw = field.flaw.as_ref()?;
        let named = flaw.starts_with(field.label);
        Some(if named {
            flaw.clone()
        } else {
            format!("{}: {flaw}", field.label)
        })
    };
    let of_infos = info_flaw.map(|flaw| format!("特定個人情報: {flaw}"));
    form.fields
        .iter()
        .filter_map(of_field)
        .chain(of_infos)
        .collect()
}

fn is_entered(values: &Entered, name: &str, value: &str) -> bool {
    values
        .iter()
        .any(|(known, own)| known == name && own == value)
}

fn info_choice(desk: &Desk, code: SpecificInfoCode, values: &Entered) -> InfoChoice {
    let server = desk.server().ok();
    let layouts = server.map(|server| server.layouts().versions(code));
    let mut items = Vec::new();
    for layout in layouts.unwrap_or_default() {
        list_items(code, &layout.data_sets, values, &mut items);
    }
    let code_text = code.to_string();
    InfoChoice {
        name: contents::info(desk, code),
        chosen: is_entered(values, "info", &code_text),
        opened: items.iter().any(|item| item.chosen),
        code: code_text,
        items,
    }
}

/// Every item of a layout, once: the versions have most of them in common.
fn list_items(
    info: SpecificInfoCode,
    sets: &[DataSetLayout],
    values: &Entered,
    into: &mut Vec<ItemChoice>,
) {
    for set in sets {
        for item in &set.items {
            let value = format!("{info}/{}", item.code);
            if into.iter().all(|known| known.value != value) {
                into.push(ItemChoice {
                    chosen: is_entered(values, "item", &value),
                    name: format!("{}（{}）", item.name, item.code),
                    value,
                });
            }
        }
        list_items(info, &set.data_sets, values, into);
    }
}

fn fields(desk: &Desk, offer: &Offer) -> Vec<Field> {
    let asked = |known: &&Institution| {
        let allows = |row: &PermissionRow| {
            let directory = desk.world.directory();
            let resolved = directory.resolve(known.code);
            resolved.is_some_and(|resolved| row.allows_provider(resolved))
        };
        known.code != desk.institution && offer.rows.iter().any(allows)
    };
    let providers = desk.world.directory().iter().filter(asked);
    let providers = providers.map(|known| {
        let code = known.code.to_string();
        Choice::new(&code, format!("{}（{code}）", known.name))
    });
    let providers = [vec![Choice::new("", "選んでください")], providers.collect()].concat();
    let units = desk.server().ok().map(|server| &server.profile().units);
    let units = units.and_then(|units| units.get(&offer.affair));
    let units = units.map(|units| {
        let choices = units
            .iter()
            .map(|unit| Choice::new(unit.as_str(), unit.as_str()));
        choices.collect::<Vec<_>>()
    });
    let unit = Field::text("unit", "部署コード", "半角英数字と . _ - で20文字まで");
    let kinds = draft::CONDITIONS.map(|(name, _, ja)| Choice::new(name, ja));
    vec![
        Field::text(
            "addressee",
            "団体内統合宛名番号",
            "数字15桁。個人番号は入力できません。",
        ),
        Field::one_of("provider", "情報提供機関", providers),
        unit.offering(units.unwrap_or_default()),
        Field::one_of("condition", "条件", kinds.to_vec()),
        Field::text("fiscal_year", "年度", "条件が「年度」のとき。例 2026"),
        Field::text(
            "from",
            "期間の開始日",
            "条件が「期間」のとき。例 2026-04-01",
        ),
        Field::text("to", "期間の終了日", "空欄は期限なし。"),
    ]
}
