//! `AddresseeService`: numbers people in front of the intermediate server.

use std::{pin::Pin, sync::Arc};

use tokio::task::spawn_blocking;
use tokio_stream::{Stream, wrappers::WatchStream};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{
    addressee_messages::{encode, encode_items, numbered_as, read_items, standing_reason},
    caller::{Entered, Surface},
    fields::Fields,
    mass_acquisition,
    proto::v1::{self, addressee_service_server::AddresseeService},
    status::{ToStatus, status_of},
    symbol::shown,
};
use crate::{
    addressee::{AddresseeFault, AddresseeSystem, AskedBy, Assignment},
    domain::{
        addressee::{LocalName, LocalNumber},
        codes::AddresseeNumber,
        malformed::Malformed,
        person::IndividualNumber,
        record::NumberUse,
        refusal::{Refusal, Thing},
        words::SystemName,
    },
    institution::ActFault,
    world::{World, WorldFault},
};

/// The most numbers that one call converts.
const NUMBERS_MAX: usize = 1_000;

/// The addressee systems.
pub struct Addressees(pub Surface);

#[tonic::async_trait]
impl AddresseeService for Addressees {
    type AcquireSymbolsStream =
        Pin<Box<dyn Stream<Item = Result<v1::AcquireSymbolsResponse, Status>> + Send>>;

