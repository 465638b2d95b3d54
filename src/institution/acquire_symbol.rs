//! 符号取得: issues a serial, and links the symbol that comes back with it. FGU.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::{
    crypto::digest::{random_bytes, serial_digest},
    domain::{
        acquisition::{
            Acquisition, AcquisitionFailure, AcquisitionRefusal, SerialDigest, Standing,
            UnlinkReason,
        },
        codes::AddresseeNumber,
        names::AcquisitionSerial,
        person::Symbol,
        refusal::{Refusal, Thing},
    },
    store::{StoreFault, Version},
};

/// Whose serial has expired, what the acquisition was seen as, and what it is without the serial.
pub(super) type OldSerial = (AddresseeNumber, (Version, Acquisition), Acquisition);

impl IntermediateServer {
    /// 取得番号: issues a serial for a person. Returns it and when it stops being accepted.
    ///
    /// # Errors
    /// When the person has a symbol, or an earlier serial is still good.
    pub async fn request_acquisition(
        &self,
        person: AddresseeNumber,
        now: Timestamp,
    ) -> Result<(AcquisitionSerial, Timestamp), ActFault> {
        self.issue(person, now, Acquisition::issue).await
    }

    /// Issues a serial in place of one that never reached the resident network: it was lost with whoever had it.
    ///
    /// # Errors
    /// When no serial is issued.
    pub async fn renew_acquisition(
        &self,
        person: AddresseeNumber,
        now: Timestamp,
    ) -> Result<(AcquisitionSerial, Timestamp), ActFault> {
        let renew = |before: Option<&Acquisition>, serial, now, expires_at| {
            let before = before.ok_or(AcquisitionRefusal::NotLinked)?;
            before.renew(serial, now, expires_at)
        };
        self.issue(person, now, renew).await
    }

    async fn issue(
        &self,
        person: AddresseeNumber,
        now: Timestamp,
        decide: impl FnOnce(
            Option<&Acquisition>,
            SerialDigest,
            Timestamp,
            Timestamp,
        ) -> Result<Acquisition, AcquisitionRefusal>,
    ) -> Result<(AcquisitionSerial, Timestamp), ActFault> {
        let who = (self.profile.code, person);
        let seen = self.around.state.acquisition(who)?;
        let serial = AcquisitionSerial(random_bytes()?);
        let period = self.around.periods.acquisition_serial;
        let expires_at = now.checked_add(period).unwrap_or(Timestamp::MAX);
        let before = seen.as_ref().map(|(_, acquisition)| acquisition);
        let digest = serial_digest(serial);
        let issued = decide(before, digest, now, expires_at).map_err(Refusal::from)?;
        self.around
            .state
            .issue_serial(who, seen, (&issued, digest))
            .await
            .map_err(moved_on(AcquisitionRefusal::SerialPending))?;
        Ok((serial, expires_at))
    }

    /// Where the person's symbol stands.
    ///
    /// # Errors
    /// When none was ever asked for.
    pub fn acquisition(&self, person: AddresseeNumber) -> Result<Acquisition, ActFault> {
        let found = self.around.state.acquisition((self.profile.code, person))?;
        let (_, acquisition) = found.ok_or(Refusal::NotFound(Thing::Acquisition))?;
        Ok(acquisition)
    }

