//! DBM over gRPC: registers, deletes and shows replicas, and shows the layouts that they follow.

use tonic::{Request, Response, Status, Streaming};

use super::{
    attachment::Numbers,
    caller::Surface,
    fields::{Fields, page, timestamp},
    messages::{data_set, data_set_draft},
    proto::v1::{self, replica_service_server::ReplicaService},
    replica_export::{self, ExportPieces},
    replica_import::{self, ImportEvents},
    status::ToStatus,
};
use crate::{
    domain::{
        codes::SpecificInfoCode,
        form_check::FLAWS_MAX,
        layout::{DataSetLayout, ItemKind, ItemLayout, Layout},
        replica::{Publication, Replica, ReplicaDraft, ReplicaName},
    },
    institution::{IntermediateServer, REPLICAS_MAX},
};

/// The service of the family DBM.
pub struct Replicas(pub Surface);

#[tonic::async_trait]
impl ReplicaService for Replicas {
    type ImportReplicasStream = ImportEvents;
    type ExportReplicasStream = ExportPieces;

    async fn register_replicas(
        &self,
        request: Request<v1::RegisterReplicasRequest>,
    ) -> Result<Response<v1::RegisterReplicasResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut replicas = request.into_inner().replicas;
        let keys = replicas.iter_mut().enumerate();
        entered.numbers()?.inward(keys.filter_map(|(at, replica)| {
            let field = format!("replicas[{at}].key.addressee_number");
            Some((field, &mut replica.key.as_mut()?.addressee_number))
        }))?;
        let drafts = decode(replicas, entered.server()?)?;
        let registered = entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.register_replicas(drafts, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::RegisterReplicasResponse {
            registered: count(registered.new),
            replaced: count(registered.replaced),
        }))
    }

    async fn delete_replicas(
        &self,
        request: Request<v1::DeleteReplicasRequest>,
    ) -> Result<Response<v1::DeleteReplicasResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut keys = request.into_inner().keys;
        entered.numbers()?.inward(numbered(&mut keys))?;
        let names = decode_names(&keys)?;
        let deleted = entered
            .see_through(|world, institution| async move {
                let server = world.server(institution)?;
                Ok(server.delete_replicas(&names, world.now()).await?)
            })
            .await?;
        Ok(Response::new(v1::DeleteReplicasResponse {
            deleted: count(deleted),
        }))
    }

    async fn get_replica(
        &self,
        request: Request<v1::GetReplicaRequest>,
    ) -> Result<Response<v1::GetReplicaResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut key = request.into_inner().key;
        let number = key.iter_mut().map(|key| &mut key.addressee_number);
        let numbers = entered.numbers()?;
        numbers.inward(number.map(|number| ("key.addressee_number".to_owned(), number)))?;
        let mut fields = Fields::default();
        let name = decode_name(&mut fields, "key", key.as_ref());
        let name = fields.finish(name)?;
        let replica = entered.server()?.replica(&name).to_status()?;
        Ok(Response::new(v1::GetReplicaResponse {
            replica: Some(encode(&numbers, replica)?),
        }))
    }

    async fn list_replicas(
        &self,
        request: Request<v1::ListReplicasRequest>,
    ) -> Result<Response<v1::ListReplicasResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut message = request.into_inner();
        let numbers = entered.numbers()?;
        let number = ("addressee_number".to_owned(), &mut message.addressee_number);
        numbers.inward(std::iter::once(number))?;
        let mut fields = Fields::default();
        let person = fields.required("addressee_number", &message.addressee_number);
        let info = fields.optional("specific_info", &message.specific_info);
        let person = fields.finish(person)?;
        let page = page(message.page_size, &message.page_token)?;
        let found = entered.server()?.replicas(person, info, page).to_status()?;
        Ok(Response::new(v1::ListReplicasResponse {
            replicas: encode_all(&numbers, found.rows)?,
            next_page_token: found.next_token.unwrap_or_default(),
        }))
    }

    async fn import_replicas(
        &self,
        request: Request<Streaming<v1::ImportReplicasRequest>>,
    ) -> Result<Response<ImportEvents>, Status> {
        let entered = self.0.enter(&request)?;
        replica_import::import(entered, request.into_inner()).await
    }

    async fn list_replica_imports(
        &self,
        request: Request<v1::ListReplicaImportsRequest>,
    ) -> Result<Response<v1::ListReplicaImportsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let page = page(message.page_size, &message.page_token)?;
        let found = entered.server()?.imports(&page).to_status()?;
        let imports = found.rows.into_iter().map(replica_import::encode);
        Ok(Response::new(v1::ListReplicaImportsResponse {
            imports: imports.collect(),
            next_page_token: found.next_token.unwrap_or_default(),
        }))
    }

    async fn export_replicas(
        &self,
        request: Request<v1::ExportReplicasRequest>,
    ) -> Result<Response<ExportPieces>, Status> {
        let entered = self.0.enter(&request)?;
        replica_export::export(entered, &request.into_inner())
    }

    async fn list_layouts(
        &self,
        request: Request<v1::ListLayoutsRequest>,
    ) -> Result<Response<v1::ListLayoutsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut fields = Fields::default();
        let wanted = &request.get_ref().specific_info;
        let info = fields.optional::<SpecificInfoCode>("specific_info", wanted);
        let info = fields.finish(Some(info))?;
        let layouts = entered.server()?.layouts();
        let infos = layouts.specific_infos();
        let infos = infos.filter(|own| info.is_none_or(|info| info == *own));
        let versions = infos.flat_map(|info| layouts.versions(info));
        Ok(Response::new(v1::ListLayoutsResponse {
            layouts: versions.map(encode_layout).collect(),
        }))
    }
}

