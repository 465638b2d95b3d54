//! Whether the core system works, and whether a provider answers it, as the world's plan has it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use jiff::Timestamp;

use super::CoreSystem;
use crate::domain::{codes::InstitutionCode, network_plan::NetworkPlan, result::ResultCode};

/// The plan of the national network, and what was asked since it was set.
#[derive(Default)]
pub(super) struct Reach {
    plan: RwLock<Arc<NetworkPlan>>,
    asked: Mutex<BTreeMap<InstitutionCode, u64>>,
}

impl CoreSystem {
    /// How the national network behaves.
    pub fn plan(&self) -> Arc<NetworkPlan> {
        let plan = self.reach.plan.read();
        Arc::clone(&plan.unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets how the national network behaves from now on, and counts the requests to each provider anew.
    pub fn set_plan(&self, plan: NetworkPlan) {
        let mut kept = self.reach.plan.write();
        **kept.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut()) = Arc::new(plan);
        let asked = self.reach.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether the provider answers a request now.
    ///
    /// # Errors
    /// How the exchange ends instead.
    pub(super) fn reaches(
        &self,
        provider: InstitutionCode,
        now: Timestamp,
    ) -> Result<(), ResultCode> {
        let plan = self.plan();
        let Some(of_it) = plan.providers.get(&provider) else {
            return Ok(());
        };
        let mut asked = self
            .reach
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(provider).or_default();
        *count += 1;
        of_it.answers(*count, now)
    }
}
