//! One step of a symbol request: from a server to the next one.

use jiff::Timestamp;

use super::{Resident, ResidentNetwork};
use crate::{
    crypto::vault::VaultFault,
    domain::{
        acquisition::{AcquisitionFailure, SerialDigest},
        person::{IndividualNumber, ResidentCode},
        symbol_request::{SealedNumber, SymbolRequest, SymbolRequestEvent, Waits},
    },
    network::NetworkFault,
    store::{InTransit, StoreFault, Version},
};

/// A person as the core system is told of: only the code, only for this one act.
#[derive(Debug)]
pub struct AtCore {
    /// 住民票コード.
    pub resident: ResidentCode,
    /// Whether the core system is to send the symbol twice.
    pub twice: bool,
}

/// What became of a step.
#[derive(Debug)]
pub enum Moved {
    /// No request with this serial is on its way.
    Gone,
    /// It stays where it is.
    Waits(Waits),
    /// It is at the next server.
    Forwarded,
    /// It is at the core system, which is to make the symbol.
    AtCore(AtCore),
    /// The national server has no 住民票コード for it.
    Returned(AcquisitionFailure),
}

impl ResidentNetwork {
    /// Moves a request one server on, where it is due. What ends a request ([`Moved::AtCore`], [`Moved::Returned`])
    /// leaves it in its queue, so that a crash loses nothing: `end` it when the institution has the outcome.
    ///
    /// # Errors
    /// When the state cannot be read or written, or a queue was altered.
    pub async fn step(
        &self,
        serial: SerialDigest,
        now: Timestamp,
        register: impl Fn(&IndividualNumber) -> Result<Resident, StoreFault>,
    ) -> Result<Moved, NetworkFault> {
        let Some((version, kept)) = self.state.symbol_request(serial)? else {
            return Ok(Moved::Gone);
        };
        let plan = self.plan();
        let place = kept.request.place();
        if let Some(Err(waits)) = place.map(|place| plan.moves(place, kept.polls, now)) {
            return Ok(Moved::Waits(waits));
        }
        match &kept.request {
            SymbolRequest::AtCommunicationServer { .. }
            | SymbolRequest::AtPrefecturalServer { .. } => {
                let forwarded = SymbolRequestEvent::Forwarded { at: now };
                self.keep(version, kept, forwarded).await
            }
            SymbolRequest::AtNationalServer { number, .. } => {
                let number = self.open(serial, number)?;
                let Some(number) = number.parse().ok() else {
                    return Ok(Moved::Returned(AcquisitionFailure::PersonUnknown));
                };
                match register(&number)? {
                    Resident::Unknown => Ok(Moved::Returned(AcquisitionFailure::PersonUnknown)),
                    Resident::NumberChanged => {
                        Ok(Moved::Returned(AcquisitionFailure::NumberChanged))
                    }
                    Resident::Known(code) => {
                        let sealed = self.vault.seal(&serial.0, code.expose().as_bytes())?;
                        let converted = SymbolRequestEvent::Converted {
                            resident: SealedNumber(sealed),
                            at: now,
                        };
                        self.keep(version, kept, converted).await
                    }
                }
            }
            SymbolRequest::AtCoreSystem { resident, .. } => {
                let digits = self.open(serial, resident)?;
                let ten = digits.get(..10).and_then(|ten| ten.parse().ok());
                Ok(Moved::AtCore(AtCore {
                    resident: ResidentCode::from_ten_digits(ten.ok_or(VaultFault)?),
                    twice: plan.delivers_twice,
                }))
            }
            SymbolRequest::Ended => Ok(Moved::Gone),
        }
    }

    async fn keep(
        &self,
        version: Version,
        kept: InTransit,
        event: SymbolRequestEvent,
    ) -> Result<Moved, NetworkFault> {
        let next = InTransit {
            serial: kept.serial,
            request: kept.request.apply(event)?,
            polls: 0,
        };
        match self.state.keep_symbol_request(Some(version), &next).await {
            // Another hand has moved it at the same moment.
            Ok(()) | Err(StoreFault::Conflict { .. }) => Ok(Moved::Forwarded),
            Err(fault) => Err(fault.into()),
        }
    }

    fn open(
        &self,
        serial: SerialDigest,
        sealed: &SealedNumber,
    ) -> Result<zeroize::Zeroizing<String>, NetworkFault> {
        let bytes = self.vault.open(&serial.0, &sealed.0)?;
        Ok(zeroize::Zeroizing::new(
            String::from_utf8_lossy(&bytes).into_owned(),
        ))
    }
}
