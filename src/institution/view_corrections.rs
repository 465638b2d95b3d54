//! 副本 at the terminal: search, view, and what is proposed for them. Looking is on record. DBM.

use jiff::Timestamp;

use super::{
    ActFault, AtWork, IntermediateServer, Values,
    correct_replica::{authority, content},
};
use crate::{
    domain::{
        codes::{AddresseeNumber, SpecificInfoCode},
        correction::{Correction, Difference},
        deciding::ContentDigest,
        names::CorrectionNumber,
        refusal::{Refusal, Thing},
        replica::{Replica, ReplicaName},
        staff::Act,
    },
    store::{Page, PageOf, Version},
};

/// A proposal with what an approval rests on.
#[derive(Debug)]
pub struct OpenedCorrection {
    /// The proposal. Its values are not masked: [`Self::difference`] is what may be shown.
    pub correction: Correction,
    /// Which write left it so: a step names it.
    pub version: Version,
    /// What it would change now; nothing where it is made or withdrawn.
    pub difference: Option<Difference>,
    /// Whether the replica is still what the proposal was made for.
    pub fits: bool,
    /// The most reveals of an account on one day that are nothing special, where this one is beyond it.
    pub beyond_volume: Option<u32>,
}

/// A replica as a member of the staff sees it.
#[derive(Debug)]
pub struct OpenedReplica {
    /// The replica, each value masked where it was not revealed.
    pub replica: Replica,
    /// As [`OpenedCorrection::beyond_volume`].
    pub beyond_volume: Option<u32>,
}

impl IntermediateServer {
    /// The replicas of a person, of one specific information or of all, each value masked.
    ///
    /// # Errors
    /// When the member of the staff may not see them, or the state cannot be read.
    pub async fn replicas_at_terminal(
        &self,
        staff: &AtWork,
        (person, info, page): (AddresseeNumber, Option<SpecificInfoCode>, Page),
        now: Timestamp,
    ) -> Result<PageOf<Replica>, ActFault> {
        let act = Act::ReadReplica;
        let found = match authority(staff, act) {
            Ok(_) => self.replicas(person, info, page),
            Err(refusal) => Err(refusal.into()),
        };
        let on = info.map(|info| info.to_string());
        let mut found = self.settle_act(staff, (act, on), found, now).await?;
        found.rows.iter_mut().for_each(mask);
        Ok(found)
    }

    /// One replica, each value masked without [`Values::Shown`].
    ///
    /// # Errors
    /// When there is none, or the member of the staff may not see it.
    pub async fn open_replica(
        &self,
        staff: &AtWork,
        (name, values): (&ReplicaName, Values),
        now: Timestamp,
    ) -> Result<OpenedReplica, ActFault> {
        let act = looking(values);
        let found = match authority(staff, act) {
            Ok(_) => self.replica(name),
            Err(refusal) => Err(refusal.into()),
        };
        let on = Some(name.specific_info.to_string());
        let mut replica = self.settle_act(staff, (act, on), found, now).await?;
        if values == Values::Masked {
            mask(&mut replica);
        }
        Ok(OpenedReplica {
            replica,
            beyond_volume: self.count_shown(staff, values, now),
        })
    }

    /// What is proposed for the replicas and what became of it, the newest first. The values are not for showing.
    ///
    /// # Errors
    /// When the member of the staff may not see it, or the state cannot be read.
    pub async fn corrections(
        &self,
        staff: &AtWork,
        page: &Page,
        now: Timestamp,
    ) -> Result<PageOf<Correction>, ActFault> {
        let act = Act::ReadReplica;
        let found = match authority(staff, act) {
            Ok(_) => {
                let state = &self.around.state;
                state
                    .corrections(self.profile.code, page)
                    .map_err(ActFault::from)
            }
            Err(refusal) => Err(refusal.into()),
        };
        self.settle_act(staff, (act, None), found, now).await
    }

    /// Opens a proposal. Without [`Values::Shown`] every value of its difference is masked.
    ///
    /// # Errors
    /// When there is none, or the member of the staff may not see it.
    pub async fn open_correction(
        &self,
        staff: &AtWork,
        (number, values): (CorrectionNumber, Values),
        now: Timestamp,
    ) -> Result<OpenedCorrection, ActFault> {
        let act = looking(values);
        let found = match authority(staff, act) {
            Ok(_) => self.correction(number, values),
            Err(refusal) => Err(refusal.into()),
        };
        let on = Some(number.to_string());
        let opened = self.settle_act(staff, (act, on), found, now).await?;
        Ok(OpenedCorrection {
            beyond_volume: self.count_shown(staff, values, now),
            ..opened
        })
    }

    fn correction(
        &self,
        number: CorrectionNumber,
        values: Values,
    ) -> Result<OpenedCorrection, ActFault> {
        let found = self.around.state.correction(self.profile.code, number)?;
        let (version, correction) = found.ok_or(Refusal::NotFound(Thing::Correction))?;
        let before = self.seen_replica(&correction.replica)?;
        let before = before.map(|(_, replica)| replica);
        let (difference, now): (_, Option<ContentDigest>) = match correction.state.proposed() {
            None => (None, None),
            Some(proposed) => {
                let difference = Difference::between(before.as_ref(), proposed.change.after());
                let now = content(before.as_ref(), &proposed.change)?;
                (Some(difference), Some(now))
            }
        };
        let proposed = correction.state.proposed();
        Ok(OpenedCorrection {
            fits: proposed.map(|proposed| proposed.content) == now,
            difference: difference.map(|difference| match values {
                Values::Masked => difference.masked(),
                Values::Shown => difference,
            }),
            version,
            correction,
            beyond_volume: None,
        })
    }

    fn count_shown(&self, staff: &AtWork, values: Values, now: Timestamp) -> Option<u32> {
        match values {
            Values::Masked => None,
            Values::Shown => self.count_volume(staff, now),
        }
    }
}

fn looking(values: Values) -> Act {
    match values {
        Values::Masked => Act::ReadReplica,
        Values::Shown => Act::RevealReplica,
    }
}

fn mask(replica: &mut Replica) {
    for record in &mut replica.content {
        record.mask();
    }
}
