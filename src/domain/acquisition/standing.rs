//! How an acquisition stands at a moment, and the words for it.

use jiff::Timestamp;

use super::{Acquisition, AcquisitionFailure, UnlinkReason};

/// How an acquisition stands at a moment: its state, and whether its serial's time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// A serial is issued and good.
    SerialIssued,
    /// The serial was not used in time.
    Expired,
    /// It ended without a symbol.
    Failed(AcquisitionFailure),
    /// The symbol is linked.
    Linked,
    /// It was linked and is not any more.
    Unlinked(UnlinkReason),
}

impl Standing {
    /// Every standing, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::SerialIssued,
        Self::Linked,
        Self::Expired,
        Self::Failed(AcquisitionFailure::PersonUnknown),
        Self::Failed(AcquisitionFailure::NumberChanged),
        Self::Failed(AcquisitionFailure::LinkedElsewhere),
        Self::Unlinked(UnlinkReason::MovedOut),
        Self::Unlinked(UnlinkReason::Died),
        Self::Unlinked(UnlinkReason::Merged),
    ];

    /// What a Japanese reader is told.
    pub fn ja(self) -> &'static str {
        match self {
            Self::SerialIssued => "取得番号を発行しました。",
            Self::Expired => "取得番号の有効期限が切れています。",
            Self::Failed(AcquisitionFailure::PersonUnknown) => {
                "住民基本台帳ネットワークに該当する人がいません。"
            }
            Self::Failed(AcquisitionFailure::NumberChanged) => {
                "個人番号が変更されています。変更後の個人番号で取得し直してください。"
            }
            Self::Failed(AcquisitionFailure::LinkedElsewhere) => {
                "この人の符号は、別の団体内統合宛名番号に紐付いています。"
            }
            Self::Linked => "符号を取得しました。",
            Self::Unlinked(UnlinkReason::MovedOut) => "転出により符号の紐付けを解除しました。",
            Self::Unlinked(UnlinkReason::Died) => "死亡により符号の紐付けを解除しました。",
            Self::Unlinked(UnlinkReason::Merged) => "宛名の統合により符号の紐付けを解除しました。",
        }
    }
}

impl Acquisition {
    /// How it stands at `now`, and since when.
    pub fn standing(&self, now: Timestamp) -> (Standing, Timestamp) {
        match self {
            Self::SerialIssued { expires_at, .. } if *expires_at <= now => {
                (Standing::Expired, *expires_at)
            }
            Self::Expired { at } => (Standing::Expired, *at),
            Self::SerialIssued { at, .. } => (Standing::SerialIssued, *at),
            Self::Failed { at, why } => (Standing::Failed(*why), *at),
            Self::Linked { at } => (Standing::Linked, *at),
            Self::Unlinked { at, reason } => (Standing::Unlinked(*reason), *at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::acquisition::SerialDigest;

    #[test]
    fn a_serial_stands_as_issued_until_its_time_has_passed() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (began, ends) = (at("2026-11-22T00:00:00Z"), at("2026-11-23T00:00:00Z"));
        let issued = Acquisition::SerialIssued {
            serial: SerialDigest([3; 32]),
            at: began,
            expires_at: ends,
        };
        let before = at("2026-11-22T23:59:59Z");
        assert_eq!(issued.standing(before), (Standing::SerialIssued, began));
        assert_eq!(issued.standing(ends), (Standing::Expired, ends));
        let deleted = Acquisition::Expired { at: ends };
        assert_eq!(deleted.standing(ends), issued.standing(ends));
    }

    #[test]
    fn every_standing_has_words_of_its_own() {
        let words: std::collections::BTreeSet<_> = Standing::ALL.map(Standing::ja).into();
        assert_eq!(words.len(), Standing::ALL.len());
    }
}
