//! The acquisition of one person's symbol: serial, the servers of the resident network, linked.

use std::time::Duration;

use chukan::grpc::proto::{
    sim::v1::{RequestSymbolRequest, population_service_client::PopulationServiceClient},
    v1::{
        AcquisitionState, GetAcquisitionRequest, GetSymbolStatusRequest, RequestAcquisitionRequest,
        UnlinkReason, UnlinkSymbolRequest, symbol_service_client::SymbolServiceClient,
    },
};
use tokio::time::sleep;
use tonic::transport::Channel;

use super::failed;
use crate::{Fault, account::End, people::Newcomer, target::Target};

/// Between two questions how an acquisition stands. It bounds how finely its latency is told.
const POLL: Duration = Duration::from_millis(20);

/// Asks for a serial, brings it to the resident network, and asks until the symbol is linked.
pub(super) async fn hold(
    mut symbols: SymbolServiceClient<Channel>,
    mut population: PopulationServiceClient<Channel>,
    newcomer: &Newcomer,
) -> Result<End, End> {
    let addressee_number = newcomer.addressee_number.clone();
    let request = RequestAcquisitionRequest {
        addressee_number: addressee_number.clone(),
    };
    let issued = symbols.request_acquisition(request).await;
    let issued = issued.map_err(|status| failed("serial", &status))?;
    let request = RequestSymbolRequest {
        acquisition_serial: issued.into_inner().acquisition_serial,
        individual_number: newcomer.individual_number.clone(),
    };
    let brought = population.request_symbol(request).await;
    brought.map_err(|status| failed("communication server", &status))?;
    loop {
        let request = GetAcquisitionRequest {
            addressee_number: addressee_number.clone(),
        };
        let stands = symbols.get_acquisition(request).await;
        let stands = stands
            .map_err(|status| failed("acquisition", &status))?
            .into_inner();
        match stands.state() {
            AcquisitionState::Linked => return Ok(End::Answered("linked".into())),
            AcquisitionState::SerialIssued
            | AcquisitionState::AtCommunicationServer
            | AcquisitionState::AtPrefecturalServer
            | AcquisitionState::AtNationalServer
            | AcquisitionState::AtCoreSystem => sleep(POLL).await,
            refused @ (AcquisitionState::PersonUnknown
            | AcquisitionState::Expired
            | AcquisitionState::NumberChanged
            | AcquisitionState::LinkedElsewhere) => {
                return Ok(End::Refused(format!("{refused:?}")));
            }
            strange @ (AcquisitionState::Unlinked | AcquisitionState::Unspecified) => {
                return Err(End::Failed(format!("{strange:?}")));
            }
        }
    }
}

/// Takes the links of these people away.
pub(super) async fn unlink(
    mut client: SymbolServiceClient<Channel>,
    people: Vec<&str>,
) -> Result<(), Fault> {
    for number in people {
        let request = UnlinkSymbolRequest {
            addressee_number: number.into(),
            reason: UnlinkReason::MovedOut.into(),
        };
        client.unlink_symbol(request).await?;
    }
    Ok(())
}

/// Whether the intermediate server has a symbol for the person.
pub(super) async fn is_linked(target: &Target, newcomer: &Newcomer) -> Result<bool, Fault> {
    let mut client = SymbolServiceClient::new(target.connect().await?);
    let request = GetSymbolStatusRequest {
        addressee_number: newcomer.addressee_number.clone(),
    };
    Ok(client.get_symbol_status(request).await?.into_inner().linked)
}
