//! 経過: the steps of each exchange, with the rule that decided each. In memory, bounded, without payloads.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::domain::names::ProcessingSerial;

/// Of how many exchanges the journal keeps the steps.
const EXCHANGES_MAX: usize = 10_000;

/// One step of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it began, by the world's clock.
    pub at: Timestamp,
    /// How long it took, by the computer's clock.
    pub took: Duration,
    /// Who acted: `core` or a 機関コード.
    pub actor: String,
    /// The act.
    pub act: &'static str,
    /// The rule that decided, or the record that was written.
    pub rule: String,
    /// What came of it, in Japanese.
    pub outcome: String,
}

/// The steps of the latest exchanges.
#[derive(Default)]
pub(super) struct Journal {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    steps: HashMap<ProcessingSerial, Vec<Step>>,
    order: VecDeque<ProcessingSerial>,
}

impl Journal {
    pub(super) fn add(&self, serial: ProcessingSerial, steps: Vec<Step>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.steps.contains_key(&serial) {
            kept.order.push_back(serial);
        }
        kept.steps.entry(serial).or_default().extend(steps);
        if kept.order.len() > EXCHANGES_MAX
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.steps.remove(&oldest);
        }
    }

    pub(super) fn steps(&self, serial: ProcessingSerial) -> Option<Vec<Step>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.steps.get(&serial).cloned()
    }
}
