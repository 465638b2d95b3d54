//! DBM over gRPC: what the staff proposes for replicas by hand, and its approval.

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface},
    deciding::encode_actor,
    fields::{Fields, page, timestamp},
    messages::missing,
    proto::v1::{self, correction_service_server::CorrectionService},
    replica::{decode_name, decode_replica},
};
use crate::{
    domain::{
        correction::{Change, Correction, CorrectionState, Differing, Place},
        names::CorrectionNumber,
        replica::{ItemValue, ReplicaName},
        staff::Actor,
        words::Note,
    },
    institution::{AtWork, ChangeDraft, CorrectionAct, CorrectionDraft, OpenedCorrection, Values},
    store::Version,
};

/// The service of corrections by hand.
pub struct Corrections(pub Surface);

#[tonic::async_trait]
impl CorrectionService for Corrections {
    async fn propose_correction(
        &self,
        request: Request<v1::ProposeCorrectionRequest>,
    ) -> Result<Response<v1::ProposeCorrectionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        entered.numbers()?.only_addressee()?;
        let staff = entered.staff(&request)?;
        let draft = decode(request.into_inner())?;
        let proposed = entered.see_through(|world, institution| async move {
            let server = world.server(institution)?;
            let proposed = server.propose_correction(staff, draft, world.now());
            Ok(proposed.await?)
        });
        Ok(Response::new(v1::ProposeCorrectionResponse {
            number: proposed.await?.number().to_string(),
        }))
    }

    async fn list_corrections(
        &self,
        request: Request<v1::ListCorrectionsRequest>,
    ) -> Result<Response<v1::ListCorrectionsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        entered.numbers()?.only_addressee()?;
        let staff = entered.staff(&request)?;
        let message = request.get_ref();
        let page = page(message.page_size, &message.page_token)?;
        let found = entered.see_through(|world, institution| async move {
            let server = world.server(institution)?;
            Ok(server.corrections(&staff, &page, world.now()).await?)
        });
        let found = found.await?;
        let rows = found.rows.iter();
        Ok(Response::new(v1::ListCorrectionsResponse {
            corrections: rows.map(|row| encode(row, None)).collect(),
            next_page_token: found.next_token.unwrap_or_default(),
        }))
    }

    async fn open_correction(
        &self,
        request: Request<v1::OpenCorrectionRequest>,
    ) -> Result<Response<v1::OpenCorrectionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let by = (entered.staff(&request)?, Values::Masked);
        let detail = open(&entered, &request.get_ref().number, by).await?;
        Ok(Response::new(v1::OpenCorrectionResponse {
            detail: Some(detail),
        }))
    }

    async fn reveal_correction(
        &self,
        request: Request<v1::RevealCorrectionRequest>,
    ) -> Result<Response<v1::RevealCorrectionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let by = (entered.staff(&request)?, Values::Shown);
        let detail = open(&entered, &request.get_ref().number, by).await?;
        Ok(Response::new(v1::RevealCorrectionResponse {
            detail: Some(detail),
        }))
    }

    async fn approve_correction(
        &self,
        request: Request<v1::ApproveCorrectionRequest>,
    ) -> Result<Response<v1::ApproveCorrectionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let names = (&*message.number, &*message.version);
        let step = decode_step(&mut fields, names, (&entered, staff));
        let step = fields.finish(step)?;
        let approved = entered.see_through(|world, institution| async move {
            let server = world.server(institution)?;
            Ok(server.approve_correction(step).await?)
        });
        approved.await?;
        Ok(Response::new(v1::ApproveCorrectionResponse {}))
    }

    async fn send_back_correction(
        &self,
        request: Request<v1::SendBackCorrectionRequest>,
    ) -> Result<Response<v1::SendBackCorrectionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let names = (&*message.number, &*message.version);
        let step = decode_step(&mut fields, names, (&entered, staff));
        let note = fields.optional("note", &message.note);
        let step = fields.finish(step)?;
        let sent_back = entered.see_through(|world, institution| async move {
            let server = world.server(institution)?;
            Ok(server.send_back_correction(step, note).await?)
        });
        sent_back.await?;
        Ok(Response::new(v1::SendBackCorrectionResponse {}))
    }

    async fn withdraw_correction(
        &self,
        request: Request<v1::WithdrawCorrectionRequest>,
    ) -> Result<Response<v1::WithdrawCorrectionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let staff = entered.staff(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let names = (&*message.number, &*message.version);
        let step = decode_step(&mut fields, names, (&entered, staff));
        let step = fields.finish(step)?;
        let withdrawn = entered.see_through(|world, institution| async move {
            let server = world.server(institution)?;
            Ok(server.withdraw_correction(step).await?)
        });
        withdrawn.await?;
        Ok(Response::new(v1::WithdrawCorrectionResponse {}))
    }
}

fn decode(message: v1::ProposeCorrectionRequest) -> Result<CorrectionDraft, Status> {
    let mut fields = Fields::default();
    let id = fields.required("proposal_id", &message.proposal_id);
    let reason = fields.required("reason", &message.reason);
    let again = if message.number.is_empty() && message.version.is_empty() {
        Some(None)
    } else {
        let number = fields.required("number", &message.number);
        let version = fields.version(&message.version);
        number.zip(version).map(Some)
    };
    use v1::propose_correction_request::Change;
    let change = match message.change {
        Some(Change::Register(replica)) => {
            let draft = decode_replica(&mut fields, "replica", replica);
            draft.map(|draft| ChangeDraft::Register(Box::new(draft)))
        }
        Some(Change::Delete(key)) => {
            decode_name(&mut fields, "delete", Some(&key)).map(ChangeDraft::Delete)
        }
        None => {
            fields.flaw("change", "is required", "必須項目です");
            None
        }
    };
    let draft = || {
        Some(CorrectionDraft {
            id: id?,
            change: change?,
            reason: reason?,
            revision: message.revision,
            again: again?,
        })
    };
    let draft = draft();
    fields.finish(draft)
}

