//! SCM, 職員認証・権限管理, over gRPC.

use std::collections::BTreeSet;

use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{
    caller::{Surface, session_token},
    fields::{Fields, page_size, timestamp},
    finding,
    place::{place, token},
    proto::v1::{self, staff_service_server::StaffService},
};
use crate::{
    domain::{
        codes::AffairCode,
        names::AccountName,
        operation::{OperationOutcome, PlacedOperation},
        staff::{Affairs, Role},
    },
    institution::{AccountDraft, AccountView},
};

/// The service of the staff.
pub struct Staff(pub Surface);

#[tonic::async_trait]
impl StaffService for Staff {
    async fn sign_in(
        &self,
        request: Request<v1::SignInRequest>,
    ) -> Result<Response<v1::SignInResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let origin = entered.origin.clone();
        let message = request.into_inner();
        let password = Zeroizing::new(message.password);
        let mut fields = Fields::default();
        let name: Option<AccountName> = fields.required("account", &message.account);
        let name = fields.finish(name)?;
        let signed_in = entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                let opened = server.sign_in(&name, password, &origin, world.now());
                Ok(opened.await?)
            })
            .await?;
        let staff = &signed_in.staff;
        Ok(Response::new(v1::SignInResponse {
            session: signed_in.token.to_string(),
            account: Some(encode(AccountView {
                account: staff.account().clone(),
                locked: false,
                password_due: staff.password_is_due(),
            })),
        }))
    }

    async fn sign_out(
        &self,
        request: Request<v1::SignOutRequest>,
    ) -> Result<Response<v1::SignOutResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let token = session_token(&request);
        entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.sign_out(&staff, &token, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::SignOutResponse {}))
    }

    async fn change_password(
        &self,
        request: Request<v1::ChangePasswordRequest>,
    ) -> Result<Response<v1::ChangePasswordResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let token = session_token(&request);
        let message = request.into_inner();
        let present = Zeroizing::new(message.present_password);
        let new = Zeroizing::new(message.new_password);
        entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                let changed = server.change_password((&staff, &token), present, new, world.now());
                Ok(changed.await?)
            })
            .await?;
        Ok(Response::new(v1::ChangePasswordResponse {}))
    }

    async fn list_accounts(
        &self,
        request: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let accounts = entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.accounts(&staff, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::ListAccountsResponse {
            accounts: accounts.into_iter().map(encode).collect(),
        }))
    }

    async fn create_account(
        &self,
        request: Request<v1::CreateAccountRequest>,
    ) -> Result<Response<v1::CreateAccountResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.into_inner();
        let password = Zeroizing::new(message.new_password);
        let draft = decode(&message.account.unwrap_or_default())?;
        let created = entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                let created = server.create_account(&staff, draft, password, world.now());
                Ok(created.await?)
            })
            .await?;
        Ok(Response::new(v1::CreateAccountResponse {
            account: Some(encode(created)),
        }))
    }

    async fn update_account(
        &self,
        request: Request<v1::UpdateAccountRequest>,
    ) -> Result<Response<v1::UpdateAccountResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let draft = decode(&request.into_inner().account.unwrap_or_default())?;
        let updated = entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.update_account(&staff, draft, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::UpdateAccountResponse {
            account: Some(encode(updated)),
        }))
    }

    async fn unlock_account(
        &self,
        request: Request<v1::UnlockAccountRequest>,
    ) -> Result<Response<v1::UnlockAccountResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let mut fields = Fields::default();
        let name: Option<AccountName> = fields.required("account", &request.get_ref().account);
        let name = fields.finish(name)?;
        let unlocked = entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.unlock_account(&staff, &name, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::UnlockAccountResponse {
            account: Some(encode(unlocked)),
        }))
    }

    async fn list_operations(
        &self,
        request: Request<v1::ListOperationsRequest>,
    ) -> Result<Response<v1::ListOperationsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.into_inner();
        let limit = page_size(message.page_size)?;
        let before = place(&message.page_token)?;
        let (found, next) = entered
            .see_through(move |world, institution| async move {
                let server = world.server(institution)?;
                let found = server.operations(&staff, (before, limit), world.now());
                Ok(found.await?)
            })
            .await?;
        Ok(Response::new(v1::ListOperationsResponse {
            operations: found.into_iter().map(encode_operation).collect(),
            next_page_token: next.map(token).unwrap_or_default(),
        }))
    }

    async fn analyze_operations(
        &self,
        request: Request<v1::AnalyzeOperationsRequest>,
    ) -> Result<Response<v1::AnalyzeOperationsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let mut fields = Fields::default();
        let days = finding::days(&mut fields, request.get_ref().days);
        let days = fields.finish(days)?;
        let found = entered
            .see_through(move |world, institution| async move {
                let server = world.server(institution)?;
                let found = server.analyze_operations(&staff, days, world.now());
                Ok(found.await?)
            })
            .await?;
        Ok(Response::new(finding::encode(found)))
    }

    async fn review_finding(
        &self,
        request: Request<v1::ReviewFindingRequest>,
    ) -> Result<Response<v1::ReviewFindingResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let days = finding::days(&mut fields, message.days);
        let note = fields.optional("note", &message.note);
        let days = fields.finish(days)?;
        let name = message.name.clone();
        let found = entered
            .see_through(move |world, institution| async move {
                let server = world.server(institution)?;
                let now = world.now();
                let reviewed = server.review_finding(&staff, (&name, note), (days, now));
                Ok(reviewed.await?)
            })
            .await?;
        let mut findings = finding::encode(found).findings.into_iter();
        Ok(Response::new(v1::ReviewFindingResponse {
            finding: findings.find(|finding| finding.name == message.name),
        }))
    }
}

