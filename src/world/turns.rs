//! Places for exchanges under way. Where institutions wait for one, they take turns: however many exchanges one of them
//! has waiting, another waits for one of them at most.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::domain::codes::InstitutionCode;

/// A number of places, shared by institutions.
#[derive(Debug)]
pub(super) struct Turns {
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    free: usize,
    /// No queue is empty.
    waiting: BTreeMap<InstitutionCode, VecDeque<oneshot::Sender<Place>>>,
    /// Who had the last turn.
    last: Option<InstitutionCode>,
}

/// The right to one exchange; dropping it gives the next institution its turn.
#[derive(Debug)]
pub(super) struct Place {
    turns: Arc<Turns>,
    is_passed_on: bool,
}

impl Turns {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            line: Mutex::new(Line {
                free: places,
                waiting: BTreeMap::new(),
                last: None,
            }),
        })
    }

    /// Waits for the institution's turn. When the caller stops waiting, the turn goes on to the next.
    pub(super) async fn take(self: &Arc<Self>, institution: InstitutionCode) -> Place {
        let turn = {
            let mut line = self.line();
            if line.free > 0 {
                line.free -= 1;
                return self.place();
            }
            let (sender, turn) = oneshot::channel();
            let queue = line.waiting.entry(institution).or_default();
            queue.push_back(sender);
            turn
        };
        match turn.await {
            Ok(place) => place,
            // A sender is dropped only after it was used.
            Err(_) => self.place(),
        }
    }

    fn place(self: &Arc<Self>) -> Place {
        Place {
            turns: Arc::clone(self),
            is_passed_on: false,
        }
    }

    fn give_back(self: &Arc<Self>) {
        loop {
            let next = {
                let mut line = self.line();
                let next = line.next();
                if next.is_none() {
                    line.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(self.place()) {
                Ok(()) => return,
                Err(mut place) => place.is_passed_on = true,
            }
        }
    }

    // Nobody leaves it half-changed.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `places` are free.
    #[cfg(test)]
    pub(super) async fn all_free(&self, places: usize) {
        while self.line().free < places {
            tokio::task::yield_now().await;
        }
    }
}

impl Line {
    /// The one who waits longest, of the institution after the last one.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        let after = self.last.and_then(|last| {
            let bounds = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
            self.waiting.range(bounds).next().map(|(code, _)| *code)
        });
        let institution = after.or_else(|| self.waiting.keys().next().copied())?;
        let queue = self.waiting.get_mut(&institution)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&institution);
        }
        self.last = Some(institution);
        next
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_passed_on {
            self.turns.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn institution(n: u32) -> InstitutionCode {
        format!("99000000000{n:05}").parse().unwrap()
    }

    #[tokio::test]
    async fn an_institution_that_floods_waits_as_long_as_the_others() {
        let turns = Turns::new(1);
        let first = turns.take(institution(1)).await;
        let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
        let asking = [1, 1, 1, 1, 2, 3, 2];
        for n in asking {
            let (turns, told) = (Arc::clone(&turns), told.clone());
            tokio::spawn(async move {
                let place = turns.take(institution(n)).await;
                told.send(n).unwrap();
                drop(place);
            });
        }
        let waiting = || -> usize { turns.line().waiting.values().map(VecDeque::len).sum() };
        while asking.len() != waiting() {
            tokio::task::yield_now().await;
        }
        drop(first);
        let mut served = Vec::new();
        for _ in asking {
            served.push(order.recv().await.unwrap());
        }
        assert_eq!(served, [1, 2, 3, 1, 2, 1, 1]);
        turns.all_free(1).await;
    }

    #[tokio::test]
    async fn a_turn_that_nobody_waits_for_any_more_goes_on_to_the_next() {
        let turns = Turns::new(1);
        let first = turns.take(institution(1)).await;
        let mut left = Vec::new();
        for n in [1, 2, 3] {
            let turns = Arc::clone(&turns);
            left.push(tokio::spawn(async move {
                turns.take(institution(n)).await;
            }));
        }
        while turns.line().waiting.len() < left.len() {
            tokio::task::yield_now().await;
        }
        for waiting in &left[..2] {
            waiting.abort();
        }
        for waiting in left.drain(..2) {
            assert!(waiting.await.is_err());
        }
        drop(first);
        left.remove(0).await.unwrap();
        turns.all_free(1).await;
    }
}