fn decode_step(
    fields: &mut Fields,
    (number, seen): (&str, &str),
    (entered, staff): (&Entered, AtWork),
) -> Option<CorrectionAct> {
    let number = fields.required("number", number);
    let seen = fields.version(seen);
    Some(CorrectionAct {
        number: number?,
        seen: seen?,
        staff,
        at: entered.world.now(),
    })
}

async fn open(
    entered: &Entered,
    number: &str,
    (staff, values): (AtWork, Values),
) -> Result<v1::CorrectionDetail, Status> {
    entered.numbers()?.only_addressee()?;
    let mut fields = Fields::default();
    let number = fields.required("number", number);
    let number: CorrectionNumber = fields.finish(number)?;
    let opened = entered.see_through(move |world, institution| async move {
        let server = world.server(institution)?;
        let opened = server.open_correction(&staff, (number, values), world.now());
        Ok(opened.await?)
    });
    Ok(encode_detail(opened.await?, values))
}

fn encode_detail(opened: OpenedCorrection, values: Values) -> v1::CorrectionDetail {
    let state = &opened.correction.state;
    let note = match state {
        CorrectionState::SentBack { returned, .. } => returned.note.as_ref(),
        CorrectionState::Proposed { .. }
        | CorrectionState::Approved { .. }
        | CorrectionState::Made { .. }
        | CorrectionState::Withdrawn { .. } => None,
    };
    let text = |note: Option<&Note>| note.map(Note::as_str).unwrap_or_default().to_owned();
    let (differing, same) = opened
        .difference
        .map(|difference| (difference.differing, difference.same))
        .unwrap_or_default();
    v1::CorrectionDetail {
        reason: text(state.proposed().map(|proposed| &proposed.reason)),
        note: text(note),
        differences: differing.into_iter().map(encode_difference).collect(),
        same: u32::try_from(same).unwrap_or(u32::MAX),
        fits: opened.fits,
        values_shown: values == Values::Shown,
        correction: Some(encode(&opened.correction, Some(opened.version))),
    }
}

fn encode(correction: &Correction, version: Option<Version>) -> v1::Correction {
    let ReplicaName {
        addressee,
        specific_info,
        record_key,
    } = &correction.replica;
    let (state, proposed_by, at, decided_by) = standing(&correction.state);
    let proposed = correction.state.proposed();
    v1::Correction {
        number: correction.number.to_string(),
        key: Some(v1::ReplicaKey {
            addressee_number: addressee.as_str().to_owned(),
            specific_info: specific_info.to_string(),
            record_key: record_key.to_string(),
        }),
        state: state.into(),
        version: version
            .map(|version| version.number().to_string())
            .unwrap_or_default(),
        proposed_by: proposed_by.map(encode_actor),
        at: Some(timestamp(at)),
        decided_by: decided_by.map(encode_actor),
        deletes: proposed.is_some_and(|proposed| proposed.change == Change::Delete),
    }
}

/// State, who proposed it, since when it stands so, and who brought it there.
fn standing(
    state: &CorrectionState,
) -> (
    v1::CorrectionState,
    Option<&Actor>,
    Timestamp,
    Option<&Actor>,
) {
    use v1::CorrectionState as Name;
    match state {
        CorrectionState::Proposed { proposed } => {
            (Name::Proposed, Some(&proposed.by), proposed.at, None)
        }
        CorrectionState::SentBack { proposed, returned } => {
            let by = returned.by.as_ref();
            (Name::SentBack, Some(&proposed.by), returned.at, by)
        }
        CorrectionState::Approved { proposed, by, at } => {
            (Name::Approved, Some(&proposed.by), *at, Some(by))
        }
        CorrectionState::Made {
            proposed_by,
            approved_by,
            at,
        } => (Name::Made, Some(proposed_by), *at, Some(approved_by)),
        CorrectionState::Withdrawn { by, at } => (Name::Withdrawn, None, *at, Some(by)),
    }
}

fn encode_difference(differing: Differing) -> v1::CorrectionDifference {
    let (place, item_code) = match differing.place {
        Place::LayoutVersion => ("layout_version".to_owned(), String::new()),
        Place::FiscalYear => ("fiscal_year".to_owned(), String::new()),
        Place::Date => ("record_date".to_owned(), String::new()),
        Place::PublicationFrom => ("publication.from".to_owned(), String::new()),
        Place::PublicationTo => ("publication.to".to_owned(), String::new()),
        Place::Item { sets, item } => {
            let sets = sets.iter().map(|(set, number)| format!("{set}[{number}]."));
            (
                format!("{}{item}", sets.collect::<String>()),
                item.to_string(),
            )
        }
    };
    let value = |value: Option<ItemValue>| {
        Some(v1::Item {
            item_code: item_code.clone(),
            content: Some(match value? {
                ItemValue::Present(text) => v1::item::Content::Value(text),
                ItemValue::Missing(reason) => v1::item::Content::Missing(missing(reason).into()),
            }),
        })
    };
    v1::CorrectionDifference {
        before: value(differing.before),
        after: value(differing.after),
        place,
    }
}
