//! 職員・権限.

use std::collections::BTreeSet;

use askama::Template;
use axum::{extract::Query, http::StatusCode, response::Response};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    desk::Desk,
    form::again,
    frame::{Frame, Message},
    password::rules,
    reply::{page, refused, told},
    sent::Sent,
    texts,
};
use crate::{
    domain::{
        malformed::Malformed,
        refusal::{FieldFlaw, Refusal},
        staff::{Affairs, Role},
    },
    institution::{AccountDraft, AccountView},
};

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    frame: Frame,
    accounts: Vec<Row>,
    roles: Vec<Choice>,
    rules: String,
    draft: AccountForm,
}

struct Row {
    name: String,
    display_name: String,
    person: String,
    roles: String,
    affairs: String,
    expires_on: String,
    state: &'static str,
    locked: bool,
}

struct Choice {
    value: &'static str,
    text: &'static str,
}

#[derive(Deserialize, Default)]
pub(super) struct AccountForm {
    guard: String,
    account: String,
    person: String,
    display_name: String,
    role: String,
    affair: String,
    expires_on: String,
    password: Zeroizing<String>,
}

#[derive(Deserialize)]
pub(super) struct UnlockForm {
    guard: String,
    account: String,
}

/// Whether an account was just changed, in the address, so that the page can be loaded anew.
#[derive(Deserialize)]
pub(super) struct Changed {
    changed: Option<String>,
}

pub(super) async fn show(desk: Desk, Query(asked): Query<Changed>) -> Response {
    let message = asked.changed.map(|_| {
        Message::done("アカウントを変更しました。そのアカウントのログインは終了しています。")
    });
    list(&desk, StatusCode::OK, AccountForm::default(), message).await
}

async fn list(
    desk: &Desk,
    status: StatusCode,
    draft: AccountForm,
    message: Option<Message>,
) -> Response {
    let accounts = desk
        .see_through(|world, institution, staff| async move {
            let server = world.server(institution)?;
            Ok(server.accounts(&staff, world.now()).await?)
        })
        .await;
    let accounts = match accounts {
        Ok(accounts) => accounts,
        Err(fault) => return refused(&fault),
    };
    page(
        status,
        &AccountsPage {
            frame: Frame::of(desk, "/accounts", "職員・権限").with(message),
            accounts: accounts.into_iter().map(row).collect(),
            roles: Role::ALL
                .map(|role| Choice {
                    value: role.name(),
                    text: role.ja(),
                })
                .into(),
            rules: rules(desk),
            draft,
        },
    )
}

fn row(view: AccountView) -> Row {
    let account = view.account;
    let expires_on = account.expires_on.map(texts::day);
    Row {
        roles: texts::roles(&account),
        affairs: texts::affairs(&account),
        name: account.name.to_string(),
        person: account.person.to_string(),
        expires_on: expires_on.unwrap_or_else(|| "―".to_owned()),
        state: match (view.locked, view.password_due) {
            (true, _) => "✖ ロック中",
            (false, true) => "！ パスワード変更待ち",
            (false, false) => "✔ 使用可",
        },
        locked: view.locked,
        display_name: account.display_name.to_string(),
    }
}

pub(super) async fn create(desk: Desk, Sent(sent): Sent<AccountForm>) -> Response {
    let created = create_account(&desk, &sent).await;
    match created {
        Ok(view) => {
            let text = format!("アカウント「{}」を作りました。", view.account.name);
            let message = Some(Message::done(&text));
            list(&desk, StatusCode::OK, AccountForm::default(), message).await
        }
        Err(fault) => {
            let (status, message) = told(&fault);
            let draft = AccountForm {
                account: again(sent.account),
                person: again(sent.person),
                display_name: again(sent.display_name),
                affair: again(sent.affair),
                expires_on: again(sent.expires_on),
                ..sent
            };
            list(&desk, status, draft, Some(message)).await
        }
    }
}

async fn create_account(
    desk: &Desk,
    sent: &AccountForm,
) -> Result<AccountView, crate::world::WorldFault> {
    desk.check(&sent.guard)?;
    let draft = draft(sent)?;
    let password = sent.password.clone();
    desk.see_through(|world, institution, staff| async move {
        let server = world.server(institution)?;
        let created = server.create_account(&staff, draft, password, world.now());
        Ok(created.await?)
    })
    .await
}

fn draft(sent: &AccountForm) -> Result<AccountDraft, Refusal> {
    let mut flaws = Vec::new();
    let mut flawed = |field: &str, malformed: Malformed| {
        flaws.push(FieldFlaw::malformed(field, &malformed));
    };
    let name = sent.account.parse().map_err(|flaw| flawed("account", flaw));
    let person = sent.person.parse().map_err(|flaw| flawed("person", flaw));
    let display_name = sent.display_name.parse();
    let display_name = display_name.map_err(|flaw| flawed("display_name", flaw));
    let affairs = match sent.affair.as_str() {
        "" => Ok(Affairs::All),
        affair => affair
            .parse()
            .map(|affair| Affairs::Only(BTreeSet::from([affair])))
            .map_err(|flaw| flawed("affair", flaw)),
    };
    let role = Role::ALL.into_iter().find(|role| role.name() == sent.role);
    let expires_on = (!sent.expires_on.is_empty()).then(|| sent.expires_on.parse());
    let expires_on = expires_on.transpose();
    if expires_on.is_err() {
        let ja = "使用期限: yyyy-MM-dd形式の日付ではありません";
        flaws.push(FieldFlaw::new("expires_on", "is not a day", ja));
    }
    if role.is_none() {
        let ja = "役割: 定義されていない役割です";
        flaws.push(FieldFlaw::new("role", "is not a role", ja));
    }
    match (name, person, display_name, affairs, role, expires_on) {
        (Ok(name), Ok(person), Ok(display_name), Ok(affairs), Some(role), Ok(expires_on)) => {
            Ok(AccountDraft {
                name,
                person,
                display_name,
                roles: BTreeSet::from([role]),
                affairs,
                expires_on,
            })
        }
        _ => Err(Refusal::Malformed(flaws)),
    }
}

pub(super) async fn unlock(desk: Desk, Sent(sent): Sent<UnlockForm>) -> Response {
    let unlocked = async {
        desk.check(&sent.guard)?;
        let name = sent.account.parse();
        let name =
            name.map_err(|flaw| Refusal::Malformed(vec![FieldFlaw::malformed("account", &flaw)]))?;
        desk.see_through(|world, institution, staff| async move {
            let server = world.server(institution)?;
            Ok(server.unlock_account(&staff, &name, world.now()).await?)
        })
        .await
    };
    let (status, message) = match unlocked.await {
        Ok(view) => {
            let text = format!(
                "アカウント「{}」のロックを解除しました。",
                view.account.name
            );
            (StatusCode::OK, Message::done(&text))
        }
        Err(fault) => told(&fault),
    };
    list(&desk, status, AccountForm::default(), Some(message)).await
}
