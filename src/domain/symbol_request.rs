//! 符号取得依頼: the way of a symbol request through the resident network, one server at a time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{inquiry::OutOfOrder, service_hours::ServiceHours};

/// A server on the way, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Station {
    /// コミュニケーションサーバ of the municipality or body.
    CommunicationServer,
    /// 都道府県サーバ.
    PrefecturalServer,
    /// J-LIS 全国サーバ: turns the 個人番号 into the 住民票コード.
    NationalServer,
    /// The core system: makes the symbol.
    CoreSystem,
}

impl Station {
    /// Every station, in order.
    pub const ALL: [Self; 4] = [
        Self::CommunicationServer,
        Self::PrefecturalServer,
        Self::NationalServer,
        Self::CoreSystem,
    ];

    /// What a Japanese reader is told.
    pub fn ja(self) -> &'static str {
        match self {
            Self::CommunicationServer => "コミュニケーションサーバ",
            Self::PrefecturalServer => "都道府県サーバ",
            Self::NationalServer => "全国サーバ",
            Self::CoreSystem => "コアシステム",
        }
    }

    /// The same of a request that is there.
    pub fn under_way_ja(self) -> &'static str {
        match self {
            Self::CommunicationServer => "コミュニケーションサーバで処理しています。",
            Self::PrefecturalServer => "都道府県サーバで処理しています。",
            Self::NationalServer => "全国サーバで処理しています。",
            Self::CoreSystem => "コアシステムで処理しています。",
        }
    }
}

/// A number of a person, sealed with the resident network's key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedNumber(pub Vec<u8>);

impl std::fmt::Debug for SealedNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedNumber(…)")
    }
}

/// A symbol request on its way. Diagram: docs/state-machines.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum SymbolRequest {
    /// The addressee system has handed it over.
    AtCommunicationServer {
        /// 個人番号.
        number: SealedNumber,
        /// Since when.
        since: Timestamp,
    },
    /// The communication server has passed it on.
    AtPrefecturalServer {
        /// 個人番号.
        number: SealedNumber,
        /// Since when.
        since: Timestamp,
    },
    /// The prefectural server has passed it on.
    AtNationalServer {
        /// 個人番号.
        number: SealedNumber,
        /// Since when.
        since: Timestamp,
    },
    /// The national server has turned the number into the 住民票コード and passed it to the core system.
    AtCoreSystem {
        /// 住民票コード.
        resident: SealedNumber,
        /// Since when.
        since: Timestamp,
    },
    /// The symbol was delivered, or the request returned without one. Never stored: the request is destroyed.
    Ended,
}

/// What happens to a symbol request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SymbolRequestEvent {
    /// A server passed it on unread.
    Forwarded {
        /// When.
        at: Timestamp,
    },
    /// The national server turned the 個人番号 into the 住民票コード.
    Converted {
        /// 住民票コード.
        resident: SealedNumber,
        /// When.
        at: Timestamp,
    },
    /// The national server does not know the number, or not any more.
    Returned,
    /// The core system sent the symbol to the institution.
    Delivered,
}

impl SymbolRequest {
    /// The request after an event.
    ///
    /// # Errors
    /// When it cannot happen there.
    pub fn apply(self, event: SymbolRequestEvent) -> Result<Self, OutOfOrder> {
        use SymbolRequestEvent as Event;
        match (self, event) {
            (Self::AtCommunicationServer { number, .. }, Event::Forwarded { at: since }) => {
                Ok(Self::AtPrefecturalServer { number, since })
            }
            (Self::AtPrefecturalServer { number, .. }, Event::Forwarded { at: since }) => {
                Ok(Self::AtNationalServer { number, since })
            }
            (
                Self::AtNationalServer { .. },
                Event::Converted {
                    resident,
                    at: since,
                },
            ) => Ok(Self::AtCoreSystem { resident, since }),
            (Self::AtNationalServer { .. }, Event::Returned)
            | (Self::AtCoreSystem { .. }, Event::Delivered) => Ok(Self::Ended),
            (
                Self::AtCommunicationServer { .. } | Self::AtPrefecturalServer { .. },
                Event::Converted { .. } | Event::Returned | Event::Delivered,
            )
            | (Self::AtNationalServer { .. }, Event::Forwarded { .. } | Event::Delivered)
            | (
                Self::AtCoreSystem { .. },
                Event::Forwarded { .. } | Event::Converted { .. } | Event::Returned,
            )
            | (Self::Ended, _) => Err(OutOfOrder),
        }
    }

