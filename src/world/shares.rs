//! How much of something each institution has under way, and no more than its share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// At most so many at once for each name.
#[derive(Debug)]
pub struct Shares {
    each_max: usize,
    taken: Mutex<HashMap<String, usize>>,
}

/// One of a name's share; it is free again when this is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Arc<Shares>,
    name: String,
}

impl Shares {
    /// `each_max` at once for each name.
    pub fn new(each_max: usize) -> Arc<Self> {
        Arc::new(Self {
            each_max,
            taken: Mutex::default(),
        })
    }

    /// One of the share of `name`; nothing when it has as many as it may.
    pub fn take(self: &Arc<Self>, name: &str) -> Option<Share> {
        let mut taken = self.taken();
        match taken.get_mut(name) {
            Some(count) if *count >= self.each_max => return None,
            Some(count) => *count += 1,
            None => drop(taken.insert(name.to_owned(), 1)),
        }
        Some(Share {
            shares: Arc::clone(self),
            name: name.to_owned(),
        })
    }

    // Nobody leaves it half-changed.
    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        if let Some(count) = taken.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_share_and_takes_nothing_of_the_others() {
        let shares = Shares::new(2);
        let held = [shares.take("a"), shares.take("a")];
        assert!(held.iter().all(Option::is_some));
        assert!(shares.take("a").is_none());
        assert!(shares.take("b").is_some());
        drop(held);
        assert!(shares.take("a").is_some());
        assert!(
            shares.taken().is_empty(),
            "names that hold nothing are forgotten"
        );
    }
}
