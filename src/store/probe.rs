//! What tests see and break of the durability path.

use std::path::Path;
use std::sync::Mutex;

use super::fault::{During, StoreFault};

#[derive(Default)]
pub(super) struct Probe {
    steps: Mutex<Vec<&'static str>>,
    broken: Mutex<Option<&'static str>>,
}

impl Probe {
    pub(super) fn step(&self, step: &'static str, file: &Path) -> Result<(), StoreFault> {
        self.steps.lock().unwrap().push(step);
        if self
            .broken
            .lock()
            .unwrap()
            .take_if(|broken| *broken == step)
            .is_some()
        {
            return Err(std::io::Error::other("broken by the test")).during(step, file);
        }
        Ok(())
    }

    pub(super) fn break_next(&self, step: &'static str) {
        *self.broken.lock().unwrap() = Some(step);
    }

    pub(super) fn take_steps(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.steps.lock().unwrap())
    }
}
