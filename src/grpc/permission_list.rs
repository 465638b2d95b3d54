//! 照会許可照合リスト: the copy that the caller's institution holds, and what it says to a question.

use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface},
    fields::{Fields, page_size, timestamp},
    proto::v1::{self, permission_list_service_server::PermissionListService},
    status::{foreign_page_token, status_of},
};
use crate::domain::{
    codes::InstitutionCode,
    permission_list::{Decision, Difference, ListCopy, PermissionList, PermissionRow, Question},
    refusal::Refusal,
};

/// The service of the permission list.
pub struct PermissionLists(pub Surface);

#[tonic::async_trait]
impl PermissionListService for PermissionLists {
    async fn get_permission_list(
        &self,
        request: Request<v1::GetPermissionListRequest>,
    ) -> Result<Response<v1::GetPermissionListResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let copy = copy(&entered)?;
        Ok(Response::new(v1::GetPermissionListResponse {
            permission_list: Some(encode(&entered, &copy)?),
        }))
    }

    async fn list_permission_rows(
        &self,
        request: Request<v1::ListPermissionRowsRequest>,
    ) -> Result<Response<v1::ListPermissionRowsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let limit = page_size(message.page_size)?;
        let copy = copy(&entered)?;
        let from = first_row(&copy.list, &message.page_token)?;
        let rows = copy.list.rows();
        let next = from.saturating_add(limit);
        Ok(Response::new(v1::ListPermissionRowsResponse {
            rows: rows.iter().skip(from).take(limit).map(encode_row).collect(),
            next_page_token: if next < rows.len() {
                row_token(&copy.list, next)
            } else {
                String::new()
            },
        }))
    }

    async fn refresh_permission_list(
        &self,
        request: Request<v1::RefreshPermissionListRequest>,
    ) -> Result<Response<v1::RefreshPermissionListResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let copied = entered
            .see_through(|world, institution| async move {
                let published = world.core().publish_list()?;
                let server = world.server(institution)?;
                Ok(server.copy_list(published, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::RefreshPermissionListResponse {
            permission_list: Some(encode(&entered, &copied)?),
        }))
    }

    async fn explain_permission(
        &self,
        request: Request<v1::ExplainPermissionRequest>,
    ) -> Result<Response<v1::ExplainPermissionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let affair = fields.required("affair", &message.affair);
        let procedure = fields.required("procedure", &message.procedure);
        let specific_info = fields.required("specific_info", &message.specific_info);
        let code: Option<InstitutionCode> = fields.required("provider", &message.provider);
        let at = fields.time("at", message.at);
        let provider = code.and_then(|code| entered.world.directory().resolve(code));
        if code.is_some() && provider.is_none() {
            let ja = "この機関コードの機関は存在しません";
            fields.flaw("provider", "no institution of this world has this code", ja);
        }
        let server = entered.server()?;
        let question = || {
            Some(Question {
                inquirer: server.profile(),
                affair: affair?,
                procedure: procedure?,
                provider: provider?,
                specific_info: specific_info?,
                at: at.unwrap_or_else(|| entered.world.now()),
            })
        };
        let question = question();
        let question = fields.finish(question)?;
        // The copy must be usable now, whatever time the question is about.
        let copy = copy(&entered)?;
        let usable = copy.usable(entered.world.now(), server.list_age_max());
        let list = usable.map_err(|_| status_of(&Refusal::ListUnusable))?;
        Ok(Response::new(explain(list, &question)))
    }
}

fn copy(entered: &Entered) -> Result<ListCopy, Status> {
    let copy = entered.server()?.list_copy();
    copy.ok_or_else(|| status_of(&Refusal::ListUnusable))
}

/// The token of a row: the list's version and the row's index, so that the rows of two versions are never mixed.
fn row_token(list: &PermissionList, row: usize) -> String {
    format!("{}.{row}", list.version())
}

fn first_row(list: &PermissionList, token: &str) -> Result<usize, Status> {
    if token.is_empty() {
        return Ok(0);
    }
    let row = token.rsplit('.').next().and_then(|row| row.parse().ok());
    let written_so = |row: &usize| row_token(list, *row) == token;
    row.filter(written_so).ok_or_else(foreign_page_token)
}

fn explain(list: &PermissionList, question: &Question<'_>) -> v1::ExplainPermissionResponse {
    let row = |id: &str| list.row(id).map(encode_row);
    let (allowing, nearest) = match list.decide(question) {
        Decision::Allowed(permission) => (row(permission.row_id()), Vec::new()),
        Decision::Refused(nearest) => (None, nearest),
    };
    let nearest = nearest.into_iter().map(|miss| v1::NearMiss {
        row: row(&miss.row_id),
        differs: miss
            .differs
            .into_iter()
            .map(Difference::column)
            .map(str::to_owned)
            .collect(),
    });
    v1::ExplainPermissionResponse {
        allowed: allowing.is_some(),
        row: allowing,
        nearest: nearest.collect(),
        list_version: list.version(),
    }
}

fn encode(entered: &Entered, copy: &ListCopy) -> Result<v1::PermissionList, Status> {
    let usable_until = entered.server()?.list_usable_until(copy);
    Ok(v1::PermissionList {
        version: copy.list.version(),
        published_at: Some(timestamp(copy.list.published_at())),
        copied_at: Some(timestamp(copy.copied_at)),
        usable_until: Some(timestamp(usable_until)),
        row_count: u32::try_from(copy.list.rows().len()).unwrap_or(u32::MAX),
    })
}

fn encode_row(row: &PermissionRow) -> v1::PermissionRow {
    v1::PermissionRow {
        id: row.id.clone(),
        inquirer: row.inquirer.to_string(),
        affair: row.affair.to_string(),
        procedure: row.procedure.to_string(),
        provider: row.provider.to_string(),
        specific_info: row.specific_info.to_string(),
        valid_from: row.valid_from.to_string(),
        valid_to: row.valid_to.map(|day| day.to_string()).unwrap_or_default(),
        legal_basis: row.legal_basis.clone(),
    }
}
