//! The messages of `ResidentService`.

use super::{
    addressee_messages::encode_items,
    fields::{Fields, timestamp},
    proto::v1,
};
use crate::{
    domain::{
        identity::{
            ChangeReason, IdentityAct, IdentityInformation, IdentityPurpose, IdentityUser,
            PlacedIdentityUse,
        },
        operation::OperationOutcome,
        resident_request::{ResidentRequest, ResidentRequestEnd, ResidentRequestState},
        symbol_request::Station,
    },
    network::ResidentAnswer,
};

/// Reads 異動事由 of a notification.
pub(super) fn reason_of(fields: &mut Fields, reason: i32) -> Option<ChangeReason> {
    use v1::ChangeReason as Sent;
    let known = match Sent::try_from(reason) {
        Ok(Sent::Birth) => Some(ChangeReason::Birth),
        Ok(Sent::FromAbroad) => Some(ChangeReason::FromAbroad),
        Ok(Sent::MovedIn) => Some(ChangeReason::MovedIn),
        Ok(Sent::MovedWithin) => Some(ChangeReason::MovedWithin),
        Ok(Sent::NameChanged) => Some(ChangeReason::NameChanged),
        Ok(Sent::Corrected) => Some(ChangeReason::Corrected),
        Ok(Sent::MovedAbroad) => Some(ChangeReason::MovedAbroad),
        Ok(Sent::Died) => Some(ChangeReason::Died),
        Ok(Sent::Unspecified | Sent::Registered) | Err(_) => None,
    };
    if known.is_none() {
        let en = "is not a change that is notified";
        fields.flaw("reason", en, "通知できる異動事由を指定してください");
    }
    known
}

/// Reads 利用目的.
pub(super) fn purpose_of(fields: &mut Fields, purpose: i32) -> Option<IdentityPurpose> {
    let known = match v1::IdentityPurpose::try_from(purpose) {
        Ok(v1::IdentityPurpose::ApplicantCheck) => Some(IdentityPurpose::ApplicantCheck),
        Ok(v1::IdentityPurpose::AddressCheck) => Some(IdentityPurpose::AddressCheck),
        Ok(v1::IdentityPurpose::SurvivalCheck) => Some(IdentityPurpose::SurvivalCheck),
        Ok(v1::IdentityPurpose::Unspecified) | Err(_) => None,
    };
    if known.is_none() {
        fields.flaw("purpose", "is required", "利用目的を指定してください");
    }
    known
}

/// A request as it stands.
pub(super) fn encode_request(
    request: &ResidentRequest,
    answer: Option<ResidentAnswer>,
) -> v1::ResidentRequest {
    use v1::ResidentRequestState as State;
    let (state, since, refused) = match &request.state {
        ResidentRequestState::OnTheWay { station, since, .. } => {
            let state = match station {
                Station::CommunicationServer => State::AtCommunicationServer,
                Station::PrefecturalServer => State::AtPrefecturalServer,
                Station::NationalServer | Station::CoreSystem => State::AtNationalServer,
            };
            (state, since, None)
        }
        ResidentRequestState::Ended { at, end } => match end {
            ResidentRequestEnd::Refused { why } => (State::Refused, at, Some(why)),
            ResidentRequestEnd::Done { .. } | ResidentRequestEnd::AnswerDeleted => {
                (State::Done, at, None)
            }
        },
    };
    let answer = answer.unwrap_or_default();
    let number = answer.individual_number.as_ref();
    v1::ResidentRequest {
        record_id: request.record_id.to_string(),
        act: encode_act(request.act).into(),
        state: state.into(),
        accepted_at: Some(timestamp(request.accepted_at)),
        since: Some(timestamp(*since)),
        refusal: refused
            .map(|why| why.reason().to_owned())
            .unwrap_or_default(),
        message: refused.map(|why| why.ja().to_owned()).unwrap_or_default(),
        identities: answer.entries.iter().map(encode_identity).collect(),
        individual_number: number.map(|number| (**number).clone()).unwrap_or_default(),
    }
}

/// A use as it is on record.
pub(super) fn encode_use(placed: PlacedIdentityUse) -> v1::IdentityUse {
    let PlacedIdentityUse { at, used } = placed;
    let IdentityUser {
        unit,
        user,
        system,
        affair,
        purpose,
    } = used.by;
    v1::IdentityUse {
        at: Some(timestamp(at)),
        record_id: used.record_id.to_string(),
        act: encode_act(used.act).into(),
        by: Some(v1::IdentityUser {
            unit_code: unit.to_string(),
            user_id: user.to_string(),
            affair: affair.to_string(),
        }),
        system: system.map(|system| system.to_string()).unwrap_or_default(),
        purpose: purpose
            .map_or(v1::IdentityPurpose::Unspecified, encode_purpose)
            .into(),
        refusal: match used.outcome {
            OperationOutcome::Done => String::new(),
            OperationOutcome::Refused(reason) => reason,
        },
        person_digest: used.person_digest.unwrap_or_default(),
    }
}

fn encode_identity(information: &IdentityInformation) -> v1::IdentityInformation {
    v1::IdentityInformation {
        four_items: Some(encode_items(&information.items)),
        municipality: information.municipality.to_string(),
        reason: encode_reason(information.reason).into(),
        changed_on: information.changed_on.to_string(),
    }
}

fn encode_reason(reason: ChangeReason) -> v1::ChangeReason {
    match reason {
        ChangeReason::Registered => v1::ChangeReason::Registered,
        ChangeReason::Birth => v1::ChangeReason::Birth,
        ChangeReason::FromAbroad => v1::ChangeReason::FromAbroad,
        ChangeReason::MovedIn => v1::ChangeReason::MovedIn,
        ChangeReason::MovedWithin => v1::ChangeReason::MovedWithin,
        ChangeReason::NameChanged => v1::ChangeReason::NameChanged,
        ChangeReason::Corrected => v1::ChangeReason::Corrected,
        ChangeReason::MovedAbroad => v1::ChangeReason::MovedAbroad,
        ChangeReason::Died => v1::ChangeReason::Died,
    }
}

fn encode_act(act: IdentityAct) -> v1::IdentityAct {
    match act {
        IdentityAct::Notify => v1::IdentityAct::Notify,
        IdentityAct::LookUp => v1::IdentityAct::LookUp,
        IdentityAct::LookUpHistory => v1::IdentityAct::LookUpHistory,
    }
}

fn encode_purpose(purpose: IdentityPurpose) -> v1::IdentityPurpose {
    match purpose {
        IdentityPurpose::ApplicantCheck => v1::IdentityPurpose::ApplicantCheck,
        IdentityPurpose::AddressCheck => v1::IdentityPurpose::AddressCheck,
        IdentityPurpose::SurvivalCheck => v1::IdentityPurpose::SurvivalCheck,
    }
}