/// The drafts, or every flaw: those of the fields that cannot be read and those that the form check finds in the
/// replicas that can.
fn decode(
    messages: Vec<v1::Replica>,
    server: &IntermediateServer,
) -> Result<Vec<ReplicaDraft>, Status> {
    let mut fields = Fields::default();
    fields.counted("replicas", messages.len(), REPLICAS_MAX);
    if !fields.is_sound() {
        return fields.finish(None);
    }
    let mut drafts = Vec::with_capacity(messages.len());
    for (at, message) in messages.into_iter().enumerate() {
        let draft = decode_replica(&mut fields, &format!("replicas[{at}]"), message);
        drafts.extend(draft.map(|draft| (at, draft)));
        if fields.count() >= FLAWS_MAX {
            break;
        }
    }
    if fields.is_sound() {
        return Ok(drafts.into_iter().map(|(_, draft)| draft).collect());
    }
    let room = FLAWS_MAX.saturating_sub(fields.count());
    for flaw in server.replica_flaws(drafts).into_iter().take(room) {
        fields.push(flaw);
    }
    fields.finish(None)
}

pub(super) fn decode_replica(
    fields: &mut Fields,
    at: &str,
    message: v1::Replica,
) -> Option<ReplicaDraft> {
    let key = message.key.unwrap_or_default();
    let addressee = fields.required(&format!("{at}.key.addressee_number"), &key.addressee_number);
    let specific_info = fields.required(&format!("{at}.key.specific_info"), &key.specific_info);
    let layout_version = fields.required(&format!("{at}.layout_version"), &message.layout_version);
    let date = fields.day(&format!("{at}.record_date"), &message.record_date);
    let publication = message.publication.unwrap_or_default();
    let from_field = format!("{at}.publication.from");
    let from = fields.day(&from_field, &publication.from);
    if publication.from.is_empty() {
        fields.flaw(from_field, "is required", "必須項目です");
    }
    let to = fields.day(&format!("{at}.publication.to"), &publication.to);
    let fiscal_year = message.fiscal_year;
    Some(ReplicaDraft {
        addressee: addressee?,
        specific_info: specific_info?,
        layout_version: layout_version?,
        record_key: key.record_key,
        // A year beyond i16 is as impossible as i16::MAX, which the form check refuses.
        fiscal_year: fiscal_year.map(|year| i16::try_from(year).unwrap_or(i16::MAX)),
        date,
        publication: Publication { from: from?, to },
        content: message.content.into_iter().map(data_set_draft).collect(),
    })
}