fn decode(message: &v1::Account) -> Result<AccountDraft, Status> {
    let mut fields = Fields::default();
    let name = fields.required("account.name", &message.name);
    let person = fields.required("account.staff_number", &message.staff_number);
    let display_name = fields.required("account.display_name", &message.display_name);
    let mut roles = BTreeSet::new();
    for (at, role) in message.roles.iter().enumerate() {
        match v1::StaffRole::try_from(*role).ok().and_then(decode_role) {
            Some(role) => drop(roles.insert(role)),
            None => {
                let (en, ja) = ("is not a role", "定義されていない役割です");
                fields.flaw(format!("account.roles[{at}]"), en, ja);
            }
        }
    }
    let mut affairs = BTreeSet::new();
    for (at, affair) in message.affairs.iter().enumerate() {
        affairs.extend(fields.required::<AffairCode>(&format!("account.affairs[{at}]"), affair));
    }
    let expires_on = fields.day("account.expires_on", &message.expires_on);
    let affairs = if affairs.is_empty() {
        Affairs::All
    } else {
        Affairs::Only(affairs)
    };
    let draft = || {
        Some(AccountDraft {
            name: name?,
            person: person?,
            display_name: display_name?,
            roles,
            affairs,
            expires_on,
        })
    };
    let draft = draft();
    fields.finish(draft)
}

fn decode_role(role: v1::StaffRole) -> Option<Role> {
    match role {
        v1::StaffRole::Unspecified => None,
        v1::StaffRole::Administrator => Some(Role::Administrator),
        v1::StaffRole::Clerk => Some(Role::Clerk),
        v1::StaffRole::Approver => Some(Role::Approver),
        v1::StaffRole::Auditor => Some(Role::Auditor),
        v1::StaffRole::PlatformOperator => Some(Role::PlatformOperator),
        v1::StaffRole::Instructor => Some(Role::Instructor),
    }
}

fn encode_role(role: Role) -> v1::StaffRole {
    match role {
        Role::Administrator => v1::StaffRole::Administrator,
        Role::Clerk => v1::StaffRole::Clerk,
        Role::Approver => v1::StaffRole::Approver,
        Role::Auditor => v1::StaffRole::Auditor,
        Role::PlatformOperator => v1::StaffRole::PlatformOperator,
        Role::Instructor => v1::StaffRole::Instructor,
    }
}

fn encode(view: AccountView) -> v1::Account {
    let account = view.account;
    let roles = account.roles.into_iter();
    v1::Account {
        name: account.name.to_string(),
        staff_number: account.person.to_string(),
        display_name: account.display_name.to_string(),
        roles: roles.map(|role| encode_role(role).into()).collect(),
        affairs: match account.affairs {
            Affairs::All => Vec::new(),
            Affairs::Only(affairs) => affairs.iter().map(ToString::to_string).collect(),
        },
        expires_on: account
            .expires_on
            .map(|last| last.to_string())
            .unwrap_or_default(),
        locked: view.locked,
        password_due: view.password_due,
    }
}

fn encode_operation(placed: PlacedOperation) -> v1::Operation {
    let operation = placed.operation;
    let text = |name: Option<String>| name.unwrap_or_default();
    v1::Operation {
        at: Some(timestamp(placed.at)),
        account: text(operation.account.map(String::from)),
        staff_number: text(operation.person.map(String::from)),
        operation: operation.what.ja().to_owned(),
        on: text(operation.on),
        refused_for: match operation.outcome {
            OperationOutcome::Done => String::new(),
            OperationOutcome::Refused(reason) => reason,
        },
        origin: operation.origin,
    }
}
