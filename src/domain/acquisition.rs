//! 符号取得: the life of a symbol acquisition as the institution sees it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::AcquisitionSerial;

/// Where a person's symbol stands at an institution. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Acquisition {
    /// A serial is issued and nothing has come back.
    SerialIssued {
        /// The serial. It is gone from every later state.
        serial: AcquisitionSerial,
        /// When it was issued.
        at: Timestamp,
        /// When it stops being accepted.
        expires_at: Timestamp,
    },
    /// The resident network does not know the person.
    PersonUnknown {
        /// Since when.
        at: Timestamp,
    },
    /// The symbol has come and is linked.
    Linked {
        /// Since when.
        at: Timestamp,
    },
    /// It was linked and is not any more.
    Unlinked {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: UnlinkReason,
    },
}

/// Why a link is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlinkReason {
    /// 転出.
    MovedOut,
    /// 死亡.
    Died,
}

/// Why a step of an acquisition is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AcquisitionRefusal {
    /// The person has a symbol already.
    #[error("the person has a symbol already")]
    AlreadyLinked,
    /// A serial is issued and still good.
    #[error("a serial has been issued for this person and has not expired")]
    SerialPending,
    /// No acquisition waits for this serial: unknown, or used before.
    #[error("the serial is unknown or was used before")]
    SerialUnknown,
    /// The serial's time has passed.
    #[error("the serial has expired")]
    SerialExpired,
    /// The person has no symbol.
    #[error("the person has no symbol")]
    NotLinked,
}

impl Acquisition {
    /// Decides to issue `serial` for a person whose symbol stands as `present`.
    ///
    /// # Errors
    /// When the person is linked, or an earlier serial is still good.
    pub fn issue(
        present: Option<&Self>,
        serial: AcquisitionSerial,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Self, AcquisitionRefusal> {
        match present {
            Some(Self::Linked { .. }) => Err(AcquisitionRefusal::AlreadyLinked),
            Some(Self::SerialIssued { expires_at, .. }) if now < *expires_at => {
                Err(AcquisitionRefusal::SerialPending)
            }
            Some(
                Self::SerialIssued { .. } | Self::PersonUnknown { .. } | Self::Unlinked { .. },
            )
            | None => Ok(Self::SerialIssued {
                serial,
                at: now,
                expires_at,
            }),
        }
    }

    /// Decides to link the symbol that came back with `serial`; the serial is destroyed by it.
    ///
    /// # Errors
    /// When the acquisition does not wait for this serial, or the serial has expired.
    pub fn link(
        &self,
        serial: AcquisitionSerial,
        now: Timestamp,
    ) -> Result<Self, AcquisitionRefusal> {
        self.waits_for(serial, now)?;
        Ok(Self::Linked { at: now })
    }

    /// Decides that the resident network does not know the person; the serial is destroyed by it.
    ///
    /// # Errors
    /// As [`Acquisition::link`].
    pub fn person_unknown(
        &self,
        serial: AcquisitionSerial,
        now: Timestamp,
    ) -> Result<Self, AcquisitionRefusal> {
        self.waits_for(serial, now)?;
        Ok(Self::PersonUnknown { at: now })
    }

    /// Decides to take the link away.
    ///
    /// # Errors
    /// When there is none.
    pub fn unlink(&self, reason: UnlinkReason, now: Timestamp) -> Result<Self, AcquisitionRefusal> {
        match self {
            Self::Linked { .. } => Ok(Self::Unlinked { at: now, reason }),
            Self::SerialIssued { .. } | Self::PersonUnknown { .. } | Self::Unlinked { .. } => {
                Err(AcquisitionRefusal::NotLinked)
            }
        }
    }

    fn waits_for(
        &self,
        presented: AcquisitionSerial,
        now: Timestamp,
    ) -> Result<(), AcquisitionRefusal> {
        match self {
            Self::SerialIssued {
                serial, expires_at, ..
            } if *serial == presented => {
                if now < *expires_at {
                    Ok(())
                } else {
                    Err(AcquisitionRefusal::SerialExpired)
                }
            }
            Self::SerialIssued { .. }
            | Self::PersonUnknown { .. }
            | Self::Linked { .. }
            | Self::Unlinked { .. } => Err(AcquisitionRefusal::SerialUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn issued() -> (Acquisition, AcquisitionSerial) {
        let serial = AcquisitionSerial([3; 16]);
        let (now, expires) = (at("2026-11-22T00:00:00Z"), at("2026-11-23T00:00:00Z"));
        let issued = Acquisition::issue(None, serial, now, expires).unwrap();
        (issued, serial)
    }

    #[test]
    fn a_serial_links_once_and_is_gone_from_the_linked_state() {
        let (acquisition, serial) = issued();
        let now = at("2026-11-22T12:00:00Z");
        let linked = acquisition.link(serial, now).unwrap();
        let json = serde_json::to_string(&linked).unwrap();
        assert!(!json.contains(&serial.to_string()));
        assert_eq!(
            linked.link(serial, now),
            Err(AcquisitionRefusal::SerialUnknown)
        );
    }

    #[test]
    fn another_or_an_expired_serial_links_nothing() {
        let (acquisition, serial) = issued();
        let now = at("2026-11-22T12:00:00Z");
        let other = AcquisitionSerial([4; 16]);
        assert_eq!(
            acquisition.link(other, now),
            Err(AcquisitionRefusal::SerialUnknown)
        );
        assert_eq!(
            acquisition.link(serial, at("2026-11-23T00:00:00Z")),
            Err(AcquisitionRefusal::SerialExpired)
        );
    }

    #[test]
    fn a_second_request_waits_for_the_first_and_is_refused_for_a_linked_person() {
        let (acquisition, serial) = issued();
        let again = |present: &Acquisition, now: &str| {
            let fresh = AcquisitionSerial([5; 16]);
            Acquisition::issue(Some(present), fresh, at(now), at("2026-12-01T00:00:00Z"))
        };
        assert_eq!(
            again(&acquisition, "2026-11-22T12:00:00Z"),
            Err(AcquisitionRefusal::SerialPending)
        );
        assert!(again(&acquisition, "2026-11-23T00:00:00Z").is_ok());
        let linked = acquisition
            .link(serial, at("2026-11-22T12:00:00Z"))
            .unwrap();
        assert_eq!(
            again(&linked, "2026-11-24T00:00:00Z"),
            Err(AcquisitionRefusal::AlreadyLinked)
        );
        let gone = linked.unlink(UnlinkReason::MovedOut, at("2026-11-24T00:00:00Z"));
        assert!(again(&gone.unwrap(), "2026-11-24T00:00:00Z").is_ok());
    }
}
