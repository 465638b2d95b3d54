//! Places for work under way. Where institutions wait for one, they take turns: however much one of them has waiting, another waits
//! for one piece of it at most, and shares the processor with a few pieces only.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, oneshot};

use crate::domain::codes::InstitutionCode;

/// An institution that took a place so long ago or less is at work (ours).
const AT_WORK: Duration = Duration::from_secs(1);

/// An institution that has more waiting than this is behind with its work (ours).
const BEHIND: usize = 64;

/// A number of places, shared by institutions.
#[derive(Debug)]
pub(super) struct Turns {
    line: Mutex<Line>,
    /// Told whenever a place becomes free.
    moved: Notify,
}

#[derive(Debug)]
struct Line {
    free: usize,
    /// How many places an institution may have while others are at work: with more, it would share processor and disk with them
    /// out of proportion.
    beside_others_max: usize,
    /// No queue is empty.
    waiting: BTreeMap<InstitutionCode, VecDeque<oneshot::Sender<Place>>>,
    /// How many places each has, and when it took the last one.
    at_work: BTreeMap<InstitutionCode, (usize, Instant)>,
    /// Who had the last turn.
    last: Option<InstitutionCode>,
}

/// The right to one of them; dropping it gives the next institution its turn.
#[derive(Debug)]
pub(super) struct Place {
    turns: Arc<Turns>,
    institution: InstitutionCode,
    is_given_back: bool,
}

impl Turns {
    /// So many places, and how many of them an institution may have while others are at work.
    pub(super) fn new(places: usize, beside_others_max: usize) -> Arc<Self> {
        Arc::new(Self {
            line: Mutex::new(Line {
                free: places,
                beside_others_max,
                waiting: BTreeMap::new(),
                at_work: BTreeMap::new(),
                last: None,
            }),
            moved: Notify::new(),
        })
    }

    /// Waits while the institution is behind with its work and some other at work is not: it may not take on more.
    pub(super) async fn caught_up(&self, institution: InstitutionCode) {
        loop {
            let moved = self.moved.notified();
            if !self.line().comes_last(institution) {
                return;
            }
            moved.await;
        }
    }

    /// Waits for the institution's turn. When the caller stops waiting, the turn goes on to the next.
    pub(super) async fn take(self: &Arc<Self>, institution: InstitutionCode) -> Place {
        let turn = {
            let mut line = self.line();
            let (sender, turn) = oneshot::channel();
            let queue = line.waiting.entry(institution).or_default();
            queue.push_back(sender);
            turn
        };
        self.go_on();
        match turn.await {
            Ok(place) => place,
            // A sender is dropped only after it was used.
            Err(_) => {
                self.line().seat(institution);
                self.place(institution)
            }
        }
    }

    /// How many have a place, and how many wait for one.
    pub(super) fn lengths(&self) -> (usize, usize) {
        let line = self.line();
        let under_way = line.at_work.values().map(|(held, _)| held).sum();
        (under_way, line.waiting.values().map(VecDeque::len).sum())
    }

    fn place(self: &Arc<Self>, institution: InstitutionCode) -> Place {
        Place {
            turns: Arc::clone(self),
            institution,
            is_given_back: false,
        }
    }

