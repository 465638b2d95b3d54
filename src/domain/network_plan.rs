//! 運用時間、障害、遅延: when the national network works and how each provider can be reached. Simulated on demand.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{codes::InstitutionCode, result::ResultCode, service_hours::ServiceHours, words::Note};

/// How the national network of a world behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkPlan {
    /// When the core system works; nothing means always.
    pub hours: Option<ServiceHours>,
    /// Whether the core system is stopped.
    pub stopped: bool,
    /// How providers can be reached that are not simply there.
    pub providers: BTreeMap<InstitutionCode, ProviderPlan>,
}

/// How a provider can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderPlan {
    /// When it answers; nothing means always.
    pub hours: Option<ServiceHours>,
    /// What keeps it from answering.
    pub trouble: Trouble,
    /// How long after the acceptance of an inquiry it is asked, in milliseconds of the world's time.
    pub delay_ms: u32,
}

/// What keeps a provider from answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// It cannot be reached.
    Unreachable,
    /// Of so many requests the last is lost on the way.
    LosesEvery(u32),
}

/// Whether an exchange must wait before it goes to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// No longer.
    Over,
    /// For so long, if nothing changes meanwhile.
    For(SignedDuration),
    /// Until something changes.
    UntilChanged,
}

impl NetworkPlan {
    /// Whether the core system works at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        !self.stopped && self.hours.is_none_or(|hours| hours.hold(now))
    }

    /// How a provider can be reached.
    pub fn provider(&self, code: InstitutionCode) -> ProviderPlan {
        self.providers.get(&code).copied().unwrap_or_default()
    }

    /// How long an exchange of an inquiry accepted at `accepted_at` waits at the inquirer: for the core system, and for
    /// the provider's delay.
    pub fn wait(&self, provider: InstitutionCode, accepted_at: Timestamp, now: Timestamp) -> Wait {
        if self.stopped {
            return Wait::UntilChanged;
        }
        let closed = self.hours.map(|hours| hours.until_open(now));
        let delay = SignedDuration::from_millis(self.provider(provider).delay_ms.into());
        let left = delay - now.duration_since(accepted_at);
        let wait = closed.unwrap_or_default().max(left);
        if wait.is_positive() {
            Wait::For(wait)
        } else {
            Wait::Over
        }
    }
}

impl ProviderPlan {
    /// Whether it answers the request that is the `count`th since the plan was set, from 1.
    ///
    /// # Errors
    /// How the exchange ends instead.
    pub fn answers(&self, count: u64, now: Timestamp) -> Result<(), ResultCode> {
        if self.hours.is_some_and(|hours| !hours.hold(now)) {
            return Err(ResultCode::OutsideServiceHours);
        }
        match self.trouble {
            Trouble::None => Ok(()),
            Trouble::Unreachable => Err(ResultCode::CommunicationError),
            Trouble::LosesEvery(of) if count.is_multiple_of(of.into()) => {
                Err(ResultCode::CommunicationError)
            }
            Trouble::LosesEvery(_) => Ok(()),
        }
    }
}

/// 運用のお知らせ: what the operator of the network announces to every institution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationNotice {
    /// Its number, from 1; never given twice.
    pub number: u64,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// The first moment of what it announces.
    pub from: Timestamp,
    /// The first moment after; nothing where the end is open.
    pub until: Option<Timestamp>,
    /// What it says.
    pub text: Note,
}

impl OperationNotice {
    /// Whether it has nothing more to tell.
    pub fn is_past(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: &str = "0220113112101700";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hours(from: &str, to: &str) -> Option<ServiceHours> {
        Some(ServiceHours {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        })
    }

    #[test]
    fn an_exchange_waits_for_the_later_of_opening_and_delay() {
        let provider = PROVIDER.parse().unwrap();
        let (accepted, now) = (at("2026-11-22T00:00:00Z"), at("2026-11-22T00:10:00Z"));
        let mut plan = NetworkPlan::default();
        assert_eq!(plan.wait(provider, accepted, now), Wait::Over);
        let slow = ProviderPlan {
            delay_ms: 15 * 60_000,
            ..ProviderPlan::default()
        };
        plan.providers.insert(provider, slow);
        let five = Wait::For(SignedDuration::from_mins(5));
        assert_eq!(plan.wait(provider, accepted, now), five);
        plan.hours = hours("09:30", "17:00");
        let twenty = Wait::For(SignedDuration::from_mins(20));
        assert_eq!(plan.wait(provider, accepted, now), twenty);
        plan.stopped = true;
        assert_eq!(plan.wait(provider, accepted, now), Wait::UntilChanged);
        assert!(!plan.is_open(now));
    }

    #[test]
    fn a_closed_provider_and_one_out_of_reach_are_told_apart() {
        let now = at("2026-11-22T00:00:00Z");
        let of = |hours, trouble| ProviderPlan {
            hours,
            trouble,
            delay_ms: 0,
        };
        let closed = of(hours("10:00", "17:00"), Trouble::Unreachable);
        assert_eq!(closed.answers(1, now), Err(ResultCode::OutsideServiceHours));
        let gone = of(hours("09:00", "17:00"), Trouble::Unreachable);
        assert_eq!(gone.answers(1, now), Err(ResultCode::CommunicationError));
        let losing = of(None, Trouble::LosesEvery(3));
        let lost: Vec<_> = (1..=7)
            .filter(|n| losing.answers(*n, now).is_err())
            .collect();
        assert_eq!(lost, [3, 6]);
    }
}
