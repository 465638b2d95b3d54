//! 符号取得: the life of a symbol acquisition as the institution sees it.

mod standing;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    malformed::{Flaw, Malformed},
    refusal::Refusal,
};

pub use standing::Standing;

/// What is kept of an acquisition serial: its SHA-256 under a label. The serial itself is in the messages that carry it and
/// nowhere else, so that nothing has to be destroyed in a store that keeps old bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SerialDigest(pub [u8; 32]);

impl TryFrom<String> for SerialDigest {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(Malformed {
            noun: "SerialDigest",
            noun_ja: "取得番号の要約値",
            flaw: Flaw::Length {
                expected: "64",
                actual: text.chars().count(),
            },
        })
    }
}

impl From<SerialDigest> for String {
    fn from(digest: SerialDigest) -> Self {
        data_encoding::HEXLOWER.encode(&digest.0)
    }
}

impl fmt::Debug for SerialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SerialDigest(hidden)")
    }
}

/// Where a person's symbol stands at an institution. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Acquisition {
    /// A serial is issued and nothing has come back.
    SerialIssued {
        /// The serial's digest. It is gone from every later state.
        serial: SerialDigest,
        /// When it was issued.
        at: Timestamp,
        /// When it stops being accepted.
        expires_at: Timestamp,
    },
    /// The serial was not used in time, and is deleted.
    Expired {
        /// When it had stopped being accepted.
        at: Timestamp,
    },
    /// It ended without a symbol.
    Failed {
        /// Since when.
        at: Timestamp,
        /// Why.
        why: AcquisitionFailure,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlinkReason {
    /// 転出.
    MovedOut,
    /// 死亡.
    Died,
    /// 統合: the record was a second one of a person whose other record stays.
    Merged,
}

/// Why an acquisition ends without a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcquisitionFailure {
    /// The resident network does not know the person.
    PersonUnknown,
    /// The 個人番号 was changed and is not the person's any more.
    NumberChanged,
    /// The person's symbol is linked to another 団体内統合宛名番号 of the institution.
    LinkedElsewhere,
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
    /// The institution's mass acquisition is under way.
    #[error("a mass acquisition of the institution is under way")]
    MassRunning,
    /// The institution's mass acquisition has ended or was cancelled.
    #[error("the mass acquisition has ended")]
    MassEnded,
}

impl AcquisitionRefusal {
    /// The Japanese message for a person.
    pub fn ja(self) -> &'static str {
        match self {
            Self::AlreadyLinked => "符号は既に取得されています。",
            Self::SerialPending => "取得番号は既に発行されています。",
            Self::SerialUnknown => "取得番号が存在しないか、既に使用されています。",
            Self::SerialExpired => "取得番号の有効期限が切れています。",
            Self::NotLinked => "符号が取得されていません。",
            Self::MassRunning => "符号の一括取得を実行中です。",
            Self::MassEnded => "符号の一括取得は既に終了しています。",
        }
    }
}

impl From<AcquisitionRefusal> for Refusal {
    fn from(refusal: AcquisitionRefusal) -> Self {
        Self::Acquisition(refusal)
    }
}