    /// How many acquisitions of the institution stand how; those that none stands like are left out.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn count_acquisitions(&self, now: Timestamp) -> Result<BTreeMap<Standing, u64>, ActFault> {
        let mut counts = BTreeMap::new();
        let state = &self.around.state;
        state.each_acquisition(self.profile.code, |acquisition| {
            let (standing, _) = acquisition.standing(now);
            *counts.entry(standing).or_default() += 1;
        })?;
        Ok(counts)
    }

    /// Checks that an acquisition of this institution waits for the serial.
    ///
    /// # Errors
    /// When none does, or the serial has expired.
    pub fn check_serial(&self, serial: SerialDigest, now: Timestamp) -> Result<(), ActFault> {
        let (_, _, acquisition) = self.waiting_for(serial)?;
        acquisition.link(serial, now).map_err(Refusal::from)?;
        Ok(())
    }

    /// Links the symbol that the core system sent with a serial; the serial is destroyed. A symbol that is linked to
    /// another person of this institution ends the acquisition without a link.
    ///
    /// # Errors
    /// When no acquisition waits for the serial, or it has expired.
    pub async fn link_symbol(
        &self,
        serial: SerialDigest,
        symbol: Symbol,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let (person, version, acquisition) = self.waiting_for(serial)?;
        let linked = acquisition.link(serial, now).map_err(Refusal::from)?;
        let (code, state) = (self.profile.code, &self.around.state);
        let seen = (version, acquisition);
        if state.person(code, &symbol)?.is_none() {
            let linking = state.link_symbol((code, person), seen, (&linked, symbol));
            match linking.await {
                // Somebody else was quicker with the symbol; or with this acquisition, which then cannot fail either.
                Err(StoreFault::Conflict { .. }) => {}
                done => return Ok(done?),
            }
        }
        let why = AcquisitionFailure::LinkedElsewhere;
        self.fail_acquisition(serial, why, now).await
    }

    /// Ends an acquisition without a symbol; the serial is destroyed.
    ///
    /// # Errors
    /// When no acquisition waits for the serial, or it has expired.
    pub async fn fail_acquisition(
        &self,
        serial: SerialDigest,
        why: AcquisitionFailure,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let (person, version, acquisition) = self.waiting_for(serial)?;
        let ended = acquisition.fail(serial, why, now).map_err(Refusal::from)?;
        let who = (self.profile.code, person);
        self.around
            .state
            .end_acquisition(who, (version, acquisition), &ended)
            .await
            .map_err(moved_on(AcquisitionRefusal::SerialUnknown))
    }

    /// The serials that expired before `before` and were never used.
    pub(super) fn old_serials(&self, before: Timestamp) -> Result<Vec<OldSerial>, ActFault> {
        let (own, state) = (self.profile.code, &self.around.state);
        let mut old = Vec::new();
        for (_, person) in state.people_with_serials(own)? {
            let Some(seen) = state.acquisition((own, person))? else {
                continue;
            };
            if let Some(expired) = seen.1.lapse(before) {
                old.push((person, seen, expired));
            }
        }
        Ok(old)
    }

    /// Deletes them; what has been replaced by another serial meanwhile stays.
    pub(super) async fn delete_serials(&self, old: Vec<OldSerial>) -> Result<(), ActFault> {
        for (person, seen, expired) in old {
            let who = (self.profile.code, person);
            let ended = self.around.state.end_acquisition(who, seen, &expired);
            match ended.await {
                Ok(()) | Err(StoreFault::Conflict { .. }) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    /// The person's symbol, for a request to the core system.
    ///
    /// # Errors
    /// When none is linked.
    pub fn linked_symbol(&self, person: AddresseeNumber) -> Result<Symbol, ActFault> {
        let symbol = self.around.state.symbol((self.profile.code, person))?;
        symbol.ok_or_else(|| Refusal::Acquisition(AcquisitionRefusal::NotLinked).into())
    }

    /// Takes a link away.
    ///
    /// # Errors
    /// When the person has no symbol.
    pub async fn unlink_symbol(
        &self,
        person: AddresseeNumber,
        reason: UnlinkReason,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let who = (self.profile.code, person);
        let seen = self.around.state.acquisition(who)?;
        let (version, acquisition) =
            seen.ok_or(Refusal::Acquisition(AcquisitionRefusal::NotLinked))?;
        let unlinked = acquisition.unlink(reason, now).map_err(Refusal::from)?;
        self.around
            .state
            .unlink_symbol(who, (version, acquisition), &unlinked)
            .await
            .map_err(moved_on(AcquisitionRefusal::NotLinked))
    }

    /// Takes away whatever a person who is not dealt with any more has: a link, or a serial that waits. Nothing to do is no fault.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn withdraw_symbol(
        &self,
        person: AddresseeNumber,
        reason: UnlinkReason,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let who = (self.profile.code, person);
        loop {
            let Some((version, acquisition)) = self.around.state.acquisition(who)? else {
                return Ok(());
            };
            let Ok(withdrawn) = acquisition.withdraw(reason, now) else {
                return Ok(());
            };
            let seen = (version, acquisition);
            match self.around.state.unlink_symbol(who, seen, &withdrawn).await {
                // It moved on at the same moment, as when the symbol was delivered.
                Err(StoreFault::Conflict { .. }) => {}
                done => return Ok(done?),
            }
        }
    }

    fn waiting_for(
        &self,
        serial: SerialDigest,
    ) -> Result<(AddresseeNumber, Version, Acquisition), ActFault> {
        let unknown = Refusal::Acquisition(AcquisitionRefusal::SerialUnknown);
        let who = self.around.state.person_of_serial(serial)?;
        let who = who
            .filter(|(institution, _)| *institution == self.profile.code)
            .ok_or_else(|| unknown.clone())?;
        let (version, acquisition) = self.around.state.acquisition(who)?.ok_or(unknown)?;
        Ok((who.1, version, acquisition))
    }
}

/// A conflict means that somebody else was quicker: the refusal that a later call would have met.
fn moved_on(refusal: AcquisitionRefusal) -> impl Fn(StoreFault) -> ActFault {
    move |fault| match fault {
        StoreFault::Conflict { .. } => Refusal::Acquisition(refusal).into(),
        other => other.into(),
    }
}