    /// Gives free places to those whose turn it is.
    fn go_on(self: &Arc<Self>) {
        loop {
            let Some((institution, next)) = self.line().next() else {
                return;
            };
            if let Err(mut place) = next.send(self.place(institution)) {
                // Nobody waits for it any more. Its drop would come back here once for each of them.
                place.is_given_back = true;
                self.line().leave(institution);
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
    /// The one who waits longest, of the institution after the last one that may have a place; the place is taken.
    fn next(&mut self) -> Option<(InstitutionCode, oneshot::Sender<Place>)> {
        if self.free == 0 {
            return None;
        }
        let after = self.last.and_then(|last| {
            let bounds = (Bound::Excluded(last), Bound::Unbounded);
            let mut after = self.waiting.range(bounds).map(|(code, _)| *code);
            after.find(|code| self.may_have(*code))
        });
        let institution = after.or_else(|| {
            let mut all = self.waiting.keys().copied();
            all.find(|code| self.may_have(*code))
        })?;
        let queue = self.waiting.get_mut(&institution)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&institution);
        }
        self.last = Some(institution);
        self.seat(institution);
        Some((institution, next?))
    }

    /// Alone, every place; beside others a few; one, when it is behind with its work and some other is not.
    fn may_have(&self, institution: InstitutionCode) -> bool {
        let held = self.at_work.get(&institution).map_or(0, |(held, _)| *held);
        let max = if self.comes_last(institution) {
            1
        } else {
            self.beside_others_max
        };
        held < max || self.others(institution).next().is_none()
    }

    fn comes_last(&self, institution: InstitutionCode) -> bool {
        let mut others = self.others(institution);
        self.is_behind(institution) && others.any(|other| !self.is_behind(other))
    }

    /// The others at work.
    fn others(&self, institution: InstitutionCode) -> impl Iterator<Item = InstitutionCode> {
        let all = self.waiting.keys().chain(self.at_work.keys());
        all.copied().filter(move |code| *code != institution)
    }

    fn is_behind(&self, institution: InstitutionCode) -> bool {
        let waiting = self.waiting.get(&institution);
        waiting.is_some_and(|waiting| waiting.len() > BEHIND)
    }

    fn seat(&mut self, institution: InstitutionCode) {
        self.free = self.free.saturating_sub(1);
        let now = Instant::now();
        let (held, latest) = self.at_work.entry(institution).or_insert((0, now));
        *held += 1;
        *latest = now;
    }

    fn leave(&mut self, institution: InstitutionCode) {
        self.free += 1;
        if let Some((held, _)) = self.at_work.get_mut(&institution) {
            *held -= 1;
        }
        let is_at_work = |held: usize, latest: Instant| held > 0 || latest.elapsed() < AT_WORK;
        self.at_work
            .retain(|_, (held, latest)| is_at_work(*held, *latest));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_given_back {
            self.turns.line().leave(self.institution);
            self.turns.go_on();
            self.turns.moved.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BESIDE: usize = 8;

    fn institution(n: u32) -> InstitutionCode {
        format!("99000000000{n:05}").parse().unwrap()
    }

    #[tokio::test]
    async fn an_institution_that_floods_waits_as_long_as_the_others() {
        let turns = Turns::new(1, BESIDE);
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
        assert_eq!(served, [2, 3, 1, 2, 1, 1, 1]);
        turns.all_free(1).await;
    }

    #[tokio::test]
    async fn a_turn_that_nobody_waits_for_any_more_goes_on_to_the_next() {
        let turns = Turns::new(1, BESIDE);
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

    #[tokio::test]
    async fn one_that_is_behind_takes_on_more_when_the_others_are_done_or_its_work_is() {
        let turns = Turns::new(1, BESIDE);
        let first = turns.take(institution(2)).await;
        let mut waiting = Vec::new();
        for _ in 0..=BEHIND {
            let turns = Arc::clone(&turns);
            waiting.push(tokio::spawn(
                async move { turns.take(institution(1)).await },
            ));
        }
        while turns.lengths().1 < waiting.len() {
            tokio::task::yield_now().await;
        }
        turns.caught_up(institution(2)).await;
        let mut more = std::pin::pin!(turns.caught_up(institution(1)));
        assert!(poll_once(more.as_mut()).await.is_none(), "it is behind");
        drop(first);
        let place = waiting.remove(0).await.unwrap();
        more.await;
        drop(place);
        for waiting in waiting {
            drop(waiting.await.unwrap());
        }
        turns.all_free(1).await;
    }

    #[tokio::test]
    async fn an_institution_has_every_place_while_it_is_alone_and_a_few_beside_others() {
        let turns = Turns::new(3 * BESIDE, BESIDE);
        let mut alone = Vec::new();
        for _ in 0..2 * BESIDE {
            alone.push(turns.take(institution(1)).await);
        }
        let other = turns.take(institution(2)).await;
        let mut more = std::pin::pin!(turns.take(institution(1)));
        assert!(
            poll_once(more.as_mut()).await.is_none(),
            "it has more than its share"
        );
        alone.truncate(BESIDE);
        assert!(poll_once(more.as_mut()).await.is_none(), "it has its share");
        alone.truncate(BESIDE - 1);
        let more = poll_once(more.as_mut()).await.unwrap();
        drop((alone, other, more));
        turns.all_free(3 * BESIDE).await;
    }

    async fn poll_once<T>(waiting: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        tokio::select! {
            biased;
            done = waiting => Some(done),
            () = std::future::ready(()) => None,
        }
    }

    /// A line in which institutions have so many waiting and so many places.
    fn line(free: usize, each: &[(usize, usize)]) -> Line {
        let mut line = Line {
            free,
            beside_others_max: BESIDE,
            waiting: BTreeMap::new(),
            at_work: BTreeMap::new(),
            last: None,
        };
        for (n, (waiting, held)) in (1..).zip(each) {
            let senders = (0..*waiting).map(|_| oneshot::channel().0);
            if *waiting > 0 {
                line.waiting.insert(institution(n), senders.collect());
            }
            line.at_work.insert(institution(n), (*held, Instant::now()));
        }
        line
    }

    /// How many places each has when nobody may have one more.
    fn seated(mut line: Line, all: u32) -> Vec<usize> {
        while line.next().is_some() {}
        let held = |n| {
            line.at_work
                .get(&institution(n))
                .map_or(0, |(held, _)| *held)
        };
        (1..=all).map(held).collect()
    }

    #[test]
    fn one_that_is_behind_has_one_place_beside_one_that_is_not_and_its_share_beside_its_like() {
        let behind = 2 * BEHIND;
        assert_eq!(seated(line(512, &[(behind, 0), (4, 0)]), 2), [1, 4]);
        assert_eq!(seated(line(512, &[(behind, 0), (0, 0)]), 2), [1, 0]);
        let alike = seated(line(512, &[(behind, 0), (behind, 0)]), 2);
        assert_eq!(alike, [BESIDE, BESIDE]);
        assert_eq!(seated(line(512, &[(behind, 0)]), 1), [behind]);
    }

    proptest! {
        #[test]
        fn nobody_starves_and_who_is_not_behind_waits_for_nobody(
            free in 1..600_usize,
            each in prop::collection::vec((0..200_usize, 0..20_usize), 2..6),
        ) {
            let all = u32::try_from(each.len()).unwrap();
            let wanted: usize = each.iter().map(|(waiting, _)| waiting.min(&BESIDE)).sum();
            let held = seated(line(free, &each), all);
            if wanted <= free {
                for ((waiting, before), held) in each.iter().zip(held) {
                    prop_assert!(*waiting == 0 || held > 0, "somebody has no place at all");
                    let enough = (before + waiting).min(BESIDE);
                    prop_assert!(*waiting > BEHIND || held >= enough, "{} of {}", held, enough);
                }
            }
        }
    }
}