    async fn assign_number(
        &self,
        request: Request<v1::AssignNumberRequest>,
    ) -> Result<Response<v1::AssignNumberResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let wanted = decode(&entered, request.into_inner())?;
        let by = entered.asked_by();
        let act = |world: Arc<World>, institution| async move {
            world.assign_number(institution, wanted, &by).await
        };
        let assigned = entered.see_through(act).await?;
        let world = &entered.world;
        let state = match world.acquisition(entered.institution, assigned.number) {
            Ok((acquisition, place)) => shown(&acquisition, place, world.now()).0,
            Err(WorldFault::Act(ActFault::Refused(_))) => v1::AcquisitionState::Unspecified,
            Err(fault) => return Err(fault).to_status(),
        };
        Ok(Response::new(v1::AssignNumberResponse {
            addressee_number: assigned.number.as_str().to_owned(),
            numbered_as: numbered_as(assigned.numbered_as).into(),
            acquisition: state.into(),
        }))
    }

    async fn get_addressee(
        &self,
        request: Request<v1::GetAddresseeRequest>,
    ) -> Result<Response<v1::GetAddresseeResponse>, Status> {
        use v1::get_addressee_request::By;
        let entered = self.0.enter(&request)?;
        let system = entered.addressees()?;
        let (reveal, by) = (request.get_ref().reveal, entered.asked_by());
        let mut fields = Fields::default();
        let found = match request.into_inner().by {
            None => {
                let en = "name the person";
                fields.flaw("by", en, "対象者を指定してください");
                fields.finish(None)?
            }
            Some(By::AddresseeNumber(text)) => {
                let number = fields.required("addressee_number", &text);
                system.addressee(fields.finish(number)?)
            }
            Some(By::Local(local)) => {
                let local = read_local(&entered, &mut fields, Some(&local));
                let number = system.addressee_of(&fields.finish(local)?);
                number.and_then(|number| system.addressee(number))
            }
            Some(By::IndividualNumber(text)) => {
                let text = Zeroizing::new(text);
                let number = fields.required("individual_number", &text);
                let number: IndividualNumber = fields.finish(number)?;
                system.find_by_number(&number, &by).await
            }
        };
        let found = found.map_err(WorldFault::from).to_status()?;
        let mut shown = encode(&found);
        if reveal {
            let revealed = system.reveal(found.number, NumberUse::Shown, &by).await;
            let (number, items) = revealed.map_err(WorldFault::from).to_status()?;
            shown.individual_number = number.expose().to_owned();
            shown.four_items = Some(encode_items(&items));
        }
        let addressee = Some(shown);
        Ok(Response::new(v1::GetAddresseeResponse { addressee }))
    }

    async fn convert_numbers(
        &self,
        request: Request<v1::ConvertNumbersRequest>,
    ) -> Result<Response<v1::ConvertNumbersResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let asked = message.local_numbers.len() + message.addressee_numbers.len();
        fields.counted("local_numbers", asked, NUMBERS_MAX);
        let system = read_system(&entered, &mut fields, "system", &message.system);
        let locals = read_all::<LocalNumber>(&mut fields, "local_numbers", &message.local_numbers);
        let numbers = read_all(&mut fields, "addressee_numbers", &message.addressee_numbers);
        let (system, locals, numbers) = fields.finish(three(system, locals, numbers))?;
        let mut converted = Vec::with_capacity(asked);
        let addressees = entered.addressees()?;
        for number in locals {
            let from = number.to_string();
            let system = system.clone();
            let to = known(addressees.addressee_of(&LocalName { system, number }))?;
            let to = to.map(|to| to.as_str().to_owned()).into_iter().collect();
            converted.push(v1::ConvertedNumber { from, to });
        }
        for number in numbers {
            let number: AddresseeNumber = number;
            let to = known(addressees.locals_of(number, &system))?;
            let to = to.into_iter().flatten().map(|to| to.to_string()).collect();
            let from = number.as_str().to_owned();
            converted.push(v1::ConvertedNumber { from, to });
        }
        Ok(Response::new(v1::ConvertNumbersResponse {
            numbers: converted,
        }))
    }

    async fn merge_addressees(
        &self,
        request: Request<v1::MergeAddresseesRequest>,
    ) -> Result<Response<v1::MergeAddresseesResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let stays: Option<AddresseeNumber> = fields.required("stays", &message.stays);
        let merged = fields.required("merged", &message.merged);
        let (stays, merged) = fields.finish(stays.zip(merged))?;
        let by = entered.asked_by();
        let act = |world: Arc<World>, institution| async move {
            world
                .merge_addressees(institution, stays, merged, &by)
                .await
        };
        entered.see_through(act).await?;
        Ok(Response::new(v1::MergeAddresseesResponse {}))
    }

    async fn remove_addressee(
        &self,
        request: Request<v1::RemoveAddresseeRequest>,
    ) -> Result<Response<v1::RemoveAddresseeResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.get_ref();
        let mut fields = Fields::default();
        let person = fields.required("addressee_number", &message.addressee_number);
        let reason = standing_reason(&mut fields, message.reason);
        let (person, reason) = fields.finish(person.zip(reason))?;
        let act = |world: Arc<World>, institution| async move {
            world.let_addressee_go(institution, person, reason).await
        };
        entered.see_through(act).await?;
        Ok(Response::new(v1::RemoveAddresseeResponse {}))
    }

    async fn replace_individual_number(
        &self,
        request: Request<v1::ReplaceIndividualNumberRequest>,
    ) -> Result<Response<v1::ReplaceIndividualNumberResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let text = Zeroizing::new(message.individual_number);
        let mut fields = Fields::default();
        let person = fields.required("addressee_number", &message.addressee_number);
        let number: Option<IndividualNumber> = fields.required("individual_number", &text);
        let (person, number) = fields.finish(person.zip(number))?;
        let by = entered.asked_by();
        let act = |world: Arc<World>, institution| async move {
            world
                .change_number(institution, (person, &number), &by)
                .await
        };
        entered.see_through(act).await?;
        Ok(Response::new(v1::ReplaceIndividualNumberResponse {}))
    }

    async fn acquire_symbols(
        &self,
        request: Request<v1::AcquireSymbolsRequest>,
    ) -> Result<Response<Self::AcquireSymbolsStream>, Status> {
        let entered = self.0.enter(&request)?;
        let draft = mass_acquisition::decode(request.get_ref())?;
        let begun = entered.world.acquire_symbols(entered.institution, draft);
        let told = WatchStream::new(begun.await.to_status()?);
        let told = tokio_stream::StreamExt::map(told, |told| {
            Ok(v1::AcquireSymbolsResponse {
                done: told.done,
                of: told.of,
                requested: told.requested,
            })
        });
        Ok(Response::new(Box::pin(told)))
    }

    async fn get_mass_acquisition(
        &self,
        request: Request<v1::GetMassAcquisitionRequest>,
    ) -> Result<Response<v1::GetMassAcquisitionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let (world, institution) = (entered.world, entered.institution);
        let counted = spawn_blocking(move || mass_acquisition::count(&world, institution)).await;
        let counted = counted.map_err(|_| WorldFault::Stopped).to_status()?;
        Ok(Response::new(counted.to_status()?))
    }

    async fn cancel_mass_acquisition(
        &self,
        request: Request<v1::CancelMassAcquisitionRequest>,
    ) -> Result<Response<v1::CancelMassAcquisitionResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let act =
            |world: Arc<World>, institution| async move { world.cancel_mass(institution).await };
        let cancelled = entered.see_through(act).await?;
        Ok(Response::new(v1::CancelMassAcquisitionResponse {
            mass_acquisition: Some(mass_acquisition::encode(&cancelled)),
        }))
    }
}