impl Acquisition {
    /// Decides to issue `serial` for a person whose symbol stands as `present`.
    ///
    /// # Errors
    /// When the person is linked, or an earlier serial is still good.
    pub fn issue(
        present: Option<&Self>,
        serial: SerialDigest,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Self, AcquisitionRefusal> {
        match present {
            Some(Self::Linked { .. }) => Err(AcquisitionRefusal::AlreadyLinked),
            Some(Self::SerialIssued { expires_at, .. }) if now < *expires_at => {
                Err(AcquisitionRefusal::SerialPending)
            }
            Some(
                Self::SerialIssued { .. }
                | Self::Expired { .. }
                | Self::Failed { .. }
                | Self::Unlinked { .. },
            )
            | None => Ok(Self::SerialIssued {
                serial,
                at: now,
                expires_at,
            }),
        }
    }

    /// Decides to issue `serial` in place of one that was lost before it reached the resident network.
    ///
    /// # Errors
    /// When no serial is issued.
    pub fn renew(
        &self,
        serial: SerialDigest,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Self, AcquisitionRefusal> {
        match self {
            Self::SerialIssued { .. } => Ok(Self::SerialIssued {
                serial,
                at: now,
                expires_at,
            }),
            Self::Linked { .. } => Err(AcquisitionRefusal::AlreadyLinked),
            Self::Expired { .. } | Self::Failed { .. } | Self::Unlinked { .. } => {
                Err(AcquisitionRefusal::NotLinked)
            }
        }
    }

    /// Decides to delete the serial; nothing where none is kept that expired before `before`.
    pub fn lapse(&self, before: Timestamp) -> Option<Self> {
        match self {
            Self::SerialIssued { expires_at, .. } if *expires_at < before => {
                Some(Self::Expired { at: *expires_at })
            }
            Self::SerialIssued { .. }
            | Self::Expired { .. }
            | Self::Failed { .. }
            | Self::Linked { .. }
            | Self::Unlinked { .. } => None,
        }
    }

    /// Decides to link the symbol that came back with `serial`; the serial is destroyed by it.
    ///
    /// # Errors
    /// When the acquisition does not wait for this serial, or the serial has expired.
    pub fn link(&self, serial: SerialDigest, now: Timestamp) -> Result<Self, AcquisitionRefusal> {
        self.waits_for(serial, now)?;
        Ok(Self::Linked { at: now })
    }

    /// Decides that no symbol comes; the serial is destroyed by it.
    ///
    /// # Errors
    /// As [`Acquisition::link`].
    pub fn fail(
        &self,
        serial: SerialDigest,
        why: AcquisitionFailure,
        now: Timestamp,
    ) -> Result<Self, AcquisitionRefusal> {
        self.waits_for(serial, now)?;
        Ok(Self::Failed { at: now, why })
    }

    /// Decides to take the link away.
    ///
    /// # Errors
    /// When there is none.
    pub fn unlink(&self, reason: UnlinkReason, now: Timestamp) -> Result<Self, AcquisitionRefusal> {
        match self {
            Self::Linked { .. } => Ok(Self::Unlinked { at: now, reason }),
            Self::SerialIssued { .. }
            | Self::Expired { .. }
            | Self::Failed { .. }
            | Self::Unlinked { .. } => Err(AcquisitionRefusal::NotLinked),
        }
    }

    /// Decides to end it because the person is not dealt with under this number any more: a link is taken away, and a serial
    /// that waits is worth nothing.
    ///
    /// # Errors
    /// When there is neither.
    pub fn withdraw(
        &self,
        reason: UnlinkReason,
        now: Timestamp,
    ) -> Result<Self, AcquisitionRefusal> {
        match self {
            Self::SerialIssued { .. } => Ok(Self::Unlinked { at: now, reason }),
            Self::Linked { .. }
            | Self::Expired { .. }
            | Self::Failed { .. }
            | Self::Unlinked { .. } => self.unlink(reason, now),
        }
    }

    fn waits_for(&self, presented: SerialDigest, now: Timestamp) -> Result<(), AcquisitionRefusal> {
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
            | Self::Expired { .. }
            | Self::Failed { .. }
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

    fn issued() -> (Acquisition, SerialDigest) {
        let serial = SerialDigest([3; 32]);
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
        assert!(!json.contains(&String::from(serial)));
        assert_eq!(
            linked.link(serial, now),
            Err(AcquisitionRefusal::SerialUnknown)
        );
    }

    #[test]
    fn another_or_an_expired_serial_links_nothing() {
        let (acquisition, serial) = issued();
        let now = at("2026-11-22T12:00:00Z");
        let other = SerialDigest([4; 32]);
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
    fn a_serial_is_deleted_only_after_it_has_expired_and_another_can_be_issued_then() {
        let (acquisition, serial) = issued();
        let expired = at("2026-11-23T00:00:00Z");
        assert_eq!(acquisition.lapse(expired), None);
        let lapsed = acquisition.lapse(at("2026-11-23T00:00:01Z")).unwrap();
        assert_eq!(lapsed, Acquisition::Expired { at: expired });
        assert_eq!(lapsed.lapse(at("2027-01-01T00:00:00Z")), None);
        let now = at("2026-11-22T12:00:00Z");
        let late = lapsed.link(serial, now);
        assert_eq!(late, Err(AcquisitionRefusal::SerialUnknown));
        let fresh = SerialDigest([5; 32]);
        assert!(Acquisition::issue(Some(&lapsed), fresh, now, expired).is_ok());
    }

    #[test]
    fn a_second_request_waits_for_the_first_and_is_refused_for_a_linked_person() {
        let (acquisition, serial) = issued();
        let again = |present: &Acquisition, now: &str| {
            let fresh = SerialDigest([5; 32]);
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