    /// Where it is and since when; nothing when it has ended.
    pub fn place(&self) -> Option<(Station, Timestamp)> {
        match self {
            Self::AtCommunicationServer { since, .. } => {
                Some((Station::CommunicationServer, *since))
            }
            Self::AtPrefecturalServer { since, .. } => Some((Station::PrefecturalServer, *since)),
            Self::AtNationalServer { since, .. } => Some((Station::NationalServer, *since)),
            Self::AtCoreSystem { since, .. } => Some((Station::CoreSystem, *since)),
            Self::Ended => None,
        }
    }
}

/// When a symbol request moves on from a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// At once.
    #[default]
    Immediate,
    /// So many milliseconds of the world's time after it has come.
    AfterMs(u32),
    /// When the institution has asked so many times how its acquisition stands.
    AfterPolls(u32),
}

/// How the resident network of a world behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResidentNetworkPlan {
    /// When requests move on.
    pub pace: Pace,
    /// When it works; nothing means always.
    pub hours: Option<ServiceHours>,
    /// The servers that are down.
    pub down: Vec<Station>,
    /// Whether the core system sends every symbol twice.
    pub delivers_twice: bool,
}

/// Why a symbol request stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Its time has not come, or it was not asked for often enough.
    NotDue,
    /// The resident network is outside its service hours.
    OutsideHours,
    /// The next server is down.
    Down(Station),
}

impl ResidentNetworkPlan {
    /// Whether a request that is at `place` since then, and was asked for `polls` times there, moves on.
    ///
    /// # Errors
    /// Why it waits.
    pub fn moves(
        &self,
        (station, since): (Station, Timestamp),
        polls: u32,
        now: Timestamp,
    ) -> Result<(), Waits> {
        let next = Station::ALL.into_iter().find(|next| *next > station);
        self.due(&[Some(station), next], (since, polls), now)
    }

    /// Whether a request for identity information that is at `place` moves on: the national server answers it.
    ///
    /// # Errors
    /// Why it waits.
    pub fn answers(
        &self,
        (station, since): (Station, Timestamp),
        polls: u32,
        now: Timestamp,
    ) -> Result<(), Waits> {
        match station {
            Station::NationalServer => self.due(&[Some(station)], (since, polls), now),
            Station::CommunicationServer | Station::PrefecturalServer | Station::CoreSystem => {
                self.moves((station, since), polls, now)
            }
        }
    }

    fn due(
        &self,
        needed: &[Option<Station>],
        (since, polls): (Timestamp, u32),
        now: Timestamp,
    ) -> Result<(), Waits> {
        let mut needed = needed.iter().flatten();
        if let Some(down) = needed.find(|needed| self.down.contains(needed)) {
            return Err(Waits::Down(*down));
        }
        if !self.hours.is_none_or(|hours| hours.hold(now)) {
            return Err(Waits::OutsideHours);
        }
        let due = match self.pace {
            Pace::Immediate => true,
            Pace::AfterMs(ms) => {
                now.duration_since(since) >= SignedDuration::from_millis(ms.into())
            }
            Pace::AfterPolls(wanted) => polls >= wanted,
        };
        due.then_some(()).ok_or(Waits::NotDue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn place(station: Station) -> (Station, Timestamp) {
        (station, at("2026-11-22T00:00:00Z"))
    }

    #[test]
    fn a_request_waits_while_its_server_or_the_next_is_down() {
        let plan = ResidentNetworkPlan {
            down: vec![Station::NationalServer],
            ..Default::default()
        };
        let moves = |station| plan.moves(place(station), 0, at("2026-11-22T00:00:00Z"));
        let down = Err(Waits::Down(Station::NationalServer));
        assert_eq!(moves(Station::CommunicationServer), Ok(()));
        assert_eq!(moves(Station::PrefecturalServer), down);
        assert_eq!(moves(Station::NationalServer), down);
        assert_eq!(moves(Station::CoreSystem), Ok(()));
    }

    #[test]
    fn a_delay_counts_the_worlds_time_and_polls_count_themselves() {
        let moves = |pace, polls, now: &str| {
            let plan = ResidentNetworkPlan {
                pace,
                ..Default::default()
            };
            plan.moves(place(Station::NationalServer), polls, at(now))
        };
        let minute = Pace::AfterMs(60_000);
        assert_eq!(moves(minute, 9, "2026-11-22T00:00:59Z"), Err(Waits::NotDue));
        assert_eq!(moves(minute, 0, "2026-11-22T00:01:00Z"), Ok(()));
        let asked = Pace::AfterPolls(2);
        assert_eq!(moves(asked, 1, "2027-01-01T00:00:00Z"), Err(Waits::NotDue));
        assert_eq!(moves(asked, 2, "2026-11-22T00:00:00Z"), Ok(()));
    }
}