fn decode(entered: &Entered, message: v1::AssignNumberRequest) -> Result<Assignment, Status> {
    let number = Zeroizing::new(message.individual_number);
    let mut fields = Fields::default();
    let local = read_local(entered, &mut fields, message.local.as_ref());
    let number = fields.required("individual_number", &number);
    let items = read_items(&mut fields, message.four_items.as_ref());
    let read = three(local, number, items).map(|(local, number, items)| Assignment {
        local,
        number,
        items,
        items_checked: message.four_items_checked,
        preferred: None,
    });
    fields.finish(read)
}

fn read_local(
    entered: &Entered,
    fields: &mut Fields,
    local: Option<&v1::LocalName>,
) -> Option<LocalName> {
    let Some(local) = local else {
        fields.flaw("local", "is required", "必須項目です");
        return None;
    };
    let system = read_system(entered, fields, "local.system", &local.system);
    let number = fields.required("local.local_number", &local.local_number);
    let (system, number) = system.zip(number)?;
    Some(LocalName { system, number })
}

/// The business system that the certificate names; only one that names none may name it in the request.
fn read_system(
    entered: &Entered,
    fields: &mut Fields,
    field: &str,
    named: &str,
) -> Option<SystemName> {
    match &entered.system {
        None => fields.required(field, named),
        Some(own) if named.is_empty() || named == own.as_str() => Some(own.clone()),
        Some(_) => {
            let en = "is not the business system of the certificate";
            fields.flaw(field, en, "証明書の業務システムと異なります");
            None
        }
    }
}

fn read_all<T>(fields: &mut Fields, field: &str, texts: &[String]) -> Option<Vec<T>>
where
    T: std::str::FromStr<Err = Malformed>,
{
    let texts = texts.iter().enumerate();
    let read = texts.map(|(at, text)| fields.required(&format!("{field}[{at}]"), text));
    // Every flaw is gathered before the first one counts.
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

fn three<A, B, C>(a: Option<A>, b: Option<B>, c: Option<C>) -> Option<(A, B, C)> {
    Some((a?, b?, c?))
}

/// A conversion's result, where an unknown number is an answer too.
fn known<T>(converted: Result<T, AddresseeFault>) -> Result<Option<T>, Status> {
    match converted {
        Ok(to) => Ok(Some(to)),
        Err(AddresseeFault::Refused(Refusal::NotFound(Thing::Addressee))) => Ok(None),
        Err(fault) => Err(WorldFault::from(fault)).to_status(),
    }
}

impl Entered {
    fn asked_by(&self) -> AskedBy {
        AskedBy {
            system: self.system.clone(),
            at: self.world.now(),
        }
    }

    fn addressees(&self) -> Result<&AddresseeSystem, Status> {
        let system = self.world.addressees(self.institution);
        system.map_err(|refusal| status_of(&refusal))
    }
}
