//! 符号の一括取得: the life of a mass acquisition of one institution. What becomes of each person is an
//! [`Acquisition`](super::acquisition::Acquisition) of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::acquisition::AcquisitionRefusal;

/// How far a mass acquisition is. The people are chosen when it begins, and looked at in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MassAcquisition {
    /// When it began, by the world's clock.
    pub started_at: Timestamp,
    /// People in all.
    pub of: u64,
    /// People looked at.
    pub done: u64,
    /// Requests that went to the resident network. One who was requested just before a crash may be missing here.
    pub requested: u64,
    /// Where it stands.
    pub state: MassState,
}

/// Where a mass acquisition stands. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MassState {
    /// Requests go out; after a crash it goes on.
    Running,
    /// Everybody was looked at; requests may still be on their way.
    Ended {
        /// Since when.
        at: Timestamp,
    },
    /// Nobody else is looked at; what was requested goes its way.
    Cancelled {
        /// Since when.
        at: Timestamp,
    },
}

impl MassAcquisition {
    /// A new one of `of` people.
    pub fn begin(of: u64, now: Timestamp) -> Self {
        Self {
            started_at: now,
            of,
            done: 0,
            requested: 0,
            state: MassState::Running,
        }
    }

    /// Whether requests go out.
    pub fn is_running(&self) -> bool {
        matches!(self.state, MassState::Running)
    }

    /// After `looked_at` more people, of whom `requested` were requested. It ends with the last one.
    ///
    /// # Errors
    /// When it has ended or was cancelled.
    pub fn advance(
        self,
        (looked_at, requested): (u64, u64),
        now: Timestamp,
    ) -> Result<Self, AcquisitionRefusal> {
        if !self.is_running() {
            return Err(AcquisitionRefusal::MassEnded);
        }
        let done = self.of.min(self.done + looked_at);
        let state = if done == self.of {
            MassState::Ended { at: now }
        } else {
            MassState::Running
        };
        Ok(Self {
            done,
            requested: self.requested + requested,
            state,
            ..self
        })
    }

    /// Ends it before everybody was looked at.
    ///
    /// # Errors
    /// When it has ended or was cancelled.
    pub fn cancel(self, now: Timestamp) -> Result<Self, AcquisitionRefusal> {
        if !self.is_running() {
            return Err(AcquisitionRefusal::MassEnded);
        }
        let state = MassState::Cancelled { at: now };
        Ok(Self { state, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn it_ends_with_the_last_person_and_not_before() {
        let begun = MassAcquisition::begin(3, NOW);
        let two = begun.advance((2, 1), NOW).unwrap();
        assert_eq!((two.done, two.requested, two.is_running()), (2, 1, true));
        let three = two.advance((1, 1), NOW).unwrap();
        assert_eq!(three.state, MassState::Ended { at: NOW });
        assert_eq!((three.done, three.requested), (3, 2));
        let ended = Err(AcquisitionRefusal::MassEnded);
        assert_eq!(three.advance((1, 1), NOW), ended);
        assert_eq!(three.cancel(NOW), ended);
    }

    #[test]
    fn a_cancelled_one_goes_no_further() {
        let cancelled = MassAcquisition::begin(3, NOW).cancel(NOW).unwrap();
        let ended = Err(AcquisitionRefusal::MassEnded);
        assert_eq!(cancelled.advance((1, 1), NOW), ended);
        assert_eq!(cancelled.cancel(NOW), ended);
    }
}