fn decode_names(keys: &[v1::ReplicaKey]) -> Result<Vec<ReplicaName>, Status> {
    let mut fields = Fields::default();
    fields.counted("keys", keys.len(), REPLICAS_MAX);
    let mut names = Vec::with_capacity(keys.len().min(REPLICAS_MAX));
    for (at, key) in keys.iter().take(REPLICAS_MAX).enumerate() {
        names.extend(decode_name(&mut fields, &format!("keys[{at}]"), Some(key)));
        if fields.count() >= FLAWS_MAX {
            break;
        }
    }
    fields.finish(Some(names))
}

pub(super) fn decode_name(
    fields: &mut Fields,
    at: &str,
    key: Option<&v1::ReplicaKey>,
) -> Option<ReplicaName> {
    let Some(key) = key else {
        fields.flaw(at, "is required", "必須項目です");
        return None;
    };
    let addressee = fields.required(&format!("{at}.addressee_number"), &key.addressee_number);
    let specific_info = fields.required(&format!("{at}.specific_info"), &key.specific_info);
    let record_key = fields.required(&format!("{at}.record_key"), &key.record_key);
    Some(ReplicaName {
        addressee: addressee?,
        specific_info: specific_info?,
        record_key: record_key?,
    })
}

/// The numbers of some keys, each with the name of its field.
fn numbered(keys: &mut [v1::ReplicaKey]) -> impl Iterator<Item = (String, &mut String)> {
    let keys = keys.iter_mut().enumerate();
    keys.map(|(at, key)| {
        let field = format!("keys[{at}].addressee_number");
        (field, &mut key.addressee_number)
    })
}

fn encode_all(numbers: &Numbers<'_>, replicas: Vec<Replica>) -> Result<Vec<v1::Replica>, Status> {
    let replicas = replicas.into_iter();
    replicas.map(|replica| encode(numbers, replica)).collect()
}

fn encode(numbers: &Numbers<'_>, replica: Replica) -> Result<v1::Replica, Status> {
    let Publication { from, to } = replica.publication;
    Ok(v1::Replica {
        key: Some(v1::ReplicaKey {
            addressee_number: numbers.outward(replica.addressee)?,
            specific_info: replica.specific_info.to_string(),
            record_key: replica.record_key.to_string(),
        }),
        layout_version: replica.layout_version.to_string(),
        fiscal_year: replica.fiscal_year.map(|year| year.year().into()),
        record_date: replica.date.map(|day| day.to_string()).unwrap_or_default(),
        publication: Some(v1::Publication {
            from: from.to_string(),
            to: to.map(|day| day.to_string()).unwrap_or_default(),
        }),
        content: replica.content.into_iter().map(data_set).collect(),
        registered_at: Some(timestamp(replica.registered_at)),
        revision: replica.revision,
    })
}

fn encode_layout(layout: &Layout) -> v1::Layout {
    let effective_to = layout.effective_to.map(|day| day.to_string());
    v1::Layout {
        specific_info: layout.specific_info.to_string(),
        name: layout.name.clone(),
        version: layout.version.to_string(),
        effective_from: layout.effective_from.to_string(),
        effective_to: effective_to.unwrap_or_default(),
        data_sets: layout.data_sets.iter().map(encode_data_set).collect(),
    }
}

fn encode_data_set(layout: &DataSetLayout) -> v1::DataSetLayout {
    v1::DataSetLayout {
        code: layout.code.to_string(),
        name: layout.name.clone(),
        min: count(layout.min),
        max: count(layout.max),
        items: layout.items.iter().map(encode_item).collect(),
        data_sets: layout.data_sets.iter().map(encode_data_set).collect(),
    }
}

fn encode_item(layout: &ItemLayout) -> v1::ItemLayout {
    let (kind, permitted) = match &layout.kind {
        ItemKind::Text => ("text", Vec::new()),
        ItemKind::Digits => ("digits", Vec::new()),
        ItemKind::Integer => ("integer", Vec::new()),
        ItemKind::Date => ("date", Vec::new()),
        ItemKind::Code { permitted } => ("code", permitted.keys().cloned().collect()),
        ItemKind::Flag => ("flag", Vec::new()),
    };
    v1::ItemLayout {
        code: layout.code.to_string(),
        name: layout.name.clone(),
        r#type: kind.to_owned(),
        length_max: count(layout.length_max),
        required: layout.required,
        permitted,
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
