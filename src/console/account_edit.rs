//! 職員・権限: the roles, affairs, name and last day of one account.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    extract::Query,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{
    desk::Desk,
    form::again,
    frame::{Frame, Message},
    reply::{page, refused, see, told},
    sent::Sent,
};
use crate::{
    domain::{
        malformed::Malformed,
        refusal::{FieldFlaw, Refusal, Thing},
        staff::{Account, Affairs, Role},
    },
    institution::AccountDraft,
    world::WorldFault,
};

#[derive(Template)]
#[template(path = "account_edit.html")]
struct AccountEditPage {
    frame: Frame,
    draft: EditForm,
    roles: Vec<Choice>,
}

struct Choice {
    value: &'static str,
    text: &'static str,
    chosen: bool,
}

/// The fields as they were sent; `role` comes once for each role.
#[derive(Default)]
struct EditForm {
    guard: String,
    account: String,
    person: String,
    display_name: String,
    roles: Vec<String>,
    affairs: String,
    expires_on: String,
}

#[derive(Deserialize)]
pub(super) struct Named {
    account: String,
}

pub(super) async fn show(desk: Desk, Query(Named { account }): Query<Named>) -> Response {
    let found = desk
        .see_through(|world, institution, staff| async move {
            let server = world.server(institution)?;
            Ok(server.accounts(&staff, world.now()).await?)
        })
        .await;
    let found = found.and_then(|accounts| {
        let mut accounts = accounts.into_iter().map(|view| view.account);
        let found = accounts.find(|known| known.name.as_str() == account);
        found.ok_or_else(|| Refusal::NotFound(Thing::Account).into())
    });
    match found {
        Ok(account) => form(&desk, StatusCode::OK, as_form(&account), None),
        Err(fault) => refused(&fault),
    }
}

fn form(desk: &Desk, status: StatusCode, draft: EditForm, message: Option<Message>) -> Response {
    let roles = Role::ALL.map(|role| Choice {
        value: role.name(),
        text: role.ja(),
        chosen: draft.roles.iter().any(|chosen| chosen == role.name()),
    });
    let shown = AccountEditPage {
        frame: Frame::of(desk, "/accounts", "アカウントの変更").with(message),
        draft,
        roles: roles.into(),
    };
    page(status, &shown)
}

fn as_form(account: &Account) -> EditForm {
    let affairs: Vec<_> = match &account.affairs {
        Affairs::All => Vec::new(),
        Affairs::Only(affairs) => affairs.iter().map(ToString::to_string).collect(),
    };
    EditForm {
        guard: String::new(),
        account: account.name.to_string(),
        person: account.person.to_string(),
        display_name: account.display_name.to_string(),
        roles: account
            .roles
            .iter()
            .map(|role| role.name().into())
            .collect(),
        affairs: affairs.join(" "),
        expires_on: account
            .expires_on
            .map(|day| day.to_string())
            .unwrap_or_default(),
    }
}

pub(super) async fn submit(desk: Desk, Sent(fields): Sent<Vec<(String, String)>>) -> Response {
    let mut sent = EditForm::default();
    for (name, value) in fields {
        match name.as_str() {
            "guard" => sent.guard = value,
            "account" => sent.account = value,
            "person" => sent.person = value,
            "display_name" => sent.display_name = value,
            "role" => sent.roles.push(value),
            "affairs" => sent.affairs = value,
            "expires_on" => sent.expires_on = value,
            _ => {}
        }
    }
    match change(&desk, &sent).await {
        Ok(()) => see("/accounts?changed=1").into_response(),
        Err(fault) => {
            let (status, message) = told(&fault);
            let draft = EditForm {
                account: again(sent.account),
                person: again(sent.person),
                display_name: again(sent.display_name),
                affairs: again(sent.affairs),
                expires_on: again(sent.expires_on),
                ..sent
            };
            form(&desk, status, draft, Some(message))
        }
    }
}

async fn change(desk: &Desk, sent: &EditForm) -> Result<(), WorldFault> {
    desk.check(&sent.guard)?;
    let draft = draft(sent)?;
    desk.see_through(|world, institution, staff| async move {
        let server = world.server(institution)?;
        server.update_account(&staff, draft, world.now()).await?;
        Ok(())
    })
    .await
}

fn draft(sent: &EditForm) -> Result<AccountDraft, Refusal> {
    let mut flaws = Vec::new();
    let mut flawed = |field: &str, malformed: Malformed| {
        flaws.push(FieldFlaw::malformed(field, &malformed));
    };
    let name = sent.account.parse().map_err(|flaw| flawed("account", flaw));
    let person = sent.person.parse().map_err(|flaw| flawed("person", flaw));
    let display_name = sent.display_name.parse();
    let display_name = display_name.map_err(|flaw| flawed("display_name", flaw));
    let mut affairs = BTreeSet::new();
    for affair in sent.affairs.split_whitespace() {
        match affair.parse() {
            Ok(affair) => drop(affairs.insert(affair)),
            Err(flaw) => flawed("affairs", flaw),
        }
    }
    let mut roles = BTreeSet::new();
    for chosen in &sent.roles {
        match Role::ALL.into_iter().find(|role| role.name() == chosen) {
            Some(role) => drop(roles.insert(role)),
            None => flaws.push(FieldFlaw::new(
                "role",
                "is not a role",
                "役割: 定義されていない役割です",
            )),
        }
    }
    let expires_on = (!sent.expires_on.is_empty()).then(|| sent.expires_on.parse());
    let expires_on = expires_on.transpose();
    if expires_on.is_err() {
        let ja = "使用期限: yyyy-MM-dd形式の日付ではありません";
        flaws.push(FieldFlaw::new("expires_on", "is not a day", ja));
    }
    match (name, person, display_name, expires_on) {
        (Ok(name), Ok(person), Ok(display_name), Ok(expires_on)) if flaws.is_empty() => {
            let affairs = if affairs.is_empty() {
                Affairs::All
            } else {
                Affairs::Only(affairs)
            };
            Ok(AccountDraft {
                name,
                person,
                display_name,
                roles,
                affairs,
                expires_on,
            })
        }
        _ => Err(Refusal::Malformed(flaws)),
    }
}
