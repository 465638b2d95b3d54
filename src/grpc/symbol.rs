//! `SymbolService`: links people to their symbols. The symbol itself never leaves.

use std::sync::Arc;

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::{
    caller::{Entered, Surface},
    fields::{Fields, timestamp},
    proto::v1::{self, symbol_service_server::SymbolService},
    status::ToStatus,
};
use crate::{
    domain::{
        acquisition::{Acquisition, AcquisitionFailure, Standing, UnlinkReason},
        codes::AddresseeNumber,
        refusal::Refusal,
        symbol_request::Station,
    },
    institution::ActFault,
    world::World,
};

/// The service of the family FGU.
pub struct Symbols(pub Surface);

#[tonic::async_trait]
impl SymbolService for Symbols {
    async fn request_acquisition(
        &self,
        request: Request<v1::RequestAcquisitionRequest>,
    ) -> Result<Response<v1::RequestAcquisitionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let person = addressee(&entered, &mut request.into_inner().addressee_number)?;
        let now = entered.world.now();
        let issued = entered.server()?.request_acquisition(person, now).await;
        let (serial, expires_at) = issued.to_status()?;
        Ok(Response::new(v1::RequestAcquisitionResponse {
            acquisition_serial: serial.to_string(),
            expires_at: Some(timestamp(expires_at)),
        }))
    }

    async fn get_acquisition(
        &self,
        request: Request<v1::GetAcquisitionRequest>,
    ) -> Result<Response<v1::GetAcquisitionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let person = addressee(&entered, &mut request.into_inner().addressee_number)?;
        let act = |world: Arc<World>, institution| async move {
            world.follow_acquisition(institution, person).await
        };
        let (acquisition, place) = entered.see_through(act).await?;
        let (state, since, message) = shown(&acquisition, place, entered.world.now());
        Ok(Response::new(v1::GetAcquisitionResponse {
            state: state.into(),
            since: Some(timestamp(since)),
            message: message.to_owned(),
        }))
    }

    async fn get_symbol_status(
        &self,
        request: Request<v1::GetSymbolStatusRequest>,
    ) -> Result<Response<v1::GetSymbolStatusResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let person = addressee(&entered, &mut request.into_inner().addressee_number)?;
        let linked_at = match entered.server()?.acquisition(person) {
            Ok(Acquisition::Linked { at }) => Some(at),
            Ok(
                Acquisition::SerialIssued { .. }
                | Acquisition::Expired { .. }
                | Acquisition::Failed { .. }
                | Acquisition::Unlinked { .. },
            )
            | Err(ActFault::Refused(Refusal::NotFound(_))) => None,
            Err(fault) => return Err(fault).to_status(),
        };
        Ok(Response::new(v1::GetSymbolStatusResponse {
            linked: linked_at.is_some(),
            linked_at: linked_at.map(timestamp),
        }))
    }

    async fn unlink_symbol(
        &self,
        request: Request<v1::UnlinkSymbolRequest>,
    ) -> Result<Response<v1::UnlinkSymbolResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut message = request.into_inner();
        let number = ("addressee_number".to_owned(), &mut message.addressee_number);
        entered.numbers()?.inward(std::iter::once(number))?;
        let (person, reason) = decode_unlink(&message)?;
        let now = entered.world.now();
        let unlinked = entered.server()?.unlink_symbol(person, reason, now).await;
        unlinked.to_status()?;
        Ok(Response::new(v1::UnlinkSymbolResponse {}))
    }
}

fn addressee(entered: &Entered, text: &mut String) -> Result<AddresseeNumber, Status> {
    let number = ("addressee_number".to_owned(), &mut *text);
    entered.numbers()?.inward(std::iter::once(number))?;
    let mut fields = Fields::default();
    let person = fields.required("addressee_number", text);
    fields.finish(person)
}

fn decode_unlink(
    message: &v1::UnlinkSymbolRequest,
) -> Result<(AddresseeNumber, UnlinkReason), Status> {
    let mut fields = Fields::default();
    let person = fields.required("addressee_number", &message.addressee_number);
    let reason = match v1::UnlinkReason::try_from(message.reason) {
        Ok(v1::UnlinkReason::MovedOut) => Some(UnlinkReason::MovedOut),
        Ok(v1::UnlinkReason::Died) => Some(UnlinkReason::Died),
        Ok(v1::UnlinkReason::Unspecified) | Err(_) => {
            let en = "must be MOVED_OUT or DIED";
            fields.flaw("reason", en, "転出または死亡を指定してください");
            None
        }
    };
    fields.finish(person.zip(reason))
}

/// How an acquisition is shown: where its request is, or how it stands.
pub(super) fn shown(
    acquisition: &Acquisition,
    place: Option<(Station, Timestamp)>,
    now: Timestamp,
) -> (v1::AcquisitionState, Timestamp, &'static str) {
    match place {
        Some((station, since)) => (at(station), since, station.under_way_ja()),
        None => stand(acquisition, now),
    }
}

fn at(station: Station) -> v1::AcquisitionState {
    match station {
        Station::CommunicationServer => v1::AcquisitionState::AtCommunicationServer,
        Station::PrefecturalServer => v1::AcquisitionState::AtPrefecturalServer,
        Station::NationalServer => v1::AcquisitionState::AtNationalServer,
        Station::CoreSystem => v1::AcquisitionState::AtCoreSystem,
    }
}

/// How an acquisition stands now, since when, and the words for it.
fn stand(
    acquisition: &Acquisition,
    now: Timestamp,
) -> (v1::AcquisitionState, Timestamp, &'static str) {
    use v1::AcquisitionState as State;
    let (standing, since) = acquisition.standing(now);
    let state = match standing {
        Standing::SerialIssued => State::SerialIssued,
        Standing::Expired => State::Expired,
        Standing::Failed(AcquisitionFailure::PersonUnknown) => State::PersonUnknown,
        Standing::Failed(AcquisitionFailure::NumberChanged) => State::NumberChanged,
        Standing::Failed(AcquisitionFailure::LinkedElsewhere) => State::LinkedElsewhere,
        Standing::Linked => State::Linked,
        Standing::Unlinked(_) => State::Unlinked,
    };
    (state, since, standing.ja())
}
